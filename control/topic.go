// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Limits and defaults of topics.
const (
	DefaultQueues    = 8
	DefaultRetention = 72 * time.Hour
	MinRetention     = time.Minute
	MaxRetention     = 365 * 24 * time.Hour
)

// Topic is what is wanted of a topic, with how far the engine follows.
type Topic struct {
	Tenant   mq.Tenant
	Name     mq.TopicName
	Spec     mq.TopicSpec
	Note     string
	State    State
	Created  time.Time
	Updated  time.Time
	Revision Version
}

// Ref names the record.
func (t Topic) Ref() Ref            { return Ref{TopicRecord, t.Tenant.String(), t.Name.String()} }
func (t Topic) revision() Version   { return t.Revision }
func (t Topic) at(v Version) Record { t.Revision = v; return t }

func (t Topic) state() State             { return t.State }
func (t Topic) with(s State) provisioned { t.State = s; return t }

func (t Topic) provide(ctx context.Context, e Provisioner) error { return e.PutTopic(ctx, t.Spec) }

func (t Topic) withdraw(ctx context.Context, e Provisioner) error {
	return e.DropTopic(ctx, t.Spec.Name)
}

// NewTopic is what may be chosen of a topic when it is made. Zero values are defaults.
type NewTopic struct {
	Tenant     mq.Tenant
	Name       mq.TopicName
	Accepts    mq.Accepts // normal messages by default
	Queues     int
	Durability mq.Durability
	Retention  time.Duration
	Note       string
}

// CreateTopic makes a topic and returns when producers and consumers of this installation can use it.
func (p *Plane) CreateTopic(ctx context.Context, n NewTopic) (Topic, error) {
	if _, err := p.Tenant(n.Tenant); err != nil {
		return Topic{}, err
	}
	if _, dead := n.Name.DeadLettersOf(); dead {
		return Topic{}, refuse(Reserved, mq.IllegalTopic, "topic %q: a group's dead letters come with the group", n.Name).on("name")
	}
	t := n.topic(p)
	if err := checkTopic(t); err != nil {
		return Topic{}, err
	}
	if err := p.create(ctx, t, p.room(TopicRecord, n.Tenant, p.opt.Limits.Topics)); err != nil {
		return Topic{}, During("create topic", err)
	}
	return p.Topic(n.Tenant, n.Name)
}

func (n NewTopic) topic(p *Plane) Topic {
	now := p.now()
	t := Topic{Tenant: n.Tenant, Name: n.Name, Note: n.Note, State: Creating, Created: now, Updated: now}
	t.Spec = mq.TopicSpec{
		Name:       mq.PhysicalTopic(n.Tenant, n.Name),
		Cluster:    p.opt.Cluster,
		Accepts:    n.Accepts,
		Queues:     n.Queues,
		Durability: n.Durability,
		Retention:  n.Retention,
	}
	if t.Spec.Accepts == 0 {
		t.Spec.Accepts = mq.AcceptsOf(mq.Normal)
	}
	if t.Spec.Queues == 0 {
		t.Spec.Queues = DefaultQueues
	}
	if t.Spec.Retention == 0 {
		t.Spec.Retention = DefaultRetention
	}
	return t
}

func checkTopic(t Topic) error {
	if q := t.Spec.Queues; q < 1 || q > mq.MaxQueues {
		return refuse(OutOfRange, mq.BadRequest, "queues: %d, from 1 to %d are possible", q, mq.MaxQueues).on("queues").limit("1..256")
	}
	if r := t.Spec.Retention; r < MinRetention || r > MaxRetention {
		return refuse(OutOfRange, mq.BadRequest, "retention: %v, from %v to %v are possible", r, MinRetention, MaxRetention).on("retention").limit("1m..8760h")
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
	Revision   Version // that the caller saw; 0 = whatever there is
}

// UpdateTopic changes a topic.
func (p *Plane) UpdateTopic(ctx context.Context, tenant mq.Tenant, name mq.TopicName, c TopicChange) (Topic, error) {
	t, err := p.Topic(tenant, name)
	if err != nil {
		return Topic{}, err
	}
	if c.Revision != 0 && c.Revision != t.Revision {
		return Topic{}, stale("topic", name.String())
	}
	was := t
	if c.Queues != nil && *c.Queues < t.Spec.Queues {
		return Topic{}, refuse(OutOfRange, mq.BadRequest, "queues: %d, the topic has %d, which may only grow", *c.Queues, t.Spec.Queues).on("queues").limit(itoa(t.Spec.Queues) + "..256")
	}
	if c.Queues != nil && *c.Queues != t.Spec.Queues && t.Spec.Accepts.Has(mq.FIFO) {
		return Topic{}, refuse(OutOfRange, mq.BadRequest, "queues: topic %q takes ordered messages, whose groups would move to other queues and lose their order: make a new topic", t.Name).on("queues")
	}
	assign(&t.Spec.Queues, c.Queues)
	assign(&t.Spec.Durability, c.Durability)
	assign(&t.Spec.Retention, c.Retention)
	assign(&t.Note, c.Note)
	if err := checkTopic(t); err != nil {
		return Topic{}, err
	}
	t.Updated = p.now()
	if err := p.update(ctx, was, t); err != nil {
		return Topic{}, During("update topic", err)
	}
	return p.Topic(tenant, name)
}

// DeleteTopic deletes a topic with what it holds. While it holds messages, confirmed must be set.
func (p *Plane) DeleteTopic(ctx context.Context, tenant mq.Tenant, name mq.TopicName, confirmed bool) error {
	t, err := p.Topic(tenant, name)
	if err != nil {
		return err
	}
	if !confirmed && t.State.Visible() {
		holds, err := p.holds(ctx, t.Spec)
		if err != nil {
			return During("delete topic: look for messages", err)
		}
		if holds {
			return refuse(Confirm, mq.Conflict, "topic %q holds messages, which would be lost: confirm the deletion", name)
		}
	}
	return During("delete topic", p.delete(ctx, t))
}

// holds tells whether the engine keeps any message of a topic.
func (p *Plane) holds(ctx context.Context, t mq.Topic) (bool, error) {
	page, err := p.opt.Inspector.Find(ctx, mq.Find{Topic: t, Limit: 1})
	if k := mq.KindOf(err); k == mq.TopicNotFound || k == mq.NotFound || k == mq.MessageNotFound {
		return false, nil
	}
	return len(page.Messages) > 0, err
}

// TopicNamed finds the topic that an engine knows under that name, of whatever tenant.
func (p *Plane) TopicNamed(name mq.Physical) (Topic, bool) { return p.book.topicNamed(name) }
