// SPDX-License-Identifier: Apache-2.0

package log

import (
	"errors"
	"fmt"
	"io/fs"
	"sort"
)

// Scan calls fn for every record from the position from up to what is durable at the call, in order. The payload is
// valid during fn only. Damaged ranges are passed over; those that nobody knew of are added to Damage. An error of
// fn ends the scan and is returned.
func (l *Log) Scan(from Position, fn func(pos Position, payload []byte) error) error {
	until := l.Durable()
	for _, s := range *l.segs.Load() {
		if s.next() <= from || s.base >= until {
			continue
		}
		if err := l.scanSegment(s, max(from, s.base+segmentHeader), until, fn); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) scanSegment(s *segment, from, until Position, fn func(pos Position, payload []byte) error) error {
	limit := min(s.limit(), int64(until-s.base))
	if s.sealed.Load() {
		limit = min(limit, s.end.Load())
	}
	w := l.walker(s, limit)
	start, err := w.search(int64(from-s.base+frameAlign-1) &^ (frameAlign - 1))
	var t trail
	if err == nil {
		t, err = w.walk(start, func(f frame, payload []byte) error {
			if f.kind != kindData || f.pos >= until {
				return nil
			}
			if _, bad := damageAt(*l.damage.Load(), f.pos); bad {
				return nil
			}
			if err := fn(f.pos, payload); err != nil {
				return visitError{err}
			}
			return nil
		})
	}
	var stopped visitError
	switch {
	case errors.As(err, &stopped):
		return stopped.error
	case errors.Is(err, fs.ErrClosed):
		return fmt.Errorf("log: %s was dropped during a scan: %w", s.name, ErrGone)
	case err != nil:
		return fmt.Errorf("log: scan %s: %w", s.name, err)
	}
	if t.end < limit && start < limit {
		t.gaps = append(t.gaps, gap{suspect: t.end, to: limit, reason: "records are missing that were durable"})
	}
	for _, g := range t.gaps {
		l.addDamage(Damage{File: s.name, Base: s.base, From: s.base + Position(g.suspect), To: s.base + Position(g.to),
			Reason: g.reason})
	}
	return nil
}

// visitError carries an error of the caller's function through a walk, apart from errors of the disk.
type visitError struct{ error }

// Damage returns the damaged ranges that are known so far, ascending.
func (l *Log) Damage() []Damage { return *l.damage.Load() }

// addDamage adds a range that nobody knew of. Of two that overlap, the earlier one stays as it is.
func (l *Log) addDamage(d Damage) {
	if l.fenceOff(&d) && l.opts.OnDamage != nil {
		l.opts.OnDamage(d)
	}
}

func (l *Log) fenceOff(d *Damage) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := *l.damage.Load()
	for _, o := range old {
		switch {
		case o.From <= d.From && d.To <= o.To:
			return false
		case o.From <= d.From && d.From < o.To:
			d.From = o.To
		case d.From < o.From && o.From < d.To:
			d.To = o.From
		}
	}
	grown := append(old[:len(old):len(old)], *d)
	sort.Slice(grown, func(i, j int) bool { return grown[i].From < grown[j].From })
	l.damage.Store(&grown)
	return true
}

// Segments returns the segments in order; the last one takes appends.
func (l *Log) Segments() []Segment {
	segs := *l.segs.Load()
	list := make([]Segment, len(segs))
	for i, s := range segs {
		list[i] = s.describe()
		if !list[i].Sealed {
			list[i].End = max(l.Durable(), s.base)
		}
	}
	return list
}

// writeIdentityHeld needs drops.
func (l *Log) writeIdentityHeld(low Position) error {
	return writeIdentity(l.low, identity{version: formatVersion, id: l.id, low: low, synced: l.Durable()})
}

// Drop removes the oldest segment, which must be sealed and have the given base. Reads of its records fail with
// ErrGone from then on. The removal is durable when Drop returns; an error before that leaves it to the next Open.
func (l *Log) Drop(base Position) error {
	l.drops.Lock()
	defer l.drops.Unlock()
	segs := *l.segs.Load()
	oldest := segs[0]
	if oldest.base != base || !oldest.sealed.Load() || len(segs) < 2 {
		return fmt.Errorf("log: drop %s: only the oldest segment, %s, can be dropped, when it is sealed",
			segmentName(base), oldest.name)
	}
	if err := l.writeIdentityHeld(oldest.next()); err != nil {
		return err
	}
	l.mu.Lock()
	rest := (*l.segs.Load())[1:]
	l.segs.Store(&rest)
	l.mu.Unlock()
	err := oldest.file.Close()
	if err = errors.Join(err, l.opts.FS.Remove(oldest.name)); err == nil {
		err = l.opts.FS.SyncDir(".")
	}
	if err != nil {
		return fmt.Errorf("log: drop %s: %w", oldest.name, err)
	}
	l.wakePreparer()
	return nil
}
