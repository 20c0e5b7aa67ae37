// SPDX-License-Identifier: Apache-2.0

// Package discretion_test lets brokers fall ill in every way that shows a proxy their addresses, and looks at all that a tenant's client is told then.
package discretion_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/access"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/consume"
	"github.com/causeway-mq/causeway/proxy/gate"
	"github.com/causeway-mq/causeway/proxy/gate/grpcfront"
	"github.com/causeway-mq/causeway/proxy/produce"
	"github.com/causeway-mq/causeway/proxy/route"
	"github.com/causeway-mq/causeway/proxy/seal"
	"github.com/causeway-mq/causeway/proxy/session"
	"github.com/causeway-mq/causeway/test/crowd"
)

// house is one proxy before fake brokers, in virtual time that stands still until something is to time out.
type house struct {
	t      *testing.T
	clock  *clock.Virtual
	fake   *fakebroker.Cluster
	log    *page
	client *crowd.Client
}

// page is the proxy's log.
type page struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *page) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// entrance is where the proxy listens.
type entrance string

func (e entrance) At() string { return string(e) }
func (e entrance) Kill()      {}

var key = [2]string{"AKSHOP", "secret of the shop"}

func contents(cluster mq.Cluster) (c catalog.Contents) {
	tenant := crowd.Must(mq.ParseTenant("shop"))
	app := &catalog.App{Tenant: tenant, Name: "app", Owner: true}
	c = catalog.Contents{Version: 1, Tenants: []catalog.Tenant{{ID: tenant}}, Keys: []catalog.Key{{ID: key[0], Secret: key[1], App: app}}}
	for name, kind := range map[string]mq.MessageType{"plain": mq.Normal, "lanes": mq.FIFO, "later": mq.Delay, "pay": mq.Transaction} {
		n := crowd.Must(mq.ParseTopicName(name))
		c.Topics = append(c.Topics, catalog.Topic{Tenant: tenant, Name: n, Topic: mq.Topic{Name: mq.PhysicalTopic(tenant, n), Cluster: cluster, Accepts: mq.AcceptsOf(kind), Queues: 2}})
	}
	for name, mode := range map[string]mq.GroupMode{"billing": mq.Leases, "reading": mq.Pulls} {
		n := crowd.Must(mq.ParseGroupName(name))
		c.Groups = append(c.Groups, catalog.Group{Tenant: tenant, Name: n, Group: mq.Group{
			Name: mq.PhysicalGroup(tenant, n), Cluster: cluster, MaxAttempts: 16, Mode: mode, Start: mq.Start{Kind: mq.StartEarliest},
		}})
	}
	return c
}

func build(t *testing.T) *house {
	t.Helper()
	cluster := crowd.Must(mq.ParseCluster("DefaultCluster"))
	h := &house{t: t, clock: clock.NewVirtual(time.Now()), log: &page{}}
	h.fake = fakebroker.New(fakebroker.Options{Clock: h.clock, NoAutoGroup: true})
	t.Cleanup(h.fake.Close)
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	engine := crowd.Must(rocketmq.Open(rocketmq.Options{NameServers: h.fake.NameServers(), Cluster: cluster, Clock: h.clock, Logger: log, Remoting: remoting.Options{Dial: h.fake.Dial}}))
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	all := contents(cluster)
	for _, topic := range all.Topics {
		if err := engine.PutTopic(t.Context(), topic.Topic); err != nil {
			t.Fatal(err)
		}
	}
	for _, group := range all.Groups {
		if err := engine.PutGroup(t.Context(), group.Group); err != nil {
			t.Fatal(err)
		}
	}
	holder := &catalog.Holder{}
	holder.Put(catalog.Build(all))
	var consuming *consume.Service
	sessions := session.New(h.clock, 1000, func(c session.Client) { consuming.ClientGone(c.ID) })
	consuming = consume.New(map[mq.Cluster]consume.Engine{cluster: engine}, h.clock, sessions.Alive, log)
	producing := produce.New(map[mq.Cluster]produce.Store{cluster: engine}, sessions)
	front := grpcfront.New(gate.New(gate.Ports{
		Guard: crowd.Must(access.New(access.Config{Clock: h.clock})), Seals: crowd.Must(seal.New(seal.NewKey(h.clock.Now()))), Catalog: holder.Now, Sessions: sessions,
		Produce: producing, Consume: consuming, Pull: consuming,
		Routes: route.NewPlanner(map[mq.Cluster]route.Topology{cluster: engine}, nil, mq.BothRoles),
		Clock:  h.clock, Observer: gate.Unobserved{}, Log: log,
	}), grpcfront.Options{})
	l := crowd.Must(net.Listen("tcp", "127.0.0.1:0"))
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = front.Serve(l) })
	running.Go(func() { _ = consuming.Run(ctx) })
	running.Go(func() { _ = producing.Run(ctx) })
	t.Cleanup(func() {
		sessions.Stop()
		consuming.Drain()
		front.Stop()
		end()
		running.Wait()
	})
	h.client = crowd.Dial(t, entrance(l.Addr().String()), "host@1")
	h.client.Key = key
	return h
}

