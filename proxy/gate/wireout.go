// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"strings"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/mq"
)

// messageOut translates a stored message for the caller. The result shares the body.
func (c *Caller) messageOut(s *mq.Stored, topic *v2.Resource) *v2.Message {
	m := &s.Message
	p := &v2.SystemProperties{
		MessageId:      m.ID.String(),
		BodyDigest:     c.digestOut(m.Body),
		BodyEncoding:   v2.Encoding(m.Encoding),
		MessageType:    v2.MessageType(m.Type),
		BornTimestamp:  timestamppb.New(m.Born),
		BornHost:       m.BornHost,
		StoreTimestamp: timestamppb.New(s.StoredAt),
		StoreHost:      s.Broker,
		QueueId:        int32(s.Queue),
		QueueOffset:    proto.Int64(int64(s.Offset)),
	}
	if m.Encoding == 0 {
		p.BodyEncoding = v2.Encoding_IDENTITY
	}
	if m.Type == 0 {
		p.MessageType = v2.MessageType_NORMAL
	}
	if m.Tag != (mq.Tag{}) {
		p.Tag = proto.String(m.Tag.String())
	}
	for _, k := range m.Keys {
		p.Keys = append(p.Keys, k.String())
	}
	if m.Group != (mq.MessageGroup{}) {
		p.MessageGroup = proto.String(m.Group.String())
	}
	if m.Trace != "" {
		p.TraceContext = proto.String(m.Trace)
	}
	if !m.DeliverAt.IsZero() {
		p.DeliveryTimestamp = timestamppb.New(m.DeliverAt)
	}
	if !m.Origin.IsZero() {
		p.DeadLetterQueue = &v2.DeadLetterQueue{Topic: c.logical(m.Origin.Topic), MessageId: m.Origin.Message.String()}
	}
	out := &v2.Message{Topic: topic, SystemProperties: p, Body: m.Body}
	if len(m.Properties) > 0 {
		out.UserProperties = make(map[string]string, len(m.Properties))
		for _, u := range m.Properties {
			out.UserProperties[u.Name] = u.Value
		}
	}
	return out
}

// deliveryOut is messageOut with what belongs to one delivery.
func (c *Caller) deliveryOut(granted *mq.Delivery, topic *v2.Resource, receipt string, now time.Time) *v2.Message {
	out := c.messageOut(&granted.Stored, topic)
	p := out.SystemProperties
	p.ReceiptHandle = proto.String(receipt)
	p.DeliveryAttempt = proto.Int32(int32(granted.Attempt))
	p.InvisibleDuration = durationpb.New(max(0, granted.Lease.Until.Sub(now)))
	return out
}

// logical is a topic's name within the caller's tenant. The topic may be gone by now: then the tenant's part is taken off
// its physical name, which is how the name was made.
func (c *Caller) logical(p mq.Physical) string {
	if t, ok := c.Snapshot.PhysicalTopic(c.Tenant, p); ok {
		return t.Name.String()
	}
	return strings.TrimPrefix(p.String(), c.Tenant.String()+"%")
}
