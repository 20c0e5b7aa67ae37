// SPDX-License-Identifier: Apache-2.0

package control

import (
	"cmp"
	"context"
	"slices"

	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/mq"
)

// Grant reads a document that keeps one.
func (d Document) Grant() (grant.Grant, error) {
	g, err := grant.Read(d.Ref(), d.Body)
	g.Revision = d.Revision
	return g, err
}

// Borrowed lists the grants that a tenant has, by its names for the topics; those of every tenant for the zero one.
func (p *Plane) Borrowed(t mq.Tenant) []grant.Grant {
	holders := []string{t.String()}
	if t == (mq.Tenant{}) {
		holders = p.book.Holders(grant.Kind)
	}
	var all []grant.Grant
	for _, holder := range holders {
		p.book.Own(holder, func(r Record) {
			if d, ok := r.(Document); ok && d.Kind == grant.Kind {
				if g, err := d.Grant(); err == nil {
					all = append(all, g)
				}
			}
		})
	}
	slices.SortFunc(all, func(a, b grant.Grant) int {
		return cmp.Or(cmp.Compare(a.Borrower.String(), b.Borrower.String()), cmp.Compare(a.As.String(), b.As.String()))
	})
	return all
}

// Lent gives the topic that a grant is of, while the grant holds.
func (p *Plane) Lent(g grant.Grant) (Topic, bool) {
	owner, err := p.Tenant(g.Owner)
	if err != nil || owner.Disabled || !g.Live(p.now()) {
		return Topic{}, false
	}
	t, ok := lookup[Topic](p.book, Topic{Tenant: g.Owner, Name: g.Topic}.Ref())
	return t, ok && t.State.Visible()
}

// borrowedAs finds the grant by which a tenant has a name.
func (p *Plane) borrowedAs(t mq.Tenant, name mq.TopicName) (grant.Grant, bool) {
	for _, g := range p.Borrowed(t) {
		if g.As == name {
			return g, true
		}
	}
	return grant.Grant{}, false
}

// free refuses a topic beyond the limit, and one of a name under which the tenant borrows another.
func (p *Plane) free(t mq.Tenant, name mq.TopicName) func() error {
	room := p.room(TopicRecord, t, p.opt.Limits.Topics)
	return func() error {
		if _, borrowed := p.borrowedAs(t, name); borrowed {
			return refuse(Exists, mq.Conflict, "topic %q is one that this tenant borrows under that name: choose another, or give it back", name).On("name")
		}
		return room()
	}
}

// named is a topic with a tenant's name for it.
type named struct {
	name mq.TopicName
	spec mq.Topic
}

// consumable finds what a tenant's groups may read under a name: its own, or what it borrows to subscribe to.
func (p *Plane) consumable(tenant mq.Tenant, name mq.TopicName) (mq.Topic, error) {
	if g, ok := p.borrowedAs(tenant, name); ok && g.Rights.Subscribe {
		if t, holds := p.Lent(g); holds {
			return t.Spec, nil
		}
	}
	return p.Readable(tenant, name)
}

// consumables lists what a tenant's groups on a cluster may have read, dead letters apart.
func (p *Plane) consumables(tenant mq.Tenant, on mq.Cluster) (all []named) {
	for _, t := range of[Topic](p.book, tenant.String()) {
		if t.State.Visible() && t.Spec.Cluster == on {
			all = append(all, named{t.Name, t.Spec})
		}
	}
	for _, g := range p.Borrowed(tenant) {
		if t, ok := p.Lent(g); ok && g.Rights.Subscribe && t.Spec.Cluster == on {
			all = append(all, named{g.As, t.Spec})
		}
	}
	return all
}

// publishable tells whether a tenant may send to a topic: its own, or what it borrows to publish to.
func (p *Plane) publishable(tenant mq.Tenant, t Topic) bool {
	return t.State.Visible() && (t.Tenant == tenant || slices.ContainsFunc(p.Borrowed(tenant), func(g grant.Grant) bool {
		return g.Owner == t.Tenant && g.Topic == t.Name && g.Rights.Publish && g.Live(p.now())
	}))
}

// Origin finds the topic that a cluster knows under a name, where the tenant may send to it.
func (p *Plane) Origin(c mq.Cluster, tenant mq.Tenant, name mq.Physical) (mq.Topic, bool) {
	r, _ := p.book.By(place{c, name})
	t, ok := r.(Topic)
	return t.Spec, ok && p.publishable(tenant, t)
}

// lentNoMore takes the grants of a topic back before it is forgotten: a later topic of its name is lent to nobody.
func (p *Plane) lentNoMore(ctx context.Context, by Actor, topic Ref) error {
	for _, g := range p.Borrowed(mq.Tenant{}) {
		if topic != (Topic{Tenant: g.Owner, Name: g.Topic}).Ref() {
			continue
		}
		d, err := p.Document(g.Ref())
		if err == nil {
			err = p.RemoveDocument(ctx, by, d)
		}
		if err != nil && mq.KindOf(err) != mq.NotFound {
			return err
		}
	}
	return nil
}
