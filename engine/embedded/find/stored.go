// SPDX-License-Identifier: Apache-2.0

package find

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/index"
	"github.com/causeway-mq/causeway/engine/embedded/journal"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
)

// Stored messages of all queues are merged by their time, newest first; what was stored at one moment is ordered by queue, then
// offset. That order is total and never changes for what is stored, so the last message of a page is all that the next page
// needs to know, whatever comes in or goes meanwhile. It rests on stored times that never fall within a queue.

// piece is how many index entries of one queue are read at a time.
const piece = 32

// spot is a message's place in the order.
type spot struct {
	stored int64 // nanoseconds since the Unix epoch
	queue  mq.QueueID
	offset int64
}

func (a spot) newerThan(b spot) bool {
	if a.stored != b.stored {
		return a.stored > b.stored
	}
	if a.queue != b.queue {
		return a.queue > b.queue
	}
	return a.offset > b.offset
}

// tail is one queue, read from its end.
type tail struct {
	search *search
	queue  record.Queue
	lo, hi int64         // offsets in [lo, hi) are not read yet
	some   []index.Entry // read, ascending, above hi
}

// peek gives the newest message that was not taken; false when there is none.
func (t *tail) peek() (spot, bool, error) {
	for len(t.some) == 0 && t.hi > t.lo {
		from := max(t.lo, t.hi-piece)
		some, err := t.search.Journal.Index().Range(journal.Number(t.queue), mq.Offset(from), int(t.hi-from), t.some)
		if err != nil {
			return spot{}, false, t.search.Journal.Trouble(err)
		}
		for len(some) > 0 && int64(some[len(some)-1].Offset) >= t.hi { // what retention took left room for them
			some = some[:len(some)-1]
		}
		t.some, t.hi = some, from
	}
	if len(t.some) == 0 {
		return spot{}, false, nil
	}
	e := t.some[len(t.some)-1]
	return spot{e.Stored, t.queue.Queue, int64(e.Offset)}, true, nil
}

// take adds the message that peek showed.
func (t *tail) take() error {
	e := t.some[len(t.some)-1]
	t.some = t.some[:len(t.some)-1]
	t.search.reads++
	stored, err := t.search.Journal.ReadAt(e.Position, e.Size, t.queue, int64(e.Offset))
	if journal.IsLost(err) {
		return nil
	}
	if err == nil {
		t.search.add(stored, mq.FoundStored, time.Time{})
	}
	return err
}

// storedByTime adds messages below after, nil for the beginning, until the page is full, and gives the last one.
func (s *search) storedByTime(ctx context.Context, after *spot) (last spot, err error) {
	tails := make([]*tail, s.queues)
	for i := range tails {
		if tails[i], err = s.tailOf(mq.QueueID(i), after); err != nil {
			return last, err
		}
	}
	for !s.full() {
		if ctx.Err() != nil {
			return last, mq.Refuse(mq.Timeout, "the search was given up")
		}
		var newest *tail
		for _, t := range tails {
			at, ok, err := t.peek()
			if err != nil {
				return last, err
			}
			if ok && (newest == nil || at.newerThan(last)) {
				newest, last = t, at
			}
		}
		if newest == nil {
			return last, nil
		}
		if err := newest.take(); err != nil {
			return last, err
		}
	}
	return last, nil
}

// tailOf cuts a queue to the window, and to what comes after a spot.
func (s *search) tailOf(q mq.QueueID, after *spot) (*tail, error) {
	t := &tail{search: s, queue: record.Queue{Topic: s.topic, Queue: q}}
	s.Journal.Lock()
	if queue := s.Journal.State().Queue(t.queue); queue != nil {
		t.lo, t.hi = queue.Lo, queue.Visible
	}
	s.Journal.Unlock()
	lo, hi := t.lo, t.hi
	at := func(nanos int64) (int64, error) { return s.Journal.OffsetAt(t.queue, time.Unix(0, nanos), lo, hi) }
	var err error
	if s.from > 0 {
		if t.lo, err = at(s.from); err != nil {
			return nil, err
		}
	}
	if s.to > 0 {
		if t.hi, err = at(s.to); err != nil {
			return nil, err
		}
	}
	if after == nil {
		return t, nil
	}
	below := after.offset
	switch {
	case q < after.queue: // what it stored at that moment comes later
		below, err = at(after.stored + 1)
	case q > after.queue:
		below, err = at(after.stored)
	}
	t.hi = min(t.hi, below)
	return t, err
}
