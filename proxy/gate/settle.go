// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// EndTransaction settles a transaction. The id says which one, at whatever proxy it was opened.
func (d *Door) EndTransaction(ctx context.Context, c Caller, req *v2.EndTransactionRequest) *v2.EndTransactionResponse {
	return &v2.EndTransactionResponse{Status: d.status(&c, EndTransaction, d.endTransaction(ctx, &c, req))}
}

func (d *Door) endTransaction(ctx context.Context, c *Caller, req *v2.EndTransactionRequest) error {
	t, err := d.publishable(ctx, c, req.GetTopic())
	if err != nil {
		return err
	}
	var verdict mq.Verdict
	switch req.GetResolution() {
	case v2.TransactionResolution_COMMIT:
		verdict = mq.Commit
	case v2.TransactionResolution_ROLLBACK:
		verdict = mq.Rollback
	default:
		return mq.Refuse(mq.BadRequest, "resolution %d: commit or rollback", req.GetResolution())
	}
	by := mq.ByProducer
	if req.GetSource() == v2.TransactionSource_SOURCE_SERVER_CHECK {
		by = mq.ByCheck
	}
	opened, err := d.ports.Seals.OpenTransaction(req.GetTransactionId())
	if err == nil {
		err = opened.Owned(c.Tenant, t.Topic.Name)
	}
	if err != nil {
		return err
	}
	err = d.ports.Produce.Settle(ctx, t.Topic, opened.Half, verdict, by)
	e := trail.Event{Kind: trail.Committed, ID: opened.Half.Message, ByCheck: by == mq.ByCheck}
	if verdict == mq.Rollback {
		e.Kind = trail.RolledBack
	}
	e.Failed(err)
	d.noteVerdict(c, t, e)
	if mq.KindOf(err) == mq.Conflict {
		return mq.Refuse(mq.InvalidTransaction, "the transaction ended the other way before")
	}
	return err
}
