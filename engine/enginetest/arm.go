// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func armCases() []Case {
	return []Case{
		{Name: "arm/wakes-for-a-new-message", Play: wakesForMessage},
		{Name: "arm/wakes-for-what-is-already-there", Play: wakesForWhatIsThere},
		{Name: "arm/wakes-for-an-expired-lease", Play: wakesForExpiry},
		{Name: "arm/wakes-for-a-freed-message", Play: wakesForFreed},
		{Name: "arm/wakes-for-a-scheduled-message", Play: wakesForScheduled},
		{Name: "arm/wakes-for-a-commit", Play: wakesForCommit},
		{Name: "arm/wakes-for-an-unblocked-message-group", Play: wakesForUnblocked},
		{Name: "arm/wakes-for-a-dead-letter", Play: wakesForDeadLetter},
		{Name: "arm/wakes-for-its-queue", Play: wakesForItsQueue},
		{Name: "arm/wakes-for-what-its-filter-wants", Play: wakesForItsFilter},
		{Name: "arm/a-waiter-that-does-not-come-delays-nobody", Play: waiterThatDoesNotCome},
		{Name: "arm/wakes-every-group", Play: wakesEveryGroup},
		{Name: "arm/wakes-once", Play: wakesOnce},
		{Name: "arm/silent-after-disarm", Play: silentAfterDisarm},
		{Name: "arm/disarm-races-with-wake", Play: disarmRaces},
		{Name: "arm/leaves-nothing-leased", Play: leavesNothingLeased},
		{Name: "arm/no-wake-is-lost", Play: noWakeIsLost},
		{Name: "arm/no-wake-is-lost-among-many", Play: func(s *Scene) { s.manyWaiters(s.group(), tags("wanted")) }},
		{Name: "arm/no-wake-is-lost-in-order", Play: func(s *Scene) { s.manyWaiters(s.group(ordered)) }},
		{Name: "arm/holds-no-goroutine", Play: holdsNoGoroutine},
	}
}

// arm registers a bell until the scene ends.
func (s *Scene) arm(w mq.Want) *bell {
	b := &bell{}
	s.finally(s.engine().Arm(w, b.ring))
	return b
}

func wakesForMessage(s *Scene) {
	t, g := s.topic(4), s.group()
	b := s.arm(want(t, g))
	m := s.message()
	s.send(t, m)
	s.within(s.target.Lateness, "the waiter is woken", b.rung)
	s.areExactly(s.collect(want(t, g), 1), m)
}

func wakesForWhatIsThere(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.message())
	b := s.arm(want(t, g))
	s.within(s.target.Lateness, "the waiter is woken: a message is there", b.rung)
}

func wakesForExpiry(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.message())
	d := s.collect(want(t, g, lasting(3*time.Second)), 1)[0]
	b := s.arm(want(t, g))
	s.expire(d)
	s.within(s.target.Lateness, "the waiter is woken: the lease is over", b.rung)
	s.collect(want(t, g), 1)
}

func wakesForFreed(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.message())
	d := s.collect(want(t, g), 1)[0]
	b := s.arm(want(t, g))
	s.extended(d.Lease, 0, mq.Replace)
	s.within(s.target.Lateness, "the waiter is woken: the message was freed", b.rung)
}

func wakesForScheduled(s *Scene) {
	t, g := s.topic(1), s.group()
	due := s.now().Add(4 * time.Second)
	s.send(t, s.message(dueAt(due)))
	b := s.arm(want(t, g))
	s.passUntil(due)
	s.within(s.target.Lateness, "the waiter is woken: the message is due", b.rung)
	s.collect(want(t, g), 1)
}

func wakesForCommit(s *Scene) {
	t, g := s.topic(1), s.group()
	_, h := s.prepare(t)
	b := s.arm(want(t, g))
	s.ok(s.settle(t, h, mq.Commit), "commit")
	s.within(s.target.Lateness, "the waiter is woken: the transaction is committed", b.rung)
}

func wakesForUnblocked(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	s.send(t, s.messages(2, inGroup("order-1"))...)
	d := s.collect(want(t, g, most(1), attempt("a")), 1)
	b := s.arm(want(t, g, attempt("b")))
	s.ack(d...)
	s.within(s.target.Lateness, "the waiter is woken: the message group is no longer blocked", b.rung)
	s.collect(want(t, g, attempt("b")), 1)
}

