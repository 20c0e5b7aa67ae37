// SPDX-License-Identifier: Apache-2.0

// Package outage_test takes the control plane away from proxies under load, which traffic does not notice, and shows what it knows of them while it is there.
package outage_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/feed"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/engine/embedded"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/access"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/fed"
	"github.com/causeway-mq/causeway/proxy/consume"
	"github.com/causeway-mq/causeway/proxy/gate"
	"github.com/causeway-mq/causeway/proxy/gate/grpcfront"
	"github.com/causeway-mq/causeway/proxy/produce"
	"github.com/causeway-mq/causeway/proxy/route"
	"github.com/causeway-mq/causeway/proxy/seal"
	"github.com/causeway-mq/causeway/proxy/session"
	"github.com/causeway-mq/causeway/test/crowd"
)

const token = "a proxy's own token"

func ada() control.Actor {
	return control.Actor{Kind: control.MemberActor, Name: "ada", Role: "operator"}
}

// house is one engine, one control plane that may be away, and doors that follow it.
type house struct {
	t       *testing.T
	dir     string // of the database
	cluster mq.Cluster
	clock   clock.Clock // of the feed, at both ends
	engine  *embedded.Engine
	keys    *seal.Keyring
	address string // of the control plane
	plane   *capital
}

func build(t *testing.T) *house {
	t.Helper()
	return buildBy(t, clock.System())
}

// buildBy is build with a clock of the test's own for the feed.
func buildBy(t *testing.T, c clock.Clock) *house {
	t.Helper()
	h := &house{t: t, clock: c, dir: t.TempDir(), cluster: crowd.Must(mq.ParseCluster("house")), keys: crowd.Must(seal.New(seal.NewKey(time.Now())))}
	l := crowd.Must(net.Listen("tcp", "127.0.0.1:0"))
	h.address = l.Addr().String()
	var err error
	if h.engine, _, err = embedded.Open(t.Context(), embedded.Options{FS: memfs.New(), Cluster: h.cluster, Provisioned: true, SegmentBytes: 16 << 20}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	h.rule(l)
	return h
}

// capital is a control plane with its feed.
type capital struct {
	*control.Plane
	feed *feed.Feed
	kill func()
}

// rule starts the control plane on what its database holds.
func (h *house) rule(l net.Listener) {
	h.t.Helper()
	store := crowd.Must(sqlstore.OpenSQLite(context.Background(), h.dir))
	c := &capital{}
	c.Plane = crowd.Must(control.Open(context.Background(), control.Options{
		Store: store, Engine: h.engine, Inspector: h.engine, Traits: h.engine.Traits(), Cluster: h.cluster,
		Await: func(ctx context.Context, v control.Version) error {
			if c.feed == nil {
				return nil
			}
			return c.feed.Await(ctx, v)
		},
	}))
	c.feed = crowd.Must(feed.New(feed.Options{Plane: c.Plane, Ledger: store, Tokens: []string{token}, Clock: h.clock}))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = c.feed.Run(ctx) })
	server := httptest.NewUnstartedServer(c.feed)
	_ = server.Listener.Close()
	server.Listener = l
	server.Start()
	c.kill = sync.OnceFunc(func() { // every connection is cut, and the database is closed
		_ = l.Close()
		server.CloseClientConnections()
		cancel()
		running.Wait()
		server.Close()
		_ = c.Close()
	})
	h.t.Cleanup(c.kill)
	h.plane = c
}

// again starts the control plane where it was.
func (h *house) again() {
	h.t.Helper()
	var l net.Listener
	crowd.Eventually(h.t, "the control plane's port is free", func() (ok bool) {
		var err error
		l, err = net.Listen("tcp", h.address)
		return err == nil
	})
	h.rule(l)
}

// provide makes a tenant with an application that may everything, a topic and two groups.
func (h *house) provide(name string) [2]string {
	h.t.Helper()
	id, ctx := crowd.Must(mq.ParseTenant(name)), h.t.Context()
	crowd.Must(h.plane.CreateTenant(ctx, ada(), control.Tenant{ID: id}))
	_, key, err := h.plane.CreateApplication(ctx, ada(), control.Application{Tenant: id, Name: crowd.Must(control.ParseApplicationName("app")), Rights: control.Rights{Owner: true}})
	if err != nil {
		h.t.Fatal(err)
	}
	crowd.Must(h.plane.CreateTopic(ctx, ada(), control.NewTopic{Tenant: id, Name: crowd.Must(mq.ParseTopicName("orders")), Queues: 4}))
	crowd.Must(h.plane.CreateGroup(ctx, ada(), control.NewGroup{Tenant: id, Name: crowd.Must(mq.ParseGroupName("billing")), Start: &mq.Start{Kind: mq.StartEarliest}}))
	return [2]string{key.ID, key.Secret}
}

// asking is the way of one proxy to control planes.
type asking struct {
	http.Transport
	under atomic.Int64 // questions that are not answered
}

// RoundTrip asks.
func (a *asking) RoundTrip(r *http.Request) (*http.Response, error) {
	a.under.Add(1)
	defer a.under.Add(-1)
	return a.Transport.RoundTrip(r)
}

