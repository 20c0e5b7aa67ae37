// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/control/bounds"
	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/control/redrive"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// MaxAttempts bounds the attempts of a group.
const MaxAttempts = bounds.MaxAttempts

// Group is what is wanted of a consumer group, with how far the engine follows.
type Group struct {
	Tenant   mq.Tenant
	Name     mq.GroupName
	Spec     mq.GroupSpec
	Note     string
	Labels   label.Labels
	Paused   bool // proxies hand out nothing to it; what its consumers hold they may settle
	Taken    bool // over from its cluster, which had it before
	State    State
	Created  time.Time
	Updated  time.Time
	Revision Version
}

// Ref names the record.
func (g Group) Ref() Ref {
	return Ref{Kind: GroupRecord, Tenant: g.Tenant.String(), Name: g.Name.String()}
}
func (g Group) revision() Version   { return g.Revision }
func (g Group) at(v Version) Record { g.Revision = v; return g }

func (g Group) state() State             { return g.State }
func (g Group) cluster() mq.Cluster      { return g.Spec.Cluster }
func (g Group) with(s State) provisioned { g.State = s; return g }

// provide makes the group, then the topic of its dead letters: a consumer of dead letters can start before there are any.
func (g Group) provide(ctx context.Context, e Provisioner) error {
	if err := e.PutGroup(ctx, g.Spec); err != nil {
		return err
	}
	return e.PutTopic(ctx, g.DeadLetters())
}

// withdraw drops the group, the helper that redrives for it, then its dead letters, which nobody could read without it.
func (g Group) withdraw(ctx context.Context, e Provisioner) error {
	drop := []mq.Physical{g.Spec.Name}
	if by, err := redrive.By(g.Spec); err == nil {
		drop = append(drop, by.Name)
	}
	for _, name := range drop {
		if err := e.DropGroup(ctx, name); err != nil && !site.Absent(err) {
			return err
		}
	}
	return e.DropTopic(ctx, mq.PhysicalDeadLetters(g.Spec.Name))
}

// DeadLetters is the topic that keeps the group's dead letters, as proxies name it to the engine.
func (g Group) DeadLetters() mq.Topic {
	return mq.Topic{
		Name:      mq.PhysicalDeadLetters(g.Spec.Name),
		Cluster:   g.Spec.Cluster,
		Accepts:   mq.AcceptsOf(mq.Normal),
		Queues:    1,
		Retention: DeadLetterRetention,
	}
}

// DeadLetterRetention is how long dead letters are kept.
const DeadLetterRetention = 30 * 24 * time.Hour

// NewGroup is what may be chosen of a group when it is made. Zero values are defaults; without Start, or with the latest, a group begins with what is stored from its creation on.
type NewGroup struct {
	Tenant      mq.Tenant
	Name        mq.GroupName
	Cluster     mq.Cluster // the installation's default one by default; it must be that of the topics that the group is to read
	Mode        mq.GroupMode
	Ordered     bool
	MaxAttempts int
	Retry       mq.RetryPolicy
	Start       *mq.Start
	Hold        time.Duration
	Note        string
	Labels      label.Labels
}

// CreateGroup makes a group and returns when consumers of this installation can use it.
func (p *Plane) CreateGroup(ctx context.Context, by Actor, n NewGroup) (Group, error) {
	if _, err := p.Tenant(n.Tenant); err != nil {
		return Group{}, err
	}
	var err error
	if n.Cluster, err = p.Place(n.Cluster); err != nil {
		return Group{}, err
	}
	g := n.group(p)
	if err := checkGroup(g); err != nil {
		return Group{}, err
	}
	if err := p.create(ctx, by, g, p.room(GroupRecord, n.Tenant, p.opt.Limits.Groups)); err != nil {
		return Group{}, During("create group", err)
	}
	return p.Group(n.Tenant, n.Name)
}

func (n NewGroup) group(p *Plane) Group {
	now := p.now()
	g := Group{Tenant: n.Tenant, Name: n.Name, Note: n.Note, Labels: n.Labels, State: Creating, Created: now, Updated: now}
	g.Spec = mq.GroupSpec{
		Name:        p.physical(n.Tenant, mq.PhysicalGroup(n.Tenant, n.Name)),
		Cluster:     n.Cluster,
		Mode:        n.Mode,
		Ordered:     n.Ordered,
		MaxAttempts: n.MaxAttempts,
		Retry:       n.Retry,
		Start:       mq.Start{Kind: mq.StartAt, Time: now},
		Hold:        n.Hold,
	}
	// An engine would count "latest" from the group's first contact, and lose what is sent until then.
	if n.Start != nil && n.Start.Kind != mq.StartLatest {
		g.Spec.Start = *n.Start
	}
	if g.Spec.MaxAttempts == 0 {
		g.Spec.MaxAttempts = mq.DefaultMaxAttempts
	}
	if g.Spec.Retry.IsZero() {
		g.Spec.Retry = mq.DefaultRetry()
	}
	return g
}

