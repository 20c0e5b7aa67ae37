// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/experimental"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/causeway-mq/causeway/proxy/gate"
)

const (
	// headerSlack is what grpc lets pass beyond the door's own limit, so that the refusal is an answer and not a reset.
	headerSlack = 4 * gate.MaxHeaderBytes
	// sizeSlack is the same for the size of requests.
	sizeSlack = 2
	// A client that is gone without a word is noticed within aliveEvery and aliveBound.
	aliveEvery = 20 * time.Second
	aliveBound = 8 * time.Second
	// pingEvery is how often a client may ask for life at most.
	pingEvery = 5 * time.Second
)

// Front serves a Door over gRPC on any number of listeners.
type Front struct {
	door        *gate.Door
	options     Options
	log         *slog.Logger
	tls         *tls.Config // nil without a certificate
	server      server
	health      *healthService
	strangers   strangers
	connections atomic.Int64
}

// New makes a front. Serve brings it to life, Drain or Stop end it.
func New(door *gate.Door, o Options) *Front {
	f := &Front{door: door, options: o.withDefaults(), log: door.Log(), health: newHealth()}
	if o.Certificates != nil {
		f.tls = o.Certificates.Config("h2")
	}
	f.strangers = strangers{
		limit:      f.options.Strangers,
		perAddress: f.options.StrangersPerAddress,
		exempt:     func(a netip.Addr) bool { return a.IsLoopback() || f.believed(a) },
		count:      make(map[netip.Addr]int),
	}
	if f.options.Lean {
		f.server = newLean(f)
	} else {
		f.server = grpc.NewServer(f.serverOptions()...)
	}
	f.server.RegisterService(f.describe(), f)
	healthpb.RegisterHealthServer(f.server, f.health)
	reflection.Register(f.server)
	return f
}

func (f *Front) serverOptions() []grpc.ServerOption {
	buffers := newPool()
	o := []grpc.ServerOption{
		grpc.Creds(greeter{f}),
		grpc.ConnectionTimeout(f.options.StrangerTime),
		grpc.InTapHandle(f.tap),
		grpc.MaxRecvMsgSize(sizeSlack * f.options.MaxMessage),
		grpc.ForceServerCodecV2(newCodec(f.options.MaxMessage, buffers)),
		grpc.MaxConcurrentStreams(f.options.MaxStreams),
		grpc.MaxHeaderListSize(headerSlack),
		grpc.NumStreamWorkers(f.options.Workers),
		grpc.ReadBufferSize(f.options.ReadBuffer),
		grpc.WriteBufferSize(f.options.WriteBuffer),
		experimental.BufferPool(buffers),
		grpc.WaitForHandlers(true),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: aliveEvery, Timeout: aliveBound}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingEvery, PermitWithoutStream: true}),
	}
	return append(o, grpc.StaticStreamWindowSize(f.options.Window), grpc.StaticConnWindowSize(f.options.Window))
}

// Serve answers calls on a listener until Drain or Stop; it then returns nil. It closes the listener.
func (f *Front) Serve(l net.Listener) error {
	if err := f.server.Serve(l); !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}

// Connections is the number of connections that are open.
func (f *Front) Connections() int { return int(f.connections.Load()) }

// Leave says on grpc.health.v1 that this proxy serves no more, while it still does: load balancers look away first.
func (f *Front) Leave() { f.health.leave() }

// Leaving tells whether it said so.
func (f *Front) Leaving() bool { return f.health.leaving.Load() }

// Drain ends service without an error for anybody: clients are asked to connect elsewhere, no new connection is taken, GOAWAY
// moves new calls away, calls under way are answered. It returns when the last is, or when ctx ends, which cuts the rest; the
// error is then ctx's. Parked polls must have been let go before: consume.Service.Drain does that.
func (f *Front) Drain(ctx context.Context) error {
	f.Leave()
	f.door.Reconnect()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.server.GracefulStop()
	}()
	f.door.CloseStreams()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		f.server.Stop()
		<-done
	}
	f.door.Join()
	return err
}

// Stop cuts every connection and waits for the calls that were under way. It may be called twice, also after Drain.
func (f *Front) Stop() {
	f.health.leave()
	f.door.CloseStreams()
	f.server.Stop()
	f.door.Join()
}
