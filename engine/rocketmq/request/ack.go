// SPDX-License-Identifier: Apache-2.0

package request

import (
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// Ack settles one delivery.
type Ack struct {
	Group  string
	Topic  string // the real one: Handle.RealTopic
	Queue  int32
	Handle string
	Offset int64
	Broker string
}

// AckOf fills the request from a handle.
func AckOf(topic, group string, h Handle) Ack {
	return Ack{Group: group, Topic: h.RealTopic(topic, group), Queue: h.Queue, Handle: h.String(), Offset: h.Offset, Broker: h.Broker}
}

// Walk visits the fields.
func (h *Ack) Walk(w *remoting.Walker) {
	w.Text("consumerGroup", &h.Group)
	w.Text("topic", &h.Topic)
	w.Int32("queueId", &h.Queue)
	w.Text("extraInfo", &h.Handle)
	w.Int("offset", &h.Offset)
	w.TextIf("bname", &h.Broker)
}

// ChangeInvisible hides a delivery for another time and voids its handle. For an orderly delivery the pop time stays, so the old handle
// goes on acknowledging.
type ChangeInvisible struct {
	Ack
	InvisibleMillis int64
}

// Walk visits the fields.
func (h *ChangeInvisible) Walk(w *remoting.Walker) {
	h.Ack.Walk(w)
	w.Int("invisibleTime", &h.InvisibleMillis)
}

// ChangeInvisibleAnswer is what the new handle is made of. All zero: the message is committed already.
type ChangeInvisibleAnswer struct {
	PopMillis       int64
	InvisibleMillis int64
	ReviveQueue     int32
}

// Walk visits the fields.
func (h *ChangeInvisibleAnswer) Walk(w *remoting.Walker) {
	w.Int("popTime", &h.PopMillis)
	w.Int("invisibleTime", &h.InvisibleMillis)
	w.Int32("reviveQid", &h.ReviveQueue)
}

// Next is the handle that replaces old.
func (h *ChangeInvisibleAnswer) Next(old Handle) Handle {
	next := old
	next.Start, next.PopMillis, next.InvisibleMillis, next.ReviveQueue = old.Offset, h.PopMillis, h.InvisibleMillis, h.ReviveQueue
	return next
}

// Checkpoint is the deliveries of one pop from one queue that are acknowledged together.
type Checkpoint struct {
	Group           string
	Topic           string // of the subscription, not the retry topic
	Retry           int32
	Start           int64
	Queue           int32
	ReviveQueue     int32
	PopMillis       int64
	InvisibleMillis int64
	Bits            []byte // bit i of byte i/8, lowest first: the message at Start+i
}

// MaxSpan bounds how far a message may lie behind its checkpoint's start: beyond it an Ack of its own is cheaper.
const MaxSpan = 1 << 12

// Set marks the message at offset; false: it does not belong to the checkpoint.
func (c *Checkpoint) Set(offset int64) bool {
	i := offset - c.Start
	if i < 0 || i >= MaxSpan {
		return false
	}
	for int64(len(c.Bits)) <= i/8 {
		c.Bits = append(c.Bits, 0)
	}
	c.Bits[i/8] |= 1 << (i % 8)
	return true
}

// Offsets lists the marked messages.
func (c *Checkpoint) Offsets() []int64 {
	var all []int64
	for i := range int64(len(c.Bits)) * 8 {
		if c.Bits[i/8]&(1<<(i%8)) != 0 {
			all = append(all, c.Start+i)
		}
	}
	return all
}

// AppendBatchAck appends the body of a BatchAck request, which has no fields.
func AppendBatchAck(b []byte, broker string, acks []Checkpoint) []byte {
	b = fastjson.AppendString(append(b, `{"brokerName":`...), broker)
	b = append(b, `,"acks":[`...)
	for i := range acks {
		a := &acks[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = fastjson.AppendString(append(b, `{"c":`...), a.Group)
		b = fastjson.AppendString(append(b, `,"t":`...), a.Topic)
		b = fastjson.AppendString(append(b, `,"r":`...), strconv.Itoa(int(a.Retry)))
		for _, n := range []struct {
			name  string
			value int64
		}{{"so", a.Start}, {"q", int64(a.Queue)}, {"rq", int64(a.ReviveQueue)}, {"pt", a.PopMillis}, {"it", a.InvisibleMillis}} {
			b = append(append(append(b, `,"`...), n.name...), `":`...)
			b = strconv.AppendInt(b, n.value, 10)
		}
		b = base64.StdEncoding.AppendEncode(append(b, `,"b":"`...), a.Bits)
		b = append(b, `"}`...)
	}
	return append(b, "]}"...)
}

// ParseBatchAck reads what AppendBatchAck writes.
func ParseBatchAck(body []byte) (broker string, acks []Checkpoint, err error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return "", nil, err
	}
	for _, a := range v.Get("acks").Items() {
		bits, err := base64.StdEncoding.DecodeString(a.Get("b").String())
		if err != nil || len(bits) > MaxSpan/8 {
			return "", nil, fmt.Errorf("%w: %d bytes of bits, %v", ErrAnswer, len(bits), err)
		}
		acks = append(acks, Checkpoint{
			Group: a.Get("c").String(), Topic: a.Get("t").String(), Retry: int32(a.Get("r").Or(0)), Start: a.Get("so").Or(0),
			Queue: int32(a.Get("q").Or(0)), ReviveQueue: int32(a.Get("rq").Or(0)), PopMillis: a.Get("pt").Or(0),
			InvisibleMillis: a.Get("it").Or(0), Bits: bits,
		})
	}
	return v.Get("brokerName").String(), acks, nil
}
