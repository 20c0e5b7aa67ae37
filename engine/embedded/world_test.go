// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/index"
	"github.com/causeway-mq/causeway/engine/embedded/txn"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
)

// tester is what *testing.T and *rapid.T share.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// world is an engine on a disk in memory, in virtual time.
type world struct {
	tester
	ctx    context.Context
	clock  *clock.Virtual
	disk   *memfs.FS
	opts   Options
	engine *Engine
	ids    int
}

func newClock() *clock.Virtual { return clock.NewVirtual(time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC)) }

func newWorld(t tester, change func(*Options)) *world {
	w := &world{tester: t, ctx: context.Background(), clock: newClock(), disk: memfs.New()}
	w.opts = Options{Clock: w.clock, SegmentBytes: 64 << 10, CheckpointBytes: 48 << 10}
	if change != nil {
		change(&w.opts)
	}
	w.open()
	return w
}

func (w *world) open() Report {
	w.Helper()
	w.opts.FS = w.disk
	e, report, err := Open(w.ctx, w.opts)
	if err != nil {
		w.Fatalf("open: %v", err)
	}
	w.engine = e
	return report
}

func (w *world) close() {
	w.Helper()
	if err := w.engine.Close(w.ctx); err != nil {
		w.Fatalf("close: %v", err)
	}
}

// settle waits until nothing is due and everything is on disk.
func (w *world) settle() {
	w.Helper()
	if err := w.engine.CatchUp(w.ctx); err != nil {
		w.Fatalf("catch up: %v", err)
	}
}

func (w *world) pass(d time.Duration) {
	w.Helper()
	w.clock.Advance(d)
	w.settle()
}

// crash loses the power: what was not synced stays with chance p. The engine that ran before ends on the old disk.
func (w *world) crash(seed uint64, p float64) {
	w.Helper()
	after := w.disk.CrashTorn(seed, p)
	_ = w.engine.Close(w.ctx)
	w.disk = after
}

// recovered reads a disk without running the engine, with or without what was derived, and gives state and index in a
// comparable form.
func (w *world) recovered(disk *memfs.FS, withIndex bool) []byte {
	w.Helper()
	if !withIndex {
		if err := fsys.RemoveAll(disk, "index"); err != nil {
			w.Fatalf("remove the index: %v", err)
		}
	}
	opts := w.opts
	opts.FS = disk
	e, _, err := restore(w.ctx, opts)
	if err != nil {
		w.Fatalf("restore: %v", err)
	}
	defer func() { _ = e.j.Abandon() }()
	return e.picture(w)
}

// picture is the state and every entry of the index.
func (e *Engine) picture(w *world) []byte {
	w.Helper()
	var b bytes.Buffer
	b.Write(e.Dump())
	for _, q := range e.j.Index().Queues() {
		lo, hi := e.j.Index().Bounds(q)
		fmt.Fprintln(&b, "queue", q, lo, hi)
		entries, err := e.j.Index().Range(q, 0, 1<<20, nil)
		if err != nil {
			w.Fatalf("index: %v", err)
		}
		for _, entry := range entries {
			fmt.Fprintln(&b, entry.Offset, entry.Position, entry.Stored, entry.Size, entry.Tag)
			found, err := e.j.Index().Find(index.Search{Hash: uint64(entry.Tag), Limit: 1}, nil)
			if err != nil || len(found) > 1 {
				w.Fatalf("index: %v", err)
			}
		}
	}
	return b.Bytes()
}

func (w *world) must(err error, doing string) {
	w.Helper()
	if err != nil {
		w.Fatalf("%s: %v", doing, err)
	}
}

func physical(s string) mq.Physical {
	p, err := mq.ParsePhysical(s)
	if err != nil {
		panic(err)
	}
	return p
}

func topicOf(name string, queues int) mq.Topic {
	return mq.Topic{Name: physical(name), Queues: queues, Accepts: mq.AcceptsOf(mq.Normal, mq.FIFO, mq.Delay, mq.Transaction)}
}

func groupOf(name string) mq.Group {
	return mq.Group{Name: physical(name), MaxAttempts: 3, Start: mq.Start{Kind: mq.StartEarliest}}
}

func orderedGroup(name string) mq.Group {
	g := groupOf(name)
	g.Ordered = true
	return g
}

// message makes one with a fresh id.
func (w *world) message(body string) mq.Message {
	w.ids++
	id, err := mq.ParseMessageID(fmt.Sprintf("m%06d", w.ids))
	w.must(err, "id")
	return mq.Message{ID: id, Type: mq.Normal, Body: []byte(body), Born: time.Unix(5, 0), Encoding: mq.Identity}
}

func (w *world) inLane(lane string, m mq.Message) mq.Message {
	g, err := mq.ParseMessageGroup(lane)
	w.must(err, "message group")
	m.Type, m.Group = mq.FIFO, g
	return m
}

func (w *world) send(t mq.Topic, batch ...mq.Message) []mq.Sent {
	w.Helper()
	sent := w.engine.Send(w.ctx, t, batch)
	for _, s := range sent {
		w.must(s.Err, "send")
	}
	return sent
}

// sendBodies sends one normal message per body.
func (w *world) sendBodies(t mq.Topic, bodies ...string) []mq.Sent {
	w.Helper()
	var batch []mq.Message
	for _, b := range bodies {
		batch = append(batch, w.message(b))
	}
	return w.send(t, batch...)
}

func (w *world) take(t mq.Topic, g mq.Group, most int) []mq.Delivery {
	w.Helper()
	got, err := w.engine.Take(w.ctx, mq.Want{Topic: t, Group: g, Queue: mq.AnyQueue, Max: most})
	w.must(err, "take")
	return got
}

func bodies(got []mq.Delivery) (list []string) {
	for _, d := range got {
		list = append(list, string(d.Message.Body))
	}
	return list
}

func (w *world) ack(got ...mq.Delivery) {
	w.Helper()
	leases := make([]mq.Lease, len(got))
	for i := range got {
		leases[i] = got[i].Lease
	}
	for _, err := range w.engine.Ack(w.ctx, leases) {
		w.must(err, "ack")
	}
}

func (w *world) expect(got, want any, what string) {
	w.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// onlyHalf is the one open transaction.
func (w *world) onlyHalf() (only txn.Half) {
	w.Helper()
	w.engine.j.Lock()
	defer w.engine.j.Unlock()
	w.expect(w.engine.j.State().Halves.Len(), 1, "open transactions")
	w.engine.j.State().Halves.Each(func(h txn.Half) bool { only = h; return true })
	return only
}

func quick(t *testing.T) *world {
	w := newWorld(t, nil)
	t.Cleanup(func() { _ = w.engine.Close(context.Background()) })
	return w
}
