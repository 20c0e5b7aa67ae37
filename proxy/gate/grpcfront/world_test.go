// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

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
)

// world is one proxy with everything real but the engine, and a client connected to it over loopback.
type world struct {
	t        testing.TB
	engine   *memory
	holder   *catalog.Holder
	sessions *session.Registry
	consume  *consume.Service
	door     *gate.Door
	front    *grpcfront.Front
	address  string
	log      *logged
	counts   *counts
	keys     *seal.Keyring
	client   v2.MessagingServiceClient
}

type worldOptions struct {
	role     mq.Role
	front    grpcfront.Options
	sessions int
	signed   bool // the default tenant lets nobody in unsigned
	engine   *memory
	keys     *seal.Keyring
	clients  func(session.Client)
	produce  gate.Producing
	store    store           // in place of memory
	west     *memory         // a second cluster, c1
	clock    clock.Clock     // of the door; the machine's if nil
	holder   *catalog.Holder // with what it holds; nil: a new one with contents
}

// store is all that a proxy asks of an engine.
type store interface {
	produce.Store
	consume.Engine
	route.Topology
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

const tenantBank, tenantRival = "bank", "rival"

// contents is two tenants beside the default one; each has the same names.
func contents(version catalog.Version, signed bool) catalog.Contents {
	c := catalog.Contents{Version: version}
	cluster := must(mq.ParseCluster("c0"))
	for _, name := range []string{mq.DefaultTenant, tenantBank, tenantRival} {
		tenant := must(mq.ParseTenant(name))
		one := catalog.Tenant{ID: tenant}
		if name == mq.DefaultTenant && !signed {
			one.Unsigned = catalog.UnsignedLoopback
		}
		c.Tenants = append(c.Tenants, one)
		topic := func(n string, queues int, types ...mq.MessageType) {
			tn := must(mq.ParseTopicName(n))
			c.Topics = append(c.Topics, catalog.Topic{Tenant: tenant, Name: tn, Topic: mq.Topic{
				Name: mq.PhysicalTopic(tenant, tn), Cluster: cluster, Accepts: mq.AcceptsOf(types...), Queues: queues,
			}})
		}
		topic("orders", 4, mq.Normal)
		topic("sequence", 4, mq.FIFO)
		topic("later", 2, mq.Delay)
		topic("pay", 2, mq.Transaction)
		topic("any", 2, mq.Normal, mq.FIFO, mq.Delay, mq.Transaction)
		group := func(n string, g mq.Group) {
			gn := must(mq.ParseGroupName(n))
			g.Name, g.Cluster = mq.PhysicalGroup(tenant, gn), cluster
			c.Groups = append(c.Groups, catalog.Group{Tenant: tenant, Name: gn, Group: g})
		}
		group("billing", mq.Group{MaxAttempts: 17})
		group("ordered", mq.Group{MaxAttempts: 3, Ordered: true, Retry: mq.RetryPolicy{Initial: time.Second, Max: time.Minute, Multiplier: 3}})
		group("other", mq.Group{MaxAttempts: 17})
		group("puller", mq.Group{Mode: mq.Pulls})
		app := func(n string, a catalog.App) {
			a.Tenant, a.Name = tenant, n
			c.Keys = append(c.Keys, catalog.Key{ID: name + "-" + n, Secret: "secret-" + n, App: &a})
		}
		app("owner", catalog.App{Owner: true})
		app("sender", catalog.App{Publish: map[mq.TopicName]bool{must(mq.ParseTopicName("orders")): true}})
		app("reader", catalog.App{
			Subscribe:       map[mq.GroupName]bool{must(mq.ParseGroupName("billing")): true},
			SubscribeTopics: map[mq.TopicName]bool{must(mq.ParseTopicName("orders")): true},
		})
	}
	return c
}

func newWorld(t testing.TB, o worldOptions) *world {
	t.Helper()
	if o.sessions == 0 {
		o.sessions = 1000
	}
	w := &world{t: t, engine: o.engine, holder: &catalog.Holder{}, log: &logged{}, counts: &counts{}, keys: o.keys}
	if w.engine == nil {
		w.engine = newMemory(clock.System())
	}
	if w.keys == nil {
		w.keys = must(seal.New(seal.NewKey(time.Now())))
	}
	if o.store == nil {
		o.store = w.engine
	}
	if o.holder != nil {
		w.holder = o.holder
	} else {
		w.holder.Put(catalog.Build(contents(1, o.signed)))
	}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.sessions = session.New(clock.System(), o.sessions, func(c session.Client) {
		w.consume.ClientGone(c.ID)
		if o.clients != nil {
			o.clients(c)
		}
	})
	cluster := must(mq.ParseCluster("c0"))
	leasers, stores, topologies := map[mq.Cluster]consume.Engine{cluster: o.store}, map[mq.Cluster]produce.Store{cluster: o.store}, map[mq.Cluster]route.Topology{cluster: o.store}
	if o.west != nil {
		c := must(mq.ParseCluster("c1"))
		leasers[c], stores[c], topologies[c] = o.west, o.west, o.west
	}
	if o.clock == nil {
		o.clock = clock.System()
	}
	w.consume = consume.New(leasers, clock.System(), w.sessions.Alive, log)
	if o.produce == nil {
		o.produce = produce.New(stores, w.sessions)
	}
	w.door = gate.New(gate.Ports{
		Guard: must(access.New(access.Config{Clock: clock.System()})), Seals: w.keys, Catalog: w.holder.Now, Sessions: w.sessions,
		Produce: o.produce,
		Consume: w.consume, Pull: w.consume, Routes: route.NewPlanner(topologies, nil, o.role),
		Role:  o.role,
		Clock: o.clock, Observer: w.counts, Log: log,
	})
	if o.front.Observer == nil {
		o.front.Observer = w.counts
	}
	o.front.Lean = o.front.Lean || lean
	w.front = grpcfront.New(w.door, o.front)
	w.address = w.listen(o.produce)
	w.client = v2.NewMessagingServiceClient(w.dial())
	return w
}

func (w *world) listen(p gate.Producing) string {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	var served sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	served.Go(func() {
		if err := w.front.Serve(l); err != nil {
			w.t.Error(err)
		}
	})
	served.Go(func() { _ = w.consume.Run(ctx) })
	if checks, ok := p.(*produce.Service); ok {
		served.Go(func() { _ = checks.Run(ctx) })
	}
	w.t.Cleanup(func() {
		w.sessions.Stop()
		w.consume.Drain()
		w.front.Stop()
		cancel()
		served.Wait()
	})
	return l.Addr().String()
}

func (w *world) dial(o ...grpc.DialOption) *grpc.ClientConn {
	w.t.Helper()
	o = append([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, o...)
	conn, err := grpc.NewClient("passthrough:///"+w.address, o...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return conn
}

// as is a call of an unsigned client of the default tenant.
func (w *world) as(pairs ...string) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	w.t.Cleanup(cancel)
	all := append([]string{"x-mq-client-id", "host@1@0@abc", "x-mq-language", "GO", "x-mq-client-version", "5.1.4", "x-mq-protocol", "v2", "x-mq-request-id", "r-1"}, pairs...)
	return withHeaders(ctx, all...)
}

// withHeaders sets each header once; a later value replaces, an empty one removes.
func withHeaders(ctx context.Context, pairs ...string) context.Context {
	md := metadata.MD{}
	for i := 0; i < len(pairs); i += 2 {
		if md.Delete(pairs[i]); pairs[i+1] != "" {
			md.Set(pairs[i], pairs[i+1])
		}
	}
	return metadata.NewOutgoingContext(ctx, md)
}

// signed is a call with a key, as the Go client signs: with local time.
func (w *world) signed(key, secret string, pairs ...string) context.Context {
	date := time.Now().Format("20060102T150405Z")
	return w.as(append([]string{"x-mq-date-time", date, "authorization", authorization(key, secret, date)}, pairs...)...)
}

func authorization(key, secret, date string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(date))
	return fmt.Sprintf("MQv2-HMAC-SHA1 Credential=%s//Rocketmq, SignedHeaders=x-mq-date-time, Signature=%s", key, hex.EncodeToString(mac.Sum(nil)))
}

func (w *world) owner(tenant string) context.Context {
	return w.signed(tenant+"-owner", "secret-owner")
}

func res(name string) *v2.Resource { return &v2.Resource{Name: name} }

func endpoints() *v2.Endpoints {
	return &v2.Endpoints{Scheme: v2.AddressScheme_IPv4, Addresses: []*v2.Address{{Host: "127.0.0.1", Port: 8081}}}
}

var ids struct { //nolint:unused // of tests
	sync.Mutex
	n int
}

func nextID() string {
	ids.Lock()
	defer ids.Unlock()
	ids.n++
	return fmt.Sprintf("01%032X", ids.n)
}

func normal(topic, body string) *v2.Message {
	return &v2.Message{Topic: res(topic), Body: []byte(body), SystemProperties: &v2.SystemProperties{
		MessageId: nextID(), MessageType: v2.MessageType_NORMAL, BodyEncoding: v2.Encoding_IDENTITY, BornHost: "laptop",
	}}
}

func one(m *v2.Message) *v2.SendMessageRequest {
	return &v2.SendMessageRequest{Messages: []*v2.Message{m}}
}

func (w *world) send(ctx context.Context, m ...*v2.Message) *v2.SendMessageResponse {
	w.t.Helper()
	out, err := w.client.SendMessage(ctx, &v2.SendMessageRequest{Messages: m})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(out.Entries) != len(m) {
		w.t.Fatalf("%d entries for %d messages", len(out.Entries), len(m))
	}
	return out
}

// receive reads one whole answer.
func (w *world) receive(ctx context.Context, req *v2.ReceiveMessageRequest) (*v2.Status, []*v2.Message) {
	w.t.Helper()
	stream, err := w.client.ReceiveMessage(ctx, req)
	if err != nil {
		w.t.Fatal(err)
	}
	var status *v2.Status
	var messages []*v2.Message
	for {
		m, err := stream.Recv()
		if err != nil {
			if err.Error() != "EOF" {
				w.t.Fatal(err)
			}
			return status, messages
		}
		switch c := m.Content.(type) {
		case *v2.ReceiveMessageResponse_Status:
			if len(messages) > 0 {
				w.t.Fatal("the status came after a message")
			}
			status = c.Status
		case *v2.ReceiveMessageResponse_Message:
			messages = append(messages, c.Message)
		}
	}
}

func want(t testing.TB, got *v2.Status, code v2.Code, words ...string) {
	t.Helper()
	if got.GetCode() != code {
		t.Fatalf("answered %v %q, want %v", got.GetCode(), got.GetMessage(), code)
	}
	for _, word := range words {
		if !strings.Contains(got.GetMessage(), word) {
			t.Fatalf("the text %q does not say %q", got.GetMessage(), word)
		}
	}
}

// eventually waits for a condition with a bound.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("never: " + what)
		}
	}
}

