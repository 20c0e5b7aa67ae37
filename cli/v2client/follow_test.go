// SPDX-License-Identifier: Apache-2.0

package v2client

import (
	"context"
	"net"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
)

// ofRole is a proxy of one role that knows the other one.
type ofRole struct {
	v2.UnimplementedMessagingServiceServer
	produces bool
	routes   []*v2.MessageQueue
}

func (p *ofRole) Telemetry(s grpc.BidiStreamingServer[v2.TelemetryCommand, v2.TelemetryCommand]) error {
	for {
		c, err := s.Recv()
		if err != nil {
			return nil
		}
		c.Status = &v2.Status{Code: v2.Code_OK}
		if err := s.Send(c); err != nil {
			return nil
		}
	}
}

func (p *ofRole) Heartbeat(context.Context, *v2.HeartbeatRequest) (*v2.HeartbeatResponse, error) {
	return &v2.HeartbeatResponse{Status: &v2.Status{Code: v2.Code_OK}}, nil
}

func (p *ofRole) QueryRoute(context.Context, *v2.QueryRouteRequest) (*v2.QueryRouteResponse, error) {
	return &v2.QueryRouteResponse{Status: &v2.Status{Code: v2.Code_OK}, MessageQueues: p.routes}, nil
}

func (p *ofRole) SendMessage(context.Context, *v2.SendMessageRequest) (*v2.SendMessageResponse, error) {
	if !p.produces {
		return &v2.SendMessageResponse{Status: &v2.Status{Code: v2.Code_UNSUPPORTED, Message: "serves consumers only"}}, nil
	}
	return &v2.SendMessageResponse{Status: &v2.Status{Code: v2.Code_OK}, Entries: []*v2.SendResultEntry{{MessageId: "sent"}}}, nil
}

func (p *ofRole) ReceiveMessage(_ *v2.ReceiveMessageRequest, s grpc.ServerStreamingServer[v2.ReceiveMessageResponse]) error {
	status := &v2.Status{Code: v2.Code_OK}
	if p.produces {
		status = &v2.Status{Code: v2.Code_UNSUPPORTED, Message: "serves producers only"}
	}
	if err := s.Send(&v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Status{Status: status}}); err != nil || p.produces {
		return err
	}
	return s.Send(&v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Message{Message: &v2.Message{}}})
}

func served(t *testing.T, p *ofRole) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	v2.RegisterMessagingServiceServer(server, p)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		<-ended
	})
	return l.Addr().String()
}

func TestACommandAtTheProxyOfTheOtherRoleFollowsTheRoute(t *testing.T) {
	send, get := &ofRole{produces: true}, &ofRole{}
	sendAt, getAt := served(t, send), served(t, get)
	routes := []*v2.MessageQueue{
		{Permission: v2.Permission_WRITE, Broker: &v2.Broker{Endpoints: endpointsOf(sendAt)}},
		{Permission: v2.Permission_READ, Broker: &v2.Broker{Endpoints: endpointsOf(getAt)}},
	}
	for _, endpoint := range []string{sendAt, getAt} {
		send.routes, get.routes = routes, routes
		c, err := New(Options{Endpoint: endpoint})
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Producer(t.Context(), "orders")
		if err != nil {
			t.Fatal(err)
		}
		if r, err := p.Send(t.Context(), Message{}); err != nil || r.ID != "sent" {
			t.Errorf("sent at %s: %v, %v", endpoint, r, err)
		}
		p.Close()
		k, err := c.Consumer(t.Context(), "billing", "orders", Filter{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.Receive(t.Context(), Poll{Max: 1, Hold: time.Second}); err != nil || len(got) != 1 {
			t.Errorf("received at %s: %v, %v", endpoint, got, err)
		}
		k.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestACommandThatKnowsNoOtherProxyTellsTheRefusal(t *testing.T) {
	get := &ofRole{}
	c, err := New(Options{Endpoint: served(t, get)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p, err := c.Producer(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Send(t.Context(), Message{}); err == nil || err.Error() != "send: serves consumers only (UNSUPPORTED)" {
		t.Error(err)
	}
}
