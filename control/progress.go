// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"slices"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/control/bounds"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// TopicProgress is how far a group is in one topic.
type TopicProgress = mq.TopicProgress

// Progress tells how far a group is: in one topic, or with only nil in every topic of the tenant that it has read on its cluster.
func (p *Plane) Progress(ctx context.Context, tenant mq.Tenant, name mq.GroupName, only *mq.TopicName) ([]TopicProgress, error) {
	g, err := p.Group(tenant, name)
	if err != nil {
		return nil, err
	}
	if only != nil {
		spec, err := p.consumable(tenant, *only)
		if err != nil {
			return nil, err
		}
		queues, err := p.progress(ctx, g.Spec, spec)
		if err != nil && !site.Absent(err) {
			return nil, During("progress", err)
		}
		return []TopicProgress{{Topic: *only, Queues: queues}}, nil
	}
	var all []TopicProgress
	for _, t := range p.consumables(tenant, g.Spec.Cluster) {
		queues, err := p.progress(ctx, g.Spec, t.spec)
		if err != nil && !site.Absent(err) {
			return nil, During("progress", err)
		}
		if touched(queues) {
			all = append(all, TopicProgress{Topic: t.name, Queues: queues})
		}
	}
	return all, nil
}

// progress asks the topic's cluster.
func (p *Plane) progress(ctx context.Context, g mq.Group, t mq.Topic) ([]mq.QueueProgress, error) {
	return inspect(ctx, p, t.Cluster, func(ctx context.Context, i Inspector) ([]mq.QueueProgress, error) { return i.Progress(ctx, g, t) })
}

// touched tells whether a group ever read the topic.
func touched(queues []mq.QueueProgress) bool {
	return slices.ContainsFunc(queues, func(q mq.QueueProgress) bool { return q.Begun })
}

// GroupReset is where a group is to be moved to in a topic.
type GroupReset struct {
	Tenant mq.Tenant
	Group  mq.GroupName
	Topic  mq.TopicName
	To     mq.Position
}

// Reset moves a group in a topic. It is refused while consumers hold messages unless To.Force is set; a time in the future
// or an offset that a queue has not reached is refused in any case.
func (p *Plane) Reset(ctx context.Context, by Actor, r GroupReset) (mq.ResetDone, error) {
	g, err := p.Group(r.Tenant, r.Group)
	if err != nil {
		return mq.ResetDone{}, err
	}
	spec, err := p.consumable(r.Tenant, r.Topic)
	if err != nil {
		return mq.ResetDone{}, err
	}
	if err := bounds.Position(r.To, spec, p.now()); err != nil {
		return mq.ResetDone{}, err
	}
	var done mq.ResetDone
	e := Entry{Actor: by, Action: verb(GroupRecord, "reset"), Target: g.Ref(), Before: jsonOf(r.view())}
	err = p.Audited(ctx, e, func() (after any, err error) {
		done, err = inspect(ctx, p, spec.Cluster, func(ctx context.Context, i Inspector) (mq.ResetDone, error) {
			return i.Reset(ctx, g.Spec, spec, r.To)
		})
		return view{"before": audit.Places(done.Before), "after": audit.Places(done.After)}, err
	})
	if err != nil && mq.KindOf(err) == mq.Conflict && !r.To.Force {
		return mq.ResetDone{}, refuse(Leased, mq.Conflict, "consumers of group %q hold messages of topic %q: stop them, or force the reset, which takes the messages from them", r.Group, r.Topic)
	}
	return done, During("reset", err)
}

func (r GroupReset) view() any {
	v := view{"topic": r.Topic.String(), "force": r.To.Force}
	switch r.To.Kind {
	case mq.ToTime:
		v["to"] = r.To.Time
	case mq.ToEarliest:
		v["to"] = "earliest"
	case mq.ToLatest:
		v["to"] = "latest"
	default:
		v["offset"], v["queue"] = r.To.Offset, r.To.Queue
	}
	return v
}

// Fate tells what became of the message at a place for a group.
func (p *Plane) Fate(ctx context.Context, g Group, topic mq.TopicName, at mq.Place) (mq.Fate, error) {
	spec, err := p.Readable(g.Tenant, topic)
	if err != nil {
		return mq.Fate{}, err
	}
	f, err := inspect(ctx, p, spec.Cluster, func(ctx context.Context, i Inspector) (mq.Fate, error) { return i.Fate(ctx, g.Spec, spec, at) })
	if site.Absent(err) {
		return mq.Fate{State: mq.FateUnknown}, nil
	}
	return f, During("fate of a message", err)
}
