// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"strconv"
	"strings"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/health"
)

// Entry is one queue that a client may use, and where.
type Entry struct {
	Broker    string // as clients are told: BrokerOf gives the engine's own name
	Queue     mq.QueueID
	Readable  bool
	Writable  bool
	Endpoints []health.Peer // one, or what the client dialled
}

// Purpose is what a client wants a route for, as far as that is known.
type Purpose uint8

// The purposes.
const (
	AnyPurpose Purpose = iota // the client looks at the permissions itself, or nothing is known
	Sending
	Receiving
)

// Question is one question for a route.
type Question struct {
	Topic   mq.Topic
	Asked   []health.Peer // where the client sent the question; the answer when no peers are configured
	Spread  uint64        // any number that differs between clients
	Purpose Purpose
}

// Planner hands out routes. Where several proxies serve, each queue stands there once for each of them, under a broker's name of its own: official
// clients take a list of endpoints for one address, and retry over distinct names of brokers (docs/adr/0005).
type Planner struct {
	engines map[mq.Cluster]Topology
	peers   *health.Peers
	role    mq.Role
}

// NewPlanner makes a planner for a proxy of a role. peers may be nil: then every route sends the client back to where it asked.
func NewPlanner(engines map[mq.Cluster]Topology, peers *health.Peers, role mq.Role) *Planner {
	return &Planner{engines: engines, peers: peers, role: role}
}

// Topology finds a cluster's engine.
func (p *Planner) Topology(c mq.Cluster) (Topology, error) {
	if e, ok := p.engines[c]; ok {
		return e, nil
	}
	return nil, mq.Refuse(mq.Unavailable, "cluster %q is not reachable from this proxy", c)
}

// Plan gives the entries for a topic. An engine that does not answer leaves what it said before.
func (p *Planner) Plan(ctx context.Context, q Question) ([]Entry, error) {
	queues, err := p.queues(ctx, q.Topic)
	if err != nil {
		return nil, err
	}
	places := p.places(q)
	entries := make([]Entry, 0, len(queues)*len(places))
	for _, queue := range queues {
		for _, at := range places { // side by side: a client that tries the next entry after a failure is to reach another proxy
			e := at.entry(queue)
			if e.Readable && q.Purpose != Sending || e.Writable && q.Purpose != Receiving {
				entries = append(entries, e)
			}
		}
	}
	return entries, nil
}

// Assign gives the entries that a member of a group polls: one for each broker, for each queue where order is kept. Each is served by one proxy, chosen so
// that a client keeps it while that proxy lives and clients spread over all: a poll at every proxy would cost each of them all clients.
func (p *Planner) Assign(ctx context.Context, q Question, ordered bool) ([]Entry, error) {
	queues, err := p.queues(ctx, q.Topic)
	if err != nil {
		return nil, err
	}
	places := p.places(q)
	var entries []Entry
	polled := map[string]bool{}
	for _, queue := range queues {
		if !ordered {
			queue.ID = mq.AnyQueue
		}
		if key := fmt.Sprint(queue.Broker, " ", queue.ID); !queue.Readable || polled[key] {
			continue
		} else {
			polled[key] = true
		}
		if at, ok := choose(places, q.Spread, queue); ok {
			entries = append(entries, at.entry(queue))
		}
	}
	return entries, nil
}

func (p *Planner) queues(ctx context.Context, topic mq.Topic) (mq.QueueSet, error) {
	engine, err := p.Topology(topic.Cluster)
	if err != nil {
		return nil, err
	}
	if queues, known := engine.Queues(topic); known {
		return queues, nil
	}
	return engine.Refresh(ctx, topic)
}

// place is one proxy as clients see it.
type place struct {
	label string // behind a broker's name, "" where there is one proxy
	role  mq.Role
	at    []health.Peer
}

func (l place) entry(q mq.Queue) Entry {
	return Entry{
		Broker: q.Broker + l.label, Queue: q.ID, Readable: q.Readable && l.role.Consumes(), Writable: q.Writable && l.role.Produces(), Endpoints: l.at,
	}
}

// places lists the proxies that serve now, another one first for each client.
func (p *Planner) places(q Question) []place {
	if p.peers == nil {
		return []place{{role: p.role, at: q.Asked}}
	}
	alive := rotate(p.peers.Alive(), q.Spread)
	several := len(p.peers.All()) > 1
	places := make([]place, len(alive))
	for i, peer := range alive {
		places[i] = place{role: peer.Role, at: alive[i : i+1 : i+1]}
		if several {
			places[i].label = labelMark + net.JoinHostPort(peer.Host, strconv.Itoa(int(peer.Port)))
		}
	}
	return places
}

// labelMark stands between a broker's name and the proxy that serves it; it is in no name of a broker.
const labelMark = "@"

// BrokerOf gives the engine's name of the broker that a client named.
func BrokerOf(told string) string {
	name, _, _ := strings.Cut(told, labelMark)
	return name
}

// choose takes the consuming place with the highest hash of client, queue and place: when a place goes, only its own clients move.
func choose(places []place, spread uint64, q mq.Queue) (best place, ok bool) {
	var highest uint64
	for _, at := range places {
		if !at.role.Consumes() {
			continue
		}
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %s %d %s", spread, q.Broker, q.ID, at.label)
		if sum := h.Sum64(); !ok || sum > highest {
			best, highest, ok = at, sum, true
		}
	}
	return best, ok
}

func rotate(peers []health.Peer, by uint64) []health.Peer {
	n := len(peers)
	if n < 2 {
		return peers
	}
	at := int(by % uint64(n))
	return append(append(make([]health.Peer, 0, n), peers[at:]...), peers[:at]...)
}
