// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
)

// echoServer answers every send with a constant: the cost of grpc and protobuf alone.
type echoServer struct {
	v2.UnimplementedMessagingServiceServer
	answer *v2.SendMessageResponse
}

func (e *echoServer) SendMessage(context.Context, *v2.SendMessageRequest) (*v2.SendMessageResponse, error) {
	return e.answer, nil
}

func echo(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ok := &v2.Status{Code: v2.Code_OK, Message: "OK"}
	s := grpc.NewServer(grpc.NumStreamWorkers(64), grpc.WriteBufferSize(64<<10), grpc.ReadBufferSize(64<<10))
	v2.RegisterMessagingServiceServer(s, &echoServer{answer: &v2.SendMessageResponse{
		Status:  ok,
		Entries: []*v2.SendResultEntry{{Status: ok, MessageId: "01000000000000000000000000000000AA"}},
	}})
	fmt.Println(l.Addr())
	go func() { <-ctx.Done(); s.Stop() }()
	return s.Serve(l)
}
