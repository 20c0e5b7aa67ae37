// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"fmt"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// ordered makes the bench's group one with order and gives a want of it.
func (b *bench) ordered(attempt string, most int) mq.Want {
	b.t.Helper()
	b.group.Ordered = true
	b.ok(b.PutGroup(b.ctx(), b.group))
	return mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: most, Attempt: mq.AttemptID(attempt)}
}

// sendInOrder sends messages of one message group, so to one queue.
func (b *bench) sendInOrder(ids ...string) {
	b.t.Helper()
	group, err := mq.ParseMessageGroup("order-1")
	b.ok(err)
	for _, id := range ids {
		m := b.message(id)
		m.Type, m.Group = mq.FIFO, group
		b.ok(b.Send(b.ctx(), b.topic, []mq.Message{m})[0].Err)
	}
}

func (b *bench) take(w mq.Want, bodies ...string) []mq.Delivery {
	b.t.Helper()
	got, err := b.Take(b.ctx(), w)
	b.ok(err)
	var all []string
	for _, d := range got {
		all = append(all, string(d.Message.Body))
	}
	if fmt.Sprint(all) != fmt.Sprint(bodies) {
		b.t.Fatalf("took %v, want %v", all, bodies)
	}
	return got
}

// until waits for what happens on other goroutines; the virtual time stands still meanwhile.
func (b *bench) until(what string, is func() bool) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("not within a minute: %s", what)
		}
	}
}

func (b *bench) wait(w mq.Want) (woken chan struct{}, disarm func()) {
	woken = make(chan struct{}, 1)
	return woken, b.Arm(w, func() { woken <- struct{}{} })
}

func (b *bench) isWoken(woken chan struct{}) {
	b.t.Helper()
	select {
	case <-woken:
	case <-time.After(time.Minute):
		b.t.Fatal("not woken")
	}
}

// An acknowledgement wakes who waits for the queue within its round trip: the virtual time stands still. What woke it is taken without
// asking again.
func TestAnOrderlyAcknowledgementWakesAtOnce(t *testing.T) {
	b := newBench(t)
	first := b.ordered("first", 1)
	b.sendInOrder("0", "1")
	run := b.take(first, "0")
	second := b.ordered("second", 1)
	woken, disarm := b.wait(second)
	defer disarm()
	b.until("a pop is parked at each queue", func() bool { return b.fake.Parked() == len(b.queues()) })
	b.ok(b.Ack(b.ctx(), []mq.Lease{run[0].Lease})[0])
	b.isWoken(woken)
	b.fake.Requests()
	got := b.take(second, "1")
	if n := b.count(remoting.PopMessage); n != 0 || got[0].Attempt != 1 {
		t.Errorf("%d pops for what was kept, attempt %d", n, got[0].Attempt)
	}
	disarm()
	b.take(b.ordered("third", 1)) // it is leased to the second
	b.ok(b.Ack(b.ctx(), []mq.Lease{got[0].Lease})[0])
}

func (b *bench) queues() mq.QueueSet {
	b.t.Helper()
	all, err := b.Refresh(b.ctx(), b.topic)
	b.ok(err)
	return all
}

// However many wait for the same, each queue has one parked pop.
func TestOrderlyWaitersShareParkedPops(t *testing.T) {
	b := newBench(t, "broker-a", "broker-b")
	for i := range 100 {
		w := b.group
		w.Ordered = true
		_, disarm := b.wait(mq.Want{Topic: b.topic, Group: w, Queue: mq.AnyQueue, Max: 1, Attempt: mq.AttemptID(fmt.Sprint(i))})
		defer disarm()
	}
	b.until("a pop is parked at each queue", func() bool { return b.fake.Parked() >= len(b.queues()) })
	if n := b.fake.Parked(); n != 4 {
		t.Errorf("%d pops are parked, want one for each of 4 queues", n)
	}
}

// What was brought for a waiter that goes away is there for the next one at once, and was not delivered.
func TestWhatNobodyComesForIsGivenBackAtOnce(t *testing.T) {
	for name, gone := range map[string]func(b *bench, w mq.Want){
		"after the wake": func(b *bench, w mq.Want) {
			woken, disarm := b.wait(w)
			b.sendInOrder("0", "1")
			b.isWoken(woken)
			disarm()
			disarm()
		},
		"before the message": func(b *bench, w mq.Want) {
			_, disarm := b.wait(w)
			b.until("a pop is parked at each queue", func() bool { return b.fake.Parked() == len(b.queues()) })
			disarm()
			b.sendInOrder("0", "1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			w := b.ordered("gone", 2)
			gone(b, w)
			other := b.ordered("other", 2)
			var got []mq.Delivery
			b.until("the run is there", func() bool {
				some, err := b.Take(b.ctx(), other)
				b.ok(err)
				got = append(got, some...)
				return len(got) == 2
			})
			for i, d := range got {
				if string(d.Message.Body) != fmt.Sprint(i) || d.Attempt != 1 {
					t.Errorf("message %d is %s, attempt %d", i, d.Message.Body, d.Attempt)
				}
			}
		})
	}
}

