// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/gate"
)

const serviceName = "apache.rocketmq.v2.MessagingService"

// describe lists the RPCs. It is written by hand where the stubs bring a description of their own, since there a request that
// can't be decoded is a gRPC error before anybody of ours sees it.
func (f *Front) describe() *grpc.ServiceDesc {
	d := f.door
	return &grpc.ServiceDesc{
		ServiceName: serviceName,
		HandlerType: (*any)(nil),
		Metadata:    "apache/rocketmq/v2/service.proto",
		Methods: []grpc.MethodDesc{
			unary(f, gate.QueryRoute, d.QueryRoute, func(s *v2.Status) *v2.QueryRouteResponse { return &v2.QueryRouteResponse{Status: s} }),
			f.heartbeat(),
			unary(f, gate.SendMessage, d.SendMessage, func(s *v2.Status) *v2.SendMessageResponse { return &v2.SendMessageResponse{Status: s} }),
			unary(f, gate.QueryAssignment, d.QueryAssignment, func(s *v2.Status) *v2.QueryAssignmentResponse { return &v2.QueryAssignmentResponse{Status: s} }),
			unary(f, gate.AckMessage, d.AckMessage, func(s *v2.Status) *v2.AckMessageResponse { return &v2.AckMessageResponse{Status: s} }),
			unary(f, gate.ForwardToDeadLetters, d.ForwardMessageToDeadLetterQueue, func(s *v2.Status) *v2.ForwardMessageToDeadLetterQueueResponse {
				return &v2.ForwardMessageToDeadLetterQueueResponse{Status: s}
			}),
			unary(f, gate.UpdateOffset, d.UpdateOffset, func(s *v2.Status) *v2.UpdateOffsetResponse { return &v2.UpdateOffsetResponse{Status: s} }),
			unary(f, gate.GetOffset, d.GetOffset, func(s *v2.Status) *v2.GetOffsetResponse { return &v2.GetOffsetResponse{Status: s} }),
			unary(f, gate.QueryOffset, d.QueryOffset, func(s *v2.Status) *v2.QueryOffsetResponse { return &v2.QueryOffsetResponse{Status: s} }),
			unary(f, gate.EndTransaction, d.EndTransaction, func(s *v2.Status) *v2.EndTransactionResponse { return &v2.EndTransactionResponse{Status: s} }),
			unary(f, gate.NotifyClientTermination, d.NotifyClientTermination, func(s *v2.Status) *v2.NotifyClientTerminationResponse {
				return &v2.NotifyClientTerminationResponse{Status: s}
			}),
			unary(f, gate.ChangeInvisibleDuration, d.ChangeInvisibleDuration, func(s *v2.Status) *v2.ChangeInvisibleDurationResponse {
				return &v2.ChangeInvisibleDurationResponse{Status: s}
			}),
			unary(f, gate.RecallMessage, d.RecallMessage, func(s *v2.Status) *v2.RecallMessageResponse { return &v2.RecallMessageResponse{Status: s} }),
			unary(f, gate.SyncLiteSubscription, d.SyncLiteSubscription, func(s *v2.Status) *v2.SyncLiteSubscriptionResponse {
				return &v2.SyncLiteSubscriptionResponse{Status: s}
			}),
		},
		Streams: []grpc.StreamDesc{
			{StreamName: string(gate.ReceiveMessage), Handler: f.receive, ServerStreams: true},
			{StreamName: string(gate.PullMessage), Handler: f.pull, ServerStreams: true},
			{StreamName: string(gate.Telemetry), Handler: f.telemetry, ServerStreams: true, ClientStreams: true},
		},
	}
}

// answer is a response of type *P.
type answer[P any] interface {
	*P
	GetStatus() *v2.Status
}

// unary makes a gRPC method of one handler of the door.
func unary[Q, P any, PP answer[P]](f *Front, verb gate.Verb, handle func(context.Context, gate.Caller, *Q) PP, refuse func(*v2.Status) PP) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: string(verb), Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		began := f.options.Clock.Now()
		h, call := f.call(ctx, verb)
		var out PP
		func() {
			defer f.recover(verb, func() { out = refuse(internal()) })
			req := new(Q)
			refused := f.read(decode, req, h, call)
			var caller gate.Caller
			if refused == nil {
				caller, refused = f.door.Enter(h, call)
			}
			if refused != nil {
				out = refuse(refused)
				return
			}
			out = handle(ctx, caller, req)
		}()
		f.door.Answered(verb, out.GetStatus().GetCode(), f.options.Clock.Now().Sub(began))
		return out, nil
	}}
}

// heartbeat stands apart because the door answers it before it knows who calls.
func (f *Front) heartbeat() grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: string(gate.Heartbeat), Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		began := f.options.Clock.Now()
		h, call := f.call(ctx, gate.Heartbeat)
		out := &v2.HeartbeatResponse{}
		func() {
			defer f.recover(gate.Heartbeat, func() { out.Status = internal() })
			req := new(v2.HeartbeatRequest)
			if out.Status = f.read(decode, req, h, call); out.Status == nil {
				out = f.door.Heartbeat(ctx, h, call, req)
			}
		}()
		f.door.Answered(gate.Heartbeat, out.GetStatus().GetCode(), f.options.Clock.Now().Sub(began))
		return out, nil
	}}
}

