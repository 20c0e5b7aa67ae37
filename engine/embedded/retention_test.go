// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// fillSegments sends until the log has n more segments, and returns how many messages that took.
func (w *world) fillSegments(t mq.Topic, n int) (sent int) {
	w.Helper()
	body := string(bytes.Repeat([]byte("x"), 2000))
	for until := len(w.engine.j.Segments()) + n; len(w.engine.j.Segments()) < until; sent++ {
		w.sendBodies(t, body)
	}
	return sent
}

func TestOldMessagesGoWithTheirSegmentsAndWhatLivesIsCarried(t *testing.T) {
	w := quick(t)
	short, long := topicOf("short", 1), topicOf("long", 1)
	short.Retention, long.Retention = time.Hour, 30*24*time.Hour
	w.must(w.engine.PutTopic(w.ctx, short), "put")
	w.must(w.engine.PutTopic(w.ctx, long), "put")
	g := groupOf("g")

	kept := w.sendBodies(long, "kept for long")[0]
	later := w.message("scheduled")
	later.Type, later.DeliverAt = mq.Delay, w.engine.Now().Add(20*time.Hour)
	scheduled := w.send(short, later)[0]
	recalled := w.message("scheduled, too")
	recalled.Type, recalled.DeliverAt = mq.Delay, w.engine.Now().Add(20*time.Hour)
	other := w.send(short, recalled)[0]
	open := w.message("half")
	open.Type, open.FirstCheck = mq.Transaction, 5*time.Hour
	half := w.send(short, open)[0]
	ended := w.message("ended half")
	ended.Type = mq.Transaction
	over := w.send(short, ended)[0]
	w.must(w.engine.Settle(w.ctx, short, over.Half, mq.Rollback, mq.ByProducer), "settle")
	w.sendBodies(short, "leased")
	hold, _ := mq.ParseHold(12 * time.Hour)
	got, err := w.engine.Take(w.ctx, mq.Want{Topic: short, Group: g, Queue: mq.AnyQueue, Max: 1, Hold: hold})
	w.must(err, "take")
	w.expect(bodies(got), []string{"leased"}, "taken")

	n := w.fillSegments(short, 4)
	w.pass(2 * time.Hour)
	first := w.engine.j.Segments()[0].Base
	waitUntil(t, func() bool { w.clock.Advance(time.Minute); return w.engine.j.Segments()[0].Base > first })
	waitUntil(t, func() bool { w.clock.Advance(time.Minute); return len(w.engine.j.Segments()) <= 2 })
	w.settle()

	check := func(when string) {
		lo, hi, err := w.engine.Bounds(w.ctx, mq.QueueRef{Topic: short, Queue: 0})
		w.must(err, "bounds")
		if lo < mq.Offset(n)/2 || hi != mq.Offset(n+1) {
			t.Fatalf("%s: bounds %d to %d after %d messages", when, lo, hi, n+1)
		}
		read, err := w.engine.Pull(w.ctx, mq.QueueRef{Topic: long, Queue: 0}, kept.Offset, mq.ReadLimit{Messages: 1}, mq.Filter{})
		w.must(err, "pull")
		w.expect(string(read.Messages[0].Message.Body), "kept for long", when)
		w.expect(w.everywhere(short, later.ID.String()), "scheduled", when)
		w.expect(w.everywhere(short, open.ID.String()), "half", when)
		w.expect(mq.KindOf(w.engine.Settle(w.ctx, short, over.Half, mq.Commit, mq.ByProducer)), mq.Conflict, when+": an outcome sticks")
		w.must(w.engine.Settle(w.ctx, short, over.Half, mq.Rollback, mq.ByProducer), when+": its repetition")
		if _, err := w.engine.Pull(w.ctx, mq.QueueRef{Topic: short, Queue: 0}, lo-1, mq.ReadLimit{Messages: 1}, mq.Filter{}); mq.KindOf(err) != mq.IllegalOffset {
			t.Fatalf("%s: a read before the beginning: %v", when, err)
		}
	}
	check("running")
	w.settle()
	before := w.engine.Dump()
	w.crash(1, 0.5)
	full, bare := w.recovered(w.disk.Clone(), true), w.recovered(w.disk.Clone(), false)
	w.expect(bytes.Equal(full, bare), true, "the state does not depend on what is derived")
	w.expect(bytes.HasPrefix(full, before), true, "the state is the same after the crash")
	w.open()
	check("opened again")

	w.must(w.engine.Extend(w.ctx, []mq.Lease{got[0].Lease}, time.Hour, mq.Keep)[0].Err, "renewal of a lease whose segment is gone")
	stays := w.engine.DeadLetter(w.ctx, []mq.Lease{got[0].Lease}, "its message was carried")[0]
	w.must(stays, "dead letter of a leased message whose segment is gone")
	w.expect(w.everywhere(mq.Topic{Name: mq.PhysicalDeadLetters(g.Name)}, got[0].Message.ID.String()), "stored", "the dead letter")
	w.must(w.engine.Recall(w.ctx, short, other.Scheduled), "recall of a carried message")
	w.must(w.engine.Settle(w.ctx, short, half.Half, mq.Commit, mq.ByProducer), "commit of a carried half")
	w.expect(w.everywhere(short, open.ID.String()), "stored", "committed")
	w.pass(20 * time.Hour)
	w.expect(w.everywhere(short, later.ID.String()), "stored", "delivered")
	w.expect(w.everywhere(short, recalled.ID.String()), "", "recalled")
	_ = scheduled
}

