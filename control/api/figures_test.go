// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/series"
	"github.com/causeway-mq/causeway/control/usage"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/tally"
)

// counted is an interface with figures in virtual time, told by one proxy.
type counted struct {
	*site
	clock  *clock.Virtual
	series *series.Series
	tally  *tally.Tally
	usage  usage.Table
	after  uint64
}

func countedSite(t *testing.T) *counted {
	c := &counted{clock: clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))}
	c.series, c.tally = series.New(c.clock, 0), tally.New(c.clock)
	c.site = serve(t, func(o *api.Options, p *control.Options) {
		o.Series, o.Clock, p.Clock, c.usage = c.series, c.clock, c.clock, p.Store
	})
	return c
}

// tell lets ten seconds pass and has the proxy say what it counted.
func (c *counted) tell() {
	c.clock.Advance(10 * time.Second)
	r := c.tally.Report(c.after)
	r.Proxy, r.Zone = "p-1:8081", "az-1"
	c.series.Take(r)
	c.after = r.Number
	var rows []usage.Row
	for _, u := range r.Uses {
		rows = append(rows, usage.Row{Use: u, Run: r.Run})
	}
	if err := c.usage.KeepUsage(context.Background(), rows); err != nil {
		c.t.Fatal(err)
	}
}

func TestFiguresAreShownToWhomTheyBelong(t *testing.T) {
	c := countedSite(t)
	read[wire.Tenant](t, c.send("POST", "/v1/tenants", `{"id":"shop"}`))
	for _, tenant := range []string{def, "/v1/tenants/shop"} {
		read[wire.Topic](t, c.send("POST", tenant+"/topics", `{"name":"orders"}`))
		read[wire.Group](t, c.send("POST", tenant+"/groups", `{"name":"billing"}`))
	}
	own, err1 := mq.ParseTenant(mq.DefaultTenant)
	orders, err2 := mq.ParseTopicName("orders")
	billing, err3 := mq.ParseGroupName("billing")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	c.tally.Stored(own, orders, 100, 5000)
	c.tally.Delivered(tally.Pair{Tenant: own, Topic: orders, Reader: own, Group: billing}, 50, 2500)
	c.series.Lag(series.Pair{Group: series.Group{Tenant: own, Name: billing}, Topic: series.Topic{Tenant: own, Name: orders}}, 50, 30*time.Second)
	c.tell()
	c.clock.Advance(15 * time.Second)
	for path, want := range map[string][2]float64{"/topics/orders/rates": {10, 5}, "/rates": {10, 5}, "/groups/billing/rates?topic=orders": {-1, 5}} {
		points := read[wire.Rates](t, c.send("GET", def+path, "")).Points
		if len(points) != 1 || points[0].Out == nil || points[0].Out.Messages != want[1] || (points[0].In == nil) != (want[0] < 0) || points[0].In != nil && points[0].In.Messages != want[0] {
			t.Errorf("%s: %+v", path, points)
		}
		if other := read[wire.Rates](t, c.send("GET", "/v1/tenants/shop"+path, "")).Points; len(other) != 1 || other[0].Out.Messages != 0 || other[0].Lag != nil {
			t.Errorf("the other tenant's %s: %+v", path, other)
		}
	}
	if p := read[wire.Rates](t, c.send("GET", def+"/groups/billing/rates", "")).Points[0]; p.Lag == nil || *p.Lag != 50 || *p.LagSeconds != 30 {
		t.Errorf("lag: %+v", p)
	}
	use := read[wire.Usage](t, c.send("GET", def+"/usage", ""))
	if len(use.Days) != 1 || use.Days[0] != (wire.UsageDay{Day: "2026-12-01", In: wire.Amount{Messages: 100, Bytes: 5000}, Out: wire.Amount{Messages: 50, Bytes: 2500}}) || use.From != "2026-11-02" {
		t.Errorf("%+v", use)
	}
	if other := read[wire.Usage](t, c.send("GET", "/v1/tenants/shop/usage", "")); len(other.Days) != 0 {
		t.Errorf("the other tenant's use: %+v", other)
	}
	if p := read[wire.Page[wire.ProxyStatus]](t, c.send("GET", "/v1/proxies", "")).Items; len(p) != 1 || p[0].Zone != "az-1" || p[0].In.Messages != 100.0/60 {
		t.Errorf("%+v", p)
	}
}

