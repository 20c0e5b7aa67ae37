// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/control/bounds"
	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// Limits and defaults of topics.
const (
	DefaultQueues    = 8
	DefaultRetention = site.DefaultRetention // where a cluster keeps one for each topic
)

// Topic is what is wanted of a topic, with how far the engine follows.
type Topic struct {
	Tenant   mq.Tenant
	Name     mq.TopicName
	Spec     mq.TopicSpec
	Note     string
	Labels   label.Labels
	Taken    bool // over from its cluster, which had it before
	State    State
	Created  time.Time
	Updated  time.Time
	Revision Version
}

// Ref names the record.
func (t Topic) Ref() Ref {
	return Ref{Kind: TopicRecord, Tenant: t.Tenant.String(), Name: t.Name.String()}
}
func (t Topic) revision() Version   { return t.Revision }
func (t Topic) at(v Version) Record { t.Revision = v; return t }

func (t Topic) state() State             { return t.State }
func (t Topic) cluster() mq.Cluster      { return t.Spec.Cluster }
func (t Topic) with(s State) provisioned { t.State = s; return t }

func (t Topic) provide(ctx context.Context, e Provisioner) error { return e.PutTopic(ctx, t.Spec) }

func (t Topic) withdraw(ctx context.Context, e Provisioner) error {
	return e.DropTopic(ctx, t.Spec.Name)
}

// NewTopic is what may be chosen of a topic when it is made. Zero values are defaults; durability and retention the cluster's own, where it does not apply those of a topic.
type NewTopic struct {
	Tenant     mq.Tenant
	Name       mq.TopicName
	Cluster    mq.Cluster // the installation's default one by default
	Accepts    mq.Accepts // normal messages by default
	Queues     int
	Durability *mq.Durability
	Retention  *time.Duration
	Note       string
	Labels     label.Labels
}

// CreateTopic makes a topic and returns when producers and consumers of this installation can use it.
func (p *Plane) CreateTopic(ctx context.Context, by Actor, n NewTopic) (Topic, error) {
	if _, err := p.Tenant(n.Tenant); err != nil {
		return Topic{}, err
	}
	if _, dead := n.Name.DeadLettersOf(); dead {
		return Topic{}, refuse(Reserved, mq.IllegalTopic, "topic %q: a group's dead letters come with the group", n.Name).On("name")
	}
	var err error
	if n.Cluster, err = p.Place(n.Cluster); err != nil {
		return Topic{}, err
	}
	t := n.topic(p)
	if err = p.sites[n.Cluster].Applies(site.Asked{Durability: n.Durability, Retention: n.Retention}); err == nil {
		err = checkTopic(t)
	}
	if err != nil {
		return Topic{}, err
	}
	if err := p.create(ctx, by, t, p.free(n.Tenant, n.Name)); err != nil {
		return Topic{}, During("create topic", err)
	}
	return p.Topic(n.Tenant, n.Name)
}

func (n NewTopic) topic(p *Plane) Topic {
	now := p.now()
	t := Topic{Tenant: n.Tenant, Name: n.Name, Note: n.Note, Labels: n.Labels, State: Creating, Created: now, Updated: now}
	t.Spec = mq.TopicSpec{Name: p.physical(n.Tenant, mq.PhysicalTopic(n.Tenant, n.Name)), Cluster: n.Cluster, Accepts: n.Accepts, Queues: n.Queues}
	assign(&t.Spec.Durability, n.Durability)
	assign(&t.Spec.Retention, n.Retention)
	if t.Spec.Accepts == 0 {
		t.Spec.Accepts = mq.AcceptsOf(mq.Normal)
	}
	if t.Spec.Queues == 0 {
		t.Spec.Queues = DefaultQueues
	}
	t.Spec = p.sites[n.Cluster].Kept(t.Spec)
	return t
}

func checkTopic(t Topic) error {
	if err := bounds.Topic(t.Spec); err != nil {
		return err
	}
	return checkNote(t.Note)
}

// Topic finds a topic, in whatever state.
func (p *Plane) Topic(tenant mq.Tenant, name mq.TopicName) (Topic, error) {
	t, ok := lookup[Topic](p.book, Topic{Tenant: tenant, Name: name}.Ref())
	if !ok {
		return Topic{}, mq.Refuse(mq.TopicNotFound, "no topic %q%s", name, p.near(TopicRecord, tenant, name.String()))
	}
	return t, nil
}

// Topics lists a tenant's topics by name, in whatever state.
func (p *Plane) Topics(tenant mq.Tenant) ([]Topic, error) {
	if _, err := p.Tenant(tenant); err != nil {
		return nil, err
	}
	return of[Topic](p.book, tenant.String()), nil
}

