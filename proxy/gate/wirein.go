// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/mq"
)

// arrival is what a message is judged by beside itself.
type arrival struct {
	now      time.Time
	maxDelay time.Duration
	accepts  mq.Accepts
	remote   netip.AddrPort
}

// messageIn checks a producer's message and translates it. The result shares the body with the request.
// What only the platform may say (receipts, offsets, attempts, dead-letter origin, store time) is not read at all.
func messageIn(in *v2.Message, at arrival) (mq.Message, error) {
	p := in.GetSystemProperties()
	id, err := mq.ParseMessageID(p.GetMessageId())
	if err != nil {
		return mq.Message{}, err
	}
	m := mq.Message{ID: id, Body: in.GetBody(), BornHost: bornHost(p.GetBornHost(), at.remote), Born: born(p.GetBornTimestamp(), at.now)}
	if err := checkBody(&m, p); err != nil {
		return mq.Message{}, err
	}
	if err := labelsIn(&m, p); err != nil {
		return mq.Message{}, err
	}
	if err := propertiesIn(&m, in.GetUserProperties()); err != nil {
		return mq.Message{}, err
	}
	if m.Type, err = typeIn(p); err != nil {
		return mq.Message{}, err
	}
	if !at.accepts.Has(m.Type) {
		return mq.Message{}, mq.Refuse(mq.TypeConflict, "message %s is of type %s, the topic accepts %s", id, m.Type, typeNames(at.accepts))
	}
	if err := typedIn(&m, p, at); err != nil {
		return mq.Message{}, err
	}
	return m, nil
}

func checkBody(m *mq.Message, p *v2.SystemProperties) error {
	switch {
	case len(m.Body) == 0:
		return mq.Refuse(mq.BodyEmpty, "message %s has no body", m.ID)
	case len(m.Body) > mq.MaxBody:
		return mq.Refuse(mq.BodyTooLarge, "message %s has a body of %d bytes, the limit is %d", m.ID, len(m.Body), mq.MaxBody)
	case !digestHolds(p.GetBodyDigest(), m.Body):
		return mq.Refuse(mq.MessageCorrupted, "message %s: the body does not match its %s digest", m.ID, p.GetBodyDigest().GetType())
	}
	switch p.GetBodyEncoding() {
	case v2.Encoding_ENCODING_UNSPECIFIED, v2.Encoding_IDENTITY:
		m.Encoding = mq.Identity
	case v2.Encoding_GZIP:
		m.Encoding = mq.Gzip
	default:
		return mq.Refuse(mq.BadRequest, "message %s: body encoding %d is not known", m.ID, p.GetBodyEncoding())
	}
	return nil
}

func labelsIn(m *mq.Message, p *v2.SystemProperties) (err error) {
	if tag := p.GetTag(); tag != "" {
		if m.Tag, err = mq.ParseTag(tag); err != nil {
			return err
		}
	}
	if len(p.GetKeys()) > 0 {
		m.Keys = make([]mq.Key, len(p.GetKeys()))
		for i, k := range p.GetKeys() {
			if m.Keys[i], err = mq.ParseKey(k); err != nil {
				return err
			}
		}
	}
	if m.Trace = p.GetTraceContext(); len(m.Trace) > mq.MaxTraceContext {
		return mq.Refuse(mq.PropertiesTooLarge, "message %s: the trace context has %d bytes, the limit is %d", m.ID, len(m.Trace), mq.MaxTraceContext)
	}
	return nil
}