func TestABorrowersGroupShowsHowFarItIsInWhatItBorrows(t *testing.T) {
	c := countedSite(t)
	read[wire.Tenant](t, c.send("POST", "/v1/tenants", `{"id":"shop"}`))
	read[wire.Group](t, c.send("POST", "/v1/tenants/shop/groups", `{"name":"readers","from":"earliest"}`))
	c.lend("default", "orders", "shop") // as lent-orders
	own, orders, _ := theirs(t)
	shop, err1 := mq.ParseTenant("shop")
	readers, err2 := mq.ParseGroupName("readers")
	topic, err3 := c.plane.Topic(own, orders)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c.engine.Send(context.Background(), topic.Spec, []mq.Message{{Type: mq.Normal}})
	}
	c.tell()
	c.tally.Delivered(tally.Pair{Tenant: own, Topic: orders, Reader: shop, Group: readers}, 50, 500)
	c.tell()
	series.NewSampler(c.series, c.plane, c.clock).Look(context.Background())
	c.clock.Advance(30 * time.Second)
	for _, query := range []string{"", "?topic=lent-orders"} {
		points := read[wire.Rates](t, c.send("GET", "/v1/tenants/shop/groups/readers/rates"+query, "")).Points
		if last := points[len(points)-1]; last.Lag == nil || *last.Lag != 3 {
			t.Errorf("rates%s: %+v", query, last)
		}
	}
	progress := read[wire.Page[wire.Progress]](t, c.send("GET", "/v1/tenants/shop/groups/readers/progress?topic=lent-orders", ""))
	if len(progress.Items) != 1 || progress.Items[0].Topic != "lent-orders" || progress.Items[0].Ready != 3 {
		t.Errorf("progress: %+v", progress.Items)
	}
	lag := dataOf[wire.LiveLag](t, c.watch(nil, "/v1/tenants/shop", "watch=lag").next("lag"))
	if len(lag.Groups) != 1 || lag.Groups[0].Topic != "lent-orders" || lag.Groups[0].Lag == nil || *lag.Groups[0].Lag != 3 {
		t.Errorf("live: %+v", lag.Groups)
	}
	if r := c.send("GET", "/v1/tenants/shop/groups/readers/rates?topic=orders", ""); r.status != 404 {
		t.Errorf("under the owner's name: %d %s", r.status, r.body)
	}
}

func TestProxiesAreShownWithWhatTheyCountAndWhatTheyHave(t *testing.T) {
	c := countedSite(t)
	now := c.clock.Now()
	following := door.Following{Version: 12, Epoch: "e", Proxies: []door.Follower{
		{Name: "p-1:8081", Epoch: "e", Version: 12, Heard: now, By: "poll", Since: now.Add(-time.Minute)},
		{Name: "p-2:8081", Epoch: "e", Version: 9, Heard: now.Add(time.Hour), By: "disk", Since: now.Add(-time.Hour)},
		{Name: "p-3:8081", Epoch: "another", Version: 40, Heard: now},
		{Name: "p-4:8081", Heard: now, Shared: []string{"east"}},
	}}
	c.site = serve(t, func(o *api.Options, p *control.Options) {
		o.Series, o.Clock, p.Clock, o.Follows = c.series, c.clock, c.clock, func() door.Following { return following }
		c.usage = p.Store
	})
	c.tell() // p-1, in az-1
	all := read[wire.Page[wire.ProxyStatus]](t, c.send("GET", "/v1/proxies", "")).Items
	if len(all) != 4 || all[0].Zone != "az-1" || all[0].In == nil || all[1].In != nil || all[1].Out != nil {
		t.Fatalf("%+v", all)
	}
	for i, want := range []string{"12 true poll 70", "9 false disk 3610", "40 false  -1", "0 false  -1"} {
		p := all[i].Catalog
		age := -1.0
		if p.AgeSeconds != nil {
			age = *p.AgeSeconds
		}
		if got := fmt.Sprintf("%d %v %s %.0f", p.Version, p.Current, p.By, age); got != want {
			t.Errorf("%s: %s, want %s", all[i].Name, got, want)
		}
	}
	if all[0].SharedUser != nil || len(all[3].SharedUser) != 1 || all[3].SharedUser[0] != "east" {
		t.Errorf("signing as the control plane: %v and %v", all[0].SharedUser, all[3].SharedUser)
	}
	read[wire.Zone](t, c.send("POST", "/v1/zones", `{"name":"az-1"}`))
	if z := read[wire.Zone](t, c.send("GET", "/v1/zones/az-1", "")); len(z.Proxies) != 1 || z.Proxies[0] != "p-1:8081" {
		t.Errorf("in az-1 stand %v", z.Proxies)
	}
	c.clock.Advance(61 * time.Second)
	if z := read[wire.Page[wire.Zone]](t, c.send("GET", "/v1/zones", "")).Items[0]; len(z.Proxies) != 0 {
		t.Errorf("%v told of themselves a minute ago, and stand there", z.Proxies)
	}
}

