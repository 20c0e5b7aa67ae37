// SPDX-License-Identifier: Apache-2.0

package outage_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/test/town"
)

// What passes two proxies in this story: so many messages of so many bytes each come in through the first one, so many go out through the second one, of which the last is not settled.
const (
	comeIn, goOut = 40, 26 // a stream shows fifty of one look at most
	bytesEach     = 10
)

// scene is a control plane with two proxies that stand in two zones, the cluster in the first of them, and what passed.
type scene struct {
	t         *testing.T
	control   *process
	near, far *town.Process
	settled   string // id of a message that was acknowledged
	key       [2]string
}

// Processes: what proxies count, who is connected to them and what they remember is known at the control plane, by its interface alone, though each is a process of its own.
func TestWhatProxyProcessesKnowReachesTheControlPlane(t *testing.T) {
	t.Parallel()
	s := overFakes(t)
	s.zone = "az-1"
	c := &scene{t: t, control: s.rules()}
	for _, zone := range []string{"az-1", "az-2"} {
		c.control.makes("/v1/zones", map[string]any{"name": zone})
	}
	c.key = c.control.provides("pay")
	c.near, c.far = s.proxyIn(1, "az-1"), s.proxyIn(2, "az-2")
	seen := c.control.watches("pay")
	c.passes()
	t.Run("trace", c.trace)
	t.Run("tail", func(t *testing.T) {
		crowd.Eventually(t, "all are shown by the stream", func() bool { return len(slices.Compact(seen.shown())) == comeIn })
	})
	t.Run("proxies", c.proxies)
	t.Run("clients", c.clients)
	t.Run("rates", c.rates)
	t.Run("lag", c.lag)
	t.Run("flow", c.flow)
	t.Run("use", c.use)
	t.Run("stream", func(t *testing.T) {
		crowd.Eventually(t, "the stream told of steps that are known, and how far the group is behind", seen.toldOfFigures)
	})
	t.Run("disconnect", c.disconnect)
}

// passes sends by way of the first proxy and receives by way of the second one, to which the consumer keeps one of its two streams.
func (c *scene) passes() {
	c.t.Helper()
	ignore := func(*v2.TelemetryCommand) {}
	producer, consumer := c.joins(c.near, "host@p", crowd.ProducerOf("orders"), ignore), c.joins(c.far, "host@c", crowd.PushConsumerOf("billing", "orders"), ignore)
	c.joins(c.near, "host@c", crowd.PushConsumerOf("billing", "orders"), ignore)
	ids := &crowd.IDs{}
	for range comeIn {
		crowd.SendOK(c.t, producer, crowd.Letter("orders", ids.Next(), strings.Repeat("x", bytesEach)))
	}
	for out := 0; out < goOut; {
		some, err := consumer.Receive(crowd.Receiving{Topic: "orders", Group: "billing", Max: int32(min(goOut-out, 8)), Hold: 5 * time.Minute, Poll: time.Second})
		if err != nil {
			c.t.Fatal(err)
		}
		for _, m := range some {
			if out++; out == goOut {
				return // with a lease
			}
			if err := consumer.Ack("orders", "billing", m); err != nil {
				c.t.Fatal(err)
			}
			c.settled = m.GetSystemProperties().GetMessageId()
		}
	}
}

// joins connects a client to a proxy.
func (c *scene) joins(at crowd.Entrance, name string, is *v2.Settings, on func(*v2.TelemetryCommand)) *crowd.Client {
	c.t.Helper()
	one := crowd.Dial(c.t, at, name)
	one.Key = c.key
	if err := one.Listen(is, on); err != nil {
		c.t.Fatal(err)
	}
	return one
}