func propertiesIn(m *mq.Message, user map[string]string) error {
	if len(user) > mq.MaxProperties {
		return mq.Refuse(mq.PropertiesTooLarge, "message %s has %d user properties, the limit is %d", m.ID, len(user), mq.MaxProperties)
	}
	size := len(m.Tag.String())
	for _, k := range m.Keys {
		size += len(k.String())
	}
	if len(user) > 0 {
		m.Properties = make([]mq.Property, 0, len(user))
	}
	for name, value := range user {
		if size += len(name) + len(value); size > mq.MaxPropertyBytes {
			break
		}
		if err := mq.CheckProperty(name, value); err != nil {
			return err
		}
		m.Properties = append(m.Properties, mq.Property{Name: name, Value: value})
	}
	if size > mq.MaxPropertyBytes {
		return mq.Refuse(mq.PropertiesTooLarge, "message %s: keys, tag and user properties have more than %d bytes, the limit", m.ID, mq.MaxPropertyBytes)
	}
	slices.SortFunc(m.Properties, func(a, b mq.Property) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// typeIn is the message's declared type, or the one that its properties ask for when none is declared.
func typeIn(p *v2.SystemProperties) (mq.MessageType, error) {
	switch {
	case p.Priority != nil || p.GetMessageType() == v2.MessageType_PRIORITY:
		return 0, mq.Refuse(mq.Unsupported, "message priority is not supported")
	case p.GetLiteTopic() != "" || p.GetMessageType() == v2.MessageType_LITE:
		return 0, mq.Refuse(mq.Unsupported, "lite topics are not supported")
	}
	switch p.GetMessageType() {
	case v2.MessageType_NORMAL:
		return mq.Normal, nil
	case v2.MessageType_FIFO:
		return mq.FIFO, nil
	case v2.MessageType_DELAY:
		return mq.Delay, nil
	case v2.MessageType_TRANSACTION:
		return mq.Transaction, nil
	case v2.MessageType_MESSAGE_TYPE_UNSPECIFIED:
	default:
		return 0, mq.Refuse(mq.BadRequest, "message type %d is not known", p.GetMessageType())
	}
	switch {
	case p.GetMessageGroup() != "":
		return mq.FIFO, nil
	case p.GetDeliveryTimestamp() != nil:
		return mq.Delay, nil
	case p.GetOrphanedTransactionRecoveryDuration() != nil:
		return mq.Transaction, nil
	}
	return mq.Normal, nil
}

// typedIn reads the properties that belong to one type and refuses those of another: a message group on a delayed message
// would be an order that nobody keeps.
func typedIn(m *mq.Message, p *v2.SystemProperties, at arrival) (err error) {
	if p.GetMessageGroup() != "" {
		if m.Group, err = mq.ParseMessageGroup(p.GetMessageGroup()); err != nil {
			return err
		}
	}
	grouped, timed := m.Group != mq.MessageGroup{}, p.GetDeliveryTimestamp() != nil
	switch {
	case m.Type == mq.FIFO && !grouped:
		return mq.Refuse(mq.TypeConflict, "message %s is of type fifo and names no message group", m.ID)
	case m.Type != mq.FIFO && grouped:
		return mq.Refuse(mq.TypeConflict, "message %s is of type %s and names a message group", m.ID, m.Type)
	case m.Type == mq.Delay && !timed:
		return mq.Refuse(mq.TypeConflict, "message %s is of type delay and names no delivery time", m.ID)
	case m.Type != mq.Delay && timed:
		return mq.Refuse(mq.TypeConflict, "message %s is of type %s and names a delivery time", m.ID, m.Type)
	case m.Type == mq.Delay:
		m.DeliverAt, err = deliveryTime(p.GetDeliveryTimestamp(), at)
		return err
	case m.Type == mq.Transaction:
		return firstCheckIn(m, p)
	}
	return nil
}

// A time that has passed is delivered at once: clocks differ. One before 1970 or beyond the limit is a mistake.
func deliveryTime(ts *timestamppb.Timestamp, at arrival) (time.Time, error) {
	limit := min(mq.MaxDelay, at.maxDelay)
	if ts.CheckValid() != nil || ts.GetSeconds() < 0 {
		return time.Time{}, mq.Refuse(mq.IllegalDeliveryTime, "delivery time: not a time after 1970")
	}
	due := ts.AsTime()
	if due.Sub(at.now) > limit {
		return time.Time{}, mq.Refuse(mq.IllegalDeliveryTime, "delivery time %s: at most %v from now", due.Format(time.RFC3339), limit)
	}
	return due, nil
}

func firstCheckIn(m *mq.Message, p *v2.SystemProperties) error {
	rest := p.GetOrphanedTransactionRecoveryDuration()
	if rest == nil {
		return nil
	}
	if rest.CheckValid() != nil || rest.AsDuration() < 0 || rest.AsDuration() > mq.MaxCheckImmunity {
		return mq.Refuse(mq.BadRequest, "message %s: the first check of a transaction comes after 0 to %v", m.ID, mq.MaxCheckImmunity)
	}
	m.FirstCheck = rest.AsDuration()
	return nil
}

func born(ts *timestamppb.Timestamp, now time.Time) time.Time {
	if ts == nil || ts.CheckValid() != nil || ts.GetSeconds() <= 0 {
		return now
	}
	return ts.AsTime()
}

func bornHost(said string, remote netip.AddrPort) string {
	if said = printable(said, 255); said != "" {
		return said
	}
	return remote.Addr().Unmap().String()
}

func typeNames(a mq.Accepts) string {
	var names []string
	for _, t := range a.Types() {
		names = append(names, t.String())
	}
	return strings.Join(names, ", ")
}
