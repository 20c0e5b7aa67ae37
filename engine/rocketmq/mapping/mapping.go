// SPDX-License-Identifier: Apache-2.0

// Package mapping turns messages into what brokers keep, properties above all.
package mapping

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/mq"
)

// OriginProperty holds what brokers' own properties of a dead letter do not say: queue, offset, attempt, why.
const OriginProperty = "__CAUSEWAY_ORIGIN"

// Properties appends a message as brokers keep it, but for its body.
func Properties(b []byte, m *mq.Message, topic mq.Physical) ([]byte, error) {
	b = stored.AppendProperty(b, stored.UniqueKey, m.ID.String())
	put := func(name, value string) {
		if value != "" {
			b = stored.AppendProperty(b, name, value)
		}
	}
	put(stored.Tags, m.Tag.String())
	put(stored.Keys, m.JoinedKeys())
	put(stored.ShardingKey, m.Group.String())
	put(stored.TraceContext, m.Trace)
	put(stored.BornHostText, m.BornHost)
	if !m.Born.IsZero() {
		put(stored.BornMillis, strconv.FormatInt(m.Born.UnixMilli(), 10))
	}
	switch m.Type {
	case mq.Delay:
		put(stored.DeliverMillis, strconv.FormatInt(m.DeliverAt.UnixMilli(), 10))
	case mq.Transaction:
		put(stored.Half, "true")
		put(stored.ProducerGroup, topic.String())
		if m.FirstCheck > 0 {
			put(stored.FirstCheckAfter, strconv.FormatInt(int64((m.FirstCheck+time.Second-1)/time.Second), 10))
		}
	}
	if o := m.Origin; !o.IsZero() {
		put(stored.DeadTopic, o.Topic.String())
		put(stored.DeadMessage, o.Message.String())
		put(OriginProperty, fmt.Sprintf("%d %d %d %s", o.Queue, o.Offset, o.Attempt, Clean(o.Why)))
	}
	for _, p := range m.Properties {
		if stored.Reserved(p.Name) || p.Name == OriginProperty {
			return nil, mq.Refuse(mq.IllegalPropertyKey, "property %q: the name is reserved", p.Name)
		}
		if p.Value == "" {
			continue // the format has no empty values
		}
		if !stored.Keepable(p.Name, p.Value) {
			return nil, mq.Refuse(mq.IllegalPropertyKey, "property %q: name and value may not hold the bytes 1 and 2", p.Name)
		}
		b = stored.AppendProperty(b, p.Name, p.Value)
	}
	if len(b) > stored.MaxProperties {
		return nil, mq.Refuse(mq.PropertiesTooLarge, "properties of %d bytes, brokers take %d", len(b), stored.MaxProperties)
	}
	return b, nil
}

// Clean takes line ends and other controls out of a text for people.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
}

// Message is what a broker kept, as consumers get it. topic is the subscription's.
func Message(m *stored.Message, broker string, topic mq.Physical) mq.Stored {
	out := mq.Stored{Topic: topic, Broker: broker, Queue: mq.QueueID(m.Queue), Offset: mq.Offset(m.Offset), StoredAt: m.Stored}
	msg := &out.Message
	msg.Type, msg.Encoding, msg.Body, msg.Born = mq.Normal, mq.Identity, m.Body, m.Born
	if m.Sys&stored.Compressed != 0 {
		msg.Encoding = mq.Gzip
	}
	if m.Sys&stored.Verdict != 0 {
		msg.Type = mq.Transaction
	}
	var rest string
	for name, value := range m.Properties.All() {
		switch name {
		case stored.UniqueKey:
			msg.ID, _ = mq.ParseMessageID(value) // what another producer wrote may be none of ours
		case stored.Tags:
			msg.Tag, _ = mq.ParseTag(value)
		case stored.Keys:
			for _, k := range strings.Fields(value) {
				if key, err := mq.ParseKey(k); err == nil {
					msg.Keys = append(msg.Keys, key)
				}
			}
		case stored.ShardingKey:
			if msg.Group, _ = mq.ParseMessageGroup(value); msg.Type == mq.Normal {
				msg.Type = mq.FIFO
			}
		case stored.TraceContext:
			msg.Trace = value
		case stored.BornHostText:
			msg.BornHost = value
		case stored.BornMillis:
			if t, ok := millis(value); ok {
				msg.Born = t
			}
		case stored.DeliverMillis, stored.TimerOutMillis:
			if t, ok := millis(value); ok {
				msg.Type, msg.DeliverAt = mq.Delay, t
			}
		case stored.DeadTopic:
			msg.Origin.Topic, _ = mq.ParsePhysical(value)
		case stored.DeadMessage:
			msg.Origin.Message, _ = mq.ParseMessageID(value)
		case OriginProperty:
			rest = value
		default:
			if !stored.Reserved(name) {
				msg.Properties = append(msg.Properties, mq.Property{Name: name, Value: value})
			}
		}
	}
	if rest != "" {
		fillOrigin(&msg.Origin, rest)
	}
	if msg.ID == (mq.MessageID{}) {
		msg.ID, _ = mq.ParseMessageID(stored.Place{Host: m.StoreHost, Physical: m.Physical}.String())
	}
	slices.SortFunc(msg.Properties, func(a, b mq.Property) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func fillOrigin(o *mq.Origin, text string) {
	f := strings.SplitN(text, " ", 4)
	if len(f) != 4 {
		return
	}
	queue, _ := strconv.ParseInt(f[0], 10, 32)
	offset, _ := strconv.ParseInt(f[1], 10, 64)
	o.Queue, o.Offset, o.Why = mq.QueueID(queue), mq.Offset(offset), f[3]
	o.Attempt, _ = strconv.Atoi(f[2])
}

func millis(text string) (time.Time, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(n), err == nil
}
