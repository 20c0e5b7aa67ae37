// SPDX-License-Identifier: Apache-2.0

package roster_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/roster"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/roll"
	"github.com/causeway-mq/causeway/proxy/session"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var shop, bank = must(mq.ParseTenant("shop")), must(mq.ParseTenant("bank"))

// town is proxies that tell one control plane.
type town struct {
	*roster.Roster
	t     *testing.T
	clock *clock.Virtual
}

func newTown(t *testing.T, limit int) *town {
	c := clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	return &town{roster.New(c, limit), t, c}
}

// proxy is one process of one proxy.
type proxy struct {
	*session.Registry
	*roll.Roll
	town *town
	name string
	last uint64
}

func (w *town) proxy(name string) *proxy {
	p := &proxy{session.New(w.clock, 1000, nil), roll.New(), w, name, 0}
	p.Watch(p.Clients)
	return p
}

// tell reports what is new, and the whole where that is asked for. It gives how many reports that took.
func (p *proxy) tell() int {
	for turn := 1; ; turn++ {
		r := p.Report(p.last)
		r.Proxy, r.Zone = p.name, "az-"+p.name
		if p.town.Take(r) {
			p.last = r.Number
			return turn
		}
		if p.last == 0 {
			p.town.t.Fatal("the whole of what was whole is asked for")
		}
		p.last = 0
	}
}

func (p *proxy) join(tenant mq.Tenant, name string, topics ...string) *session.Stream {
	p.town.t.Helper()
	id := session.ID{Tenant: tenant, App: "app", Client: must(mq.ParseClientID(name))}
	return must(p.Open(session.Client{ID: id, Kind: session.PushConsumer, Remote: name + ":1", Topics: interests(topics)}, func(session.Command) bool { return true }))
}

func interests(some []string) (all []session.Interest) {
	for _, s := range some {
		name, filter, _ := strings.Cut(s, ":")
		all = append(all, session.Interest{Topic: must(mq.ParseTopicName(name)), Filter: mq.Filter{Expression: filter}})
	}
	return all
}

