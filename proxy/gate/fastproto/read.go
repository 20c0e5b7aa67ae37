// SPDX-License-Identifier: Apache-2.0

package fastproto

import (
	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Read fills an empty message from its wire form. False: it is none of the hot requests, or the stock codec must look at it; into is then
// half filled and must be reset.
func Read(data []byte, into any) bool {
	switch m := into.(type) {
	case *v2.SendMessageRequest:
		return readSend(data, m)
	case *v2.AckMessageRequest:
		return readAck(data, m)
	case *v2.ReceiveMessageRequest:
		return readReceive(data, m)
	case *v2.ChangeInvisibleDurationRequest:
		return readChange(data, m)
	}
	return false
}

// sendParts is what a request with one message is made of, in one piece.
type sendParts struct {
	message v2.Message
	topic   v2.Resource
	system  v2.SystemProperties
	born    timestamppb.Timestamp
	tag     string
	key     [1]string
	one     [1]*v2.Message
}

func readSend(data []byte, m *v2.SendMessageRequest) bool {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 || number != 1 || kind != protowire.BytesType {
			return false
		}
		data = data[n:]
		one, n := protowire.ConsumeBytes(data)
		if n < 0 {
			return false
		}
		data = data[n:]
		p := new(sendParts)
		if !readMessage(one, p) {
			return false
		}
		if m.Messages == nil {
			p.one[0] = &p.message
			m.Messages = p.one[:]
		} else {
			m.Messages = append(m.Messages, &p.message)
		}
	}
	return true
}

// readMessage finds the body first: all the rest is copied in one piece, as text.
func readMessage(data []byte, p *sendParts) bool {
	const body = 4
	head, rest := data, data
	var tail []byte
	for len(rest) > 0 {
		number, kind, n := protowire.ConsumeTag(rest)
		if n < 0 || kind != protowire.BytesType {
			return false
		}
		value, size := protowire.ConsumeBytes(rest[n:])
		if size < 0 {
			return false
		}
		if number == body {
			if p.message.Body != nil {
				return false
			}
			p.message.Body = append([]byte{}, value...)
			head, tail = data[:len(data)-len(rest)], rest[n+size:]
		}
		rest = rest[n+size:]
	}
	if !readLabels(over(head), p) {
		return false
	}
	return len(tail) == 0 || readLabels(over(tail), p)
}

// readLabels reads all of a message but its body.
func readLabels(c cursor, p *sendParts) bool {
	for {
		number, kind, ok := c.next()
		if !ok {
			return !c.bad
		}
		switch number {
		case 1:
			in := c.inner(kind, p.message.Topic != nil)
			p.message.Topic = &p.topic
			readResource(&in, &p.topic)
			c.end(in)
		case 2:
			in := c.inner(kind, false)
			name, value := readProperty(&in)
			c.end(in)
			if p.message.UserProperties == nil {
				p.message.UserProperties = make(map[string]string)
			}
			p.message.UserProperties[name] = value
		case 3:
			in := c.inner(kind, p.message.SystemProperties != nil)
			p.message.SystemProperties = &p.system
			readSystem(&in, p)
			c.end(in)
		default:
			c.bad = true
		}
	}
}

func readResource(c *cursor, r *v2.Resource) {
	for {
		number, kind, ok := c.next()
		if !ok {
			return
		}
		switch number {
		case 1:
			r.ResourceNamespace = c.string(kind)
		case 2:
			r.Name = c.string(kind)
		default:
			c.bad = true
		}
	}
}

func readProperty(c *cursor) (name, value string) {
	for {
		number, kind, ok := c.next()
		if !ok {
			return name, value
		}
		switch number {
		case 1:
			name = c.string(kind)
		case 2:
			value = c.string(kind)
		default:
			c.bad = true
		}
	}
}

