// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/roster"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/errand"
	"github.com/causeway-mq/causeway/proxy/roll"
	"github.com/causeway-mq/causeway/proxy/session"
)

// seated is an interface that proxies told who is connected, in virtual time.
type seated struct {
	*site
	clock  *clock.Virtual
	roster *roster.Roster
}

func seatedSite(t *testing.T) *seated {
	s := &seated{clock: clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))}
	s.roster = roster.New(s.clock, 0)
	s.site = serve(t, func(o *api.Options, p *control.Options) {
		o.Roster, o.Clock, p.Clock, o.Token = s.roster, s.clock, s.clock, holders
	})
	return s
}

// join has a proxy tell of clients, each as TENANT/APP/CLIENT with a group and topics with filters for a consumer.
func (s *seated) join(proxy string, clients ...string) {
	s.t.Helper()
	r := roll.Report{Proxy: proxy, Zone: "az-1", Run: proxy, Number: uint64(s.clock.Now().UnixNano())}
	for i, text := range clients {
		words := strings.Fields(text)
		name := strings.Split(words[0], "/")
		tenant, err1 := mq.ParseTenant(name[0])
		client, err2 := mq.ParseClientID(name[2])
		c := session.Client{
			ID: session.ID{Tenant: tenant, App: name[1], Client: client}, Key: "CWKEY" + name[1], Kind: session.Producer, Language: "JAVA", Version: "5.0.7", Remote: fmt.Sprint("10.0.0.9:", i),
			Since: s.clock.Now().Add(time.Duration(i) * time.Second), Heard: s.clock.Now(), Settled: s.clock.Now(),
		}
		for _, word := range words[1:] {
			if group, ok := strings.CutPrefix(word, "group="); ok {
				g, err := mq.ParseGroupName(group)
				if err != nil {
					s.t.Fatal(err)
				}
				c.Kind, c.Group = session.PushConsumer, g
				continue
			}
			topic, filter, _ := strings.Cut(word, ":")
			name, err := mq.ParseTopicName(topic)
			if err != nil {
				s.t.Fatal(err)
			}
			c.Topics = append(c.Topics, session.Interest{Topic: name, Filter: mq.Filter{Expression: filter}})
		}
		if err := errors.Join(err1, err2); err != nil {
			s.t.Fatal(err)
		}
		r.Here = append(r.Here, roll.Client{Client: c})
	}
	if !s.roster.Take(r) {
		s.t.Fatal("the whole is asked for")
	}
}

// names lists the clients of a path, page by page.
func (s *seated) names(path string, q url.Values, limit int) string {
	s.t.Helper()
	var words []string
	q.Set("limit", fmt.Sprint(limit))
	for {
		page := read[wire.ClientPage](s.t, s.send("GET", path+"?"+q.Encode(), "", as(holders)))
		for _, c := range page.Items {
			words = append(words, c.ID)
		}
		if page.Next == "" {
			return strings.Join(words, " ")
		}
		q.Set("cursor", page.Next)
	}
}

func TestClientsAreListedAsTheyAreAskedFor(t *testing.T) {
	s := seatedSite(t)
	s.join("p", "default/till/d orders", "default/till/b orders bills", "default/ledger/c group=billing orders:paid", "default/ledger/a group=later bills", "default/other/a")
	s.clock.Advance(time.Second)
	for query, want := range map[string]string{
		"":                          "a a b c d",
		"sort=-id":                  "d c b a a",
		"sort=since":                "d b c a a",
		"sort=-since":               "a a c b d",
		"sort=app":                  "a c a b d",
		"sort=kind":                 "a b d a c",
		"topic=orders":              "b c d",
		"topic=none":                "",
		"group=billing":             "c",
		"kind=consumer":             "a c",
		"kind=producer&app=till":    "b d",
		"kind=push_consumer":        "a c",
		"kind=simple_consumer":      "",
		"app=ledger&topic=bills":    "a",
		"sort=language&topic=bills": "a b",
	} {
		for _, limit := range []int{1, 2, 100} {
			q, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.names(def+"/clients", q, limit); got != want {
				t.Errorf("%s in pieces of %d: %s, want %s", query, limit, got, want)
			}
		}
	}
	for query, reason := range map[string]string{"kind=robot": "out_of_range", "sort=age": "out_of_range", "cursor=x": "bad_cursor", "group=%25": "malformed", "topic=%25": "malformed"} {
		if r := s.send("GET", def+"/clients?"+query, "", as(holders)); r.status != 400 || reason != "malformed" && r.problem(t).Reason != reason {
			t.Errorf("%s: %d %s", query, r.status, r.body)
		}
	}
	first := read[wire.ClientPage](t, s.send("GET", def+"/clients?limit=1", "", as(holders)))
	if r := s.send("GET", def+"/clients?sort=since&limit=1&cursor="+first.Next, "", as(holders)); r.status != 400 {
		t.Errorf("a cursor of another order: %d %s", r.status, r.body)
	}
}

