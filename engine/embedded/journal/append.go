// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/index"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/state"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

// From append to visible. A record is appended and followed under mu; what becomes visible with it stands in pending until
// the log says that it is durable. Then publish, run by whoever comes first (the waiting caller, or the publisher where
// nobody waits), indexes it, moves the queues' ends and wakes. The log's hook itself only signals: it runs on the syncer, and an
// appender that holds mu may be waiting for that very syncer.

const (
	admitBytes   = 6 << 20         // appended and not durable, above which new messages wait outside the lock
	stallSheds   = 5 * time.Second // how long the oldest record may stay unsynced before new messages are refused
	maxGrantSize = 4 << 10         // room for a record that a verb other than Send writes, to begin with
)

// arrival is something that becomes visible when pos is durable.
type arrival struct {
	pos   log.Position
	topic topicRef // none for what only its keys make findable
	queue record.Queue
	entry index.Entry
	keys  []uint64
	half  log.Position // the half that a verdict settled, 0 = none
	at    int64        // stored
}

// topicRef is what publishing needs of a topic.
type topicRef struct {
	name mq.Physical
	id   record.TopicID
}

// arrivals is a queue in log order.
type arrivals struct {
	list []arrival
	head int
}

func (a *arrivals) push(x arrival) { a.list = append(a.list, x) }

// next takes the oldest arrival below a position.
func (a *arrivals) next(below log.Position) *arrival {
	if a.head == len(a.list) || a.list[a.head].pos >= below {
		return nil
	}
	x := &a.list[a.head]
	a.head++
	return x
}

// compact gives room back. Call when no pointer from next is in use.
func (a *arrivals) compact() {
	if a.head > 1024 && a.head*2 > len(a.list) || a.head == len(a.list) {
		n := copy(a.list, a.list[a.head:])
		clear(a.list[n:])
		a.list, a.head = a.list[:n], 0
	}
}

// Append writes one record of parts and follows it. It needs the lock. control marks what settles or frees and may use the
// reserve of a full disk. An error is a refusal: nothing happened.
func (j *Journal) Append(control bool, parts ...record.Part) (log.Position, error) {
	if cap(j.scratch) == 0 || cap(j.scratch) > 1<<20 {
		j.scratch = make([]byte, 0, maxGrantSize)
	}
	j.scratch = record.Encode(j.scratch[:0], parts...)
	pos, err := j.writeLocked(j.scratch, control)
	if err != nil {
		return 0, err
	}
	for _, p := range parts {
		if err := j.st.Apply(pos, p); err != nil {
			// The record was decided from this very state.
			j.Fail(mq.Refuse(mq.Internal, "the engine contradicts itself: %v", err))
		}
		j.noteLocked(pos, len(j.scratch), p)
	}
	return pos, nil
}

// writeLocked appends an encoded record. It needs the lock.
func (j *Journal) writeLocked(b []byte, control bool) (log.Position, error) {
	if f := j.failure.Load(); f != nil {
		return 0, f
	}
	pos, err := j.log.AppendEntry(log.Entry{
		Size:    len(b),
		Fill:    func(_ log.Position, dst []byte) { copy(dst, b) },
		Control: control,
	})
	if err != nil {
		return 0, j.refusal(err)
	}
	j.last = pos
	j.appended.Store(int64(pos) + int64(len(b)))
	if j.tail.Load() == 0 {
		j.tail.Store(j.Now())
	}
	return pos, nil
}

// refusal translates why the log did not take a record.
func (j *Journal) refusal(err error) error {
	switch {
	case errors.Is(err, log.ErrFull):
		return mq.Refuse(mq.StorageFull, "no disk space: %v", err)
	case errors.Is(err, log.ErrTooLarge):
		return mq.Refuse(mq.BodyTooLarge, "%v", err)
	}
	return mq.Refuse(mq.Unavailable, "%v", err)
}

// Fail makes the engine refuse everything from now on. The first reason stays.
func (j *Journal) Fail(why *mq.Error) {
	if j.failure.CompareAndSwap(nil, why) {
		close(j.failed)
		j.opts.Logger.Error("the engine stopped and must be opened again", "why", why)
	}
}

