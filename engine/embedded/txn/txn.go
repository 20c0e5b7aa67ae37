// SPDX-License-Identifier: Apache-2.0

// Package txn keeps the transactions that nobody has settled yet.
//
// Invariants:
//   - halves holds every live half by its ID; each stands in exactly one heap, at its own place: in spent when all its
//     checks were asked, otherwise in its topic's.
//   - a heap is ordered by (Next, ID); a topic's empty heap is removed. What is overdue in a topic that nobody asks for is
//     never looked at, so topics without live producers cost nothing.
//   - Round counts the checks that reached a producer. While nobody listens on a topic its rounds stand still, so that a
//     producer that comes back finds its questions; what nobody ever answers leaves by age.
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
	spent  queue
}

type entry struct {
	Half
	place int // in its heap
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
	e := &entry{Half: h}
	t.halves[h.ID] = e
	t.push(e)
}

// Settle forgets a half, whatever the verdict, and reports whether it was still live.
func (t *Table) Settle(id log.Position) bool {
	e := t.halves[id]
	if e == nil {
		return false
	}
	delete(t.halves, id)
	t.pull(e)
	return true
}

// Due appends to dst the halves of a topic whose producers are to be asked at now, in order of (Next, ID), at most
// limit. It changes nothing: the caller notes with Asked that a question reached a producer.
func (t *Table) Due(topic mq.Physical, now int64, limit int, dst []Half) []Half {
	if q := t.topics[topic]; q != nil {
		return q.due(now, limit, dst)
	}
	return dst
}

// GivenUp appends to dst the halves whose last check has stayed without an answer for a whole interval, in order of
// (Next, ID), at most limit. It changes nothing: the caller writes the verdict, then calls Settle.
func (t *Table) GivenUp(now int64, limit int, dst []Half) []Half { return t.spent.due(now, limit, dst) }

// NextGivenUp is the earliest time, in nanoseconds since the Unix epoch, at which GivenUp has something; false while
// all halves have checks before them.
func (t *Table) NextGivenUp() (at int64, ok bool) {
	if len(t.spent) == 0 {
		return 0, false
	}
	return t.spent[0].Next, true
}

// Asked notes that a check of the half reached a producer at now: the round counts and the next comes an interval
// later. It returns the half as it is then; false when it is settled.
func (t *Table) Asked(id log.Position, now int64) (Half, bool) {
	e := t.halves[id]
	if e == nil {
		return Half{}, false
	}
	t.pull(e)
	e.Round++
	e.Next = now + int64(t.policy.Every)
	t.push(e)
	return e.Half, true
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

// push puts an entry into the heap where it belongs.
func (t *Table) push(e *entry) {
	if e.Round >= t.policy.Rounds {
		heap.Push(&t.spent, e)
		return
	}
	q := t.topics[e.Topic]
	if q == nil {
		q = new(queue)
		t.topics[e.Topic] = q
	}
	heap.Push(q, e)
}

// pull takes an entry out of its heap.
func (t *Table) pull(e *entry) {
	if e.Round >= t.policy.Rounds {
		heap.Remove(&t.spent, e.place)
		return
	}
	q := t.topics[e.Topic]
	heap.Remove(q, e.place)
	if len(*q) == 0 {
		delete(t.topics, e.Topic)
	}
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

// queue is a heap of halves.
type queue []*entry

// due appends the first entries that are due, in order. It goes down the heap from its root, always to the earliest
// entry at hand, so the cost is in what it gives and not in what waits.
func (q queue) due(now int64, limit int, dst []Half) []Half {
	front := make([]int, 0, 16) // places not visited whose parents were, latest first
	if len(q) > 0 {
		front = append(front, 0)
	}
	for ; limit > 0 && len(front) > 0; limit-- {
		i := front[len(front)-1]
		front = front[:len(front)-1]
		if q[i].Next > now {
			break
		}
		dst = append(dst, q[i].Half)
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(q) {
				at, _ := slices.BinarySearchFunc(front, child, func(a, b int) int { return byNext(q[b].Half, q[a].Half) })
				front = slices.Insert(front, at, child)
			}
		}
	}
	return dst
}

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
