// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// ForwardMessageToDeadLetterQueue gives a message up on the word of its consumer, which counted the attempts by itself, as
// consumers of ordered groups do. Repeating it is safe: clients do until the answer is OK.
func (d *Door) ForwardMessageToDeadLetterQueue(ctx context.Context, c Caller, req *v2.ForwardMessageToDeadLetterQueueRequest) *v2.ForwardMessageToDeadLetterQueueResponse {
	return &v2.ForwardMessageToDeadLetterQueueResponse{Status: d.status(&c, ForwardToDeadLetters, d.forward(ctx, &c, req))}
}

func (d *Door) forward(ctx context.Context, c *Caller, req *v2.ForwardMessageToDeadLetterQueueRequest) error {
	g, t, err := d.subscribable(ctx, c, req.GetGroup(), req.GetTopic())
	if err != nil {
		return err
	}
	if err := d.takes(ForwardToDeadLetters); err != nil {
		return err
	}
	if err := notLite(req.GetLiteTopic()); err != nil {
		return err
	}
	h := holding{g, t}
	lease, receipt, err := d.leaseIn(c, h, req.GetReceiptHandle())
	if err != nil {
		return err
	}
	err = d.ports.Consume.DeadLetter(ctx, []mq.Lease{lease}, "consumer")[0]
	scope := c.scopeOf(h)
	d.noteSettled(&scope, trail.Forwarded, &receipt, outcome{at: d.now(), err: err})
	return err
}
