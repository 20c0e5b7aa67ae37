// SPDX-License-Identifier: Apache-2.0

// Package stored is the byte format in which RocketMQ brokers keep messages.
//
// A pop, pull or query answers with such records one behind the other. A record says its own size; every length inside is checked
// against it, so no input, however broken, reads or allocates beyond what came in. Bodies are parts of the input.
package stored

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"time"
)

// ErrCorrupt is wrapped by every complaint about bytes that are no record.
var ErrCorrupt = errors.New("corrupt record")

// Flags of Message.Sys.
const (
	Compressed   = 1
	MultiTags    = 1 << 1
	Prepared     = 1 << 2 // the half of a transaction
	Committed    = 2 << 2
	RolledBack   = 3 << 2
	Verdict      = 3 << 2 // mask of the three above
	BornHostV6   = 1 << 4
	StoreHostV6  = 1 << 5
	NeedUnwrap   = 1 << 6 // the body holds messages, for whoever reads
	InnerBatch   = 1 << 7
	Compressions = 7 << 8 // mask of the compression's kind
)

const (
	magicV1    uint32 = 0xDAA320A7 // the topic's length is one byte
	magicV2    uint32 = 0xDAA320AB // two bytes
	magicBlank uint32 = 0xCBD43194 // fills the end of a file: nothing follows

	fixed = 4 + 4 + 4 + 4 + 4 + 8 + 8 + 4 + 8 + 8 + 8 + 8 + 4 + 8 + 4 + 1 + 2 // the least size: two IPv4 hosts, no body, topic or properties
	// MaxTopic bounds a topic's name in bytes; version 1 ends at 127.
	MaxTopic   = 1<<15 - 1
	maxTopicV1 = 127
)

// Message is one record.
type Message struct {
	Topic          string
	Queue          int32
	Flag           int32 // the application's own
	Offset         int64 // in its queue
	Physical       int64 // in the broker's commit log
	Sys            int32
	Born           time.Time // by the client's clock, to the millisecond
	BornHost       netip.AddrPort
	Stored         time.Time // by the broker's clock, to the millisecond
	StoreHost      netip.AddrPort
	Reconsumed     int32
	PreparedOffset int64  // of a transaction: the half's place in the log
	CRC            uint32 // of the body, as the broker computed it
	Body           []byte // a part of the input
	Properties     Properties
}

// Next reads the record at the beginning of data and gives what lies behind it. ok is false at the end: no data, or filler.
func Next(data []byte) (m Message, rest []byte, ok bool, err error) {
	if len(data) == 0 {
		return m, nil, false, nil
	}
	if len(data) < 8 {
		return m, nil, false, fmt.Errorf("%w: %d bytes are left, a record begins with 8", ErrCorrupt, len(data))
	}
	size, magic := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
	switch {
	case magic == magicBlank:
		return m, nil, false, nil
	case magic != magicV1 && magic != magicV2:
		return m, nil, false, fmt.Errorf("%w: magic %08x", ErrCorrupt, magic)
	case size < fixed || uint64(size) > uint64(len(data)):
		return m, nil, false, fmt.Errorf("%w: size %d, at least %d and at most the %d bytes that are there", ErrCorrupt, size, fixed, len(data))
	}
	c := cursor{data: data[8:size]}
	c.record(&m, magic == magicV2)
	if c.short {
		return Message{}, nil, false, fmt.Errorf("%w: a length inside points beyond its %d bytes", ErrCorrupt, size)
	}
	return m, data[size:], true, nil
}

// All reads every record. most bounds their number.
func All(data []byte, most int) ([]Message, error) {
	var all []Message
	for {
		m, rest, ok, err := Next(data)
		switch {
		case err != nil:
			return nil, fmt.Errorf("record %d: %w", len(all), err)
		case !ok:
			return all, nil
		case len(all) == most:
			return nil, fmt.Errorf("%w: more than %d records", ErrCorrupt, most)
		}
		all, data = append(all, m), rest
	}
}

