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

func site(t *testing.T) (mq.Cluster, mq.Topic) {
	t.Helper()
	c, err := mq.ParseCluster("c1")
	if err != nil {
		t.Fatal(err)
	}
	return c, mq.Topic{Cluster: c}
}

func TestOnlyUsableQueuesAreHandedOut(t *testing.T) {
	c, topic := site(t)
	d := &drawn{known: mq.QueueSet{{Broker: "b", ID: 0, Readable: true, Writable: true}, {Broker: "b", ID: 1}, {Broker: "b", ID: 2, Readable: true}}}
	asked := []health.Peer{{Host: "10.0.0.1", Port: 8081}}
	entries, err := NewPlanner(map[mq.Cluster]Topology{c: d}, nil, mq.BothRoles).Plan(t.Context(), Question{Topic: topic, Asked: asked, Spread: 7})
	if err != nil || len(entries) != 2 || entries[1].Queue != 2 || entries[1].Writable || entries[0].Endpoints[0] != asked[0] {
		t.Fatalf("got %+v, %v", entries, err)
	}
	if d.refreshed != 0 {
		t.Fatal("the engine was asked although memory knew")
	}
}

func TestAnUnknownTopicIsAskedFor(t *testing.T) {
	c, topic := site(t)
	d := &drawn{fresh: mq.QueueSet{{Broker: "b", Readable: true}}}
	p := NewPlanner(map[mq.Cluster]Topology{c: d}, nil, mq.BothRoles)
	if entries, err := p.Plan(t.Context(), Question{Topic: topic}); err != nil || len(entries) != 1 || d.refreshed != 1 {
		t.Fatalf("got %+v, %v", entries, err)
	}
	d.fail = mq.Refuse(mq.TopicNotFound, "no such topic")
	if _, err := p.Plan(t.Context(), Question{Topic: topic}); mq.KindOf(err) != mq.TopicNotFound {
		t.Fatalf("got %v", err)
	}
	if _, err := p.Plan(t.Context(), Question{}); mq.KindOf(err) != mq.Unavailable {
		t.Fatalf("a cluster that nobody reaches: %v", err)
	}
}

func peersOf(t *testing.T, all ...health.Peer) *health.Peers {
	t.Helper()
	return health.NewPeers(all, func(context.Context, health.Peer) error { return errors.New("unused") },
		clock.NewVirtual(time.Unix(0, 0)), slog.New(slog.DiscardHandler))
}

func TestEachProxyIsAPlaceOfItsOwn(t *testing.T) {
	c, topic := site(t)
	d := &drawn{known: mq.QueueSet{{Broker: "a", Readable: true, Writable: true}, {Broker: "b", Readable: true, Writable: true}}}
	p := NewPlanner(map[mq.Cluster]Topology{c: d}, peersOf(t, health.Peer{Host: "p1", Port: 1}, health.Peer{Host: "p2", Port: 2}, health.Peer{Host: "p3", Port: 3}), mq.BothRoles)
	first := make(map[string]int)
	for spread := range uint64(9) {
		entries, err := p.Plan(t.Context(), Question{Topic: topic, Spread: spread})
		if err != nil || len(entries) != 6 {
			t.Fatalf("got %+v, %v", entries, err)
		}
		names := map[string]bool{}
		for _, e := range entries {
			names[e.Broker] = true
			if len(e.Endpoints) != 1 || BrokerOf(e.Broker) != "a" && BrokerOf(e.Broker) != "b" {
				t.Fatalf("got %+v: one address, and a name that leads back to the broker", e)
			}
		}
		if len(names) != 6 {
			t.Fatalf("names %v: clients retry over distinct ones", names)
		}
		first[entries[0].Endpoints[0].Host]++
	}
	if first["p1"] != 3 || first["p2"] != 3 || first["p3"] != 3 {
		t.Fatalf("first choices: %v", first)
	}
}

func TestOneProxyChangesNoName(t *testing.T) {
	c, topic := site(t)
	d := &drawn{known: mq.QueueSet{{Broker: "a", Readable: true}}}
	entries, err := NewPlanner(map[mq.Cluster]Topology{c: d}, peersOf(t, health.Peer{Host: "p1", Port: 1}), mq.BothRoles).Plan(t.Context(), Question{Topic: topic})
	if err != nil || len(entries) != 1 || entries[0].Broker != "a" {
		t.Fatalf("got %+v, %v", entries, err)
	}
}

