// SPDX-License-Identifier: Apache-2.0

// Package figures answers what is asked about figures over time: rates and lag, use by day, proxies.
package figures

import (
	"fmt"
	"net/http"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/series"
	"github.com/causeway-mq/causeway/control/usage"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/tally"
)

// usualDays is how many days of use are shown where nobody says.
const usualDays = 30

// Operations is what this room answers.
func Operations() []door.Operation {
	topic := door.Parameter{Name: "topic", About: "in this one alone", Kind: "string"}
	return []door.Operation{
		{ID: "topicRates", Method: "GET", Path: door.OfTopic + "/rates", Summary: "Shows what was stored in a topic and handed out of it, over time.", Scope: door.InTenant,
			Right: identity.ReadTopic, Query: spanning(), Answer: wire.Rates{}, Status: 200, Handle: topicRates},
		{ID: "groupRates", Method: "GET", Path: door.OfGroup + "/rates", Summary: "Shows what a group was given and how far it was behind, over time.", Scope: door.InTenant,
			Right: identity.ReadGroup, Query: append(spanning(), topic), Answer: wire.Rates{}, Status: 200, Handle: groupRates},
		{ID: "tenantRates", Method: "GET", Path: door.OfTenant + "/rates", Summary: "Shows what a tenant sent and received, over time.", Scope: door.InTenant,
			Right: identity.ReadTenant, Query: spanning(), Answer: wire.Rates{}, Status: 200, Handle: tenantRates},
		{ID: "tenantUsage", Method: "GET", Path: door.OfTenant + "/usage", Summary: "Shows what a tenant used, day by day.", Scope: door.InTenant,
			Right: identity.ReadTenant, Query: days(), Answer: wire.Usage{}, Status: 200, Handle: tenantUsage},
		{ID: "listProxies", Method: "GET", Path: "/v1/proxies", Summary: "Lists the proxies that tell what they count, or follow the catalog, with the version of it that each has.", Scope: door.Installation,
			Right: identity.ReadInstallation, Answer: wire.Page[wire.ProxyStatus]{}, Status: 200, Handle: listProxies},
		flowOperation(),
	}
}

func spanning() []door.Parameter {
	return []door.Parameter{{Name: "span", About: "hour, in steps of ten seconds, or day, in steps of five minutes; hour by default", Kind: "string"}}
}

func days() []door.Parameter {
	return []door.Parameter{
		{Name: "from", About: "the first day, such as 2026-12-01; thirty days by default", Kind: "string"},
		{Name: "to", About: "the last day; today by default", Kind: "string"},
	}
}

// window reads which part of a curve is wanted, of something that was made at a time.
func window(r *door.Request, made time.Time) (series.Window, error) {
	w := series.Window{Since: made}
	switch text := r.URL.Query().Get("span"); {
	case text == "hour" || !r.URL.Query().Has("span"):
	case text == "day":
		w.Span = series.Day
	default:
		return w, door.Bad("out_of_range", "span", "span: hour or day"+nearest.Hint(text, []string{"hour", "day"}))
	}
	return w, nil
}

func topicRates(r *door.Request) (door.Answer, error) {
	tenant, name, err := r.Topic()
	if err != nil {
		return door.Answer{}, err
	}
	t, err := r.Plane.Topic(tenant, name)
	if err != nil {
		return door.Answer{}, err
	}
	w, err := window(r, t.Created)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(showCurve(r.Series.Topic(series.Topic{Tenant: tenant, Name: name}, w)))
}

func groupRates(r *door.Request) (door.Answer, error) {
	tenant, name, err := r.Group()
	if err != nil {
		return door.Answer{}, err
	}
	g, err := r.Plane.Group(tenant, name)
	if err != nil {
		return door.Answer{}, err
	}
	w, err := window(r, g.Created)
	if err != nil {
		return door.Answer{}, err
	}
	var only *series.Topic
	if q := r.URL.Query(); q.Has("topic") {
		topic, err := readable(r, tenant, q.Get("topic"))
		if err != nil {
			return door.Answer{}, door.In("topic", err)
		}
		only = &topic
	}
	return door.OK(showCurve(r.Series.Group(series.Group{Tenant: tenant, Name: name}, only, w)))
}

