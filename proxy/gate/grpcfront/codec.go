// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"encoding/binary"
	"errors"
	"fmt"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	protobuf "google.golang.org/protobuf/proto"

	"github.com/causeway-mq/causeway/proxy/gate"
	"github.com/causeway-mq/causeway/proxy/gate/fastproto"
)

var (
	errTooLarge  = errors.New("the request is too large")
	errMalformed = errors.New("the request is not a message of its type")
)

// request is what a handler decodes into. Its error is kept here and not given to grpc, which would answer it with an error
// of its own: clients read such a one as a dead proxy.
type request struct {
	into any // a pointer to a message
	err  error
}

// codec is fastproto for the hot calls and grpc's own for all others.
type codec struct {
	encoding.CodecV2
	limit int
	pool  *pool
}

func newCodec(limit int, p *pool) codec { return codec{encoding.GetCodecV2(proto.Name), limit, p} }

// notPooled is what grpc's buffers do not give back to a pool, in bytes: it is left to the garbage collector.
const notPooled = 1 << 10

// Marshal encodes a message.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	size := fastproto.Room(v)
	if size == 0 {
		return c.CodecV2.Marshal(v)
	}
	if size <= notPooled {
		if b, ok := fastproto.Append(make([]byte, 0, size), v); ok {
			return mem.BufferSlice{mem.SliceBuffer(b)}, nil
		}
		return c.CodecV2.Marshal(v)
	}
	room := c.pool.Get(size)
	b, ok := fastproto.Append((*room)[:0], v)
	if !ok {
		c.pool.Put(room)
		return c.CodecV2.Marshal(v)
	}
	if cap(b) != cap(*room) { // it grew out of it
		c.pool.Put(room)
		return mem.BufferSlice{mem.SliceBuffer(b)}, nil
	}
	*room = b
	return mem.BufferSlice{mem.NewBuffer(room, c.pool)}, nil
}

// Unmarshal decodes a message.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	r, ok := v.(*request)
	switch {
	case !ok:
		return c.CodecV2.Unmarshal(data, v)
	case data.Len() > c.limit:
		r.err = errTooLarge
	case c.fast(data, r.into):
	case c.CodecV2.Unmarshal(data, r.into) != nil: // it begins with an empty message
		r.err = errMalformed
	}
	return nil
}

func (c codec) fast(data mem.BufferSlice, into any) bool {
	if len(data) == 1 {
		return fastproto.Read(data[0].ReadOnlyData(), into)
	}
	whole := data.MaterializeToBuffer(c.pool)
	defer whole.Free()
	return fastproto.Read(whole.ReadOnlyData(), into)
}

// read gets a call's one request; the status is not nil when there is none that could be understood.
func (f *Front) read(decode func(any) error, into any, h *gate.Headers, call gate.Call) *v2.Status {
	r := request{into: into}
	if err := decode(&r); err != nil {
		return f.door.Malformed(h, call) // nobody sees it: grpc has given its own answer
	}
	switch r.err {
	case nil:
		return nil
	case errTooLarge:
		return f.door.TooLarge(h, call, f.options.MaxMessage)
	}
	return f.door.Malformed(h, call)
}

// frame appends a message with its prefix to a buffer of the pool, or to a new one.
func (c codec) frame(to *[]byte, v any) (*[]byte, error) {
	room := fastproto.Room(v)
	m, ok := v.(protobuf.Message)
	if !ok {
		return to, fmt.Errorf("%T is no message", v)
	}
	if room == 0 {
		room = protobuf.Size(m)
	}
	if to == nil {
		to = c.pool.Get(prefixBytes + room)
		*to = (*to)[:0]
	}
	at := len(*to)
	b := append(*to, 0, 0, 0, 0, 0)
	out, ok := fastproto.Append(b, v)
	if !ok {
		var err error
		if out, err = (protobuf.MarshalOptions{}).MarshalAppend(b, m); err != nil {
			return to, err
		}
	}
	binary.BigEndian.PutUint32(out[at+1:], uint32(len(out)-at-prefixBytes))
	*to = out
	return to, nil
}
