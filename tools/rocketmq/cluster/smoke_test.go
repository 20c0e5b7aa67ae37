// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/mq"
)

// scene is a running broker and the words in which the smoke test speaks to it.
type scene struct {
	t      *testing.T
	client *remoting.Client
	broker string // address
	server string // name server
	checks chan remoting.Frame
}

func (s *scene) call(address string, r remoting.Request) *remoting.Frame {
	s.t.Helper()
	f, err := s.client.Call(s.t.Context(), address, r)
	if err != nil {
		s.t.Fatalf("request %d: %v", r.Code, err)
	}
	return f
}

// ask demands success and reads the header of the answer.
func (s *scene) ask(code remoting.Code, h, answer remoting.Header) *remoting.Frame {
	s.t.Helper()
	f := s.call(s.broker, remoting.Request{Code: code, Header: h, Timeout: 10 * time.Second})
	if err := f.Err(); err != nil {
		s.t.Fatalf("request %d: %v", code, err)
	}
	if answer != nil {
		if err := f.Into(answer); err != nil {
			s.t.Fatalf("request %d: %v", code, err)
		}
	}
	return f
}

func (s *scene) send(topic, id string, more map[string]string, sys int32) request.SendAnswer {
	s.t.Helper()
	p := stored.AppendProperty(nil, stored.UniqueKey, id)
	for n, v := range more {
		p = stored.AppendProperty(p, n, v)
	}
	h := &request.Send{
		Group: topic, Topic: topic, DefaultTopic: "TBW102", DefaultQueues: 4, SysFlag: sys, BornMillis: time.Now().UnixMilli(),
		Properties: string(p), Broker: "broker-a",
	}
	f := s.call(s.broker, remoting.Request{Code: remoting.SendMessage, Header: h, Body: []byte("body of " + id)})
	if err := f.Err(); err != nil {
		s.t.Fatalf("send %s: %v", id, err)
	}
	var a request.SendAnswer
	if err := f.Into(&a); err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *scene) pop(topic, group string, order bool) []request.Popped {
	s.t.Helper()
	h := &request.Pop{
		Group: group, Topic: topic, Queue: request.AnyQueue, Max: 32, InvisibleMillis: 30000, PollMillis: 2000, ExpressionType: "TAG", Expression: "*",
		Order: order, Attempt: "attempt-1", Broker: "broker-a",
	}
	f := s.call(s.broker, remoting.Request{Code: remoting.PopMessage, Header: h, Timeout: 10 * time.Second})
	if f.Code == remoting.PollingTimeout || f.Code == remoting.PullNotFound {
		return nil
	}
	if err := f.Err(); err != nil {
		s.t.Fatalf("pop: %v", err)
	}
	var a request.PopAnswer
	if err := f.Into(&a); err != nil {
		s.t.Fatal(err)
	}
	messages, err := stored.All(f.Body, 32)
	if err != nil {
		s.t.Fatal(err)
	}
	all, err := a.Deliveries(messages, "broker-a")
	if err != nil {
		s.t.Fatalf("%v: %+v", err, a)
	}
	for i := range all {
		if !all[i].Intact() {
			s.t.Errorf("message %d is damaged", i)
		}
	}
	return all
}

// popSome pops until n messages came.
func (s *scene) popSome(topic, group string, n int) []request.Popped {
	s.t.Helper()
	var all []request.Popped
	for range 20 {
		if all = append(all, s.pop(topic, group, false)...); len(all) >= n {
			return all
		}
	}
	s.t.Fatalf("%d of %d messages of %s came", len(all), n, topic)
	return nil
}

