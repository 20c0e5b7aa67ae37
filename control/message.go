// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/control/bounds"
	"github.com/causeway-mq/causeway/mq"
)

// Limits of looking at messages.
const (
	MaxFound  = 100                // messages of one page
	MaxWindow = 7 * 24 * time.Hour // time window of one search
)

// Find searches the messages of a topic, or of a group's dead letters. f.Topic is filled in here; the window defaults to the last MaxWindow where time alone selects.
func (p *Plane) Find(ctx context.Context, tenant mq.Tenant, name mq.TopicName, f mq.Find) (mq.Page, error) {
	spec, err := p.Readable(tenant, name)
	if err != nil {
		return mq.Page{}, err
	}
	f.Topic = spec
	if f.Limit == 0 {
		f.Limit = MaxFound
	}
	if f.Limit < 1 || f.Limit > MaxFound {
		return mq.Page{}, refuse(OutOfRange, mq.BadRequest, "limit: %d, from 1 to %d are possible", f.Limit, MaxFound).On("limit").Beyond("1..100")
	}
	if f.Place != nil && (f.Place.Queue < 0 || int(f.Place.Queue) >= spec.Queues) {
		return mq.Page{}, bounds.NoQueue(f.Place.Queue, spec)
	}
	if err := bounds.Window(&f, MaxWindow, p.now()); err != nil {
		return mq.Page{}, err
	}
	page, err := inspect(ctx, p, spec.Cluster, func(ctx context.Context, i Inspector) (mq.Page, error) { return i.Find(ctx, f) })
	return page, During("search messages", err)
}

// Readable is what a tenant may look into under a name: a topic of its own that proxies know, or a group's dead letters. TopicNotFound for everything else.
func (p *Plane) Readable(tenant mq.Tenant, name mq.TopicName) (mq.Topic, error) {
	if g, dead := name.DeadLettersOf(); dead {
		group, err := p.Group(tenant, g)
		if err != nil || !group.State.Visible() {
			return mq.Topic{}, mq.Refuse(mq.TopicNotFound, "no topic %q", name)
		}
		return group.DeadLetters(), nil
	}
	t, err := p.Topic(tenant, name)
	if err == nil && !t.State.Visible() {
		err = mq.Refuse(mq.TopicNotFound, "no topic %q", name)
	}
	return t.Spec, err
}