func TestAClientIsShownWithItsConnections(t *testing.T) {
	s := seatedSite(t)
	s.join("p", "default/ledger/c group=billing orders:paid bills")
	s.join("q", "default/ledger/c group=billing orders:paid bills")
	page := read[wire.ClientPage](t, s.send("GET", def+"/clients", "", as(holders)))
	if len(page.Items) != 1 || page.Total != 1 || page.Complete { // the control plane has just started
		t.Fatalf("%+v", page)
	}
	c := page.Items[0]
	if c.App != "ledger" || c.Key != "CWKEYledger" || c.Kind != "push_consumer" || c.Group != "billing" || c.Language != "JAVA" || len(c.Proxies) != 2 || c.Proxies[1].Name != "q" || c.Proxies[1].Zone != "az-1" ||
		c.Proxies[0].Address != "10.0.0.9:0" || c.Topics[0] != (wire.ClientTopic{Topic: "orders", FilterType: "tag", Filter: "paid"}) || c.Topics[1] != (wire.ClientTopic{Topic: "bills"}) {
		t.Errorf("%+v", c)
	}
	// Who may not see keys sees none here either.
	viewer := s.token("/v1/tenants/default", "viewer")
	if r := s.send("GET", def+"/clients", "", as(viewer.Secret)); r.status != 200 || strings.Contains(string(r.body), "CWKEY") {
		t.Errorf("a viewer: %d %s", r.status, r.body)
	}
	s.clock.Advance(30 * time.Second)
	s.join("q", "default/ledger/c group=billing orders:paid bills")
	if page := read[wire.ClientPage](t, s.send("GET", def+"/clients", "", as(holders))); !page.Complete || len(page.Unknown) != 0 {
		t.Errorf("when both were heard of: %+v", page)
	}
	s.clock.Advance(10 * time.Second)
	page = read[wire.ClientPage](t, s.send("GET", def+"/clients", "", as(holders)))
	if page.Complete || len(page.Unknown) != 1 || page.Unknown[0].Zone != "az-1" || len(page.Items) != 1 || len(page.Items[0].Proxies) != 1 {
		t.Errorf("while p is silent: %+v", page)
	}
}

func TestMembersOfAGroupAreHeldAgainstEachOther(t *testing.T) {
	s := seatedSite(t)
	read[wire.Group](t, s.send("POST", def+"/groups", `{"name":"billing"}`, as(holders)))
	s.join("p", "default/l/a group=billing orders:paid", "default/l/b group=billing orders:open bills", "default/l/c group=other orders", "default/l/d orders")
	g := read[wire.GroupClients](t, s.send("GET", def+"/groups/billing/clients?sort=-id", "", as(holders)))
	if len(g.Items) != 2 || g.Items[0].ID != "b" || g.Total != 2 || len(g.Differences) != 2 {
		t.Fatalf("%+v", g)
	}
	bills, orders := g.Differences[0], g.Differences[1]
	if bills.Topic != "bills" || len(bills.Ways) != 2 || orders.Topic != "orders" || len(orders.Ways) != 2 || !orders.Ways[0].Subscribed || orders.Ways[0].Filter != "open" || orders.Ways[0].Examples[0] != "b" {
		t.Errorf("%+v", g.Differences)
	}
	if r := s.send("GET", def+"/groups/none/clients", "", as(holders)); r.status != 404 {
		t.Errorf("of no group: %d", r.status)
	}
}

// A tenant sees its own clients and nothing of others', whatever it asks.
func TestNobodySeesTheClientsOfAnotherTenant(t *testing.T) {
	s := seatedSite(t)
	for _, tenant := range []string{"shop", "bank"} {
		read[wire.Tenant](t, s.send("POST", "/v1/tenants", `{"id":"`+tenant+`"}`, as(holders)))
		read[wire.Group](t, s.send("POST", "/v1/tenants/"+tenant+"/groups", `{"name":"billing"}`, as(holders)))
	}
	thief := s.token("/v1/tenants/bank", "tenant-admin")
	paths := []string{"/clients", "/clients?group=billing", "/clients?topic=orders", "/clients?app=" + canary, "/clients?kind=consumer", "/groups/billing/clients"}
	before := map[string]string{}
	for _, path := range paths {
		before[path] = string(s.send("GET", "/v1/tenants/bank"+path, "", as(thief.Secret)).body)
	}
	s.join("p", "shop/"+canary+"/"+canary+" group=billing orders:"+canary)
	for _, path := range paths {
		if r := s.send("GET", "/v1/tenants/bank"+path, "", as(thief.Secret)); r.status != 200 || string(r.body) != before[path] {
			t.Errorf("%s: %d %s\nbefore the other tenant had a client:\n%s", path, r.status, r.body, before[path])
		}
		if r := s.send("GET", "/v1/tenants/shop"+path, "", as(thief.Secret)); r.status != 404 || strings.Contains(string(r.body), canary) {
			t.Errorf("the other tenant's %s: %d %s", path, r.status, r.body)
		}
	}
	if page := read[wire.ClientPage](t, s.send("GET", "/v1/tenants/shop/clients", "", as(holders))); len(page.Items) != 1 {
		t.Errorf("its own: %+v", page)
	}
}