// disconnect: a client that has a stream to each proxy loses both, is told to come again, and what it holds goes to another one though nobody settled it.
func (c *scene) disconnect(t *testing.T) {
	var told atomic.Int32
	count := func(command *v2.TelemetryCommand) {
		if command.GetReconnectEndpointsCommand() != nil {
			told.Add(1)
		}
	}
	is := crowd.PushConsumerOf("billing", "orders")
	c.joins(c.near, "host@d", is, count)
	held := crowd.Gets(t, c.joins(c.far, "host@d", is, count), crowd.Receiving{Topic: "orders", Group: "billing", Max: 1, Poll: time.Second}) // renewed for as long as the client is there
	var done wire.Disconnected
	if err := json.Unmarshal([]byte(c.control.answers("POST", "/v1/tenants/pay/clients/host@d/disconnect", `{"app":"app"}`, http.StatusOK)), &done); err != nil {
		t.Fatal(err)
	}
	if done.ID != "host@d" || done.Proxies != 2 || done.Streams != 2 || !done.Complete {
		t.Errorf("%+v", done)
	}
	crowd.Eventually(t, "both streams were told to connect anew", func() bool { return told.Load() == 2 })
	other := c.joins(c.near, "host@e", is, count)
	crowd.Eventually(t, "what it held goes to another consumer", func() bool {
		some, err := other.Receive(crowd.Receiving{Topic: "orders", Group: "billing", Max: 8, Hold: time.Minute, Poll: time.Second})
		return err == nil && slices.ContainsFunc(some, func(m *v2.Message) bool {
			return m.GetSystemProperties().GetMessageId() == held.GetSystemProperties().GetMessageId()
		})
	})
	c.joins(c.far, "host@d", is, count) // it is let in again
	c.control.answers("POST", "/v1/tenants/pay/clients/nobody/disconnect", `{}`, http.StatusNotFound)
	c.control.answers("POST", "/v1/tenants/none/clients/host@d/disconnect", `{}`, http.StatusNotFound)
}

// told asks the API again and again until an answer is as it is to be.
func told[A any](t *testing.T, p *process, path string, holds func(A) bool) A {
	t.Helper()
	var last string
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var answer A
		last = p.tells(path)
		if err := json.Unmarshal([]byte(last), &answer); err != nil {
			t.Fatal(err)
		}
		if holds(answer) {
			return answer
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s answers after two minutes: %s", path, last)
		}
	}
}

// trace: what both proxies remember of one message, and where it is.
func (c *scene) trace(t *testing.T) {
	a := told(t, c.control, "/v1/tenants/pay/topics/orders/messages/"+c.settled+"/trace", func(a wire.Trace) bool {
		return len(a.Recorded) == 2 && a.Recorded[0].State == "answered" && a.Recorded[1].State == "answered"
	})
	var steps []string
	for _, e := range a.Events {
		steps = append(steps, strings.Join([]string{e.Kind, e.Source, e.Zone, e.Application, e.Client, e.Group, e.Result}, " "))
	}
	want := []string{"produced proxy az-1 app host@p  ", "stored proxy az-1    ", "delivered proxy az-2 app host@c billing ", "acked proxy az-2 app host@c billing "}
	if !slices.Equal(steps, want) {
		t.Errorf("%q", steps)
	}
	if len(a.Places) != 1 || a.Places[0].State != "stored" || len(a.Places[0].Groups) != 1 || a.Places[0].Groups[0].State != "taken" {
		t.Errorf("its places: %+v", a.Places)
	}
}

// proxies: which there are, where they stand, what they count and which catalog they have.
func (c *scene) proxies(t *testing.T) {
	all := told(t, c.control, "/v1/proxies", func(p wire.Page[wire.ProxyStatus]) bool {
		return len(p.Items) == 2 && !slices.ContainsFunc(p.Items, func(s wire.ProxyStatus) bool {
			return s.In == nil || s.Catalog == nil || !s.Catalog.Current || s.In.Messages+s.Out.Messages == 0
		})
	})
	for _, p := range all.Items {
		if p.Catalog.By != "poll" || p.Catalog.Version == 0 || p.Catalog.Since == nil {
			t.Errorf("%s has the catalog %+v", p.Name, *p.Catalog)
		}
		if first := p.Zone == "az-1"; (p.In.Messages > 0) != first || (p.Out.Messages > 0) == first {
			t.Errorf("%s in %s counts %+v %+v", p.Name, p.Zone, *p.In, *p.Out)
		}
	}
	told(t, c.control, "/v1/zones", func(p wire.Page[wire.Zone]) bool {
		return len(p.Items) == 2 && len(p.Items[0].Clusters) == 1 && len(p.Items[0].Proxies) == 1 && len(p.Items[1].Clusters) == 0 && len(p.Items[1].Proxies) == 1
	})
}

