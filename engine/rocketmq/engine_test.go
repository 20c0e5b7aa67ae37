// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

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
	return newBenchOf(t, fakebroker.Options{Brokers: brokers})
}

// newBenchOf is newBench over fake brokers as they are described; their clock is the bench's.
func newBenchOf(t *testing.T, o fakebroker.Options) *bench {
	b := &bench{t: t, time: clock.NewVirtual(time.Unix(1764000000, 0))}
	o.Clock, o.NoAutoGroup = b.time, true
	b.fake = fakebroker.New(o)
	brokers := o.Brokers
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

// Brokers give their tables in pages of 2000 to who asks for pages: a catalog made of the first page would lose the rest.
func TestAnInventoryHoldsWhatDoesNotFitOnePage(t *testing.T) {
	b := newBench(t)
	const more = 2100
	for i := range more {
		name, err := mq.ParsePhysical(fmt.Sprint("many-", i))
		b.ok(err)
		topic, group := b.topic, b.group
		topic.Name, group.Name, topic.Queues = name, name, 1
		b.ok(b.PutTopic(b.ctx(), topic))
		b.ok(b.PutGroup(b.ctx(), group))
	}
	inv, err := b.Inventory(b.ctx())
	b.ok(err)
	if len(inv.Groups) < more || len(inv.Topics) < more {
		t.Fatalf("%d topics and %d groups, at least %d of each were made", len(inv.Topics), len(inv.Groups), more)
	}
}

// A canary is about the cluster, not about each part of it.
func TestACanaryLivesWhileOnePrimaryAnswers(t *testing.T) {
	b := newBench(t, "broker-a", "broker-b")
	probe := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return b.Probe(ctx)
	}
	b.ok(probe())
	b.fake.Freeze(b.fake.Address("broker-a"))
	b.ok(probe())
	for _, server := range b.fake.NameServers() {
		b.fake.Freeze(server)
	}
	b.ok(probe())
	b.fake.Down(b.fake.Address("broker-b"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.Probe(ctx); err == nil || strings.Contains(err.Error(), "no other primary") {
		t.Errorf("nobody answers: %v", err)
	}
	b.fake.Thaw(b.fake.Address("broker-a"))
	b.until("it is back", func() bool { return probe() == nil })
}

// A canary is cheap for a broker: it does not ask for figures, for which a broker walks its whole timer wheel, and one that does not get to them is alive.
func TestACanaryDoesNotAskForFigures(t *testing.T) {
	b := newBench(t, "broker-a")
	b.fake.Inject(fakebroker.Fault{Request: remoting.BrokerRuntime, Harm: fakebroker.Lose})
	b.ok(b.Probe(b.ctx()))
	if n := b.count(remoting.BrokerRuntime); n > 0 {
		t.Errorf("%d requests for figures", n)
	}
}

// A broker's clock is read off what is received from it.
func TestExamineTellsOfAClockThatIsOff(t *testing.T) {
	b := newBench(t, "broker-a")
	clock := func() (remarks []admin.Remark) {
		all, err := b.Examine(b.ctx())
		b.ok(err)
		for _, r := range all["broker-a"] {
			if r.Setting == "clock" {
				remarks = append(remarks, r)
			}
		}
		return remarks
	}
	b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message("m1")})[0].Err)
	if got, err := b.Take(b.ctx(), mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: 1}); err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	if _, read := b.clocks.Ahead("broker-a", b.time.Now()); !read {
		t.Error("the answer to the receive told nothing of the broker's clock")
	}
	if got := clock(); len(got) > 0 {
		t.Errorf("both have one clock: %+v", got)
	}
	b.clocks.Note("broker-a", b.time.Now().Add(5*time.Second), b.time.Now())
	if got := clock(); len(got) != 1 || !strings.Contains(got[0].Detail, "5s ahead") {
		t.Errorf("%+v", got)
	}
}

// A topic that moves to a cluster is sent to before its groups first look there; one that comes back may hold what was scheduled there once and nobody read.
func TestAGroupBeginsBeforeTheFirstMessageAndGoesOnWhereItWas(t *testing.T) {
	for name, start := range map[string]mq.StartKind{"latest": mq.StartLatest, "the engine's": mq.StartByEngine} {
		b := newBench(t, "broker-a")
		b.group.Start = mq.Start{Kind: start}
		send := func(id string) {
			t.Helper()
			b.ok(b.Send(b.ctx(), b.topic, []mq.Message{b.message(id)})[0].Err)
		}
		take := func() (ids []string) {
			t.Helper()
			got, err := b.Take(b.ctx(), mq.Want{Topic: b.topic, Group: b.group, Queue: mq.AnyQueue, Max: 8})
			b.ok(err)
			for _, d := range got {
				ids = append(ids, d.Message.ID.String())
				b.ok(b.Ack(b.ctx(), []mq.Lease{d.Lease})[0])
			}
			return ids
		}
		old := b.message("old").ID.String()
		send("old")
		b.ok(b.Begin(b.ctx(), b.group, b.topic))
		first, stranded := b.message("first").ID.String(), b.message("stranded").ID.String()
		send("first")
		if got := take(); len(got) != 1 || got[0] != first || first == old {
			t.Errorf("start %s: a group that began behind %s took %v, want %s", name, old, got, first)
		}
		send("stranded")
		other, err := overFake(b.fake, b.time, defaultCluster(t)) // a mover knows nothing of the group
		b.ok(err)
		b.ok(other.Begin(b.ctx(), b.group, b.topic))
		b.ok(other.Close())
		if got := take(); len(got) != 1 || got[0] != stranded {
			t.Errorf("start %s: the group that came back took %v, want %s", name, got, stranded)
		}
	}
}

