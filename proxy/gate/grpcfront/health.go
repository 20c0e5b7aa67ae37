// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// healthService is grpc's own, but whoever watches it is let go after he was told that this proxy leaves: his stream would
// hold a drain up for as long as he likes.
type healthService struct {
	*health.Server
	leaving atomic.Bool
}

func newHealth() *healthService {
	s := &healthService{Server: health.NewServer()}
	s.SetServingStatus(serviceName, healthpb.HealthCheckResponse_SERVING)
	return s
}

// leave says NOT_SERVING to everybody; it may be called twice.
func (s *healthService) leave() {
	s.leaving.Store(true)
	s.Shutdown()
}

// Watch tells each change of a service's state.
func (s *healthService) Watch(req *healthpb.HealthCheckRequest, stream grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	err := s.Server.Watch(req, &watcher{stream, ctx, func() {
		if s.leaving.Load() {
			cancel()
		}
	}})
	if ctx.Err() != nil && stream.Context().Err() == nil {
		return nil
	}
	return err
}

type watcher struct {
	grpc.ServerStreamingServer[healthpb.HealthCheckResponse]
	ctx  context.Context //nolint:containedctx // it stands for the stream's own
	told func()
}

// Context ends with the stream or with the last word of it.
func (w *watcher) Context() context.Context { return w.ctx }

// Send tells one state.
func (w *watcher) Send(r *healthpb.HealthCheckResponse) error {
	err := w.ServerStreamingServer.Send(r)
	if r.Status == healthpb.HealthCheckResponse_NOT_SERVING {
		w.told()
	}
	return err
}
