// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/seal"
)

// SendMessage stores a batch of messages of one topic. What can be judged from the request is judged for the whole batch
// first, and refuses it whole with nothing stored; from then on each entry has its own fate. There are as many entries in the
// answer as messages in the request, also in a refusal.
func (d *Door) SendMessage(ctx context.Context, c Caller, req *v2.SendMessageRequest) *v2.SendMessageResponse {
	topic, batch, err := d.admit(ctx, &c, req)
	if err != nil {
		return refuseBatch(d.status(&c, SendMessage, err), len(req.GetMessages()))
	}
	if topic.Move.Stage == catalog.Fencing {
		if topic, err = d.held(ctx, c, topic, req.GetMessages()[0].GetTopic()); err != nil {
			return refuseBatch(d.status(&c, SendMessage, err), len(batch))
		}
	}
	began := d.now()
	sent := d.ports.Produce.Send(ctx, c.Session(), topic.Topic, batch)
	d.noteSent(&c, topic, began, sends{batch, sent})
	entries := make([]*v2.SendResultEntry, len(sent))
	messages, bytes := 0, 0
	for i := range sent {
		entries[i] = d.sentOut(&c, topic, &batch[i], &sent[i])
		if sent[i].Err == nil {
			messages++
			bytes += len(batch[i].Body)
		}
	}
	if messages > 0 {
		d.observer.Stored(topic, messages, bytes)
	}
	return &v2.SendMessageResponse{
		Status:  d.overall(len(entries), func(i int) *v2.Status { return entries[i].Status }),
		Entries: entries,
	}
}

func refuseBatch(why *v2.Status, messages int) *v2.SendMessageResponse {
	out := &v2.SendMessageResponse{Status: why}
	if messages > mq.MaxBatch { // the refusal of a flood is no flood
		return out
	}
	out.Entries = make([]*v2.SendResultEntry, messages)
	for i := range out.Entries {
		out.Entries[i] = &v2.SendResultEntry{Status: why}
	}
	return out
}

// admit judges a batch as a whole.
func (d *Door) admit(ctx context.Context, c *Caller, req *v2.SendMessageRequest) (*catalog.Topic, []mq.Message, error) {
	if err := d.takes(SendMessage); err != nil {
		return nil, nil, err
	}
	in := req.GetMessages()
	if len(in) == 0 {
		return nil, nil, mq.Refuse(mq.MessageCorrupted, "the batch is empty")
	}
	first := in[0].GetTopic()
	for i, m := range in {
		if t := m.GetTopic(); t.GetName() != first.GetName() || t.GetResourceNamespace() != first.GetResourceNamespace() {
			return nil, nil, mq.Refuse(mq.MessageCorrupted, "message %d of the batch is for another topic than the first", i)
		}
	}
	topic, err := d.publishable(ctx, c, first)
	if err != nil {
		return nil, nil, err
	}
	engine, err := d.ports.Routes.Topology(topic.Cluster)
	if err != nil {
		return nil, nil, err
	}
	traits := engine.Traits()
	if err := checkSize(in, traits.MaxBatch); err != nil {
		return nil, nil, err
	}
	at := arrival{now: d.ports.Clock.Now(), maxDelay: traits.MaxDelay, accepts: topic.Accepts, remote: c.Remote}
	batch := make([]mq.Message, len(in))
	for i := range in {
		if batch[i], err = messageIn(in[i], at); err != nil {
			return nil, nil, err
		}
	}
	return topic, batch, distinct(batch)
}

// checkSize bounds a batch. One message alone is bounded by its own limits, which say more.
func checkSize(in []*v2.Message, engineLimit int) error {
	limit := mq.MaxBatch
	if engineLimit > 0 {
		limit = min(limit, engineLimit)
	}
	if len(in) > limit {
		return mq.Refuse(mq.PayloadTooLarge, "the batch has %d messages, the limit is %d", len(in), limit)
	}
	if len(in) == 1 {
		return nil
	}
	bytes := 0
	for _, m := range in {
		if one := len(m.GetBody()); one > mq.MaxBody {
			return nil // refused with the message's own limit
		}
		bytes += len(m.GetBody())
	}
	if bytes > mq.MaxBody {
		return mq.Refuse(mq.PayloadTooLarge, "the bodies of the batch have %d bytes, the limit is %d", bytes, mq.MaxBody)
	}
	return nil
}

func distinct(batch []mq.Message) error {
	if len(batch) == 1 {
		return nil
	}
	seen := make(map[mq.MessageID]bool, len(batch))
	for i := range batch {
		if seen[batch[i].ID] {
			return mq.Refuse(mq.IllegalMessageID, "message id %s stands twice in the batch", batch[i].ID)
		}
		seen[batch[i].ID] = true
	}
	return nil
}

func (d *Door) sentOut(c *Caller, topic *catalog.Topic, m *mq.Message, s *mq.Sent) *v2.SendResultEntry {
	out := &v2.SendResultEntry{Status: d.status(c, SendMessage, there(topic, s.Err)), MessageId: m.ID.String()}
	if s.Err != nil {
		return out
	}
	out.Offset = max(0, int64(s.Offset))
	if !s.Half.IsZero() {
		out.TransactionId = d.ports.Seals.SealTransaction(seal.Transaction{Tenant: c.Tenant, Topic: topic.Topic.Name, Half: s.Half})
	}
	if !s.Scheduled.IsZero() {
		out.RecallHandle = d.ports.Seals.SealRecall(seal.Recall{Tenant: c.Tenant, Topic: topic.Topic.Name, Scheduled: s.Scheduled})
	}
	return out
}

const (
	heldBound = 10 * time.Second // of a send whose topic is about to move
	heldLook  = 50 * time.Millisecond
)

// held waits until sends to a topic that is about to move have a place to go. What is held was certainly not stored. Ten seconds are long for a right: the
// caller and what it may do are judged again by the catalog that ends the wait.
func (d *Door) held(ctx context.Context, c Caller, topic *catalog.Topic, name *v2.Resource) (*catalog.Topic, error) {
	over := d.ports.Clock.NewTimer(heldBound)
	defer over.Stop()
	for {
		look := d.ports.Clock.NewTimer(heldLook)
		select {
		case <-look.C():
		case <-over.C():
			look.Stop()
			return nil, mq.Refuse(mq.TooManyRequests, "topic %s is about to move to cluster %s: sends wait for that", topic.Name, topic.Move.Peer)
		case <-ctx.Done():
			look.Stop()
			return nil, mq.Refuse(mq.Timeout, "topic %s is about to move to cluster %s: the caller's time was over before the send", topic.Name, topic.Move.Peer)
		}
		newest := d.ports.Catalog()
		if newest == c.Snapshot {
			continue
		}
		p, err := d.ports.Guard.Recheck(newest, c.Principal)
		if err != nil {
			return nil, err
		}
		c.Snapshot, c.Principal = newest, p
		now, err := d.publishable(ctx, &c, name)
		if err != nil || now.Move.Stage != catalog.Fencing {
			return now, err
		}
	}
}