// logged keeps what was logged.
type logged struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), s)
}

// counts keeps what was observed.
type counts struct {
	mu                                                   sync.Mutex // guards all below
	called, panicked, stored, delivered, differed, turns int
	why                                                  []string
	open, tls                                            int
}

func (c *counts) add(field *int, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*field += n
}

func (c *counts) of(field *int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *field
}

func (c *counts) Called(gate.Verb, mq.Kind, time.Duration)               { c.add(&c.called, 1) }
func (c *counts) Stored(_ *catalog.Topic, n, _ int)                      { c.add(&c.stored, n) }
func (c *counts) Delivered(_ *catalog.Group, _ *catalog.Topic, n, _ int) { c.add(&c.delivered, n) }
func (c *counts) Differed(*catalog.Group, *catalog.Topic)                { c.add(&c.differed, 1) }
func (c *counts) Panicked(gate.Verb)                                     { c.add(&c.panicked, 1) }
func (c *counts) Closed()                                                { c.add(&c.open, -1) }
func (c *counts) Opened(tls bool) {
	c.add(&c.open, 1)
	if tls {
		c.add(&c.tls, 1)
	}
}
func (c *counts) Turned(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.why = append(c.why, why)
}

func (c *counts) turned(why string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.why {
		if w == why {
			return true
		}
	}
	return false
}
