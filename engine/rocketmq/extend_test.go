// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// A lease that is changed in the millisecond in which it began has a checkpoint that is acknowledged with the old one: the message would never come again.
func TestAChangeInTheMillisecondOfItsPopLosesNoMessage(t *testing.T) {
	b := newBenchOf(t, fakebroker.Options{SameMillisecond: 2})
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})[0].Err)
	w := mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: 1}
	for _, d := range []time.Duration{0, 2 * time.Second} {
		lease := b.take(w, "m")[0].Lease
		b.fake.Requests()
		over := make(chan mq.Extended, 1)
		go func() { over <- b.Extend(b.ctx(), []mq.Lease{lease}, d, mq.Replace)[0] }()
		x := passing(b, over)
		b.ok(x.Err)
		if n := b.count(remoting.ChangeInvisible); n != 3 {
			t.Errorf("%d changes, want one beyond the two that fell into that millisecond", n)
		}
		if left := x.Lease.Until.Sub(b.time.Now()); left > d {
			t.Errorf("it shows in %v", left)
		}
		b.time.Advance(d + time.Millisecond)
	}
	b.ok(b.Ack(b.ctx(), []mq.Lease{b.take(w, "m")[0].Lease})[0])
}

// passing lets time go by until a call is over, and gives what came of it.
func passing[T any](b *bench, over <-chan T) T {
	b.t.Helper()
	pulse := time.NewTicker(time.Millisecond)
	defer pulse.Stop()
	end := time.NewTimer(20 * time.Second)
	defer end.Stop()
	for {
		select {
		case x := <-over:
			return x
		case <-pulse.C:
			b.time.Advance(time.Millisecond)
		case <-end.C:
			b.t.Fatal("the call does not end")
		}
	}
}

// A broker whose clock stands still is no reason to ask it for ever.
func TestAChangeThatHasNoNameOfItsOwnIsDoubted(t *testing.T) {
	b := newBenchOf(t, fakebroker.Options{SameMillisecond: 1000})
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})[0].Err)
	lease := b.take(mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: 1}, "m")[0].Lease
	over := make(chan mq.Extended, 1)
	go func() { over <- b.Extend(b.ctx(), []mq.Lease{lease}, 0, mq.Replace)[0] }()
	if x := passing(b, over); mq.Outcome(x.Err) != mq.Unknown || x.Lease.Token != lease.Token {
		t.Errorf("%v", x.Err)
	}
}

// Once a change has taken its own checkpoint with it, nothing but another change brings the message back: neither a busy broker nor a caller that is gone ends it.
func TestAChangeThatHasToBeRepeatedOutlivesItsCallerAndABusyBroker(t *testing.T) {
	b := newBenchOf(t, fakebroker.Options{SameMillisecond: 1})
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})[0].Err)
	w := mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: 1}
	lease := b.take(w, "m")[0].Lease
	b.fake.Inject(fakebroker.Fault{Request: remoting.ChangeInvisible, Skip: 1, Times: 3, Harm: fakebroker.Answer, Code: remoting.SystemBusy, Remark: "too busy"})
	ctx, cancel := context.WithCancel(b.ctx())
	over := make(chan mq.Extended, 1)
	go func() { over <- b.Extend(ctx, []mq.Lease{lease}, 0, mq.Replace)[0] }()
	changes := 0
	b.until("the first change is there", func() bool { changes += b.count(remoting.ChangeInvisible); return changes > 0 })
	cancel()
	b.ok(passing(b, over).Err)
	b.time.Advance(time.Millisecond)
	b.ok(b.Ack(b.ctx(), []mq.Lease{b.take(w, "m")[0].Lease})[0])
}
