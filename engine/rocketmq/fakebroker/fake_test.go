// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// bench is a fake cluster in virtual time, a client, and the words of the tests.
type bench struct {
	t      *testing.T
	time   *clock.Virtual
	fake   *Cluster
	client *remoting.Client
	broker string
	checks chan request.Check
}

const patience = 10 * time.Second

func newBench(t *testing.T, o Options) *bench {
	b := &bench{t: t, time: clock.NewVirtual(time.Unix(1764000000, 0)), checks: make(chan request.Check, 64)}
	o.Clock = b.time
	b.fake = New(o)
	b.broker = b.fake.Address("broker-a")
	b.client = remoting.New(remoting.Options{Clock: b.time, Dial: b.fake.Dial, KeepAlive: 24 * time.Hour, Handle: func(in remoting.Incoming) {
		var h request.Check
		if err := in.Frame.Into(&h); err != nil {
			t.Error(err)
		}
		b.checks <- h
	}})
	t.Cleanup(func() {
		b.client.Close()
		b.fake.Close()
	})
	b.fake.PutTopic(admin.Topic{Name: "T", Read: 2, Write: 2, Permission: admin.ReadWrite})
	b.fake.PutTopic(admin.Topic{Name: "One", Read: 1, Write: 1, Permission: admin.ReadWrite})
	b.fake.PutGroup(admin.NewGroup("g"))
	return b
}

func (b *bench) call(r remoting.Request) (*remoting.Frame, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return b.client.Call(ctx, b.broker, r)
}

func (b *bench) ask(code remoting.Code, h remoting.Header) *remoting.Frame {
	b.t.Helper()
	f, err := b.call(remoting.Request{Code: code, Header: h})
	if err != nil {
		b.t.Fatalf("request %d: %v", code, err)
	}
	return f
}

func (b *bench) send(topic, id string, sys int32, more ...string) request.SendAnswer {
	b.t.Helper()
	p := stored.AppendProperty(nil, stored.UniqueKey, id)
	for i := 0; i < len(more); i += 2 {
		p = stored.AppendProperty(p, more[i], more[i+1])
	}
	f, err := b.call(remoting.Request{Code: remoting.SendMessage, Body: []byte(id), Header: &request.Send{
		Group: topic, Topic: topic, SysFlag: sys, BornMillis: b.time.Now().UnixMilli(), Properties: string(p),
	}})
	if err == nil {
		err = f.Err()
	}
	if err != nil {
		b.t.Fatalf("send %s: %v", id, err)
	}
	var a request.SendAnswer
	if err := f.Into(&a); err != nil {
		b.t.Fatal(err)
	}
	return a
}

func popOf(topic string) *request.Pop {
	return &request.Pop{Group: "g", Topic: topic, Queue: request.AnyQueue, Max: 32, InvisibleMillis: 30000}
}

