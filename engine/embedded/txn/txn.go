// SPDX-License-Identifier: Apache-2.0

// Package txn keeps the transactions that nobody has settled yet.
//
// Invariants:
//   - halves holds every live half by its ID; each stands in the heap of exactly one topic, at its own place.
//   - a topic's heap is ordered by (Next, ID); an empty heap is removed, so topics without halves cost nothing.
//   - Round counts the checks that reached a producer. A topic that nobody listens on is not asked for, so its rounds
//     stand still and a producer that comes back still finds its questions; what nobody ever answers leaves by age.
//
// A settled half is forgotten here: that an outcome sticks is known from the verdict in the log.
package txn

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/mq"
)

// Half is one live transaction. ID and Topic never change.
type Half struct {
	ID    log.Position // where the half was first written: its name in tokens and verdicts
	At    log.Position // where its record lies now: differs from ID after the record was carried to a newer segment
	Topic mq.Physical
	Born  int64 // when it was stored, nanoseconds since the Unix epoch
	Next  int64 // the earliest next check, nanoseconds since the Unix epoch
	Round int   // checks that reached a producer
}

// Defaults of Policy.
const (
	DefaultEvery  = 30 * time.Second
	DefaultRounds = 15
)

// Policy says how often producers are asked. Zero fields mean the defaults.
type Policy struct {
	Every  time.Duration // between two checks of one half
	Rounds int           // after so many unanswered checks the half is given up
}

// Table is the live halves of an engine. It is not safe for concurrent use; its owner locks.
type Table struct {
	policy Policy
	halves map[log.Position]*entry
	topics map[mq.Physical]*queue
}

type entry struct {
	Half
	place int // in its topic's heap
}

// New returns an empty table.
func New(p Policy) *Table {
	if p.Every <= 0 {
		p.Every = DefaultEvery
	}
	if p.Rounds <= 0 {
		p.Rounds = DefaultRounds
	}
	return &Table{policy: p, halves: map[log.Position]*entry{}, topics: map[mq.Physical]*queue{}}
}

// Len is the number of live halves.
func (t *Table) Len() int { return len(t.halves) }

// LenOf is the number of live halves of a topic.
func (t *Table) LenOf(topic mq.Physical) int {
	if q := t.topics[topic]; q != nil {
		return len(*q)
	}
	return 0
}

// Topics lists the topics that have live halves, by name.
func (t *Table) Topics() []mq.Physical {
	names := make([]mq.Physical, 0, len(t.topics))
	for name := range t.topics {
		names = append(names, name)
	}
	slices.SortFunc(names, byName)
	return names
}

// Get finds a live half.
func (t *Table) Get(id log.Position) (Half, bool) {
	e := t.halves[id]
	if e == nil {
		return Half{}, false
	}
	return e.Half, true
}

// Put adds a half, or replaces what is known of the half of that ID: a record may be applied twice, and a carried
// one brings its new place.
func (t *Table) Put(h Half) {
	t.Settle(h.ID)
	q := t.topics[h.Topic]
	if q == nil {
		q = new(queue)
		t.topics[h.Topic] = q
	}
	e := &entry{Half: h}
	t.halves[h.ID] = e
	heap.Push(q, e)
}

// Moved notes the new place of a carried record and reports whether the half still lives.
func (t *Table) Moved(id, at log.Position) bool {
	e := t.halves[id]
	if e == nil {
		return false
	}
	e.At = at
	return true
}

// Settle forgets a half, whatever the verdict, and reports whether it was still live.
func (t *Table) Settle(id log.Position) bool {
	e := t.halves[id]
	if e == nil {
		return false
	}
	delete(t.halves, id)
	q := t.topics[e.Topic]
	heap.Remove(q, e.place)
	if len(*q) == 0 {
		delete(t.topics, e.Topic)
	}
	return true
}

