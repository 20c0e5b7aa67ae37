// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"container/heap"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/park"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
)

// Who waits for a message stands in the parking lot. Four things wake: a message becomes visible (publish), a lease ends
// (alarms, only for ledgers that somebody waits for), a lease is given back (extend, ack of a run), a claim ends (claim.go).
//
// The complication: the one who was woken may be gone, and the message would lie there while others wait. So as long as
// somebody waits, a ledger that gave a wake is looked at again a little later.

const lookAgainAfter = 100 * time.Millisecond

// Arm asks for one wake when a take may find something; see consume.Leaser.
func (e *Engine) Arm(want mq.Want, wake func()) (disarm func()) {
	disarm = e.lot.Arm(park.Want{Topic: want.Topic.Name, Group: want.Group.Name, Queue: want.Queue, Max: want.Max}, wake)
	e.mu.Lock()
	ready := e.waitingLocked(want)
	e.mu.Unlock()
	if ready.Queue.Topic != 0 {
		e.wake(ready, want.Topic.Name, want.Group.Name, 1)
	}
	return disarm
}

// waitingLocked finds a ledger in which there is something now; for the others it sets the alarm. A queue that the group never
// touched counts when it holds anything: the next take finds out. It needs mu.
func (e *Engine) waitingLocked(want mq.Want) (ready record.Ledger) {
	t := e.st.Topic(want.Topic.Name)
	if t == nil {
		return ready
	}
	var id record.GroupID
	if g := e.st.Group(want.Group.Name); g != nil {
		id = g.ID
	}
	now := e.now()
	for q := range t.Queues {
		if want.Queue != mq.AnyQueue && want.Queue != mq.QueueID(q) {
			continue
		}
		ledger := record.Ledger{Group: id, Queue: record.Queue{Topic: t.ID, Queue: mq.QueueID(q)}}
		l := e.st.Ledger(ledger)
		switch {
		case l == nil && t.Queues[q].Lo < t.Queues[q].Visible && !startsLater(want.Group.Start, now), l != nil && e.hasWorkLocked(ledger):
			return ledger
		case l != nil:
			if until, ok := l.Expiry(now); ok {
				e.alarmLocked(ledger, until)
			}
		}
	}
	return ready
}

// startsLater tells whether a group takes nothing yet.
func startsLater(s mq.Start, now int64) bool {
	return s.Kind == mq.StartAt && !s.Time.IsZero() && s.Time.UnixNano() > now
}

// ArmPull asks for one wake when a message at or after an offset is visible; see consume.Positioner.
func (e *Engine) ArmPull(q mq.QueueRef, from mq.Offset, wake func()) (disarm func()) {
	disarm = e.lot.Arm(park.Want{Topic: q.Topic.Name, Queue: q.Queue, From: from}, wake)
	e.mu.Lock()
	end := mq.Offset(0)
	if t := e.st.Topic(q.Topic.Name); t != nil {
		if queue := t.Queue(q.Queue); queue != nil {
			end = mq.Offset(queue.Visible)
		}
	}
	e.mu.Unlock()
	if end > from {
		e.lot.Arrived(q.Topic.Name, q.Queue, 0, end)
	}
	return disarm
}

// wake wakes as many as take n messages of a ledger, and sees to it that the ledger is looked at again while others wait.
func (e *Engine) wake(ledger record.Ledger, topic, group mq.Physical, n int) {
	if e.lot.Wake(topic, group, ledger.Queue.Queue, n) > 0 {
		e.mu.Lock()
		e.alarmLocked(ledger, e.now()+int64(lookAgainAfter))
		e.mu.Unlock()
	}
}

// lookAgain sets the alarm for a ledger of which somebody was woken while others still wait.
func (e *Engine) lookAgain(topic, group mq.Physical, q mq.QueueID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, g := e.st.Topic(topic), e.st.Group(group)
	if t != nil && g != nil {
		e.alarmLocked(record.Ledger{Group: g.ID, Queue: record.Queue{Topic: t.ID, Queue: q}}, e.now()+int64(lookAgainAfter))
	}
}

// watchLocked sets the alarm for the end of a lease if somebody waits for that ledger. It needs mu.
func (e *Engine) watchLocked(ledger record.Ledger, until int64) {
	t, g := e.st.Topics[ledger.Queue.Topic], e.st.Groups[ledger.Group]
	if t != nil && g != nil && e.lot.Waits(t.Spec.Name, g.Spec.Name) {
		e.alarmLocked(ledger, until)
	}
}

// alarmLocked has a ledger looked at no later than at. It needs mu.
func (e *Engine) alarmLocked(ledger record.Ledger, at int64) {
	if e.alarms.set(ledger, at) {
		e.tickBy(at)
	}
}

// ringLocked looks at the ledgers whose alarm is due, and returns what to wake. It needs mu.
func (e *Engine) ringLocked(now int64) (rung []ring) {
	for {
		ledger, ok := e.alarms.pop(now)
		if !ok {
			return rung
		}
		t, g, l := e.st.Topics[ledger.Queue.Topic], e.st.Groups[ledger.Group], e.st.Ledger(ledger)
		if t == nil || g == nil || l == nil || !e.lot.Waits(t.Spec.Name, g.Spec.Name) {
			continue
		}
		if e.hasWorkLocked(ledger) {
			rung = append(rung, ring{ledger, t.Spec.Name, g.Spec.Name})
		}
		if until, ok := l.Expiry(now); ok {
			e.alarms.set(ledger, until)
		}
	}
}

type ring struct {
	ledger       record.Ledger
	topic, group mq.Physical
}

// alarms is when to look at ledgers, at most one time for each.
type alarms struct {
	at   map[record.Ledger]int64
	heap alarmHeap // may hold times that were moved since; at decides
}

type alarm struct {
	at     int64
	ledger record.Ledger
}

// set reports whether the alarm is now earlier than it was.
func (a *alarms) set(ledger record.Ledger, at int64) bool {
	if old, ok := a.at[ledger]; ok && old <= at {
		return false
	}
	if a.at == nil {
		a.at = map[record.Ledger]int64{}
	}
	a.at[ledger] = at
	heap.Push(&a.heap, alarm{at, ledger})
	return true
}

func (a *alarms) pop(now int64) (record.Ledger, bool) {
	for len(a.heap) > 0 && a.heap[0].at <= now {
		x := heap.Pop(&a.heap).(alarm)
		if a.at[x.ledger] == x.at {
			delete(a.at, x.ledger)
			return x.ledger, true
		}
	}
	return record.Ledger{}, false
}

func (a *alarms) next() (at int64, ok bool) {
	if len(a.heap) == 0 {
		return 0, false
	}
	return a.heap[0].at, true
}

type alarmHeap []alarm

func (h alarmHeap) Len() int           { return len(h) }
func (h alarmHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h alarmHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *alarmHeap) Push(x any)        { *h = append(*h, x.(alarm)) }
func (h *alarmHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
