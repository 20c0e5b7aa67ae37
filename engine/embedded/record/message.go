// SPDX-License-Identifier: Apache-2.0

package record

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Raw is an encoded message: everything of an mq.Message. It is copied between records without being decoded.
type Raw []byte

const (
	noTime    = int64(-1) << 63 // how the zero time is written
	hasOrigin = 1
)

// SizeHint is at least the encoded size of m in bytes.
func SizeHint(m *mq.Message) int {
	n := 160 + len(m.ID.String()) + len(m.Tag.String()) + len(m.Group.String()) + len(m.Trace) + len(m.BornHost) + len(m.Body)
	for _, k := range m.Keys {
		n += 3 + len(k.String())
	}
	for i := range m.Properties {
		n += 6 + len(m.Properties[i].Name) + len(m.Properties[i].Value)
	}
	if !m.Origin.IsZero() {
		n += 40 + len(m.Origin.Topic.String()) + len(m.Origin.Message.String()) + len(m.Origin.Why)
	}
	return n
}

// AppendRaw appends the encoded message to b. What an index asks for stands first: id, tag, keys.
func AppendRaw(b []byte, m *mq.Message) []byte {
	b = putString(b, m.ID.String())
	b = putString(b, m.Tag.String())
	b = binary.AppendUvarint(b, uint64(len(m.Keys)))
	for _, k := range m.Keys {
		b = putString(b, k.String())
	}
	b = putString(b, m.Group.String())
	b = append(b, byte(m.Type), byte(m.Encoding))
	b = putTime(b, m.DeliverAt)
	b = binary.AppendVarint(b, int64(m.FirstCheck))
	b = binary.AppendUvarint(b, uint64(len(m.Properties)))
	for i := range m.Properties {
		b = putString(b, m.Properties[i].Name)
		b = putString(b, m.Properties[i].Value)
	}
	b = putString(b, m.Trace)
	b = putTime(b, m.Born)
	b = putString(b, m.BornHost)
	if m.Origin.IsZero() {
		b = append(b, 0)
	} else {
		b = append(b, hasOrigin)
		b = putString(b, m.Origin.Topic.String())
		b = putString(b, m.Origin.Message.String())
		b = binary.AppendVarint(b, int64(m.Origin.Queue))
		b = binary.AppendVarint(b, int64(m.Origin.Offset))
		b = binary.AppendVarint(b, int64(m.Origin.Attempt))
		b = putString(b, m.Origin.Why)
	}
	return append(b, m.Body...)
}

// Message decodes all of it. The body points into r.
func (raw Raw) Message() (mq.Message, error) {
	r := reader{b: raw}
	var m mq.Message
	m.ID = parsed(&r, mq.ParseMessageID)
	m.Tag = parsed(&r, mq.ParseTag)
	if n := r.count(1); n > 0 {
		m.Keys = make([]mq.Key, n)
		for i := range m.Keys {
			m.Keys[i] = parsed(&r, mq.ParseKey)
		}
	}
	m.Group = parsed(&r, mq.ParseMessageGroup)
	m.Type = mq.MessageType(r.byte())
	m.Encoding = mq.Encoding(r.byte())
	m.DeliverAt = r.time()
	m.FirstCheck = time.Duration(r.varint())
	if n := r.count(2); n > 0 {
		m.Properties = make([]mq.Property, n)
		for i := range m.Properties {
			m.Properties[i] = mq.Property{Name: r.string(), Value: r.string()}
		}
	}
	m.Trace = r.string()
	m.Born = r.time()
	m.BornHost = r.string()
	if r.byte() == hasOrigin {
		m.Origin = mq.Origin{
			Topic:   parsed(&r, mq.ParsePhysical),
			Message: parsed(&r, mq.ParseMessageID),
			Queue:   mq.QueueID(r.varint()),
			Offset:  mq.Offset(r.varint()),
			Attempt: int(r.varint()),
			Why:     r.string(),
		}
	}
	if r.bad {
		return mq.Message{}, fmt.Errorf("record: message of %d bytes is damaged: %w", len(raw), ErrMalformed)
	}
	m.Body = r.b
	return m, nil
}

