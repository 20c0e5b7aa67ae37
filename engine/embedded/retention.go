// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"errors"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/index"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/state"
	"github.com/causeway-mq/causeway/mq"
)

// Only the oldest segment goes, and only when most of it is of no use: its messages are past their topic's age, or, where space
// is short, settled by every group that reads them. First the queues' beginnings are moved behind what goes, so that
// nobody takes it any more; then what lives in the segment is appended again (scheduled messages, halves, young verdicts,
// messages that are leased or whose topic keeps them longer), then the whole state; and when all of that is on disk, the segment
// is dropped. A crash in between leaves both copies, which are equal.
//
// A queue's part of a segment goes as a whole or is carried as a whole. What would mostly have to be carried stays: nothing is
// gained by writing it again.

const (
	spaceReserve = 16              // the last 1/16 of MaxBytes is for what settles and frees
	spaceShort   = 4               // from the last quarter on, segments are dropped for space
	postponeFor  = 5 * time.Minute // before a segment that was not worth dropping is judged again
	postponeLess = 2 * time.Second // the same while space is short
)

// errNotWorth means that too much of a segment lives.
var errNotWorth = errors.New("most of the segment lives")

// used is how much of the log is in use, in bytes.
func (e *Engine) used() int64 {
	segments := e.log.Segments()
	return e.appended.Load() - int64(segments[0].Base)
}

// spaceLeft refuses new messages near the limit.
func (e *Engine) spaceLeft() error {
	limit := e.opts.MaxBytes
	if limit == 0 {
		return nil
	}
	used := e.appended.Load() - e.oldest.Load()
	if used > limit-limit/spaceShort && used-e.lastShort.Load() > e.opts.SegmentBytes/8 {
		e.lastShort.Store(used)
		signal(e.toKeep)
	}
	if used < limit-limit/spaceReserve {
		return nil
	}
	signal(e.toKeep)
	return mq.Refuse(mq.StorageFull, "%d of %d bytes are in use and nothing can be removed yet", used, limit)
}

// short tells whether segments may go for space alone.
func (e *Engine) short() bool {
	limit := e.opts.MaxBytes
	return e.full.Load() || limit > 0 && e.used() > limit-limit/spaceShort
}

// fate is what becomes of one queue's part of a segment.
type fate struct {
	queue record.Queue
	share index.Share
	goes  bool
}

// dropOldest drops the oldest segment if it may and should go, and tells whether it did.
func (e *Engine) dropOldest(ctx context.Context) bool {
	segments := e.log.Segments()
	e.oldest.Store(int64(segments[0].Base))
	if len(segments) < 2 || !segments[0].Sealed || e.published.Load() < int64(segments[0].End) {
		return false // what is not indexed yet cannot be judged; an index that found no room on a full disk can
	}
	oldest := segments[0]
	shares, err := e.index.Shares(oldest.Base)
	if err != nil {
		e.journal.Warn("retention: the index cannot be read", "why", e.indexTrouble(err))
		return false
	}
	fates, may := e.judge(shares)
	if !may || e.now() < e.postponed[oldest.Base] {
		return false
	}
	if err := e.drop(ctx, oldest, fates); err != nil {
		e.postponed[oldest.Base] = e.now() + int64(postponeFor)
		if e.short() {
			e.postponed[oldest.Base] = e.now() + int64(postponeLess)
		}
		if ctx.Err() == nil && !errors.Is(err, errNotWorth) {
			e.journal.Warn("retention: a segment could not be dropped", "segment", oldest.Base, "why", err)
		}
		return false
	}
	delete(e.postponed, oldest.Base)
	e.oldest.Store(int64(e.log.Segments()[0].Base))
	e.journal.Info("retention: a segment was dropped", "segment", oldest.Base, "bytes", oldest.Bytes)
	return true
}

// judge decides which queues' parts go. may is false when most of the messages stay.
func (e *Engine) judge(shares []index.Share) (fates []fate, may bool) {
	short := e.short()
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	var total, stay int64
	for _, sh := range shares {
		f := fate{queue: record.Queue{Topic: record.TopicID(sh.Queue / mq.MaxQueues), Queue: mq.QueueID(sh.Queue % mq.MaxQueues)}, share: sh}
		t := e.st.Topics[f.queue.Topic]
		if t == nil || sh.Count == 0 || t.Queue(f.queue.Queue) == nil {
			continue
		}
		total += int64(sh.Count)
		f.goes = sh.Newest <= now-int64(t.Retention(e.opts.Retention)) || short && e.allSettled(t, f) ||
			int64(sh.End) <= t.Queues[f.queue.Queue].Lo
		if !f.goes {
			stay += int64(sh.Count)
		}
		fates = append(fates, f)
	}
	return fates, stay*2 <= total
}

// allSettled tells whether every group that reads the topic, and there is one, is past a part of a queue. It needs mu.
func (e *Engine) allSettled(t *state.Topic, f fate) bool {
	for _, g := range t.Readers {
		if l := g.Ledgers[f.queue]; l == nil || l.Floor() < int64(f.share.End) {
			return false
		}
	}
	return len(t.Readers) > 0
}

