// SPDX-License-Identifier: Apache-2.0

package log

import (
	"fmt"
	"time"
)

// Entry is one record to append.
type Entry struct {
	Size int // bytes of payload
	// Fill writes the payload into dst, which is Size bytes long and belongs to the log again when Fill returns.
	// It runs under the append lock, in the order of positions, so what it numbers is numbered in log order. It must
	// write every byte, must be short and must not call the log.
	Fill func(pos Position, dst []byte)
	// Within is how long this record alone may stay unsynced; zero means that a sync starts as soon as the syncer is
	// free. Any other record that asks for less takes this one along.
	Within time.Duration
	// Control marks a small record that frees space or settles what was promised; it may use the reserve.
	Control bool
}

// Append adds one record made of parts, which are only read and only until Append returns. It returns as soon as
// the record has its position; Wait tells when it is durable. Append blocks only while both batches are full or the
// next segment is being prepared. ErrFull, ErrTooLarge and ErrClosed are refusals: certainly not stored.
func (l *Log) Append(parts ...[]byte) (Position, error) {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	return l.AppendEntry(Entry{Size: size, Fill: func(_ Position, dst []byte) {
		for _, p := range parts {
			dst = dst[copy(dst, p):]
		}
	}})
}

// AppendFunc adds one record of size bytes that fill writes; see Entry.Fill.
func (l *Log) AppendFunc(size int, fill func(pos Position, dst []byte)) (Position, error) {
	return l.AppendEntry(Entry{Size: size, Fill: fill})
}

// AppendEntry adds one record; see Append for what it returns and when it blocks.
func (l *Log) AppendEntry(e Entry) (Position, error) {
	if e.Size < 0 || e.Size > l.opts.MaxRecord {
		return 0, fmt.Errorf("log: record of %d bytes, the limit is %d: %w", e.Size, l.opts.MaxRecord, ErrTooLarge)
	}
	size := frameSize(e.Size)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.makeRoomLocked(size, e.Control); err != nil {
		return 0, err
	}
	b := l.filling
	pos := l.active.base + Position(l.offset)
	frame := b.grow(size)
	putHeader(frame, kindData, pos, e.Size)
	e.Fill(pos, frame[frameHeader:frameHeader+e.Size:frameHeader+e.Size])
	clear(frame[frameHeader+e.Size:])
	b.add(l.active, l.offset, size)
	l.offset += size
	l.scheduleLocked(b, e.Within)
	return pos, nil
}

// makeRoomLocked returns when a frame of size bytes fits the filling batch and the active segment. It waits for the
// syncer or the preparer if it must, and rolls to the next segment.
func (l *Log) makeRoomLocked(size int64, control bool) error {
	for {
		switch {
		case l.failure != nil:
			return l.failure
		case l.closing:
			return ErrClosed
		case l.full && !control:
			return fmt.Errorf("log: no disk space for another segment of %d bytes: %w", l.opts.SegmentSize, ErrFull)
		case !control && l.next == nil && l.offset+size > l.active.limit()/2:
			l.wakePreparer() // which tells whether there is space: if not, the rest is for control records
			l.room.Wait()
		case !l.filling.fits(size):
			l.urgentLocked(l.filling)
			l.room.Wait()
		case l.offset+size <= l.active.limit():
			return nil
		case l.next != nil:
			l.rollLocked()
		case l.full && (!l.reserve || segmentHeader+size > l.opts.ReserveSize-footerSize):
			return fmt.Errorf("log: no disk space and the reserve of %d bytes is used up: %w", l.opts.ReserveSize, ErrFull)
		default:
			if l.full {
				l.dip = true
			}
			l.wakePreparer()
			l.room.Wait()
		}
	}
}

// rollLocked ends the active segment where it stands; the syncer writes its footer with the batch.
func (l *Log) rollLocked() {
	l.filling.seal(l.active, l.offset)
	l.active.end.Store(l.offset)
	l.active, l.next, l.offset = l.next, nil, segmentHeader
	segs := *l.segs.Load()
	grown := append(segs[:len(segs):len(segs)], l.active)
	l.segs.Store(&grown)
	l.wakePreparer()
}

func (l *Log) wakePreparer() {
	select {
	case l.prepare <- struct{}{}:
	default:
	}
}

// scheduleLocked sees to it that the syncer takes b no later than within from now.
func (l *Log) scheduleLocked(b *batch, within time.Duration) {
	if within <= 0 || len(b.buf) > b.most/2 {
		l.urgentLocked(b)
		return
	}
	if b.urgent {
		return
	}
	due := l.opts.Clock.Now().Add(within)
	if b.due.IsZero() || due.Before(b.due) {
		b.due = due
		l.lazy.Reset(within)
	}
}

func (l *Log) urgentLocked(b *batch) {
	if !b.urgent {
		b.urgent = true
		l.work.Signal()
	}
}

// lazyDue runs when the clock says that a record of a weaker level has waited long enough.
func (l *Log) lazyDue() {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.filling
	if b.due.IsZero() || b.urgent {
		return // the batch it was meant for is gone
	}
	if wait := b.due.Sub(l.opts.Clock.Now()); wait > 0 {
		l.lazy.Reset(wait)
		return
	}
	l.urgentLocked(b)
}
