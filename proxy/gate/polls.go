// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// Limits of the polls that are parked at one proxy.
const (
	maxTenantPolls = 20_000
	maxGroupPolls  = 10_000
)

// polls are the calls that wait for messages. They have their own limits because they do nothing but wait: neither may they crowd out work, nor may one
// group crowd out another. Each is known with its caller, since it may wait for longer than a revocation may take.
type polls struct {
	mu       sync.Mutex // guards all below
	byTenant map[mq.Tenant]int
	byGroup  map[mq.Physical]int
	waiting  map[*poll]struct{}
}

// poll is one call that waits.
type poll struct {
	caller *Caller
	group  *catalog.Group
	topic  *catalog.Topic
	end    context.CancelCauseFunc
}

func newPolls() *polls {
	return &polls{byTenant: make(map[mq.Tenant]int), byGroup: make(map[mq.Physical]int), waiting: make(map[*poll]struct{})}
}

// enter takes a place or refuses with TooManyRequests. Whoever got one leaves it.
func (p *polls) enter(one *poll) error {
	tenant, group := one.caller.Tenant, one.group.Group.Name
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.byGroup[group] >= maxGroupPolls:
		return mq.Refuse(mq.TooManyRequests, "polls: the consumer group has %d waiting at this proxy, the limit", maxGroupPolls)
	case p.byTenant[tenant] >= maxTenantPolls:
		return mq.Refuse(mq.TooManyRequests, "polls: the tenant has %d waiting at this proxy, the limit", maxTenantPolls)
	}
	p.byTenant[tenant]++
	p.byGroup[group]++
	p.waiting[one] = struct{}{}
	return nil
}

func (p *polls) leave(one *poll) {
	tenant, group := one.caller.Tenant, one.group.Group.Name
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, one)
	if p.byTenant[tenant]--; p.byTenant[tenant] == 0 {
		delete(p.byTenant, tenant)
	}
	if p.byGroup[group]--; p.byGroup[group] == 0 {
		delete(p.byGroup, group)
	}
}

// of lists the calls that wait now and have to do with some tenants.
func (p *polls) of(some func(mq.Tenant) bool) (list []*poll) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for one := range p.waiting {
		if some(one.caller.Tenant) || some(one.group.Tenant) || some(one.topic.Tenant) {
			list = append(list, one)
		}
	}
	return list
}

// wait lets a call wait for messages. The context that it gets ends too when a newer catalog does not let the caller wait any more (whyEnded tells
// it then); leave gives the place back.
func (d *Door) wait(ctx context.Context, one *poll) (bounded context.Context, leave func(), err error) {
	bounded, one.end = context.WithCancelCause(ctx)
	if err := d.polls.enter(one); err != nil {
		one.end(nil)
		return ctx, nil, err
	}
	leave = func() {
		d.polls.leave(one)
		one.end(nil)
	}
	// From here on a change of the catalog finds the call; one that came before it did is looked at now.
	if newest := d.ports.Catalog(); newest != one.caller.Snapshot {
		if err := d.still(newest, one); err != nil {
			leave()
			return ctx, nil, err
		}
	}
	return bounded, leave, nil
}

// revoked is the cause of an end that the catalog made.
type revoked struct{ error }

// idle holds a call of a group that is paused for as long as it may wait: answered at once, its client would ask again at once. It ends when the group goes on. nil is an empty answer.
func (d *Door) idle(ctx context.Context, one *poll, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	ctx, leave, err := d.wait(ctx, one)
	if err == nil {
		defer leave()
		over := d.ports.Clock.NewTimer(wait)
		defer over.Stop()
		select {
		case <-over.C():
		case <-d.leaving.Done():
		case <-ctx.Done():
			err = whyEnded(ctx, ctx.Err())
		}
	}
	if mq.KindOf(err) == mq.MessageNotFound || ctx.Err() != nil && !errors.As(err, new(*mq.Error)) {
		return nil
	}
	return err
}

// endPolls answers the calls that a newer catalog does not let wait any more.
func (d *Door) endPolls(snap *catalog.Snapshot, concerns func(mq.Tenant) bool) {
	for _, one := range d.polls.of(concerns) {
		if err := d.still(snap, one); err != nil {
			one.end(revoked{err})
		}
	}
}

// still judges a call that waits by a newer catalog.
func (d *Door) still(snap *catalog.Snapshot, one *poll) error {
	p, err := d.ports.Guard.Recheck(snap, one.caller.Principal)
	if err != nil {
		return err
	}
	g, knownGroup := snap.Group(one.group.Tenant, one.group.Name)
	t, knownTopic := snap.Topic(one.topic.Tenant, one.topic.Name)
	switch {
	case knownGroup && g.Paused != one.group.Paused:
		return mq.Refuse(mq.MessageNotFound, "consumer group %q was paused, or goes on", one.group.Name)
	case knownGroup && knownTopic && t.Topic.Name == one.topic.Topic.Name: // a name may be another topic's by now, if it is borrowed
		return p.MaySubscribe(g, t)
	case d.ports.Lookup != nil: // what the snapshot lacks may be there all the same
		return nil
	case knownTopic && !knownGroup:
		return mq.Refuse(mq.GroupNotFound, "consumer group %q was deleted", one.group.Name)
	}
	return mq.Refuse(mq.TopicNotFound, "topic %q was deleted", one.topic.Name)
}

// Waiting is the number of calls that wait for messages now.
func (d *Door) Waiting() int {
	d.polls.mu.Lock()
	defer d.polls.mu.Unlock()
	return len(d.polls.waiting)
}
