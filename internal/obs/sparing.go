// SPDX-License-Identifier: Apache-2.0

package obs

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// sparingEvery is the time between two lines of one kind.
const sparingEvery = time.Second

// Sparing writes lines with one message at most once a second of each kind, and says how many it left out: a client that is refused asks again at once,
// and one alone would fill a log. Lines below info are written all: who asked for them gets them.
type Sparing struct {
	slog.Handler
	message string
	by      []string
	kinds   *kinds
}

// NewSparing spares lines with a message. Those whose attributes named in by have the same values are of one kind; there must be few of them, since none is forgotten.
func NewSparing(h slog.Handler, message string, by ...string) *Sparing {
	return &Sparing{h, message, by, &kinds{last: make(map[string]told)}}
}

// Handle writes a line, or counts it.
func (s *Sparing) Handle(ctx context.Context, r slog.Record) error {
	if r.Message != s.message || r.Level < slog.LevelInfo {
		return s.Handler.Handle(ctx, r)
	}
	kind := ""
	r.Attrs(func(a slog.Attr) bool {
		if slices.Contains(s.by, a.Key) {
			kind += a.Value.String() + "\n"
		}
		return true
	})
	left, ok := s.kinds.admit(kind, r.Time)
	if !ok {
		return nil
	}
	if left > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("left_out", left))
	}
	return s.Handler.Handle(ctx, r)
}

// WithAttrs is slog's; what it gives spares together with this one.
func (s *Sparing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Sparing{s.Handler.WithAttrs(attrs), s.message, s.by, s.kinds}
}

// WithGroup is slog's; what it gives spares together with this one.
func (s *Sparing) WithGroup(name string) slog.Handler {
	return &Sparing{s.Handler.WithGroup(name), s.message, s.by, s.kinds}
}

type kinds struct {
	mu   sync.Mutex // guards last
	last map[string]told
}

// told is the newest line of a kind, and how many were left out since.
type told struct {
	at   time.Time
	left int
}

// admit tells whether a line is written now, and how many were left out since the last one of its kind.
func (k *kinds) admit(kind string, now time.Time) (left int, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	was, known := k.last[kind]
	if known && now.Sub(was.at) < sparingEvery {
		was.left++
		k.last[kind] = was
		return 0, false
	}
	k.last[kind] = told{at: now}
	return was.left, true
}