// A waiter that does not come leaves its run to the next one.
func TestARunIsHandedOnToTheNextWaiter(t *testing.T) {
	b := newBench(t)
	b.ordered("", 1)
	one, disarmOne := b.wait(b.ordered("one", 1))
	two, disarmTwo := b.wait(b.ordered("two", 1))
	defer disarmTwo()
	b.until("a pop is parked at each queue", func() bool { return b.fake.Parked() == len(b.queues()) })
	b.sendInOrder("0")
	b.isWoken(one)
	if len(two) > 0 {
		t.Error("both were woken for one run")
	}
	disarmOne()
	b.isWoken(two)
	b.take(b.ordered("two", 1), "0")
}

// The answer to a receive was lost, and the client asks again with the same attempt: it gets the run that a parked pop brought for it.
func TestARepeatedAttemptGetsTheRunOfItsParkedPop(t *testing.T) {
	b := newBench(t)
	w := b.ordered("mine", 2)
	woken, disarm := b.wait(w)
	b.until("a pop is parked at each queue", func() bool { return b.fake.Parked() == len(b.queues()) })
	b.sendInOrder("0")
	b.isWoken(woken)
	b.take(w, "0")
	disarm()
	b.take(b.ordered("other", 2))
	again := b.take(w, "0")
	if again[0].Attempt != 1 {
		t.Errorf("attempt %d", again[0].Attempt)
	}
	b.ok(b.Ack(b.ctx(), []mq.Lease{again[0].Lease})[0])
	b.time.Advance(2 * time.Hour)
	b.take(b.ordered("other", 2))
}

// A run was popped before somebody asked for it, and is hidden from then on: it is taken while what is left of that is as long as was asked, and given back
// otherwise.
func TestALeaseOfAKeptRunLastsFromTheCallOn(t *testing.T) {
	for kept, fresh := range map[time.Duration]bool{0: false, 2 * time.Second: false, 2001 * time.Millisecond: true, time.Hour: true} {
		t.Run(kept.String(), func(t *testing.T) {
			b := newBench(t)
			w := b.ordered("mine", 1)
			var err error
			w.Hold, err = mq.ParseHold(20 * time.Second)
			b.ok(err)
			woken, disarm := b.wait(w)
			defer disarm()
			b.sendInOrder("0")
			b.isWoken(woken)
			b.time.Advance(kept)
			b.fake.Requests()
			var got []mq.Delivery
			b.until("the message comes", func() bool {
				got, err = b.Take(b.ctx(), w)
				b.ok(err)
				return len(got) > 0
			})
			if lasts := got[0].Lease.Until.Sub(b.time.Now()); lasts < 20*time.Second || got[0].Attempt != 1 {
				t.Errorf("after %v: leased for %v, attempt %d", kept, lasts, got[0].Attempt)
			}
			if again := b.count(remoting.ChangeInvisible) > 0; again != fresh {
				t.Errorf("after %v: given back: %v", kept, again)
			}
		})
	}
}

// A broker that refuses pops wakes those who wait, so that a Take says why; then pops are parked again.
func TestARefusedParkedPopWakes(t *testing.T) {
	b := newBench(t)
	w := b.ordered("a", 1)
	b.fake.Inject(fakebroker.Fault{Request: remoting.PopMessage, Harm: fakebroker.Answer, Code: remoting.SystemBusy, Remark: "[TIMEOUT_CLEAN_QUEUE]broker busy"})
	woken, disarm := b.wait(w)
	for end := time.Now().Add(time.Minute); len(woken) == 0 && time.Now().Before(end); <-time.After(time.Millisecond) {
		b.time.Advance(time.Second)
	}
	b.isWoken(woken)
	if _, err := b.Take(b.ctx(), w); mq.KindOf(err) != mq.TooManyRequests {
		t.Errorf("%v", err)
	}
	disarm()
	b.fake.Heal()
	woken, disarm = b.wait(w)
	defer disarm()
	b.sendInOrder("0")
	for end := time.Now().Add(time.Minute); len(woken) == 0 && time.Now().Before(end); <-time.After(time.Millisecond) {
		b.time.Advance(time.Second)
	}
	b.isWoken(woken)
	b.take(w, "0")
}
