// SPDX-License-Identifier: Apache-2.0

package v2client

import (
	"context"
	"errors"
	"net"
	"testing"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// turnsAway refuses every session before it reads anything.
type turnsAway struct {
	v2.UnimplementedMessagingServiceServer
}

func (turnsAway) Telemetry(grpc.BidiStreamingServer[v2.TelemetryCommand, v2.TelemetryCommand]) error {
	return status.Error(codes.Unauthenticated, "unauthorized: the key was revoked")
}

func TestARefusedSessionAlwaysSaysWhy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	v2.RegisterMessagingServiceServer(server, turnsAway{})
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	c, err := New(Options{Endpoint: l.Addr().String(), AccessKey: "k", Secret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// Whether the refusal overtakes the settings is a matter of luck, so it is tried often.
	for range 200 {
		_, err := c.Producer(context.Background(), "orders")
		var no *Refused
		if !errors.As(err, &no) || no.Code != v2.Code_UNAUTHORIZED {
			t.Fatalf("got %v", err)
		}
	}
}
