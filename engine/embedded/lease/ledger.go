// SPDX-License-Identifier: Apache-2.0

// Package lease keeps what one group knows of one queue: which messages are leased, free again, held back or settled.
//
// The simple story: a ledger is a number, Next, and the open entries below it. At or above Next nothing was ever looked at.
// Below Next everything is settled, except what has an entry. So a group that keeps up costs one number, and neither sets nor
// ranges of settled offsets exist.
//
// What must hold:
//   - An entry's state follows from its fields and the time alone: leased while Until lies ahead, free otherwise. Nothing is
//     written when a lease runs out, and nothing happens to ledgers that nobody looks at.
//   - Free entries come before unseen messages, the lowest offset first.
//   - In an ordered ledger every entry stands in the lane of its message group. A lane with a live lease gives nothing; a
//     lane without gives its entries from the lowest offset on. So a freed message comes before all later ones of its
//     group, and the live leases of a group belong to one grant. A message that was seen behind a live lease has an entry with
//     Attempt 0: it waits.
//   - Transitions are deterministic: the same sequence gives the same entries, whatever the time. Only questions take a time.
//
// A ledger holds no lock and no goroutine; its owner locks. Times are nanoseconds since the Unix epoch and must not fall.
//
// Rejected: settled ranges above a floor (two structures must agree, and a held-back message looks like an unseen one);
// a timer per lease; one heap for a whole group (an idle queue would pay for a busy one).
package lease

import (
	"container/heap"
	"slices"
)

// Entry is one message below Next that is not settled.
type Entry struct {
	Offset  int64
	Attempt int    // deliveries so far; 0 for one that waits for its first
	Until   int64  // the end of its last lease
	Seq     uint64 // names its last delivery
	Order   uint64 // its lane, in ordered ledgers
}

// Status is what a token says about its message.
type Status uint8

// The statuses.
const (
	Live    Status = iota // the lease holds
	Expired               // the lease is over, or another delivery followed
	Settled               // the message was settled
)

// Ledger is what one group knows of one queue.
type Ledger struct {
	ordered bool
	next    int64
	open    map[int64]*entry
	leased  heapOf // by until
	free    heapOf // by offset; unordered only
	lanes   lanes  // ordered only
}

type entry struct {
	Entry
	leased bool // stands among the leased; soft, see advance
	place  int  // in leased or free
	lane   *lane
}

// New makes a ledger that has seen nothing from next on.
func New(ordered bool, next int64) *Ledger {
	l := &Ledger{ordered: ordered, next: next}
	l.clear()
	return l
}

func (l *Ledger) clear() {
	l.open = map[int64]*entry{}
	l.leased = heapOf{less: byUntil}
	l.free = heapOf{less: byOffset}
	l.lanes = newLanes()
}

// Next is the first offset that was never looked at.
func (l *Ledger) Next() int64 { return l.next }

// Ordered tells whether message groups are kept in order.
func (l *Ledger) Ordered() bool { return l.ordered }

// Len is the number of open entries.
func (l *Ledger) Len() int { return len(l.open) }

// Get finds an open entry.
func (l *Ledger) Get(offset int64) (Entry, bool) {
	if e := l.open[offset]; e != nil {
		return e.Entry, true
	}
	return Entry{}, false
}

// Floor is the lowest offset that is not settled.
func (l *Ledger) Floor() int64 {
	floor := l.next
	for o := range l.open {
		floor = min(floor, o)
	}
	return floor
}

// Check judges a token.
func (l *Ledger) Check(offset int64, seq uint64, now int64) Status {
	e := l.open[offset]
	switch {
	case e == nil && offset < l.next:
		return Settled
	case e == nil || e.Seq != seq || e.Until <= now:
		return Expired
	}
	return Live
}

// Entries lists the open entries by offset.
func (l *Ledger) Entries() []Entry {
	list := make([]Entry, 0, len(l.open))
	for _, e := range l.open {
		list = append(list, e.Entry)
	}
	slices.SortFunc(list, func(a, b Entry) int { return int(a.Offset - b.Offset) })
	return list
}

// Load puts back what Entries and Next gave.
func (l *Ledger) Load(next int64, entries []Entry) {
	l.clear()
	l.next = next
	for _, e := range entries {
		l.put(&entry{Entry: e})
	}
}

// SetOrdered changes the order of a ledger, as its group's spec asks. Entries that were granted without order share a lane.
func (l *Ledger) SetOrdered(ordered bool) {
	if l.ordered == ordered {
		return
	}
	entries := l.Entries()
	l.ordered = ordered
	l.Load(l.next, entries)
}

// Skip moves Next; what lay between is settled, unless Wait or Grant named it before.
func (l *Ledger) Skip(next int64) { l.next = max(l.next, next) }

// Grant leases an offset: the next attempt of an open entry, the first of an unseen one.
func (l *Ledger) Grant(offset int64, order uint64, until int64, seq uint64) {
	e := l.open[offset]
	if e == nil {
		l.put(&entry{Entry: Entry{Offset: offset, Attempt: 1, Until: until, Seq: seq, Order: order}})
		return
	}
	e.Attempt++
	e.Until, e.Seq = until, seq
	l.relet(e)
}

// Wait notes an unseen message that its order holds back.
func (l *Ledger) Wait(offset int64, order uint64) {
	if l.open[offset] == nil {
		l.put(&entry{Entry: Entry{Offset: offset, Order: order}})
	}
}

