// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/lifecycle"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/access"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/consume"
	"github.com/causeway-mq/causeway/proxy/gate"
	"github.com/causeway-mq/causeway/proxy/gate/grpcfront"
	"github.com/causeway-mq/causeway/proxy/health"
	"github.com/causeway-mq/causeway/proxy/produce"
	"github.com/causeway-mq/causeway/proxy/route"
	"github.com/causeway-mq/causeway/proxy/seal"
	"github.com/causeway-mq/causeway/proxy/session"
)

type peerAddress = health.Peer

// proxyEngine is all that a proxy asks of an engine.
type proxyEngine interface {
	produce.Store
	consume.Engine
	route.Topology
}

// doorParts is what a proxy is made of.
type doorParts struct {
	engine  proxyEngine
	cluster mq.Cluster
	holder  *catalog.Holder
	ring    *seal.Keyring
	clock   clock.Clock
	log     *slog.Logger
	metrics *metrics
	peers   []peerAddress // empty: clients are sent back to where they asked
	front   grpcfront.Options
}

// door is one proxy: the rooms between the wire and an engine, tied together.
type door struct {
	gate     *gate.Door
	front    *grpcfront.Front
	sessions *session.Registry
	produce  *produce.Service
	consume  *consume.Service
	peers    *health.Peers
	clock    clock.Clock
	log      *slog.Logger
}

func newDoor(p doorParts) (*door, error) {
	guard, err := access.New(access.Config{Clock: p.clock})
	if err != nil {
		return nil, err
	}
	d := &door{clock: p.clock, log: p.log}
	d.sessions = session.New(p.clock, session.DefaultLimit, func(c session.Client) { d.consume.ClientGone(c.ID) })
	d.produce = produce.New(map[mq.Cluster]produce.Store{p.cluster: p.engine}, d.sessions)
	d.consume = consume.New(map[mq.Cluster]consume.Engine{p.cluster: p.engine}, p.clock, d.sessions.Alive, p.log.With("room", "consume"))
	if len(p.peers) > 0 {
		d.peers = health.NewPeers(p.peers, probe, p.clock, p.log.With("room", "health"))
	}
	d.gate = gate.New(gate.Ports{
		Guard: guard, Seals: p.ring, Catalog: p.holder.Now, Sessions: d.sessions, Produce: d.produce, Consume: d.consume, Pull: d.consume,
		Routes: route.NewPlanner(map[mq.Cluster]route.Topology{p.cluster: p.engine}, d.peers),
		Clock:  p.clock, Observer: p.metrics, Log: p.log.With("room", "gate"),
	})
	d.front = grpcfront.New(d.gate, p.front)
	p.metrics.gauge("rocketmq_proxy_up", "1 while this proxy serves.", func() float64 { return 1 })
	p.metrics.gauge("causeway_connections", "Open client connections.", func() float64 { return float64(d.front.Connections()) })
	p.metrics.gauge("causeway_clients", "Live clients.", func() float64 { return float64(len(d.sessions.Clients())) })
	p.metrics.gauge("causeway_renewals", "Leases that this proxy renews for its clients.", func() float64 { return float64(d.consume.Renewing()) })
	return d, nil
}

// start runs the proxy's loops and its port. Stopping drains: out of the routes, parked polls answered, calls under way finished
// within bound.
func (d *door) start(g *lifecycle.Group, l net.Listener, bound time.Duration) {
	g.Go("check-backs", d.produce.Run)
	g.Go("renewals", d.consume.Run)
	if d.peers != nil {
		g.Go("peers", d.peers.Run)
	}
	g.Go("expiry", d.expire)
	g.Go("gRPC", func(context.Context) error { return d.front.Serve(l) })
	g.OnStop("door", func(ctx context.Context) error {
		if d.peers != nil {
			d.peers.Leave()
		}
		d.sessions.Stop()
		d.consume.Drain()
		ctx, cancel := context.WithTimeout(ctx, bound)
		defer cancel()
		if err := d.front.Drain(ctx); err != nil {
			d.log.Warn("calls were cut because they outlasted the drain", "bound", bound)
		}
		return nil
	})
}

// catalogChanged closes the streams of callers who may no longer come in.
func (d *door) catalogChanged(*catalog.Snapshot) { d.gate.Recheck() }

// expiryEvery is how often open streams are held against the time: a key may expire without any change of the catalog.
const expiryEvery = time.Minute

// expire closes the streams of callers whose keys expired, until ctx ends.
func (d *door) expire(ctx context.Context) error {
	tick := d.clock.NewTimer(expiryEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C():
			d.gate.Recheck()
			tick.Reset(expiryEvery)
		}
	}
}

// probe asks a peer on grpc.health.v1. It speaks TLS without checking who answers: the question is whether anybody does.
func probe(ctx context.Context, p health.Peer) error {
	conn, err := grpc.NewClient("passthrough:///"+net.JoinHostPort(p.Host, strconv.Itoa(int(p.Port))),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})))
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return err
	}
	if s := answer.GetStatus(); s != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("it says %s", s)
	}
	return nil
}

func parsePeer(addr string) (peerAddress, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return peerAddress{}, fmt.Errorf("advertise: %w", err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return peerAddress{}, fmt.Errorf("advertise: port %q: %w", port, err)
	}
	return peerAddress{Host: host, Port: uint16(n)}, nil
}
