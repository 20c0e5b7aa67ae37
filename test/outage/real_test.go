// SPDX-License-Identifier: Apache-2.0

package outage_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/test/town"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// The story of TestNoCallFailsWhileTheControlPlaneIsDead before real brokers, which make nothing by themselves, as in production. What people look at and do from the control plane comes
// after it: a stream, a trace, who is connected, a group that is paused.
func TestNoCallFailsWhileTheControlPlaneIsDeadOnARealCluster(t *testing.T) {
	w := town.NewOf(t, remoting.Credentials{}, cluster.Broker{Name: "broker-a", Settings: map[string]string{"autoCreateSubscriptionGroup": "false", "autoCreateTopicEnable": "false"}})
	control, proxies := withoutAControlPlane(t, siteOf(t, w, w.Cluster.NameServers(), w.Cluster.Name()))
	g := &guest{t: t, control: control, key: control.provides("seen"), seen: control.watches("seen")}
	g.producer, g.consumer = g.client(proxies[0], "host@p", crowd.ProducerOf("orders")), g.client(proxies[1], "host@c", crowd.PushConsumerOf("billing", "orders"))
	begun := time.Now()
	g.pauses()
	g.traces()
	g.looks()
	g.connected()
	t.Logf("paused, traced and looked at within %v", time.Since(begun).Round(time.Millisecond))
}

// guest is a tenant before real brokers, with a producer and a consumer at two proxies.
type guest struct {
	t                  *testing.T
	control            *process
	key                [2]string
	seen               *watched
	producer, consumer *crowd.Client
	ids                crowd.IDs
	sent               []string // ids
}

func (g *guest) client(at crowd.Entrance, name string, is *v2.Settings) *crowd.Client {
	g.t.Helper()
	c := crowd.Dial(g.t, at, name)
	c.Key = g.key
	crowd.Eventually(g.t, "the proxy knows the tenant", func() bool { return c.Listen(is, func(*v2.TelemetryCommand) {}) == nil })
	return c
}

func (g *guest) sends() {
	g.t.Helper()
	id := "seen-" + g.ids.Next()
	crowd.SendOK(g.t, g.producer, crowd.Letter("orders", id, "x"))
	g.sent = append(g.sent, id)
}

func waitsFor(poll time.Duration) crowd.Receiving {
	return crowd.Receiving{Topic: "orders", Group: "billing", Max: 1, Hold: 30 * time.Second, Poll: poll}
}

// pauses: a paused group is given nothing, settles what it has, and goes on with all that came meanwhile.
func (g *guest) pauses() {
	g.t.Helper()
	g.sends()
	first := crowd.Gets(g.t, g.consumer, waitsFor(3*time.Second))
	var waiting sync.WaitGroup
	g.t.Cleanup(waiting.Wait)
	waiting.Go(func() { // begins before the pause or after it: either way it is answered, and empty
		if got, err := g.consumer.Receive(waitsFor(3 * time.Second)); err != nil || len(got) > 0 {
			g.t.Errorf("a call that waits while its group is paused gets %d messages, %v", len(got), err)
		}
	})
	paused := func(is bool) {
		g.t.Helper()
		g.control.answers("PATCH", "/v1/tenants/seen/groups/billing", fmt.Sprintf(`{"paused":%v}`, is), http.StatusOK)
	}
	paused(true)
	for range 3 {
		g.sends()
	}
	crowd.Nothing(g.t, g.consumer, waitsFor(time.Second), "its group is paused")
	if err := g.consumer.Ack("orders", "billing", first); err != nil {
		g.t.Errorf("what a paused group holds is not settled: %v", err)
	}
	waiting.Wait()
	paused(false)
	var ids []string
	for range 3 {
		m := crowd.Gets(g.t, g.consumer, waitsFor(3*time.Second))
		if err := g.consumer.Ack("orders", "billing", m); err != nil {
			g.t.Error(err)
		}
		ids = append(ids, m.GetSystemProperties().GetMessageId())
	}
	if slices.Sort(ids); !slices.Equal(ids, g.sent[1:]) {
		g.t.Errorf("after the pause came %v of %v", ids, g.sent[1:])
	}
}

// traces: where a message is, and what both proxies did with it.
func (g *guest) traces() {
	g.t.Helper()
	a := told(g.t, g.control, "/v1/tenants/seen/topics/orders/messages/"+g.sent[0]+"/trace", func(a wire.Trace) bool {
		return len(a.Places) == 1 && len(a.Places[0].Groups) == 1 && a.Places[0].Groups[0].State == "taken" && // brokers index what they store a moment later
			len(a.Recorded) == 2 && a.Recorded[0].State == "answered" && a.Recorded[1].State == "answered"
	})
	var steps []string
	for _, e := range a.Events {
		if e.Kind == "returned" { // a busy machine: what was popped came too late for its call, and was delivered by the next one
			continue
		}
		steps = append(steps, strings.Join([]string{e.Kind, e.Source, e.Application, e.Client, e.Group, e.Result}, " "))
	}
	want := []string{"produced proxy app host@p  ", "stored proxy    ", "delivered proxy app host@c billing ", "acked proxy app host@c billing "}
	if steps = slices.Compact(steps); !slices.Equal(steps, want) {
		g.t.Fatalf("%q", steps)
	}
	at, stored := a.Places[0], a.Events[1]
	if at.State != "stored" || at.Broker != "broker-a" || stored.Broker != at.Broker || stored.Queue == nil || *stored.Queue != at.Queue || stored.Offset == nil || *stored.Offset != at.Offset {
		g.t.Errorf("it is at %+v, stored as %+v", at, stored)
	}
}

// looks: the stream showed every message, the group has nothing left, and what brokers list for nobody is refused with what to do instead.
func (g *guest) looks() {
	g.t.Helper()
	crowd.Eventually(g.t, "the stream shows what was sent", func() bool { return slices.Equal(g.seen.shown(), g.sent) })
	told(g.t, g.control, "/v1/tenants/seen/groups/billing/progress", func(p wire.Page[wire.Progress]) bool {
		return len(p.Items) == 1 && p.Items[0].Topic == "orders" && p.Items[0].Ready == 0 && p.Items[0].Retrying == 0 && len(p.Items[0].Queues) == 4
	})
	for path, want := range map[string]string{"scheduled": "by the handle that its send gave", "transactions": "ends its transaction itself"} {
		if text := g.control.answers("GET", "/v1/tenants/seen/topics/orders/"+path, "", http.StatusNotImplemented); !strings.Contains(text, want) {
			g.t.Errorf("%s: %s", path, text)
		}
	}
}

// connected: who is, and to which proxy.
func (g *guest) connected() {
	g.t.Helper()
	all := told(g.t, g.control, "/v1/tenants/seen/clients", func(p wire.ClientPage) bool { return len(p.Items) == 2 })
	var is, at []string
	for _, one := range all.Items {
		is = append(is, fmt.Sprint(one.ID, " ", one.App, " ", one.Kind, " ", one.Group, " ", one.Topics[0].Topic, " ", len(one.Proxies)))
		at = append(at, one.Proxies[0].Name)
	}
	slices.Sort(is)
	if want := []string{"host@c app push_consumer billing orders 1", "host@p app producer  orders 1"}; !slices.Equal(is, want) || at[0] == at[1] {
		g.t.Errorf("%q at %q", is, at)
	}
}