func TestRolesDivideTheEntries(t *testing.T) {
	c, topic := site(t)
	d := &drawn{known: mq.QueueSet{{Broker: "a", Readable: true, Writable: true}}}
	p := NewPlanner(map[mq.Cluster]Topology{c: d}, peersOf(t, health.Peer{Host: "send", Role: mq.ProduceRole}, health.Peer{Host: "get", Role: mq.ConsumeRole}), mq.ProduceRole)
	for purpose, want := range map[Purpose]string{AnyPurpose: "send:w get:r ", Sending: "send:w ", Receiving: "get:r "} {
		entries, err := p.Plan(t.Context(), Question{Topic: topic, Purpose: purpose})
		got := ""
		for _, e := range entries {
			got += e.Endpoints[0].Host + ":" + map[bool]string{true: "w"}[e.Writable] + map[bool]string{true: "r"}[e.Readable] + " "
		}
		if err != nil || got != want {
			t.Errorf("purpose %d: %q, want %q, %v", purpose, got, want, err)
		}
	}
	assigned, err := p.Assign(t.Context(), Question{Topic: topic}, false)
	if err != nil || len(assigned) != 1 || assigned[0].Endpoints[0].Host != "get" || assigned[0].Queue != mq.AnyQueue {
		t.Fatalf("assigned %+v, %v", assigned, err)
	}
}

func TestAMemberPollsEachBrokerAtOneProxyAndKeepsIt(t *testing.T) {
	c, topic := site(t)
	d := &drawn{known: mq.QueueSet{{Broker: "a", ID: 0, Readable: true}, {Broker: "a", ID: 1, Readable: true}, {Broker: "b", ID: 0, Readable: true}}}
	three := []health.Peer{{Host: "p1", Port: 1}, {Host: "p2", Port: 2}, {Host: "p3", Port: 3}}
	full := NewPlanner(map[mq.Cluster]Topology{c: d}, peersOf(t, three...), mq.BothRoles)
	without := NewPlanner(map[mq.Cluster]Topology{c: d}, peersOf(t, three[:2]...), mq.BothRoles)
	used := map[string]int{}
	for spread := range uint64(60) {
		before, err := full.Assign(t.Context(), Question{Topic: topic, Spread: spread}, false)
		if err != nil || len(before) != 2 {
			t.Fatalf("got %+v, %v", before, err)
		}
		after, err := without.Assign(t.Context(), Question{Topic: topic, Spread: spread}, false)
		if err != nil || len(after) != 2 {
			t.Fatalf("got %+v, %v", after, err)
		}
		for i := range before {
			used[before[i].Endpoints[0].Host]++
			if before[i].Endpoints[0].Host != "p3" && before[i].Endpoints[0] != after[i].Endpoints[0] {
				t.Errorf("%s moved from %v to %v, which both live", before[i].Broker, before[i].Endpoints, after[i].Endpoints)
			}
		}
	}
	for _, p := range three {
		if used[p.Host] < 20 {
			t.Errorf("%s serves %d of 120", p.Host, used[p.Host])
		}
	}
	if ordered, err := full.Assign(t.Context(), Question{Topic: topic}, true); err != nil || len(ordered) != 3 || ordered[1].Queue != 1 {
		t.Fatalf("ordered: %+v, %v", ordered, err)
	}
}

// Clients of Python go from entry to entry when a send fails: three tries must not all meet the proxy that died a moment ago.
func TestTheNextEntryIsAnotherProxy(t *testing.T) {
	c, topic := site(t)
	d := &drawn{}
	for _, broker := range []string{"a", "b"} {
		for id := range mq.QueueID(4) {
			d.known = append(d.known, mq.Queue{Broker: broker, ID: id, Readable: true, Writable: true})
		}
	}
	p := NewPlanner(map[mq.Cluster]Topology{c: d}, peersOf(t, health.Peer{Host: "p1", Port: 1}, health.Peer{Host: "p2", Port: 2}), mq.BothRoles)
	entries, err := p.Plan(t.Context(), Question{Topic: topic})
	if err != nil || len(entries) != 16 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for i, e := range entries {
		if next := entries[(i+1)%len(entries)]; next.Endpoints[0] == e.Endpoints[0] {
			t.Errorf("entries %d and the next one are both at %v", i, e.Endpoints[0])
		}
	}
}
