// SPDX-License-Identifier: Apache-2.0

// Package clients answers who is connected.
package clients

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/roster"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// Operations is what this room answers.
func Operations() []door.Operation {
	return []door.Operation{
		{ID: "listClients", Method: "GET", Path: door.OfTenant + "/clients", Summary: "Lists a tenant's clients that are connected.", Scope: door.InTenant,
			Right: identity.ReadClient, Query: searching(), Answer: wire.ClientPage{}, Status: 200, Handle: listClients},
		{ID: "groupClients", Method: "GET", Path: door.OfGroup + "/clients", Summary: "Lists a group's members that are connected, and says whether they subscribe alike.", Scope: door.InTenant,
			Right: identity.ReadClient, Query: ordered(), Answer: wire.GroupClients{}, Status: 200, Handle: groupClients},
		{ID: "disconnectClient", Method: "POST", Path: door.OfTenant + "/clients/{client}/disconnect", Summary: "Ends a client's streams at every proxy and tells it to connect anew; what it holds comes free.", Scope: door.InTenant,
			Right: identity.DisconnectClient, Request: wire.Disconnect{}, Answer: wire.Disconnected{}, Status: 200, Handle: disconnect},
	}
}

func searching() []door.Parameter {
	return append([]door.Parameter{
		{Name: "group", About: "members of this group alone", Kind: "string"},
		{Name: "topic", About: "those alone that announced this topic or subscribe to it", Kind: "string"},
		{Name: "app", About: "those of this application alone", Kind: "string"},
		{Name: "kind", About: "producer, consumer, push_consumer, simple_consumer or pull_consumer", Kind: "string"},
	}, ordered()...)
}

func ordered() []door.Parameter {
	return append([]door.Parameter{
		{Name: "sort", About: "id, app, group, kind, language, since or heard; with - before it the other way round; id by default", Kind: "string"},
	}, door.Pieces(door.MaxPage)...)
}

// find gives a tenant's clients. Those of a tenant of the same name that was there before are not among them.
func find(r *door.Request, tenant mq.Tenant) (roster.Listing, error) {
	t, err := r.Plane.Tenant(tenant)
	if err != nil {
		return roster.Listing{}, err
	}
	return r.Roster.Of(tenant, t.Created), nil
}

func listClients(r *door.Request) (door.Answer, error) {
	tenant, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	all, err := find(r, tenant)
	if err != nil {
		return door.Answer{}, err
	}
	wanted, err := filterOf(r)
	if err != nil {
		return door.Answer{}, err
	}
	all.Clients = slices.DeleteFunc(all.Clients, func(c roster.Client) bool { return !wanted(c) })
	page, err := pageOf(r, all)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(page)
}

// filterOf reads which clients are wanted.
func filterOf(r *door.Request) (func(roster.Client) bool, error) {
	q := r.URL.Query()
	var tests []func(roster.Client) bool
	if q.Has("group") {
		group, err := mq.ParseGroupName(q.Get("group"))
		if err != nil {
			return nil, door.In("group", err)
		}
		tests = append(tests, func(c roster.Client) bool { return c.Group == group })
	}
	if q.Has("topic") {
		topic, err := mq.ParseTopicName(q.Get("topic"))
		if err != nil {
			return nil, door.In("topic", err)
		}
		tests = append(tests, func(c roster.Client) bool {
			return slices.ContainsFunc(c.Topics, func(t session.Interest) bool { return t.Topic == topic })
		})
	}
	if q.Has("app") {
		tests = append(tests, func(c roster.Client) bool { return c.App == q.Get("app") })
	}
	if kind := q.Get("kind"); q.Has("kind") {
		known := []string{"producer", "consumer", "push_consumer", "simple_consumer", "pull_consumer"}
		if !slices.Contains(known, kind) {
			return nil, door.Bad("out_of_range", "kind", "kind: "+strings.Join(known, ", ")+nearest.Hint(kind, known))
		}
		tests = append(tests, func(c roster.Client) bool {
			return c.Kind.String() == kind || kind == "consumer" && c.Kind != session.Producer
		})
	}
	return func(c roster.Client) bool {
		return !slices.ContainsFunc(tests, func(passes func(roster.Client) bool) bool { return !passes(c) })
	}, nil
}

func groupClients(r *door.Request) (door.Answer, error) {
	tenant, group, err := r.Group()
	if err != nil {
		return door.Answer{}, err
	}
	if _, err := r.Plane.Group(tenant, group); err != nil {
		return door.Answer{}, err
	}
	all, err := find(r, tenant)
	if err != nil {
		return door.Answer{}, err
	}
	all.Clients = slices.DeleteFunc(all.Clients, func(c roster.Client) bool { return c.Group != group })
	page, err := pageOf(r, all)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(wire.GroupClients{
		Items: page.Items, Total: page.Total, Next: page.Next, Complete: page.Complete, Unknown: page.Unknown, Differences: showDifferences(roster.Differences(all.Clients)),
	})
}

