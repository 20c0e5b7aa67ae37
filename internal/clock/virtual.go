// SPDX-License-Identifier: Apache-2.0

package clock

import (
	"container/heap"
	"sync"
	"time"
)

// Virtual is a clock that moves only when a test says so.
//
// Advance runs what falls due on the goroutine of its caller, in order of due time and, for equal times, of
// creation. Each call sees Now equal to its own due time, as if the clock had crept forward, and what it schedules
// inside the advanced span fires within the same Advance.
type Virtual struct {
	mu      sync.Mutex // guards everything below; never held while a callback runs
	now     time.Time
	pending timerHeap
	seq     uint64
}

// NewVirtual returns a virtual clock that stands at start.
func NewVirtual(start time.Time) *Virtual {
	return &Virtual{now: start.Round(0)}
}

type virtualTimer struct {
	clock *Virtual
	due   time.Time
	seq   uint64
	index int // place in the heap, -1 when not pending
	f     func()
	c     chan time.Time
}

// Now returns the virtual time, without a monotonic reading.
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// AfterFunc schedules f. It runs inside a later Advance, even if d is zero or less.
func (v *Virtual) AfterFunc(d time.Duration, f func()) Timer {
	t := &virtualTimer{clock: v, f: f, index: -1}
	t.Reset(d)
	return t
}

// NewTimer schedules a tick. It is delivered inside a later Advance, even if d is zero or less.
func (v *Virtual) NewTimer(d time.Duration) Timer {
	t := &virtualTimer{clock: v, c: make(chan time.Time, 1), index: -1}
	t.Reset(d)
	return t
}

// Advance moves the clock by d and fires what falls due before it returns. It may be called from several
// goroutines and from inside a callback.
func (v *Virtual) Advance(d time.Duration) {
	v.mu.Lock()
	target := v.now.Add(d)
	v.mu.Unlock()
	for v.fireNext(target) {
	}
}

// AdvanceTo moves the clock forward to t; a t that lies in the past fires what is already due and moves nothing.
func (v *Virtual) AdvanceTo(t time.Time) {
	for v.fireNext(t) {
	}
}

// fireNext fires the earliest timer due at or before target, or moves the clock to target when there is none.
func (v *Virtual) fireNext(target time.Time) bool {
	v.mu.Lock()
	if len(v.pending) == 0 || v.pending[0].due.After(target) {
		if target.After(v.now) {
			v.now = target
		}
		v.mu.Unlock()
		return false
	}
	t := heap.Pop(&v.pending).(*virtualTimer)
	if t.due.After(v.now) {
		v.now = t.due
	}
	now := v.now
	v.mu.Unlock()
	if t.c != nil {
		select {
		case t.c <- now:
		default: // an unread tick is already there, as with time.Timer
		}
		return true
	}
	t.f()
	return true
}

// Pending returns how many timers wait to fire.
func (v *Virtual) Pending() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.pending)
}

// Next returns when the earliest timer is due; ok is false when none is pending.
func (v *Virtual) Next() (due time.Time, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.pending) == 0 {
		return time.Time{}, false
	}
	return v.pending[0].due, true
}

func (t *virtualTimer) C() <-chan time.Time { return t.c }

func (t *virtualTimer) Stop() bool {
	v := t.clock
	v.mu.Lock()
	defer v.mu.Unlock()
	return t.removeLocked()
}

func (t *virtualTimer) Reset(d time.Duration) bool {
	v := t.clock
	v.mu.Lock()
	defer v.mu.Unlock()
	was := t.removeLocked()
	t.due = v.now.Add(max(d, 0))
	v.seq++
	t.seq = v.seq
	heap.Push(&v.pending, t)
	return was
}

// removeLocked takes the timer out of the heap and drops an unread tick, so that neither Stop nor Reset leaves a
// stale one behind.
func (t *virtualTimer) removeLocked() bool {
	if t.c != nil {
		select {
		case <-t.c:
		default:
		}
	}
	if t.index < 0 {
		return false
	}
	heap.Remove(&t.clock.pending, t.index)
	return true
}

type timerHeap []*virtualTimer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if h[i].due.Equal(h[j].due) {
		return h[i].seq < h[j].seq
	}
	return h[i].due.Before(h[j].due)
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*virtualTimer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	t.index = -1
	*h = old[:len(old)-1]
	return t
}
