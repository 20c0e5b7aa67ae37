// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
)

// ForwardMessageToDeadLetterQueue gives a message up on the word of its consumer, which counted the attempts by itself, as
// consumers of ordered groups do. Repeating it is safe: clients do until the answer is OK.
func (d *Door) ForwardMessageToDeadLetterQueue(ctx context.Context, c Caller, req *v2.ForwardMessageToDeadLetterQueueRequest) *v2.ForwardMessageToDeadLetterQueueResponse {
	return &v2.ForwardMessageToDeadLetterQueueResponse{Status: d.status(&c, ForwardToDeadLetters, d.forward(ctx, &c, req))}
}

func (d *Door) forward(ctx context.Context, c *Caller, req *v2.ForwardMessageToDeadLetterQueueRequest) error {
	g, t, err := d.subscribable(c, req.GetGroup(), req.GetTopic())
	if err != nil {
		return err
	}
	if err := notLite(req.GetLiteTopic()); err != nil {
		return err
	}
	lease, err := d.leaseIn(c, holding{g, t}, req.GetReceiptHandle())
	if err != nil {
		return err
	}
	return d.ports.Consume.DeadLetter(ctx, []mq.Lease{lease}, "consumer")[0]
}
