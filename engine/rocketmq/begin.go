// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/mq"
)

// begunKey is a group that is known to have begun in a topic of so many queues.
type begunKey struct {
	topic, group mq.Physical
	queues       int
}

// begin sets the offsets at which a new group starts, before its first pop. Brokers know only the two ends, and take the newest
// message once more at one of them. Queues that already have an offset are left alone, so two proxies may do it at once.
func (e *Engine) begin(ctx context.Context, topic mq.Topic, group mq.Group) error {
	r, err := e.routes.Route(ctx, topic.Name)
	if err != nil {
		return err
	}
	key := begunKey{topic.Name, group.Name, len(r.Readable)}
	if e.begunAt(key, group) {
		return nil
	}
	for _, at := range r.Readable {
		if err := e.beginAt(ctx, target{r, at.Broker}, at.Queue, begunAs{topic, group}); err != nil {
			e.routes.Doubt(topic.Name, err)
			return err
		}
	}
	e.begun.Store(key, struct{}{})
	return nil
}

// Begin is for a topic that will be sent to soon: it sets now what begin would set at the group's first contact, which may be after the first message. A group that
// leaves its start to the engine starts at the end of now.
func (e *Engine) Begin(ctx context.Context, g mq.Group, t mq.Topic) error {
	if g.Start.Kind == mq.StartByEngine {
		g.Start.Kind = mq.StartLatest
	}
	return e.begin(ctx, t, g)
}

// begunAt tells whether nothing has to be set before a pop.
func (e *Engine) begunAt(key begunKey, group mq.Group) bool {
	_, ok := e.begun.Load(key)
	return ok || group.Start.Kind == mq.StartEarliest || group.Start.Kind == mq.StartByEngine
}

// hasBegun is begunAt from memory alone.
func (e *Engine) hasBegun(want mq.Want) bool {
	r, known := e.routes.Known(want.Topic.Name)
	return known && e.begunAt(begunKey{want.Topic.Name, want.Group.Name, len(r.Readable)}, want.Group)
}

type begunAs struct {
	topic mq.Topic
	group mq.Group
}

func (e *Engine) beginAt(ctx context.Context, at target, queue int32, as begunAs) error {
	topic, group := as.topic.Name.String(), as.group.Name.String()
	var o request.OffsetAnswer
	err := e.ask(ctx, at, remoting.Request{Code: remoting.QueryConsumerOffset, Header: &request.Committed{Group: group, Topic: topic, Queue: queue, Broker: at.broker}}, &o)
	if err == nil || mq.KindOf(err) != mq.MessageNotFound {
		return err
	}
	if as.group.Start.Kind == mq.StartLatest {
		err = e.ask(ctx, at, remoting.Request{Code: remoting.MaxOffset, Header: &request.Bound{Topic: topic, Queue: queue, Broker: at.broker}}, &o)
	} else {
		h := &request.OffsetAt{Topic: topic, Queue: queue, Millis: as.group.Start.Time.UnixMilli(), Boundary: "LOWER", Broker: at.broker}
		err = e.ask(ctx, at, remoting.Request{Code: remoting.SearchOffset, Header: h}, &o)
	}
	if err != nil {
		return err
	}
	h := &request.Commit{Group: group, Topic: topic, Queue: queue, Offset: o.Offset, Broker: at.broker}
	return e.ask(ctx, at, remoting.Request{Code: remoting.UpdateConsumerOffset, Header: h}, nil)
}
