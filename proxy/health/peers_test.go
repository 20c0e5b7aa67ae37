// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// town is a set of peers some of which do not answer.
type town struct {
	mu     sync.Mutex
	silent map[string]bool
	asked  chan string
}

func (w *town) probe(ctx context.Context, p Peer) error {
	w.mu.Lock()
	dead := w.silent[p.Host]
	w.mu.Unlock()
	w.asked <- p.Host
	if dead {
		return errors.New("no answer")
	}
	return nil
}

func (w *town) set(host string, silent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent[host] = silent
}

func hosts(peers []Peer) string {
	s := ""
	for _, p := range peers {
		s += p.Host + " "
	}
	return s
}

func watch(t *testing.T, all []Peer) (*Peers, *town, func(rounds int)) {
	t.Helper()
	c := clock.NewVirtual(time.Unix(1_800_000_000, 0))
	w := &town{silent: make(map[string]bool), asked: make(chan string, 100)}
	p := NewPeers(all, w.probe, c, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	others := 0
	for _, peer := range all {
		if !peer.Self {
			others++
		}
	}
	rounds := func(n int) {
		for range n {
			waitFor(t, func() bool { return c.Pending() > 0 })
			c.Advance(probeEvery)
			for range others {
				<-w.asked
			}
			waitFor(t, func() bool { return c.Pending() > 0 }) // the round is over when the next tick is set
		}
	}
	return p, w, rounds
}

func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	bound := time.After(time.Minute)
	for !holds() {
		select {
		case <-tick.C:
		case <-bound:
			t.Fatal("the condition did not come true within a minute")
		}
	}
}

func TestADeadPeerLeavesTheRoutesWithinThreeSeconds(t *testing.T) {
	p, w, rounds := watch(t, []Peer{{Host: "me", Self: true}, {Host: "b"}, {Host: "c"}})
	if got := hosts(p.Alive()); got != "me b c " {
		t.Fatalf("at the start: %s", got)
	}
	w.set("b", true)
	rounds(1)
	if got := hosts(p.Alive()); got != "me b c " {
		t.Fatalf("one lost probe is no death: %s", got)
	}
	rounds(1) // 2 s after the death at most, and 0.8 s for the probe
	if got := hosts(p.Alive()); got != "me c " {
		t.Fatalf("still routed: %s", got)
	}
	w.set("b", false)
	rounds(1)
	if got := hosts(p.Alive()); got != "me b c " {
		t.Fatalf("not back: %s", got)
	}
}

func TestAViewThatExcludesEverybodyIsNotBelieved(t *testing.T) {
	p, w, rounds := watch(t, []Peer{{Host: "b"}, {Host: "c"}})
	w.set("b", true)
	w.set("c", true)
	rounds(3)
	if got := hosts(p.Alive()); got != "b c " {
		t.Fatalf("got %s", got)
	}
}

func TestADrainingProxyTakesItselfOut(t *testing.T) {
	p, _, rounds := watch(t, []Peer{{Host: "me", Self: true}, {Host: "b"}})
	p.Leave()
	if got := hosts(p.Alive()); got != "b " {
		t.Fatalf("got %s", got)
	}
	rounds(2)
	if got := hosts(p.Alive()); got != "b " {
		t.Fatalf("a probe brought it back: %s", got)
	}
}

func TestTheLastOfARoleStaysWhateverTheProbesSay(t *testing.T) {
	p, w, rounds := watch(t, []Peer{{Host: "send", Role: mq.ProduceRole}, {Host: "get1", Role: mq.ConsumeRole}, {Host: "get2", Role: mq.ConsumeRole}})
	w.set("get1", true)
	rounds(3)
	if got := hosts(p.Alive()); got != "send get2 " {
		t.Fatalf("one of two is dead: %q", got)
	}
	w.set("get2", true)
	rounds(3)
	if got := hosts(p.Alive()); got != "send get1 get2 " {
		t.Fatalf("all of a role seem dead: %q, want them listed rather than none", got)
	}
}
