// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// TopicProgress is how far a group is in one topic.
type TopicProgress struct {
	Topic  mq.TopicName
	Queues []mq.QueueProgress
}

// Sum is a group's figures over several queues. A figure that one queue does not know is not known: -1.
type Sum struct {
	Ready, Leased, Retrying int64
	Oldest                  time.Time
}

// Sum adds up the queues.
func (t TopicProgress) Sum() Sum {
	var s Sum
	plus := func(to *int64, n int64) {
		if n < 0 || *to < 0 {
			*to = -1
			return
		}
		*to += n
	}
	for _, q := range t.Queues {
		plus(&s.Ready, q.Ready)
		plus(&s.Leased, q.Leased)
		plus(&s.Retrying, q.Retrying)
		if !q.Oldest.IsZero() && (s.Oldest.IsZero() || q.Oldest.Before(s.Oldest)) {
			s.Oldest = q.Oldest
		}
	}
	return s
}

// Progress tells how far a group is: in one topic, or with only nil in every topic of the tenant that it has read.
func (p *Plane) Progress(ctx context.Context, tenant mq.Tenant, name mq.GroupName, only *mq.TopicName) ([]TopicProgress, error) {
	g, err := p.Group(tenant, name)
	if err != nil {
		return nil, err
	}
	if only != nil {
		spec, err := p.readable(tenant, *only)
		if err != nil {
			return nil, err
		}
		queues, err := p.opt.Inspector.Progress(ctx, g.Spec, spec)
		if err != nil && !isAbsent(err) {
			return nil, During("progress", err)
		}
		return []TopicProgress{{*only, queues}}, nil
	}
	var all []TopicProgress
	for _, t := range of[Topic](p.book, tenant.String()) {
		if !t.State.Visible() {
			continue
		}
		queues, err := p.opt.Inspector.Progress(ctx, g.Spec, t.Spec)
		if err != nil && !isAbsent(err) {
			return nil, During("progress", err)
		}
		if touched(queues) {
			all = append(all, TopicProgress{t.Name, queues})
		}
	}
	return all, nil
}

// touched tells whether a group ever read the topic.
func touched(queues []mq.QueueProgress) bool {
	return slices.ContainsFunc(queues, func(q mq.QueueProgress) bool { return q.Begun })
}

// Reset moves a group in a topic. It is refused while consumers hold messages unless to.Force is set; a time in the future
// or an offset that a queue has not reached is refused in any case.
func (p *Plane) Reset(ctx context.Context, tenant mq.Tenant, name mq.GroupName, topic mq.TopicName, to mq.Position) (mq.ResetDone, error) {
	g, err := p.Group(tenant, name)
	if err != nil {
		return mq.ResetDone{}, err
	}
	spec, err := p.readable(tenant, topic)
	if err != nil {
		return mq.ResetDone{}, err
	}
	if to.Kind == mq.ToTime && to.Time.After(p.now()) {
		return mq.ResetDone{}, refuse(OutOfRange, mq.BadRequest, "to: %v lies in the future", to.Time.Format(time.RFC3339)).on("to")
	}
	if to.Kind == mq.ToOffset && to.Offset < 0 {
		return mq.ResetDone{}, refuse(OutOfRange, mq.IllegalOffset, "offset: %d is negative", to.Offset).on("offset")
	}
	if to.Kind == mq.ToOffset && to.Queue != mq.AnyQueue && (to.Queue < 0 || int(to.Queue) >= spec.Queues) {
		return mq.ResetDone{}, noQueue(to.Queue, spec)
	}
	done, err := p.opt.Inspector.Reset(ctx, g.Spec, spec, to)
	if err != nil && mq.KindOf(err) == mq.Conflict && !to.Force {
		return mq.ResetDone{}, refuse(Leased, mq.Conflict, "consumers of group %q hold messages of topic %q: stop them, or force the reset, which takes the messages from them", name, topic)
	}
	return done, During("reset", err)
}