// noteLocked remembers what becomes visible with a record of size bytes at pos.
func (j *Journal) noteLocked(pos log.Position, size int, p record.Part) {
	switch p := p.(type) {
	case record.Message:
		if t := j.st.Topics[p.Queue.Topic]; t != nil {
			j.pending.push(j.arrivalOf(pos, size, topicRef{t.Spec.Name, t.ID}, p))
		}
	case record.Scheduled:
		j.pending.push(arrival{pos: pos, at: p.At, keys: keysOf(p.Topic, p.Raw)})
		j.opts.Hooks.Due(p.Due)
	case record.Half:
		j.pending.push(arrival{pos: pos, at: p.At, keys: keysOf(p.Topic, p.Raw)})
		j.opts.Hooks.Due(p.At + int64(time.Minute))
	case record.Checked:
		if at, ok := j.st.Halves.NextGivenUp(); ok {
			j.opts.Hooks.Due(at)
		}
	case record.Verdict:
		j.pending.push(arrival{pos: pos, half: p.ID, at: p.At, keys: []uint64{VerdictKey(p.ID)}})
		j.recent[p.ID] = Ended{pos, p}
	case record.Topic, record.DropTopic:
		j.opts.Hooks.Topics()
	}
}

func (j *Journal) arrivalOf(pos log.Position, size int, topic topicRef, m record.Message) arrival {
	a := arrival{pos: pos, topic: topic, queue: m.Queue, at: m.At}
	a.entry, a.keys = entryOf(pos, size, m)
	if m.Carried {
		a.topic = topicRef{} // indexed anew; no queue moves
	}
	return a
}

// entryOf is what the index keeps of a message.
func entryOf(pos log.Position, size int, m record.Message) (index.Entry, []uint64) {
	var brief record.Brief
	_ = m.Raw.Brief(&brief) // a message that does not decode is still at its place
	return index.Entry{
		Offset: mq.Offset(m.Offset), Position: pos, Stored: m.At, Size: uint32(size), Tag: tagHash(string(brief.Tag)),
	}, briefKeys(m.Queue.Topic, &brief)
}

func tagHash(tag string) uint32 {
	if tag == "" {
		return 0
	}
	return filter.TagHash(tag)
}

// Number is the index's name of a queue.
func Number(q record.Queue) index.Queue {
	return index.Queue(uint32(q.Topic)*mq.MaxQueues + uint32(q.Queue))
}

// Wait returns when the record at pos is durable and visible. Its errors are Unknown outcomes.
func (j *Journal) Wait(ctx context.Context, pos log.Position) error {
	if err := j.log.Wait(ctx, pos); err != nil {
		if ctx.Err() != nil {
			return mq.Doubt(mq.Timeout, ctx.Err(), "the caller's time was over before the disk answered")
		}
		return mq.Doubt(mq.Unavailable, err, "the log")
	}
	if j.published.Load() <= int64(pos) {
		j.publish()
	}
	return nil
}

// publish makes visible what is durable.
func (j *Journal) publish() {
	// One publishes for all that are durable by now; the others of the same batch find it done and leave the state alone.
	j.publishing.Lock()
	if j.published.Load() >= int64(j.log.Durable()) {
		j.publishing.Unlock()
		return
	}
	j.mu.Lock()
	durable := j.log.Durable()
	var touched touches
	for a := j.pending.next(durable); a != nil; a = j.pending.next(durable) {
		q := j.st.Queue(a.queue)
		if a.entry.Position != 0 && q == nil {
			continue // its topic was dropped
		}
		j.indexArrival(a)
		if a.half != 0 {
			delete(j.recent, a.half)
		}
		if a.topic.id != 0 {
			q.Visible = max(q.Visible, int64(a.entry.Offset)+1)
			touched.add(a)
		}
	}
	j.pending.compact()
	j.published.Store(int64(durable))
	if j.published.Load() >= j.appended.Load() {
		j.tail.Store(0)
	} else {
		j.tail.Store(j.Now())
	}
	j.mu.Unlock()
	j.publishing.Unlock()
	for i := range touched {
		t := &touched[i]
		j.opts.Hooks.Visible(t.topic.name, t.queue, t.n, t.end)
	}
}

// touches is which queues something arrived in.
type touches []touch

type touch struct {
	topic topicRef
	queue mq.QueueID
	n     int
	end   mq.Offset
}

