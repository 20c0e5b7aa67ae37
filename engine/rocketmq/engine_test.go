// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Apache's proxy chooses by Guava's consistentHash over String.hashCode; these are its own results.
func TestTheQueueOfAMessageGroupIsApaches(t *testing.T) {
	for _, c := range []struct {
		group   string
		buckets int
		hash    int32
		want    int
	}{
		{"order-1", 1, -1207111310, 0}, {"order-1", 7, -1207111310, 3}, {"order-1", 64, -1207111310, 3}, {"order-1", 1000, -1207111310, 489},
		{"k", 2, 107, 1}, {"k", 64, 107, 46}, {"k", 1000, 107, 953}, {"Ünï", 7, 215069, 6}, {"Ünï", 1000, 215069, 824},
		{"😀 emoji", 64, -1572615351, 51}, {"😀 emoji", 1000, -1572615351, 762}, {"a-much-longer-message-group-name-0123456789", 64, 1485724323, 43},
	} {
		if h := javaHash(c.group); h != c.hash {
			t.Errorf("%q hashes to %d, want %d", c.group, h, c.hash)
		}
		if got := jump(int64(c.hash), c.buckets); got != c.want {
			t.Errorf("%q goes to queue %d of %d, want %d", c.group, got, c.buckets, c.want)
		}
	}
}

// bench is an engine over two fake brokers in virtual time.
type bench struct {
	*Engine
	t     *testing.T
	time  *clock.Virtual
	fake  *fakebroker.Cluster
	topic mq.Topic
	group mq.Group
}

func newBench(t *testing.T, brokers ...string) *bench {
	b := &bench{t: t, time: clock.NewVirtual(time.Unix(1764000000, 0))}
	b.fake = fakebroker.New(fakebroker.Options{Clock: b.time, Brokers: brokers})
	var err error
	if b.Engine, err = overFake(b.fake, b.time, defaultCluster(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Engine.Close(); err != nil {
			t.Error(err)
		}
		b.fake.Close()
	})
	name := func(s string) mq.Physical {
		p, err := mq.ParsePhysical(s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	b.topic = mq.Topic{Name: name("T"), Cluster: defaultCluster(t), Accepts: mq.AcceptsOf(mq.Normal, mq.FIFO, mq.Transaction), Queues: 2 * max(len(brokers), 1)}
	b.group = mq.Group{Name: name("g"), Cluster: defaultCluster(t), MaxAttempts: 3, Start: mq.Start{Kind: mq.StartEarliest}}
	b.ok(b.PutTopic(b.ctx(), b.topic))
	b.ok(b.PutGroup(b.ctx(), b.group))
	b.fake.Requests()
	return b
}

func (b *bench) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	b.t.Cleanup(cancel)
	return ctx
}

func (b *bench) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) message(id string) mq.Message {
	m, err := mq.ParseMessageID(id)
	b.ok(err)
	return mq.Message{ID: m, Type: mq.Normal, Encoding: mq.Identity, Body: []byte(id), Born: b.time.Now()}
}

func (b *bench) count(code remoting.Code) (n int) {
	for _, a := range b.fake.Requests() {
		if a.Code == int32(code) {
			n++
		}
	}
	return n
}

func TestARefusedSendGoesToAnotherBroker(t *testing.T) {
	b := newBench(t, "broker-a", "broker-b")
	b.fake.Inject(fakebroker.Fault{Address: b.fake.Address("broker-a"), Request: remoting.SendMessage, Harm: fakebroker.Answer, Code: remoting.ServiceNotAvailable})
	for range 16 {
		sent := b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})
		b.ok(sent[0].Err)
		if sent[0].Broker != "broker-b" {
			t.Fatalf("stored at %s", sent[0].Broker)
		}
	}
}

// A busy broker is not helped by more senders: the client backs off.
func TestABusyBrokerIsLeftAlone(t *testing.T) {
	b := newBench(t, "broker-a", "broker-b")
	b.fake.Inject(fakebroker.Fault{Request: remoting.SendMessage, Harm: fakebroker.Answer, Code: remoting.SystemBusy, Remark: "[PCBUSY_CLEAN_QUEUE]broker busy"})
	sent := b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})
	if mq.KindOf(sent[0].Err) != mq.TooManyRequests || mq.Outcome(sent[0].Err) != mq.Refused || b.count(remoting.SendMessage) != 1 {
		t.Errorf("%v", sent[0].Err)
	}
}

