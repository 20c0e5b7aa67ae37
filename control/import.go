// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control/adopt"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// Import is what is to be taken over: what a cluster has, for a tenant.
type Import struct {
	Cluster mq.Cluster // the zero one is the default one
	Tenant  mq.Tenant
	Names   map[string]string // what is to be called otherwise than the cluster does, by its name there
}

// ImportItem is one thing that a cluster has, with what becomes of it.
type ImportItem = adopt.Item

// PlanImport tells what would become of everything that a cluster has.
func (p *Plane) PlanImport(ctx context.Context, i Import) ([]ImportItem, error) {
	if _, err := p.Tenant(i.Tenant); err != nil {
		return nil, err
	}
	c, err := p.place(i.Cluster)
	if err != nil {
		return nil, err
	}
	s := p.sites[c]
	has, err := s.Inventory(ctx)
	if err != nil {
		return nil, During("import", err)
	}
	accounts, err := s.Accounts(ctx)
	if err != nil {
		return nil, During("import", err)
	}
	plan := adopt.Plan(adopt.Question{
		Tenant: i.Tenant, Has: has, Accounts: accounts, Names: i.Names, Owners: p.owners(c),
		Taken: func(k RecordKind, name string) bool {
			_, taken := lookup[Record](p.book, Ref{Kind: k, Tenant: i.Tenant.String(), Name: name})
			return taken
		},
		Skip: func(user string) bool { return strings.HasPrefix(user, site.UserOf("")) },
	})
	for n := range plan {
		plan[n].Topic.Cluster, plan[n].Group.Cluster = c, c
	}
	return plan, nil
}

// owners tells whose a name on a cluster, or an access key, is.
func (p *Plane) owners(c mq.Cluster) map[adopt.Thing]adopt.Owner {
	all := map[adopt.Thing]adopt.Owner{}
	p.book.Each("", func(r Record) {
		switch r := r.(type) {
		case Topic:
			if r.Spec.Cluster == c {
				all[adopt.Thing{Noun: TopicRecord, Name: r.Spec.Name.String()}] = adopt.Owner{Tenant: r.Tenant, As: r.Name.String()}
			}
		case Group:
			if r.Spec.Cluster == c {
				all[adopt.Thing{Noun: GroupRecord, Name: r.Spec.Name.String()}] = adopt.Owner{Tenant: r.Tenant, As: r.Name.String()}
			}
		case Key:
			all[adopt.Thing{Noun: KeyRecord, Name: r.ID}] = adopt.Owner{Tenant: r.Tenant, As: r.Application.String()}
		}
	})
	return all
}

// Import takes over what PlanImport tells as adopted, and says what came of each thing. Nothing on the cluster changes. It may be repeated: what was taken over is known then.
func (p *Plane) Import(ctx context.Context, by Actor, i Import) ([]ImportItem, error) {
	plan, err := p.PlanImport(ctx, i)
	if err != nil {
		return nil, err
	}
	for n := range plan {
		one := &plan[n]
		if one.Verdict != adopt.Adopted {
			continue
		}
		if err := p.adopt(ctx, by, i.Tenant, *one); err != nil {
			if mq.Outcome(err) != mq.Refused {
				return plan, During("import "+one.Physical, err)
			}
			one.Verdict, one.Why = adopt.Left, err.Error()
		}
	}
	p.visible(ctx)
	return plan, nil
}

// adopt keeps a record of what is there already.
func (p *Plane) adopt(ctx context.Context, by Actor, tenant mq.Tenant, i adopt.Item) error {
	now, note := p.now(), "taken over as it was"
	switch i.Noun {
	case TopicRecord:
		name, err := mq.ParseTopicName(i.Name)
		if err != nil {
			return err
		}
		t := Topic{Tenant: tenant, Name: name, Spec: p.sites[i.Topic.Cluster].Kept(i.Topic), Note: note, State: Ready, Created: now, Updated: now}
		return p.addIf(ctx, by, t, p.free(tenant, name))
	case GroupRecord:
		name, err := mq.ParseGroupName(i.Name)
		if err != nil {
			return err
		}
		g := Group{Tenant: tenant, Name: name, Spec: i.Group, Note: note, State: Ready, Created: now, Updated: now}
		if err := checkGroup(g); err != nil {
			return err
		}
		return p.addIf(ctx, by, g, p.room(GroupRecord, tenant, p.opt.Limits.Groups))
	}
	name, err := ParseApplicationName(i.Name)
	if err != nil {
		return err
	}
	a := Application{Tenant: tenant, Name: name, Note: note, Created: now,
		Rights: Rights{Owner: i.User.Owner, Publish: slices.Clone(i.User.Publish), Read: slices.Clone(i.User.Read), Consume: slices.Clone(i.User.Consume)}}
	if err := checkRights(a.Rights, a.Note); err != nil {
		return err
	}
	if err := p.addIf(ctx, by, a, p.room(ApplicationRecord, tenant, p.opt.Limits.Applications)); err != nil {
		return err
	}
	return p.add(ctx, by, Key{ID: i.Physical, Secret: i.User.Secret, Tenant: tenant, Application: name, Created: now, Expires: time.Time{}})
}
