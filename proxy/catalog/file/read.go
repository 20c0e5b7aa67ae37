// SPDX-License-Identifier: Apache-2.0

package file

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/internal/strictyaml"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// Limits of what a file may say beyond those of the names.
const (
	maxAttempts  = 1000
	maxRetention = 365 * 24 * time.Hour
	maxSecret    = 256
	maxRetry     = 24 * time.Hour
)

// reader makes a catalog out of a document and gathers what is wrong.
type reader struct {
	places   *strictyaml.Document
	clusters []mq.Cluster
	problems strictyaml.Problems

	rights bool // whether rights are held against what the file has: a program's file may still name what is gone

	// What was seen so far, each with the key that said it.
	tenants, keys, physicalTopics, physicalGroups map[string]string
	given                                         []given
}

// given is a brokers' name that the file says instead of the rule.
type given struct {
	tenant   mq.Tenant
	name, at string
}

func (r *reader) bad(key, rule string, args ...any) {
	r.problems = append(r.problems, r.places.Problem(key, rule, args...))
}

// once refuses what stands twice.
func (r *reader) once(seen map[string]string, what, at string) {
	if first, twice := seen[what]; twice {
		r.bad(at, "%q is there twice, first as %s", what, first)
		return
	}
	seen[what] = at
}

func (r *reader) catalog(d document) (c Catalog) {
	r.tenants, r.keys, r.physicalTopics, r.physicalGroups = map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	if d.Format != Format {
		r.bad("format", "this program reads format %d", Format)
		return c
	}
	if d.Version < 1 {
		r.bad("version", "a whole number from 1 on, larger with each change")
	}
	r.whole(d)
	r.rights = d.Sum == ""
	c.Version, c.Shrinks = catalog.Version(max(d.Version, 0)), d.Shrinks
	for i, t := range d.Tenants {
		r.tenant(&c, t, fmt.Sprintf("tenants[%d]", i))
	}
	if r.rights {
		r.apart()
	}
	return c
}

// apart refuses names that lie where another tenant's are made: the next topic of that tenant could be the same one, and a user of its own at the brokers reaches all that
// begins as its names do.
func (r *reader) apart() {
	for _, g := range r.given {
		head, _, joined := strings.Cut(g.name, "%")
		if at, there := r.tenants[head]; joined && there && head != g.tenant.String() && head != mq.DefaultTenant {
			r.bad(g.at+".physical", "begins with %q, as all names of the tenant at %s do", head+"%", strings.TrimSuffix(at, ".id"))
		}
	}
}

func (r *reader) tenant(c *Catalog, t owner, at string) {
	id, err := mq.ParseTenant(t.ID)
	if err != nil {
		r.bad(at+".id", "1 to %d characters of a-z, 0-9 and '-'", mq.MaxTenant)
		return
	}
	r.once(r.tenants, t.ID, at+".id")
	one := catalog.Tenant{ID: id, Disabled: t.Disabled}
	switch t.Unsigned {
	case "", "nobody":
	case "loopback":
		one.Unsigned = catalog.UnsignedLoopback
	case "anybody":
		one.Unsigned = catalog.UnsignedAnybody
	default:
		r.bad(at+".unsigned", "nobody, loopback or anybody")
	}
	c.Tenants = append(c.Tenants, one)
	names := map[string]string{}
	for i, x := range t.Topics {
		at := fmt.Sprintf("%s.topics[%d]", at, i)
		r.once(names, x.Name, at+".name")
		c.Topics = append(c.Topics, r.topic(id, x, at))
	}
	c.Grants = append(c.Grants, r.borrows(id, t, at)...)
	names = map[string]string{}
	for i, x := range t.Groups {
		at := fmt.Sprintf("%s.groups[%d]", at, i)
		r.once(names, x.Name, at+".name")
		c.Groups = append(c.Groups, r.group(id, x, at))
	}
	names = map[string]string{}
	for i, x := range t.Applications {
		at := fmt.Sprintf("%s.applications[%d]", at, i)
		r.once(names, x.Name, at+".name")
		c.Keys = append(c.Keys, r.application(id, x, at)...)
		if r.rights {
			r.exist(t, x, at)
		}
	}
}