// add counts an arrival with the others of its queue, if one of the last few is of the same: messages go round the queues.
func (l *touches) add(a *arrival) {
	const few = 16
	list := *l
	for i := len(list) - 1; i >= max(0, len(list)-few); i-- {
		if t := &list[i]; t.topic.id == a.topic.id && t.queue == a.queue.Queue {
			t.n++
			t.end = a.entry.Offset + 1
			return
		}
	}
	*l = append(list, touch{a.topic, a.queue.Queue, 1, a.entry.Offset + 1})
}

// indexArrival gives an arrival to the index. It runs under the lock; the index touches memory only.
func (j *Journal) indexArrival(a *arrival) {
	var err error
	if a.entry.Position != 0 {
		err = j.index.Add(Number(a.queue), a.entry, a.keys...)
	} else {
		err = j.index.Mark(a.pos, a.at, a.keys...)
	}
	if err != nil {
		j.Fail(mq.Refuse(mq.Internal, "the index did not take a message: %v", err))
	}
}

// publishLoop publishes for callers who do not wait.
func (j *Journal) publishLoop() {
	defer j.joined.Done()
	for {
		select {
		case <-j.stopped.Done():
			return
		case <-j.toPublish:
			if j.published.Load() < int64(j.log.Durable()) {
				j.publish()
			}
		}
	}
}

// Admit keeps new messages out while the disk is far behind: briefly by waiting, with a refusal when it stalls or is full.
//
// size is about what the caller will append. It counts from here on, until Admitted: many callers let in at once would else fill
// the log's buffer, and one of them would wait for the disk with the lock in his hand.
func (j *Journal) Admit(ctx context.Context, size int64) error {
	if err := j.Alive(ctx); err != nil {
		return err
	}
	if late := j.LateBy(); late > stallSheds {
		return mq.Refuse(mq.TooManyRequests, "the disk has not answered for %v", late.Round(time.Second))
	}
	if j.full.Load() {
		return mq.Refuse(mq.StorageFull, "no disk space for another segment of %d bytes", j.opts.SegmentBytes)
	}
	if err := j.spaceLeft(); err != nil {
		return err
	}
	for {
		others, behind := j.admitted.Load(), j.Behind()
		if others+behind+size <= admitBytes || others+behind == 0 {
			if j.admitted.CompareAndSwap(others, others+size) {
				return nil
			}
			continue
		}
		j.mu.Lock()
		last := j.last
		j.mu.Unlock()
		if err := j.Wait(ctx, last); err != nil {
			return err
		}
		if err := j.Alive(ctx); err != nil {
			return err
		}
		runtime.Gosched() // who was let in before is about to append
	}
}

// Admitted ends what Admit began.
func (j *Journal) Admitted(size int64) { j.admitted.Add(-size) }

// Crowded tells whether the disk is so far behind that whoever appends on his own account should wait.
func (j *Journal) Crowded() bool { return j.Behind() > admitBytes }

// Sealed is a message that was encoded before the lock was taken.
type Sealed struct {
	record.Sealed
	brief record.Brief
	tag   uint32
}

// Seal encodes a message into buf[:0], or a larger buffer.
func Seal(buf []byte, m *mq.Message) Sealed {
	s := Sealed{Sealed: record.Seal(buf, m), tag: tagHash(m.Tag.String())}
	_ = s.Raw().Brief(&s.brief) // it was encoded a moment ago
	return s
}

// AppendSealed writes a sealed message to the end of a queue. It needs the lock, like Append, and costs less.
func (j *Journal) AppendSealed(t *state.Topic, q mq.QueueID, s *Sealed) (log.Position, mq.Offset, error) {
	m := record.Message{Queue: record.Queue{Topic: t.ID, Queue: q}, Offset: t.Queues[q].Next, At: max(j.Now(), j.st.LastTime)}
	s.Place(m.Queue, m.Offset, m.At)
	pos, err := j.writeLocked(s.Sealed, false)
	if err != nil {
		return 0, -1, err
	}
	if err := j.st.Stored(m); err != nil {
		j.Fail(mq.Refuse(mq.Internal, "the engine contradicts itself: %v", err))
	}
	j.pending.push(arrival{
		pos: pos, topic: topicRef{t.Spec.Name, t.ID}, queue: m.Queue, at: m.At, keys: briefKeys(t.ID, &s.brief),
		entry: index.Entry{Offset: mq.Offset(m.Offset), Position: pos, Stored: m.At, Size: uint32(len(s.Sealed)), Tag: s.tag},
	})
	return pos, mq.Offset(m.Offset), nil
}
