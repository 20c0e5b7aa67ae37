// SPDX-License-Identifier: Apache-2.0

package mq

import (
	"hash/fnv"
	"strings"
	"time"
)

// Limits of one message.
const (
	MaxBody           = 4 << 20 // bytes
	MaxProperties     = 128     // user properties
	MaxPropertyBytes  = 16 << 10
	MaxBatch          = 1000 // messages in one call
	MaxDelay          = 40 * 24 * time.Hour
	MaxCheckImmunity  = 6 * time.Hour // the longest rest before the first check of a transaction
	MaxTraceContext   = 512           // bytes
	DefaultFirstCheck = 6 * time.Second
)

// Encoding says how the producer encoded the body; the platform never looks inside.
type Encoding uint8

// The encodings, numbered as in apache.rocketmq.v2.
const (
	Identity Encoding = 1
	Gzip     Encoding = 2
)

// Property is one user property.
type Property struct{ Name, Value string }

// Message is what a producer sends and a consumer gets. Body and Properties are shared, never changed after they were handed over.
type Message struct {
	ID         MessageID
	Type       MessageType
	Tag        Tag
	Keys       []Key
	Group      MessageGroup  // FIFO only
	DeliverAt  time.Time     // Delay only; zero otherwise
	FirstCheck time.Duration // Transaction only: rest before the first check, 0 = DefaultFirstCheck
	Properties []Property    // sorted by name, names unique
	Trace      string        // W3C trace context, untouched
	Born       time.Time     // by the client's clock
	BornHost   string
	Encoding   Encoding
	Body       []byte
	Origin     Origin // dead letters only
}

// Origin is where a dead letter came from.
type Origin struct {
	Topic   Physical
	Message MessageID
	Queue   QueueID
	Offset  Offset
	Attempt int    // deliveries that were tried
	Why     string // "attempts" or the consumer's own reason
}

// IsZero tells whether the message is no dead letter.
func (o Origin) IsZero() bool { return o.Topic == Physical{} }

// Property finds a user property.
func (m *Message) Property(name string) (string, bool) {
	for i := range m.Properties {
		if m.Properties[i].Name == name {
			return m.Properties[i].Value, true
		}
	}
	return "", false
}

// JoinedKeys is the keys as brokers keep them: joined by one space.
func (m *Message) JoinedKeys() string {
	if len(m.Keys) == 0 {
		return ""
	}
	parts := make([]string, len(m.Keys))
	for i, k := range m.Keys {
		parts[i] = k.s
	}
	return strings.Join(parts, " ")
}

// QueueOf is the queue that all messages of the group go to, of n queues, on the embedded engine.
func (g MessageGroup) QueueOf(n int) QueueID {
	h := fnv.New64a()
	h.Write([]byte(g.s))
	return QueueID(h.Sum64() % uint64(n))
}

// Filter is a consumer's filter as written; mq/filter checks, compiles and evaluates it. The zero value lets everything pass.
type Filter struct {
	SQL        bool   // SQL92 when set, otherwise a tag expression
	Expression string // "" and "*" pass everything as a tag expression
}

// All tells whether every message passes without looking at it.
func (f Filter) All() bool {
	return !f.SQL && (f.Expression == "" || f.Expression == "*")
}
