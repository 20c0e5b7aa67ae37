// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/health"
)

// drawn is a topology as a test draws it.
type drawn struct {
	known, fresh mq.QueueSet
	refreshed    int
	fail         error
}

func (d *drawn) Queues(mq.Topic) (mq.QueueSet, bool) { return d.known, d.known != nil }
func (d *drawn) Refresh(context.Context, mq.Topic) (mq.QueueSet, error) {
	d.refreshed++
	return d.fresh, d.fail
}
func (d *drawn) Changed() <-chan struct{}    { return nil }
func (d *drawn) Traits() mq.Traits           { return mq.Traits{} }
func (d *drawn) Probe(context.Context) error { return nil }

func place(t *testing.T) (mq.Cluster, mq.Topic) {
	t.Helper()
	c, err := mq.ParseCluster("c1")
	if err != nil {
		t.Fatal(err)
	}
	return c, mq.Topic{Cluster: c}
}

func TestOnlyUsableQueuesAreHandedOut(t *testing.T) {
	c, topic := place(t)
	d := &drawn{known: mq.QueueSet{{Broker: "b", ID: 0, Readable: true, Writable: true}, {Broker: "b", ID: 1}, {Broker: "b", ID: 2, Readable: true}}}
	asked := []health.Peer{{Host: "10.0.0.1", Port: 8081}}
	entries, err := NewPlanner(map[mq.Cluster]Topology{c: d}, nil).Plan(t.Context(), topic, asked, 7)
	if err != nil || len(entries) != 2 || entries[1].Queue != 2 || entries[1].Writable || entries[0].Endpoints[0] != asked[0] {
		t.Fatalf("got %+v, %v", entries, err)
	}
	if d.refreshed != 0 {
		t.Fatal("the engine was asked although memory knew")
	}
}

func TestAnUnknownTopicIsAskedFor(t *testing.T) {
	c, topic := place(t)
	d := &drawn{fresh: mq.QueueSet{{Broker: "b", Readable: true}}}
	p := NewPlanner(map[mq.Cluster]Topology{c: d}, nil)
	if entries, err := p.Plan(t.Context(), topic, nil, 0); err != nil || len(entries) != 1 || d.refreshed != 1 {
		t.Fatalf("got %+v, %v", entries, err)
	}
	d.fail = mq.Refuse(mq.TopicNotFound, "no such topic")
	if _, err := p.Plan(t.Context(), topic, nil, 0); mq.KindOf(err) != mq.TopicNotFound {
		t.Fatalf("got %v", err)
	}
	if _, err := p.Plan(t.Context(), mq.Topic{}, nil, 0); mq.KindOf(err) != mq.Unavailable {
		t.Fatalf("a cluster that nobody reaches: %v", err)
	}
}

func TestClientsSpreadOverLivePeers(t *testing.T) {
	c, topic := place(t)
	d := &drawn{known: mq.QueueSet{{Broker: "b", Readable: true}}}
	peers := health.NewPeers([]health.Peer{{Host: "p1"}, {Host: "p2"}, {Host: "p3"}},
		func(context.Context, health.Peer) error { return errors.New("unused") }, clock.NewVirtual(time.Unix(0, 0)), slog.New(slog.DiscardHandler))
	p := NewPlanner(map[mq.Cluster]Topology{c: d}, peers)
	first := make(map[string]int)
	for spread := range uint64(9) {
		entries, err := p.Plan(t.Context(), topic, nil, spread)
		if err != nil || len(entries[0].Endpoints) != 3 {
			t.Fatalf("got %+v, %v", entries, err)
		}
		first[entries[0].Endpoints[0].Host]++
	}
	if first["p1"] != 3 || first["p2"] != 3 || first["p3"] != 3 {
		t.Fatalf("first choices: %v", first)
	}
}
