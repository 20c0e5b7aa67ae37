// SPDX-License-Identifier: Apache-2.0

package live

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	requestdoor "github.com/causeway-mq/causeway/control/api/requests"
	"github.com/causeway-mq/causeway/control/api/show"
	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/control/reception"
	"github.com/causeway-mq/causeway/control/series"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

const (
	// fresh is for how long one look serves all readers.
	fresh = time.Second
	// again is after how long what hangs on the time alone is looked at though nothing was changed.
	again = 10 * time.Second
	// maxRecords is how many jobs, requests and grants a stream tells of, each.
	maxRecords = 1000
	// maxListed is how many topics and groups one event lists.
	maxListed = 500
	// maxSteps is how many steps somebody who comes back gets at most.
	maxSteps = 30
)

// scene is a tenant as its readers see it: whoever finds it too old looks, for all of them.
type scene struct {
	tenant  mq.Tenant
	readers int // under the hub's lock

	mu      sync.Mutex // guards all below; never held across a wait
	records map[string]records
	steps   []stepAt // the newest ones, oldest first
	stepped time.Time
	behind  lagAt
}

// records is all jobs, requests or grants at one look.
type records struct {
	looked  time.Time
	version control.Version // at which everything of them was there, at least
	turn    int             // grows whenever they differ
	all     []record        // never changed
	live    bool            // there are jobs at work, whose figures move without a version
	more    bool            // there are more of them
}

// record is one of them as it is told.
type record struct {
	id, data string
	live     bool
}

// stepAt is one step as it is told.
type stepAt struct {
	time time.Time
	data string
}

type lagAt struct {
	looked time.Time
	data   string
}

// marshal writes a value of control/wire, which always can be.
func marshal(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

// list is the records of a kind as they are now, give or take a second.
func (c *scene) list(r *door.Request, kind string) (records, error) {
	now, version := r.Clock.Now(), r.Plane.Version()
	c.mu.Lock()
	defer c.mu.Unlock()
	was, there := c.records[kind]
	if age := now.Sub(was.looked); there && (age < fresh || age < again && was.version == version && !was.live) {
		return was, nil
	}
	is := records{looked: now, version: version, turn: was.turn}
	if err := is.look(r, c.tenant, kind); err != nil {
		return is, err
	}
	if len(is.all) > maxRecords {
		is.all, is.more = is.all[len(is.all)-maxRecords:], true
	}
	if !there || !slices.Equal(was.all, is.all) {
		is.turn++
	}
	if c.records == nil {
		c.records = map[string]records{}
	}
	c.records[kind] = is
	return is, nil
}

func (c *records) look(r *door.Request, of mq.Tenant, kind string) error {
	offices := reception.Open(r.Plane, r.Who, r.Clock.Now)
	switch kind {
	case jobs:
		all, err := r.Jobs.Jobs(of)
		for _, j := range all {
			c.all = append(c.all, record{j.ID, marshal(show.Job(j)), j.State.Live()})
			c.live = c.live || j.State.Live()
		}
		return err
	case requests:
		all, err := offices.Desk.Requests(of)
		for _, q := range all {
			c.all = append(c.all, record{id: q.ID, data: marshal(requestdoor.Show(q, of))})
		}
		return err
	}
	all, err := offices.Lending.Grants(of)
	for _, g := range all {
		c.all = append(c.all, record{id: g.ID, data: marshal(requestdoor.ShowGrant(r, g))})
	}
	return err
}

// stepsAfter is the steps behind a moment that are kept and complete, oldest first. For a reader who comes anew, with no moment, it is the newest one.
func (c *scene) stepsAfter(r *door.Request, after time.Time) []stepAt {
	now := r.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.stepped) >= fresh {
		c.stepped = now
		var last time.Time
		if n := len(c.steps); n > 0 {
			last = c.steps[n-1].time
		}
		s := sightOf(r, c.tenant)
		for _, one := range r.Series.Steps(c.tenant, last, maxSteps) {
			c.steps = append(c.steps, stepAt{one.Time, marshal(s.rates(one))})
		}
		c.steps = slices.Clone(c.steps[max(len(c.steps)-maxSteps, 0):])
	}
	if len(c.steps) == 0 {
		return nil
	}
	if after.IsZero() {
		return c.steps[len(c.steps)-1:]
	}
	i := slices.IndexFunc(c.steps, func(s stepAt) bool { return s.time.After(after) })
	if i < 0 {
		return nil
	}
	return c.steps[i:]
}

// lagNow is how far groups are behind, as it was looked at within the last step.
func (c *scene) lagNow(r *door.Request) lagAt {
	now := r.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.behind.looked) >= series.Hour.Step() {
		s := sightOf(r, c.tenant)
		c.behind = lagAt{now, marshal(s.lags(r.Series.Lags(c.tenant), now))}
	}
	return c.behind
}