func (b *bench) popped(f *remoting.Frame) []request.Popped {
	b.t.Helper()
	if f.Code != remoting.Success {
		return nil
	}
	var a request.PopAnswer
	if err := f.Into(&a); err != nil {
		b.t.Fatal(err)
	}
	messages, err := stored.All(f.Body, 32)
	if err != nil {
		b.t.Fatal(err)
	}
	all, err := a.Deliveries(messages, "broker-a")
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func (b *bench) pop(h *request.Pop) []request.Popped {
	b.t.Helper()
	return b.popped(b.ask(remoting.PopMessage, h))
}

func (b *bench) ack(m request.Popped) {
	b.t.Helper()
	h := request.AckOf("T", "g", m.Handle)
	if m.Topic != "T" {
		h = request.AckOf(m.Topic, "g", m.Handle)
	}
	if err := b.ask(remoting.AckMessage, &h).Err(); err != nil {
		b.t.Fatal(err)
	}
}

func bodies(all []request.Popped) (ids []string) {
	for _, m := range all {
		ids = append(ids, string(m.Body))
	}
	return ids
}

func (b *bench) want(got []request.Popped, ids ...string) {
	b.t.Helper()
	if !slices.Equal(bodies(got), ids) {
		b.t.Fatalf("got %q, want %q", bodies(got), ids)
	}
}

func (b *bench) eventually(what string, cond func() bool) {
	b.t.Helper()
	end := time.Now().Add(patience)
	pulse := time.NewTicker(time.Millisecond)
	defer pulse.Stop()
	for !cond() {
		if time.Now().After(end) {
			b.t.Fatalf("still not so: %s", what)
		}
		<-pulse.C
	}
}

func TestWhatIsNotAcknowledgedComesAgain(t *testing.T) {
	b := newBench(t, Options{})
	b.send("T", "a", 0)
	first := b.pop(popOf("T"))
	b.want(first, "a")
	b.want(b.pop(popOf("T")))
	b.time.Advance(30 * time.Second)
	again := b.pop(popOf("T"))
	b.want(again, "a")
	if again[0].Reconsumed != 1 || again[0].Handle.Retry != 1 || again[0].Topic != "T" {
		t.Errorf("%+v", again[0])
	}
	b.ack(first[0]) // too late, and answered with success all the same
	b.ack(again[0])
	b.time.Advance(time.Hour)
	b.want(b.pop(popOf("T")))
}

// A renewal makes a second checkpoint: acknowledging with the first handle does not stop it.
func TestAStaleHandleDoesNotStopARenewedLease(t *testing.T) {
	b := newBench(t, Options{RetryV2: true})
	b.send("T", "a", 0)
	m := b.pop(popOf("T"))[0]
	f := b.ask(remoting.ChangeInvisible, &request.ChangeInvisible{Ack: request.AckOf("T", "g", m.Handle), InvisibleMillis: 60000})
	var a request.ChangeInvisibleAnswer
	if err := f.Into(&a); err != nil {
		t.Fatal(err)
	}
	b.ack(m)
	b.time.Advance(61 * time.Second)
	again := b.pop(popOf("T"))
	b.want(again, "a")
	if again[0].Handle.Retry != 2 {
		t.Errorf("%s", again[0].Handle)
	}
	renewed := m
	renewed.Handle = a.Next(m.Handle)
	b.ack(renewed)
}

func TestParkedPopsWakeAndEnd(t *testing.T) {
	b := newBench(t, Options{})
	h := popOf("T")
	h.PollMillis = 5000
	end := make(chan *remoting.Frame, 2)
	start := func() {
		b.client.Start(t.Context(), b.broker, remoting.Request{Code: remoting.PopMessage, Header: h, Timeout: time.Minute}, func(f *remoting.Frame, err error) {
			if err != nil && mq.KindOf(err) != mq.Unavailable {
				t.Error(err)
			}
			end <- f
		})
		b.eventually("the poll is parked", func() bool { return b.fake.Parked() == 1 })
	}
	start()
	b.send("T", "a", 0)
	b.want(b.popped(<-end), "a")
	start()
	b.time.Advance(5 * time.Second)
	if f := <-end; f.Code != remoting.PollingTimeout {
		t.Errorf("code %d", f.Code)
	}
	start()
	b.fake.CutConnections(b.broker)
	b.eventually("the poll of a client that is gone is forgotten", func() bool { return b.fake.Parked() == 0 })
}

// An orderly group has one run per queue; the same attempt sees it again, others wait until all of it is settled or shows again.
func TestOrderBlocksTheQueue(t *testing.T) {
	b := newBench(t, Options{})
	for i := range 3 {
		b.send("One", strconv.Itoa(i), 0)
	}
	h := popOf("One")
	h.Order, h.Max, h.Attempt = true, 2, "first"
	run := b.pop(h)
	b.want(run, "0", "1")
	b.want(b.pop(h), "0", "1")
	other := *h
	other.Attempt = "other"
	b.want(b.pop(&other))
	run = b.pop(h)
	b.ack(run[0])
	b.want(b.pop(&other))
	b.time.Advance(30 * time.Second)
	again := b.pop(&other)
	b.want(again, "1", "2")
	if again[0].Reconsumed != 1 || again[1].Reconsumed != 0 {
		t.Errorf("delivered %d and %d times before", again[0].Reconsumed, again[1].Reconsumed)
	}
	b.ack(again[1])
	b.ack(again[0])
	b.want(b.pop(&other))
}

// An orderly acknowledgement wakes a pop that is parked at its very queue, and leaves one at any queue asleep.
func TestAnOrderlyAcknowledgementWakesPopsOnly(t *testing.T) {
	b := newBench(t, Options{})
	b.send("One", "0", 0)
	b.send("One", "1", 0)
	h := popOf("One")
	h.Order, h.Max, h.Attempt = true, 1, "first"
	run := b.pop(h)
	waiting := *h
	waiting.Attempt, waiting.PollMillis = "second", 20000
	here := waiting
	here.Attempt, here.Queue = "third", 0
	end := make(chan *remoting.Frame, 1)
	for h, reply := range map[*request.Pop]remoting.Reply{
		&waiting: func(*remoting.Frame, error) {},
		&here:    func(f *remoting.Frame, _ error) { end <- f },
	} {
		b.client.Start(t.Context(), b.broker, remoting.Request{Code: remoting.PopMessage, Header: h, Timeout: time.Minute}, reply)
	}
	b.eventually("the pops are parked", func() bool { return b.fake.Parked() == 2 })
	b.ack(run[0])
	b.want(b.popped(<-end), "1")
	if b.fake.Parked() != 1 {
		t.Errorf("%d parked, want the one at any queue", b.fake.Parked())
	}
}

func TestNewGroupsBeginWhereTheyAsk(t *testing.T) {
	b := newBench(t, Options{})
	for i := range 3 {
		b.send("One", strconv.Itoa(i), 0)
	}
	min, max := popOf("One"), popOf("One")
	max.Group, max.Init = "late", request.FromMax
	b.want(b.pop(max), "2") // the newest one is read again
	b.want(b.pop(min), "0", "1", "2")
}

func TestTimersAndTheirRecall(t *testing.T) {
	b := newBench(t, Options{})
	due := b.time.Now().Add(time.Minute)
	b.send("T", "soon", 0, stored.DeliverMillis, fmt.Sprint(due.UnixMilli()))
	later := b.send("T", "never", 0, stored.DeliverMillis, fmt.Sprint(due.Add(time.Minute).UnixMilli()))
	if err := b.ask(remoting.RecallMessage, &request.Recall{Topic: "T", Handle: later.RecallHandle}).Err(); err != nil {
		t.Fatal(err)
	}
	b.time.Advance(59 * time.Second)
	b.want(b.pop(popOf("T")))
	b.time.Advance(time.Second)
	b.want(b.pop(popOf("T")), "soon")
	b.time.Advance(time.Hour)
	if got := b.pop(popOf("T")); slices.Contains(bodies(got), "never") {
		t.Error("a recalled message was delivered")
	}
	f, err := b.call(remoting.Request{Code: remoting.SendMessage, Header: &request.Send{
		Topic: "T", Properties: fmt.Sprintf("TIMER_DELIVER_MS\x01%d\x02", b.time.Now().Add(73*time.Hour).UnixMilli()),
	}})
	if err != nil || mq.KindOf(f.Err()) != mq.IllegalDeliveryTime {
		t.Errorf("beyond the longest delay: %v, %v", f, err)
	}
}

// Brokers do not remember verdicts: a second one delivers again, after a rollback, too.
func TestASecondVerdictDeliversAgain(t *testing.T) {
	b := newBench(t, Options{})
	a := b.send("T", "half", stored.Prepared, stored.ProducerGroup, "T", stored.Half, "true")
	place, err := stored.ParsePlace(a.PlaceID)
	if err != nil {
		t.Fatal(err)
	}
	b.want(b.pop(popOf("T")))
	verdict := &request.EndTransaction{Topic: "T", Group: "T", HalfOffset: a.Offset, Physical: place.Physical, Verdict: request.VerdictRollback, MessageID: "half"}
	if err := b.ask(remoting.EndTransaction, verdict).Err(); err != nil {
		t.Fatal(err)
	}
	b.want(b.pop(popOf("T")))
	verdict.Verdict = request.VerdictCommit
	for range 2 {
		if err := b.ask(remoting.EndTransaction, verdict).Err(); err != nil {
			t.Fatal(err)
		}
	}
	b.want(b.pop(popOf("T")), "half", "half")
	verdict.Physical++
	if err := b.ask(remoting.EndTransaction, verdict).Err(); err == nil {
		t.Error("a verdict with a wrong place is taken")
	}
}

func TestChecksGoToWhoAnnouncedTheGroup(t *testing.T) {
	b := newBench(t, Options{CheckRounds: 3})
	b.send("T", "half", stored.Prepared, stored.ProducerGroup, "T", stored.Half, "true")
	b.time.Advance(6 * time.Second) // nobody is there: the round is lost
	f, err := b.call(remoting.Request{Code: remoting.HeartBeat, Body: request.AppendHeartbeat(nil, "me", []string{"T"})})
	if err != nil || f.Code != remoting.Success {
		t.Fatal(f, err)
	}
	for range 2 {
		b.time.Advance(30 * time.Second)
		select {
		case h := <-b.checks:
			if h.MessageID != "half" {
				t.Errorf("%+v", h)
			}
		case <-time.After(patience):
			t.Fatal("no check came")
		}
	}
	b.time.Advance(time.Hour)
	b.want(b.pop(popOf("T")))
	select {
	case h := <-b.checks:
		t.Errorf("asked once more than it should: %+v", h)
	default:
	}
}

func TestFaultsDoWhatTheySay(t *testing.T) {
	for name, c := range map[string]struct {
		fault   Fault
		outcome mq.Result
		kind    mq.Kind
		stored  int
	}{
		"answered instead": {Fault{Harm: Answer, Code: remoting.SystemBusy, Remark: "[OVERLOAD]"}, mq.Refused, mq.TooManyRequests, 0},
		"lost":             {Fault{Harm: Lose}, mq.Unknown, mq.Timeout, 0},
		"answer lost":      {Fault{Harm: LoseAnswer}, mq.Unknown, mq.Timeout, 1},
		"cut":              {Fault{Harm: Cut}, mq.Unknown, mq.Unavailable, 0},
		"cut after":        {Fault{Harm: CutAfter}, mq.Unknown, mq.Unavailable, 1},
		"too late":         {Fault{Harm: Late, Delay: time.Minute}, mq.Unknown, mq.Timeout, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Options{})
			c.fault.Request, c.fault.Times = remoting.SendMessage, 1
			b.fake.Inject(c.fault)
			end := make(chan error, 1)
			go func() {
				f, err := b.call(remoting.Request{Code: remoting.SendMessage, Body: []byte("x"), Header: &request.Send{Topic: "One"}})
				if err == nil {
					err = f.Err()
				}
				end <- err
			}()
			b.eventually("the request arrived", func() bool { return len(b.fake.Requests()) > 0 })
			if c.kind == mq.Timeout { // time would overtake what comes by itself
				b.time.Advance(2 * time.Minute)
			}
			if err := <-end; mq.Outcome(err) != c.outcome || mq.KindOf(err) != c.kind {
				t.Errorf("%v", err)
			}
			if n := len(b.fake.Stored("broker-a", "One", 0)); n != c.stored {
				t.Errorf("%d stored, want %d", n, c.stored)
			}
			b.time.Advance(time.Minute) // the client's rest after a cut
			b.send("One", "next", 0)
		})
	}
}

