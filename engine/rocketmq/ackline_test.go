// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// leased sends n messages and takes them.
func (b *bench) leased(n int) (all []mq.Delivery) {
	b.t.Helper()
	for i := range n {
		b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message(fmt.Sprint("m", i))})[0].Err)
	}
	for len(all) < n {
		got, err := b.Take(b.ctx(), mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: mq.MaxReceive})
		b.ok(err)
		all = append(all, got...)
	}
	return all
}

// ackTogether acknowledges each alone while the broker is frozen with the first one under way.
func (b *bench) ackTogether(all []mq.Delivery) []error {
	b.t.Helper()
	broker := all[0].Broker
	b.fake.Freeze(b.fake.Address(broker))
	b.fake.Requests()
	errs := make([]error, len(all))
	var under sync.WaitGroup
	line := b.lines.Of(broker)
	for i, d := range all {
		under.Go(func() { errs[i] = b.Ack(b.ctx(), []mq.Lease{d.Lease})[0] })
		b.until("it waits", func() bool { return line.Waiting() == i+1 })
	}
	b.fake.Thaw(b.fake.Address(broker))
	under.Wait()
	return errs
}

func TestAcknowledgementsShareARequestWhileOneIsUnderWay(t *testing.T) {
	b := newBench(t)
	all := b.leased(20)
	for _, err := range b.ackTogether(all) {
		b.ok(err)
	}
	alone, together := 0, 0
	for _, a := range b.fake.Requests() {
		switch a.Code {
		case int32(remoting.AckMessage):
			alone++
		case int32(remoting.BatchAck):
			together++
		}
	}
	if alone != 1 || together != 1 {
		t.Errorf("%d single requests and %d batches for 20 acknowledgements", alone, together)
	}
	b.time.Advance(time.Hour)
	again, err := b.Take(b.ctx(), mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: mq.MaxReceive})
	b.ok(err)
	if len(again) != 0 {
		t.Errorf("%d messages came again", len(again))
	}
}

// What is not known of a shared request is not known for any of those in it, and for nobody else.
func TestAnUnknownSharedAcknowledgementIsUnknownForEach(t *testing.T) {
	b := newBench(t)
	all := b.leased(5)
	b.fake.Inject(fakebroker.Fault{Request: remoting.BatchAck, Harm: fakebroker.CutAfter})
	errs := b.ackTogether(all)
	b.ok(errs[0])
	for i, err := range errs[1:] {
		if err == nil || mq.Outcome(err) != mq.Unknown {
			t.Errorf("acknowledgement %d: %v", i+1, err)
		}
	}
	b.fake.Heal()
	for _, err := range b.ackTogether(all) { // the line goes on
		b.ok(err)
	}
}

// Who gives up before his acknowledgement was sent knows that it was not; the others do not notice.
func TestLeavingTheLineIsARefusal(t *testing.T) {
	b := newBench(t)
	all := b.leased(3)
	broker := all[0].Broker
	b.fake.Freeze(b.fake.Address(broker))
	line := b.lines.Of(broker)
	var under sync.WaitGroup
	errs := make([]error, 3)
	impatient, leave := context.WithCancel(b.ctx())
	for i, ctx := range []context.Context{b.ctx(), impatient, b.ctx()} {
		under.Go(func() { errs[i] = b.Ack(ctx, []mq.Lease{all[i].Lease})[0] })
		b.until("it waits", func() bool { return line.Waiting() == i+1 })
	}
	leave()
	b.until("it left", func() bool { return line.Waiting() == 2 })
	b.fake.Thaw(b.fake.Address(broker))
	under.Wait()
	b.ok(errs[0])
	b.ok(errs[2])
	if errs[1] == nil || mq.Outcome(errs[1]) != mq.Refused || mq.KindOf(errs[1]) != mq.Timeout {
		t.Errorf("%v", errs[1])
	}
}

// An orderly acknowledgement is never part of a shared request: a broker answers a batch with one word.
func TestOrderlyAcknowledgementsGoAlone(t *testing.T) {
	b := newBench(t)
	w := b.ordered("a", 3)
	b.sendInOrder("0", "1", "2")
	run := b.take(w, "0", "1", "2")
	b.fake.Requests()
	var under sync.WaitGroup
	for _, d := range run {
		under.Go(func() {
			if err := b.Ack(b.ctx(), []mq.Lease{d.Lease})[0]; err != nil {
				t.Error(err)
			}
		})
	}
	under.Wait()
	if n := b.count(remoting.AckMessage); n != 3 {
		t.Errorf("%d single requests for 3 orderly acknowledgements", n)
	}
}

// A topic that was dropped meanwhile must not fail the acknowledgements that share its request: they may be another tenant's.
func TestATopicThatIsGoneFailsNoOtherAcknowledgement(t *testing.T) {
	b := newBench(t)
	doomed := b.topic
	doomed.Name = mq.PhysicalDeadLetters(b.topic.Name) // any other name
	b.ok(b.PutTopic(b.ctx(), doomed))
	stays := b.leased(1)
	b.ok(b.Send(b.ctx(), doomed, []mq.Message{b.message("gone")})[0].Err)
	goes, err := b.Take(b.ctx(), mq.Want{Topic: doomed, Group: b.group, Queue: mq.AnyQueue, Max: 1})
	b.ok(err)
	if len(goes) != 1 {
		t.Fatalf("%d messages", len(goes))
	}
	dropped := make(chan error, 1)
	go func() { dropped <- b.DropTopic(b.ctx(), doomed.Name) }()
	b.ok(passing(b, dropped)) // it rests, since the topic was consumed
	if errs := b.Ack(b.ctx(), []mq.Lease{goes[0].Lease, stays[0].Lease}); errs[1] != nil {
		t.Fatalf("the other topic's message: %v", errs[1])
	}
	b.time.Advance(time.Hour)
	again, err := b.Take(b.ctx(), mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: 1})
	b.ok(err)
	if len(again) != 0 {
		t.Error("it came again")
	}
}