func TestAClusterThatNameServersDoNotKnowIsToldWithThoseThatTheyKnow(t *testing.T) {
	b := newBench(t, "broker-a")
	nope, err := mq.ParseCluster("Nope")
	b.ok(err)
	e, err := overFake(b.fake, b.time, nope)
	b.ok(err)
	defer e.Close()
	if err := e.Probe(b.ctx()); err == nil || !strings.Contains(err.Error(), "no primary of cluster Nope is registered; the name servers know: DefaultCluster") {
		t.Errorf("a cluster that is not there: %v", err)
	}
	if _, err := e.Inventory(b.ctx()); err == nil || !strings.Contains(err.Error(), "the name servers know: DefaultCluster") {
		t.Errorf("its topics: %v", err)
	}
}

func TestABrokerThatIsTakenForANameServerIsNamed(t *testing.T) {
	b := newBench(t, "broker-a")
	wrong := Options{NameServers: []string{b.fake.Address("broker-a")}, Cluster: defaultCluster(t), Clock: b.time, Remoting: remoting.Options{Dial: b.fake.Dial}}
	e, err := Open(wrong)
	b.ok(err)
	defer e.Close()
	if err := e.Probe(b.ctx()); err == nil || !strings.Contains(err.Error(), b.fake.Address("broker-a")+" is not a name server") {
		t.Errorf("%v", err)
	}
	wrong.NameServers = append(wrong.NameServers, b.fake.NameServers()...)
	second, err := Open(wrong)
	b.ok(err)
	defer second.Close()
	b.ok(second.Probe(b.ctx()))
}

func TestUsersOfBrokersThatCheckNobodyAreAskedForInVain(t *testing.T) {
	b := newBench(t, "broker-a")
	b.fake.Inject(fakebroker.Fault{Request: remoting.ListUsers, Harm: fakebroker.Answer, Code: remoting.SystemError, Remark: "An system error occurred"})
	_, err := b.Accounts(b.ctx())
	if err == nil || !strings.Contains(err.Error(), "is authenticationEnabled=true on the brokers?") || !strings.Contains(err.Error(), "broker-a") {
		t.Errorf("%v", err)
	}
}

// A name server that was restarted, or lost its connection to a broker, knows none of its topics until the broker comes round: who has a route goes on.
func TestWhatNameServersLostForAMomentIsNotGone(t *testing.T) {
	b := newBench(t)
	send := func(id string) error { return b.Send(b.ctx(), b.topic, []mq.Message{b.message(id)})[0].Err }
	b.ok(send("before"))
	b.fake.Lose(b.fake.Address("broker-a"), true)
	for range 4 {
		_, err := b.Refresh(b.ctx(), b.topic)
		b.ok(err)
		b.ok(send("meanwhile"))
		b.time.Advance(20 * time.Second) // the routes are looked at meanwhile
	}
	b.fake.Lose(b.fake.Address("broker-a"), false)
	_, err := b.Refresh(b.ctx(), b.topic)
	b.ok(err)
	b.fake.Lose(b.fake.Address("broker-a"), true) // and does not come round
	b.until("it is gone", func() bool {
		b.time.Advance(10 * time.Second)
		_, err := b.Refresh(b.ctx(), b.topic)
		return mq.KindOf(err) == mq.TopicNotFound
	})
}

func TestADeadNameServerBesideALivingOneIsNoticed(t *testing.T) {
	b := newBench(t, "broker-a")
	alive := b.fake.NameServers()[0]
	e, err := Open(Options{NameServers: []string{alive, "nowhere:1"}, Cluster: defaultCluster(t), Clock: b.time, Remoting: remoting.Options{Dial: b.fake.Dial}})
	b.ok(err)
	defer e.Close()
	b.ok(e.Probe(b.ctx()))
	if all := e.NameServers(b.ctx()); len(all) != 2 || all[alive] != nil || all["nowhere:1"] == nil {
		t.Errorf("%v", all)
	}
}
