// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"context"
	"errors"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/mq"
)

// held makes every sync wait until release is called.
func heldDisk(disk *faultfs.FS) (release func()) {
	stuck := make(chan struct{})
	disk.SetHook(func(c faultfs.Call) {
		if c.Op == faultfs.Sync {
			<-stuck
		}
	})
	return sync.OnceFunc(func() { disk.SetHook(nil); close(stuck) })
}

// What an answer says about a transaction holds after a power loss, too.
func TestAConflictIsNotToldBeforeItIsDurable(t *testing.T) {
	w, disk := faulty(t)
	e, _, err := Open(w.ctx, w.opts)
	w.must(err, "open")
	w.engine = e
	topic := topicOf("t", 1)
	m := w.message("half")
	m.Type = mq.Transaction
	half := w.send(topic, m)[0].Half
	release := heldDisk(disk)
	defer release()
	var first sync.WaitGroup
	first.Go(func() { _ = e.Settle(w.ctx, topic, half, mq.Commit, mq.ByProducer) })
	waitUntil(t, func() bool { return e.j.Behind() > 0 })
	ctx, cancel := context.WithTimeout(w.ctx, 200*time.Millisecond)
	defer cancel()
	told := e.Settle(ctx, topic, half, mq.Rollback, mq.ByProducer)
	after := w.disk.Crash(1, 0)
	release()
	first.Wait()
	_ = e.Close(w.ctx)
	w.disk = after
	w.open()
	defer w.close()
	now := w.engine.Settle(w.ctx, topic, half, mq.Rollback, mq.ByCheck)
	if mq.KindOf(told) == mq.Conflict && mq.Outcome(told) == mq.Refused && now == nil {
		t.Fatal("the producer was told that its transaction was committed, and it was rolled back")
	}
}

// The same of an acknowledgement.
func TestSettledIsNotToldBeforeItIsDurable(t *testing.T) {
	w, disk := faulty(t)
	e, _, err := Open(w.ctx, w.opts)
	w.must(err, "open")
	w.engine = e
	topic, g := topicOf("t", 1), groupOf("g")
	w.sendBodies(topic, "x")
	got := w.take(topic, g, 1)
	release := heldDisk(disk)
	defer release()
	var first sync.WaitGroup
	first.Go(func() { e.Ack(w.ctx, []mq.Lease{got[0].Lease}) })
	waitUntil(t, func() bool { return e.j.Behind() > 0 })
	ctx, cancel := context.WithTimeout(w.ctx, 200*time.Millisecond)
	defer cancel()
	told := e.Ack(ctx, []mq.Lease{got[0].Lease})[0]
	after := w.disk.Crash(1, 0)
	release()
	first.Wait()
	_ = e.Close(w.ctx)
	w.disk = after
	w.open()
	defer w.close()
	w.pass(mq.DefaultHold + time.Second)
	if again := w.take(topic, g, 1); len(again) > 0 && mq.KindOf(told) == mq.Settled {
		t.Fatal("the consumer was told that its message is settled, and it came again")
	}
}

// A take whose caller went away while the disk was slow gives back what it leased.
func TestATakeWhoseCallerIsGoneHoldsNothing(t *testing.T) {
	w, disk := faulty(t)
	e, _, err := Open(w.ctx, w.opts)
	w.must(err, "open")
	w.engine = e
	defer w.close()
	topic, g := topicOf("t", 1), groupOf("g")
	w.sendBodies(topic, "x")
	release := heldDisk(disk)
	defer release()
	ctx, cancel := context.WithTimeout(w.ctx, 100*time.Millisecond)
	defer cancel()
	hold, err := mq.ParseHold(12 * time.Hour)
	w.must(err, "hold")
	_, err = e.Take(ctx, mq.Want{Topic: topic, Group: g, Queue: mq.AnyQueue, Max: 1, Hold: hold})
	w.expect(mq.Outcome(err), mq.Unknown, "a take whose caller is gone")
	release()
	w.pass(time.Minute)
	if len(w.take(topic, g, 1)) == 0 {
		t.Fatal("nobody has the message and nobody gets it for twelve hours")
	}
}

