// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"context"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/proxy/gate"
)

// streaming is one RPC of one request and many responses.
type streaming[Q, P any] struct {
	verb   gate.Verb
	handle func(context.Context, gate.Caller, *Q, gate.Sink[P]) *v2.Status
	refuse func(*v2.Status) *P
}

// serve answers one call of it.
func serve[Q, P any](f *Front, rpc streaming[Q, P], stream grpc.ServerStream) error {
	began := f.options.Clock.Now()
	ctx := stream.Context()
	h, call := f.call(ctx, rpc.verb)
	out := &sink[P]{front: f, stream: stream}
	defer out.done()
	if a, ok := ctx.Value(arrivedKey{}).(*arrived); ok {
		out.conn = a.conn
	}
	var code v2.Code
	func() {
		defer f.recover(rpc.verb, func() {
			code = v2.Code_INTERNAL_SERVER_ERROR
			_ = out.Send(rpc.refuse(internal()))
		})
		req := new(Q)
		refused := f.read(stream.RecvMsg, req, h, call)
		var caller gate.Caller
		if refused == nil {
			caller, refused = f.door.Enter(h, call)
		}
		if refused != nil {
			code = refused.GetCode()
			_ = out.Send(rpc.refuse(refused)) // the call ends either way
			return
		}
		code = rpc.handle(ctx, caller, req, out).GetCode()
	}()
	f.door.Answered(rpc.verb, code, f.options.Clock.Now().Sub(began))
	return nil
}

// sink writes responses and watches that they are read. A client that leaves one lying for too long loses its connection:
// grpc has no way to end a stream whose writer is stuck.
type sink[P any] struct {
	front  *Front
	stream grpc.ServerStream
	conn   *conn
	watch  clock.Timer
}

// Send writes one response.
func (s *sink[P]) Send(m *P) error {
	switch {
	case s.watch != nil:
		s.watch.Reset(s.front.options.SlowReader)
	case s.conn != nil:
		s.watch = s.front.options.Clock.AfterFunc(s.front.options.SlowReader, func() {
			s.conn.turn("slow_reader", "a response was left unread for too long")
		})
	}
	return s.stream.SendMsg(m)
}

// done ends the watch, where answers are kept for the last word when that is written.
func (s *sink[P]) done() {
	if s.watch == nil {
		return
	}
	if c, ok := s.stream.(*conversation); ok {
		c.written = func() { s.watch.Stop() }
		return
	}
	s.watch.Stop()
}