// readSystem reads what producers say. What only the platform says is left to the stock codec: nobody sends it.
func readSystem(c *cursor, p *sendParts) {
	s := &p.system
	for {
		number, kind, ok := c.next()
		if !ok {
			return
		}
		switch number {
		case 1:
			p.tag = c.string(kind)
			s.Tag = &p.tag
		case 2:
			if s.Keys == nil {
				s.Keys = p.key[:0]
			}
			s.Keys = append(s.Keys, c.string(kind))
		case 3:
			s.MessageId = c.string(kind)
		case 4:
			in := c.inner(kind, s.BodyDigest != nil)
			s.BodyDigest = new(v2.Digest)
			readDigest(&in, s.BodyDigest)
			c.end(in)
		case 5:
			s.BodyEncoding = v2.Encoding(c.varint(kind))
		case 6:
			s.MessageType = v2.MessageType(c.varint(kind))
		case 7:
			p.born.Seconds, p.born.Nanos = c.pair(kind, s.BornTimestamp != nil)
			s.BornTimestamp = &p.born
		case 8:
			s.BornHost = c.string(kind)
		case 11:
			s.DeliveryTimestamp = c.timestamp(kind, s.DeliveryTimestamp != nil)
		case 13:
			s.QueueId = int32(c.varint(kind))
		case 17:
			v := c.string(kind)
			s.MessageGroup = &v
		case 18:
			v := c.string(kind)
			s.TraceContext = &v
		case 19:
			s.OrphanedTransactionRecoveryDuration = c.duration(kind, s.OrphanedTransactionRecoveryDuration != nil)
		default:
			c.bad = true
		}
	}
}

func readDigest(c *cursor, d *v2.Digest) {
	for {
		number, kind, ok := c.next()
		if !ok {
			return
		}
		switch number {
		case 1:
			d.Type = v2.DigestType(c.varint(kind))
		case 2:
			d.Checksum = c.string(kind)
		default:
			c.bad = true
		}
	}
}

// settling is the parts of a request that names a group and a topic.
type settling struct{ group, topic v2.Resource }

func readAck(data []byte, m *v2.AckMessageRequest) bool {
	c := over(data)
	parts := new(struct {
		settling
		entry v2.AckMessageEntry
		one   [1]*v2.AckMessageEntry
	})
	for {
		number, kind, ok := c.next()
		if !ok {
			return !c.bad
		}
		switch number {
		case 1:
			m.Group = resource(&c, kind, m.Group, &parts.group)
		case 2:
			m.Topic = resource(&c, kind, m.Topic, &parts.topic)
		case 3:
			in := c.inner(kind, false)
			entry := &parts.entry
			if m.Entries == nil {
				parts.one[0] = entry
				m.Entries = parts.one[:]
			} else {
				entry = new(v2.AckMessageEntry)
				m.Entries = append(m.Entries, entry)
			}
			readEntry(&in, entry)
			c.end(in)
		default:
			c.bad = true
		}
	}
}

func resource(c *cursor, kind protowire.Type, before, into *v2.Resource) *v2.Resource {
	in := c.inner(kind, before != nil)
	readResource(&in, into)
	c.end(in)
	return into
}

func readEntry(c *cursor, e *v2.AckMessageEntry) {
	for {
		number, kind, ok := c.next()
		if !ok {
			return
		}
		switch number {
		case 1:
			e.MessageId = c.string(kind)
		case 2:
			e.ReceiptHandle = c.string(kind)
		case 3:
			v := c.string(kind)
			e.LiteTopic = &v
		default:
			c.bad = true
		}
	}
}

func readChange(data []byte, m *v2.ChangeInvisibleDurationRequest) bool {
	c := over(data)
	parts := new(settling)
	for {
		number, kind, ok := c.next()
		if !ok {
			return !c.bad
		}
		switch number {
		case 1:
			m.Group = resource(&c, kind, m.Group, &parts.group)
		case 2:
			m.Topic = resource(&c, kind, m.Topic, &parts.topic)
		case 3:
			m.ReceiptHandle = c.string(kind)
		case 4:
			m.InvisibleDuration = c.duration(kind, m.InvisibleDuration != nil)
		case 5:
			m.MessageId = c.string(kind)
		case 6:
			v := c.string(kind)
			m.LiteTopic = &v
		case 7:
			v := protowire.DecodeBool(c.varint(kind))
			m.Suspend = &v
		default:
			c.bad = true
		}
	}
}