func wakesForDeadLetter(s *Scene) {
	t, g, reader := s.topic(1), s.group(), s.group()
	graves := s.deadLetters(g)
	s.none(want(graves, reader), "nobody died")
	b := s.arm(want(graves, reader))
	s.send(t, s.message())
	for _, err := range s.engine().DeadLetter(s.ctx, leases(s.collect(want(t, g), 1)...), "poison") {
		s.ok(err, "dead letter")
	}
	s.within(s.target.Lateness, "the waiter is woken: there is a dead letter", b.rung)
	s.collect(want(graves, reader), 1)
}

func wakesForItsQueue(s *Scene) {
	t, g := s.topic(3), s.group()
	broker := s.broker(t)
	in2 := want(t, g, func(w *mq.Want) { w.Queue, w.Broker = 2, broker })
	b := s.arm(in2)
	for range 100 {
		if sent := s.send(t, s.message())[0]; sent.Queue == 2 && sent.Broker == broker {
			s.within(s.target.Lateness, "the waiter is woken: its queue has a message", b.rung)
			s.collectSome(in2)
			return
		}
	}
	s.fatalf("none of 100 messages went to queue 2 of 3")
}

func wakesForItsFilter(s *Scene) {
	t, g := s.topic(1), s.group()
	w := want(t, g, tags("signal"))
	s.sendEach(t, s.messages(20, tagged("noise"))...)
	s.none(w, "nothing passes")
	m := s.message(tagged("signal"))
	for sent := false; ; {
		b := s.arm(w)
		if got := s.take(w); len(got) > 0 {
			s.areExactly(got, m)
			return
		}
		if !sent {
			sent = true
			s.send(t, s.messages(5, tagged("noise"))...)
			s.send(t, m)
		}
		s.within(s.target.Lateness, "the waiter is woken: something passes", b.rung)
	}
}

func waiterThatDoesNotCome(s *Scene) {
	t, g := s.topic(1), s.group()
	s.none(want(t, g), "nothing was sent")
	bells := []*bell{s.arm(want(t, g)), s.arm(want(t, g)), s.arm(want(t, g))}
	s.send(t, s.message())
	for _, b := range bells {
		s.within(2*s.target.Lateness, "every waiter is woken, since nobody takes the message", b.rung)
	}
	s.collect(want(t, g), 1)
}

func wakesEveryGroup(s *Scene) {
	t := s.topic(2)
	var bells []*bell
	for range 5 {
		bells = append(bells, s.arm(want(t, s.group())))
	}
	s.send(t, s.message())
	for i, b := range bells {
		s.within(s.target.Lateness, fmt.Sprintf("the waiter of group %d is woken", i), b.rung)
	}
}

func wakesOnce(s *Scene) {
	t, g := s.topic(1), s.group()
	b := s.arm(want(t, g))
	s.send(t, s.message())
	s.within(s.target.Lateness, "the waiter is woken", b.rung)
	witness := s.arm(want(t, s.group()))
	s.sendEach(t, s.messages(5)...)
	s.within(s.target.Lateness, "the witness is woken", witness.rung)
	if n := b.rings.Load(); n != 1 {
		s.fatalf("woken %d times, want once", n)
	}
}

func silentAfterDisarm(s *Scene) {
	t, g := s.topic(1), s.group()
	b := &bell{}
	disarm := s.engine().Arm(want(t, g), b.ring)
	disarm()
	disarm() // twice is allowed
	witness := s.arm(want(t, s.group()))
	m := s.message()
	s.send(t, m)
	s.within(s.target.Lateness, "the witness is woken", witness.rung)
	s.areExactly(s.collect(want(t, g), 1), m)
	if b.rung() {
		s.fatalf("woken after disarm")
	}
}

func disarmRaces(s *Scene) {
	t, g := s.topic(1), s.group()
	rounds := 300
	if !s.traits.VirtualTime {
		rounds = 20
	}
	var late atomic.Int32
	s.all(2, func(i int) {
		for range rounds {
			if i == 0 {
				s.send(t, s.message())
				continue
			}
			var over atomic.Bool
			disarm := s.engine().Arm(want(t, g), func() {
				if over.Load() {
					late.Add(1)
				}
			})
			s.ack(s.take(want(t, g))...)
			disarm()
			over.Store(true)
		}
	})
	if n := late.Load(); n > 0 {
		s.fatalf("woken %d times after disarm had returned", n)
	}
}

