// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// timeout gives the bench's group a consumeTimeoutMinute at one broker.
func (b *bench) timeout(minutes int64) {
	b.t.Helper()
	g := admin.NewGroup(b.group.Name.String())
	g.TimeoutMinutes = minutes
	f, err := b.client.Call(b.ctx(), b.fake.Address("broker-a"), remoting.Request{Code: remoting.CreateGroup, Body: g.AppendJSON(nil)})
	b.ok(err)
	b.ok(f.Err())
}

// Who would renew gets the whole of the group's time at once, and renews nothing.
func TestTheWholeHoldIsTheGroups(t *testing.T) {
	b := newBench(t)
	w := mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: 1, Renew: true}
	granted := func() mq.Delivery {
		t.Helper()
		b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})[0].Err)
		return b.take(w, "m")[0]
	}
	for _, c := range []struct {
		minutes int64
		want    time.Duration
	}{{7, 7 * time.Minute}, {24 * 60, mq.MaxHold}, {1, time.Minute}} {
		b.timeout(c.minutes)
		b.time.Advance(holdMemory)
		d := granted()
		if got := d.Lease.Until.Sub(b.time.Now()); got != c.want || d.Keep != 0 {
			t.Errorf("consumeTimeoutMinute %d: a lease of %v, kept every %v", c.minutes, got, d.Keep)
		}
		b.ok(b.Ack(b.ctx(), []mq.Lease{d.Lease})[0])
	}
	b.fake.Requests()
	granted()
	if n := b.count(remoting.GroupConfig); n != 0 {
		t.Errorf("%d look-ups for a group that was looked up a moment ago", n)
	}
}

// Without an answer the last known time goes on, and before any the brokers' default.
func TestTheWholeHoldWithoutAnAnswer(t *testing.T) {
	b := newBench(t)
	b.fake.Inject(fakebroker.Fault{Request: remoting.GroupConfig, Harm: fakebroker.Answer, Code: remoting.SystemError, Remark: "no"})
	r, err := b.routes.Route(b.ctx(), b.topic.Name)
	b.ok(err)
	if d := b.wholeHold(b.ctx(), r, b.group.Name); d != longHold {
		t.Errorf("%v before anything is known", d)
	}
	b.fake.Heal()
	b.timeout(3)
	b.time.Advance(holdRest)
	if d := b.wholeHold(b.ctx(), r, b.group.Name); d != 3*time.Minute {
		t.Errorf("%v, want the group's 3 min", d)
	}
	b.fake.Inject(fakebroker.Fault{Request: remoting.GroupConfig, Harm: fakebroker.Answer, Code: remoting.SystemError, Remark: "no"})
	b.time.Advance(holdMemory)
	if d := b.wholeHold(b.ctx(), r, b.group.Name); d != 3*time.Minute {
		t.Errorf("%v, want what was known before", d)
	}
}

// One broker that has something is enough for a Take, and it is the one that a notification named.
func TestATakeAsksTheNamedBrokerFirst(t *testing.T) {
	b := newBench(t, "broker-a", "broker-b", "broker-c", "broker-d")
	want := mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: mq.MaxReceive}
	for range 8 {
		woken, disarm := b.wait(want)
		b.until("notifications are parked", func() bool { return b.fake.Parked() == 4 })
		b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})[0].Err)
		b.isWoken(woken)
		disarm()
		b.fake.Requests()
		got := b.take(want, "m")
		if n := b.count(remoting.PopMessage); n != 1 {
			t.Errorf("%d pops for a message whose broker was named", n)
		}
		b.ok(b.Ack(b.ctx(), []mq.Lease{got[0].Lease})[0])
	}
}

// What a group's consumers may hold is told to the brokers too: without it a message that a dead proxy had taken is away for fifteen minutes.
func TestAGroupsHoldIsKnownToItsBrokers(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ hold, lease time.Duration }{{30 * time.Second, time.Minute}, {5 * time.Minute, 5 * time.Minute}} {
		g := b.group
		g.Hold = c.hold
		b.ok(b.PutGroup(b.ctx(), g))
		b.time.Advance(2 * time.Minute) // what is remembered of the group is looked at again
		b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})[0].Err)
		got, err := b.Take(b.ctx(), mq.Want{Topic: b.topic, Group: g, Queue: mq.AnyQueue, Max: 1, Renew: true})
		b.ok(err)
		if len(got) != 1 {
			t.Fatalf("%d messages", len(got))
		}
		if held := got[0].Lease.Until.Sub(b.time.Now()); held != c.lease {
			t.Errorf("hold %v: a lease of %v, want %v", c.hold, held, c.lease)
		}
		b.ok(b.Ack(b.ctx(), []mq.Lease{got[0].Lease})[0])
	}
}