// The last message of a queue is damaged on disk. Who waits for more sleeps.
func TestADamagedMessageKeepsNobodyAwake(t *testing.T) {
	w := newWorld(t, nil)
	topic, other, g := topicOf("t", 1), topicOf("other", 1), orderedGroup("g")
	w.send(topic, w.inLane("a", w.message("one")), w.inLane("a", w.message("damaged-damaged-damaged")))
	w.sendBodies(other, "behind")
	w.close()
	w.damage("damaged-damaged-damaged")
	w.open()
	defer w.close()
	w.ack(w.take(topic, g, 4)...)
	w.take(topic, g, 4)
	var wakes atomic.Int64
	for range 20 {
		disarm := w.engine.Arm(mq.Want{Topic: topic, Group: g, Queue: mq.AnyQueue, Max: 1}, func() { wakes.Add(1) })
		w.expect(len(w.take(topic, g, 1)), 0, "messages")
		disarm()
	}
	if n := wakes.Load(); n > 2 {
		t.Fatalf("%d of 20 polls were woken for nothing: a parked poll spins", n)
	}
}

// damage flips the bytes of a text in the log.
func (w *world) damage(text string) {
	w.Helper()
	for _, name := range w.disk.Files() {
		if !strings.HasSuffix(name, ".seg") {
			continue
		}
		f, err := w.disk.Open(name)
		w.must(err, "open")
		size, _ := f.Size()
		b := make([]byte, size)
		_, _ = f.ReadAt(b, 0)
		_ = f.Close()
		if at := bytes.Index(b, []byte(text)); at >= 0 {
			w.must(w.disk.Damage(name, int64(at), 4, func(b []byte) { b[0] ^= 0xff }), "damage")
			return
		}
	}
	w.Fatalf("%q is not in the log", text)
}

// Space is short and the oldest segment is settled by its only group; while the keeper looks at it, the group is reset to the
// beginning. What the reset promised is there.
func TestAResetIsNotOvertakenByTheKeeper(t *testing.T) {
	w, disk := faulty(t)
	w.opts.MaxBytes = 4 * 64 << 10
	e, _, err := Open(w.ctx, w.opts)
	w.must(err, "open")
	w.engine = e
	defer w.close()
	topic, g := topicOf("t", 1), groupOf("g")
	body := strings.Repeat("x", 3000)
	var once sync.Once
	var reset mq.ResetDone
	var resetErr error = errors.New("not reset")
	var armed, done atomic.Bool
	disk.SetHook(func(c faultfs.Call) {
		if armed.Load() && c.Op == faultfs.Read && path.Base(c.Name) == "0000000000000000.seg" {
			once.Do(func() {
				reset, resetErr = e.Reset(w.ctx, g, topic, mq.Position{Kind: mq.ToEarliest, Queue: mq.AnyQueue})
				done.Store(true)
			})
		}
	})
	for range 48 { // well under three quarters of the limit
		w.sendBodies(topic, body)
		w.ack(w.take(topic, g, 4)...)
	}
	armed.Store(true)
	for range 20 { // over three quarters of the limit
		w.sendBodies(topic, body)
	}
	waitUntil(t, func() bool { w.clock.Advance(time.Second); return done.Load() })
	w.must(resetErr, "reset")
	w.clock.Advance(time.Minute)
	w.settle()
	got := w.take(topic, g, 1)
	if len(got) == 0 {
		t.Fatalf("reset to %d, and nothing comes", reset.After[0].Committed)
	}
	if got[0].Offset != reset.After[0].Committed {
		t.Fatalf("reset to %d, the next message is %v", reset.After[0].Committed, got[0].Offset)
	}
}

