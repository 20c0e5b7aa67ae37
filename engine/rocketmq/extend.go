// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/engine/rocketmq/soft"
	"github.com/causeway-mq/causeway/engine/rocketmq/token"
	"github.com/causeway-mq/causeway/internal/clock"
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

// sameMillisecond is how often a change is repeated whose checkpoint has the old one's name, after one millisecond, two, four and so on: a second in all. By
// the first a broker's clock has moved on; the rest is for one that refuses for a moment.
const sameMillisecond = 10

// change moves the end of a lease and gives its new handle.
//
// A broker makes a new checkpoint and acknowledges the old one, by a name that tells two of one message apart by the millisecond in which they were made. If
// that is the same one, as it is when a message is given back at once, the acknowledgement takes the new checkpoint with it, and the message would never come
// again. The answer tells, and a later change of the new handle makes a checkpoint with a name of its own. Until that is made nothing brings the message back,
// so it is made whatever becomes of the caller, and a refusal does not end it.
func (e *Engine) change(ctx context.Context, r *routes.Route, l mq.Lease, t token.Lease, d time.Duration) (request.Handle, error) {
	h, err := e.changeOnce(ctx, r, l, t.Handle, d)
	switch {
	case err != nil:
		return h, err
	case t.Ordered(): // it has no checkpoint, and what the broker compares must stay as it was
		h.Start = t.Handle.Start
		return h, nil
	case h.PopMillis != t.Handle.PopMillis:
		return h, nil
	}
	ctx = context.WithoutCancel(ctx)
	for tries := range sameMillisecond {
		_ = clock.Rest(ctx, e.clock, time.Millisecond<<tries) // this context has no end
		var next request.Handle
		if next, err = e.changeOnce(ctx, r, l, h, d); err == nil && next.PopMillis != h.PopMillis {
			return next, nil
		}
	}
	return h, mq.Doubt(mq.Internal, err, "a lease was changed in the millisecond in which it began, and in vain %d times since: it may never end", sameMillisecond)
}

func (e *Engine) changeOnce(ctx context.Context, r *routes.Route, l mq.Lease, h request.Handle, d time.Duration) (request.Handle, error) {
	q := &request.ChangeInvisible{Ack: request.AckOf(l.Topic.Name.String(), l.Group.Name.String(), h), InvisibleMillis: max(d, 0).Milliseconds()}
	var a request.ChangeInvisibleAnswer
	if err := e.ask(ctx, target{r, h.Broker}, remoting.Request{Code: remoting.ChangeInvisible, Header: q}, &a); err != nil {
		return h, err
	}
	if a == (request.ChangeInvisibleAnswer{}) {
		return h, mq.Refuse(mq.Settled, "the message was acknowledged before")
	}
	return a.Next(h), nil
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
	next := t
	if next.Handle, err = e.change(ctx, r, l, t, d); err != nil {
		e.routes.Doubt(l.Topic.Name, err)
		return mq.Extended{Lease: l, Err: gone(err)}
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
