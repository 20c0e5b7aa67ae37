// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/causeway-mq/causeway/engine/wrap"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/lifecycle"
	"github.com/causeway-mq/causeway/internal/obs"
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
	"github.com/causeway-mq/causeway/proxy/trail"
)

type peerAddress = health.Peer

// doorParts is what a proxy is made of.
type doorParts struct {
	engines map[mq.Cluster]wrap.Engine
	holder  *catalog.Holder
	lookup  catalog.Lookup // nil: the catalog is complete
	ring    *seal.Keyring
	clock   clock.Clock
	log     *slog.Logger
	metrics *metrics
	trail   *trail.Trail // nil: nothing is remembered
	role    mq.Role
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
	p.metrics.roll.Watch(d.sessions.Clients)
	d.produce = produce.New(each[produce.Store](p.engines), d.sessions)
	d.consume = consume.New(each[consume.Engine](p.engines), p.clock, d.sessions.Alive, p.log.With("room", "consume"))
	if len(p.peers) > 0 {
		d.peers = health.NewPeers(p.peers, probe, p.clock, p.log.With("room", "health"))
	}
	d.gate = gate.New(gate.Ports{
		Guard: guard, Seals: p.ring, Catalog: p.holder.Now, Lookup: p.lookup, Sessions: d.sessions, Produce: d.produce, Consume: d.consume, Pull: d.consume,
		Routes: route.NewPlanner(each[route.Topology](p.engines), d.peers, p.role),
		Role:   p.role, Clock: p.clock, Observer: p.metrics, Trail: p.trail, Log: slog.New(obs.NewSparing(p.log.With("room", "gate").Handler(), "refused", "verb", "reason")),
	})
	d.front = grpcfront.New(d.gate, p.front)
	p.metrics.gauge("rocketmq_proxy_up", "1 while this proxy serves.", func() float64 { return 1 })
	p.metrics.gauge("causeway_connections", "Open client connections.", func() float64 { return float64(d.front.Connections()) })
	p.metrics.gauge("causeway_clients", "Live clients.", func() float64 { return float64(len(d.sessions.Clients())) })
	p.metrics.gauge("causeway_trace_bytes", "Memory that remembers what happened to messages.", func() float64 { return float64(p.trail.Bytes()) })
	p.metrics.gauge("causeway_renewals", "Leases that this proxy renews for its clients.", func() float64 { return float64(d.consume.Renewing()) })
	return d, nil
}

// each gives the engines as one of their ports.
func each[Port any](engines map[mq.Cluster]wrap.Engine) map[mq.Cluster]Port {
	out := make(map[mq.Cluster]Port, len(engines))
	for c, e := range engines {
		out[c] = any(e).(Port) //nolint:forcetypeassert // wrap.Engine holds every port
	}
	return out
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
		d.leave()
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

// leave takes this proxy out of routes, its own and those of the others, who learn it from its health. Calls are served as before. It may be called twice.
func (d *door) leave() {
	if d.peers != nil {
		d.peers.Leave()
	}
	d.front.Leave()
}

// catalogChanged closes the streams of callers who may no longer come in.
func (d *door) catalogChanged(s *catalog.Snapshot) { d.gate.CatalogChanged(s) }

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

// parsePeer reads HOST:PORT or HOST:PORT=ROLE.
func parsePeer(told string) (peerAddress, error) {
	addr, word, _ := strings.Cut(told, "=")
	role, err := mq.ParseRole(word)
	if err != nil {
		return peerAddress{}, fmt.Errorf("advertise: %s: %w", told, err)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return peerAddress{}, fmt.Errorf("advertise: %w", err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return peerAddress{}, fmt.Errorf("advertise: port %q: %w", port, err)
	}
	return peerAddress{Host: host, Port: uint16(n), Role: role}, nil
}
