// SPDX-License-Identifier: Apache-2.0

package log

import (
	"context"
	"encoding/binary"
	"fmt"
)

// Wait returns nil when the record at pos is durable. An error that matches ErrFailed means that its outcome is
// unknown; an error of ctx says nothing about the record, and Wait may be called again.
func (l *Log) Wait(ctx context.Context, pos Position) error {
	if pos < l.Durable() {
		return nil
	}
	out, err := l.outcomeOf(pos)
	if out == nil {
		return err
	}
	return out.wait(ctx)
}

func (o *outcome) wait(ctx context.Context) error {
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// outcomeOf finds the batch that holds pos; nil, nil when it is durable already.
func (l *Log) outcomeOf(pos Position) (*outcome, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case pos < l.Durable():
		return nil, nil
	case l.failure != nil:
		return nil, l.failure
	case l.flushing != nil && pos < l.flushing.end:
		return l.flushing.out, nil
	case pos < l.filling.end:
		return l.filling.out, nil
	}
	return nil, fmt.Errorf("log: nothing was appended at %d: %w", pos, ErrNotDurable)
}

// Flush makes all that was appended before the call durable, whatever time its records would have had.
func (l *Log) Flush(ctx context.Context) error {
	out, err := l.newestOutcome()
	if out == nil {
		return err
	}
	return out.wait(ctx)
}

// newestOutcome hurries the newest batch that holds anything; nil, nil when there is none.
func (l *Log) newestOutcome() (*outcome, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.failure != nil:
		return nil, l.failure
	case !l.filling.empty():
		l.urgentLocked(l.filling)
		return l.filling.out, nil
	case l.flushing != nil:
		return l.flushing.out, nil
	}
	return nil, nil
}

// syncLoop is the syncer: it takes what is there, makes it durable, publishes it, and begins again.
func (l *Log) syncLoop() {
	defer l.joined.Done()
	for {
		b, last := l.takeBatch()
		if b == nil {
			return
		}
		if err := l.writeBatch(b); err != nil {
			l.fail(err)
			return
		}
		l.publish(b)
		if last {
			return
		}
	}
}

// takeBatch waits for work and swaps the buffers. It returns nil when the log failed; last is true for the final
// batch of a closing log, which ends with a synced mark.
func (l *Log) takeBatch() (b *batch, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.filling.urgent && !l.closing && !l.markDueLocked() && l.failure == nil {
		l.work.Wait()
	}
	if l.failure != nil {
		return nil, false
	}
	b = l.filling
	if b.empty() { // the log closes or is idle: all that is left to write is a mark
		l.addMarkLocked(b)
		last = l.closing
		b.bare = !last
	}
	l.markable = false
	l.flushing = b
	l.filling = newBatch(l.free, l.opts.BufferSize)
	l.free = nil
	l.room.Broadcast()
	return b, last
}

// markDueLocked: the log is idle, its last batch is durable, and nothing on disk says so yet.
func (l *Log) markDueLocked() bool {
	return l.markable && l.filling.empty() && l.offset+frameHeader <= l.active.limit()
}

func (l *Log) addMarkLocked(b *batch) {
	if l.offset+frameHeader > l.active.limit() || !b.fits(frameHeader) {
		return
	}
	putHeader(b.grow(frameHeader), kindMark, l.active.base+Position(l.offset), 0)
	b.add(l.active, l.offset, frameHeader)
	b.count--
	l.offset += frameHeader
}

// idleDue runs when nothing was appended for a while.
func (l *Log) idleDue() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flushing == nil && l.filling.empty() {
		l.markable = true
		l.work.Signal()
	}
}

// writeBatch completes the frames and writes them, chunk by chunk: a chunk is durable before the next one, which
// belongs to a later segment, is written.
func (l *Log) writeBatch(b *batch) error {
	synced := l.Durable()
	for _, c := range b.chunks {
		raw := b.buf[c.from:c.to]
		for rest := raw; len(rest) > 0; {
			var size int64
			l.chain, size = sealFrame(rest, l.seed, l.chain, synced)
			rest = rest[size:]
		}
		if len(raw) > 0 {
			if _, err := c.seg.file.WriteAt(raw, c.off); err != nil {
				return fmt.Errorf("log: write of %d bytes at %d of %s: %w", len(raw), c.off, c.seg.name, err)
			}
		}
		if c.seal {
			if err := l.writeFooter(c.seg, synced); err != nil {
				return err
			}
		}
		if b.bare {
			return nil
		}
		if err := c.seg.file.Sync(); err != nil {
			return fmt.Errorf("log: sync of %s: %w", c.seg.name, err)
		}
		if c.seal {
			synced = c.seg.next()
			c.seg.sealed.Store(true)
			if l.opts.OnSeal != nil {
				l.opts.OnSeal(c.seg.describe())
			}
		}
	}
	return nil
}

func (l *Log) writeFooter(s *segment, synced Position) error {
	var b [footerSize]byte
	at := s.capacity - footerSize
	putHeader(b[:], kindSeal, s.base+Position(at), footerSize-frameHeader)
	binary.LittleEndian.PutUint64(b[frameHeader:], uint64(s.base)+uint64(s.end.Load()))
	l.chain, _ = sealFrame(b[:], l.seed, l.chain, synced)
	if _, err := s.file.WriteAt(b[:], at); err != nil {
		return fmt.Errorf("log: write of the footer of %s: %w", s.name, err)
	}
	return nil
}

// publish moves the durable mark, tells the engine, then lets the waiters go.
func (l *Log) publish(b *batch) {
	if !b.bare && !b.empty() {
		st := *l.newest.Load()
		st.batches++
		st.records += b.count
		st.bytes += uint64(len(b.buf))
		l.newest.Store(&st)
		l.durable.Store(int64(b.end))
		if l.opts.OnDurable != nil {
			l.opts.OnDurable(b.end)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure != nil {
		return // the preparer failed meanwhile, and the waiters have been told
	}
	close(b.out.done)
	l.flushing = nil
	l.free = b.buf
	if l.filling.empty() && !b.bare {
		l.idle.Reset(idleMarkAfter)
	}
	l.room.Broadcast()
}

// fail ends the log: nothing that is not durable by now will be known to be.
func (l *Log) fail(cause error) {
	l.mu.Lock()
	if l.failure != nil {
		l.mu.Unlock()
		return
	}
	l.failure = fmt.Errorf("%w: %w", ErrFailed, cause)
	for _, b := range []*batch{l.flushing, l.filling} {
		if b != nil {
			b.out.err = l.failure
			close(b.out.done)
		}
	}
	l.flushing = nil
	failure := l.failure
	l.work.Broadcast()
	l.room.Broadcast()
	l.mu.Unlock()
	if l.opts.OnFailed != nil {
		l.opts.OnFailed(failure)
	}
}