// drop does what the opening comment says.
func (e *Engine) drop(ctx context.Context, s log.Segment, fates []fate) error {
	going := map[record.Queue]bool{}
	for _, f := range fates {
		going[f.queue] = f.goes
	}
	var lives int64
	err := e.scanSegment(ctx, s, func(pos log.Position, size int, p record.Part) error {
		if _, live := e.survivor(pos, p, going); live {
			lives += int64(size)
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.mu.Lock()
	lives += int64(len(e.st.Core()))
	e.mu.Unlock()
	if lives*2 > int64(s.End-s.Base) {
		return errNotWorth
	}
	if err := e.moveBeginnings(fates); err != nil {
		return err
	}
	err = e.scanSegment(ctx, s, func(pos log.Position, _ int, p record.Part) error {
		part, live := e.survivor(pos, p, going)
		if !live {
			return nil
		}
		return e.carry(ctx, part)
	})
	if err == nil {
		err = e.carryState(ctx)
	}
	if err == nil {
		err = e.log.Drop(s.Base)
	}
	if err != nil {
		return err
	}
	return e.index.Drop(s.Base + log.Position(s.Bytes))
}

// moveBeginnings moves the beginnings of the queues whose part goes, and keeps what is leased below them.
func (e *Engine) moveBeginnings(fates []fate) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	var parts []record.Part
	for _, f := range fates {
		t := e.st.Topics[f.queue.Topic]
		if !f.goes || t == nil || t.Queues[f.queue.Queue].Lo >= int64(f.share.End) {
			continue
		}
		x := record.Expire{Queue: f.queue, Lo: int64(f.share.End)}
		for _, g := range t.Readers {
			if l := g.Ledgers[f.queue]; l != nil {
				x.Keep = append(x.Keep, l.LeasedBelow(x.Lo, now)...)
			}
		}
		parts = append(parts, x)
		e.voidClaimsLocked(func(l record.Ledger) bool { return l.Queue == f.queue })
	}
	if len(parts) == 0 {
		return nil
	}
	_, err := e.appendLocked(true, parts...)
	return err
}

// survivor tells whether a part of a record lives, and how it is written again.
func (e *Engine) survivor(pos log.Position, p record.Part, going map[record.Queue]bool) (record.Part, bool) {
	switch p := p.(type) {
	case record.Message:
		p.Carried = true
		return p, e.messageLives(pos, p, going)
	case record.Scheduled:
		if p.ID == 0 {
			p.ID = pos
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		entry, waits := e.st.Timers.Get(p.Due, p.ID)
		return p, waits && entry.At == pos
	case record.Half:
		if p.ID == 0 {
			p.ID = pos
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		h, lives := e.st.Halves.Get(p.ID)
		p.Next, p.Round = h.Next, int64(h.Round)
		return p, lives && h.At == pos
	case record.Verdict:
		return p, p.At > e.now()-int64(e.opts.HalfLife)
	}
	return nil, false
}

func (e *Engine) messageLives(pos log.Position, p record.Message, going map[record.Queue]bool) bool {
	e.mu.Lock()
	t := e.st.Topics[p.Queue.Topic]
	lives := false
	if t != nil && t.Queue(p.Queue.Queue) != nil {
		lives = p.Offset >= t.Queues[p.Queue.Queue].Lo && !going[p.Queue]
		for _, g := range t.Readers {
			if l := g.Ledgers[p.Queue]; l != nil && !lives {
				entry, open := l.Get(p.Offset)
				lives = open && entry.Until > e.now()
			}
		}
	}
	e.mu.Unlock()
	if !lives {
		return false
	}
	entry, ok, err := e.index.Get(number(p.Queue), mq.Offset(p.Offset))
	return err != nil || ok && entry.Position == pos // a newer copy may be there
}

// carry writes a survivor again, unless it ended meanwhile.
func (e *Engine) carry(ctx context.Context, p record.Part) error {
	if e.appended.Load()-int64(e.log.Durable()) > admitBytes {
		if err := e.log.Flush(ctx); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch p := p.(type) {
	case record.Message:
		if e.st.Queue(p.Queue) == nil {
			return nil
		}
	case record.Scheduled:
		if _, waits := e.st.Timers.Get(p.Due, p.ID); !waits {
			return nil
		}
	case record.Half:
		if _, lives := e.st.Halves.Get(p.ID); !lives {
			return nil
		}
	}
	_, err := e.appendLocked(true, p)
	return err
}

// carryState writes the whole state and waits until it and all before it is on disk.
func (e *Engine) carryState(ctx context.Context) error {
	size := int(min(256<<10, e.opts.SegmentBytes/8))
	e.mu.Lock()
	core := e.st.Core()
	var err error
	for i := int64(0); err == nil; i++ {
		piece := core[:min(size, len(core))]
		core = core[len(piece):]
		// Not followed: this is what the state is.
		_, err = e.writeLocked(record.Encode(nil, record.State{Piece: i, Last: len(core) == 0, Data: piece}), true)
		if len(core) == 0 {
			break
		}
	}
	last := e.last
	e.mu.Unlock()
	if err != nil {
		return err
	}
	return e.wait(ctx, last)
}

// scanSegment gives every part of a segment's records to f. What f gets is valid during the call only.
func (e *Engine) scanSegment(ctx context.Context, s log.Segment, f func(pos log.Position, size int, p record.Part) error) error {
	behind := errors.New("behind the segment")
	err := e.log.Scan(s.Base, func(pos log.Position, payload []byte) error {
		if pos >= s.End {
			return behind
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return record.Each(payload, func(p record.Part) error { return f(pos, len(payload), p) })
	})
	if errors.Is(err, behind) {
		return nil
	}
	return err
}
