// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/seal"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// AckMessage settles messages that were processed. Each entry has its own answer.
func (d *Door) AckMessage(ctx context.Context, c Caller, req *v2.AckMessageRequest) *v2.AckMessageResponse {
	g, t, err := d.subscribable(ctx, &c, req.GetGroup(), req.GetTopic())
	if err == nil {
		err = d.takes(AckMessage)
	}
	in := req.GetEntries()
	switch {
	case err != nil:
	case len(in) == 0:
		err = mq.Refuse(mq.BadRequest, "there is nothing to acknowledge: the request has no entries")
	case len(in) > mq.MaxBatch:
		err = mq.Refuse(mq.PayloadTooLarge, "the request has %d entries, the limit is %d", len(in), mq.MaxBatch)
	}
	if err != nil {
		return &v2.AckMessageResponse{Status: d.status(&c, AckMessage, err)}
	}
	results := d.ackEntries(ctx, &c, holding{g, t}, in)
	entries := make([]*v2.AckMessageResultEntry, len(in))
	for i, e := range in {
		entries[i] = &v2.AckMessageResultEntry{
			MessageId: e.GetMessageId(), ReceiptHandle: e.GetReceiptHandle(), Status: d.status(&c, AckMessage, results[i]),
		}
	}
	return &v2.AckMessageResponse{
		Status:  d.overall(len(entries), func(i int) *v2.Status { return entries[i].Status }),
		Entries: entries,
	}
}

// ackEntries opens all receipts and acknowledges those that hold in one call of the engine.
func (d *Door) ackEntries(ctx context.Context, c *Caller, h holding, in []*v2.AckMessageEntry) []error {
	results := make([]error, len(in))
	leases := make([]mq.Lease, 0, len(in))
	receipts := make([]opened, 0, len(in))
	for i, e := range in {
		lease, receipt, err := d.leaseIn(c, h, e.GetReceiptHandle())
		if err == nil {
			err = notLite(e.GetLiteTopic())
		}
		if err != nil {
			results[i] = err
			continue
		}
		leases, receipts = append(leases, lease), append(receipts, opened{i, receipt})
	}
	scope, answers := c.scopeOf(h), d.ports.Consume.Ack(ctx, leases)
	now := d.now()
	for i, err := range answers {
		results[receipts[i].entry] = err
		d.noteSettled(&scope, trail.Acked, &receipts[i].receipt, outcome{at: now, err: err})
	}
	return results
}

// opened is the receipt of an entry.
type opened struct {
	entry   int
	receipt seal.Receipt
}

// holding is the group and the topic that a request names.
type holding struct {
	group *catalog.Group
	topic *catalog.Topic
}

// leaseIn opens a receipt and holds it against what the caller may do: its tenant, its group and its topic. The rights on
// those were checked before; whoever has a receipt for anything else gets the same answer as for a forged one.
func (d *Door) leaseIn(c *Caller, h holding, handle string) (mq.Lease, seal.Receipt, error) {
	r, err := d.ports.Seals.OpenReceipt(handle)
	if err == nil {
		err = r.Owned(c.Tenant, h.topic.Topic.Name, h.group.Group.Name)
	}
	if err != nil {
		return mq.Lease{}, r, err
	}
	return mq.Lease{Cluster: r.Cluster, Topic: h.topic.Topic, Group: h.group.Group, Token: r.Token, Until: r.Until}, r, nil
}

// receiptOut seals a lease. renewed says that the platform extends it, so that its end is not in the receipt.
func (d *Door) receiptOut(c *Caller, h holding, granted *mq.Delivery, renewed bool) string {
	return d.ports.Seals.SealReceipt(seal.Receipt{
		Tenant: c.Tenant, Topic: h.topic.Topic.Name, Group: h.group.Group.Name,
		Cluster: granted.Lease.Cluster, Token: granted.Lease.Token, Until: granted.Lease.Until,
		Message: granted.Message.ID, Renewable: renewed, Attempt: granted.Attempt,
	})
}
