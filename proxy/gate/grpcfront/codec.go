// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"errors"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"

	"github.com/causeway-mq/causeway/proxy/gate"
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

// codec is grpc's own for all but requests.
type codec struct {
	encoding.CodecV2
	limit int
}

func newCodec(limit int) codec { return codec{encoding.GetCodecV2(proto.Name), limit} }

// Unmarshal decodes a message.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	r, ok := v.(*request)
	switch {
	case !ok:
		return c.CodecV2.Unmarshal(data, v)
	case data.Len() > c.limit:
		r.err = errTooLarge
	case c.CodecV2.Unmarshal(data, r.into) != nil:
		r.err = errMalformed
	}
	return nil
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
