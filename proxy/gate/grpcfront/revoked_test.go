// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"context"
	"slices"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// ask starts a call that waits for messages; the channel gets its status.
func (w *world) ask(ctx context.Context, group, topic string) <-chan *v2.Status {
	w.t.Helper()
	req := simpleReceive(group, topic)
	req.LongPollingTimeout = durationpb.New(9 * time.Second)
	stream, err := w.client.ReceiveMessage(ctx, req)
	if err != nil {
		w.t.Fatal(err)
	}
	got := make(chan *v2.Status, 1)
	go func() {
		defer close(got)
		if first, err := stream.Recv(); err == nil {
			got <- first.GetStatus()
		}
	}()
	return got
}

// askPull is ask for a pull consumer.
func (w *world) askPull(ctx context.Context, group, topic string) <-chan *v2.Status {
	w.t.Helper()
	stream, err := w.client.PullMessage(ctx, &v2.PullMessageRequest{
		Group: res(group), MessageQueue: &v2.MessageQueue{Topic: res(topic), Id: 1, Broker: &v2.Broker{Name: "b0"}}, BatchSize: 1, LongPollingTimeout: durationpb.New(9 * time.Second),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	got := make(chan *v2.Status, 1)
	go func() {
		defer close(got)
		if first, err := stream.Recv(); err == nil {
			got <- first.GetStatus()
		}
	}()
	return got
}

func answered(t *testing.T, what string, got <-chan *v2.Status, want v2.Code) {
	t.Helper()
	select {
	case s := <-got:
		if s.GetCode() != want {
			t.Errorf("%s: %v", what, s)
		}
	case <-time.After(5 * time.Second):
		t.Errorf("%s: it still waits", what)
	}
}

func waits(t *testing.T, what string, got <-chan *v2.Status) {
	t.Helper()
	select {
	case s := <-got:
		t.Errorf("%s: %v", what, s)
	default:
	}
}

// put puts a snapshot in place, and tells how many streams were closed for it.
func (w *world) put(s *catalog.Snapshot) int {
	w.holder.Put(s)
	return w.door.CatalogChanged(s)
}

// changed puts another catalog in place.
func (w *world) changed(version catalog.Version, change func(c *catalog.Contents)) {
	c := contents(version, false)
	change(&c)
	w.put(catalog.Build(c))
}

// parked waits until so many calls of a tenant wait.
func (w *world) parked(n int) {
	w.t.Helper()
	eventually(w.t, "the calls wait", func() bool { return w.door.Waiting() == n })
}

func TestARevokedKeyEndsTheCallsThatWait(t *testing.T) {
	w := newWorld(t, worldOptions{})
	bank, pulls, rival, unsigned := w.ask(w.owner("bank"), "billing", "orders"), w.askPull(w.owner("bank"), "puller", "orders"), w.ask(w.owner("rival"), "billing", "orders"), w.ask(w.as(), "billing", "orders")
	w.parked(4)
	w.changed(2, func(c *catalog.Contents) {
		for i, k := range c.Keys {
			c.Keys[i].Revoked = k.ID == "bank-owner"
		}
	})
	answered(t, "a receive of the revoked key", bank, v2.Code_UNAUTHORIZED)
	answered(t, "a pull of the revoked key", pulls, v2.Code_UNAUTHORIZED)
	waits(t, "another tenant", rival)
	waits(t, "an unsigned caller", unsigned)
	w.parked(2)
	w.changed(3, func(c *catalog.Contents) { c.Tenants[0].Unsigned = catalog.UnsignedNobody })
	answered(t, "an unsigned caller who may not come in any more", unsigned, v2.Code_UNAUTHORIZED)
	w.changed(4, func(c *catalog.Contents) { c.Tenants[2].Disabled = true })
	answered(t, "a disabled tenant", rival, v2.Code_UNAUTHORIZED)
	w.parked(0)
}

func TestALostRightEndsTheCallsThatWaitByIt(t *testing.T) {
	w := newWorld(t, worldOptions{})
	reader, owner := w.ask(w.signed("bank-reader", "secret-reader"), "billing", "orders"), w.ask(w.owner("bank"), "billing", "orders")
	w.parked(2)
	w.changed(2, func(c *catalog.Contents) {
		for _, k := range c.Keys {
			if k.ID == "bank-reader" {
				k.App.SubscribeTopics = map[mq.TopicName]bool{}
			}
		}
	})
	answered(t, "a reader without the right", reader, v2.Code_FORBIDDEN)
	waits(t, "the owner", owner)
	w.changed(3, func(c *catalog.Contents) { c.Groups = c.Groups[:0] })
	answered(t, "a group that was deleted", owner, v2.Code_CONSUMER_GROUP_NOT_FOUND)
}

// Who waited for a topic that is deleted is told so, and not that its cluster lacks what the catalog has.
func TestADeletedTopicEndsTheCallsThatWaitForIt(t *testing.T) {
	w := newWorld(t, worldOptions{})
	calls := map[string]<-chan *v2.Status{"receive": w.ask(w.owner("bank"), "billing", "orders"), "pull": w.askPull(w.owner("bank"), "puller", "orders")}
	w.parked(2)
	w.changed(2, func(c *catalog.Contents) {
		c.Topics = slices.DeleteFunc(c.Topics, func(t catalog.Topic) bool { return t.Tenant.String() == "bank" && t.Name.String() == "orders" })
	})
	for what, got := range calls {
		select {
		case s := <-got:
			want(t, s, v2.Code_TOPIC_NOT_FOUND, `topic "orders" was deleted`)
		case <-time.After(5 * time.Second):
			t.Errorf("%s: it still waits", what)
		}
	}
}

// borrow lets rival read bank's orders as lent.
func borrow(c *catalog.Contents, expires time.Time) {
	orders := c.Topics[slices.IndexFunc(c.Topics, func(t catalog.Topic) bool { return t.Tenant.String() == "bank" && t.Name.String() == "orders" })]
	rival := c.Topics[slices.IndexFunc(c.Topics, func(t catalog.Topic) bool { return t.Tenant.String() == "rival" })]
	as, err := mq.ParseTopicName("lent")
	if err != nil {
		panic(err)
	}
	c.Grants = []catalog.Grant{{ID: "g", Borrower: rival.Tenant, As: as, Owner: orders.Tenant, Topic: orders.Name, Subscribe: true, Expires: expires}}
}

func TestAGrantThatGoesEndsTheCallsThatWaitByIt(t *testing.T) {
	w := newWorld(t, worldOptions{})
	w.changed(2, func(c *catalog.Contents) { borrow(c, time.Time{}) })
	lent, own := w.ask(w.owner("rival"), "billing", "lent"), w.ask(w.owner("bank"), "billing", "orders")
	w.parked(2)
	w.changed(3, func(c *catalog.Contents) { borrow(c, time.Time{}) })
	waits(t, "what the change does not concern", lent)
	w.changed(4, func(*catalog.Contents) {})
	answered(t, "a receive by the grant", lent, v2.Code_TOPIC_NOT_FOUND)
	waits(t, "the owner", own)
	s, _ := w.receive(w.owner("rival"), simpleReceive("billing", "lent"))
	want(t, s, v2.Code_TOPIC_NOT_FOUND, `topic "lent" does not exist`)
}

// A grant ends by the proxy's clock, whoever is there to take it back; nobody waits beyond its end.
func TestAGrantThatExpiredIsNotThere(t *testing.T) {
	virtual := clock.NewVirtual(time.Now())
	w := newWorld(t, worldOptions{clock: virtual})
	w.changed(2, func(c *catalog.Contents) { borrow(c, virtual.Now().Add(300*time.Millisecond)) })
	answered(t, "a receive that would wait beyond the end", w.ask(w.owner("rival"), "billing", "lent"), v2.Code_MESSAGE_NOT_FOUND)
	virtual.Advance(300 * time.Millisecond)
	s, _ := w.receive(w.owner("rival"), simpleReceive("billing", "lent"))
	want(t, s, v2.Code_TOPIC_NOT_FOUND, `topic "lent" does not exist`)
}

// A change of the catalog that does not concern a client leaves its stream open: an unsigned one on this machine was closed by each change once.
func TestAChangeOfTheCatalogLeavesTheStreamsOfOthersOpen(t *testing.T) {
	w := newWorld(t, worldOptions{})
	streams := map[string]v2.MessagingService_TelemetryClient{}
	for name, ctx := range map[string]context.Context{"unsigned": w.as(), "bank": w.owner("bank"), "rival": w.owner("rival")} {
		streams[name], _ = w.agree(ctx, producerSettings("orders"))
	}
	if n := w.put(catalog.Build(contents(2, false))); n != 0 {
		t.Errorf("%d streams were closed by a change that concerns nobody", n)
	}
	revoked := contents(3, true) // nobody unsigned
	for i, k := range revoked.Keys {
		revoked.Keys[i].Revoked = k.ID == "bank-owner"
	}
	if n := w.put(catalog.Build(revoked)); n != 2 {
		t.Errorf("%d streams were closed, those of the revoked key and the unsigned caller were to be", n)
	}
}

// Who has nothing to do with a change is not judged because of it, which shows where a key is revoked at a version that was judged before.
func TestAChangeConcernsThoseOfItsTenantAlone(t *testing.T) {
	w := newWorld(t, worldOptions{})
	s := catalog.Build(contents(2, false))
	w.put(s)
	for _, name := range []string{"bank", "rival"} {
		w.agree(w.owner(name), producerSettings("orders"))
	}
	got := w.ask(w.owner("rival"), "billing", "orders")
	w.parked(1)
	revoked := func(id string, v catalog.Version) catalog.Difference {
		k, _ := s.Key(id)
		off := *k
		off.Revoked = true
		return catalog.Difference{Version: v, Keys: []catalog.Key{off}}
	}
	if n := w.put(s.With(revoked("rival-owner", 1)).With(revoked("bank-owner", 3))); n != 1 {
		t.Errorf("%d streams were closed by a change of one tenant", n)
	}
	waits(t, "a call of another tenant", got)
	if n := w.door.Recheck(); n < 1 {
		t.Errorf("%d streams were closed when all were looked at", n)
	}
	answered(t, "a call with a key that is revoked", got, v2.Code_UNAUTHORIZED)
}
