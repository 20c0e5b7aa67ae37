// SPDX-License-Identifier: Apache-2.0

package fastproto

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// cursor walks the fields of one message. text is the same bytes as a string, so that every string of the message is a part of one
// piece of memory. bad is set by whatever is not for this package; the walk is worthless from then on.
type cursor struct {
	data []byte
	text string
	bad  bool
}

func over(data []byte) cursor { return cursor{data: data, text: string(data)} }

// next reads a tag. It is false at the end, and when there is none.
func (c *cursor) next() (protowire.Number, protowire.Type, bool) {
	if len(c.data) == 0 || c.bad {
		return 0, 0, false
	}
	number, kind, n := protowire.ConsumeTag(c.data)
	if n < 0 {
		c.bad = true
		return 0, 0, false
	}
	c.skip(n)
	return number, kind, true
}

func (c *cursor) skip(n int) { c.data, c.text = c.data[n:], c.text[n:] }

func (c *cursor) varint(kind protowire.Type) uint64 {
	v, n := protowire.ConsumeVarint(c.data)
	if kind != protowire.VarintType || n < 0 {
		c.bad = true
		return 0
	}
	c.skip(n)
	return v
}

// length reads a field's length and gives how many bytes it has.
func (c *cursor) length(kind protowire.Type) int {
	v, n := protowire.ConsumeVarint(c.data)
	if kind != protowire.BytesType || n < 0 || v > uint64(len(c.data)-n) {
		c.bad = true
		return 0
	}
	c.skip(n)
	return int(v)
}

func (c *cursor) string(kind protowire.Type) string {
	n := c.length(kind)
	s := c.text[:n]
	if !utf8.ValidString(s) {
		c.bad = true
	}
	c.skip(n)
	return s
}

// inner is a message within the message. twice says that the field was there before: the two would have to be merged.
func (c *cursor) inner(kind protowire.Type, twice bool) cursor {
	n := c.length(kind)
	in := cursor{data: c.data[:n], text: c.text[:n]}
	c.skip(n)
	c.bad = c.bad || twice
	return in
}

// end takes over how the walk of an inner message went.
func (c *cursor) end(in cursor) { c.bad = c.bad || in.bad }

// pair reads the two fields of Timestamp and Duration, which are alike.
func (c *cursor) pair(kind protowire.Type, twice bool) (seconds int64, nanos int32) {
	in := c.inner(kind, twice)
	for {
		number, kind, ok := in.next()
		if !ok {
			break
		}
		switch number {
		case 1:
			seconds = int64(in.varint(kind))
		case 2:
			nanos = int32(in.varint(kind))
		default:
			in.bad = true
		}
	}
	c.end(in)
	return seconds, nanos
}

func (c *cursor) timestamp(kind protowire.Type, twice bool) *timestamppb.Timestamp {
	s, n := c.pair(kind, twice)
	return &timestamppb.Timestamp{Seconds: s, Nanos: n}
}

func (c *cursor) duration(kind protowire.Type, twice bool) *durationpb.Duration {
	s, n := c.pair(kind, twice)
	return &durationpb.Duration{Seconds: s, Nanos: n}
}