// exist refuses rights to what the tenant does not have: most likely a name is mistyped, and its owner would get nothing without a word.
func (r *reader) exist(t owner, a application, at string) {
	var topics, groups, readable []string
	for _, x := range t.Topics {
		topics = append(topics, x.Name)
	}
	for _, x := range t.Borrows {
		topics = append(topics, x.As)
	}
	readable = slices.Clone(topics)
	for _, g := range t.Groups {
		groups = append(groups, g.Name)
		if name, err := mq.ParseGroupName(g.Name); err == nil {
			readable = append(readable, mq.DeadLetters(name).String())
		}
	}
	tenant, _, _ := strings.Cut(at, ".")
	for _, one := range []struct {
		right, noun, list string
		said, known       []string
	}{
		{"publish", "topic", "topics", a.Publish, topics},
		{"consume", "group", "groups", a.Consume, groups},
		{"read", "topic", "topics", a.Read, readable},
	} {
		if !r.places.Read(tenant + "." + one.list) {
			continue // what could not be read may well hold the name
		}
		for i, name := range one.said {
			if !slices.Contains(one.known, name) {
				r.bad(fmt.Sprintf("%s.%s[%d]", at, one.right, i), "application %s: tenant %s has no %s of that name%s", a.Name, t.ID, one.noun, nearest.Hint(name, one.known))
			}
		}
	}
}

func (r *reader) application(tenant mq.Tenant, a application, at string) (keys []catalog.Key) {
	app := &catalog.App{
		Tenant: tenant, Name: a.Name, Owner: a.Owner, Disabled: a.Disabled,
		Publish: map[mq.TopicName]bool{}, Subscribe: map[mq.GroupName]bool{}, SubscribeTopics: map[mq.TopicName]bool{},
	}
	if a.Name == "" {
		r.bad(at+".name", "a name is needed")
	}
	list[mq.TopicName]{at + ".publish", mq.ParseTopicName}.read(r, a.Publish, app.Publish)
	list[mq.GroupName]{at + ".consume", mq.ParseGroupName}.read(r, a.Consume, app.Subscribe)
	list[mq.TopicName]{at + ".read", mq.ParseTopicName}.read(r, a.Read, app.SubscribeTopics)
	for i, k := range a.Keys {
		at := fmt.Sprintf("%s.keys[%d]", at, i)
		if k.ID == "" || len(k.ID) > maxSecret {
			r.bad(at+".id", "1 to %d characters", maxSecret)
		}
		if k.Secret == "" || len(k.Secret) > maxSecret {
			r.bad(at+".secret", "1 to %d characters", maxSecret)
		}
		r.once(r.keys, k.ID, at+".id")
		one := catalog.Key{ID: k.ID, Secret: k.Secret, App: app, Revoked: k.Revoked}
		if k.Expires != "" {
			var err error
			if one.Expires, err = time.Parse(time.RFC3339, k.Expires); err != nil {
				r.bad(at+".expires", "a time like 2027-01-31T00:00:00Z")
			}
		}
		keys = append(keys, one)
	}
	return keys
}

// list is names of one kind.
type list[N comparable] struct {
	at    string
	parse func(string) (N, error)
}

func (l list[N]) read(r *reader, all []string, into map[N]bool) {
	for i, s := range all {
		n, err := l.parse(s)
		if err != nil {
			r.bad(fmt.Sprintf("%s[%d]", l.at, i), "%v", err)
			continue
		}
		into[n] = true
	}
}

func (r *reader) topic(tenant mq.Tenant, t topic, at string) catalog.Topic {
	out := catalog.Topic{Tenant: tenant}
	var err error
	if out.Name, err = mq.ParseTopicName(t.Name); err != nil {
		r.bad(at+".name", "%v", err)
		return out
	}
	out.Topic.Name = r.physical(given{tenant, t.Physical, at}, mq.PhysicalTopic(tenant, out.Name))
	r.once(r.physicalTopics, out.Topic.Name.String(), at)
	out.Cluster = r.cluster(t.Cluster, at+".cluster")
	for i, s := range t.Accepts {
		kind, err := mq.ParseMessageType(s)
		if err != nil {
			r.bad(fmt.Sprintf("%s.accepts[%d]", at, i), "%v", err)
		}
		out.Accepts |= mq.AcceptsOf(kind)
	}
	if len(t.Accepts) == 0 {
		out.Accepts = mq.AcceptsOf(mq.Normal)
	}
	if out.Queues = t.Queues; t.Queues < 0 || t.Queues > mq.MaxQueues {
		r.bad(at+".queues", "1 to %d", mq.MaxQueues)
	}
	if out.Durability, err = mq.ParseDurability(t.Durability); err != nil {
		r.bad(at+".durability", "%v", err)
	}
	out.Retention = r.span(t.Retention, at+".retention", maxRetention)
	out.Move = r.move(t.Move, at+".move")
	return out
}

