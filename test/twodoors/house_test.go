// SPDX-License-Identifier: Apache-2.0

// Package twodoors_test plays two proxies over one embedded engine in one process. Each has its own port, sessions and
// renewals; they share the seal keys and nothing else, so whatever one delivers the other must be able to settle.
package twodoors_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded"
	"github.com/causeway-mq/causeway/engine/wrap"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/access"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/consume"
	"github.com/causeway-mq/causeway/proxy/gate"
	"github.com/causeway-mq/causeway/proxy/gate/grpcfront"
	"github.com/causeway-mq/causeway/proxy/produce"
	"github.com/causeway-mq/causeway/proxy/route"
	"github.com/causeway-mq/causeway/proxy/seal"
	"github.com/causeway-mq/causeway/proxy/session"
	"github.com/causeway-mq/causeway/test/crowd"
)

// house is one engine and the doors over it. Its clock is virtual and runs faster than real time, so that leases of a minute
// end within seconds.
type house struct {
	t       testing.TB
	cluster mq.Cluster
	clock   *clock.Virtual
	engine  *embedded.Engine
	faults  *wrap.Faults // between every door and the engine
	holder  *catalog.Holder
	keys    *seal.Keyring
	topics  map[string]mq.Topic
	groups  map[string]mq.Group
}

// paceStep of virtual time goes by every paceTick of real time.
const (
	paceTick = 2 * time.Millisecond
	paceStep = 40 * time.Millisecond
)

func newHouse(t *testing.T) *house {
	t.Parallel()
	h := &house{
		t: t, cluster: crowd.Must(mq.ParseCluster("house")), clock: clock.NewVirtual(time.Now()), holder: &catalog.Holder{},
		topics: map[string]mq.Topic{}, groups: map[string]mq.Group{},
	}
	engine, _, err := embedded.Open(t.Context(), embedded.Options{FS: memfs.New(), Clock: h.clock, Cluster: h.cluster, SegmentBytes: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	h.engine, h.faults = engine, wrap.NewFaults(h.clock)
	h.keys = crowd.Must(seal.New(seal.NewKey(h.clock.Now())))
	h.holder.Put(catalog.Build(h.contents()))
	stop := make(chan struct{})
	var pace sync.WaitGroup
	pace.Go(func() {
		tick := time.NewTicker(paceTick)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				h.clock.Advance(paceStep)
			}
		}
	})
	t.Cleanup(func() { // after the doors, which are closed by later clean-ups
		if err := engine.Close(context.Background()); err != nil {
			t.Errorf("close the engine: %v", err)
		}
		close(stop)
		pace.Wait()
	})
	return h
}

func (h *house) contents() catalog.Contents {
	tenant := crowd.Must(mq.ParseTenant(mq.DefaultTenant))
	c := catalog.Contents{Version: 1, Tenants: []catalog.Tenant{{ID: tenant, Unsigned: catalog.UnsignedLoopback}}}
	for name, types := range map[string][]mq.MessageType{
		"plain": {mq.Normal}, "lanes": {mq.FIFO}, "later": {mq.Delay}, "pay": {mq.Transaction},
	} {
		n := crowd.Must(mq.ParseTopicName(name))
		h.topics[name] = mq.Topic{Name: mq.PhysicalTopic(tenant, n), Cluster: h.cluster, Accepts: mq.AcceptsOf(types...), Queues: 4}
		c.Topics = append(c.Topics, catalog.Topic{Tenant: tenant, Name: n, Topic: h.topics[name]})
	}
	for name, ordered := range map[string]bool{"billing": false, "settling": false, "in-order": true} {
		n := crowd.Must(mq.ParseGroupName(name))
		h.groups[name] = mq.Group{
			Name: mq.PhysicalGroup(tenant, n), Cluster: h.cluster, Ordered: ordered, MaxAttempts: 100,
			Start: mq.Start{Kind: mq.StartEarliest}, Retry: mq.RetryPolicy{Steps: []time.Duration{time.Second}},
		}
		c.Groups = append(c.Groups, catalog.Group{Tenant: tenant, Name: n, Group: h.groups[name]})
	}
	return c
}