// held is what a client has in hand when brokers fall ill.
type held struct {
	acked, changed, buried *v2.Message
	transaction            string
	recall                 string
}

func (h *house) prepare() (all held) {
	h.t.Helper()
	var ids crowd.IDs
	for range 3 {
		crowd.SendOK(h.t, h.client, crowd.Letter("plain", ids.Next(), "x"))
	}
	all.transaction = crowd.SendOK(h.t, h.client, letter(v2.MessageType_TRANSACTION, "pay", ids.Next(), h.clock.Now())).GetTransactionId()
	all.recall = crowd.SendOK(h.t, h.client, letter(v2.MessageType_DELAY, "later", ids.Next(), h.clock.Now())).GetRecallHandle()
	var got []*v2.Message
	crowd.Eventually(h.t, "three messages are delivered", func() bool {
		some, err := h.client.Receive(crowd.Receiving{Topic: "plain", Group: "billing", Max: 3, Hold: time.Hour})
		if err != nil {
			h.t.Fatal(err)
		}
		got = append(got, some...)
		return len(got) == 3
	})
	all.acked, all.changed, all.buried = got[0], got[1], got[2]
	if all.transaction == "" || all.recall == "" {
		h.t.Fatalf("no transaction or no handle: %+v", all)
	}
	return all
}

// letter is a message of a type that asks for more than a normal one.
func letter(kind v2.MessageType, topic, id string, now time.Time) *v2.Message {
	m := crowd.Letter(topic, id, "x")
	m.SystemProperties.MessageType = kind
	switch kind {
	case v2.MessageType_DELAY:
		m.SystemProperties.DeliveryTimestamp = timestamppb.New(now.Add(time.Hour))
	case v2.MessageType_FIFO:
		lane := "a lane"
		m.SystemProperties.MessageGroup = &lane
	}
	return m
}

// verb is one thing that a client can ask for; quiet ones are answered without the brokers, or well whatever they do.
type verb struct {
	name  string
	quiet bool
	call  func(context.Context, *house, held) (proto.Message, error)
}