func TestWhatMayBeStoredIsNotSentAgain(t *testing.T) {
	for name, fault := range map[string]fakebroker.Fault{
		"flush timeout":     {Harm: fakebroker.Answer, Code: remoting.FlushDiskTimeout},
		"replica timeout":   {Harm: fakebroker.Answer, Code: remoting.FlushSlaveTimeout},
		"no replica":        {Harm: fakebroker.Answer, Code: remoting.SlaveNotAvailable},
		"connection lost":   {Harm: fakebroker.CutAfter},
		"an odd error":      {Harm: fakebroker.Answer, Code: remoting.SystemError, Remark: "UNKNOWN_ERROR"},
		"an unknown answer": {Harm: fakebroker.Answer, Code: 4711},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			fault.Request = remoting.SendMessage
			b.fake.Inject(fault)
			sent := b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})
			if mq.Outcome(sent[0].Err) != mq.Unknown {
				t.Errorf("%v", sent[0].Err)
			}
			if n := b.count(remoting.SendMessage); n != 1 {
				t.Errorf("%d sends", n)
			}
		})
	}
}

// A verdict is sent once: brokers carry out a second one too.
func TestAVerdictIsSentOnce(t *testing.T) {
	b := newBench(t)
	m := b.message("half")
	m.Type = mq.Transaction
	sent := b.Send(b.ctx(), b.topic, []mq.Message{m})
	b.ok(sent[0].Err)
	b.fake.Inject(fakebroker.Fault{Request: remoting.EndTransaction, Harm: fakebroker.CutAfter})
	b.fake.Requests()
	err := b.Settle(b.ctx(), b.topic, sent[0].Half, mq.Commit, mq.ByProducer)
	if mq.Outcome(err) != mq.Unknown || b.count(remoting.EndTransaction) != 1 {
		t.Errorf("%v", err)
	}
}

func TestManyLeasesAreOneRequest(t *testing.T) {
	b := newBench(t)
	var batch []mq.Message
	for i := range 20 {
		batch = append(batch, b.message(string(rune('a'+i))))
	}
	for _, s := range b.Send(b.ctx(), b.topic, batch) {
		b.ok(s.Err)
	}
	want := mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: mq.MaxReceive}
	got, err := b.Take(b.ctx(), want)
	b.ok(err)
	if len(got) != 20 {
		t.Fatalf("%d messages", len(got))
	}
	var leases []mq.Lease
	for _, d := range got {
		leases = append(leases, d.Lease)
	}
	b.fake.Requests()
	for _, err := range b.Ack(b.ctx(), leases) {
		b.ok(err)
	}
	if asked := b.fake.Requests(); len(asked) != 1 || asked[0].Code != int32(remoting.BatchAck) {
		t.Errorf("%v", asked)
	}
	b.time.Advance(time.Hour)
	again, err := b.Take(b.ctx(), want)
	b.ok(err)
	if len(again) != 0 {
		t.Errorf("%d messages came again", len(again))
	}
}

// However many wait, a broker parks one notification for a topic and group.
func TestWaitersShareOneNotification(t *testing.T) {
	b := newBench(t)
	want := mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: 1}
	woken := make(chan int, 100)
	for i := range 100 {
		defer b.Arm(want, func() { woken <- i })()
	}
	end := time.Now().Add(10 * time.Second)
	for b.fake.Parked() != 1 {
		if time.Now().After(end) {
			t.Fatalf("%d notifications are parked", b.fake.Parked())
		}
		<-time.After(time.Millisecond)
	}
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("m")})[0].Err)
	var all []int
	for range 100 {
		select {
		case i := <-woken:
			all = append(all, i)
		case <-time.After(10 * time.Second):
			t.Fatalf("%d of 100 were woken", len(all))
		}
	}
	slices.Sort(all)
	if len(slices.Compact(all)) != 100 {
		t.Error("somebody was woken twice")
	}
}

func TestNameServersStandInForEachOther(t *testing.T) {
	time0 := clock.NewVirtual(time.Unix(1764000000, 0))
	fake := fakebroker.New(fakebroker.Options{Clock: time0, NameServers: 3})
	defer fake.Close()
	e, err := overFake(fake, time0, defaultCluster(t))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	name, _ := mq.ParsePhysical("T")
	topic := mq.Topic{Name: name, Cluster: defaultCluster(t), Queues: 2}
	if err := e.PutTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	for _, ns := range fake.NameServers()[:2] {
		fake.Down(ns)
	}
	if set, err := e.Refresh(t.Context(), topic); err != nil || len(set) != 2 {
		t.Fatalf("%v, %v", set, err)
	}
	fake.Down(fake.NameServers()[2])
	if set, err := e.Refresh(t.Context(), topic); err != nil || len(set) != 2 {
		t.Errorf("with no name server left what was known goes on: %v, %v", set, err)
	}
	other := topic
	other.Name, _ = mq.ParsePhysical("Unknown")
	if _, err := e.Refresh(t.Context(), other); mq.KindOf(err) != mq.Unavailable || mq.Outcome(err) != mq.Refused {
		t.Errorf("%v", err)
	}
}