// clients: who is connected, and to which proxy.
func (c *scene) clients(t *testing.T) {
	all := told(t, c.control, "/v1/tenants/pay/clients", func(p wire.ClientPage) bool { return p.Complete && len(p.Items) == 2 })
	var is []string
	for _, one := range all.Items {
		var at []string
		for _, p := range one.Proxies {
			at = append(at, p.Zone)
		}
		slices.Sort(at)
		is = append(is, fmt.Sprint(one.ID, " ", one.App, " ", one.Kind, " ", one.Group, " ", one.Topics[0].Topic, " ", at))
	}
	slices.Sort(is)
	if want := []string{"host@c app push_consumer billing orders [az-1 az-2]", "host@p app producer  orders [az-1]"}; !slices.Equal(is, want) {
		t.Errorf("%q", is)
	}
	members := told(t, c.control, "/v1/tenants/pay/groups/billing/clients", func(p wire.GroupClients) bool { return p.Complete && len(p.Items) == 1 })
	if len(members.Differences) != 0 {
		t.Errorf("%+v", members.Differences)
	}
}

// whole is a number of messages out of rates, which are averages.
func whole(n float64) int { return int(math.Round(n)) }

// passed adds up a curve.
func passed(r wire.Rates) (in, out wire.Amount) {
	step, err := time.ParseDuration(r.Step)
	if err != nil {
		panic(err)
	}
	add := func(to *wire.Amount, r *wire.Rate) {
		if r != nil {
			to.Messages += int64(whole(r.Messages * step.Seconds()))
			to.Bytes += int64(whole(r.Bytes * step.Seconds()))
		}
	}
	for _, p := range r.Points {
		add(&in, p.In)
		add(&out, p.Out)
	}
	return in, out
}

var (
	cameIn  = wire.Amount{Messages: comeIn, Bytes: comeIn * bytesEach}
	wentOut = wire.Amount{Messages: goOut, Bytes: goOut * bytesEach}
)

// rates: the curves of topic, group and tenant have every message, once.
func (c *scene) rates(t *testing.T) {
	both := func(r wire.Rates) bool { in, out := passed(r); return in == cameIn && out == wentOut }
	told(t, c.control, "/v1/tenants/pay/topics/orders/rates", both)
	told(t, c.control, "/v1/tenants/pay/rates", both)
	told(t, c.control, "/v1/tenants/pay/groups/billing/rates", func(r wire.Rates) bool { _, out := passed(r); return out == wentOut })
}

// lag: what waits for the group, now and as a curve. Brokers do not tell what its consumers hold.
func (c *scene) lag(t *testing.T) {
	told(t, c.control, "/v1/tenants/pay/groups/billing/progress", func(p wire.Page[wire.Progress]) bool {
		return len(p.Items) == 1 && p.Items[0].Topic == "orders" && p.Items[0].Ready == comeIn-goOut && p.Items[0].Leased == -1 && p.Items[0].Retrying == 0
	})
	told(t, c.control, "/v1/tenants/pay/groups/billing/rates?topic=orders", func(r wire.Rates) bool {
		if len(r.Points) == 0 {
			return false
		}
		last := r.Points[len(r.Points)-1]
		return last.Lag != nil && *last.Lag == comeIn-goOut
	})
}

