// SPDX-License-Identifier: Apache-2.0

// Package failover_test kills the primary of a RocketMQ cluster in controller mode under load, beside Apache's own proxy.
package failover_test

import (
	"os"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/test/town"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// TestLongAPrimaryDiesInControllerMode: nothing that was acknowledged is lost when the primary is killed, in either mode; the pauses are told beside those of
// Apache's proxy, which stands before the same cluster at the same time.
func TestLongAPrimaryDiesInControllerMode(t *testing.T) {
	if os.Getenv("CAUSEWAY_LONG") == "" {
		t.Skip("takes minutes: set CAUSEWAY_LONG=1, as make test-cluster-long does")
	}
	for _, mode := range []cluster.Mode{cluster.Safe, cluster.Available} {
		t.Run(string(mode), func(t *testing.T) { primaryDies(t, mode) })
	}
}

// group is a town with one replica group in controller mode: a primary, a synchronous and an asynchronous copy.
func group(t *testing.T, mode cluster.Mode) *town.Town {
	t.Helper()
	var all []cluster.Broker
	for i := range 3 {
		settings := mode.Settings()
		if i == 2 {
			key, value := cluster.LearnerSetting()
			settings[key] = value
		}
		all = append(all, cluster.Broker{Name: "broker-a", Settings: settings})
	}
	return town.Build(t, town.Plan{Controllers: 1, Brokers: all})
}

// primary is the process that the name servers call the primary.
func primary(t *testing.T, w *town.Town) *cluster.Process {
	t.Helper()
	all, err := w.Cluster.Primaries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range w.Brokers {
		if p.Address == all["broker-a"] {
			return p
		}
	}
	t.Fatalf("no process of this test is the primary: %v", all)
	return nil
}

func primaryDies(t *testing.T, mode cluster.Mode) {
	w := group(t, mode)
	apache, err := w.Cluster.ApacheProxy(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	doors := map[string]crowd.Entrance{"causeway": w.Open(), "apache": crowd.Elsewhere{Address: apache.Address}}
	ids := &crowd.IDs{}
	var all []*pulse
	for name, door := range doors {
		for _, kind := range []mq.MessageType{mq.Normal, mq.FIFO, mq.Delay, mq.Transaction} {
			p := &pulse{name: name + "-" + names()[kind], door: door, kind: kind, ids: ids}
			p.topic, p.group = p.name, "g-"+p.name
			provide(t, w, p)
			all = append(all, p)
		}
	}
	for _, p := range all { // a primary that is elected earlier does not know the topic
		if err := w.Cluster.Known(t.Context(), "broker-a", p.topic); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range all {
		start(t, p)
	}
	goesOn(t, all, 200)
	tellsOfEachServer(t, w)
	victim := primary(t, w)
	killed := time.Now()
	if err := victim.Kill(); err != nil {
		t.Fatal(err)
	}
	if mode == cluster.Available {
		goesOn(t, all, 200)
		t.Logf("every load had 200 more acknowledged messages %v after the primary was killed, with one copy", time.Since(killed).Round(10*time.Millisecond))
	} else {
		changed := func() bool {
			now, err := w.Cluster.Primaries(t.Context())
			return err == nil && now["broker-a"] != "" && now["broker-a"] != victim.Address
		}
		waitFor(t, "another primary", changed)
		t.Logf("another primary after %v; writes wait for a second copy", time.Since(killed).Round(10*time.Millisecond))
	}
	restarted := time.Now()
	if err := victim.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	goesOn(t, all, 200)
	t.Logf("every load had 200 more %v after it was started again", time.Since(restarted).Round(10*time.Millisecond))
	for _, p := range all { // before any of them is drained: the machine is theirs then
		p.stopped.Store(true)
	}
	for _, p := range all {
		p.finish()
	}
}

// names is what the kinds of messages are called in the report.
func names() map[mq.MessageType]string {
	return map[mq.MessageType]string{mq.Normal: "plain", mq.FIFO: "fifo", mq.Delay: "delay", mq.Transaction: "transaction"}
}

// provide makes a load's topic and group.
func provide(t *testing.T, w *town.Town, p *pulse) {
	t.Helper()
	topic := mq.Topic{Name: crowd.Must(mq.ParsePhysical(p.topic)), Cluster: w.Name, Accepts: mq.AcceptsOf(p.kind), Queues: 4}
	if err := w.Engine.PutTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	g := mq.Group{Name: crowd.Must(mq.ParsePhysical(p.group)), Cluster: w.Name, Ordered: p.kind == mq.FIFO, MaxAttempts: 100}
	if err := w.Engine.PutGroup(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Engine.Reset(t.Context(), g, topic, mq.Position{Kind: mq.ToEarliest}); err != nil {
		t.Fatal(err)
	}
}

// goesOn waits until every load had so many more messages acknowledged.
func goesOn(t *testing.T, all []*pulse, more int) {
	t.Helper()
	for _, p := range all {
		was := p.sent()
		waitFor(t, p.name+" goes on", func() bool { return p.sent() >= was+more })
	}
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	end := time.NewTimer(2 * time.Minute)
	defer end.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatal("not within two minutes: " + what)
		}
	}
}
