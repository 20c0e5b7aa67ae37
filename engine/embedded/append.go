// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"errors"

	"github.com/causeway-mq/causeway/engine/embedded/index"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

// From append to visible. A record is appended and followed under mu; what becomes visible with it stands in pending until
// the log says that it is durable. Then publish, run by whoever comes first (the waiting caller, or the publisher where
// nobody waits), indexes it, moves the queues' ends and wakes. The log's hook itself only signals: it runs on the syncer, and an
// appender that holds mu may be waiting for that very syncer.

const (
	admitBytes   = 6 << 20 // appended and not durable, above which new messages wait outside the lock
	stallSheds   = 5e9     // ns that the oldest record may stay unsynced before new messages are refused
	maxGrantSize = 4 << 10 // room for a record that a verb other than Send writes, to begin with
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

// appendLocked writes one record of parts and follows it. It needs mu. control marks what settles or frees and may use the
// reserve of a full disk. An error is a refusal: nothing happened.
func (e *Engine) appendLocked(control bool, parts ...record.Part) (log.Position, error) {
	if cap(e.scratch) == 0 || cap(e.scratch) > 1<<20 {
		e.scratch = make([]byte, 0, maxGrantSize)
	}
	e.scratch = record.Encode(e.scratch[:0], parts...)
	pos, err := e.writeLocked(e.scratch, control)
	if err != nil {
		return 0, err
	}
	for _, p := range parts {
		if err := e.st.Apply(pos, p); err != nil {
			// The record was decided from this very state.
			e.fail(mq.Refuse(mq.Internal, "the engine contradicts itself: %v", err))
		}
		e.noteLocked(pos, len(e.scratch), p)
	}
	return pos, nil
}

// writeLocked appends an encoded record. It needs mu.
func (e *Engine) writeLocked(b []byte, control bool) (log.Position, error) {
	if f := e.failure.Load(); f != nil {
		return 0, f
	}
	pos, err := e.log.AppendEntry(log.Entry{
		Size:    len(b),
		Fill:    func(_ log.Position, dst []byte) { copy(dst, b) },
		Control: control,
	})
	if err != nil {
		return 0, e.refusal(err)
	}
	e.last = pos
	e.appended.Store(int64(pos) + int64(len(b)))
	if e.tail.Load() == 0 {
		e.tail.Store(e.now())
	}
	return pos, nil
}

// refusal translates why the log did not take a record.
func (e *Engine) refusal(err error) error {
	switch {
	case errors.Is(err, log.ErrFull):
		return mq.Refuse(mq.StorageFull, "no disk space: %v", err)
	case errors.Is(err, log.ErrTooLarge):
		return mq.Refuse(mq.BodyTooLarge, "%v", err)
	}
	return mq.Refuse(mq.Unavailable, "%v", err)
}

// fail makes the engine refuse everything from now on. The first reason stays.
func (e *Engine) fail(why *mq.Error) {
	if e.failure.CompareAndSwap(nil, why) {
		close(e.failed)
		e.journal.Error("the engine stopped and must be opened again", "why", why)
	}
}

// noteLocked remembers what becomes visible with a record of size bytes at pos.
func (e *Engine) noteLocked(pos log.Position, size int, p record.Part) {
	switch p := p.(type) {
	case record.Message:
		if t := e.st.Topics[p.Queue.Topic]; t != nil {
			e.pending.push(e.arrivalOf(pos, size, topicRef{t.Spec.Name, t.ID}, p))
		}
	case record.Scheduled:
		e.pending.push(arrival{pos: pos, at: p.At, keys: keysOf(p.Topic, p.Raw)})
		e.tickBy(p.Due)
	case record.Half:
		e.pending.push(arrival{pos: pos, at: p.At, keys: keysOf(p.Topic, p.Raw)})
		e.tickBy(p.At + staleEvery)
	case record.Checked:
		if at, ok := e.st.Halves.NextGivenUp(); ok {
			e.tickBy(at)
		}
	case record.Verdict:
		e.pending.push(arrival{pos: pos, half: p.ID, at: p.At, keys: []uint64{verdictKey(p.ID)}})
		e.recent[p.ID] = settled{pos: pos, verdict: p.Verdict, givenUp: p.GivenUp, topic: p.Topic}
	case record.Topic, record.DropTopic:
		signal(e.changed)
	}
}

func (e *Engine) arrivalOf(pos log.Position, size int, topic topicRef, m record.Message) arrival {
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

// number is the index's name of a queue.
func number(q record.Queue) index.Queue {
	return index.Queue(uint32(q.Topic)*mq.MaxQueues + uint32(q.Queue))
}

// wait returns when the record at pos is durable and visible. Its errors are Unknown outcomes.
func (e *Engine) wait(ctx context.Context, pos log.Position) error {
	if err := e.log.Wait(ctx, pos); err != nil {
		if ctx.Err() != nil {
			return mq.Doubt(mq.Timeout, ctx.Err(), "the caller's time was over before the disk answered")
		}
		return mq.Doubt(mq.Unavailable, err, "the log")
	}
	if e.published.Load() <= int64(pos) {
		e.publish()
	}
	return nil
}

// publish makes visible what is durable.
func (e *Engine) publish() {
	type touch struct {
		topic topicRef
		queue mq.QueueID
		n     int
		end   mq.Offset
	}
	var touched []touch
	e.mu.Lock()
	durable := e.log.Durable()
	for a := e.pending.next(durable); a != nil; a = e.pending.next(durable) {
		q := e.st.Queue(a.queue)
		if a.entry.Position != 0 && q == nil {
			continue // its topic was dropped
		}
		e.indexArrival(a)
		if a.half != 0 {
			delete(e.recent, a.half)
		}
		if a.topic.id == 0 {
			continue
		}
		q.Visible = max(q.Visible, int64(a.entry.Offset)+1)
		if n := len(touched); n > 0 && touched[n-1].topic.id == a.topic.id && touched[n-1].queue == a.queue.Queue {
			touched[n-1].n++
			touched[n-1].end = a.entry.Offset + 1
			continue
		}
		touched = append(touched, touch{a.topic, a.queue.Queue, 1, a.entry.Offset + 1})
	}
	e.pending.compact()
	if int64(durable) > e.published.Load() {
		e.published.Store(int64(durable))
	}
	if e.published.Load() >= e.appended.Load() {
		e.tail.Store(0)
	} else {
		e.tail.Store(e.now())
	}
	e.mu.Unlock()
	for _, t := range touched {
		for _, g := range e.lot.Arrived(t.topic.name, t.queue, t.n, t.end) {
			e.lookAgain(t.topic.name, g, t.queue)
		}
	}
}

// indexArrival gives an arrival to the index. It runs under mu; the index touches memory only.
func (e *Engine) indexArrival(a *arrival) {
	var err error
	if a.entry.Position != 0 {
		err = e.index.Add(number(a.queue), a.entry, a.keys...)
	} else {
		err = e.index.Mark(a.pos, a.at, a.keys...)
	}
	if err != nil {
		e.fail(mq.Refuse(mq.Internal, "the index did not take a message: %v", err))
	}
}

// publishLoop publishes for callers who do not wait.
func (e *Engine) publishLoop() {
	defer e.joined.Done()
	for {
		select {
		case <-e.stopped.Done():
			return
		case <-e.toPublish:
			if e.published.Load() < int64(e.log.Durable()) {
				e.publish()
			}
		}
	}
}

// admit keeps new messages out while the disk is far behind: briefly by waiting, with a refusal when it stalls or is full.
func (e *Engine) admit(ctx context.Context) error {
	if err := e.alive(ctx); err != nil {
		return err
	}
	if since := e.tail.Load(); since != 0 && e.now()-since > stallSheds {
		return mq.Refuse(mq.TooManyRequests, "the disk has not answered for %v s", stallSheds/1e9)
	}
	if e.full.Load() {
		return mq.Refuse(mq.StorageFull, "no disk space for another segment of %d bytes", e.opts.SegmentBytes)
	}
	if err := e.spaceLeft(); err != nil {
		return err
	}
	if e.appended.Load()-int64(e.log.Durable()) < admitBytes {
		return nil
	}
	e.mu.Lock()
	last := e.last
	e.mu.Unlock()
	return e.wait(ctx, last)
}