// recover turns a defect into an answer for the one call that met it.
func (f *Front) recover(verb gate.Verb, then func()) {
	if cause := recover(); cause != nil {
		f.door.Observer().Panicked(verb)
		f.log.Error("a call met a defect", "verb", string(verb), "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
		then()
	}
}

func internal() *v2.Status {
	return &v2.Status{Code: v2.Code_INTERNAL_SERVER_ERROR, Message: "internal"}
}

// arrived is what the tap finds out about a call, on the way in.
type arrived struct {
	headers gate.Headers
	conn    *conn
}

type arrivedKey struct{}

// tap runs on a connection's reading goroutine for each call, before the call has a goroutine of its own. It reads the headers
// where they lie: later they could only be had as copies. It refuses nothing.
func (f *Front) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	a := &arrived{headers: headersOf(info.Header)}
	if p, ok := peer.FromContext(ctx); ok {
		if k, ok := p.AuthInfo.(known); ok {
			a.conn = k.conn
			if !a.conn.known.Load() && f.door.Known(&a.headers, gate.Call{Remote: a.conn.remote, TLS: a.conn.tls}) {
				a.conn.welcome()
			}
		}
	}
	return context.WithValue(ctx, arrivedKey{}, a), nil
}

func headersOf(md metadata.MD) gate.Headers {
	var h gate.Headers
	for name, values := range md {
		for _, v := range values {
			h.Bytes += len(name) + len(v)
			h.Lines++
		}
		if len(values) == 0 {
			continue
		}
		setHeader(&h, name, values[0])
	}
	return h
}

// setHeader keeps a header that means something here.
func setHeader(h *gate.Headers, name, value string) {
	var field *string
	switch name {
	case "x-mq-client-id":
		field = &h.ClientID
	case "x-mq-language":
		field = &h.Language
	case "x-mq-client-version":
		field = &h.Version
	case "x-mq-request-id":
		field = &h.RequestID
	case "x-mq-namespace":
		field = &h.Namespace
	case "x-mq-date-time":
		field = &h.DateTime
	case "authorization":
		field = &h.Authorization
	case "x-mq-session-token":
		field = &h.SessionToken
	default:
		return
	}
	if *field == "" { // of several the first
		*field = value
	}
}

func (f *Front) call(ctx context.Context, verb gate.Verb) (*gate.Headers, gate.Call) {
	call := gate.Call{Verb: verb}
	if deadline, ok := ctx.Deadline(); ok {
		call.Left = max(time.Until(deadline), 1)
	}
	a, ok := ctx.Value(arrivedKey{}).(*arrived)
	if !ok {
		return &gate.Headers{}, call
	}
	if a.conn != nil {
		call.Remote, call.TLS = a.conn.remote, a.conn.tls
	}
	return &a.headers, call
}

// receive and pull are streams of one request and many responses.
func (f *Front) receive(_ any, stream grpc.ServerStream) error {
	return serve(f, streaming[v2.ReceiveMessageRequest, v2.ReceiveMessageResponse]{gate.ReceiveMessage, f.door.ReceiveMessage, func(s *v2.Status) *v2.ReceiveMessageResponse {
		return &v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Status{Status: s}}
	}}, stream)
}

func (f *Front) pull(_ any, stream grpc.ServerStream) error {
	return serve(f, streaming[v2.PullMessageRequest, v2.PullMessageResponse]{gate.PullMessage, f.door.PullMessage, func(s *v2.Status) *v2.PullMessageResponse {
		return &v2.PullMessageResponse{Content: &v2.PullMessageResponse_Status{Status: s}}
	}}, stream)
}

// telemetry is the one call that may end with a gRPC error: clients of a broken stream look at nothing else.
func (f *Front) telemetry(_ any, stream grpc.ServerStream) (failed error) {
	began := f.options.Clock.Now()
	h, call := f.call(stream.Context(), gate.Telemetry)
	out := &duplex{stream: stream}
	defer f.recover(gate.Telemetry, func() { failed = status.Error(codes.Internal, "internal") })
	caller, refused := f.door.Enter(h, call)
	if refused == nil {
		refused = f.door.Telemetry(stream.Context(), caller, out)
	} else {
		_ = out.Send(&v2.TelemetryCommand{Status: refused})
	}
	f.door.Answered(gate.Telemetry, max(refused.GetCode(), v2.Code_OK), f.options.Clock.Now().Sub(began))
	if refused != nil {
		return status.Error(grpcCode(refused.GetCode()), refused.GetMessage())
	}
	return nil
}

type duplex struct{ stream grpc.ServerStream }

// Recv reads the client's next command.
func (d *duplex) Recv() (*v2.TelemetryCommand, error) {
	c := new(v2.TelemetryCommand)
	in := request{into: c}
	if err := d.stream.RecvMsg(&in); err != nil {
		return nil, err
	}
	if in.err != nil {
		return nil, mq.Refuse(mq.BadRequest, "telemetry: %v", in.err)
	}
	return c, nil
}

// Send writes a command.
func (d *duplex) Send(c *v2.TelemetryCommand) error { return d.stream.SendMsg(c) }

func grpcCode(c v2.Code) codes.Code {
	switch c {
	case v2.Code_UNAUTHORIZED:
		return codes.Unauthenticated
	case v2.Code_FORBIDDEN:
		return codes.PermissionDenied
	case v2.Code_NOT_FOUND, v2.Code_TOPIC_NOT_FOUND, v2.Code_CONSUMER_GROUP_NOT_FOUND:
		return codes.NotFound
	case v2.Code_PRECONDITION_FAILED:
		return codes.FailedPrecondition
	case v2.Code_TOO_MANY_REQUESTS:
		return codes.ResourceExhausted
	case v2.Code_UNSUPPORTED:
		return codes.Unimplemented
	}
	if c/10000 == 4 {
		return codes.InvalidArgument
	}
	return codes.Internal
}
