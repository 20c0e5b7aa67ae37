// SPDX-License-Identifier: Apache-2.0

package v2client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
)

const beatEvery = 10 * time.Second

// session is what a live producer or consumer keeps up: its telemetry stream, its heartbeats.
type session struct {
	client   *Client
	group    *v2.Resource // nil for a producer
	settings *v2.Settings
	owned    bool // the client is this session's own: it followed a route
	kind     v2.ClientType
	stream   grpc.BidiStreamingClient[v2.TelemetryCommand, v2.TelemetryCommand]
	stop     context.CancelFunc
	done     sync.WaitGroup
	close    sync.Once
}

// open sends settings and waits for the server's.
func (c *Client) open(ctx context.Context, settings *v2.Settings, group *v2.Resource) (*session, error) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	stream, err := c.v2.Telemetry(c.headers(life))
	s := &session{client: c, group: group, settings: settings, kind: settings.GetClientType(), stream: stream, stop: stop}
	if err == nil {
		err = stream.Send(&v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: settings}})
	}
	if errors.Is(err, io.EOF) {
		err = nil // the server ended the stream before it read this; why, Recv tells
	}
	if err != nil {
		stop()
		return nil, c.outcome("open session", nil, err)
	}
	first := make(chan error, 1)
	s.done.Go(func() { s.listen(first) })
	s.done.Go(func() { s.beat(life) })
	bound, cancel := context.WithTimeout(ctx, CallTime)
	defer cancel()
	select {
	case err = <-first:
	case <-bound.Done():
		err = fmt.Errorf("open session: %w", bound.Err())
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// listen reads the stream until it ends; the first settings, or the end before them, go to first.
func (s *session) listen(first chan<- error) {
	told := false
	tell := func(err error) {
		if !told {
			told = true
			first <- err
		}
	}
	for {
		command, err := s.stream.Recv()
		if errors.Is(err, io.EOF) {
			err = errClosedEarly
		}
		if err != nil {
			tell(s.client.outcome("open session", nil, err))
			return
		}
		if command.GetSettings() != nil {
			tell(s.client.outcome("settings", command.GetStatus(), nil))
		}
	}
}

func (s *session) beat(life context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		ctx, cancel := context.WithTimeout(s.client.headers(life), CallTime)
		// A heartbeat that gets lost is made good by the next one; calls that matter report for themselves.
		_, _ = s.client.v2.Heartbeat(ctx, &v2.HeartbeatRequest{Group: s.group, ClientType: s.kind})
		cancel()
		select {
		case <-tick.C:
		case <-life.Done():
			return
		}
	}
}

// Close says goodbye and waits for the session's goroutines. It may be called twice.
func (s *session) Close() {
	s.close.Do(func() {
		ctx, cancel := context.WithTimeout(s.client.headers(context.Background()), time.Second)
		defer cancel()
		// The server notices without this as well, only later.
		_, _ = s.client.v2.NotifyClientTermination(ctx, &v2.NotifyClientTerminationRequest{Group: s.group})
		_ = s.stream.CloseSend()
		s.stop()
	})
	s.done.Wait()
	if s.owned {
		_ = s.client.Close() // nothing uses it any more
	}
}

func settingsOf(kind v2.ClientType) *v2.Settings {
	return &v2.Settings{
		ClientType: &kind, RequestTimeout: durationpb.New(CallTime),
		UserAgent: &v2.UA{Language: v2.Language_GOLANG, Version: "causeway", Platform: "cli"},
	}
}

var errClosedEarly = errors.New("the stream ended before its last answer")