func TestAtTheSizeLimitSendsAreRefusedUntilWhatIsSettledCanGo(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxBytes = 8 * o.SegmentBytes })
	defer func() { _ = w.engine.Close(w.ctx) }()
	topic, g := topicOf("t", 1), groupOf("g")
	body := string(bytes.Repeat([]byte("x"), 2000))
	var err error
	sent := 0
	for ; err == nil && sent < 1000; sent++ {
		err = w.engine.Send(w.ctx, topic, []mq.Message{w.message(body)})[0].Err
	}
	w.expect(mq.KindOf(err), mq.StorageFull, "what the limit answers")
	w.expect(mq.Outcome(err), mq.Refused, "certainty")
	sent--
	st, err := w.engine.State(w.ctx)
	w.must(err, "state")
	w.expect(st.Writable, false, "writable")

	// Nothing unconsumed is removed to make room, and consuming goes on.
	count := 0
	for got := w.take(topic, g, 32); len(got) > 0; got = w.take(topic, g, 32) {
		count += len(got)
		w.ack(got...)
	}
	w.expect(count, sent, "messages that were taken")
	waitUntil(t, func() bool {
		w.clock.Advance(time.Minute)
		return w.engine.Send(w.ctx, topic, []mq.Message{w.message("room again")})[0].Err == nil
	})
}

func TestUnreadMessagesOfAnAgedTopicAreDeclaredGone(t *testing.T) {
	w := quick(t)
	topic, g := topicOf("t", 1), groupOf("g")
	w.expect(len(w.take(topic, g, 1)), 0, "nothing yet")
	n := w.fillSegments(topic, 3)
	w.pass(80 * time.Hour)
	waitUntil(t, func() bool { w.clock.Advance(time.Minute); return len(w.engine.j.Segments()) <= 2 })
	w.settle()
	lo, hi, err := w.engine.Bounds(w.ctx, mq.QueueRef{Topic: topic, Queue: 0})
	w.must(err, "bounds")
	got := w.take(topic, g, 32)
	if len(got) == 0 || got[0].Offset != lo || lo == 0 || hi != mq.Offset(n) {
		t.Fatalf("bounds %d to %d of %d, first taken %v", lo, hi, n, got)
	}
	p, err := w.engine.Progress(w.ctx, g, topic)
	w.must(err, "progress")
	w.expect(fmt.Sprint(p[0].Committed, p[0].Leased), fmt.Sprint(lo, len(got)), "progress")
}