// TopicChange names what to change; nil leaves a thing as it is. What a topic accepts is set for good when it is made.
type TopicChange struct {
	Queues     *int // may only grow: messages would be left in the queues that go
	Durability *mq.Durability
	Retention  *time.Duration
	Note       *string
	Labels     *label.Labels // all of them
	Revision   Version       // that the caller saw; 0 = whatever there is
}

// UpdateTopic changes a topic.
func (p *Plane) UpdateTopic(ctx context.Context, by Actor, tenant mq.Tenant, name mq.TopicName, c TopicChange) (Topic, error) {
	err := p.update(ctx, by, func() (was, is provisioned, err error) { return p.changedTopic(tenant, name, c) })
	if err != nil {
		return Topic{}, err
	}
	return p.Topic(tenant, name)
}

func (p *Plane) changedTopic(tenant mq.Tenant, name mq.TopicName, c TopicChange) (was, is Topic, err error) {
	was, err = p.Topic(tenant, name)
	if err == nil && c.Revision != 0 && c.Revision != was.Revision {
		err = stale("topic", name.String())
	}
	if err != nil {
		return was, was, err
	}
	t, at := was, p.sites[was.Spec.Cluster]
	if err = at.Applies(site.Asked{Durability: c.Durability, Retention: c.Retention}); err == nil && c.Queues != nil {
		err = bounds.Growth(t.Name, t.Spec, *c.Queues)
	}
	if err != nil {
		return was, was, err
	}
	assign(&t.Spec.Queues, c.Queues)
	assign(&t.Spec.Durability, c.Durability)
	assign(&t.Spec.Retention, c.Retention)
	t.Spec = at.Kept(t.Spec) // its record may be from before such things were refused
	assign(&t.Note, c.Note)
	assign(&t.Labels, c.Labels)
	t.Updated = p.now()
	return was, t, checkTopic(t)
}

// Deletion is what somebody knows who deletes something.
type Deletion struct {
	Confirmed bool    // what would be lost is meant to be
	Seen      Version // the revision that he saw; 0 = whatever there is
}

// of refuses to delete another revision than was seen. What changes after this look the store refuses.
func (d Deletion) of(r Record) error {
	if d.Seen != 0 && d.Seen != r.revision() {
		return Outdated(r.Ref())
	}
	return nil
}

// DeleteTopic deletes a topic with what it holds. While it holds messages or is lent, and of one that was taken over always, the deletion must be confirmed.
func (p *Plane) DeleteTopic(ctx context.Context, by Actor, tenant mq.Tenant, name mq.TopicName, d Deletion) error {
	return p.delete(ctx, by, func() (provisioned, error) {
		t, err := p.Topic(tenant, name)
		if err == nil {
			err = d.of(t)
		}
		return t, err
	}, func(r provisioned) error {
		if d.Confirmed {
			return nil
		}
		return p.checkEmpty(ctx, r.(Topic))
	})
}

func (p *Plane) checkEmpty(ctx context.Context, t Topic) error {
	holds, err := p.holds(ctx, t.Spec)
	if err != nil {
		return During("look for messages", err)
	}
	lost := grant.Loss(holds, grant.Of(p.Borrowed(mq.Tenant{}), t.Tenant, t.Name, p.now()))
	if lost == "" && t.Taken {
		lost = "was taken over from cluster " + t.Spec.Cluster.String() + ", whose own clients may use it past the proxies"
	}
	if lost != "" {
		return refuse(Confirm, mq.Conflict, "topic %q %s: confirm the deletion", t.Name, lost)
	}
	return nil
}

// holds tells whether the engine keeps any message of a topic.
func (p *Plane) holds(ctx context.Context, t mq.Topic) (bool, error) {
	page, err := inspect(ctx, p, t.Cluster, func(ctx context.Context, i Inspector) (mq.Page, error) {
		return i.Find(ctx, mq.Find{Topic: t, Limit: 1})
	})
	if k := mq.KindOf(err); k == mq.TopicNotFound || k == mq.NotFound || k == mq.MessageNotFound {
		return false, nil
	}
	return len(page.Messages) > 0, err
}

// TopicNamed finds the tenant's topic that a cluster knows under that name.
func (p *Plane) TopicNamed(tenant mq.Tenant, name mq.Physical) (Topic, bool) {
	for c := range p.sites {
		r, _ := p.book.By(place{c, name})
		if t, ok := r.(Topic); ok && t.Tenant == tenant {
			return t, true
		}
	}
	return Topic{}, false
}