// TestARealCluster starts a name server and a broker of RocketMQ and speaks to them through remoting, one request after the other.
func TestARealCluster(t *testing.T) {
	if os.Getenv("CAUSEWAY_CLUSTER") == "" {
		t.Skip("starts Java processes: make test-cluster sets CAUSEWAY_CLUSTER=1")
	}
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	jars, err := Jars(ctx, "../../../.build")
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Dir: t.TempDir(), Jars: jars, Nice: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		began := time.Now()
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		t.Logf("all stopped after %v", time.Since(began).Round(time.Millisecond))
	}()
	began := time.Now()
	ns, err := c.NameServer(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Broker(ctx, Broker{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a name server and a broker were ready after %v", time.Since(began).Round(time.Millisecond))
	for _, topic := range topics() {
		if err := c.Topic(ctx, topic); err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range groups() {
		if err := c.Group(ctx, g); err != nil {
			t.Fatal(err)
		}
	}
	tap := &tap{}
	s := newScene(tap.dial, b.Address, ns.Address)
	defer s.client.Close()
	s.playAll(t)
	if dir := os.Getenv("CAUSEWAY_CAPTURE"); dir != "" {
		tap.save(t, dir, 4096)
	}
}

// TestTheFakeBehavesLikeTheRealCluster plays the same requests to the fake broker: what it gets wrong, tests in virtual time would get
// wrong, too.
func TestTheFakeBehavesLikeTheRealCluster(t *testing.T) {
	fake := fakebroker.New(fakebroker.Options{CheckAfter: 2 * time.Second, CheckEvery: 2 * time.Second})
	defer fake.Close()
	for _, topic := range topics() {
		fake.PutTopic(topic)
	}
	for _, g := range groups() {
		fake.PutGroup(g)
	}
	s := newScene(fake.Dial, fake.Address("broker-a"), fake.NameServers()[0])
	defer s.client.Close()
	s.playAll(t)
}

func topics() (all []admin.Topic) {
	for name, kind := range map[string]string{"Normal": admin.TypeNormal, "Order": admin.TypeFIFO, "Delay": admin.TypeDelay, "Tran": admin.TypeTransaction} {
		all = append(all, admin.Topic{Name: name, Read: 1, Write: 1, Permission: admin.ReadWrite, Attributes: map[string]string{admin.TypeAttribute: kind}})
	}
	return all
}

func groups() (all []admin.Group) {
	for _, name := range []string{"g", "order"} {
		g := admin.NewGroup(name)
		g.Orderly = name == "order"
		g.Retry = admin.Retry{Steps: []int64{1000, 5000}}
		all = append(all, g)
	}
	return all
}

func newScene(dial remoting.Dialer, broker, server string) *scene {
	s := &scene{broker: broker, server: server, checks: make(chan remoting.Frame, 8)}
	s.client = remoting.New(remoting.Options{Dial: dial, Patience: Patience, Handle: func(in remoting.Incoming) {
		f := *in.Frame
		f.Fields, f.Body = in.Frame.Fields.Clone(), append([]byte(nil), in.Frame.Body...)
		select {
		case s.checks <- f:
		default:
		}
	}})
	return s
}

func (s *scene) playAll(t *testing.T) {
	for _, step := range []struct {
		name string
		play func()
	}{
		{"send and pop", s.sendAndPop}, {"batch", s.batch}, {"change invisible", s.changeInvisible}, {"order", s.order}, {"delay and recall", s.delay},
		{"transaction", s.transaction}, {"pull and offsets", s.pull}, {"find", s.find}, {"admin", s.admin}, {"refusals", s.refusals},
	} {
		t.Run(step.name, func(t *testing.T) {
			s.t = t
			step.play()
		})
	}
}

func (s *scene) sendAndPop() {
	sent := s.send("Normal", "first", map[string]string{stored.Tags: "paid", stored.Keys: "order-1", "user": "väl\"ue"}, 0)
	place, err := stored.ParsePlace(sent.PlaceID)
	if err != nil || place.Host.String() != s.broker {
		s.t.Errorf("stored at %v, %v", place, err)
	}
	got := s.popSome("Normal", "g", 1)
	m := got[0]
	if len(got) != 1 || string(m.Body) != "body of first" || m.Properties.Get("user") != "väl\"ue" || m.Properties.Get(stored.Tags) != "paid" || m.Offset != sent.Offset || m.Reconsumed != 0 {
		s.t.Fatalf("%+v", got)
	}
	ack := request.AckOf("Normal", "g", m.Handle)
	s.ask(remoting.AckMessage, &ack, nil)
}

func (s *scene) batch() {
	var body []byte
	for i := range 5 {
		body = stored.AppendEntry(body, stored.Entry{Body: fmt.Appendf(nil, "%d", i), Properties: stored.Properties(stored.AppendProperty(nil, stored.UniqueKey, fmt.Sprintf("batch-%d", i)))})
	}
	h := &request.Send{Group: "Normal", Topic: "Normal", DefaultTopic: "TBW102", DefaultQueues: 4, BornMillis: time.Now().UnixMilli(), Batch: true, Broker: "broker-a"}
	f := s.call(s.broker, remoting.Request{Code: remoting.SendBatch, Header: h, Body: body})
	var a request.SendAnswer
	if err := f.Err(); err != nil {
		s.t.Fatal(err)
	}
	if err := f.Into(&a); err != nil || len(strings.Split(a.PlaceID, ",")) != 5 {
		s.t.Fatalf("%+v, %v", a, err)
	}
	got := s.popSome("Normal", "g", 5)
	points := map[int64]*request.Checkpoint{}
	for _, m := range got {
		p := points[m.Handle.Start]
		if p == nil {
			p = &request.Checkpoint{
				Group: "g", Topic: "Normal", Retry: m.Handle.Retry, Start: m.Handle.Start, Queue: m.Handle.Queue, ReviveQueue: m.Handle.ReviveQueue,
				PopMillis: m.Handle.PopMillis, InvisibleMillis: m.Handle.InvisibleMillis,
			}
			points[m.Handle.Start] = p
		}
		if !p.Set(m.Handle.Offset) {
			s.t.Fatalf("%s does not fit its checkpoint", m.Handle)
		}
	}
	var acks []request.Checkpoint
	for _, p := range points {
		acks = append(acks, *p)
	}
	f = s.call(s.broker, remoting.Request{Code: remoting.BatchAck, Body: request.AppendBatchAck(nil, "broker-a", acks)})
	if err := f.Err(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) changeInvisible() {
	s.send("Normal", "nacked", nil, 0)
	m := s.popSome("Normal", "g", 1)[0]
	h := &request.ChangeInvisible{Ack: request.AckOf("Normal", "g", m.Handle), InvisibleMillis: 1000}
	var a request.ChangeInvisibleAnswer
	s.ask(remoting.ChangeInvisible, h, &a)
	if a.InvisibleMillis != 1000 || a.PopMillis < m.Handle.PopMillis {
		s.t.Errorf("%+v after %s", a, m.Handle)
	}
	again := s.popSome("Normal", "g", 1)[0]
	if string(again.Body) != "body of nacked" || again.Reconsumed != 1 || again.Handle.Retry == 0 || again.Properties.Get(stored.UniqueKey) != "nacked" {
		s.t.Errorf("%+v", again)
	}
	ack := request.AckOf("Normal", "g", again.Handle)
	s.ask(remoting.AckMessage, &ack, nil)
}

func (s *scene) order() {
	for i := range 3 {
		s.send("Order", fmt.Sprintf("o%d", i), map[string]string{stored.ShardingKey: "k"}, 0)
	}
	s.shown("Order", 3)
	first := s.pop("Order", "order", true)
	again := s.pop("Order", "order", true)
	if len(first) == 0 || len(again) != len(first) || again[0].Properties.Get(stored.UniqueKey) != "o0" {
		s.t.Fatalf("%d messages, then %d with the same attempt", len(first), len(again))
	}
	for _, m := range again {
		if m.Handle.ReviveQueue != request.OrderRevive {
			s.t.Errorf("%s is no orderly handle", m.Handle)
		}
		h := &request.ChangeInvisible{Ack: request.AckOf("Order", "order", m.Handle), InvisibleMillis: 40000}
		var a request.ChangeInvisibleAnswer
		s.ask(remoting.ChangeInvisible, h, &a)
		ack := request.AckOf("Order", "order", m.Handle) // the first handle goes on acknowledging
		s.ask(remoting.AckMessage, &ack, nil)
	}
	if rest := s.pop("Order", "order", true); len(first)+len(rest) != 3 {
		s.t.Errorf("%d and then %d messages of 3", len(first), len(rest))
	}
}

// shown waits until the first queue of a topic shows so many messages: brokers do some milliseconds after they took them, and a run of ordered messages is what is
// shown when it is taken.
func (s *scene) shown(topic string, n int64) {
	for end := time.Now().Add(time.Minute); ; {
		var a request.OffsetAnswer
		s.ask(remoting.MaxOffset, &request.Bound{Topic: topic, Broker: "broker-a"}, &a)
		if a.Offset >= n {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s shows %d messages of %d", topic, a.Offset, n)
		}
	}
}

func (s *scene) delay() {
	due := time.Now().Add(2 * time.Second)
	s.send("Delay", "soon", map[string]string{stored.DeliverMillis: fmt.Sprint(due.UnixMilli())}, 0)
	later := s.send("Delay", "recalled", map[string]string{stored.DeliverMillis: fmt.Sprint(time.Now().Add(time.Minute).UnixMilli())}, 0)
	if later.RecallHandle == "" {
		s.t.Fatalf("no recall handle: %+v", later)
	}
	var a request.RecallAnswer
	s.ask(remoting.RecallMessage, &request.Recall{Group: "Delay", Topic: "Delay", Handle: later.RecallHandle, Broker: "broker-a"}, &a)
	if a.MessageID != "recalled" {
		s.t.Errorf("recalled %q", a.MessageID)
	}
	m := s.popSome("Delay", "g", 1)[0]
	if m.Properties.Get(stored.UniqueKey) != "soon" || time.Since(due) < -time.Second {
		s.t.Errorf("%v before its time: %+v", time.Until(due), m)
	}
}

func (s *scene) transaction() {
	body := request.AppendHeartbeat(nil, "smoke", []string{"Tran"})
	if err := s.call(s.broker, remoting.Request{Code: remoting.HeartBeat, Body: body}).Err(); err != nil {
		s.t.Fatal(err)
	}
	half := map[string]string{stored.Half: "true", stored.ProducerGroup: "Tran"}
	committed := s.send("Tran", "committed", half, stored.Prepared)
	place, err := stored.ParsePlace(committed.PlaceID)
	if err != nil {
		s.t.Fatal(err)
	}
	s.ask(remoting.EndTransaction, &request.EndTransaction{
		Topic: "Tran", Group: "Tran", HalfOffset: committed.Offset, Physical: place.Physical, Verdict: request.VerdictCommit, MessageID: "committed", TransactionID: "committed",
	}, nil)
	if m := s.popSome("Tran", "g", 1)[0]; m.Properties.Get(stored.UniqueKey) != "committed" {
		s.t.Errorf("%+v", m)
	}
	s.send("Tran", "asked", half, stored.Prepared)
	h := s.asked("asked")
	s.ask(remoting.EndTransaction, &request.EndTransaction{
		Topic: "Tran", Group: "Tran", HalfOffset: h.HalfOffset, Physical: h.Physical, Verdict: request.VerdictCommit, FromCheck: true, MessageID: h.MessageID, TransactionID: h.TransactionID,
	}, nil)
	if m := s.popSome("Tran", "g", 1)[0]; m.Properties.Get(stored.UniqueKey) != "asked" {
		s.t.Errorf("%+v", m)
	}
}

// asked waits for the question about a transaction. A broker that stalls asks about one that is settled as well; such a question is left alone.
func (s *scene) asked(id string) request.Check {
	bound := time.After(time.Minute)
	for {
		select {
		case f := <-s.checks:
			var h request.Check
			if err := f.Into(&h); err != nil || f.Code != remoting.CheckTransaction {
				s.t.Fatalf("%d, %v", f.Code, err)
			}
			m, _, ok, err := stored.Next(f.Body)
			if err != nil || !ok || m.Topic != "Tran" {
				s.t.Fatalf("%+v, %v", m, err)
			}
			if m.Properties.Get(stored.UniqueKey) == id {
				return h
			}
		case <-bound:
			s.t.Fatal("no check came")
		}
	}
}

func (s *scene) pull() {
	var a request.PullAnswer
	f := s.ask(remoting.PullMessage, &request.Pull{Group: "puller", Topic: "Normal", Max: 2, SysFlag: request.PullSubscription, Expression: "*", ExpressionType: "TAG", Broker: "broker-a"}, &a)
	messages, err := stored.All(f.Body, 32)
	if err != nil || len(messages) != 2 || a.Next != 2 || a.Min != 0 || a.Max < 6 {
		s.t.Errorf("%d messages, %+v, %v", len(messages), a, err)
	}
	s.ask(remoting.UpdateConsumerOffset, &request.Commit{Group: "puller", Topic: "Normal", Offset: 2}, nil)
	var o request.OffsetAnswer
	s.ask(remoting.QueryConsumerOffset, &request.Committed{Group: "puller", Topic: "Normal"}, &o)
	if o.Offset != 2 {
		s.t.Errorf("committed %d", o.Offset)
	}
	none := s.call(s.broker, remoting.Request{Code: remoting.QueryConsumerOffset, Header: &request.Committed{Group: "nobody", Topic: "Normal"}})
	if none.Code != remoting.QueryNotFound {
		s.t.Logf("the offset of a group that never was: code %d, %s", none.Code, none.Remark)
	}
	s.ask(remoting.MaxOffset, &request.Bound{Topic: "Normal"}, &o)
	if o.Offset != a.Max {
		s.t.Errorf("greatest offset %d, %d by pull", o.Offset, a.Max)
	}
	s.ask(remoting.MinOffset, &request.Bound{Topic: "Normal"}, &o)
	s.ask(remoting.SearchOffset, &request.OffsetAt{Topic: "Normal", Millis: messages[1].Stored.UnixMilli(), Boundary: "LOWER"}, &o)
	first := int64(1)
	if messages[0].Stored.Equal(messages[1].Stored) { // in one millisecond: the lower of both
		first = 0
	}
	if o.Offset != first {
		s.t.Errorf("offset at the second message's time: %d, want %d", o.Offset, first)
	}
	var e request.EarliestAnswer
	s.ask(remoting.EarliestStoreTime, &request.Bound{Topic: "Normal"}, &e)
	if e.Millis != messages[0].Stored.UnixMilli() {
		s.t.Errorf("earliest %d, want %v", e.Millis, messages[0].Stored)
	}
}

func (s *scene) find() {
	q := &request.Query{Topic: "Normal", Key: "order-1", Max: 32, EndMillis: time.Now().Add(time.Hour).UnixMilli()}
	for _, unique := range []bool{false, true} {
		if unique {
			q.Key, q.Unique = "first", true
		}
		f := s.ask(remoting.QueryMessage, q, nil)
		all, err := stored.All(f.Body, 32)
		if err != nil || len(all) != 1 || all[0].Properties.Get(stored.UniqueKey) != "first" {
			s.t.Errorf("by %s: %+v, %v", q.Key, all, err)
			continue
		}
		v := s.ask(remoting.ViewMessage, &request.View{Topic: "Normal", Physical: all[0].Physical}, nil)
		if m, _, ok, err := stored.Next(v.Body); !ok || err != nil || string(m.Body) != "body of first" {
			s.t.Errorf("by place: %+v, %v", m, err)
		}
	}
	var n request.NotifyAnswer
	s.ask(remoting.Notification, &request.Notify{Group: "g", Topic: "Normal", Queue: request.AnyQueue, PollMillis: 100}, &n)
}

func (s *scene) admin() {
	for _, standard := range []bool{true, false} {
		f := s.call(s.server, remoting.Request{Code: remoting.TopicRoute, Header: &request.RouteOf{Topic: "Normal", Standard: standard}, JSON: true})
		r, err := request.ParseRoute(f.Body)
		if err != nil || len(r.Queues) != 1 || r.Queues[0].Permission != admin.ReadWrite || r.Brokers[0].Addresses[0] != s.broker {
			s.t.Errorf("%+v, %v: %s", r, err, f.Body)
		}
	}
	s.call(s.server, remoting.Request{Code: remoting.ClusterInfo})
	f := s.ask(remoting.TopicConfig, &admin.ByTopic{Topic: "Order"}, nil)
	if t, err := admin.ParseTopic(f.Body); err != nil || t.Attributes[admin.TypeAttribute] != admin.TypeFIFO || t.Read != 1 {
		s.t.Errorf("%+v, %v: %s", t, err, f.Body)
	}
	f = s.ask(remoting.GroupConfig, &admin.ByGroup{Group: "order"}, nil)
	if g, err := admin.ParseGroup(f.Body); err != nil || !g.Orderly || len(g.Retry.Steps) != 2 || g.RetryMost != 16 {
		s.t.Errorf("%+v, %v: %s", g, err, f.Body)
	}
	f = s.ask(remoting.TopicStats, &admin.ByTopic{Topic: "Normal"}, nil)
	stats, err := admin.ParseTopicStats(f.Body)
	if q := stats[admin.QueueKey{Topic: "Normal", Broker: "broker-a"}]; err != nil || q.Max < 6 {
		s.t.Errorf("%+v, %v: %s", stats, err, f.Body)
	}
	f = s.ask(remoting.ConsumeStats, &admin.ProgressOf{Group: "puller", Topics: "Normal"}, nil)
	progress, err := admin.ParseProgress(f.Body)
	if q := progress[admin.QueueKey{Topic: "Normal", Broker: "broker-a"}]; err != nil || q.Committed != 2 {
		s.t.Errorf("%+v, %v: %s", progress, err, f.Body)
	}
	f = s.ask(remoting.ResetOffset, &admin.Reset{Group: "puller", Topic: "Normal", Queue: -1, Millis: 0, Force: true}, nil)
	if done, err := admin.ParseReset(f.Body); err != nil {
		s.t.Errorf("%+v, %v: %s", done, err, f.Body)
	}
	f = s.ask(remoting.AllTopicConfigs, nil, nil)
	if all, err := admin.ParseTopics(f.Body); err != nil || len(all) < 4 {
		s.t.Errorf("%d topics, %v", len(all), err)
	}
	f = s.ask(remoting.AllGroupConfigs, nil, nil)
	if all, err := admin.ParseGroups(f.Body); err != nil || len(all) < 2 {
		s.t.Errorf("%d groups, %v", len(all), err)
	}
	f = s.ask(remoting.BrokerRuntime, nil, nil)
	if figures, err := admin.ParseRuntime(f.Body); err != nil || !strings.Contains(figures["brokerVersionDesc"], "5_5_0") {
		s.t.Errorf("%v, %v", figures["brokerVersionDesc"], err)
	}
	f = s.ask(remoting.GetBrokerConfig, nil, nil)
	if settings := admin.ParseConfig(f.Body); settings["brokerName"] != "broker-a" {
		s.t.Errorf("broker %q", settings["brokerName"])
	}
	f = s.ask(remoting.TopicConsumers, &admin.ByTopic{Topic: "Normal"}, nil)
	if all, err := admin.ParseConsumers(f.Body); err != nil || len(all) == 0 {
		s.t.Errorf("%v, %v: %s", all, err, f.Body)
	}
	f = s.call(s.server, remoting.Request{Code: remoting.AllTopics})
	if all, err := admin.ParseTopicNames(f.Body); err != nil || len(all) < 4 {
		s.t.Errorf("%v, %v", all, err)
	}
}

func (s *scene) refusals() {
	for name, c := range map[string]struct {
		code    remoting.Code
		header  remoting.Header
		kind    mq.Kind
		address string
	}{
		"send to no topic":  {remoting.SendMessage, &request.Send{Group: "g", Topic: "Nowhere", DefaultTopic: "TBW102", DefaultQueues: 4, BornMillis: 1}, mq.TopicNotFound, s.broker},
		"route to no topic": {remoting.TopicRoute, &request.RouteOf{Topic: "Nowhere", Standard: true}, mq.TopicNotFound, s.server},
		"pop from no topic": {remoting.PopMessage, &request.Pop{Group: "g", Topic: "Nowhere", Queue: -1, Max: 1, InvisibleMillis: 10000}, mq.TopicNotFound, s.broker},
		"pop with a bad filter": {remoting.PopMessage, &request.Pop{
			Group: "g", Topic: "Normal", Queue: -1, Max: 1, InvisibleMillis: 10000, ExpressionType: "SQL92", Expression: "a >"}, mq.IllegalFilter, s.broker},
		"deliver in a year": {remoting.SendMessage, &request.Send{Group: "g", Topic: "Delay", DefaultTopic: "TBW102", DefaultQueues: 4, BornMillis: 1,
			Properties: fmt.Sprintf("%s\x01%d\x02", stored.DeliverMillis, time.Now().AddDate(1, 0, 0).UnixMilli())}, mq.IllegalDeliveryTime, s.broker},
		"an unknown request": {99, nil, mq.Unsupported, s.server},
	} {
		f := s.call(c.address, remoting.Request{Code: c.code, Header: c.header, Body: []byte("x"), Timeout: 10 * time.Second})
		if err := f.Err(); mq.KindOf(err) != c.kind || mq.Outcome(err) != mq.Refused {
			s.t.Errorf("%s: code %d: %v (kind %v, want %v)", name, f.Code, err, mq.KindOf(err), c.kind)
		}
	}
}
