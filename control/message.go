// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Limits of looking at messages.
const (
	MaxFound  = 100                // messages of one page
	MaxWindow = 7 * 24 * time.Hour // time window of one search
)

// Find searches the messages of a topic, or of a group's dead letters. f.Topic is filled in here; the window defaults to the
// last MaxWindow where time alone selects.
func (p *Plane) Find(ctx context.Context, tenant mq.Tenant, name mq.TopicName, f mq.Find) (mq.Page, error) {
	spec, err := p.readable(tenant, name)
	if err != nil {
		return mq.Page{}, err
	}
	f.Topic = spec
	if f.Limit == 0 {
		f.Limit = MaxFound
	}
	if f.Limit < 1 || f.Limit > MaxFound {
		return mq.Page{}, refuse(OutOfRange, mq.BadRequest, "limit: %d, from 1 to %d are possible", f.Limit, MaxFound).on("limit").limit("1..100")
	}
	if f.Place != nil && (f.Place.Queue < 0 || int(f.Place.Queue) >= spec.Queues) {
		return mq.Page{}, noQueue(f.Place.Queue, spec)
	}
	if err := p.checkWindow(&f); err != nil {
		return mq.Page{}, err
	}
	page, err := p.opt.Inspector.Find(ctx, f)
	return page, During("search messages", err)
}

func noQueue(q mq.QueueID, spec mq.Topic) error {
	last := itoa(spec.Queues - 1)
	return refuse(OutOfRange, mq.BadRequest, "queue: no queue %d, the topic has 0 to %s", q, last).on("queue").limit("0.." + last)
}

func (p *Plane) checkWindow(f *mq.Find) error {
	chosen := 0
	for _, is := range []bool{f.ID != mq.MessageID{}, f.Key != mq.Key{}, f.Place != nil} {
		if is {
			chosen++
		}
	}
	if chosen > 1 {
		return refuse("", mq.BadRequest, "choose one of id, key, or queue with offset")
	}
	if chosen == 1 && f.Begin.IsZero() && f.End.IsZero() {
		return nil
	}
	if f.End.IsZero() {
		f.End = p.now()
	}
	if f.Begin.IsZero() {
		f.Begin = f.End.Add(-MaxWindow)
	}
	if !f.Begin.Before(f.End) {
		return refuse(NoWindow, mq.BadRequest, "begin: must lie before end").on("begin")
	}
	if f.End.Sub(f.Begin) > MaxWindow {
		return refuse(NoWindow, mq.BadRequest, "the window has %v, the limit is %v: search piece by piece", f.End.Sub(f.Begin), MaxWindow).on("begin").limit("168h")
	}
	return nil
}

// readable resolves a topic, or a group's dead letters, that proxies know.
func (p *Plane) readable(tenant mq.Tenant, name mq.TopicName) (mq.Topic, error) {
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
