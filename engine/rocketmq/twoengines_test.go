// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"testing"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// A message that arrives answers one notification, and one whose waiter is gone swallows it. A client that polls one proxy after the other leaves such at
// each: who waits last is woken all the same, at once.
func TestAWaitThatEndedElsewhereTakesNoWake(t *testing.T) {
	b := newBench(t)
	other, err := overFake(b.fake, b.time, defaultCluster(t))
	b.ok(err)
	defer func() { b.ok(other.Close()) }()
	w := mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: 1, Until: b.time.Now().Add(time.Minute)}
	waited := func(e *Engine, parked int) {
		got, err := e.Take(b.ctx(), w)
		b.ok(err)
		if len(got) > 0 {
			t.Fatal("the topic is empty")
		}
		e.Arm(w, func() {})()
		b.until("a notification is parked", func() bool { return b.fake.Parked() == parked })
	}
	waited(b.Engine, 1)
	b.time.Advance(time.Second)
	waited(other, 2)
	b.time.Advance(time.Second)
	woken, disarm := b.wait(w)
	defer disarm()
	b.until("the one who waits has a notification of its own", func() bool { return b.fake.Parked() == 3 })
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})[0].Err)
	b.isWoken(woken) // the virtual time stands still
	b.take(w, "m")
}

// A parked pop that nobody waits behind any more takes a run and gives it back, which brokers count as a delivery. A client that waited at another proxy for
// a moment leaves it there for no longer.
func TestAShortWaitElsewhereCostsNoAttempt(t *testing.T) {
	b := newBench(t)
	other, err := overFake(b.fake, b.time, defaultCluster(t))
	b.ok(err)
	defer func() { b.ok(other.Close()) }()
	w := b.ordered("first", 1)
	b.sendInOrder("0")
	first := b.take(w, "0")
	w = b.ordered("elsewhere", 1)
	_, err = other.Take(b.ctx(), w)
	b.ok(err)
	other.Arm(w, func() {})()
	b.until("a pop is parked at each queue", func() bool { return b.fake.Parked() == len(b.queues()) })
	b.ok(b.Extend(b.ctx(), []mq.Lease{first[0].Lease}, time.Second, mq.Replace)[0].Err)
	b.until("the pops that nobody waits behind end before the message shows", func() bool {
		b.time.Advance(10 * time.Millisecond)
		return b.fake.Parked() == 0
	})
	b.time.Advance(time.Second)
	if again := b.take(b.ordered("again", 1), "0"); again[0].Attempt != 2 {
		t.Errorf("attempt %d, want 2", again[0].Attempt)
	}
}

// What an engine remembers of an orderly group's acknowledgements does not outlive a reset that another process does: a message of the new life that is not
// acknowledged comes again.
func TestWhatWasSettledBeforeAResetElsewhereComesAgain(t *testing.T) {
	b := newBench(t)
	other, err := overFake(b.fake, b.time, defaultCluster(t))
	b.ok(err)
	defer func() { b.ok(other.Close()) }()
	w := b.ordered("before", 2)
	b.sendInOrder("0")
	b.sendInOrder("1")
	for _, d := range b.take(w, "0", "1") {
		b.ok(b.Ack(b.ctx(), []mq.Lease{d.Lease})[0])
	}
	_, err = other.Reset(b.ctx(), w.Group, b.topic, mq.Position{Kind: mq.ToEarliest})
	b.ok(err)
	w.Attempt = "fails"
	b.take(w, "0", "1")
	b.time.Advance(mq.DefaultHold + time.Second)
	w.Attempt = "again"
	for _, d := range b.take(w, "0", "1") {
		if d.Attempt != 2 {
			t.Errorf("attempt %d of %s", d.Attempt, d.Message.ID)
		}
	}
}
