// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Polls begin at 2,000 a second: each one looks at the broker before it waits, and a proxy refuses what is more than 4,096 of its calls to a cluster at the same time.
const (
	startedAtOnce = 400
	startRest     = 200 * time.Millisecond
)

// idleFigures is what parked polls cost the server.
type idleFigures struct {
	Polls  int
	Before int64   // bytes of resident memory with no client
	Parked int64   // with all polls parked
	CPU    float64 // seconds of server CPU per 10 s while nothing happens
}

func idleMain(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("idle", flag.ContinueOnError)
	var s shape
	f.StringVar(&s.Endpoint, "endpoint", "", "HOST:PORT")
	f.StringVar(&s.Topic, "topic", "idle", "topic")
	f.StringVar(&s.Group, "group", "idle", "group")
	polls := f.Int("polls", 10_000, "parked polls")
	f.IntVar(&s.Connections, "connections", 1000, "connections")
	f.DurationVar(&s.Window, "window", 5*time.Second, "measured idle time")
	f.IntVar(&s.ServerPID, "server-pid", 0, "process that is measured")
	if err := f.Parse(args); err != nil {
		return err
	}
	r, err := idle(ctx, s, *polls)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func idle(ctx context.Context, s shape, polls int) (idleFigures, error) {
	r := idleFigures{Polls: polls}
	var err error
	if r.Before, err = rss(s.ServerPID); err != nil {
		return r, err
	}
	clients, closeAll, err := dial(s)
	if err != nil {
		return r, err
	}
	defer closeAll()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	failed := make(chan error, polls)
	for i := range polls {
		if i > 0 && i%startedAtOnce == 0 {
			wait(ctx, startRest)
		}
		group.Go(func() { failed <- park(ctx, s, clients[i%len(clients)], i) })
	}
	// The polls last 20 s: what did not fail a few seconds after the last was begun is parked.
	wait(ctx, 5*time.Second)
	select {
	case err := <-failed:
		return r, fmt.Errorf("a poll ended early: %w", err)
	default:
	}
	if r.Parked, err = rss(s.ServerPID); err != nil {
		return r, err
	}
	before := cpuOf(s.ServerPID)
	wait(ctx, s.Window)
	r.CPU = (cpuOf(s.ServerPID) - before) / s.Window.Seconds() * 10
	cancel()
	group.Wait()
	return r, nil
}

func park(ctx context.Context, s shape, client v2.MessagingServiceClient, i int) error {
	ctx, cancel := context.WithTimeout(headers(ctx, fmt.Sprintf("idle@%d@%d", os.Getpid(), i)), 40*time.Second)
	defer cancel()
	stream, err := client.ReceiveMessage(ctx, &v2.ReceiveMessageRequest{
		Group:            &v2.Resource{Name: s.Group},
		MessageQueue:     &v2.MessageQueue{Topic: &v2.Resource{Name: s.Topic}, Id: -1},
		FilterExpression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"},
		BatchSize:        32, InvisibleDuration: durationpb.New(time.Minute), LongPollingTimeout: durationpb.New(20 * time.Second),
	})
	if err != nil {
		return err
	}
	said := "without a status"
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("answered %s", said)
		}
		if err != nil {
			return err
		}
		if st := part.GetStatus(); st != nil {
			said = fmt.Sprintf("%v: %s", st.GetCode(), st.GetMessage())
		}
	}
}