func TestWhatCrossesZonesIsShownWithTheReason(t *testing.T) {
	for _, test := range []struct {
		zone, cluster, crosses, reason string
	}{{"az-1", "az-1", "no", ""}, {"az-1", "az-2", "yes", "no-cluster"}, {"az-1", "", "?", ""}, {"", "az-2", "?", ""}} {
		t.Run(test.zone+" "+test.cluster, func(t *testing.T) {
			c := &counted{clock: clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))}
			c.series, c.tally = series.New(c.clock, 0), tally.New(c.clock)
			c.series.StoredIn(func(series.Topic) string { return test.cluster })
			c.site = serve(t, func(o *api.Options, p *control.Options) {
				o.Series, o.Clock, p.Clock, p.Zone = c.series, c.clock, c.clock, test.cluster
			})
			if f := read[wire.ZoneFlow](t, c.send("GET", "/v1/flow", "")); f.KnownSeconds != 0 || len(f.Ways) != 0 {
				t.Errorf("nobody has told anything: %+v", f)
			}
			own, orders, billing := theirs(t)
			c.tally.Stored(own, orders, 100, 1000)
			c.tally.Delivered(tally.Pair{Tenant: own, Topic: orders, Reader: own, Group: billing}, 100, 1000)
			c.clock.Advance(10 * time.Second)
			r := c.tally.Report(0)
			r.Proxy, r.Zone = "p-1:8081", test.zone
			c.series.Take(r)
			c.clock.Advance(15 * time.Second)
			f := read[wire.ZoneFlow](t, c.send("GET", "/v1/flow?minutes=1", ""))
			if f.KnownSeconds != 10 || len(f.Ways) != 2 || f.Ways[0].Leg != "stored" || f.Ways[1].Leg != "delivered" {
				t.Fatalf("%+v", f)
			}
			for _, w := range f.Ways {
				crosses := "?"
				if w.Crosses != nil {
					crosses = map[bool]string{true: "yes", false: "no"}[*w.Crosses]
				}
				if w.Produce != test.zone && w.Leg == "stored" || w.Store != test.cluster || crosses != test.crosses || w.Reason != test.reason || w.Rate.Messages != 10 {
					t.Errorf("%+v", w)
				}
			}
		})
	}
	c := countedSite(t)
	for _, minutes := range []string{"0", "61", "x"} {
		if r := c.send("GET", "/v1/flow?minutes="+minutes, ""); r.status != 400 || r.problem(t).Field != "minutes" {
			t.Errorf("minutes=%s: %d %s", minutes, r.status, r.body)
		}
	}
}

func TestTheUseOfATenantThatIsGoneIsNotThatOfTheNextOfItsName(t *testing.T) {
	c := countedSite(t)
	shop, err := mq.ParseTenant("shop")
	if err != nil {
		t.Fatal(err)
	}
	used := func(n int64) {
		r := usage.Row{Run: "r"}
		r.Tenant, r.Day, r.In = shop, tally.DayOf(c.clock.Now()), usage.Count{Messages: n}
		if err := c.usage.KeepUsage(context.Background(), []usage.Row{r}); err != nil {
			t.Fatal(err)
		}
	}
	days := func() []wire.UsageDay {
		return read[wire.Usage](t, c.send("GET", "/v1/tenants/shop/usage", "")).Days
	}
	read[wire.Tenant](t, c.send("POST", "/v1/tenants", `{"id":"shop"}`))
	used(5)
	if got := days(); len(got) != 1 || got[0].In.Messages != 5 {
		t.Fatalf("its own: %+v", got)
	}
	c.clock.Advance(time.Hour)
	if r := c.send("DELETE", "/v1/tenants/shop?confirm=shop", ""); r.status >= 300 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	for end := time.Now().Add(30 * time.Second); ; {
		r := c.send("POST", "/v1/tenants", `{"id":"shop"}`)
		if r.status == 201 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the name is not free: %d %s", r.status, r.body)
		}
	}
	if got := days(); len(got) != 0 {
		t.Errorf("another's: %+v", got)
	}
	c.clock.Advance(24 * time.Hour)
	used(7)
	if got := days(); len(got) != 1 || got[0].In.Messages != 7 {
		t.Errorf("the next day: %+v", got)
	}
}

func TestFiguresOfWhatIsNotThereAreRefused(t *testing.T) {
	c := countedSite(t)
	for path, status := range map[string]int{
		"/topics/none/rates": 404, "/groups/none/rates": 404, "/rates?span=week": 400, "/usage?from=yesterday": 400, "/usage?from=2026-12-02&to=2026-12-01": 400,
		"/usage?from=2020-01-01": 400, "/topics/none/scan": 404, "/groups/none/dead-letters/causes": 404, "/topics/none/scan?property=a": 400, "/topics/none/scan?look=0": 400,
	} {
		if r := c.send("GET", def+path, ""); r.status != status {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}
