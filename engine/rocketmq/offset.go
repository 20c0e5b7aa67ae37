// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/mq"
)

func (e *Engine) offset(ctx context.Context, at target, code remoting.Code, h remoting.Header) (mq.Offset, error) {
	var a request.OffsetAnswer
	err := e.ask(ctx, at, remoting.Request{Code: code, Header: h}, &a)
	return mq.Offset(a.Offset), err
}

// Bounds gives the first kept offset and one past the last.
func (e *Engine) Bounds(ctx context.Context, q mq.QueueRef) (lo, hi mq.Offset, err error) {
	at, err := e.at(ctx, q)
	if err != nil {
		return 0, 0, err
	}
	h := &request.Bound{Topic: q.Topic.Name.String(), Queue: int32(q.Queue), Broker: at.broker}
	if lo, err = e.offset(ctx, at, remoting.MinOffset, h); err != nil {
		return 0, 0, err
	}
	hi, err = e.offset(ctx, at, remoting.MaxOffset, h)
	return lo, hi, err
}

// At gives the offset of the first message stored at or after t.
func (e *Engine) At(ctx context.Context, q mq.QueueRef, t time.Time) (mq.Offset, error) {
	at, err := e.at(ctx, q)
	if err != nil {
		return 0, err
	}
	whole := t.Truncate(time.Millisecond)
	if whole.Before(t) { // brokers know milliseconds
		whole = whole.Add(time.Millisecond)
	}
	return e.offset(ctx, at, remoting.SearchOffset, &request.OffsetAt{
		Topic: q.Topic.Name.String(), Queue: int32(q.Queue), Millis: whole.UnixMilli(), Boundary: "LOWER", Broker: at.broker,
	})
}

// Committed gives a pulling group's offset.
func (e *Engine) Committed(ctx context.Context, g mq.Group, q mq.QueueRef) (mq.Offset, error) {
	at, err := e.at(ctx, q)
	if err != nil {
		return 0, err
	}
	o, err := e.offset(ctx, at, remoting.QueryConsumerOffset, &request.Committed{
		Group: g.Name.String(), Topic: q.Topic.Name.String(), Queue: int32(q.Queue), Broker: at.broker,
	})
	if mq.KindOf(err) == mq.MessageNotFound {
		return 0, mq.Refuse(mq.OffsetNotFound, "the group has no offset in queue %d", q.Queue).Because(fmt.Errorf("group %s in %v", g.Name, q))
	}
	return o, err
}

// Commit stores a pulling group's offset. Brokers write it to disk by a timer, every 5 s as they come.
func (e *Engine) Commit(ctx context.Context, g mq.Group, q mq.QueueRef, to mq.Offset) error {
	if g.Mode != mq.Pulls {
		return mq.Refuse(mq.Conflict, "the group takes leases: its progress follows its acknowledgements").Because(fmt.Errorf("group %s", g.Name))
	}
	lo, hi, err := e.Bounds(ctx, q)
	if err != nil {
		return err
	}
	if to < lo || to > hi {
		return routes.Outside(q, to, lo, hi)
	}
	at, err := e.at(ctx, q)
	if err != nil {
		return err
	}
	h := &request.Commit{Group: g.Name.String(), Topic: q.Topic.Name.String(), Queue: int32(q.Queue), Offset: int64(to), Broker: at.broker}
	return e.ask(ctx, at, remoting.Request{Code: remoting.UpdateConsumerOffset, Header: h}, nil)
}