func verbs() []verb {
	send := func(kind v2.MessageType, topic string) func(context.Context, *house, held) (proto.Message, error) {
		return func(ctx context.Context, h *house, _ held) (proto.Message, error) {
			return h.client.SendMessage(ctx, &v2.SendMessageRequest{Messages: []*v2.Message{letter(kind, topic, "01AB"+topic, h.clock.Now())}})
		}
	}
	queue := func(id int32) *v2.MessageQueue { return &v2.MessageQueue{Topic: crowd.Resource("plain"), Id: id} }
	plain, billing, reading := crowd.Resource("plain"), crowd.Resource("billing"), crowd.Resource("reading")
	every := &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"}
	return []verb{
		{"SendMessage", false, send(v2.MessageType_NORMAL, "plain")},
		{"SendMessage ordered", false, send(v2.MessageType_FIFO, "lanes")},
		{"SendMessage delayed", false, send(v2.MessageType_DELAY, "later")},
		{"SendMessage of a transaction", false, send(v2.MessageType_TRANSACTION, "pay")},
		{"SendMessage, two", false, func(ctx context.Context, h *house, _ held) (proto.Message, error) {
			return h.client.SendMessage(ctx, &v2.SendMessageRequest{Messages: []*v2.Message{crowd.Letter("plain", "01AC", "x"), crowd.Letter("plain", "01AD", "x")}})
		}},
		{"ReceiveMessage", true, func(ctx context.Context, h *house, _ held) (proto.Message, error) {
			stream, err := h.client.ReceiveMessage(ctx, &v2.ReceiveMessageRequest{
				Group: billing, MessageQueue: queue(-1), FilterExpression: every, BatchSize: 1, InvisibleDuration: durationpb.New(time.Minute), LongPollingTimeout: durationpb.New(2 * time.Second),
			})
			return last(stream, err)
		}},
		{"AckMessage", false, func(ctx context.Context, h *house, with held) (proto.Message, error) {
			return h.client.AckMessage(ctx, &v2.AckMessageRequest{Topic: plain, Group: billing, Entries: []*v2.AckMessageEntry{
				{MessageId: with.acked.GetSystemProperties().GetMessageId(), ReceiptHandle: with.acked.GetSystemProperties().GetReceiptHandle()},
			}})
		}},
		{"ChangeInvisibleDuration", false, func(ctx context.Context, h *house, with held) (proto.Message, error) {
			return h.client.ChangeInvisibleDuration(ctx, &v2.ChangeInvisibleDurationRequest{
				Topic: plain, Group: billing, InvisibleDuration: durationpb.New(time.Minute),
				MessageId: with.changed.GetSystemProperties().GetMessageId(), ReceiptHandle: with.changed.GetSystemProperties().GetReceiptHandle(),
			})
		}},
		{"ForwardMessageToDeadLetterQueue", false, func(ctx context.Context, h *house, with held) (proto.Message, error) {
			return h.client.ForwardMessageToDeadLetterQueue(ctx, &v2.ForwardMessageToDeadLetterQueueRequest{
				Topic: plain, Group: billing, DeliveryAttempt: 16, MaxDeliveryAttempts: 16,
				MessageId: with.buried.GetSystemProperties().GetMessageId(), ReceiptHandle: with.buried.GetSystemProperties().GetReceiptHandle(),
			})
		}},
		{"EndTransaction", false, func(ctx context.Context, h *house, with held) (proto.Message, error) {
			return h.client.EndTransaction(ctx, &v2.EndTransactionRequest{Topic: crowd.Resource("pay"), MessageId: "01AB", TransactionId: with.transaction, Resolution: v2.TransactionResolution_COMMIT, Source: v2.TransactionSource_SOURCE_CLIENT})
		}},
		{"RecallMessage", false, func(ctx context.Context, h *house, with held) (proto.Message, error) {
			return h.client.RecallMessage(ctx, &v2.RecallMessageRequest{Topic: crowd.Resource("later"), RecallHandle: with.recall})
		}},
		{"PullMessage", false, func(ctx context.Context, h *house, _ held) (proto.Message, error) {
			stream, err := h.client.PullMessage(ctx, &v2.PullMessageRequest{Group: reading, MessageQueue: queue(0), BatchSize: 1, FilterExpression: every, LongPollingTimeout: durationpb.New(0)})
			return last(stream, err)
		}},
		{"UpdateOffset", false, func(ctx context.Context, h *house, _ held) (proto.Message, error) {
			return h.client.UpdateOffset(ctx, &v2.UpdateOffsetRequest{Group: reading, MessageQueue: queue(0), Offset: 0})
		}},
		{"GetOffset", false, func(ctx context.Context, h *house, _ held) (proto.Message, error) {
			return h.client.GetOffset(ctx, &v2.GetOffsetRequest{Group: reading, MessageQueue: queue(0)})
		}},
		{"QueryOffset", false, func(ctx context.Context, h *house, _ held) (proto.Message, error) {
			return h.client.QueryOffset(ctx, &v2.QueryOffsetRequest{MessageQueue: queue(0), QueryOffsetPolicy: v2.QueryOffsetPolicy_END})
		}},
		{"QueryRoute", true, func(ctx context.Context, h *house, _ held) (proto.Message, error) {
			return h.client.QueryRoute(ctx, &v2.QueryRouteRequest{Topic: crowd.Resource("lanes"), Endpoints: endpoints()})
		}},
		{"QueryAssignment", true, func(ctx context.Context, h *house, _ held) (proto.Message, error) {
			return h.client.QueryAssignment(ctx, &v2.QueryAssignmentRequest{Topic: plain, Group: billing, Endpoints: endpoints()})
		}},
		{"Heartbeat", true, func(ctx context.Context, h *house, _ held) (proto.Message, error) {
			return h.client.Heartbeat(ctx, &v2.HeartbeatRequest{Group: billing, ClientType: v2.ClientType_SIMPLE_CONSUMER})
		}},
	}
}

// endpoints is where a client thinks that the proxy is.
func endpoints() *v2.Endpoints {
	return &v2.Endpoints{Scheme: v2.AddressScheme_IPv4, Addresses: []*v2.Address{{Host: "127.0.0.1", Port: 8081}}}
}

// answers is a stream of them.
type answers[M proto.Message] interface{ Recv() (M, error) }

// last reads a stream until a status that is no success, or its end.
func last[M interface {
	proto.Message
	GetStatus() *v2.Status
}](stream answers[M], err error) (proto.Message, error) {
	if err != nil {
		return nil, err
	}
	var m M
	for {
		next, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return m, err
		}
		if m = next; m.GetStatus() != nil && m.GetStatus().GetCode() != v2.Code_OK {
			return m, nil
		}
	}
}