// sight is what a tenant may see of figures. They are kept by name, and for longer than what they are of: what is gone is left out, and what bears its name since then
// begins anew.
type sight struct {
	r        *door.Request
	tenant   mq.Tenant
	since    time.Time // the tenant is there
	borrowed []grant.Grant
}

func sightOf(r *door.Request, tenant mq.Tenant) sight {
	s := sight{r: r, tenant: tenant, since: r.Clock.Now(), borrowed: r.Plane.Borrowed(tenant)}
	if t, err := r.Plane.Tenant(tenant); err == nil {
		s.since = t.Created
	}
	return s
}

func (s sight) topic(name mq.TopicName, in time.Time) bool {
	t, err := s.r.Plane.Topic(s.tenant, name)
	return err == nil && !t.Created.After(in)
}

// pair tells whether a group's figures in a topic are to be seen, and how the tenant calls the topic.
func (s sight) pair(p series.Pair, in time.Time) (topic string, ok bool) {
	g, err := s.r.Plane.Group(p.Group.Tenant, p.Group.Name)
	if err != nil || g.Created.After(in) || p.Group.Tenant != s.tenant {
		return "", false
	}
	if p.Topic.Tenant == s.tenant && s.topic(p.Topic.Name, in) {
		return p.Topic.Name.String(), true
	}
	for _, b := range s.borrowed {
		if b.Owner == p.Topic.Tenant && b.Topic == p.Topic.Name && b.Rights.Subscribe && !b.Created.After(in) {
			return b.As.String(), true
		}
	}
	return "", false
}

func (s sight) rates(of series.Step) wire.LiveRates {
	out := wire.LiveRates{Time: of.Time, Step: series.Hour.Step().String(), Known: of.Known, Topics: []wire.LiveTopicRate{}, Groups: []wire.LiveGroupRate{}, Incomplete: of.Short}
	end := of.Time.Add(series.Hour.Step())
	if out.Known = out.Known && !s.since.After(of.Time); !out.Known {
		return out
	}
	in, handed := wire.Rate(of.In), wire.Rate(of.Out)
	out.In, out.Out = &in, &handed
	for _, one := range of.Topics {
		if s.topic(one.Name, end) {
			out.Topics = append(out.Topics, wire.LiveTopicRate{Topic: one.Name.String(), In: wire.Rate(one.In), Out: wire.Rate(one.Out)})
		}
	}
	for _, one := range of.Reads {
		if topic, ok := s.pair(one.Pair, end); ok {
			out.Groups = append(out.Groups, wire.LiveGroupRate{Group: one.Pair.Group.Name.String(), Topic: topic, Out: wire.Rate(one.Out)})
		}
	}
	out.Topics = most(out.Topics, &out.More, func(t wire.LiveTopicRate) float64 { return t.In.Messages + t.Out.Messages })
	out.Groups = most(out.Groups, &out.More, func(g wire.LiveGroupRate) float64 { return g.Out.Messages })
	return out
}

func (s sight) lags(all []series.Lag, now time.Time) wire.LiveLag {
	out := wire.LiveLag{Time: now.UTC(), Groups: []wire.LiveGroupLag{}}
	for _, one := range all {
		seen := now
		if !one.Seen.IsZero() {
			seen = one.Seen.Add(series.Hour.Step())
		}
		topic, ok := s.pair(one.Pair, seen)
		if !ok || s.since.After(seen) {
			continue
		}
		l := wire.LiveGroupLag{Group: one.Pair.Group.Name.String(), Topic: topic, Lag: one.Messages, Seen: door.Optional(one.Seen)}
		if one.Age != nil {
			seconds := one.Age.Seconds()
			l.LagSeconds = &seconds
		}
		out.Groups = append(out.Groups, l)
	}
	out.Groups = most(out.Groups, &out.More, func(l wire.LiveGroupLag) float64 {
		if l.Lag == nil {
			return 0
		}
		return float64(*l.Lag)
	})
	return out
}

// most keeps those that weigh most, in their order, and counts the rest.
func most[T any](all []T, more *int, weight func(T) float64) []T {
	if len(all) <= maxListed {
		return all
	}
	weights := make([]float64, len(all))
	for i, one := range all {
		weights[i] = weight(one)
	}
	slices.Sort(weights)
	least, room := weights[len(weights)-maxListed], maxListed
	var kept []T
	for _, one := range all {
		if weight(one) > least {
			kept = append(kept, one)
			room--
		}
	}
	*more += len(all) - maxListed
	for _, one := range all {
		if room > 0 && weight(one) == least {
			kept = append(kept, one)
			room--
		}
	}
	return kept
}
