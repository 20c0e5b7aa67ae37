// SPDX-License-Identifier: Apache-2.0

// Package health knows which proxies are alive.
package health

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Peer is one proxy that clients may be sent to.
type Peer struct {
	// Address is what clients dial: a host or an IP address, and a port.
	Host string
	Port uint16
	Role mq.Role
	Self bool // this process: alive as long as it answers at all, until it drains
}

// IsIP tells whether the host is an IP address, and which.
func (p Peer) IsIP() (netip.Addr, bool) {
	a, err := netip.ParseAddr(p.Host)
	return a, err == nil
}

// Probe asks a peer whether it serves. It must end with ctx.
type Probe func(ctx context.Context, p Peer) error

const (
	probeEvery = time.Second
	probeBound = 800 * time.Millisecond
	// misses in a row before a peer leaves the routes: with the tick above a dead peer is out within 3 s.
	misses = 2
)

// Peers watches the configured proxies. A peer starts as alive: a route with a dead entry costs a retry, a route with none
// costs the service.
type Peers struct {
	all   []Peer
	probe Probe
	clock clock.Clock
	log   *slog.Logger

	alive atomic.Pointer[[]Peer]
	left  atomic.Bool // this process drains and is in no route any more
}

// NewPeers makes a watcher; Run does the watching.
func NewPeers(all []Peer, probe Probe, c clock.Clock, log *slog.Logger) *Peers {
	p := &Peers{all: all, probe: probe, clock: c, log: log}
	p.alive.Store(&all)
	return p
}

// Alive lists the peers that clients should be sent to, in the configured order. When none of a role
// seems alive it lists all of that role: a view that excludes everybody is more likely wrong than right.
func (p *Peers) Alive() []Peer { return *p.alive.Load() }

// Leave takes this process itself out of the list for good, because it drains. Alone, it stays: clients have nowhere else.
func (p *Peers) Leave() {
	p.left.Store(true)
	p.publish(p.Alive())
}

// publish makes the peers of view the list, without this process once it left. Leave and the probing loop may meet here: left
// is read after the view was made, so neither can bring back what the other took out for more than one round.
func (p *Peers) publish(view []Peer) {
	alive := make([]Peer, 0, len(view))
	for _, peer := range view {
		if !peer.Self || !p.left.Load() {
			alive = append(alive, peer)
		}
	}
	alive = p.unlessNone(alive, mq.Role.Produces)
	alive = p.unlessNone(alive, mq.Role.Consumes)
	p.alive.Store(&alive)
}

// unlessNone adds all peers that serve something when none of alive does.
func (p *Peers) unlessNone(alive []Peer, serves func(mq.Role) bool) []Peer {
	does := func(peer Peer) bool { return serves(peer.Role) }
	if slices.ContainsFunc(alive, does) {
		return alive
	}
	for _, peer := range p.all {
		if does(peer) && !slices.Contains(alive, peer) {
			alive = append(alive, peer)
		}
	}
	return alive
}

// All lists the configured peers.
func (p *Peers) All() []Peer { return p.all }

// Run probes the other peers until ctx ends.
func (p *Peers) Run(ctx context.Context) error {
	missed := make([]int, len(p.all))
	tick := p.clock.NewTimer(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C():
		}
		p.round(ctx, missed)
		tick.Reset(probeEvery)
	}
}

func (p *Peers) round(ctx context.Context, missed []int) {
	bound, cancel := context.WithTimeout(ctx, probeBound)
	defer cancel()
	var group sync.WaitGroup
	for i, peer := range p.all {
		if peer.Self {
			continue
		}
		group.Go(func() {
			if err := p.probe(bound, peer); err != nil {
				missed[i]++
				if missed[i] == misses {
					p.log.Warn("a peer is out of the routes", "peer", peer.Host, "port", peer.Port, "err", err)
				}
				return
			}
			if missed[i] >= misses {
				p.log.Info("a peer is back in the routes", "peer", peer.Host, "port", peer.Port)
			}
			missed[i] = 0
		})
	}
	group.Wait()
	alive := make([]Peer, 0, len(p.all))
	for i, peer := range p.all {
		if missed[i] < misses {
			alive = append(alive, peer)
		}
	}
	p.publish(alive)
}