// at is where clients dial.
func (d *door) At() string { return d.address }

// door is one proxy.
type door struct {
	house    *house
	address  string
	cable    *wrap.Cable
	listener *tracked
	sessions *session.Registry
	consume  *consume.Service
	front    *grpcfront.Front
	end      context.CancelFunc
	running  sync.WaitGroup
	once     sync.Once
}

// open starts a door with nothing in its memory but the keys and the catalog.
func (h *house) open() *door {
	h.t.Helper()
	d := &door{house: h, cable: wrap.NewCable()}
	engine := d.cable.Wrap(h.faults.Wrap(h.engine))
	log := slog.New(slog.DiscardHandler)
	d.sessions = session.New(h.clock, 1000, func(c session.Client) { d.consume.ClientGone(c.ID) })
	d.consume = consume.New(map[mq.Cluster]consume.Engine{h.cluster: engine}, h.clock, d.sessions.Alive, log)
	producing := produce.New(map[mq.Cluster]produce.Store{h.cluster: engine}, d.sessions)
	front := grpcfront.New(gate.New(gate.Ports{
		Guard: crowd.Must(access.New(access.Config{Clock: h.clock})), Seals: h.keys, Catalog: h.holder.Now, Sessions: d.sessions,
		Produce: producing, Consume: d.consume, Pull: d.consume,
		Routes: route.NewPlanner(map[mq.Cluster]route.Topology{h.cluster: engine}, nil, mq.BothRoles),
		Clock:  h.clock, Observer: gate.Unobserved{}, Log: log,
	}), grpcfront.Options{})
	d.front = front
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	d.listener = &tracked{Listener: l}
	d.address = l.Addr().String()
	ctx, end := context.WithCancel(context.Background())
	d.end = end
	d.running.Go(func() { _ = front.Serve(d.listener) }) // a listener that is cut fails it, which is what was wanted
	d.running.Go(func() { _ = d.consume.Run(ctx) })
	d.running.Go(func() { _ = producing.Run(ctx) })
	h.t.Cleanup(d.close)
	return d
}

// close ends the door as a clean stop does.
func (d *door) close() {
	d.once.Do(func() {
		d.sessions.Stop()
		d.consume.Drain()
		d.front.Stop()
		d.end()
		d.running.Wait()
	})
}

// kill ends the door as the death of its process does: the engine hears no more from it, every socket is cut without a word,
// and what was in its memory is gone.
func (d *door) Kill() {
	d.once.Do(func() {
		d.cable.Cut()
		d.listener.cut()
		d.end()
		d.front.Stop()
		d.running.Wait()
	})
}

// tracked is a listener that can cut all that it accepted.
type tracked struct {
	net.Listener
	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func (l *tracked) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.conns = append(l.conns, c)
	}
	return c, err
}

// cut resets every connection.
func (l *tracked) cut() {
	_ = l.Listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // reset, not an orderly end
		}
		_ = c.Close()
	}
}

// ground is the house as a crowd plays on it.
func (h *house) ground() crowd.Ground {
	return crowd.Ground{
		Topics: h.topics, Groups: h.groups, Now: h.engine.Now, Open: func() crowd.Entrance { return h.open() }, Renews: true, Placed: true, Least: crowd.Load{Sent: 500, Settled: 500},
		Rest: 80 * time.Second, // longer than a renewed lease and than two checks are apart
		Pass: func(d time.Duration) {
			end := h.clock.Now().Add(d)
			crowd.Eventually(h.t, "time goes by", func() bool { return !h.clock.Now().Before(end) })
		},
		Emptied: func(_ *crowd.Seat, topic, group string) func() bool {
			return func() bool {
				queues, err := h.engine.Progress(context.Background(), h.groups[group], h.topics[topic])
				if err != nil {
					h.t.Errorf("progress: %v", err)
					return true
				}
				for _, q := range queues {
					if q.Committed < q.Hi {
						return false
					}
				}
				return true
			}
		},
	}
}
