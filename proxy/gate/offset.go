// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/consume"
	"github.com/causeway-mq/causeway/proxy/route"
)

// UpdateOffset stores how far a pulling group is in one queue.
func (d *Door) UpdateOffset(ctx context.Context, c Caller, req *v2.UpdateOffsetRequest) *v2.UpdateOffsetResponse {
	return &v2.UpdateOffsetResponse{Status: d.status(&c, UpdateOffset, d.updateOffset(ctx, &c, req))}
}

func (d *Door) updateOffset(ctx context.Context, c *Caller, req *v2.UpdateOffsetRequest) error {
	at, err := d.position(ctx, c, req.GetGroup(), req.GetMessageQueue())
	if err != nil {
		return err
	}
	lo, hi, err := at.engine.Bounds(ctx, at.queue)
	if err != nil {
		return err
	}
	if o := mq.Offset(req.GetOffset()); o < 0 || o > hi {
		return mq.Refuse(mq.IllegalOffset, "offset %d: the queue has %d to %d", o, lo, hi)
	}
	return at.engine.Commit(ctx, at.group.Group, at.queue, mq.Offset(req.GetOffset()))
}

// GetOffset gives how far a pulling group is in one queue.
func (d *Door) GetOffset(ctx context.Context, c Caller, req *v2.GetOffsetRequest) *v2.GetOffsetResponse {
	offset, err := d.getOffset(ctx, &c, req)
	return &v2.GetOffsetResponse{Status: d.status(&c, GetOffset, err), Offset: int64(offset)}
}

func (d *Door) getOffset(ctx context.Context, c *Caller, req *v2.GetOffsetRequest) (mq.Offset, error) {
	at, err := d.position(ctx, c, req.GetGroup(), req.GetMessageQueue())
	if err != nil {
		return 0, err
	}
	return at.engine.Committed(ctx, at.group.Group, at.queue)
}

// QueryOffset finds an offset of a queue: its beginning, its end, or the first message stored at or after a time.
func (d *Door) QueryOffset(ctx context.Context, c Caller, req *v2.QueryOffsetRequest) *v2.QueryOffsetResponse {
	offset, err := d.queryOffset(ctx, &c, req)
	return &v2.QueryOffsetResponse{Status: d.status(&c, QueryOffset, err), Offset: int64(offset)}
}

func (d *Door) queryOffset(ctx context.Context, c *Caller, req *v2.QueryOffsetRequest) (mq.Offset, error) {
	t, err := d.topic(ctx, c, req.GetMessageQueue().GetTopic())
	if err != nil {
		return 0, err
	}
	if err := c.MayRoute(t); err != nil {
		return 0, err
	}
	engine, err := d.ports.Pull.Positions(t.Cluster)
	if err != nil {
		return 0, err
	}
	queue, err := queueIn(t, req.GetMessageQueue())
	if err != nil {
		return 0, err
	}
	if req.GetQueryOffsetPolicy() == v2.QueryOffsetPolicy_TIMESTAMP {
		ts := req.GetTimestamp()
		if ts == nil || ts.CheckValid() != nil {
			return 0, mq.Refuse(mq.BadRequest, "timestamp: a query by time needs one")
		}
		return engine.At(ctx, queue, ts.AsTime())
	}
	lo, hi, err := engine.Bounds(ctx, queue)
	switch req.GetQueryOffsetPolicy() {
	case v2.QueryOffsetPolicy_BEGINNING:
		return lo, err
	case v2.QueryOffsetPolicy_END:
		return hi, err
	}
	return 0, mq.Refuse(mq.BadRequest, "query offset policy %d is not known", req.GetQueryOffsetPolicy())
}

// position is a pulling group's place in one queue.
type position struct {
	engine consume.Positioner
	group  *catalog.Group
	topic  *catalog.Topic
	queue  mq.QueueRef
}

func (d *Door) position(ctx context.Context, c *Caller, group *v2.Resource, queue *v2.MessageQueue) (position, error) {
	g, t, err := d.subscribable(ctx, c, group, queue.GetTopic())
	if err != nil {
		return position{}, err
	}
	if g.Mode != mq.Pulls {
		return position{}, mq.Refuse(mq.Conflict, "consumer group %q receives: it has no offsets", g.Name)
	}
	engine, err := d.ports.Pull.Positions(t.Cluster)
	if err != nil {
		return position{}, err
	}
	ref, err := queueIn(t, queue)
	return position{engine, g, t, ref}, err
}

func queueIn(t *catalog.Topic, q *v2.MessageQueue) (mq.QueueRef, error) {
	if q.GetId() < 0 || q.GetId() >= mq.MaxQueues {
		return mq.QueueRef{}, mq.Refuse(mq.BadRequest, "queue %d: from 0 to %d", q.GetId(), mq.MaxQueues-1)
	}
	return mq.QueueRef{Topic: t.Topic, Broker: route.BrokerOf(q.GetBroker().GetName()), Queue: mq.QueueID(q.GetId())}, nil
}