// doors are proxies that part with clients as a test says.
type doors struct {
	outcomes []errand.Outcome
	asked    []session.Whom
}

func (d *doors) disconnect(_ context.Context, w session.Whom) []errand.Outcome {
	d.asked = append(d.asked, w)
	return d.outcomes
}

func TestAClientIsDisconnected(t *testing.T) {
	there := &doors{}
	s := &seated{clock: clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))}
	s.roster = roster.New(s.clock, 0)
	s.site = serve(t, func(o *api.Options, p *control.Options) {
		o.Roster, o.Clock, p.Clock, o.Token, o.Disconnect = s.roster, s.clock, s.clock, holders, there.disconnect
	})
	for _, tenant := range []string{"shop", "bank"} {
		read[wire.Tenant](t, s.send("POST", "/v1/tenants", `{"id":"`+tenant+`"}`, as(holders)))
	}
	s.join("p", "shop/till/host@7 orders")
	const path = "/v1/tenants/shop/clients/host@7/disconnect"
	ended := errand.Outcome{Proxy: "p", Answered: true, Parted: errand.Parted{Streams: 2, Known: true}}
	nobody := errand.Outcome{Proxy: "q", Answered: true}
	silent := errand.Outcome{Proxy: "r", Heard: s.clock.Now()}
	developer, viewer, operator := s.token("/v1/tenants/shop", "developer"), s.token("/v1/tenants/shop", "viewer"), s.token("/v1", "operator")
	thief := s.token("/v1/tenants/bank", "tenant-admin")

	there.outcomes = []errand.Outcome{ended, ended, nobody}
	for _, by := range []string{developer.Secret, operator.Secret} {
		if got := read[wire.Disconnected](t, s.send("POST", path, `{"app":"till"}`, as(by))); got.ID != "host@7" || got.Proxies != 2 || got.Streams != 4 || !got.Complete || len(got.Unknown) != 0 {
			t.Errorf("%+v", got)
		}
	}
	if w := there.asked[0]; w.Tenant.String() != "shop" || w.App != "till" || w.AnyApp || w.Client.String() != "host@7" {
		t.Errorf("proxies were asked for %+v", w)
	}
	// Once more, when it has not come back and its proxies have not told so yet: nothing is left to do, which is no failure. One that does not answer is told.
	there.outcomes = []errand.Outcome{nobody, silent}
	if got := read[wire.Disconnected](t, s.send("POST", path, `{}`, as(developer.Secret))); got.Proxies != 0 || got.Streams != 0 || got.Complete || len(got.Unknown) != 1 || !got.Unknown[0].Heard.Equal(silent.Heard) {
		t.Errorf("%+v", got)
	}
	if w := there.asked[2]; !w.AnyApp {
		t.Errorf("without an application: %+v", w)
	}
	rows := s.audit("tenant=shop&noun=client&name=host@7&outcome=done")
	if len(rows) != 3 || rows[0].Name != "host@7" || rows[0].Noun != "client" {
		t.Errorf("the audit has %+v", rows)
	}

	before := len(there.asked)
	like := strings.ReplaceAll(bare(t, s.send("POST", "/v1/tenants/none/clients/host@7/disconnect", `{}`, as(thief.Secret))), `"none`, `"shop`)
	if got := s.send("POST", path, `{}`, as(thief.Secret)); got.status != 404 || bare(t, got) != like {
		t.Errorf("of another tenant: %d %s, of none %s", got.status, bare(t, got), like)
	}
	for body, status := range map[string]int{`{"app":"a b"}`: 400, `{"application":"till"}`: 400, `{`: 400} {
		if got := s.send("POST", path, body, as(developer.Secret)); got.status != status {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := s.send("POST", path, `{}`, as(viewer.Secret)); got.status != 403 {
		t.Errorf("a viewer: %d %s", got.status, got.body)
	}
	if len(there.asked) != before {
		t.Error("proxies were asked by somebody who may not, or in vain")
	}
	// Nobody of that id, as far as those know who answer.
	for _, some := range [][]errand.Outcome{{nobody}, {nobody, silent}, nil} {
		there.outcomes = some
		got := s.send("POST", "/v1/tenants/shop/clients/nobody/disconnect", `{}`, as(developer.Secret))
		if got.status != 404 || strings.Contains(string(got.body), "did not") != (len(some) == 2) {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	// One that came after its proxy told last is known to the proxy alone.
	there.outcomes = []errand.Outcome{ended}
	if got := read[wire.Disconnected](t, s.send("POST", "/v1/tenants/shop/clients/newcomer/disconnect", `{}`, as(developer.Secret))); got.Proxies != 1 {
		t.Errorf("%+v", got)
	}
}
