// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"context"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// heldWorld is a world whose topic orders of the bank is about to move from c0 to c1, with a send that is held.
type heldWorld struct {
	*world
	west *memory
	time *clock.Virtual
	sent chan *v2.SendMessageResponse
}

func newHeldWorld(t *testing.T) *heldWorld {
	t.Helper()
	h := &heldWorld{west: newMemory(clock.System()), time: clock.NewVirtual(time.Now()), sent: make(chan *v2.SendMessageResponse, 1)}
	h.world = newWorld(t, worldOptions{signed: true, west: h.west, clock: h.time})
	h.say(2, catalog.Fencing, "c0", "c1", nil)
	ctx := h.owner(tenantBank)
	go func() {
		out, err := h.client.SendMessage(ctx, one(normal("orders", "held")))
		if err != nil {
			t.Error(err)
		}
		h.sent <- out
	}()
	eventually(t, "the send is held", func() bool { return h.time.Pending() > 1 })
	return h
}

// say puts the next catalog: where the topic is, where it comes from or goes, and what else is changed.
func (h *heldWorld) say(version catalog.Version, stage catalog.Stage, cluster, peer string, change func(*catalog.Contents)) {
	c := contents(version, true)
	for i := range c.Topics {
		if one := &c.Topics[i]; one.Tenant.String() == tenantBank && one.Name.String() == "orders" {
			one.Cluster, one.Move = must(mq.ParseCluster(cluster)), catalog.Move{Stage: stage, Peer: must(mq.ParseCluster(peer))}
		}
	}
	if change != nil {
		change(&c)
	}
	h.holder.Put(catalog.Build(c))
}

// answer lets the door's time go by until the send is answered.
func (h *heldWorld) answer(most time.Duration) *v2.SendMessageResponse {
	h.t.Helper()
	const step = 50 * time.Millisecond
	end := h.time.Now().Add(most)
	var got *v2.SendMessageResponse
	eventually(h.t, "the send is answered", func() bool {
		if h.time.Now().Before(end) {
			h.time.Advance(step)
		}
		select {
		case got = <-h.sent:
		default:
		}
		return got != nil
	})
	return got
}

func TestASendToATopicThatMovesIsHeldAndGoesToItsNewCluster(t *testing.T) {
	h := newHeldWorld(t)
	h.time.Advance(time.Second)
	if n := h.engine.count("send") + h.west.count("send"); n > 0 {
		t.Fatalf("%d sends went through while the topic is fenced", n)
	}
	h.say(3, catalog.Draining, "c1", "c0", nil)
	want(t, h.answer(time.Second).GetStatus(), v2.Code_OK)
	if old, next := h.engine.count("send"), h.west.count("send"); old != 0 || next != 1 {
		t.Errorf("%d sends at the old cluster, %d at the new one", old, next)
	}
}

func TestAHeldSendIsRefusedWhenTheMoveTakesTooLong(t *testing.T) {
	h := newHeldWorld(t)
	h.time.Advance(9900 * time.Millisecond)
	select {
	case got := <-h.sent:
		t.Fatalf("it was answered too early: %v", got.GetStatus())
	case <-time.After(20 * time.Millisecond):
	}
	want(t, h.answer(time.Second).GetStatus(), v2.Code_TOO_MANY_REQUESTS, "orders", "c1")
	if n := h.engine.count("send") + h.west.count("send"); n > 0 {
		t.Errorf("%d sends went through", n)
	}
}

// What a caller may do is judged by the catalog that ends the wait, not by the one that began it.
func TestAHeldSendIsJudgedByTheCatalogThatEndsItsWait(t *testing.T) {
	for what, end := range map[string]struct {
		change func(*catalog.Contents)
		code   v2.Code
	}{
		"the key was revoked": {func(c *catalog.Contents) {
			for i := range c.Keys {
				c.Keys[i].Revoked = true
			}
		}, v2.Code_UNAUTHORIZED},
		"the right to publish was taken": {func(c *catalog.Contents) {
			for i := range c.Keys {
				c.Keys[i].App.Owner = false
			}
		}, v2.Code_FORBIDDEN},
		"the topic was deleted": {func(c *catalog.Contents) { c.Topics = nil }, v2.Code_TOPIC_NOT_FOUND},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHeldWorld(t)
			h.say(3, catalog.Draining, "c1", "c0", end.change)
			want(t, h.answer(time.Second).GetStatus(), end.code)
			if n := h.engine.count("send") + h.west.count("send"); n > 0 {
				t.Errorf("%d sends went through", n)
			}
		})
	}
}

// A caller whose own time ends while it is held is told so; nothing was stored.
func TestAHeldSendEndsWithItsCaller(t *testing.T) {
	h := newHeldWorld(t)
	ctx, cancel := context.WithTimeout(h.owner(tenantBank), 200*time.Millisecond)
	defer cancel()
	if out, err := h.client.SendMessage(ctx, one(normal("orders", "short"))); err == nil && out.GetStatus().GetCode() == v2.Code_OK {
		t.Fatalf("answered %v", out)
	}
	eventually(t, "only the patient one is held", func() bool { return h.time.Pending() == 2 })
	h.say(3, catalog.Draining, "c1", "c0", nil)
	want(t, h.answer(time.Second).GetStatus(), v2.Code_OK)
	if n := h.west.count("send"); n != 1 {
		t.Errorf("%d sends went through, one of two callers was there", n)
	}
}
