// SPDX-License-Identifier: Apache-2.0

package journal

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
func (j *Journal) used() int64 {
	segments := j.log.Segments()
	return j.appended.Load() - int64(segments[0].Base)
}

// spaceLeft refuses new messages near the limit.
func (j *Journal) spaceLeft() error {
	limit := j.opts.MaxBytes
	if limit == 0 {
		return nil
	}
	used := j.appended.Load() - j.oldest.Load()
	if used > limit-limit/spaceShort && used-j.lastShort.Load() > j.opts.SegmentBytes/8 {
		j.lastShort.Store(used)
		signal(j.toKeep)
	}
	if used < limit-limit/spaceReserve {
		return nil
	}
	signal(j.toKeep)
	return mq.Refuse(mq.StorageFull, "%d of %d bytes are in use and nothing can be removed yet", used, limit)
}

// short tells whether segments may go for space alone.
func (j *Journal) short() bool {
	limit := j.opts.MaxBytes
	return j.full.Load() || limit > 0 && j.used() > limit-limit/spaceShort
}

// fate is what becomes of one queue's part of a segment.
type fate struct {
	queue   record.Queue
	share   index.Share
	goes    bool
	settled bool // it goes for space alone, because every group settled it
}

// dropOldest drops the oldest segment if it may and should go, and tells whether it did.
func (j *Journal) dropOldest(ctx context.Context) bool {
	segments := j.log.Segments()
	j.oldest.Store(int64(segments[0].Base))
	if len(segments) < 2 || !segments[0].Sealed || j.published.Load() < int64(segments[0].End) {
		return false // what is not indexed yet cannot be judged; an index that found no room on a full disk can
	}
	oldest := segments[0]
	shares, err := j.index.Shares(oldest.Base)
	if err != nil {
		j.opts.Logger.Warn("retention: the index cannot be read", "why", j.Trouble(err))
		return false
	}
	fates, may := j.judge(shares)
	if !may || j.Now() < j.postponed[oldest.Base] {
		return false
	}
	if err := j.drop(ctx, oldest, fates); err != nil {
		j.postponed[oldest.Base] = j.Now() + int64(postponeFor)
		if j.short() {
			j.postponed[oldest.Base] = j.Now() + int64(postponeLess)
		}
		if ctx.Err() == nil && !errors.Is(err, errNotWorth) {
			j.opts.Logger.Warn("retention: a segment could not be dropped", "segment", oldest.Base, "why", err)
		}
		return false
	}
	delete(j.postponed, oldest.Base)
	j.oldest.Store(int64(j.log.Segments()[0].Base))
	j.opts.Logger.Info("retention: a segment was dropped", "segment", oldest.Base, "bytes", oldest.Bytes)
	return true
}

// judge decides which queues' parts go. may is false when most of the messages stay.
func (j *Journal) judge(shares []index.Share) (fates []fate, may bool) {
	short := j.short()
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.Now()
	var total, stay int64
	for _, sh := range shares {
		f := fate{queue: record.Queue{Topic: record.TopicID(sh.Queue / mq.MaxQueues), Queue: mq.QueueID(sh.Queue % mq.MaxQueues)}, share: sh}
		t := j.st.Topics[f.queue.Topic]
		if t == nil || sh.Count == 0 || t.Queue(f.queue.Queue) == nil {
			continue
		}
		total += int64(sh.Count)
		f.goes = sh.Newest <= now-int64(t.Retention(j.opts.Retention)) || int64(sh.End) <= t.Queues[f.queue.Queue].Lo
		f.settled = !f.goes && short && j.allSettled(t, f)
		f.goes = f.goes || f.settled
		if !f.goes {
			stay += int64(sh.Count)
		}
		fates = append(fates, f)
	}
	return fates, stay*2 <= total
}

// allSettled tells whether every group that reads the topic, and there is one, is past a part of a queue. It needs the lock.
func (j *Journal) allSettled(t *state.Topic, f fate) bool {
	for _, g := range t.Readers {
		if l := g.Ledgers[f.queue]; l == nil || l.Floor() < int64(f.share.End) {
			return false
		}
	}
	return len(t.Readers) > 0
}

// drop does what the opening comment says.
func (j *Journal) drop(ctx context.Context, s log.Segment, fates []fate) error {
	going := map[record.Queue]bool{}
	for _, f := range fates {
		going[f.queue] = f.goes
	}
	var lives int64
	err := j.scanSegment(ctx, s, func(pos log.Position, size int, p record.Part) error {
		if _, live := j.survivor(pos, p, going); live {
			lives += int64(size)
		}
		return nil
	})
	if err != nil {
		return err
	}
	j.mu.Lock()
	lives += int64(len(j.st.Core()))
	j.mu.Unlock()
	if lives*2 > int64(s.End-s.Base) {
		return errNotWorth
	}
	if err := j.moveBeginnings(fates); err != nil {
		return err
	}
	err = j.scanSegment(ctx, s, func(pos log.Position, _ int, p record.Part) error {
		part, live := j.survivor(pos, p, going)
		if !live {
			return nil
		}
		return j.carry(ctx, part)
	})
	if err == nil {
		err = j.carryState(ctx)
	}
	if err == nil {
		err = j.log.Drop(s.Base)
	}
	if err != nil {
		return err
	}
	return j.index.Drop(s.Base + log.Position(s.Bytes))
}