// readable is the topic that a tenant's groups read under a name: its own, or one that it borrows.
func readable(r *door.Request, tenant mq.Tenant, text string) (series.Topic, error) {
	name, err := mq.ParseTopicName(text)
	if err != nil {
		return series.Topic{}, err
	}
	for _, g := range r.Plane.Borrowed(tenant) {
		if _, holds := r.Plane.Lent(g); holds && g.As == name && g.Rights.Subscribe {
			return series.Topic{Tenant: g.Owner, Name: g.Topic}, nil
		}
	}
	_, err = r.Plane.Topic(tenant, name)
	return series.Topic{Tenant: tenant, Name: name}, err
}

func tenantRates(r *door.Request) (door.Answer, error) {
	id, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	t, err := r.Plane.Tenant(id)
	if err != nil {
		return door.Answer{}, err
	}
	w, err := window(r, t.Created)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(showCurve(r.Series.Tenant(id, w)))
}

func showCurve(c series.Curve) wire.Rates {
	out := wire.Rates{Step: c.Step.String(), Points: make([]wire.RatePoint, 0, len(c.Points)), Incomplete: c.Short}
	for _, p := range c.Points {
		one := wire.RatePoint{Time: p.Time, In: showRate(p.In), Out: showRate(p.Out), Lag: p.Lag}
		if p.Age != nil {
			seconds := p.Age.Seconds()
			one.LagSeconds = &seconds
		}
		out.Points = append(out.Points, one)
	}
	return out
}

func showRate(r *series.Rate) *wire.Rate {
	if r == nil {
		return nil
	}
	shown := wire.Rate(*r)
	return &shown
}

// firstDay is the first day whose use is the tenant's alone. What a tenant of the same name used that was there before stays in the store, by day: where one was there on the day on which
// this one was made, that day is nobody's to see.
func firstDay(r *door.Request, t control.Tenant) (usage.Day, error) {
	made := t.Created.UTC()
	day := time.Date(made.Year(), made.Month(), made.Day(), 0, 0, 0, 0, time.UTC)
	if !day.Before(made) {
		return tally.DayOf(day), nil
	}
	before, err := r.Plane.Audit(r.Context(), control.AuditQuery{Kind: control.TenantRecord, Name: t.Ref().Name, From: day, To: made, Limit: 1})
	if err == nil && len(before.Entries) > 0 {
		day = day.AddDate(0, 0, 1)
	}
	return tally.DayOf(day), err
}

// tenantUsage shows nothing from before the tenant was made.
func tenantUsage(r *door.Request) (door.Answer, error) {
	id, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	t, err := r.Plane.Tenant(id)
	if err != nil {
		return door.Answer{}, err
	}
	if r.Usage == nil {
		return door.Answer{}, &door.Refusal{Status: http.StatusNotImplemented, Kind: "not_implemented", Detail: "this process keeps no account of use"}
	}
	now := r.Clock.Now()
	to, err := dayOf(r, "to", now)
	if err != nil {
		return door.Answer{}, err
	}
	from, err := dayOf(r, "from", to.AddDate(0, 0, 1-usualDays))
	if err != nil {
		return door.Answer{}, err
	}
	if from.After(to) || to.Sub(from) > usage.KeptDays*24*time.Hour {
		return door.Answer{}, door.Bad("out_of_range", "from", fmt.Sprintf("from: not after to, and at most %d days before", usage.KeptDays))
	}
	out := wire.Usage{From: string(tally.DayOf(from)), To: string(tally.DayOf(to)), Days: []wire.UsageDay{}}
	first, err := firstDay(r, t)
	if err != nil {
		return door.Answer{}, err
	}
	all, err := r.Usage.Usage(r.Context(), id, max(tally.DayOf(from), first), tally.DayOf(to))
	if err != nil {
		return door.Answer{}, err
	}
	for _, one := range all {
		out.Days = append(out.Days, wire.UsageDay{Day: string(one.Day), In: wire.Amount(one.In), Out: wire.Amount(one.Out)})
	}
	return door.OK(out)
}

func dayOf(r *door.Request, name string, usual time.Time) (time.Time, error) {
	q := r.URL.Query()
	if !q.Has(name) {
		return usual, nil
	}
	t, err := time.Parse(time.DateOnly, q.Get(name))
	if err != nil {
		return t, door.Bad("malformed", name, name+": a day such as 2026-12-01")
	}
	return t, nil
}
