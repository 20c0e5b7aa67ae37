// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/token"
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
	r, err := e.route(ctx, l.Topic.Name)
	if err != nil {
		return mq.Extended{Lease: l, Err: err}
	}
	h := &request.ChangeInvisible{
		Ack: request.AckOf(l.Topic.Name.String(), l.Group.Name.String(), t.Handle), InvisibleMillis: max(d, 0).Milliseconds(),
	}
	var a request.ChangeInvisibleAnswer
	if err := e.ask(ctx, target{r, t.Handle.Broker}, remoting.Request{Code: remoting.ChangeInvisible, Header: h}, &a); err != nil {
		e.doubt(l.Topic.Name, err)
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
		e.renewed.forget(l.Token)
	} else if !t.Ordered() {
		e.renewed.note(l.Token, next, e.clock.Now())
	}
	return mq.Extended{Lease: extended}
}

// renewed remembers, for leases that were renewed here and are no orderly ones, which checkpoint is the newest. It is soft: without it
// an acknowledgement with the first token does not stop one redelivery.
type renewed struct {
	mu    sync.Mutex // guards all; leaf
	newer map[string]token.Lease
	sweep time.Time
}

func (r *renewed) init() { r.newer = map[string]token.Lease{} }

func (r *renewed) newest(token string, t token.Lease) token.Lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n, ok := r.newer[token]; ok {
		return n
	}
	return t
}

func (r *renewed) note(token string, t token.Lease, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.newer[token] = t
	if now.Before(r.sweep) {
		return
	}
	r.sweep = now.Add(time.Minute)
	for k, x := range r.newer {
		if x.Handle.Visible().Before(now) {
			delete(r.newer, k)
		}
	}
}

func (r *renewed) forget(token string) {
	r.mu.Lock()
	delete(r.newer, token)
	r.mu.Unlock()
}