// Brief is what an index keeps of a message. The slices point into the Raw.
type Brief struct {
	ID, Tag []byte
	Keys    [][]byte // reused from call to call
	Group   []byte
}

// Brief decodes the first part of a message into b, without allocating once b.Keys has grown.
func (raw Raw) Brief(b *Brief) error {
	r := reader{b: raw}
	b.ID = r.bytes()
	b.Tag = r.bytes()
	b.Keys = b.Keys[:0]
	for range r.count(1) {
		b.Keys = append(b.Keys, r.bytes())
	}
	b.Group = r.bytes()
	if r.bad {
		return fmt.Errorf("record: message of %d bytes is damaged: %w", len(raw), ErrMalformed)
	}
	return nil
}

// Order is the hash by which ordered groups know a message group: 64-bit FNV-1a. Two groups of one hash would merely share an
// order.
func Order(group []byte) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, c := range group {
		h = (h ^ uint64(c)) * prime
	}
	return h
}

// messageHead is the fixed part before Raw: topic, queue, offset, time, flags.
const messageHead = 4 + 4 + 8 + 8 + 1

// Sealed is a record of one message that was encoded before its place was known.
type Sealed []byte

// Seal starts a record of one message in b[:0]; Place completes it.
func Seal(b []byte, m *mq.Message) Sealed {
	b = append(b[:0], Version, byte(KindMessage), 0, 0, 0, 0)
	b = append(b, make([]byte, messageHead)...)
	b = AppendRaw(b, m)
	binary.LittleEndian.PutUint32(b[2:], uint32(len(b)-1-partHeader))
	return b
}

// Place writes the message's place into the record.
func (s Sealed) Place(q Queue, offset, at int64) {
	putPlace(s[1+partHeader:], Message{Queue: q, Offset: offset, At: at})
}

// Raw is the message within the record.
func (s Sealed) Raw() Raw { return Raw(s[1+partHeader+messageHead:]) }

func putPlace(b []byte, m Message) {
	binary.LittleEndian.PutUint32(b, uint32(m.Queue.Topic))
	binary.LittleEndian.PutUint32(b[4:], uint32(m.Queue.Queue))
	binary.LittleEndian.PutUint64(b[8:], uint64(m.Offset))
	binary.LittleEndian.PutUint64(b[16:], uint64(m.At))
	b[24] = 0
	if m.Carried {
		b[24] = 1
	}
}

func (m Message) appendTo(b []byte) []byte {
	at := len(b)
	b = append(b, make([]byte, messageHead)...)
	putPlace(b[at:], m)
	return append(b, m.Raw...)
}

func (r *reader) message() Message {
	if len(r.b) < messageHead {
		r.bad = true
		return Message{}
	}
	m := Message{
		Queue:   Queue{TopicID(binary.LittleEndian.Uint32(r.b)), mq.QueueID(binary.LittleEndian.Uint32(r.b[4:]))},
		Offset:  int64(binary.LittleEndian.Uint64(r.b[8:])),
		At:      int64(binary.LittleEndian.Uint64(r.b[16:])),
		Carried: r.b[24]&1 != 0,
		Raw:     Raw(r.b[messageHead:]),
	}
	r.bad = r.bad || m.Offset < 0 || m.Queue.Queue < 0 || m.Queue.Queue >= mq.MaxQueues
	r.b = nil
	return m
}

// parsed reads a string that only its parser can turn into a T; the empty string is the zero value.
func parsed[T any](r *reader, parse func(string) (T, error)) T {
	var none T
	s := r.string()
	if s == "" {
		return none
	}
	v, err := parse(s)
	if err != nil {
		r.bad = true
		return none
	}
	return v
}
