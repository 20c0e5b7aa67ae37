// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/consume"
)

// maxPullBytes bounds the bodies of one pull.
const maxPullBytes = mq.MaxBody

// PullMessage reads a queue from an offset: the status, the messages, then where to go on. Nothing new within the polling
// time is MESSAGE_NOT_FOUND, which also says where to go on, past what the filter held back.
func (d *Door) PullMessage(ctx context.Context, c Caller, req *v2.PullMessageRequest, out Sink[v2.PullMessageResponse]) *v2.Status {
	read, at, err := d.pull(ctx, &c, req)
	empty := err == nil && len(read.Messages) == 0
	if empty {
		err = mq.Refuse(mq.MessageNotFound, "no message within the polling time")
	}
	status := d.status(&c, PullMessage, err)
	if out.Send(&v2.PullMessageResponse{Content: &v2.PullMessageResponse_Status{Status: status}}) != nil || err != nil && !empty {
		return status
	}
	if !empty {
		d.notePulled(&c, holding{at.group, at.topic}, read.Messages)
	}
	bytes := 0
	for i := range read.Messages {
		m := c.messageOut(&read.Messages[i], req.GetMessageQueue().GetTopic())
		if out.Send(&v2.PullMessageResponse{Content: &v2.PullMessageResponse_Message{Message: m}}) != nil {
			return status // nothing was granted, so nothing is to be given back
		}
		bytes += len(m.Body)
	}
	if !empty {
		d.observer.Delivered(at.group, at.topic, len(read.Messages), bytes)
	}
	_ = out.Send(&v2.PullMessageResponse{Content: &v2.PullMessageResponse_NextOffset{NextOffset: int64(read.Next)}})
	return status
}

func (d *Door) pull(ctx context.Context, c *Caller, req *v2.PullMessageRequest) (mq.Read, position, error) {
	at, err := d.position(ctx, c, req.GetGroup(), req.GetMessageQueue())
	if err != nil {
		return mq.Read{}, at, err
	}
	if err := d.takes(PullMessage); err != nil {
		return mq.Read{}, at, err
	}
	if req.GetOffset() < 0 {
		return mq.Read{}, at, mq.Refuse(mq.IllegalOffset, "offset %d: not below 0", req.GetOffset())
	}
	wanted, err := filterIn(req.GetFilterExpression())
	if err != nil {
		return mq.Read{}, at, err
	}
	polling, err := pollIn(req.GetLongPollingTimeout(), c.Left)
	if err != nil {
		return mq.Read{}, at, err
	}
	d.ports.Sessions.Seen(c.Session())
	want := consume.PullRequest{
		Queue:  at.queue,
		From:   mq.Offset(req.GetOffset()),
		Limit:  mq.ReadLimit{Messages: int(min(max(req.GetBatchSize(), 1), mq.MaxReceive)), Bytes: maxPullBytes},
		Filter: wanted,
		Poll:   polling,
	}
	if at.group.Paused {
		return mq.Read{Next: want.From}, at, d.idle(ctx, &poll{caller: c, group: at.group, topic: at.topic}, polling)
	}
	if polling > 0 {
		bounded, leave, err := d.wait(ctx, &poll{caller: c, group: at.group, topic: at.topic})
		if err != nil {
			return mq.Read{}, at, err
		}
		defer leave()
		ctx = bounded
	}
	h := holding{at.group, at.topic}
	d.noteWanted(c, h, wanted)
	read, err := d.ports.Pull.Pull(ctx, want)
	d.noteWanted(c, h, wanted)
	if err = whyEnded(ctx, there(at.topic, err)); mq.KindOf(err) == mq.MessageNotFound { // it was paused
		return mq.Read{Next: want.From}, at, nil
	}
	return read, at, err
}
