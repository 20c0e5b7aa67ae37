// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/proxy/trail"
)

// RecallMessage cancels a message that waits for its delivery time.
func (d *Door) RecallMessage(ctx context.Context, c Caller, req *v2.RecallMessageRequest) *v2.RecallMessageResponse {
	id, err := d.recall(ctx, &c, req)
	return &v2.RecallMessageResponse{Status: d.status(&c, RecallMessage, err), MessageId: id}
}

func (d *Door) recall(ctx context.Context, c *Caller, req *v2.RecallMessageRequest) (string, error) {
	t, err := d.publishable(ctx, c, req.GetTopic())
	if err != nil {
		return "", err
	}
	h, err := d.ports.Seals.OpenRecall(req.GetRecallHandle())
	if err == nil {
		err = h.Owned(c.Tenant, t.Topic.Name)
	}
	if err != nil {
		return "", err
	}
	err = d.ports.Produce.Recall(ctx, t.Topic, h.Scheduled)
	e := trail.Event{Kind: trail.Recalled, ID: h.Scheduled.Message}
	e.Failed(err)
	d.noteVerdict(c, t, e)
	if err != nil {
		return "", err
	}
	return h.Scheduled.Message.String(), nil
}