// door is one proxy that follows the control plane.
type door struct {
	address string
	asks    *asking
	source  *fed.Source
	gate    *gate.Door
	holder  catalog.Holder
	close   func()
}

func (d *door) At() string { return d.address }
func (d *door) Kill()      { d.close() }

// open starts a proxy whose catalog is kept on a disk, and waits until it has one.
func (h *house) open(disk fsys.FS) *door {
	h.t.Helper()
	d := &door{asks: &asking{}}
	log := slog.New(slog.DiscardHandler)
	d.source = crowd.Must(fed.Open(fed.Options{URLs: []string{"http://" + h.address}, Token: token, Name: rand.Text(), Client: d.asks, Disk: disk, Cache: "catalog", Clock: h.clock}))
	var consuming *consume.Service
	sessions := session.New(clock.System(), 1000, func(c session.Client) { consuming.ClientGone(c.ID) })
	consuming = consume.New(map[mq.Cluster]consume.Engine{h.cluster: h.engine}, clock.System(), sessions.Alive, log)
	producing := produce.New(map[mq.Cluster]produce.Store{h.cluster: h.engine}, sessions)
	entrance := gate.New(gate.Ports{
		Guard: crowd.Must(access.New(access.Config{Clock: clock.System()})), Seals: h.keys, Catalog: d.holder.Now, Sessions: sessions,
		Produce: producing, Consume: consuming, Pull: consuming,
		Routes: route.NewPlanner(map[mq.Cluster]route.Topology{h.cluster: h.engine}, nil, mq.BothRoles),
		Clock:  clock.System(), Observer: gate.Unobserved{}, Log: log,
	})
	d.gate = entrance
	front := grpcfront.New(entrance, grpcfront.Options{})
	l := crowd.Must(net.Listen("tcp", "127.0.0.1:0"))
	d.address = l.Addr().String()
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = d.source.Run(ctx) })
	running.Go(func() {
		_ = catalog.Follow(ctx, d.source, &d.holder, func(*catalog.Snapshot) { entrance.Recheck() })
	})
	running.Go(func() { _ = front.Serve(l) })
	running.Go(func() { _ = consuming.Run(ctx) })
	running.Go(func() { _ = producing.Run(ctx) })
	d.close = sync.OnceFunc(func() {
		sessions.Stop()
		consuming.Drain()
		front.Stop()
		end()
		running.Wait()
	})
	h.t.Cleanup(d.close)
	crowd.Eventually(h.t, "the proxy has a catalog", func() bool { return !d.holder.Now().Empty() })
	return d
}

// load is a producer and a consumer of one door. Every call that fails is counted.
type load struct {
	sent, got, failed atomic.Int64
	longest           atomic.Int64 // nanoseconds between two sends that succeeded, since somebody asked
	first             atomic.Pointer[string]
	stop              func()
}

// pause is the longest time between two sends that succeeded since the last call of pause.
func (l *load) pause() time.Duration { return time.Duration(l.longest.Swap(0)) }

func begin(t *testing.T, at crowd.Entrance, name string, key [2]string, ids *crowd.IDs) *load {
	t.Helper()
	l := &load{}
	over := make(chan struct{})
	var running sync.WaitGroup
	l.stop = sync.OnceFunc(func() { close(over); running.Wait() })
	t.Cleanup(l.stop)
	ended := func() bool {
		select {
		case <-over:
			return true
		default:
			return false
		}
	}
	fails := func(err error) {
		text := err.Error()
		l.first.CompareAndSwap(nil, &text)
		l.failed.Add(1)
	}
	client := func(kind string) *crowd.Client {
		c := crowd.Dial(t, at, name+kind)
		c.Key = key
		return c
	}
	producer, consumer := client("@p"), client("@c")
	running.Go(func() {
		last := time.Now()
		for !ended() {
			if _, err := producer.Send(crowd.Letter("orders", ids.Next(), "x")); err != nil {
				fails(err)
				continue
			}
			l.sent.Add(1)
			now := time.Now()
			if rested := int64(now.Sub(last)); rested > l.longest.Load() {
				l.longest.Store(rested) // somebody who asks between the two lines gets it with his next question
			}
			last = now
		}
	})
	running.Go(func() {
		for !ended() {
			some, err := consumer.Receive(crowd.Receiving{Topic: "orders", Group: "billing", Max: 16, Hold: 30 * time.Second, Poll: time.Second})
			if err != nil {
				fails(err)
			}
			for _, m := range some {
				if err := consumer.Ack("orders", "billing", m); err != nil {
					fails(err)
				} else {
					l.got.Add(1)
				}
			}
		}
	})
	return l
}

// goesOn waits until a load sent and got so many more.
func (l *load) goesOn(t *testing.T, more int64) {
	t.Helper()
	sent, got := l.sent.Load(), l.got.Load()
	crowd.Eventually(t, "the load goes on", func() bool { return l.sent.Load() >= sent+more && l.got.Load() >= got+more })
}

// ends stops a load in which nothing may have failed.
func (l *load) ends(t *testing.T, name string) {
	t.Helper()
	l.stop()
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%s: %d calls failed, the first one with %s", name, n, *l.first.Load())
	}
	t.Logf("%s: %d sent, %d received and acknowledged, %d failed", name, l.sent.Load(), l.got.Load(), l.failed.Load())
}
