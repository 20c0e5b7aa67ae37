// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/journal"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/timer"
	"github.com/causeway-mq/causeway/engine/embedded/txn"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
)

// quiet is an engine without its goroutines: nothing happens but what the test does.
type quiet struct {
	*Engine
	clock *clock.Virtual
	disk  *memfs.FS
	sent  int
}

func openQuiet(t *testing.T, disk *memfs.FS, virtual *clock.Virtual) *quiet {
	t.Helper()
	e, _, err := restore(t.Context(), Options{
		FS: disk, Clock: virtual, SegmentBytes: 64 << 10, HalfLife: 30 * 24 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.j.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &quiet{Engine: e, clock: virtual, disk: disk}
}

func (q *quiet) send(t *testing.T, name string, shape func(*mq.Topic, *mq.Message)) mq.Sent {
	t.Helper()
	physical, err := mq.ParsePhysical(name)
	if err != nil {
		t.Fatal(err)
	}
	q.sent++
	id, err := mq.ParseMessageID(fmt.Sprintf("message-%d", q.sent))
	if err != nil {
		t.Fatal(err)
	}
	topic := mq.Topic{Name: physical, Cluster: q.opts.Cluster, Queues: 1, Accepts: mq.AcceptsOf(mq.Normal, mq.Delay, mq.Transaction)}
	m := mq.Message{ID: id, Type: mq.Normal, Body: []byte("body of " + id.String())}
	shape(&topic, &m)
	sent := q.Send(t.Context(), topic, []mq.Message{m})[0]
	if sent.Err != nil {
		t.Fatal(sent.Err)
	}
	return sent
}

// Retention carries what lives in a segment and drops the segment while others read by the places they knew before: they
// find the new ones, and nobody takes a message for lost.
func TestWhatIsCarriedWhileItIsReadIsNotLost(t *testing.T) {
	q := openQuiet(t, memfs.New(), clock.NewVirtual(time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC)))
	defer func() {
		if err := q.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	q.send(t, "kept", func(topic *mq.Topic, _ *mq.Message) { topic.Retention = 40 * 24 * time.Hour })
	q.send(t, "late", func(_ *mq.Topic, m *mq.Message) { m.Type, m.DeliverAt = mq.Delay, q.Now().Add(10*24*time.Hour) })
	q.send(t, "open", func(_ *mq.Topic, m *mq.Message) { m.Type = mq.Transaction })
	kept := record.Queue{Topic: q.j.State().Topic(physicalOf(t, "kept")).ID}
	before, _, err := q.j.Index().Get(journal.Number(kept), 0)
	if err != nil {
		t.Fatal(err)
	}
	due, _ := q.j.State().Timers.Next()
	wait, half := q.onlyTimer(t, due), q.onlyHalf(t)
	for len(q.j.Segments()) < 3 {
		q.send(t, "filler", func(_ *mq.Topic, m *mq.Message) { m.Body = make([]byte, 2000) })
	}
	q.clock.Advance(4 * 24 * time.Hour)
	q.j.Keep(t.Context())
	if q.j.Segments()[0].Base == 0 {
		t.Fatal("the first segment was not dropped")
	}

	stored, err := q.j.ReadAt(before.Position, before.Size, kept, 0)
	if err != nil || string(stored.Message.Body) != "body of message-1" {
		t.Errorf("the kept message by its old place: %q, %v", stored.Message.Body, err)
	}
	if raw, err := q.rawOfHalf(half); err != nil || raw == nil {
		t.Errorf("the half by its old place: %v", err)
	}
	if err := q.giveUp(half); err != nil || q.j.State().Halves.Len() != 0 || !q.stores(t, giveUpTopic()) {
		t.Errorf("giving up by the half's old place: %v, %d halves", err, q.j.State().Halves.Len())
	}
	if err := q.fire(wait); err != nil || q.j.State().Timers.Len() != 1 {
		t.Fatalf("firing by the old place: %v, %d scheduled", err, q.j.State().Timers.Len())
	}
	if now := q.onlyTimer(t, due); now.ID != wait.ID || now.At == wait.At {
		t.Fatalf("scheduled %+v was carried as %+v", wait, now)
	} else if err := q.fire(now); err != nil || q.j.State().Timers.Len() != 0 || !q.stores(t, physicalOf(t, "late")) {
		t.Errorf("firing by the new place: %v, %d scheduled", err, q.j.State().Timers.Len())
	}
}

// Without any index file recovery writes them one by one as it passes the segments, and the state is the same.
func TestRecoveryWithoutIndexInstallsWhatItPasses(t *testing.T) {
	disk, virtual := memfs.New(), clock.NewVirtual(time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC))
	q := openQuiet(t, disk, virtual)
	for len(q.j.Segments()) < 6 {
		q.send(t, "filler", func(_ *mq.Topic, m *mq.Message) { m.Body = make([]byte, 2000) })
	}
	want, sent := string(q.Dump()), int64(q.sent)
	if err := q.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range disk.Files() {
		if len(name) > len("index") && name[:len("index")] == "index" {
			if err := disk.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	q = openQuiet(t, disk, virtual)
	if got := string(q.Dump()); got != want {
		t.Errorf("the state differs: %d bytes, %d before", len(got), len(want))
	}
	if pending := q.j.Index().Pending(); len(pending) != 0 {
		t.Errorf("without an index file: %v", pending)
	}
	filler := record.Queue{Topic: q.j.State().Topic(physicalOf(t, "filler")).ID}
	for o := range sent {
		if _, err := q.j.ReadOne(filler, o); err != nil {
			t.Fatalf("offset %d: %v", o, err)
		}
	}
	if err := q.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func physicalOf(t *testing.T, name string) mq.Physical {
	t.Helper()
	p, err := mq.ParsePhysical(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (q *quiet) onlyTimer(t *testing.T, due int64) (only timer.Entry) {
	t.Helper()
	q.j.State().Timers.Each(func(e timer.Entry) bool { only = e; return true })
	if q.j.State().Timers.Len() != 1 || only.Due != due {
		t.Fatalf("%d scheduled, the last at %d; want one at %d", q.j.State().Timers.Len(), only.Due, due)
	}
	return only
}

func (q *quiet) onlyHalf(t *testing.T) (only txn.Half) {
	t.Helper()
	q.j.State().Halves.Each(func(h txn.Half) bool { only = h; return true })
	if q.j.State().Halves.Len() != 1 {
		t.Fatalf("%d halves, want one", q.j.State().Halves.Len())
	}
	return only
}

// stores tells whether the one queue of a topic holds exactly one message.
func (q *quiet) stores(t *testing.T, topic mq.Physical) bool {
	t.Helper()
	if err := q.j.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := q.j.State().Topic(topic)
	if known == nil {
		return false
	}
	_, err := q.j.ReadOne(record.Queue{Topic: known.ID}, 0)
	return err == nil && known.Queues[0].Visible == 1
}
