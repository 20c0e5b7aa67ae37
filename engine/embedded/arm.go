// SPDX-License-Identifier: Apache-2.0

package embedded

import (
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
	e.j.Lock()
	ready := e.waitingLocked(want)
	e.j.Unlock()
	if ready.Queue.Topic != 0 {
		e.wake(ready, want.Topic.Name, want.Group.Name, 1)
	}
	return disarm
}

// waitingLocked finds a ledger in which there is something now; for the others it sets the alarm. A queue that the group never
// touched counts when it holds anything: the next take finds out. It needs the lock.
func (e *Engine) waitingLocked(want mq.Want) (ready record.Ledger) {
	t := e.j.State().Topic(want.Topic.Name)
	if t == nil {
		return ready
	}
	var id record.GroupID
	if g := e.j.State().Group(want.Group.Name); g != nil {
		id = g.ID
	}
	now := e.j.Now()
	for q := range t.Queues {
		if want.Queue != mq.AnyQueue && want.Queue != mq.QueueID(q) {
			continue
		}
		ledger := record.Ledger{Group: id, Queue: record.Queue{Topic: t.ID, Queue: mq.QueueID(q)}}
		l := e.j.State().Ledger(ledger)
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
	e.j.Lock()
	end := mq.Offset(0)
	if t := e.j.State().Topic(q.Topic.Name); t != nil {
		if queue := t.Queue(q.Queue); queue != nil {
			end = mq.Offset(queue.Visible)
		}
	}
	e.j.Unlock()
	if end > from {
		e.lot.Arrived(q.Topic.Name, q.Queue, 0, end)
	}
	return disarm
}

// wake wakes as many as take n messages of a ledger, and sees to it that the ledger is looked at again while others wait.
func (e *Engine) wake(ledger record.Ledger, topic, group mq.Physical, n int) {
	if e.lot.Wake(topic, group, ledger.Queue.Queue, n) > 0 {
		e.j.Lock()
		e.alarmLocked(ledger, e.j.Now()+int64(lookAgainAfter))
		e.j.Unlock()
	}
}

// arrived wakes who waits for messages that became visible.
func (e *Engine) arrived(topic mq.Physical, q mq.QueueID, n int, end mq.Offset) {
	for _, group := range e.lot.Arrived(topic, q, n, end) {
		e.lookAgain(topic, group, q)
	}
}

// lookAgain sets the alarm for a ledger of which somebody was woken while others still wait.
func (e *Engine) lookAgain(topic, group mq.Physical, q mq.QueueID) {
	e.j.Lock()
	defer e.j.Unlock()
	t, g := e.j.State().Topic(topic), e.j.State().Group(group)
	if t != nil && g != nil {
		e.alarmLocked(record.Ledger{Group: g.ID, Queue: record.Queue{Topic: t.ID, Queue: q}}, e.j.Now()+int64(lookAgainAfter))
	}
}

// watchLocked sets the alarm for the end of a lease if somebody waits for that ledger. It needs the lock.
func (e *Engine) watchLocked(ledger record.Ledger, until int64) {
	t, g := e.j.State().Topics[ledger.Queue.Topic], e.j.State().Groups[ledger.Group]
	if t != nil && g != nil && e.lot.Waits(t.Spec.Name, g.Spec.Name) {
		e.alarmLocked(ledger, until)
	}
}

// alarmLocked has a ledger looked at no later than at. It needs the lock.
func (e *Engine) alarmLocked(ledger record.Ledger, at int64) {
	if e.alarms.Set(ledger, at) {
		e.tickBy(at)
	}
}

// ringLocked looks at the ledgers whose alarm is due, and returns what to wake. It needs the lock.
func (e *Engine) ringLocked(now int64) (rung []ring) {
	for {
		ledger, ok := e.alarms.Pop(now)
		if !ok {
			return rung
		}
		t, g, l := e.j.State().Topics[ledger.Queue.Topic], e.j.State().Groups[ledger.Group], e.j.State().Ledger(ledger)
		if t == nil || g == nil || l == nil || !e.lot.Waits(t.Spec.Name, g.Spec.Name) {
			continue
		}
		if e.hasWorkLocked(ledger) {
			rung = append(rung, ring{ledger, t.Spec.Name, g.Spec.Name})
		}
		if until, ok := l.Expiry(now); ok {
			e.alarms.Set(ledger, until)
		}
	}
}

type ring struct {
	ledger       record.Ledger
	topic, group mq.Physical
}
