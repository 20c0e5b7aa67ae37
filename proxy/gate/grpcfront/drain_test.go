// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/gate"
	"github.com/causeway-mq/causeway/proxy/session"
)

func TestADrainAnswersEverybody(t *testing.T) {
	gone := make(chan session.Client, 16)
	w := newWorld(t, worldOptions{clients: func(c session.Client) { gone <- c }})
	stream, reply := w.agree(w.as(), producerSettings("orders"))
	want(t, reply.Status, v2.Code_OK)
	health, err := healthpb.NewHealthClient(w.dial()).Watch(w.as(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if state, err := health.Recv(); err != nil || state.Status != healthpb.HealthCheckResponse_SERVING {
		t.Fatal(state, err)
	}
	parked := w.engine.count("arm")
	polled := make(chan *v2.Status, 1)
	go func() {
		req := simpleReceive("billing", "orders")
		req.LongPollingTimeout = durationpb.New(9 * time.Second)
		status, _ := w.receive(w.as(), req)
		polled <- status
	}()
	eventually(t, "the poll is parked", func() bool { return w.engine.count("arm") > parked })
	w.sessions.Stop()
	w.consume.Drain()
	drained := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
		defer cancel()
		drained <- w.front.Drain(ctx)
	}()
	want(t, <-polled, v2.Code_MESSAGE_NOT_FOUND)
	command, err := stream.Recv()
	if err != nil || command.GetReconnectEndpointsCommand() == nil {
		t.Errorf("the stream said %v, %v", command, err)
	}
	if _, err := stream.Recv(); err == nil || err.Error() != "EOF" {
		t.Errorf("the stream ended with %v", err)
	}
	if state, err := health.Recv(); err != nil || state.Status != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health says %v, %v", state, err)
	}
	if _, err := health.Recv(); err == nil || err.Error() != "EOF" {
		t.Errorf("the health stream ended with %v", err)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	select {
	case c := <-gone:
		t.Errorf("%v counts as gone because this proxy left", c)
	default:
	}
	if w.front.Connections() != 0 {
		t.Errorf("%d connections are open", w.front.Connections())
	}
}

func TestADrainIsBounded(t *testing.T) {
	under := make(chan struct{}, 1)
	w := newWorld(t, worldOptions{produce: stuck{hold: make(chan struct{}), entered: under}})
	sent := make(chan error, 1)
	go func() {
		_, err := w.client.SendMessage(w.as(), one(normal("orders", "x")))
		sent <- err
	}()
	<-under // a connection alone is no call: the drain would be over before it came
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if err := w.front.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call that does not end: %v", err)
	}
	if err := <-sent; status.Code(err) == codes.OK {
		t.Error("the call was answered")
	}
}

// stuck never answers by itself.
type stuck struct {
	nothing
	hold    chan struct{}
	entered chan<- struct{}
}

func (s stuck) Send(ctx context.Context, _ session.ID, _ mq.Topic, batch []mq.Message) []mq.Sent {
	s.entered <- struct{}{}
	select {
	case <-s.hold:
	case <-ctx.Done():
	}
	return []mq.Sent{{Err: mq.Doubt(mq.Timeout, ctx.Err(), "no answer")}}
}

// broken panics, as a defect would.
type broken struct{ nothing }

func (broken) Send(context.Context, session.ID, mq.Topic, []mq.Message) []mq.Sent { panic("a defect") }

var _ gate.Producing = broken{}

func TestADefectCostsOneCall(t *testing.T) {
	w := newWorld(t, worldOptions{produce: broken{}})
	out, err := w.client.SendMessage(w.as(), one(normal("orders", "x")))
	if err != nil {
		t.Fatal(err)
	}
	want(t, out.Status, v2.Code_INTERNAL_SERVER_ERROR)
	if out.Status.Message != "internal" {
		t.Errorf("the client reads %q", out.Status.Message)
	}
	want(t, routeAs(w, w.as(), "orders"), v2.Code_OK)
	if w.counts.of(&w.counts.panicked) != 1 || !w.log.has("a defect") {
		t.Error("the defect is not counted and logged")
	}
}

// A proxy that is killed takes nothing with it that another one needs.
func TestAnotherProxyGoesOnWhereOneWasKilled(t *testing.T) {
	w := newWorld(t, worldOptions{})
	other := newWorld(t, worldOptions{engine: w.engine, keys: w.keys})
	handle := w.handle(w.as(), time.Minute, true)
	id, _ := w.half(w.as())
	w.front.Stop()
	want(t, other.ack(other.as(), "billing", "orders", handle).Status, v2.Code_OK)
	want(t, other.end(other.as(), id, v2.TransactionResolution_COMMIT), v2.Code_OK)
}

// A client that somebody disconnects is told to come again and its stream ends as at a drain, without a reason: no client takes that for a refusal. What it holds goes to others at once.
func TestWhoIsDisconnectedIsToldToComeAgainAndHoldsNothing(t *testing.T) {
	w := newWorld(t, worldOptions{})
	settings := settingsOf(v2.ClientType_PUSH_CONSUMER, "billing")
	stream, reply := w.agree(w.as(), settings)
	want(t, reply.Status, v2.Code_OK)
	handle := w.handle(w.as(), time.Minute, true)
	here := w.sessions.Clients()
	if len(here) != 1 || w.consume.Renewing() != 1 {
		t.Fatalf("%v, %d leases are renewed", here, w.consume.Renewing())
	}
	if streams, known := w.sessions.Disconnect(session.Whom{ID: here[0].ID}); streams != 1 || !known {
		t.Fatalf("%d streams, known %v", streams, known)
	}
	command, err := stream.Recv()
	if err != nil || command.GetReconnectEndpointsCommand() == nil || command.GetStatus().GetCode() != v2.Code_OK {
		t.Errorf("the stream said %v, %v", command, err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v", err)
	}
	eventually(t, "the message goes to another consumer", func() bool {
		_, got := w.receive(w.as("x-mq-client-id", "another"), simpleReceive("billing", "orders"))
		return len(got) == 1
	})
	if status := w.ack(w.as(), "billing", "orders", handle).Entries[0].Status; status.GetCode() != v2.Code_INVALID_RECEIPT_HANDLE {
		t.Errorf("what it held can still be settled: %v", status)
	}
	_, reply = w.agree(w.as(), settings) // under the same name
	want(t, reply.Status, v2.Code_OK)
	if len(w.sessions.Clients()) != 1 {
		t.Error("it is not back")
	}
}