// Whatever brokers and name servers do, and whatever they say: no answer to a client names one of them, and the log does.
func TestNoAnswerNamesABroker(t *testing.T) {
	const own = "broker-a at 10.0.1.1:10911 says so"
	harms := map[string]func(*house){ // those with "unseen" show nobody an address
		"it is gone, unseen, with all its topics": func(h *house) { h.fake.Down(h.fake.Address("broker-a")) },
		"nobody takes connections": func(h *house) {
			for _, a := range append(h.fake.NameServers(), h.fake.Address("broker-a")) {
				h.fake.Down(a)
			}
		},
		"it hangs": func(h *house) { h.fake.Freeze(h.fake.Address("broker-a")) },
		"everything hangs": func(h *house) {
			for _, a := range append(h.fake.NameServers(), h.fake.Address("broker-a")) {
				h.fake.Freeze(a)
			}
		},
		"it drops connections":                    harm(fakebroker.Fault{Harm: fakebroker.Cut}),
		"it drops them when it is done":           harm(fakebroker.Fault{Harm: fakebroker.CutAfter}),
		"its answers get lost":                    harm(fakebroker.Fault{Harm: fakebroker.LoseAnswer}),
		"it is busy":                              harm(fakebroker.Fault{Harm: fakebroker.Answer, Code: remoting.SystemBusy, Remark: "[REJECTREQUEST] " + own}),
		"it fails":                                harm(fakebroker.Fault{Harm: fakebroker.Answer, Code: remoting.SystemError, Remark: own}),
		"it allows nothing":                       harm(fakebroker.Fault{Harm: fakebroker.Answer, Code: remoting.NoPermission, Remark: own}),
		"it does not serve":                       harm(fakebroker.Fault{Harm: fakebroker.Answer, Code: remoting.ServiceNotAvailable, Remark: own}),
		"it does nothing of the kind":             harm(fakebroker.Fault{Harm: fakebroker.Answer, Code: remoting.NotSupported, Remark: own}),
		"it has none of the topics":               harm(fakebroker.Fault{Harm: fakebroker.Answer, Code: remoting.TopicNotExist, Remark: own}),
		"it lost what it had":                     harm(fakebroker.Fault{Harm: fakebroker.Answer, Code: remoting.NoMessage, Remark: own}),
		"it leaves":                               harm(fakebroker.Fault{Harm: fakebroker.Answer, Code: remoting.GoAway, Remark: own}),
		"it answers, unseen, what cannot be read": harm(fakebroker.Fault{Harm: fakebroker.Answer, Code: remoting.Success}),
		"it answers with an unknown number":       harm(fakebroker.Fault{Harm: fakebroker.Answer, Code: 7777, Remark: own}),
	}
	for name, do := range harms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := build(t)
			with := h.prepare()
			do(h)
			pass(t, h.clock)
			secrets := append(h.fake.NameServers(), h.fake.Address("broker-a"), "10.0.", "shop%")
			failed := 0
			for _, v := range verbs() {
				ctx, cancel := h.client.Context()
				answer, err := v.call(ctx, h, with)
				cancel()
				said := fmt.Sprint(err)
				if answer != nil {
					said += " " + prototext.Format(answer)
				}
				s, ok := answer.(interface{ GetStatus() *v2.Status })
				fails := err != nil || ok && s.GetStatus().GetCode() != v2.Code_OK
				for _, secret := range secrets {
					if strings.Contains(said, secret) {
						t.Errorf("%s names %q: %s", v.name, secret, said)
					}
				}
				if fails && strings.Contains(said, "broker-a") { // in a route it is the name of a queue's place
					t.Errorf("%s names a broker: %s", v.name, said)
				}
				if fails {
					failed++
				} else if !v.quiet && name != "it answers, unseen, what cannot be read" {
					t.Errorf("%s: nothing went wrong: %s", v.name, said)
				}
			}
			if failed == 0 {
				t.Error("nothing went wrong")
			}
			if !strings.Contains(name, "unseen") && !strings.Contains(h.log.String(), "10.0.1.1:10911") {
				t.Errorf("the log does not say which broker it was: %s", h.log)
			}
		})
	}
}

// harm harms whatever is asked of the broker.
func harm(f fakebroker.Fault) func(*house) {
	return func(h *house) {
		f.Address = h.fake.Address("broker-a")
		h.fake.Inject(f)
	}
}

// pass lets time go by until the end of the test, so that what waits for an answer gives up.
func pass(t *testing.T, v *clock.Virtual) {
	t.Helper()
	over := make(chan struct{})
	var passing sync.WaitGroup
	passing.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				v.Advance(40 * time.Millisecond)
			case <-over:
				return
			}
		}
	})
	t.Cleanup(func() { close(over); passing.Wait() })
}