// Settle ends an open entry and reports whether there was one.
func (l *Ledger) Settle(offset int64) bool {
	e := l.open[offset]
	if e == nil {
		return false
	}
	l.take(e)
	delete(l.open, offset)
	return true
}

// Extend moves the end of an open entry's lease. A seq of 0 leaves its token as it is.
func (l *Ledger) Extend(offset int64, until int64, seq uint64) bool {
	e := l.open[offset]
	if e == nil {
		return false
	}
	e.Until = until
	if seq != 0 {
		e.Seq = seq
	}
	l.relet(e)
	return true
}

// Reset forgets everything and goes on at next.
func (l *Ledger) Reset(next int64) {
	l.clear()
	l.next = next
}

// Expire settles everything below lo but the offsets to keep.
func (l *Ledger) Expire(lo int64, keep []int64) {
	for o, e := range l.open {
		if o < lo && !slices.Contains(keep, o) {
			l.take(e)
			delete(l.open, o)
		}
	}
	l.next = max(l.next, lo)
}

// put books an entry as leased: advance finds out later if that is over. So transitions need no time.
func (l *Ledger) put(e *entry) {
	l.open[e.Offset] = e
	e.leased = true
	heap.Push(&l.leased, e)
	if l.ordered {
		l.lanes.put(e)
	}
}

// relet books a known entry as leased, after its Until changed.
func (l *Ledger) relet(e *entry) {
	if e.leased {
		heap.Fix(&l.leased, e.place)
		return
	}
	if !l.ordered {
		heap.Remove(&l.free, e.place)
	}
	e.leased = true
	heap.Push(&l.leased, e)
	if l.ordered {
		e.lane.live++
		l.lanes.settle(e.lane)
	}
}

// take removes an entry from all but the map.
func (l *Ledger) take(e *entry) {
	if e.leased {
		heap.Remove(&l.leased, e.place)
	} else if !l.ordered {
		heap.Remove(&l.free, e.place)
	}
	if l.ordered {
		l.lanes.take(e)
	}
}

// advance frees the leases that are over.
func (l *Ledger) advance(now int64) {
	for len(l.leased.list) > 0 && l.leased.list[0].Until <= now {
		e := heap.Pop(&l.leased).(*entry)
		e.leased = false
		if l.ordered {
			l.lanes.freed(e)
		} else {
			heap.Push(&l.free, e)
		}
	}
}

// Expiry is when the first live lease runs out; false when none is live.
func (l *Ledger) Expiry(now int64) (until int64, ok bool) {
	l.advance(now)
	if len(l.leased.list) == 0 {
		return 0, false
	}
	return l.leased.list[0].Until, true
}

// HasFree tells whether an open entry could be granted.
func (l *Ledger) HasFree(now int64) bool {
	l.advance(now)
	if l.ordered {
		return l.lanes.ready.Len() > 0
	}
	return len(l.free.list) > 0
}

// Free appends to dst what could be granted, at most limit entries: by offset in an unordered ledger, and one lane's entries by
// offset in an ordered one. It changes nothing.
func (l *Ledger) Free(now int64, limit int, dst []Entry) []Entry {
	l.advance(now)
	if l.ordered {
		return l.lanes.head(limit, dst)
	}
	return l.free.smallest(limit, dst)
}

// Blocked tells whether a lane has a live lease.
func (l *Ledger) Blocked(order uint64, now int64) bool {
	l.advance(now)
	ln := l.lanes.byOrder[order]
	return ln != nil && ln.live > 0
}

// HasLane tells whether a lane has open entries.
func (l *Ledger) HasLane(order uint64) bool { return l.lanes.byOrder[order] != nil }

// LaneLen is the number of open entries of a lane.
func (l *Ledger) LaneLen(order uint64) int {
	if ln := l.lanes.byOrder[order]; ln != nil {
		return len(ln.entries)
	}
	return 0
}

// Attempt gives the live leases that an attempt got from this ledger, by offset, up to the first message that is free again; none
// when it got none or they are over. All live leases of a lane belong to its last grant.
func (l *Ledger) Attempt(attempt string, now int64, dst []Entry) []Entry {
	l.advance(now)
	return l.lanes.attempt(attempt, dst)
}

// SetAttempt notes which attempt a lane's grant went to. It is forgotten with the lane's next grant.
func (l *Ledger) SetAttempt(order uint64, attempt string) { l.lanes.setAttempt(order, attempt) }

// Attempts lists the attempts that could ask again, by order.
func (l *Ledger) Attempts() []Attempt { return l.lanes.attempts() }

// Attempt is a lane's last grant that has a name.
type Attempt struct {
	Order uint64
	Name  string
}

// LeasedBelow lists the offsets below lo with a live lease, ascending.
func (l *Ledger) LeasedBelow(lo, now int64) (offsets []int64) {
	for o, e := range l.open {
		if o < lo && e.Until > now {
			offsets = append(offsets, o)
		}
	}
	slices.Sort(offsets)
	return offsets
}

// Counts are numbers of open entries.
type Counts struct {
	Leased   int64 // live leases
	Retrying int64 // delivered before and free again
	Waiting  int64 // held back by order, never delivered
}

// Count looks at every open entry.
func (l *Ledger) Count(now int64) Counts {
	var c Counts
	for _, e := range l.open {
		switch {
		case e.Until > now:
			c.Leased++
		case e.Attempt > 0:
			c.Retrying++
		default:
			c.Waiting++
		}
	}
	return c
}

// Leased is the number of live leases.
func (l *Ledger) Leased(now int64) int {
	l.advance(now)
	return len(l.leased.list)
}
