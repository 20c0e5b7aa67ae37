// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/mapping"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

// puller is the group under which pulls are made: brokers want one, and nothing is remembered for it. It is the one that every broker makes for RocketMQ's own tools when it starts: one of
// our own would not be there where brokers make no groups by themselves, which is how they are run in production.
const puller = "TOOLS_CONSUMER"

// Pull reads from an offset: see consume.Positioner.
func (e *Engine) Pull(ctx context.Context, q mq.QueueRef, from mq.Offset, limit mq.ReadLimit, by mq.Filter) (mq.Read, error) {
	f, err := filter.Compile(by)
	if err != nil {
		return mq.Read{}, err
	}
	at, err := e.at(ctx, q)
	if err != nil {
		return mq.Read{}, err
	}
	h := &request.Pull{
		Group: puller, Topic: q.Topic.Name.String(), Queue: int32(q.Queue), Offset: int64(from), Max: int32(min(max(limit.Messages, 1), mq.MaxReceive)),
		SysFlag: request.PullSubscription, Expression: "*", ExpressionType: "TAG", Version: e.clock.Now().UnixMilli(), MaxBytes: int32(min(max(limit.Bytes, 1), 1<<30)),
		Broker: at.broker,
	}
	address, err := at.route.Address(at.broker)
	if err != nil {
		return mq.Read{}, err
	}
	// The broker gives everything; what is filtered here is filtered by the same rules as everywhere.
	answer, err := e.client.Call(ctx, address, remoting.Request{Code: remoting.PullMessage, Header: h, Timeout: popTimeout})
	if err != nil {
		return mq.Read{}, err
	}
	var a request.PullAnswer
	switch answer.Code {
	case remoting.Success, remoting.PullNotFound, remoting.PullRetryImmediately, remoting.PullOffsetMoved:
		if err := answer.Into(&a); err != nil {
			return mq.Read{}, mq.Refuse(mq.Internal, "answer to a pull: %v", err)
		}
	default:
		e.routes.Doubt(q.Topic.Name, answer.Err())
		return mq.Read{}, answer.Err()
	}
	if int64(from) < a.Min || int64(from) > a.Max {
		return mq.Read{}, routes.Outside(q, from, mq.Offset(a.Min), mq.Offset(a.Max))
	}
	read := mq.Read{Next: mq.Offset(max(a.Next, int64(from))), Lo: mq.Offset(a.Min), Hi: mq.Offset(a.Max)}
	records, err := stored.All(answer.Body, 4*mq.MaxReceive)
	if err != nil {
		return mq.Read{}, mq.Refuse(mq.Internal, "answer to a pull: %v", err)
	}
	room := limit.Bytes
	for i := range records {
		m := mapping.Message(&records[i], at.broker, q.Topic.Name)
		if room -= len(m.Message.Body); room < 0 && i > 0 { // brokers count in their own way, and some not at all
			read.Next = m.Offset
			break
		}
		if ok, err := f.Match(filter.Message(&m.Message)); err == nil && ok {
			read.Messages = append(read.Messages, m)
		}
	}
	return read, nil
}

// at finds the broker of a queue.
func (e *Engine) at(ctx context.Context, q mq.QueueRef) (target, error) {
	r, err := e.routes.Route(ctx, q.Topic.Name)
	if err != nil {
		return target{}, err
	}
	for _, x := range r.Set {
		if x.ID == q.Queue && (q.Broker == "" || q.Broker == x.Broker) {
			return target{r, x.Broker}, nil
		}
	}
	return target{}, mq.Refuse(mq.NotFound, "the topic has no queue %d", q.Queue).Because(fmt.Errorf("%v", q))
}

const pullPulse = 200 * time.Millisecond

// ArmPull wakes when a message at or after from is there: it looks at the queue's end, now and again.
func (e *Engine) ArmPull(q mq.QueueRef, from mq.Offset, wake func()) (disarm func()) {
	var mu sync.Mutex // guards over
	over := false
	end := func() bool {
		mu.Lock()
		defer mu.Unlock()
		was := over
		over = true
		return !was
	}
	var look func()
	look = func() {
		mu.Lock()
		stop := over
		mu.Unlock()
		if stop || e.ctx.Err() != nil {
			return
		}
		route, ok := e.routes.Known(q.Topic.Name)
		if !ok {
			if end() {
				wake()
			}
			return
		}
		h := &request.Bound{Topic: q.Topic.Name.String(), Queue: int32(q.Queue), Broker: q.Broker}
		e.client.Start(e.ctx, route.Addresses[q.Broker], remoting.Request{Code: remoting.MaxOffset, Header: h}, func(f *remoting.Frame, err error) {
			var a request.OffsetAnswer
			if err == nil {
				if err = f.Err(); err == nil {
					err = f.Into(&a)
				}
				f.Release()
			}
			if err != nil || a.Offset > int64(from) {
				if end() {
					wake()
				}
				return
			}
			e.clock.AfterFunc(pullPulse, look)
		})
	}
	look()
	return func() { end() }
}