func TestAFrozenBrokerGoesOnWhereItStopped(t *testing.T) {
	b := newBench(t, Options{})
	b.send("One", "before", 0)
	b.fake.Requests()
	b.fake.Freeze(b.broker)
	end := make(chan error, 1)
	go func() {
		_, err := b.call(remoting.Request{Code: remoting.SendMessage, Body: []byte("while"), Header: &request.Send{Topic: "One"}})
		end <- err
	}()
	b.eventually("the request arrived", func() bool { return len(b.fake.Requests()) == 1 })
	b.time.Advance(3 * time.Second)
	if err := <-end; mq.Outcome(err) != mq.Unknown {
		t.Fatalf("%v", err)
	}
	b.fake.Thaw(b.broker)
	if got := b.fake.Stored("broker-a", "One", 0); !slices.Equal(got, []string{"before", "while"}) {
		t.Errorf("%q", got)
	}
}

// until waits for what happens on other goroutines; the virtual time stands still meanwhile.
func (b *bench) until(what string, is func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); !is(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func TestADeadBrokerLeavesTheRoutes(t *testing.T) {
	b := newBench(t, Options{Brokers: []string{"broker-a", "broker-b"}})
	route := func() int {
		f, err := b.client.Call(t.Context(), b.fake.NameServers()[0], remoting.Request{Code: remoting.TopicRoute, Header: &request.RouteOf{Topic: "T"}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := request.ParseRoute(f.Body)
		if err != nil {
			t.Fatal(err)
		}
		return len(r.Queues)
	}
	if n := route(); n != 2 {
		t.Errorf("%d brokers", n)
	}
	b.send("One", "kept", 0)
	b.fake.Down(b.broker)
	if n := route(); n != 1 {
		t.Errorf("%d brokers", n)
	}
	b.until("no connection is made any more", func() bool { // a request that meets the old one's end has no certain outcome
		_, err := b.call(remoting.Request{Code: remoting.SendMessage, Header: &request.Send{Topic: "T"}})
		if err == nil {
			t.Fatal("a dead broker answered")
		}
		return mq.Outcome(err) == mq.Refused
	})
	b.fake.Up(b.broker)
	b.time.Advance(time.Minute)
	b.want(b.pop(popOf("One")), "kept")
}

func TestServeTakesASocket(t *testing.T) {
	b := newBench(t, Options{})
	ours, theirs := net.Pipe()
	if err := b.fake.Serve(b.broker, theirs); err != nil {
		t.Fatal(err)
	}
	c := remoting.New(remoting.Options{Clock: b.time, Dial: func(context.Context, string) (net.Conn, error) { return ours, nil }})
	defer c.Close()
	f, err := c.Call(t.Context(), "x", remoting.Request{Code: remoting.BrokerRuntime})
	if err != nil {
		t.Fatal(err)
	}
	if figures, err := admin.ParseRuntime(f.Body); err != nil || figures["brokerVersionDesc"] != "V5_5_0" {
		t.Errorf("%v, %v", figures, err)
	}
}
