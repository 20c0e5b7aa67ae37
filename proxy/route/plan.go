// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/health"
)

// Entry is one queue that a client may use, and where.
type Entry struct {
	Broker    string
	Queue     mq.QueueID
	Readable  bool
	Writable  bool
	Endpoints []health.Peer
}

// Planner hands out routes: all queues of a topic, each with the endpoints of every live proxy. Clients fail over inside such
// a list; its order is rotated per client so that they spread.
type Planner struct {
	engines map[mq.Cluster]Topology
	peers   *health.Peers
}

// NewPlanner makes a planner. peers may be nil: then every route sends the client back to where it asked.
func NewPlanner(engines map[mq.Cluster]Topology, peers *health.Peers) *Planner {
	return &Planner{engines: engines, peers: peers}
}

// Topology finds a cluster's engine.
func (p *Planner) Topology(c mq.Cluster) (Topology, error) {
	if e, ok := p.engines[c]; ok {
		return e, nil
	}
	return nil, mq.Refuse(mq.Unavailable, "cluster %q is not reachable from this proxy", c)
}

// Plan gives the entries for a topic. asked is where the client sent its question; it is the answer when no peers are
// configured. spread is any number that differs between clients. An engine that does not answer leaves what it said before.
func (p *Planner) Plan(ctx context.Context, topic mq.Topic, asked []health.Peer, spread uint64) ([]Entry, error) {
	engine, err := p.Topology(topic.Cluster)
	if err != nil {
		return nil, err
	}
	queues, known := engine.Queues(topic)
	if !known {
		if queues, err = engine.Refresh(ctx, topic); err != nil {
			return nil, err
		}
	}
	endpoints := asked
	if p.peers != nil {
		endpoints = rotate(p.peers.Alive(), spread)
	}
	entries := make([]Entry, 0, len(queues))
	for _, q := range queues {
		if q.Readable || q.Writable {
			entries = append(entries, Entry{
				Broker: q.Broker, Queue: q.ID, Readable: q.Readable, Writable: q.Writable, Endpoints: endpoints,
			})
		}
	}
	return entries, nil
}

func rotate(peers []health.Peer, by uint64) []health.Peer {
	n := len(peers)
	if n < 2 {
		return peers
	}
	at := int(by % uint64(n))
	return append(append(make([]health.Peer, 0, n), peers[at:]...), peers[:at]...)
}
