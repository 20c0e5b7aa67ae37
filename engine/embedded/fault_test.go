// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
)

// faulty is a world whose disk can be made to fail.
func faulty(t *testing.T) (*world, *faultfs.FS) {
	w := &world{tester: t, ctx: context.Background(), clock: newClock(), disk: memfs.New()}
	disk := faultfs.New(w.disk)
	w.opts = Options{Clock: w.clock, SegmentBytes: 64 << 10, CheckpointBytes: 16 << 10, FS: disk}
	return w, disk
}

func TestAFailedSyncIsFinal(t *testing.T) {
	w, disk := faulty(t)
	e, _, err := Open(w.ctx, w.opts)
	w.must(err, "open")
	w.engine = e
	topic := topicOf("t", 1)
	w.sendBodies(topic, "safe")
	disk.Inject(faultfs.Rule{Ops: []faultfs.Op{faultfs.Sync}, Pattern: "*.seg", Err: syscall.EIO})

	broken := e.Send(w.ctx, topic, []mq.Message{w.message("in doubt")})[0].Err
	w.expect(mq.Outcome(broken), mq.Unknown, "a send whose sync failed")
	w.expect(mq.KindOf(broken), mq.Unavailable, "its kind")
	disk.Heal()
	after := e.Send(w.ctx, topic, []mq.Message{w.message("too late")})[0].Err
	w.expect(mq.Outcome(after), mq.Refused, "a send after it, although the disk is well again")
	_, err = e.Take(w.ctx, mq.Want{Topic: topic, Group: groupOf("g"), Queue: mq.AnyQueue, Max: 1})
	w.expect(mq.KindOf(err), mq.Unavailable, "a take after it")
	st, _ := e.State(w.ctx)
	w.expect(st.Healthy, false, "health")
	if st.Why == "" {
		t.Fatal("the state does not say why")
	}
	_ = e.Close(w.ctx)

	w.open()
	defer w.close()
	got := w.take(topic, groupOf("g"), 32)
	w.expect(got[0].Message.Body, []byte("safe"), "what was promised")
	for _, d := range got {
		if string(d.Message.Body) == "too late" {
			t.Fatal("a refused message was stored")
		}
	}
}

func TestAFullDiskRefusesMessagesAndLetsTheRestGoOn(t *testing.T) {
	w, disk := faulty(t)
	e, _, err := Open(w.ctx, w.opts)
	w.must(err, "open")
	w.engine = e
	defer w.close()
	topic, g := topicOf("t", 1), groupOf("g")
	body := string(make([]byte, 3000))
	w.sendBodies(topic, body)
	disk.Inject(faultfs.Rule{Ops: []faultfs.Op{faultfs.Preallocate, faultfs.Create}, Pattern: "*.seg*", Times: -1, Err: syscall.ENOSPC})
	var full error
	sent := 1
	for ; full == nil && sent < 200; sent++ {
		full = e.Send(w.ctx, topic, []mq.Message{w.message(body)})[0].Err
	}
	w.expect(mq.KindOf(full), mq.StorageFull, "a full disk")
	w.expect(mq.Outcome(full), mq.Refused, "certainty")
	count := 0
	for got := w.take(topic, g, 32); len(got) > 0; got = w.take(topic, g, 32) {
		count += len(got)
		w.ack(got...)
	}
	w.expect(count, sent-1, "messages taken and settled on the full disk")
	disk.Heal()
	waitUntil(t, func() bool {
		w.clock.Advance(time.Second)
		return e.Send(w.ctx, topic, []mq.Message{w.message("again")})[0].Err == nil
	})
}

func TestADiskThatDoesNotAnswerShedsNewMessages(t *testing.T) {
	w, disk := faulty(t)
	e, _, err := Open(w.ctx, w.opts)
	w.must(err, "open")
	w.engine = e
	topic := topicOf("t", 1)
	w.sendBodies(topic, "first")
	stuck := make(chan struct{})
	var once sync.Once
	release := func() { once.Do(func() { close(stuck) }) }
	defer release()
	disk.SetHook(func(c faultfs.Call) {
		if c.Op == faultfs.Sync {
			<-stuck
		}
	})
	var waiting sync.WaitGroup
	var first error
	waiting.Go(func() { first = e.Send(w.ctx, topic, []mq.Message{w.message("waits")})[0].Err })
	waitUntil(t, func() bool { return e.j.LateBy() > 0 || e.j.Behind() > 0 })
	w.clock.Advance(6 * time.Second)
	shed := e.Send(w.ctx, topic, []mq.Message{w.message("shed")})[0].Err
	w.expect(mq.KindOf(shed), mq.TooManyRequests, "a message while the disk hangs")
	w.expect(mq.Outcome(shed), mq.Refused, "certainty")
	st, _ := e.State(w.ctx)
	w.expect(st.Healthy, false, "health")
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	w.expect(mq.Outcome(e.Probe(ctx)), mq.Unknown, "a probe whose caller is gone")
	release()
	waiting.Wait()
	w.must(first, "the message that waited")
	w.sendBodies(topic, "well again")
	w.close()
}