func checkGroup(g Group) error {
	if err := bounds.Group(g.Spec); err != nil {
		return err
	}
	return checkNote(g.Note)
}

// Group finds a group, in whatever state.
func (p *Plane) Group(tenant mq.Tenant, name mq.GroupName) (Group, error) {
	g, ok := lookup[Group](p.book, Group{Tenant: tenant, Name: name}.Ref())
	if !ok {
		return Group{}, mq.Refuse(mq.GroupNotFound, "no consumer group %q%s", name, p.near(GroupRecord, tenant, name.String()))
	}
	return g, nil
}

// DeadLetterTopic shows where a group's dead letters are kept: a topic that comes and goes with the group.
func (p *Plane) DeadLetterTopic(tenant mq.Tenant, name mq.GroupName) (Topic, error) {
	g, err := p.Group(tenant, name)
	if err != nil {
		return Topic{}, mq.Refuse(mq.TopicNotFound, "no topic %q: %v", mq.DeadLetters(name), err)
	}
	return Topic{
		Tenant: tenant, Name: mq.DeadLetters(name), Spec: g.DeadLetters(), Note: "dead letters of group " + name.String(),
		State: g.State, Created: g.Created, Updated: g.Updated, Revision: g.Revision,
	}, nil
}

// Groups lists a tenant's groups by name, in whatever state.
func (p *Plane) Groups(tenant mq.Tenant) ([]Group, error) {
	if _, err := p.Tenant(tenant); err != nil {
		return nil, err
	}
	return of[Group](p.book, tenant.String()), nil
}

// GroupChange names what to change; nil leaves a thing as it is. Mode and order are set for good when a group is made; its
// start has had its effect at the first contact, so later moves are resets.
type GroupChange struct {
	MaxAttempts *int
	Retry       *mq.RetryPolicy
	Hold        *time.Duration
	Note        *string
	Labels      *label.Labels // all of them
	Paused      *bool
	Revision    Version // that the caller saw; 0 = whatever there is
}

// UpdateGroup changes a group.
func (p *Plane) UpdateGroup(ctx context.Context, by Actor, tenant mq.Tenant, name mq.GroupName, c GroupChange) (Group, error) {
	err := p.update(ctx, by, func() (was, is provisioned, err error) { return p.changedGroup(tenant, name, c) })
	if err != nil {
		return Group{}, err
	}
	return p.Group(tenant, name)
}

func (p *Plane) changedGroup(tenant mq.Tenant, name mq.GroupName, c GroupChange) (was, is Group, err error) {
	was, err = p.Group(tenant, name)
	if err == nil && c.Revision != 0 && c.Revision != was.Revision {
		err = stale("group", name.String())
	}
	if err != nil {
		return was, was, err
	}
	g := was
	assign(&g.Spec.MaxAttempts, c.MaxAttempts)
	assign(&g.Spec.Retry, c.Retry)
	assign(&g.Spec.Hold, c.Hold)
	assign(&g.Note, c.Note)
	assign(&g.Labels, c.Labels)
	assign(&g.Paused, c.Paused)
	g.Updated = p.now()
	return was, g, checkGroup(g)
}

// DeleteGroup deletes a group with its progress and its dead letters. While consumers hold messages or dead letters are kept, and of one that was taken over
// always, the deletion must be confirmed.
func (p *Plane) DeleteGroup(ctx context.Context, by Actor, tenant mq.Tenant, name mq.GroupName, d Deletion) error {
	return p.delete(ctx, by, func() (provisioned, error) {
		g, err := p.Group(tenant, name)
		if err == nil {
			err = d.of(g)
		}
		return g, err
	}, func(r provisioned) error {
		if d.Confirmed {
			return nil
		}
		return p.checkIdle(ctx, r.(Group))
	})
}

func (p *Plane) checkIdle(ctx context.Context, g Group) error {
	if g.Taken {
		return refuse(Confirm, mq.Conflict, "group %q was taken over from cluster %s, whose own clients may use it past the proxies: confirm the deletion", g.Name, g.Spec.Cluster)
	}
	dead, err := p.holds(ctx, g.DeadLetters())
	if err != nil {
		return During("look for dead letters", err)
	}
	if dead {
		return refuse(Confirm, mq.Conflict, "group %q has dead letters, which would be lost: confirm the deletion", g.Name)
	}
	all, err := p.Progress(ctx, g.Tenant, g.Name, nil)
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.Sum().Leased > 0 {
			return refuse(Confirm, mq.Conflict, "consumers of group %q hold messages of topic %q: confirm the deletion", g.Name, one.Topic)
		}
	}
	return nil
}
