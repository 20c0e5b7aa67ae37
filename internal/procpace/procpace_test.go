// SPDX-License-Identifier: Apache-2.0

package procpace

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
)

func TestProcessorsDoubleAtOnceAndLeaveOneByOne(t *testing.T) {
	p := pace{now: 1, most: 6}
	for i, step := range []struct {
		used  float64
		ticks int
		want  int
	}{
		{0.7, 100, 1}, {0.8, 1, 2}, {1.9, 1, 4}, {3.5, 1, 6}, {6, 10, 6},
		{2.4, calm - 1, 6}, {2.6, 1, 6}, // not calm for long enough
		{2.4, calm - 1, 6}, {2.4, 1, 5}, {1.9, calm, 4}, {1.9, 3 * calm, 4}, {0.1, 3 * calm, 1}, {0, calm, 1},
	} {
		for range step.ticks {
			p.next(step.used)
		}
		if p.now != step.want {
			t.Fatalf("step %d, %.1f in use: %d processors, want %d", i, step.used, p.now, step.want)
		}
	}
}

// world is a process whose use of processors a test sets.
type world struct {
	t     *testing.T
	clock *clock.Virtual
	spent atomic.Int64
	done  chan error
	stop  context.CancelFunc
}

func start(t *testing.T) *world {
	w := &world{t: t, clock: clock.NewVirtual(time.Unix(0, 0)), done: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	w.stop = cancel
	go func() {
		w.done <- run(ctx, w.clock, func() (time.Duration, bool) { return time.Duration(w.spent.Load()), true })
	}()
	return w
}

// until waits for a condition.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	bound := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-bound:
			w.t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func (w *world) end() {
	w.t.Helper()
	w.stop()
	if err := <-w.done; !errors.Is(err, context.Canceled) {
		w.t.Fatal(err)
	}
}

func TestABurstGetsTheMachineAndTheEndGivesItBack(t *testing.T) {
	if _, chosen := os.LookupEnv("GOMAXPROCS"); chosen || runtime.GOMAXPROCS(0) < 2 {
		t.Skip("needs two processors that nobody chose")
	}
	before := runtime.GOMAXPROCS(0)
	w := start(t)
	w.until("one processor", func() bool { return w.clock.Pending() > 0 && runtime.GOMAXPROCS(0) == 1 })
	w.spent.Add(int64(every)) // one processor, all of a tick
	w.clock.Advance(every)
	w.until("two processors", func() bool { return runtime.GOMAXPROCS(0) == 2 })
	w.end()
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("left with %d processors, there were %d", got, before)
	}
}

func TestWhoSetsTheNumberHasDecided(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	t.Setenv("GOMAXPROCS", "2")
	w := start(t)
	w.end()
	if got := runtime.GOMAXPROCS(0); got != before || w.clock.Pending() != 0 {
		t.Errorf("%d processors and %d timers, there were %d and none", got, w.clock.Pending(), before)
	}
}

func TestTheTimeOfThisProcessIsKnown(t *testing.T) {
	first, ok := spent()
	if !ok {
		t.Skip("not known on this system")
	}
	w := &world{t: t}
	w.until("some time spent", func() bool { now, _ := spent(); return now > first })
}
