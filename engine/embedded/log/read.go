// SPDX-License-Identifier: Apache-2.0

package log

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"
)

// readAhead is how much Read asks for at once when the caller's buffer does not tell more.
const readAhead = 4 << 10

// Read returns the payload of the record at pos. The result lies in buf if its capacity suffices for payload and
// header, else in a new buffer; a capacity near the record's size makes it one call to the disk. Read serves durable
// records only, verified, at any time and from any goroutine.
func (l *Log) Read(pos Position, buf []byte) ([]byte, error) {
	s, err := l.locate(pos)
	if err != nil {
		return nil, err
	}
	if cap(buf) < readAhead {
		buf = make([]byte, readAhead)
	}
	off := int64(pos - s.base)
	b, err := readUpTo(s, buf[:min(int64(cap(buf)), s.capacity-off)], off)
	if err != nil {
		return nil, err
	}
	f, ok := parseHeader(b, pos)
	if !ok || f.kind != kindData || f.size() > s.capacity-off {
		l.fence(s, off, "no record where one was")
		return nil, fmt.Errorf("log: no record at offset %d of %s: %w", off, s.name, ErrDamaged)
	}
	if have := len(b); have < frameHeader+f.payload {
		grown := make([]byte, f.size())
		copy(grown, b)
		rest, err := readUpTo(s, grown[have:], off+int64(have))
		if err != nil {
			return nil, err
		}
		b = grown[:have+len(rest)]
	}
	if len(b) < frameHeader+f.payload || !f.intact(b, l.seed) {
		l.fence(s, off, "checksum mismatch")
		return nil, fmt.Errorf("log: checksum mismatch at offset %d of %s: %w", off, s.name, ErrDamaged)
	}
	return b[frameHeader : frameHeader+f.payload], nil
}

// readUpTo fills b from off; a shorter result means the end of the file.
func readUpTo(s *segment, b []byte, off int64) ([]byte, error) {
	n, err := s.file.ReadAt(b, off)
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return b[:n], nil
	case errors.Is(err, fs.ErrClosed):
		return nil, fmt.Errorf("log: %s was dropped: %w", s.name, ErrGone)
	}
	return nil, fmt.Errorf("log: read at %d of %s: %w", off, s.name, err)
}

// locate finds the segment of a durable position that nobody knows to be damaged.
func (l *Log) locate(pos Position) (*segment, error) {
	if pos >= l.Durable() {
		return nil, fmt.Errorf("log: position %d, durable is %d: %w", pos, l.Durable(), ErrNotDurable)
	}
	segs := *l.segs.Load()
	i := sort.Search(len(segs), func(i int) bool { return segs[i].base > pos }) - 1
	if i < 0 {
		return nil, fmt.Errorf("log: position %d, the log begins at %d: %w", pos, segs[0].base, ErrGone)
	}
	s := segs[i]
	if off := int64(pos - s.base); off < segmentHeader || off >= s.limit() || off%frameAlign != 0 {
		return nil, fmt.Errorf("log: no record can stand at offset %d of %s: %w", off, s.name, ErrDamaged)
	}
	if d, bad := damageAt(*l.damage.Load(), pos); bad {
		return nil, fmt.Errorf("log: %s: %w", d, ErrDamaged)
	}
	return s, nil
}

// fence adds what lies between a record that is broken and the next whole one to the damaged ranges. What the caller
// believed to be the start of a record is believed here too; a range never covers the start of a whole one.
func (l *Log) fence(s *segment, off int64, why string) {
	limit := min(s.limit(), int64(l.Durable()-s.base))
	w := l.walker(s, limit)
	_, _, whole, err := w.frameAt(off)
	if whole || err != nil {
		return // a mark, or the disk answers differently now
	}
	to, err := w.search(off + frameAlign)
	if err != nil {
		return // the reader gets its error in any case
	}
	l.addDamage(Damage{File: s.name, Base: s.base, From: s.base + Position(off), To: s.base + Position(to), Reason: why})
}