func (c *cursor) record(m *Message, wideTopic bool) {
	m.CRC = c.u32()
	m.Queue = c.i32()
	m.Flag = c.i32()
	m.Offset = c.i64()
	m.Physical = c.i64()
	m.Sys = c.i32()
	m.Born = c.millis()
	m.BornHost = c.host(m.Sys&BornHostV6 != 0)
	m.Stored = c.millis()
	m.StoreHost = c.host(m.Sys&StoreHostV6 != 0)
	m.Reconsumed = c.i32()
	m.PreparedOffset = c.i64()
	m.Body = c.bytes(int64(c.i32()))
	if wideTopic {
		m.Topic = string(c.bytes(int64(int16(c.u16()))))
	} else {
		m.Topic = string(c.bytes(int64(int8(c.u8()))))
	}
	m.Properties = Properties(c.bytes(int64(int16(c.u16()))))
}

// Intact tells whether the body is what the broker checksummed. A CRC of 0 means that it was never computed.
func (m *Message) Intact() bool { return m.CRC == 0 || m.CRC == checksum(m.Body) }

// checksum is kept in a signed field by brokers, without its top bit.
func checksum(body []byte) uint32 { return crc32.ChecksumIEEE(body) &^ (1 << 31) }

// Append appends the record of m, the way a broker does: version 1 where the topic's name fits, and checksummed. The flags of the
// hosts' families are set by the hosts.
func Append(b []byte, m *Message) []byte {
	magic := magicV1
	if len(m.Topic) > maxTopicV1 {
		magic = magicV2
	}
	sys := m.Sys &^ (BornHostV6 | StoreHostV6)
	if m.BornHost.Addr().Is6() {
		sys |= BornHostV6
	}
	if m.StoreHost.Addr().Is6() {
		sys |= StoreHostV6
	}
	from := len(b)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, magic)
	b = binary.BigEndian.AppendUint32(b, checksum(m.Body))
	b = binary.BigEndian.AppendUint32(b, uint32(m.Queue))
	b = binary.BigEndian.AppendUint32(b, uint32(m.Flag))
	b = binary.BigEndian.AppendUint64(b, uint64(m.Offset))
	b = binary.BigEndian.AppendUint64(b, uint64(m.Physical))
	b = binary.BigEndian.AppendUint32(b, uint32(sys))
	b = binary.BigEndian.AppendUint64(b, uint64(millis(m.Born)))
	b = appendHost(b, m.BornHost)
	b = binary.BigEndian.AppendUint64(b, uint64(millis(m.Stored)))
	b = appendHost(b, m.StoreHost)
	b = binary.BigEndian.AppendUint32(b, uint32(m.Reconsumed))
	b = binary.BigEndian.AppendUint64(b, uint64(m.PreparedOffset))
	b = binary.BigEndian.AppendUint32(b, uint32(len(m.Body)))
	b = append(b, m.Body...)
	if magic == magicV2 {
		b = binary.BigEndian.AppendUint16(b, uint16(len(m.Topic)))
	} else {
		b = append(b, byte(len(m.Topic)))
	}
	b = append(b, m.Topic...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Properties)))
	b = append(b, m.Properties...)
	binary.BigEndian.PutUint32(b[from:], uint32(len(b)-from))
	return b
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// appendHost writes an address as 4 or 16 bytes and its port as 4. None is 0.0.0.0:0.
func appendHost(b []byte, h netip.AddrPort) []byte {
	a := h.Addr()
	if !a.IsValid() {
		a = netip.IPv4Unspecified()
	}
	b = append(b, a.AsSlice()...)
	return binary.BigEndian.AppendUint32(b, uint32(h.Port()))
}

// cursor reads big-endian numbers; once a read does not fit, short is set and everything is zero.
type cursor struct {
	data  []byte
	short bool
}

func (c *cursor) bytes(n int64) []byte {
	if c.short || n < 0 || n > int64(len(c.data)) {
		c.short = true
		return nil
	}
	b := c.data[:n:n]
	c.data = c.data[n:]
	return b
}

func (c *cursor) u8() uint8 {
	if b := c.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if b := c.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) i32() int32 { return int32(c.u32()) }

func (c *cursor) i64() int64 {
	if b := c.bytes(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (c *cursor) millis() time.Time { return time.UnixMilli(c.i64()) }

func (c *cursor) host(v6 bool) netip.AddrPort {
	n := int64(4)
	if v6 {
		n = 16
	}
	a, _ := netip.AddrFromSlice(c.bytes(n))
	return netip.AddrPortFrom(a, uint16(c.u32()))
}