// Every file call of a fixed workload fails once, in turn. The engine may refuse or doubt; it must not hang, and what it promised
// must be there when it is opened again.
func TestAnErrorAtAnyFileCallLosesNothing(t *testing.T) {
	calls, step := sweepOne(t, 1<<30, nil), 1
	if testing.Short() {
		step = 7
	}
	for n := 1; n <= calls; n += step {
		sweepOne(t, n, syscall.EIO)
		sweepOne(t, n, syscall.ENOSPC)
	}
	t.Logf("%d calls", calls)
}

func sweepOne(t *testing.T, n int, cause error) (calls int) {
	w, disk := faulty(t)
	disk.Inject(faultfs.Rule{First: n, Err: cause, Short: n%2 == 0})
	topic, g := topicOf("t", 1), groupOf("g")
	var promised []string
	settled, doubtful := map[string]bool{}, map[string]bool{}
	e, _, err := Open(w.ctx, w.opts)
	if err == nil {
		for i := range 24 {
			m := w.message(string(make([]byte, 4000)))
			if e.Send(w.ctx, topic, []mq.Message{m})[0].Err == nil {
				promised = append(promised, m.ID.String())
			}
			if i%3 == 0 {
				got, err := e.Take(w.ctx, mq.Want{Topic: topic, Group: g, Queue: mq.AnyQueue, Max: 2})
				for _, d := range got {
					if err != nil {
						continue
					}
					err := e.Ack(w.ctx, []mq.Lease{d.Lease})[0]
					settled[d.Message.ID.String()] = err == nil
					doubtful[d.Message.ID.String()] = mq.Outcome(err) == mq.Unknown
				}
			}
		}
		_ = e.Close(w.ctx)
	}
	calls = disk.Calls()
	disk.Heal()
	w.open()
	defer w.close()
	w.pass(2 * time.Minute)
	came := map[string]bool{}
	for got := w.take(topic, g, 32); len(got) > 0; got = w.take(topic, g, 32) {
		for _, d := range got {
			came[d.Message.ID.String()] = true
		}
		w.ack(got...)
	}
	for _, id := range promised {
		if came[id] == settled[id] && !doubtful[id] {
			t.Fatalf("error %v at call %d: %s was promised; settled %v, came again %v", cause, n, id, settled[id], came[id])
		}
	}
	return calls
}

func TestAReceiverWhoIsGoneBeforeTheAnswerHoldsNothing(t *testing.T) {
	w, disk := faulty(t)
	e, _, err := Open(w.ctx, w.opts)
	w.must(err, "open")
	w.engine = e
	defer w.close()
	topic, g := topicOf("t", 1), groupOf("g")
	w.expect(len(w.take(topic, g, 1)), 0, "there is nothing")
	w.sendBodies(topic, "one")
	w.settle()
	stuck := make(chan struct{})
	var once sync.Once
	release := func() { once.Do(func() { close(stuck) }) }
	defer release()
	disk.SetHook(func(c faultfs.Call) {
		if c.Op == faultfs.Sync {
			<-stuck
		}
	})
	ctx, leave := context.WithCancel(w.ctx)
	var gone error
	var receiver sync.WaitGroup
	receiver.Go(func() {
		_, gone = e.Take(ctx, mq.Want{Topic: topic, Group: g, Queue: mq.AnyQueue, Max: 1})
	})
	waitUntil(t, func() bool { return e.j.Behind() > 0 })
	leave()
	receiver.Wait()
	w.expect(mq.Outcome(gone), mq.Unknown, "what the receiver was told")
	release()
	got := w.take(topic, g, 1)
	w.expect(len(got), 1, "messages for the next receiver, at once")
	w.expect(got[0].Attempt, 2, "attempt")
}