func leavesNothingLeased(s *Scene) {
	t, g := s.topic(1), s.group()
	b := &bell{}
	disarm := s.engine().Arm(want(t, g), b.ring)
	m := s.message()
	s.send(t, m)
	s.within(s.target.Lateness, "the waiter is woken", b.rung)
	disarm() // the waiter's client is gone
	got := s.collect(want(t, g), 1)
	s.areExactly(got, m)
	s.attemptsAre(1, got...)
}

// noWakeIsLost plays what a door does for a parked receive: take, and when there is nothing, arm and take when woken. It
// never looks again without a wake, so a lost one shows as a message that never comes.
func noWakeIsLost(s *Scene) {
	t, g := s.topic(4), s.group()
	n := 400
	if !s.traits.VirtualTime {
		n = 40
	}
	var came atomic.Int32
	s.all(2, func(i int) {
		if i == 0 {
			for range n {
				s.send(t, s.message())
			}
			return
		}
		for int(came.Load()) < n {
			woken := make(chan struct{}, 1)
			disarm := s.engine().Arm(want(t, g), func() { woken <- struct{}{} })
			some := s.take(want(t, g))
			if len(some) == 0 {
				patience := time.NewTimer(s.target.Patience)
				select {
				case <-woken:
				case <-patience.C:
					disarm()
					s.fatalf("after %d of %d messages no wake came", came.Load(), n)
				}
				patience.Stop()
			}
			disarm()
			s.ack(some...)
			came.Add(int32(len(some)))
		}
	})
}

// manyWaiters plays several parked receives of one group, each as a door does it, while messages arrive one by one.
func (s *Scene) manyWaiters(g mq.Group, shapes ...func(*mq.Want)) {
	t := s.topic(2)
	n, waiters := 150, 3
	if !s.traits.VirtualTime {
		n = 30
	}
	var came atomic.Int32
	over := make(chan struct{})
	s.all(waiters+1, func(i int) {
		if i == waiters {
			for k := range n {
				s.send(t, s.message(tagged("noise"), inGroup("unwanted")), s.message(tagged("wanted"), inGroup(fmt.Sprint("order-", k%4))))
			}
			return
		}
		wanted := n
		if len(shapes) == 0 {
			wanted = 2 * n
		}
		for k := 0; int(came.Load()) < wanted; k++ {
			w := want(t, g, append(shapes, most(2), attempt(fmt.Sprint(i, "-", k)))...)
			got := s.parked(w, over)
			s.ack(got...)
			if total := came.Add(int32(len(got))); len(got) > 0 && int(total) >= wanted {
				close(over)
			}
		}
	})
}

// parked receives as a door does: arm, look, disarm the round before, sleep until woken. It gives up when over is closed.
func (s *Scene) parked(w mq.Want, over <-chan struct{}) []mq.Delivery {
	woken := make(chan struct{}, 1)
	patience := time.NewTimer(s.target.Patience)
	defer patience.Stop()
	pulse := time.NewTicker(5 * time.Millisecond) // time goes by for everyone who sleeps
	defer pulse.Stop()
	disarm := func() {}
	defer func() { disarm() }()
	for {
		next := s.engine().Arm(w, func() {
			select {
			case woken <- struct{}{}:
			default: // of the last round and of this one: one look serves both
			}
		})
		got := s.take(w)
		disarm()
		disarm = next
		if len(got) > 0 {
			return got
		}
		for asleep := true; asleep; {
			select {
			case <-woken:
				asleep = false
			case <-over:
				return nil
			case <-pulse.C:
				s.pass(5 * time.Millisecond)
			case <-patience.C:
				s.fatalf("no wake came for %v", w.Attempt)
			}
		}
	}
}

func holdsNoGoroutine(s *Scene) {
	t, g := s.topic(1), s.group()
	s.arm(want(t, g)) // what one waiter may start for all
	before := runtime.NumGoroutine()
	for range 500 {
		s.arm(want(t, g))
	}
	if more := runtime.NumGoroutine() - before; more > 100 {
		s.fatalf("500 waiters hold %d goroutines", more)
	}
}