// orders are what a listing can be sorted by. Of two that are equal the one with the smaller name comes first.
func orders() map[string]func(roster.Client) string {
	moment := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000") }
	return map[string]func(roster.Client) string{
		"id":       func(roster.Client) string { return "" },
		"app":      func(c roster.Client) string { return c.App },
		"group":    func(c roster.Client) string { return c.Group.String() },
		"kind":     func(c roster.Client) string { return c.Kind.String() },
		"language": func(c roster.Client) string { return c.Language },
		"since":    func(c roster.Client) string { return moment(c.Since) },
		"heard":    func(c roster.Client) string { return moment(c.Heard) },
	}
}

// place is where a client stands in a listing: what it is sorted by, and its name, which is unique.
type place struct{ by, id, app string }

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.by, q.by), cmp.Compare(p.id, q.id), cmp.Compare(p.app, q.app))
}

// text is a place as a cursor holds it.
func (p place) text() string { return fmt.Sprintf("%q %q %q", p.by, p.id, p.app) }

func parsePlace(text string) (p place, err error) {
	_, err = fmt.Sscanf(text, "%q %q %q", &p.by, &p.id, &p.app)
	return p, err
}

// pageOf cuts the piece that a request asks for.
func pageOf(r *door.Request, all roster.Listing) (wire.ClientPage, error) {
	q := r.URL.Query()
	page := wire.ClientPage{Items: []wire.Client{}, Total: len(all.Clients), Complete: all.Whole, Unknown: []wire.SilentProxy{}}
	for _, m := range all.Mutes {
		page.Unknown = append(page.Unknown, wire.SilentProxy{Zone: m.Zone, Heard: m.Heard})
	}
	limit, err := r.Limit(door.MaxPage, door.DefaultPage)
	if err != nil {
		return page, err
	}
	name, down := strings.CutPrefix(q.Get("sort"), "-")
	if !q.Has("sort") {
		name = "id"
	}
	by, ok := orders()[name]
	if !ok {
		known := []string{"id", "app", "group", "kind", "language", "since", "heard"}
		return page, door.Bad("out_of_range", "sort", "sort: "+strings.Join(known, ", ")+", with - before it for the other way round"+nearest.Hint(name, known))
	}
	at := func(c roster.Client) place { return place{by(c), c.ID.Client.String(), c.App} }
	order := func(a, b place) int {
		if down {
			a, b = b, a
		}
		return a.compare(b)
	}
	slices.SortFunc(all.Clients, func(a, b roster.Client) int { return order(at(a), at(b)) })
	listing := r.URL.Path + "?sort=" + q.Get("sort") // a cursor of another order is none of this listing
	from := 0
	if q.Has("cursor") {
		text, err := r.Cursors.Open(r.Context(), listing, q.Get("cursor"))
		if err != nil {
			return page, err
		}
		last, err := parsePlace(text)
		if err != nil {
			return page, err
		}
		for from < len(all.Clients) && order(at(all.Clients[from]), last) <= 0 {
			from++
		}
	}
	to := min(from+limit, len(all.Clients))
	for _, c := range all.Clients[from:to] {
		page.Items = append(page.Items, show(r, c))
	}
	if to < len(all.Clients) {
		page.Next, err = r.Cursors.Seal(r.Context(), listing, at(all.Clients[to-1]).text())
	}
	return page, err
}

func show(r *door.Request, c roster.Client) wire.Client {
	out := wire.Client{
		ID: c.ID.Client.String(), App: c.App, Kind: c.Kind.String(), Group: c.Group.String(), Topics: []wire.ClientTopic{}, Untold: c.Untold,
		Language: c.Language, Version: c.Version, Since: c.Since.UTC(), Heard: c.Heard.UTC(), Proxies: []wire.ClientProxy{},
	}
	if r.Caller.May(identity.ReadKey) {
		out.Key = c.Key
	}
	for _, t := range c.Topics {
		one := wire.ClientTopic{Topic: t.Topic.String()}
		one.FilterType, one.Filter = showFilter(t.Filter)
		out.Topics = append(out.Topics, one)
	}
	for _, s := range c.Seats {
		out.Proxies = append(out.Proxies, wire.ClientProxy{Name: s.Proxy, Zone: s.Zone, Address: s.Remote, Since: s.Since.UTC(), Heard: s.Heard.UTC()})
	}
	return out
}

func showFilter(f mq.Filter) (kind, text string) {
	switch {
	case f.All():
		return "", ""
	case f.SQL:
		return "sql", f.Expression
	}
	return "tag", f.Expression
}

func showDifferences(all []roster.Difference) []wire.SubscriptionDifference {
	out := []wire.SubscriptionDifference{}
	for _, d := range all {
		one := wire.SubscriptionDifference{Topic: d.Topic.String()}
		for _, w := range d.Ways {
			way := wire.SubscriptionWay{Subscribed: !w.Absent, Clients: w.Clients, Examples: door.Texts(w.Examples)}
			way.FilterType, way.Filter = showFilter(w.Filter)
			one.Ways = append(one.Ways, way)
		}
		out = append(out, one)
	}
	return out
}
