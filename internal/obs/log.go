// SPDX-License-Identifier: Apache-2.0

// Package obs sets up what a process tells about itself.
package obs

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// Logger is a slog.Logger whose level can be changed while the process runs.
type Logger struct {
	*slog.Logger
	level *slog.LevelVar
}

// NewLogger writes to w: text when w is a terminal, JSON otherwise. Durations are written as people read them, "35s", in both, and so is what has a String of its own:
// JSON would make an empty object of a name whose type keeps its text to itself.
func NewLogger(w io.Writer, level slog.Level) *Logger {
	at := new(slog.LevelVar)
	at.Set(level)
	opts := &slog.HandlerOptions{Level: at, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch v := a.Value.Any().(type) {
		case time.Duration:
			a.Value = slog.StringValue(v.String())
		case error, *slog.Source, slog.Level, time.Time: // the handler knows them
		case fmt.Stringer:
			a.Value = slog.StringValue(fmt.Sprint(v)) // which bears a nil pointer
		}
		return a
	}}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &Logger{slog.New(slog.NewTextHandler(w, opts)), at}
	}
	return &Logger{slog.New(slog.NewJSONHandler(w, opts)), at}
}

// Level is the present level.
func (l *Logger) Level() slog.Level { return l.level.Level() }

// SetLevel changes the level for every logger derived from this one.
func (l *Logger) SetLevel(v slog.Level) { l.level.Set(v) }

// ParseLevel accepts debug, info, warn or error, in any case.
func ParseLevel(s string) (slog.Level, error) {
	switch strings.ToLower(s) {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("log level %q: debug, info, warn or error", s)
}