func (r *reader) move(m *move, at string) (out catalog.Move) {
	switch {
	case m == nil:
	case m.Stage == "fencing" && m.From == "":
		out = catalog.Move{Stage: catalog.Fencing, Peer: r.cluster(m.To, at+".to")}
	case m.Stage == "draining" && m.To == "":
		out = catalog.Move{Stage: catalog.Draining, Peer: r.cluster(m.From, at+".from")}
	default:
		r.bad(at, "stage fencing with to, or stage draining with from")
	}
	return out
}

func (r *reader) group(tenant mq.Tenant, g group, at string) catalog.Group {
	out := catalog.Group{Tenant: tenant}
	var err error
	if out.Name, err = mq.ParseGroupName(g.Name); err != nil {
		r.bad(at+".name", "%v", err)
		return out
	}
	out.Group.Name = r.physical(given{tenant, g.Physical, at}, mq.PhysicalGroup(tenant, out.Name))
	r.once(r.physicalGroups, out.Group.Name.String(), at)
	out.Cluster = r.cluster(g.Cluster, at+".cluster")
	switch g.Mode {
	case "", mq.Leases.String():
	case mq.Pulls.String():
		out.Mode = mq.Pulls
	default:
		r.bad(at+".mode", "%s or %s", mq.Leases, mq.Pulls)
	}
	out.Ordered = g.Ordered
	if out.MaxAttempts = g.MaxAttempts; g.MaxAttempts == 0 {
		out.MaxAttempts = mq.DefaultMaxAttempts
	}
	if out.MaxAttempts < 1 || out.MaxAttempts > maxAttempts {
		r.bad(at+".max_attempts", "1 to %d", maxAttempts)
	}
	if g.Retry != nil {
		out.Retry = r.retry(*g.Retry, at+".retry")
	}
	out.Start = r.start(g.Start, at+".start")
	out.Hold = r.span(g.Hold, at+".hold", mq.MaxHold)
	out.Move = r.move(g.Move, at+".move")
	return out
}

func (r *reader) retry(p retry, at string) (out mq.RetryPolicy) {
	for i, s := range p.Steps {
		out.Steps = append(out.Steps, r.span(s, fmt.Sprintf("%s.steps[%d]", at, i), maxRetry))
	}
	out.Initial, out.Max, out.Multiplier = r.span(p.Initial, at+".initial", maxRetry), r.span(p.Max, at+".max", maxRetry), p.Multiplier
	if len(p.Steps) > 0 && (p.Initial != "" || p.Max != "" || p.Multiplier != 0) {
		r.bad(at, "steps, or initial, max and multiplier; not both")
	}
	if len(p.Steps) == 0 && (out.Initial <= 0 || out.Max < out.Initial || out.Multiplier < 1) {
		r.bad(at, "initial above 0, max of at least initial and a multiplier of at least 1 go together")
	}
	return out
}

func (r *reader) start(s, at string) mq.Start {
	switch s {
	case "", "earliest":
		return mq.Start{Kind: mq.StartEarliest}
	case "latest":
		return mq.Start{Kind: mq.StartLatest}
	case "engine":
		return mq.Start{Kind: mq.StartByEngine}
	}
	when, err := time.Parse(time.RFC3339, s)
	if err != nil {
		r.bad(at, "earliest, latest, engine or a time like 2026-12-31T00:00:00Z")
	}
	return mq.Start{Kind: mq.StartAt, Time: when}
}

// physical is the brokers' name: what the file says, or what the rule for new names makes of it.
func (r *reader) physical(said given, rule mq.Physical) mq.Physical {
	if said.name == "" {
		return rule
	}
	p, err := mq.ParsePhysical(said.name)
	if err != nil {
		r.bad(said.at+".physical", "%v", err)
	}
	r.given = append(r.given, said)
	return p
}

func (r *reader) cluster(s, at string) mq.Cluster {
	c, err := mq.ParseCluster(s)
	switch {
	case err != nil:
		r.bad(at, "%v", err)
	case len(r.clusters) > 0 && !slices.Contains(r.clusters, c):
		var known []string
		for _, k := range r.clusters {
			known = append(known, k.String())
		}
		r.bad(at, "no cluster of that name is configured here; there is %s", strings.Join(known, ", "))
	}
	return c
}

func (r *reader) span(s, at string, most time.Duration) time.Duration {
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > most {
		r.bad(at, `a duration with its unit, for example "72h", at most %v`, most)
	}
	return d
}