// Next is the earliest time, in nanoseconds since the Unix epoch, at which Due or GivenUp of one of the topics has
// something; false when none of them has a half.
func (t *Table) Next(topics []mq.Physical) (at int64, ok bool) {
	for _, name := range topics {
		if q := t.topics[name]; q != nil && (!ok || (*q)[0].Next < at) {
			at, ok = (*q)[0].Next, true
		}
	}
	return at, ok
}

// Due appends to dst the halves of a topic whose producers are to be asked at now, in order of (Next, ID), at most
// limit. It changes nothing: the caller notes with Asked or Later how each question went.
func (t *Table) Due(topic mq.Physical, now int64, limit int, dst []Half) []Half {
	return t.ripe(topic, now, limit, dst, func(h *Half) bool { return h.Round < t.policy.Rounds })
}

// GivenUp appends to dst the halves of a topic whose last check has stayed without an answer for a whole interval,
// in order of (Next, ID), at most limit. It changes nothing: the caller writes the verdict, then calls Settle.
func (t *Table) GivenUp(topic mq.Physical, now int64, limit int, dst []Half) []Half {
	return t.ripe(topic, now, limit, dst, func(h *Half) bool { return h.Round >= t.policy.Rounds })
}

// Asked notes that a check of the half reached a producer at now: the round counts and the next comes an interval
// later. It returns the half as it is then; false when it is settled.
func (t *Table) Asked(id log.Position, now int64) (Half, bool) {
	e := t.halves[id]
	if e == nil {
		return Half{}, false
	}
	e.Round++
	t.delay(e, now)
	return e.Half, true
}

// Later notes that nobody could be asked at now: the next try comes an interval later and the round does not count.
// It reports whether the half still lives.
func (t *Table) Later(id log.Position, now int64) bool {
	e := t.halves[id]
	if e == nil {
		return false
	}
	t.delay(e, now)
	return true
}

// Stale appends to dst the halves that were stored before a time, nanoseconds since the Unix epoch, in order of ID.
// It looks at all live halves: meant for the rare pass of retention.
func (t *Table) Stale(before int64, dst []Half) []Half {
	from := len(dst)
	for _, e := range t.halves {
		if e.Born < before {
			dst = append(dst, e.Half)
		}
	}
	slices.SortFunc(dst[from:], byID)
	return dst
}

// Each calls f for every live half in order of ID until f returns false.
func (t *Table) Each(f func(Half) bool) {
	for _, h := range t.sorted() {
		if !f(h) {
			return
		}
	}
}

func (t *Table) delay(e *entry, now int64) {
	e.Next = now + int64(t.policy.Every)
	heap.Fix(t.topics[e.Topic], e.place)
}

// ripe walks the heap from its root and leaves out every branch that is not due: the cost is in what is due.
func (t *Table) ripe(topic mq.Physical, now int64, limit int, dst []Half, want func(*Half) bool) []Half {
	q := t.topics[topic]
	if q == nil || limit <= 0 {
		return dst
	}
	from := len(dst)
	stack := []int{0}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if i >= len(*q) || (*q)[i].Next > now {
			continue
		}
		if want(&(*q)[i].Half) {
			dst = append(dst, (*q)[i].Half)
		}
		stack = append(stack, 2*i+1, 2*i+2)
	}
	slices.SortFunc(dst[from:], byNext)
	return dst[:min(len(dst), from+limit)]
}

func (t *Table) sorted() []Half {
	all := make([]Half, 0, len(t.halves))
	for _, e := range t.halves {
		all = append(all, e.Half)
	}
	slices.SortFunc(all, byID)
	return all
}

func byID(a, b Half) int { return cmp.Compare(a.ID, b.ID) }

func byNext(a, b Half) int {
	return cmp.Or(cmp.Compare(a.Next, b.Next), cmp.Compare(a.ID, b.ID))
}

func byName(a, b mq.Physical) int { return cmp.Compare(a.String(), b.String()) }

// queue is a topic's heap.
type queue []*entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return byNext(q[i].Half, q[j].Half) < 0 }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

func (q *queue) Push(x any) {
	e := x.(*entry)
	e.place = len(*q)
	*q = append(*q, e)
}

func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return e
}
