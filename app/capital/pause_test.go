// SPDX-License-Identifier: Apache-2.0

package capital

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/app/follow"
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/feed"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/test/crowd"
)

// Two proxies before a RocketMQ cluster follow one control plane: a group that is paused is handed nothing by either, settles what it holds, and goes on where it was.
func TestAPausedGroupIsHandedNothingByAnyProxy(t *testing.T) {
	fake := fakebroker.New(fakebroker.Options{})
	t.Cleanup(fake.Close)
	cluster := crowd.Must(mq.ParseCluster("DefaultCluster"))
	engine := crowd.Must(rocketmq.Open(rocketmq.Options{NameServers: fake.NameServers(), Cluster: cluster, Remoting: remoting.Options{Dial: fake.Dial}}))
	t.Cleanup(func() { _ = engine.Close() })
	store := crowd.Must(sqlstore.OpenSQLite(t.Context(), t.TempDir()))
	var served atomic.Pointer[feed.Feed]
	plane := crowd.Must(control.Open(t.Context(), control.Options{
		Store: store, Engine: engine, Inspector: engine, Mover: engine, Cluster: cluster, LoopbackUnsigned: true,
		Await: func(ctx context.Context, v control.Version) error {
			if f := served.Load(); f != nil {
				return f.Await(ctx, v)
			}
			return nil
		},
	}))
	t.Cleanup(func() { _ = plane.Close() })
	f := crowd.Must(feed.New(feed.Options{Plane: plane, Ledger: store, Tokens: []string{proxyToken}}))
	served.Store(f)
	run(t, f.Run)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	t.Cleanup(f.Release)
	tenant, topic, group := crowd.Must(mq.ParseTenant(mq.DefaultTenant)), crowd.Must(mq.ParseTopicName("orders")), crowd.Must(mq.ParseGroupName("billing"))
	crowd.Must(plane.CreateTopic(t.Context(), control.Itself("test"), control.NewTopic{Tenant: tenant, Name: topic}))
	crowd.Must(plane.CreateGroup(t.Context(), control.Itself("test"), control.NewGroup{Tenant: tenant, Name: group, Start: &mq.Start{Kind: mq.StartEarliest}}))
	var doors []*crowd.Client
	for _, name := range []string{"a", "b"} {
		c := app.DefaultProxyConfig()
		c.Listen, c.HTTP = freeAddress(t), freeAddress(t)
		c.Control = follow.Config{URLs: []string{server.URL}, Token: proxyToken, Cache: filepath.Join(t.TempDir(), name)}
		c.Clusters = []app.ClusterConfig{{Name: "DefaultCluster", NameServers: fake.NameServers()}}
		run(t, func(ctx context.Context) error {
			return app.Proxy(ctx, app.ProxyOptions{Config: c, Out: new(bytes.Buffer), Log: obs.NewLogger(testWriter{t}, slog.LevelError), Dial: fake.Dial})
		})
		doors = append(doors, crowd.Dial(t, crowd.Elsewhere{Address: c.Listen}, "host@1@0@"+name))
	}
	wants := crowd.Receiving{Topic: "orders", Group: "billing", Max: 1, Hold: time.Minute, Poll: time.Second}
	crowd.Eventually(t, "both proxies serve", func() bool {
		for _, d := range doors {
			if _, err := d.Receive(wants); err != nil {
				return false
			}
		}
		return true
	})
	paused := func(is bool) {
		t.Helper()
		if g := crowd.Must(plane.UpdateGroup(t.Context(), control.Itself("test"), tenant, group, control.GroupChange{Paused: &is})); g.Paused != is || g.State != control.Ready {
			t.Fatalf("%+v", g)
		}
	}
	crowd.SendOK(t, doors[0], crowd.Letter("orders", "01A", "first"))
	first := crowd.Gets(t, doors[1], wants)
	paused(true) // it is answered when both proxies know
	crowd.SendOK(t, doors[1], crowd.Letter("orders", "01B", "second"))
	for _, d := range doors {
		crowd.Nothing(t, d, wants, "the group is paused")
	}
	if err := doors[0].Ack("orders", "billing", first); err != nil {
		t.Errorf("what it holds: %v", err)
	}
	paused(false)
	if second := crowd.Gets(t, doors[0], wants); string(second.GetBody()) != "second" {
		t.Errorf("it goes on with %s", second.GetBody())
	}
}