// moveBeginnings moves the beginnings of the queues whose part goes, and keeps what is leased below them.
func (j *Journal) moveBeginnings(fates []fate) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.Now()
	var parts []record.Part
	for _, f := range fates {
		t := j.st.Topics[f.queue.Topic]
		if !f.goes || t == nil || t.Queues[f.queue.Queue].Lo >= int64(f.share.End) {
			continue
		}
		if f.settled && !j.allSettled(t, f) {
			return errNotWorth // a group went back, or came, while the segment was read
		}
		x := record.Expire{Queue: f.queue, Lo: int64(f.share.End)}
		for _, g := range t.Readers {
			if l := g.Ledgers[f.queue]; l != nil {
				x.Keep = append(x.Keep, l.LeasedBelow(x.Lo, now)...)
			}
		}
		parts = append(parts, x)
		j.opts.Hooks.Expire(f.queue)
	}
	if len(parts) == 0 {
		return nil
	}
	_, err := j.Append(true, parts...)
	return err
}

// survivor tells whether a part of a record lives, and how it is written again.
func (j *Journal) survivor(pos log.Position, p record.Part, going map[record.Queue]bool) (record.Part, bool) {
	switch p := p.(type) {
	case record.Message:
		p.Carried = true
		return p, j.messageLives(pos, p, going)
	case record.Scheduled:
		if p.ID == 0 {
			p.ID = pos
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		entry, waits := j.st.Timers.Get(p.Due, p.ID)
		return p, waits && entry.At == pos
	case record.Half:
		if p.ID == 0 {
			p.ID = pos
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		h, lives := j.st.Halves.Get(p.ID)
		p.Next, p.Round = h.Next, int64(h.Round)
		return p, lives && h.At == pos
	case record.Verdict:
		return p, p.At > j.Now()-int64(j.opts.HalfLife)
	}
	return nil, false
}

func (j *Journal) messageLives(pos log.Position, p record.Message, going map[record.Queue]bool) bool {
	j.mu.Lock()
	t := j.st.Topics[p.Queue.Topic]
	lives := false
	if t != nil && t.Queue(p.Queue.Queue) != nil {
		lives = p.Offset >= t.Queues[p.Queue.Queue].Lo && !going[p.Queue]
		for _, g := range t.Readers {
			if l := g.Ledgers[p.Queue]; l != nil && !lives {
				entry, open := l.Get(p.Offset)
				lives = open && entry.Until > j.Now()
			}
		}
	}
	j.mu.Unlock()
	if !lives {
		return false
	}
	entry, ok, err := j.index.Get(Number(p.Queue), mq.Offset(p.Offset))
	return err != nil || ok && entry.Position == pos // a newer copy may be there
}

// carry writes a survivor again, unless it ended meanwhile.
func (j *Journal) carry(ctx context.Context, p record.Part) error {
	if j.Crowded() {
		if err := j.log.Flush(ctx); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch p := p.(type) {
	case record.Message:
		if j.st.Queue(p.Queue) == nil {
			return nil
		}
	case record.Scheduled:
		if _, waits := j.st.Timers.Get(p.Due, p.ID); !waits {
			return nil
		}
	case record.Half:
		if _, lives := j.st.Halves.Get(p.ID); !lives {
			return nil
		}
	}
	_, err := j.Append(true, p)
	return err
}

// carryState writes the whole state and waits until it and all before it is on disk.
func (j *Journal) carryState(ctx context.Context) error {
	size := int(min(256<<10, j.opts.SegmentBytes/8))
	j.mu.Lock()
	core := j.st.Core()
	var err error
	for i := int64(0); err == nil; i++ {
		piece := core[:min(size, len(core))]
		core = core[len(piece):]
		// Not followed: this is what the state is.
		_, err = j.writeLocked(record.Encode(nil, record.State{Piece: i, Last: len(core) == 0, Data: piece}), true)
		if len(core) == 0 {
			break
		}
	}
	last := j.last
	j.mu.Unlock()
	if err != nil {
		return err
	}
	return j.Wait(ctx, last)
}

// scanSegment gives every part of a segment's records to f. What f gets is valid during the call only.
func (j *Journal) scanSegment(ctx context.Context, s log.Segment, f func(pos log.Position, size int, p record.Part) error) error {
	behind := errors.New("behind the segment")
	err := j.log.Scan(s.Base, func(pos log.Position, payload []byte) error {
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