// misdated is the system's clock on a machine whose date is set: the date moves, the monotonic reading does not.
type misdated struct {
	clock.Clock
	seconds *atomic.Int64
}

func (m misdated) Now() time.Time {
	t := time.Now()
	*(*uint64)(unsafe.Pointer(&t)) += uint64(m.seconds.Load()) << 30 // the date's seconds
	return t
}

// A date that is set while the engine runs ends no lease and delivers nothing early.
func TestADateThatIsSetMovesNoEngineTime(t *testing.T) {
	var ahead atomic.Int64
	w := newWorld(t, func(o *Options) { o.Clock = misdated{clock.System(), &ahead} })
	defer w.close()
	before := w.engine.Now()
	for _, seconds := range []int64{8 * 3600, -3600} {
		ahead.Store(seconds)
		w.engine.j.Keep(w.ctx)
		if moved := w.engine.Now().Sub(before); moved < 0 || moved > time.Minute {
			t.Fatalf("the date was set by %d s, the engine's time moved by %v", seconds, moved)
		}
	}
}

// A call that was let in before its topic was dropped does not bring the topic back.
func TestADroppedTopicDoesNotComeBackWithALateCall(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Provisioned = true })
	defer w.close()
	topic, g := topicOf("t", 1), groupOf("g")
	w.must(w.engine.PutTopic(w.ctx, topic), "put")
	w.must(w.engine.PutGroup(w.ctx, g), "put group")
	w.must(w.engine.DropTopic(w.ctx, topic.Name), "drop")
	if late := w.engine.Send(w.ctx, topic, []mq.Message{w.message("from before")})[0]; mq.KindOf(late.Err) != mq.TopicNotFound {
		t.Errorf("a late send: %v", late.Err)
	}
	want := mq.Want{Topic: topic, Group: g, Queue: mq.AnyQueue, Max: 1}
	if _, err := w.engine.Take(w.ctx, want); mq.KindOf(err) != mq.TopicNotFound {
		t.Errorf("a late take: %v", err)
	}
	w.must(w.engine.PutTopic(w.ctx, topic), "made anew")
	want.Group = groupOf("dropped")
	if _, err := w.engine.Take(w.ctx, want); mq.KindOf(err) != mq.GroupNotFound {
		t.Errorf("a take for a group that was dropped: %v", err)
	}
	if _, hi, err := w.engine.Bounds(w.ctx, mq.QueueRef{Topic: topic, Queue: 0}); err != nil || hi != 0 {
		t.Errorf("the new topic begins with %d messages, %v", hi, err)
	}
}

// A repeated attempt whose caller goes away does not take the run from the one who has it.
func TestARepetitionThatFailsLeavesTheRunWhereItIs(t *testing.T) {
	w, disk := faulty(t)
	e, _, err := Open(w.ctx, w.opts)
	w.must(err, "open")
	w.engine = e
	defer w.close()
	topic, g := topicOf("t", 1), orderedGroup("g")
	w.send(topic, w.inLane("a", w.message("x")))
	want := mq.Want{Topic: topic, Group: g, Queue: mq.AnyQueue, Max: 1, Attempt: "try"}
	first, err := e.Take(w.ctx, want)
	w.must(err, "take")
	w.expect(len(first), 1, "messages")
	release := heldDisk(disk)
	defer release()
	var other sync.WaitGroup
	other.Go(func() { w.engine.Send(w.ctx, topic, []mq.Message{{ID: first[0].Message.ID, Type: mq.Normal}}) })
	waitUntil(t, func() bool { return e.j.Behind() > 0 })
	ctx, cancel := context.WithTimeout(w.ctx, 100*time.Millisecond)
	defer cancel()
	_, err = e.Take(ctx, want)
	w.expect(mq.Outcome(err), mq.Unknown, "the repetition")
	release()
	other.Wait()
	w.must(e.Ack(w.ctx, []mq.Lease{first[0].Lease})[0], "the acknowledgement of who has it")
}
