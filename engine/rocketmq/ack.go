// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"sync"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/token"
	"github.com/causeway-mq/causeway/mq"
)

// Ack settles leases: one request for one, one request per broker for many. Brokers check nothing, so neither Expired nor Settled is ever
// answered: see Traits.
func (e *Engine) Ack(ctx context.Context, leases []mq.Lease) []error {
	errs := make([]error, len(leases))
	if len(leases) == 1 {
		errs[0] = e.ackOne(ctx, leases[0])
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
			for _, which := range chunks(all, maxBatchAck) {
				err := e.ackMany(ctx, broker, leases, which)
				for _, i := range which {
					errs[i] = err
				}
			}
		})
	}
	under.Wait()
	return errs
}

const maxBatchAck = 512 // leases in one request

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
	return e.renewed.newest(l.Token, t), nil
}

func (e *Engine) ackOne(ctx context.Context, l mq.Lease) error {
	t, err := e.lease(l)
	if err != nil {
		return err
	}
	r, err := e.route(ctx, l.Topic.Name)
	if err != nil {
		return err
	}
	h := request.AckOf(l.Topic.Name.String(), l.Group.Name.String(), t.Handle)
	err = e.ask(ctx, target{r, t.Handle.Broker}, remoting.Request{Code: remoting.AckMessage, Header: &h}, nil)
	if err != nil {
		e.doubt(l.Topic.Name, err)
		return gone(err)
	}
	e.acknowledged(l, t)
	return nil
}

// acknowledged notes what later requests go by.
func (e *Engine) acknowledged(l mq.Lease, t token.Lease) {
	e.renewed.forget(l.Token)
	if t.Ordered() {
		e.settled.note(settledAt(l, t.Handle), e.clock.Now())
	}
}

// gone says in the port's words that the place of a message is no longer there.
func gone(err error) error {
	if mq.KindOf(err) == mq.MessageNotFound {
		return mq.Refuse(mq.Expired, "the message is no longer kept: %v", err)
	}
	return err
}

// ackMany acknowledges leases of one broker with one request.
func (e *Engine) ackMany(ctx context.Context, broker string, leases []mq.Lease, which []int) error {
	type key struct {
		group, topic          string
		retry, queue          int32
		start, popped, hidden int64
		revive                int32
	}
	points := map[key]*request.Checkpoint{}
	var order []key
	var far []int
	for _, i := range which {
		l := leases[i]
		t, err := e.lease(l)
		if err != nil {
			return err
		}
		h := t.Handle
		k := key{l.Group.Name.String(), l.Topic.Name.String(), h.Retry, h.Queue, h.Start, h.PopMillis, h.InvisibleMillis, h.ReviveQueue}
		p := points[k]
		if p == nil {
			p = &request.Checkpoint{
				Group: k.group, Topic: k.topic, Retry: k.retry, Start: k.start, Queue: k.queue, ReviveQueue: k.revive, PopMillis: k.popped, InvisibleMillis: k.hidden,
			}
			points[k] = p
			order = append(order, k)
		}
		if !p.Set(h.Offset) {
			far = append(far, i)
		}
	}
	for _, i := range far { // too far behind its checkpoint for a bit
		if err := e.ackOne(ctx, leases[i]); err != nil {
			return err
		}
	}
	acks := make([]request.Checkpoint, len(order))
	for i, k := range order {
		acks[i] = *points[k]
	}
	r, err := e.route(ctx, leases[which[0]].Topic.Name)
	if err != nil {
		return err
	}
	err = e.ask(ctx, target{r, broker}, remoting.Request{Code: remoting.BatchAck, Body: request.AppendBatchAck(nil, broker, acks)}, nil)
	if err != nil {
		e.doubt(leases[which[0]].Topic.Name, err)
		return err
	}
	for _, i := range which {
		if t, err := e.lease(leases[i]); err == nil {
			e.acknowledged(leases[i], t)
		}
	}
	return nil
}
