// SPDX-License-Identifier: Apache-2.0

// Package takeover takes over what a cluster has for a tenant: topics, groups, and users as applications. Nothing on the cluster changes.
//
// What is asked for is judged as a whole first (package adopt); then it is kept record by record, each in a transaction of its own. A take-over that ends half
// way is gone on with by repeating it: what is taken over is known then.
package takeover

import (
	"context"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/adopt"
	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// Import is what is to be taken over: what a cluster has, for a tenant.
type Import struct {
	Cluster mq.Cluster // the zero one is the default one
	Tenant  mq.Tenant
	Names   map[string]string // what is to be called otherwise than the cluster does, by its name there
}

// Plan tells what would become of everything that a cluster has. It refuses names that cannot be given, all of them at once.
func Plan(ctx context.Context, p *control.Plane, i Import) ([]adopt.Item, error) {
	if _, err := p.Tenant(i.Tenant); err != nil {
		return nil, err
	}
	c, err := p.Place(i.Cluster)
	if err != nil {
		return nil, err
	}
	s, err := p.Site(c)
	if err != nil {
		return nil, err
	}
	has, err := s.Inventory(ctx)
	if err != nil {
		return nil, control.During("import", err)
	}
	accounts, err := s.Accounts(ctx)
	if err != nil {
		return nil, control.During("import", err)
	}
	q := adopt.Question{Tenant: i.Tenant, Has: has, Accounts: accounts, Names: i.Names,
		Application: func(name string) error { _, err := control.ParseApplicationName(name); return err },
		Skip:        func(user string) bool { return strings.HasPrefix(user, site.UserOf("")) },
	}
	known(p, c, &q)
	plan := adopt.Plan(q)
	if wrong := adopt.Misnamed(i.Names, plan); len(wrong) > 0 {
		return nil, refusal.New(control.OutOfRange, mq.BadRequest, "names: %s: nothing was taken over", strings.Join(wrong, "; ")).On("names")
	}
	for n := range plan {
		plan[n].Topic.Cluster, plan[n].Group.Cluster = c, c
	}
	return plan, nil
}

// known tells what the tenant has, and whose a name on a cluster, or an access key, is.
func known(p *control.Plane, c mq.Cluster, q *adopt.Question) {
	q.Owners = map[adopt.Thing]adopt.Owner{}
	mine := map[adopt.Thing]bool{}
	for _, t := range p.Tenants() {
		has := func(noun audit.RecordKind, name string) { mine[adopt.Thing{Noun: noun, Name: name}] = true }
		if t.ID != q.Tenant {
			has = func(audit.RecordKind, string) {}
		}
		topics, _ := p.Topics(t.ID) // a tenant that goes meanwhile has nothing
		for _, one := range topics {
			has(control.TopicRecord, one.Name.String())
			if one.Spec.Cluster == c {
				q.Owners[adopt.Thing{Noun: control.TopicRecord, Name: one.Spec.Name.String()}] = adopt.Owner{Tenant: t.ID, As: one.Name.String()}
			}
		}
		groups, _ := p.Groups(t.ID)
		for _, one := range groups {
			has(control.GroupRecord, one.Name.String())
			if one.Spec.Cluster == c {
				q.Owners[adopt.Thing{Noun: control.GroupRecord, Name: one.Spec.Name.String()}] = adopt.Owner{Tenant: t.ID, As: one.Name.String()}
			}
		}
		applications, _ := p.Applications(t.ID)
		for _, one := range applications {
			has(control.ApplicationRecord, one.Name.String())
			keys, _ := p.Keys(t.ID, one.Name)
			for _, k := range keys {
				q.Owners[adopt.Thing{Noun: control.KeyRecord, Name: k.ID}] = adopt.Owner{Tenant: t.ID, As: one.Name.String(), Revoked: !k.Revoked.IsZero()}
			}
		}
	}
	q.Taken = func(noun audit.RecordKind, name string) bool { return mine[adopt.Thing{Noun: noun, Name: name}] }
}

// Do takes over what Plan tells as adopted, and says what came of each thing. It may be repeated: what was taken over is known then. The audit has a row
// for the import before anything is done, one for each record, and one for its end.
func Do(ctx context.Context, p *control.Plane, by control.Actor, i Import) ([]adopt.Item, error) {
	plan, err := Plan(ctx, p, i)
	if err != nil {
		return nil, err
	}
	c, err := p.Place(i.Cluster)
	if err != nil {
		return nil, err
	}
	run := taking{plane: p, by: by, tenant: i.Tenant, cluster: c}
	if err := run.users(ctx, plan); err != nil {
		return plan, control.During("import", err)
	}
	if !slices.ContainsFunc(plan, func(one adopt.Item) bool { return one.Verdict == adopt.Adopted }) {
		return plan, nil
	}
	e := control.Entry{Actor: by, Action: "cluster.import", Target: control.Ref{Kind: "cluster", Tenant: i.Tenant.String(), Name: c.String()}}
	err = p.Audited(ctx, e, func() (any, error) { return run.all(ctx, plan) })
	if s, err := p.Site(c); err == nil {
		s.Stir() // what was found at the last look is another tenant's by now
	}
	p.Visible(ctx)
	return plan, err
}

// taking is an import under way.
type taking struct {
	plane   *control.Plane
	by      control.Actor
	tenant  mq.Tenant
	cluster mq.Cluster
}

// all takes over what is planned, and counts it.
func (t taking) all(ctx context.Context, plan []adopt.Item) (audit.View, error) {
	count := audit.View{}
	for n := range plan {
		one := &plan[n]
		if one.Verdict != adopt.Adopted {
			continue
		}
		if err := t.one(ctx, *one); err != nil {
			if mq.Outcome(err) != mq.Refused {
				return count, control.During("import "+one.Physical, err)
			}
			one.Verdict, one.Why = adopt.Left, err.Error()
			continue
		}
		so, _ := count[string(one.Noun)].(int)
		count[string(one.Noun)] = so + 1
	}
	return count, nil
}

// one keeps the records of one thing.
func (t taking) one(ctx context.Context, i adopt.Item) error {
	note := "taken over from cluster " + t.cluster.String()
	switch i.Noun {
	case control.TopicRecord:
		name, err := mq.ParseTopicName(i.Name)
		if err != nil {
			return err
		}
		return t.plane.Adopt(ctx, t.by, control.Topic{Tenant: t.tenant, Name: name, Spec: i.Topic, Note: note})
	case control.GroupRecord:
		name, err := mq.ParseGroupName(i.Name)
		if err != nil {
			return err
		}
		return t.plane.Adopt(ctx, t.by, control.Group{Tenant: t.tenant, Name: name, Spec: i.Group, Note: note})
	}
	name, err := control.ParseApplicationName(i.Name)
	if err != nil {
		return err
	}
	rights := control.Rights{Owner: i.User.Owner, Publish: slices.Clone(i.User.Publish), Read: slices.Clone(i.User.Read), Consume: slices.Clone(i.User.Consume)}
	if err := t.plane.Adopt(ctx, t.by, control.Application{Tenant: t.tenant, Name: name, Note: note, Rights: rights}); err != nil {
		return err
	}
	if err := t.plane.Adopt(ctx, t.by, control.Key{ID: i.Physical, Secret: i.User.Secret, Tenant: t.tenant, Application: name}); err != nil {
		return err
	}
	return t.user(ctx, i)
}

// users keeps what an import that ended between a key and its user has left out. A user is kept after his key: of one without a key the plane takes it that
// the key has ended.
func (t taking) users(ctx context.Context, plan []adopt.Item) error {
	for _, one := range plan {
		if one.Noun == control.ApplicationRecord && one.Verdict == adopt.Known {
			if err := t.user(ctx, one); err != nil {
				return err
			}
		}
	}
	return nil
}

// user keeps that a user of the cluster was taken over. One who was before, and is a user of another key by now, is that one.
func (t taking) user(ctx context.Context, i adopt.Item) error {
	d := control.UserDocument(site.Taken{Cluster: t.cluster.String(), User: i.Physical, Tenant: t.tenant.String(), Application: i.Name})
	was, err := t.plane.Document(d.Ref())
	switch {
	case err != nil:
		return t.plane.Adopt(ctx, t.by, d)
	case i.Verdict == adopt.Known: // he is kept already
		return nil
	}
	was.Body = d.Body
	_, err = t.plane.ChangeDocument(ctx, t.by, "adopt", was)
	return err
}
