// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/mq"
)

// Three large messages that had all their attempts: their copies together are larger than a record may be.
func TestLargeMessagesBecomeDeadLettersTogether(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.SegmentBytes = 64 << 20 })
	defer w.close()
	topic, g := topicOf("t", 1), groupOf("g")
	g.MaxAttempts = 1
	for range 3 {
		w.sendBodies(topic, strings.Repeat("x", 3<<20))
	}
	w.expect(len(w.take(topic, g, 32)), 3, "first attempts")
	w.pass(2 * mq.DefaultHold)
	w.sendBodies(topic, "next")
	for range 4 {
		got, err := w.engine.Take(w.ctx, mq.Want{Topic: topic, Group: g, Queue: mq.AnyQueue, Max: 32})
		w.must(err, "take behind three large dead letters")
		if len(got) == 1 {
			return
		}
	}
	t.Fatal("the next message does not come")
}

// A few large messages while the disk hangs: every call has an end all the same.
func TestADiskThatHangsHoldsNobodyBehindALock(t *testing.T) {
	w, disk := faulty(t)
	w.opts.SegmentBytes = 64 << 20
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
	ctx, cancel := context.WithTimeout(w.ctx, 300*time.Millisecond)
	defer cancel()
	var senders sync.WaitGroup
	for range 8 {
		m := w.message(strings.Repeat("x", 4<<20-1))
		senders.Go(func() { e.Send(ctx, topic, []mq.Message{m}) })
	}
	answered := make(chan struct{})
	go func() {
		<-ctx.Done()
		_, _ = e.State(w.ctx)
		e.Queues(topic)
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(5 * time.Second):
		t.Error("State hangs behind the engine's lock for as long as the disk does")
	}
	release()
	senders.Wait()
	<-answered
	w.close()
}

// Scheduled messages fall due while the disk is full: what settles goes on.
func TestDueMessagesDoNotEatTheReserve(t *testing.T) {
	w, disk := faulty(t)
	e, _, err := Open(w.ctx, w.opts)
	w.must(err, "open")
	w.engine = e
	defer w.close()
	topic, later, g := topicOf("t", 1), topicOf("later", 1), groupOf("g")
	body := string(make([]byte, 3000))
	w.sendBodies(topic, "a", "b")
	for range 300 {
		m := w.message("small")
		m.Type, m.DeliverAt = mq.Delay, e.Now().Add(time.Minute)
		w.send(later, m)
	}
	got := w.take(topic, g, 2)
	disk.Inject(faultfs.Rule{Ops: []faultfs.Op{faultfs.Preallocate, faultfs.Create}, Times: -1, Err: syscall.ENOSPC})
	var full error
	for range 200 {
		if full = e.Send(w.ctx, topic, []mq.Message{w.message(body)})[0].Err; full != nil {
			break
		}
	}
	w.expect(mq.KindOf(full), mq.StorageFull, "a full disk")
	for range 14 { // keep the leases while time passes in steps, then everything falls due at once
		w.clock.Advance(5 * time.Second)
		leases := []mq.Lease{got[0].Lease, got[1].Lease}
		for _, x := range e.Extend(w.ctx, leases, time.Hour, mq.Keep) {
			w.must(x.Err, "extend")
		}
	}
	ctx, cancel := context.WithTimeout(w.ctx, 2*time.Second)
	defer cancel()
	_ = e.CatchUp(ctx)
	defer disk.Heal()
	for _, err := range e.Ack(w.ctx, []mq.Lease{got[0].Lease}) {
		w.must(err, "ack on a full disk after scheduled messages fell due")
	}
}

// A spec changes while messages are taken.
func TestASpecChangesWhileMessagesAreTaken(t *testing.T) {
	w := quick(t)
	topic, g := topicOf("t", 1), orderedGroup("g")
	stop := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() {
		spec, of := g, topic
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			spec.MaxAttempts = 3 + i%2
			of.Retention = time.Duration(1+i%2) * time.Hour
			_ = w.engine.PutGroup(w.ctx, spec)
			_ = w.engine.PutTopic(w.ctx, of)
		}
	})
	for range 200 {
		w.send(topic, w.inLane("a", w.message("x")))
		w.ack(w.take(topic, g, 4)...)
	}
	close(stop)
	both.Wait()
}