// flow: which ways messages went through zones, and why they crossed.
func (c *scene) flow(t *testing.T) {
	f := told(t, c.control, "/v1/flow", func(f wire.ZoneFlow) bool {
		n := 0
		for _, w := range f.Ways {
			n += whole(w.Rate.Messages * f.KnownSeconds)
		}
		return n == comeIn+goOut
	})
	var ways []string
	for _, w := range f.Ways {
		crosses := "?"
		if w.Crosses != nil {
			crosses = fmt.Sprint(*w.Crosses)
		}
		ways = append(ways, fmt.Sprintf("%d %s %s>%s>%s %s %s", whole(w.Rate.Messages*f.KnownSeconds), w.Leg, w.Produce, w.Store, w.Consume, crosses, w.Reason))
	}
	want := []string{fmt.Sprint(comeIn, " stored az-1>az-1> false "), fmt.Sprint(goOut, " delivered az-1>az-1>az-2 true no-cluster")}
	if !slices.Equal(ways, want) {
		t.Errorf("%q", ways)
	}
}

// use: what the tenant is charged for, which is in the store.
func (c *scene) use(t *testing.T) {
	told(t, c.control, "/v1/tenants/pay/usage", func(u wire.Usage) bool {
		var in, out wire.Amount
		for _, d := range u.Days {
			in.Messages, in.Bytes = in.Messages+d.In.Messages, in.Bytes+d.In.Bytes
			out.Messages, out.Bytes = out.Messages+d.Out.Messages, out.Bytes+d.Out.Bytes
		}
		return in == cameIn && out == wentOut
	})
}

// watched is what a stream told so far.
type watched struct {
	mu      sync.Mutex
	ids     []string // of messages that were shown
	in, out int      // of known steps. The one in which the tenant was made is not known: one of its name may have been there before.
	steps   int      // that are known
	lag     int64    // of the group
}

// shown is the ids of the messages that were shown, in order.
func (w *watched) shown() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(slices.Values(w.ids))
}

func (w *watched) toldOfFigures() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.steps > 0 && w.in <= comeIn && w.out <= goOut && w.lag == comeIn-goOut
}

// take adds what one event tells.
func (w *watched) take(kind, data string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch kind {
	case "tail":
		var tail wire.LiveTail
		if err := json.Unmarshal([]byte(data), &tail); err != nil {
			return err
		}
		for _, m := range tail.Messages {
			w.ids = append(w.ids, m.ID)
		}
	case "rates":
		var r wire.LiveRates
		if err := json.Unmarshal([]byte(data), &r); err != nil {
			return err
		}
		step, err := time.ParseDuration(r.Step)
		if err != nil || r.In == nil {
			return err
		}
		w.steps++
		w.in, w.out = w.in+whole(r.In.Messages*step.Seconds()), w.out+whole(r.Out.Messages*step.Seconds())
	case "lag":
		var l wire.LiveLag
		if err := json.Unmarshal([]byte(data), &l); err != nil {
			return err
		}
		for _, g := range l.Groups {
			if g.Group == "billing" && g.Topic == "orders" && g.Lag != nil {
				w.lag = *g.Lag
			}
		}
	}
	return nil
}

// watches follows a tenant's stream until the test ends.
func (p *process) watches(tenant string) *watched {
	p.t.Helper()
	a, err := http.Get(p.url + "/v1/tenants/" + tenant + "/events?watch=rates,lag&tail=orders")
	if err != nil || a.StatusCode != http.StatusOK {
		p.t.Fatalf("the stream: %v %v", a, err)
	}
	w, over := &watched{}, false // over is guarded by w.mu: the test has ended
	var reading sync.WaitGroup
	p.t.Cleanup(reading.Wait)
	p.t.Cleanup(func() {
		w.mu.Lock()
		over = true
		w.mu.Unlock()
		_ = a.Body.Close()
	})
	ready := make(chan struct{})
	reading.Go(func() {
		kind, lines := "", bufio.NewScanner(a.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			name, text, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				if kind = text; kind == "ready" {
					close(ready)
				}
			case "data":
				if err := w.take(kind, text); err != nil {
					p.t.Error(err)
				}
			}
		}
		if w.mu.Lock(); !over {
			p.t.Errorf("the stream broke off after %q: %v", kind, lines.Err())
		}
		w.mu.Unlock()
	})
	select {
	case <-ready:
	case <-time.After(time.Minute):
		p.t.Fatal("the stream never began")
	}
	return w
}
