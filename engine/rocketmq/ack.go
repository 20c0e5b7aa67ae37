// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"sync"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/engine/rocketmq/soft"
	"github.com/causeway-mq/causeway/engine/rocketmq/token"
	"github.com/causeway-mq/causeway/mq"
)

// Ack settles leases: one request for one, one request per broker for many, and single ones share a request while another is under way (see
// package line). Brokers check nothing, so neither Expired nor Settled is ever answered: see Traits.
func (e *Engine) Ack(ctx context.Context, leases []mq.Lease) []error {
	errs := make([]error, len(leases))
	if len(leases) == 1 {
		errs[0] = e.ackAlone(ctx, leases[0])
		return errs
	}
	batches := map[string][]int{} // by broker
	for i, l := range leases {
		t, err := e.lease(l)
		if err != nil {
			errs[i] = err
			continue
		}
		batches[t.Handle.Broker] = append(batches[t.Handle.Broker], i)
	}
	var under sync.WaitGroup
	for broker, all := range batches {
		under.Go(func() {
			for _, which := range chunks(all, acksAtOnce) {
				some := make([]mq.Lease, len(which))
				for k, i := range which {
					some[k] = leases[i]
				}
				for k, err := range e.ackMany(ctx, broker, some) {
					errs[which[k]] = err
				}
			}
		})
	}
	under.Wait()
	return errs
}

// ackAlone acknowledges one lease, together with others where there are some. Orderly ones go alone: a broker refuses them one by one, but
// answers a batch with one word.
func (e *Engine) ackAlone(ctx context.Context, l mq.Lease) error {
	t, err := e.lease(l)
	if err != nil {
		return err
	}
	if t.Ordered() {
		return e.ackOne(ctx, l)
	}
	return e.lines.Of(t.Handle.Broker).Do(ctx, l, func(ctx context.Context, leases []mq.Lease) []error {
		if len(leases) == 1 {
			return []error{e.ackOne(ctx, leases[0])}
		}
		return e.ackMany(ctx, t.Handle.Broker, leases)
	})
}

func chunks(all []int, most int) (parts [][]int) {
	for len(all) > most {
		parts, all = append(parts, all[:most]), all[most:]
	}
	return append(parts, all)
}

// lease reads a token, and puts the newest checkpoint in the place of one that was renewed here.
func (e *Engine) lease(l mq.Lease) (token.Lease, error) {
	t, ok := token.ParseLease(l.Token)
	if !ok {
		return t, mq.Refuse(mq.InvalidReceipt, "not a lease of this cluster")
	}
	return e.renewed.Newest(soft.DeliveryOf(l), t), nil
}

func (e *Engine) ackOne(ctx context.Context, l mq.Lease) error {
	t, err := e.lease(l)
	if err != nil {
		return err
	}
	r, err := e.routes.Route(ctx, l.Topic.Name)
	if err != nil {
		return err
	}
	h := request.AckOf(l.Topic.Name.String(), l.Group.Name.String(), t.Handle)
	err = e.ask(ctx, target{r, t.Handle.Broker}, remoting.Request{Code: remoting.AckMessage, Header: &h}, nil)
	if err != nil {
		e.routes.Doubt(l.Topic.Name, err)
		return gone(err)
	}
	e.acknowledged(l, t)
	return nil
}

// acknowledged notes what later requests go by.
func (e *Engine) acknowledged(l mq.Lease, t token.Lease) {
	e.renewed.Forget(soft.DeliveryOf(l))
	if t.Ordered() {
		e.settled.Note(soft.PlaceOf(l, t.Handle, t.Physical), e.clock.Now())
	}
}

// gone says in the port's words that the place of a message is no longer there.
func gone(err error) error {
	if mq.KindOf(err) == mq.MessageNotFound {
		return mq.Refuse(mq.Expired, "the message is no longer kept").Because(err)
	}
	return err
}

// ackMany acknowledges leases of one broker with one request. A broker passes over what it does not have and answers for all at once,
// so an outcome that is not known is not known for any. Only orderly leases can be refused, and one that is refused colours the
// answer for those that were settled: then each is asked about alone, which is safe to repeat.
func (e *Engine) ackMany(ctx context.Context, broker string, leases []mq.Lease) []error {
	errs := make([]error, len(leases))
	acks, far := checkpoints(e, leases)
	var err error
	if len(acks) > 0 {
		err = e.ackBatch(ctx, broker, leases, acks)
	}
	for i, l := range leases {
		t, bad := e.lease(l)
		switch {
		case bad != nil:
			errs[i] = bad
		case far[i], err != nil && t.Ordered() && mq.Outcome(err) == mq.Refused:
			errs[i] = e.ackOne(ctx, l)
		case err != nil:
			errs[i] = err
		default:
			e.acknowledged(l, t)
		}
	}
	return errs
}

func (e *Engine) ackBatch(ctx context.Context, broker string, leases []mq.Lease, acks []request.Checkpoint) error {
	r, err := e.routeTo(ctx, broker, leases)
	if err != nil {
		return err
	}
	err = e.ask(ctx, target{r, broker}, remoting.Request{Code: remoting.BatchAck, Body: request.AppendBatchAck(nil, broker, acks)}, nil)
	if err != nil {
		for _, l := range leases {
			e.routes.Doubt(l.Topic.Name, err)
		}
	}
	return err
}

// routeTo gives a route on which the broker stands. A topic that is gone must not fail the others: they may be another tenant's.
func (e *Engine) routeTo(ctx context.Context, broker string, leases []mq.Lease) (r *routes.Route, err error) {
	for i, l := range leases {
		if i > 0 && l.Topic.Name == leases[i-1].Topic.Name {
			continue // asked already
		}
		if r, err = e.routes.Route(ctx, l.Topic.Name); err == nil {
			if _, err = r.Address(broker); err == nil {
				return r, nil
			}
		}
	}
	return nil, err
}

// checkpoints gathers leases by the pops that gave them. far marks those that lie too far behind their checkpoint for a bit.
func checkpoints(e *Engine, leases []mq.Lease) (acks []request.Checkpoint, far []bool) {
	type key struct {
		group, topic          mq.Physical
		retry, queue, revive  int32
		start, popped, hidden int64
	}
	at := make(map[key]int, len(leases))
	far = make([]bool, len(leases))
	for i, l := range leases {
		t, err := e.lease(l)
		if err != nil {
			continue
		}
		h := t.Handle
		k := key{l.Group.Name, l.Topic.Name, h.Retry, h.Queue, h.ReviveQueue, h.Start, h.PopMillis, h.InvisibleMillis}
		n, ok := at[k]
		if !ok {
			c := request.Checkpoint{
				Group: l.Group.Name.String(), Topic: l.Topic.Name.String(), Retry: h.Retry, Start: h.Start, Queue: h.Queue,
				ReviveQueue: h.ReviveQueue, PopMillis: h.PopMillis, InvisibleMillis: h.InvisibleMillis,
			}
			if far[i] = !c.Set(h.Offset); far[i] {
				continue
			}
			at[k], acks = len(acks), append(acks, c)
			continue
		}
		far[i] = !acks[n].Set(h.Offset)
	}
	return acks, far
}