// list is the clients of a tenant with the proxies that have them.
func (w *town) list(tenant mq.Tenant) string {
	var words []string
	for _, c := range w.Of(tenant, time.Time{}).Clients {
		word := c.ID.Client.String()
		for _, s := range c.Seats {
			word += "@" + s.Proxy
		}
		words = append(words, word)
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

func TestAClientOfSeveralProxiesIsOne(t *testing.T) {
	w := newTown(t, 0)
	p, q := w.proxy("p"), w.proxy("q")
	both := p.join(shop, "a", "orders")
	w.clock.Advance(time.Second)
	q.join(shop, "a", "orders")
	q.join(shop, "b")
	q.join(bank, "c")
	p.tell()
	q.tell()
	if got := w.list(shop); got != "a@p@q b@q" {
		t.Errorf("shop has %s", got)
	}
	if got := w.list(bank); got != "c@q" {
		t.Errorf("bank has %s", got)
	}
	// What it takes is what its newest settings say, wherever those came.
	w.clock.Advance(time.Second)
	both.Settle(interests([]string{"orders:paid"}))
	p.tell()
	q.tell()
	for _, c := range w.Of(shop, time.Time{}).Clients {
		if c.ID.Client.String() == "a" && (c.Topics[0].Filter.Expression != "paid" || !c.Since.Equal(w.clock.Now().Add(-2*time.Second)) || !c.Heard.Equal(w.clock.Now()) || c.Seats[1].Zone != "az-q") {
			t.Errorf("%+v", c)
		}
	}
	p.Gone(session.ID{Tenant: shop, App: "app", Client: must(mq.ParseClientID("a"))})
	if p.tell() != 1 || w.list(shop) != "a@q b@q" {
		t.Errorf("after it left p: %s", w.list(shop))
	}
}

func TestWhatASilentProxyHasIsNotKnownAndSaidSo(t *testing.T) {
	w := newTown(t, 0)
	p, q := w.proxy("p"), w.proxy("q")
	p.join(shop, "a")
	q.join(shop, "b")
	p.tell()
	q.tell()
	if l := w.Of(shop, time.Time{}); l.Whole || len(l.Mutes) != 0 {
		t.Errorf("a control plane that has just started knows everybody: %+v", l)
	}
	for range 4 {
		w.clock.Advance(10 * time.Second)
		q.tell()
	}
	l := w.Of(shop, time.Time{})
	if w.list(shop) != "b@q" || l.Whole || len(l.Mutes) != 1 || l.Mutes[0].Proxy != "p" || l.Mutes[0].Zone != "az-p" || !l.Mutes[0].Heard.Equal(w.clock.Now().Add(-40*time.Second)) {
		t.Errorf("while p is silent: %+v", l)
	}
	p.tell()
	if l := w.Of(shop, time.Time{}); w.list(shop) != "a@p b@q" || !l.Whole || len(l.Mutes) != 0 {
		t.Errorf("when it speaks again: %+v", l)
	}
	// A process that was killed is followed by another one of the same proxy: who was at the old one is not there.
	w.clock.Advance(40 * time.Second)
	q.tell()
	again := w.proxy("p")
	again.join(shop, "c")
	again.tell()
	if l := w.Of(shop, time.Time{}); w.list(shop) != "b@q c@p" || !l.Whole {
		t.Errorf("after its restart: %+v", l)
	}
	again.Leave()
	again.tell()
	if l := w.Of(shop, time.Time{}); w.list(shop) != "b@q" || !l.Whole {
		t.Errorf("after it stopped: %+v", l)
	}
	w.clock.Advance(2 * time.Hour)
	if l := w.Of(shop, time.Time{}); len(l.Clients) != 0 || len(l.Mutes) != 0 {
		t.Errorf("hours later: %+v", l)
	}
}

func TestAControlPlaneThatStartsIsToldTheWhole(t *testing.T) {
	w := newTown(t, 0)
	p := w.proxy("p")
	p.join(shop, "a")
	p.tell()
	p.join(shop, "b")
	w.Roster = roster.New(w.clock, 0)
	if turns := p.tell(); turns != 2 || w.list(shop) != "a@p b@p" {
		t.Errorf("in %d reports: %s", turns, w.list(shop))
	}
	// A report that was slower than the one after it says nothing new.
	late := p.Report(p.last)
	late.Proxy = p.name
	p.Gone(session.ID{Tenant: shop, App: "app", Client: must(mq.ParseClientID("a"))})
	p.tell()
	if !w.Take(late) || w.list(shop) != "b@p" {
		t.Errorf("after a late report: %s", w.list(shop))
	}
}

// The next tenant of a name must not see who was connected for the one before.
func TestClientsOfATenantThatIsGoneAreNotThoseOfTheNext(t *testing.T) {
	w := newTown(t, 0)
	p := w.proxy("p")
	p.join(shop, "a")
	w.clock.Advance(time.Second)
	p.tell()
	made := w.clock.Now()
	if l := w.Of(shop, made); len(l.Clients) != 0 {
		t.Errorf("it sees %+v", l.Clients)
	}
	p.join(shop, "b")
	p.tell()
	if l := w.Of(shop, made); len(l.Clients) != 1 || l.Clients[0].ID.Client.String() != "b" {
		t.Errorf("its own: %+v", l.Clients)
	}
}

func TestMemoryIsBoundedAndWhatIsLeftOutIsSaid(t *testing.T) {
	w := newTown(t, 10)
	p, q := w.proxy("p"), w.proxy("q")
	w.clock.Advance(time.Minute)
	for i := range 8 {
		p.join(shop, fmt.Sprint("p", i))
		q.join(shop, fmt.Sprint("q", i))
	}
	p.tell()
	q.tell()
	if l := w.Of(shop, time.Time{}); len(l.Clients) != 10 || l.Whole {
		t.Errorf("%d are known of 16, whole %v", len(l.Clients), l.Whole)
	}
	p.Leave()
	p.tell()
	q.tell() // it is asked for the whole, for which there is room now
	if l := w.Of(shop, time.Time{}); len(l.Clients) != 8 || !l.Whole {
		t.Errorf("%d are known of 8, whole %v", len(l.Clients), l.Whole)
	}
}

func TestMembersThatDoNotSubscribeAlikeAreFound(t *testing.T) {
	member := func(name string, untold int, topics ...string) roster.Client {
		c := roster.Client{Client: roll.Client{Untold: untold}}
		c.ID.Client, c.Topics = must(mq.ParseClientID(name)), interests(topics)
		return c
	}
	for name, c := range map[string]struct {
		members []roster.Client
		want    string
	}{
		"nobody":               {nil, ""},
		"alike":                {[]roster.Client{member("a", 0, "t:x", "u"), member("b", 0, "u:*", "t:x")}, ""},
		"another filter":       {[]roster.Client{member("a", 0, "t:x"), member("b", 0, "t:y"), member("c", 0, "t:y")}, "t(2 y b,c|1 x a)"},
		"one takes all":        {[]roster.Client{member("a", 0, "t:x"), member("b", 0, "t:*")}, "t(1  b|1 x a)"},
		"one lacks a topic":    {[]roster.Client{member("a", 0, "t", "u"), member("b", 0, "t")}, "u(1  a|1 - b)"},
		"one says nothing":     {[]roster.Client{member("a", 0, "t"), member("b", 0)}, ""},
		"one says not all":     {[]roster.Client{member("a", 0, "t", "u"), member("b", 3, "t")}, ""},
		"not all, but another": {[]roster.Client{member("a", 0, "t:x"), member("b", 3, "t:y")}, "t(1 x a|1 y b)"},
	} {
		var words []string
		for _, d := range roster.Differences(c.members) {
			var ways []string
			for _, w := range d.Ways {
				filter := w.Filter.Expression
				if w.Absent {
					filter = "-"
				}
				var who []string
				for _, e := range w.Examples {
					who = append(who, e.String())
				}
				ways = append(ways, fmt.Sprint(w.Clients, " ", filter, " ", strings.Join(who, ",")))
			}
			words = append(words, d.Topic.String()+"("+strings.Join(ways, "|")+")")
		}
		if got := strings.Join(words, " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
