// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A million scheduled messages cost their entry in memory and nothing while they wait; each is delivered when it is due, not
// before, and also after a restart.
func TestAMillionScheduledMessagesWaitCheaply(t *testing.T) {
	n := 1_000_000
	if testing.Short() || raceEnabled {
		n = 50_000
	}
	dir := t.TempDir()
	w := &world{tester: t, ctx: t.Context(), clock: newClock()}
	opts := Options{Dir: dir, Clock: w.clock}
	e, _, err := Open(w.ctx, opts)
	w.must(err, "open")
	w.engine = e
	topic := topicOf("t", 4)
	before := heapBytes()
	batch := make([]mq.Message, 1000)
	start := e.Now()
	id, _ := mq.ParseMessageID("the-same-id-for-all")
	for sent := 0; sent < n; sent += len(batch) {
		for i := range batch {
			due := start.Add(time.Hour + time.Duration(sent+i)*time.Millisecond)
			batch[i] = mq.Message{ID: id, Type: mq.Delay, DeliverAt: due, Body: []byte("x")}
		}
		w.send(topic, batch...)
	}
	grown := float64(heapBytes()-before) / float64(n)
	st, err := e.State(w.ctx)
	w.must(err, "state")
	w.expect(st.Scheduled, n, "scheduled")

	began := time.Now()
	ticks := 0
	for range 59 { // nothing is due for an hour: the ticker has nothing to do
		w.pass(time.Minute)
		ticks++
	}
	idle := time.Since(began) / time.Duration(ticks)
	w.close()
	began = time.Now()
	e, report, err := Open(w.ctx, opts)
	opened := time.Since(began)
	w.must(err, "open again")
	w.engine = e
	defer w.close()
	w.expect(report.Checkpoint > 0, true, "the state came from a checkpoint")
	held := float64(heapBytes()-before) / float64(n)
	t.Logf("%d scheduled: %.1f bytes each while the segment is open, %.1f after a restart; %v a virtual minute; opened in %v", n, grown, held, idle, opened)
	if held > 64 {
		t.Errorf("%.1f bytes each in memory, the limit is 64", held)
	}
	w.pass(start.Add(time.Hour - time.Nanosecond).Sub(e.Now()))
	st, _ = e.State(w.ctx)
	w.expect(st.Scheduled, n, "a nanosecond before the first is due")
	w.pass(2 * time.Second)
	st, _ = e.State(w.ctx)
	w.expect(st.Scheduled, n-2000, "two seconds later")
}

// The cost of a send, a take and an acknowledgement does not grow with the topics and groups that lie idle beside it.
func TestIdleTopicsAndGroupsCostNothing(t *testing.T) {
	cost := func(idle int) (perRound time.Duration, allocs float64) {
		w := newWorld(t, func(o *Options) { o.SegmentBytes = 64 << 20 })
		defer w.close()
		for i := range idle {
			topic, g := topicOf(fmt.Sprint("idle", i), 8), groupOf(fmt.Sprint("idle", i))
			w.sendBodies(topic, "once")
			w.ack(w.take(topic, g, 1)...)
		}
		topic, g := topicOf("busy", 8), groupOf("busy")
		round := func() {
			w.sendBodies(topic, "x")
			w.ack(w.take(topic, g, 1)...)
		}
		round()
		allocs = testing.AllocsPerRun(200, round)
		best := time.Hour
		for range 20 {
			began := time.Now()
			for range 50 {
				round()
			}
			best = min(best, time.Since(began)/50)
		}
		return best, allocs
	}
	few, fewAllocs := cost(10)
	n := 3000
	if raceEnabled {
		n = 300
	}
	many, manyAllocs := cost(n)
	t.Logf("a round costs %v beside 10 idle topics and groups, %v beside %d; %.0f and %.0f allocations", few, many, n, fewAllocs, manyAllocs)
	if many > 3*few+50*time.Microsecond {
		t.Errorf("a round costs %v beside 10 idle topics and groups, %v beside %d", few, many, n)
	}
	if manyAllocs > fewAllocs+5 {
		t.Errorf("%.0f allocations a round beside 10 idle ones, %.0f beside %d", fewAllocs, manyAllocs, n)
	}
}

// Ten thousand who wait cost no goroutine, and a message wakes one of them.
func TestManyWaitersCostNoGoroutineAndOneMessageWakesOne(t *testing.T) {
	w := quick(t)
	topic, g := topicOf("t", 8), groupOf("g")
	w.expect(len(w.take(topic, g, 1)), 0, "there is nothing")
	before := runtime.NumGoroutine()
	woken := make(chan int, 10_000)
	var disarms []func()
	for i := range 10_000 {
		disarms = append(disarms, w.engine.Arm(mq.Want{Topic: topic, Group: g, Queue: mq.AnyQueue, Max: 32}, func() { woken <- i }))
	}
	if n := runtime.NumGoroutine(); n > before+2 {
		t.Errorf("%d goroutines for 10,000 waiters", n-before)
	}
	w.sendBodies(topic, "one")
	waitUntil(t, func() bool { return len(woken) == 1 })
	// The one that was woken is gone; somebody else is told before long.
	w.pass(lookAgainAfter)
	w.expect(len(woken), 2, "woken because the first one never came")
	w.expect(len(w.take(topic, g, 1)), 1, "taken")
	w.pass(time.Second)
	w.expect(len(woken), 2, "woken when nothing is left")
	w.sendBodies(topic, "two")
	waitUntil(t, func() bool { return len(woken) == 3 })
	for _, disarm := range disarms {
		disarm()
	}
	w.expect(w.engine.lot.Len(), 0, "left")
}
