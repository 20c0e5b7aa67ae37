// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/soft"
	"github.com/causeway-mq/causeway/mq"
)

// Extend changes how long messages stay hidden: see consume.Leaser. For an orderly run the pop time stays, so the first token goes
// on settling; for others a new checkpoint takes the place of the old one, and after a renewal this engine remembers which.
func (e *Engine) Extend(ctx context.Context, leases []mq.Lease, d time.Duration, how mq.KeepOrReplace) []mq.Extended {
	out := make([]mq.Extended, len(leases))
	var under sync.WaitGroup
	for i, l := range leases {
		if len(leases) == 1 {
			out[i] = e.extend(ctx, l, d, how)
			break
		}
		under.Go(func() { out[i] = e.extend(ctx, l, d, how) })
	}
	under.Wait()
	return out
}

func (e *Engine) extend(ctx context.Context, l mq.Lease, d time.Duration, how mq.KeepOrReplace) mq.Extended {
	t, err := e.lease(l)
	if err != nil {
		return mq.Extended{Lease: l, Err: err}
	}
	if !t.Ordered() && !t.Handle.Visible().After(e.clock.Now()) {
		// A broker would take it, and deliver the message twice: it is on its way to the retry topic.
		return mq.Extended{Lease: l, Err: mq.Refuse(mq.Expired, "the lease is over")}
	}
	r, err := e.routes.Route(ctx, l.Topic.Name)
	if err != nil {
		return mq.Extended{Lease: l, Err: err}
	}
	h := &request.ChangeInvisible{
		Ack: request.AckOf(l.Topic.Name.String(), l.Group.Name.String(), t.Handle), InvisibleMillis: max(d, 0).Milliseconds(),
	}
	var a request.ChangeInvisibleAnswer
	if err := e.ask(ctx, target{r, t.Handle.Broker}, remoting.Request{Code: remoting.ChangeInvisible, Header: h}, &a); err != nil {
		e.routes.Doubt(l.Topic.Name, err)
		return mq.Extended{Lease: l, Err: gone(err)}
	}
	if a == (request.ChangeInvisibleAnswer{}) {
		return mq.Extended{Lease: l, Err: mq.Refuse(mq.Settled, "the message was acknowledged before")}
	}
	next := t
	next.Handle = a.Next(t.Handle)
	if t.Ordered() { // what the broker compares must stay as it was
		next.Handle.Start = t.Handle.Start
	}
	extended := l
	extended.Until = next.Handle.Visible()
	if how == mq.Replace {
		extended.Token = next.String()
		e.renewed.Forget(soft.DeliveryOf(l))
	} else if !t.Ordered() {
		e.renewed.Note(soft.DeliveryOf(l), next, e.clock.Now())
	}
	return mq.Extended{Lease: extended}
}
