// SPDX-License-Identifier: Apache-2.0

// Package fakebroker is a RocketMQ cluster in memory that speaks real remoting.
//
// It exists for tests in virtual time: everything that waits (polls, leases, timers, transaction checks) waits on an injected clock, and
// faults happen when a test asks for them. It follows what a 5.5 broker was seen to do, its weak spots included: an
// acknowledgement is not checked against a live lease, a second verdict on a transaction delivers again, an orderly group blocks the
// whole queue, a parked pop cannot be called off. One file holds one request code. What a broker stores it keeps until the
// fake is dropped; there is no disk, and so nothing to lose but what a fault takes.
//
// One mutex of the Cluster guards all state. Handlers run under it and never wait; answers go through an unbounded queue per
// connection.
package fakebroker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/internal/clock"
)

// Options describe a cluster.
type Options struct {
	Clock       clock.Clock   // default: the system's
	Name        string        // default "DefaultCluster"
	Brokers     []string      // names of primaries, default "broker-a"
	NameServers int           // default 1
	MaxDelay    time.Duration // default 3 days
	CheckAfter  time.Duration // rest before the first check of a transaction that names none, default 6 s
	CheckEvery  time.Duration // default 30 s
	CheckRounds int           // default 15
	RetryV2     bool          // write retries to topics of the second version
	NoRecall    bool
	AutoTopic   bool
	NoAutoGroup bool
	MaxParked   int // polls per topic and group, default 1024
	// SameMillisecond is how many changes of one delivery fall into the millisecond in which it began, as they do at a real broker that is asked at once.
	SameMillisecond int
}

// Cluster is name servers and brokers.
type Cluster struct {
	opts  Options
	clock clock.Clock

	mu      sync.Mutex // guards all below and everything reachable from it
	nodes   map[string]*node
	order   []string // addresses in the order of making
	brokers []*broker
	conns   map[*conn]bool
	faults  []*Fault
	asked   []Asked
	closed  bool

	listeners []net.Listener // of Listen
	joined    sync.WaitGroup
}

// node is one address: a name server, or a broker.
type node struct {
	address  string
	broker   *broker // nil: a name server
	replaced bool    // a secondary now: another node is the broker's primary
	down     bool
	lost     bool // the name servers do not know it
	frozen   bool
	held     []func() // what arrived while frozen
}

// Asked is one request that arrived, for tests that count.
type Asked struct {
	Address string
	Code    int32
}

// New makes a cluster; Dial reaches it.
func New(o Options) *Cluster {
	return build(o, func(server bool, n int) netip.AddrPort {
		if server {
			return netip.MustParseAddrPort(fmt.Sprintf("10.0.0.%d:9876", n))
		}
		return netip.MustParseAddrPort(fmt.Sprintf("10.0.1.%d:10911", n))
	})
}

// build makes a cluster whose name servers and brokers, counted from 1, are at these addresses.
func build(o Options, at func(server bool, n int) netip.AddrPort) *Cluster {
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Name == "" {
		o.Name = "DefaultCluster"
	}
	if len(o.Brokers) == 0 {
		o.Brokers = []string{"broker-a"}
	}
	o.NameServers = max(o.NameServers, 1)
	for _, d := range []struct {
		at        *time.Duration
		otherwise time.Duration
	}{{&o.MaxDelay, 72 * time.Hour}, {&o.CheckAfter, 6 * time.Second}, {&o.CheckEvery, 30 * time.Second}} {
		if *d.at <= 0 {
			*d.at = d.otherwise
		}
	}
	if o.CheckRounds <= 0 {
		o.CheckRounds = 15
	}
	if o.MaxParked <= 0 {
		o.MaxParked = 1024
	}
	c := &Cluster{opts: o, clock: o.Clock, nodes: map[string]*node{}, conns: map[*conn]bool{}}
	for i := range o.NameServers {
		c.addNode(at(true, i+1).String(), nil)
	}
	for i, name := range o.Brokers {
		address := at(false, i+1)
		b := newBroker(c, name, address)
		c.brokers = append(c.brokers, b)
		c.addNode(address.String(), b)
	}
	return c
}

func (c *Cluster) addNode(address string, b *broker) {
	c.nodes[address] = &node{address: address, broker: b}
	c.order = append(c.order, address)
}

// NameServers lists their addresses.
func (c *Cluster) NameServers() []string { return slices.Clone(c.order[:c.opts.NameServers]) }

// Address is a broker's address by name, "" for none.
func (c *Cluster) Address(broker string) string {
	for _, b := range c.brokers {
		if b.name == broker {
			return b.address.String()
		}
	}
	return ""
}

// Dial is a remoting.Dialer into the cluster. It refuses what is down.
func (c *Cluster) Dial(ctx context.Context, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[address]
	if n == nil || n.down || c.closed {
		return nil, fmt.Errorf("dial %s: connection refused", address)
	}
	c.serveLocked(n, theirs)
	return ours, nil
}

// Serve lets the node of an address answer on a connection that a test accepted, for processes that need a socket. It returns at once.
func (c *Cluster) Serve(address string, nc net.Conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[address]
	if n == nil || c.closed {
		return errors.New("no such node")
	}
	c.serveLocked(n, nc)
	return nil
}

// Close cuts every connection and waits for their goroutines.
func (c *Cluster) Close() {
	for _, l := range c.listeners {
		_ = l.Close() // nobody comes any more either way
	}
	c.mu.Lock()
	c.closed = true
	for x := range c.conns {
		x.cutLocked()
	}
	c.mu.Unlock()
	c.joined.Wait()
}

// PutTopic makes a topic on every broker.
func (c *Cluster) PutTopic(t admin.Topic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.brokers {
		b.putTopicLocked(t)
	}
}

// PutGroup makes a group on every broker.
func (c *Cluster) PutGroup(g admin.Group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.brokers {
		b.groups[g.Name] = g
	}
}

// Group is a group as one broker has it.
func (c *Cluster) Group(broker, name string) (g admin.Group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.brokers {
		if b.name == broker {
			g = b.groups[name]
		}
	}
	return g
}

// Requests lists what arrived since the last call.
func (c *Cluster) Requests() []Asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.asked
	c.asked = nil
	return a
}

// Parked tells how many polls wait in all.
func (c *Cluster) Parked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, b := range c.brokers {
		for _, p := range b.parked {
			n += len(p)
		}
	}
	return n
}

// Stored gives the bodies in one queue, in their order.
func (c *Cluster) Stored(broker, topic string, queue int32) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var bodies []string
	for _, b := range c.brokers {
		if t := b.topics[topic]; t != nil && b.name == broker && int(queue) < len(t.queues) {
			for _, m := range t.queues[queue].messages {
				bodies = append(bodies, string(m.Body))
			}
		}
	}
	return bodies
}

// routeLocked is where a topic's queues lie.
func (c *Cluster) routeLocked(topic string) (r request.Route) {
	for _, b := range c.brokers {
		t := b.topics[topic]
		if t == nil { // name servers keep what the last primary told
			t = b.unknown[topic]
		}
		if n := c.nodes[b.address.String()]; t == nil || n.down || n.lost {
			continue
		}
		r.Queues = append(r.Queues, request.RouteQueues{Broker: b.name, Read: t.config.Read, Write: t.config.Write, Permission: t.config.Permission})
		r.Brokers = append(r.Brokers, b.describe())
	}
	return r
}
