// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// ChangeInvisibleDuration moves the end of a lease; 0 frees the message now. The answer always carries a receipt handle, the
// old one where nothing changed: some clients put it in place of theirs whatever the status says.
func (d *Door) ChangeInvisibleDuration(ctx context.Context, c Caller, req *v2.ChangeInvisibleDurationRequest) *v2.ChangeInvisibleDurationResponse {
	handle, err := d.change(ctx, &c, req)
	if err != nil {
		handle = req.GetReceiptHandle()
	}
	return &v2.ChangeInvisibleDurationResponse{Status: d.status(&c, ChangeInvisibleDuration, err), ReceiptHandle: handle}
}

func (d *Door) change(ctx context.Context, c *Caller, req *v2.ChangeInvisibleDurationRequest) (string, error) {
	g, t, err := d.subscribable(ctx, c, req.GetGroup(), req.GetTopic())
	if err != nil {
		return "", err
	}
	if err := d.takes(ChangeInvisibleDuration); err != nil {
		return "", err
	}
	if err := notLite(req.GetLiteTopic()); err != nil {
		return "", err
	}
	asked := req.GetInvisibleDuration()
	if asked == nil || asked.CheckValid() != nil || asked.AsDuration() < 0 || asked.AsDuration() > mq.MaxHold {
		return "", mq.Refuse(mq.IllegalInvisibleTime, "invisible time: from 0 to %v", mq.MaxHold)
	}
	h := holding{g, t}
	lease, was, err := d.leaseIn(c, h, req.GetReceiptHandle())
	if err != nil {
		return "", err
	}
	changed, err := d.ports.Consume.Change(ctx, lease, asked.AsDuration())
	scope, now := c.scopeOf(h), d.now()
	d.noteSettled(&scope, trail.Changed, &was, outcome{at: now, until: now.Add(asked.AsDuration()), err: err})
	if err != nil {
		return "", err
	}
	again := mq.Delivery{Lease: changed, Attempt: was.Attempt}
	again.Message.ID = was.Message
	return d.receiptOut(c, h, &again, false), nil
}
