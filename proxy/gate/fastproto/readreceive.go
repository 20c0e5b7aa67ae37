// SPDX-License-Identifier: Apache-2.0

package fastproto

import (
	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/encoding/protowire"
)

func readReceive(data []byte, m *v2.ReceiveMessageRequest) bool {
	c := over(data)
	for {
		number, kind, ok := c.next()
		if !ok {
			return !c.bad
		}
		switch number {
		case 1:
			m.Group = resource(&c, kind, m.Group, new(v2.Resource))
		case 2:
			in := c.inner(kind, m.MessageQueue != nil)
			m.MessageQueue = new(v2.MessageQueue)
			readQueue(&in, m.MessageQueue)
			c.end(in)
		case 3:
			in := c.inner(kind, m.FilterExpression != nil)
			m.FilterExpression = new(v2.FilterExpression)
			readFilter(&in, m.FilterExpression)
			c.end(in)
		case 4:
			m.BatchSize = int32(c.varint(kind))
		case 5:
			m.InvisibleDuration = c.duration(kind, m.InvisibleDuration != nil)
		case 6:
			m.AutoRenew = protowire.DecodeBool(c.varint(kind))
		case 7:
			m.LongPollingTimeout = c.duration(kind, m.LongPollingTimeout != nil)
		case 8:
			v := c.string(kind)
			m.AttemptId = &v
		default:
			c.bad = true
		}
	}
}

func readQueue(c *cursor, q *v2.MessageQueue) {
	for {
		number, kind, ok := c.next()
		if !ok {
			return
		}
		switch number {
		case 1:
			q.Topic = resource(c, kind, q.Topic, new(v2.Resource))
		case 2:
			q.Id = int32(c.varint(kind))
		case 3:
			q.Permission = v2.Permission(c.varint(kind))
		case 4:
			in := c.inner(kind, q.Broker != nil)
			q.Broker = new(v2.Broker)
			readBroker(&in, q.Broker)
			c.end(in)
		case 5:
			in := c.inner(kind, false)
			for len(in.data) > 0 && !in.bad {
				q.AcceptMessageTypes = append(q.AcceptMessageTypes, v2.MessageType(in.varint(protowire.VarintType)))
			}
			c.end(in)
		default:
			c.bad = true
		}
	}
}

func readBroker(c *cursor, b *v2.Broker) {
	for {
		number, kind, ok := c.next()
		if !ok {
			return
		}
		switch number {
		case 1:
			b.Name = c.string(kind)
		case 2:
			b.Id = int32(c.varint(kind))
		case 3:
			in := c.inner(kind, b.Endpoints != nil)
			b.Endpoints = new(v2.Endpoints)
			readEndpoints(&in, b.Endpoints)
			c.end(in)
		default:
			c.bad = true
		}
	}
}

func readEndpoints(c *cursor, e *v2.Endpoints) {
	for {
		number, kind, ok := c.next()
		if !ok {
			return
		}
		switch number {
		case 1:
			e.Scheme = v2.AddressScheme(c.varint(kind))
		case 2:
			in, a := c.inner(kind, false), new(v2.Address)
			readAddress(&in, a)
			c.end(in)
			e.Addresses = append(e.Addresses, a)
		default:
			c.bad = true
		}
	}
}

func readAddress(c *cursor, a *v2.Address) {
	for {
		number, kind, ok := c.next()
		if !ok {
			return
		}
		switch number {
		case 1:
			a.Host = c.string(kind)
		case 2:
			a.Port = int32(c.varint(kind))
		default:
			c.bad = true
		}
	}
}

func readFilter(c *cursor, f *v2.FilterExpression) {
	for {
		number, kind, ok := c.next()
		if !ok {
			return
		}
		switch number {
		case 1:
			f.Type = v2.FilterType(c.varint(kind))
		case 2:
			f.Expression = c.string(kind)
		default:
			c.bad = true
		}
	}
}
