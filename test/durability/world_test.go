// SPDX-License-Identifier: Apache-2.0

// Package durability_test takes the disk away from the whole embedded engine, in every way that a disk goes.
package durability_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded"
	"github.com/causeway-mq/causeway/engine/enginetest/history"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
)

// world is a random history on one engine that is opened again and again: topics, groups, and actors that do whatever
// they like. An independent checker judges all of it in the end.
type world struct {
	t     testing.TB
	label string // says how to play this again
	ctx   context.Context
	clock *clock.Virtual
	h     *history.History

	engine  *embedded.Engine
	logger  *slog.Logger // nil for none
	excused func() bool  // the disk has failed: verbs may fail too

	plain, lanes   mq.Topic
	group, inOrder mq.Group
	reader         mq.Group // reads plain by offset

	mu        sync.Mutex // guards the rest
	held      []mq.Lease // perhaps settled or over long ago
	halves    []mq.Sent
	scheduled []mq.Sent
	seen      map[place]mq.MessageID // what a pull showed once
	numbers   int
	committed map[mq.QueueID]progress
	sent      map[mq.MessageID]mq.Message
}

type place struct {
	topic  mq.Physical
	queue  mq.QueueID
	offset mq.Offset
}

// progress is what is known of a committed offset.
type progress struct{ certain, possible mq.Offset }

var epoch = time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)

func newWorld(t testing.TB, label string) *world {
	w := &world{
		t: t, label: label, clock: clock.NewVirtual(epoch), excused: func() bool { return false },
		seen: map[place]mq.MessageID{}, committed: map[mq.QueueID]progress{}, sent: map[mq.MessageID]mq.Message{},
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	w.ctx = ctx
	w.h = history.New(w.clock.Now)
	all := mq.AcceptsOf(mq.Normal, mq.FIFO, mq.Delay, mq.Transaction)
	w.plain = mq.Topic{Name: w.physical("plain"), Cluster: w.cluster(), Accepts: all, Queues: 3}
	w.lanes = mq.Topic{Name: w.physical("lanes"), Cluster: w.cluster(), Accepts: all, Queues: 2}
	lease := func(name string, attempts int) mq.Group {
		return mq.Group{Name: w.physical(name), Cluster: w.cluster(), MaxAttempts: attempts, Start: mq.Start{Kind: mq.StartEarliest}}
	}
	w.group, w.inOrder, w.reader = lease("group", 6), lease("in-order", 6), lease("reader", 6)
	w.inOrder.Ordered = true
	w.reader.Mode = mq.Pulls
	w.h.Judging(history.Group{Name: w.group.Name, Topic: w.plain.Name, MaxAttempts: 6})
	w.h.Judging(history.Group{Name: w.inOrder.Name, Topic: w.lanes.Name, Ordered: true, MaxAttempts: 6})
	return w
}

func (w *world) fatalf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s: "+format, append([]any{w.label}, args...)...)
}

// errorf is fatalf for actors, which run on goroutines of their own.
func (w *world) errorf(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("%s: "+format, append([]any{w.label}, args...)...)
}

func (w *world) physical(name string) mq.Physical {
	p, err := mq.ParsePhysical(name)
	if err != nil {
		w.fatalf("%v", err)
	}
	return p
}

func (w *world) cluster() mq.Cluster {
	c, err := mq.ParseCluster("durability")
	if err != nil {
		w.fatalf("%v", err)
	}
	return c
}

// open opens the engine on a disk, with everything small so that segments roll and checkpoints are made.
func (w *world) open(files fsys.FS) (embedded.Report, error) {
	e, report, err := embedded.Open(w.ctx, embedded.Options{
		FS: files, Clock: w.clock, Cluster: w.cluster(), SegmentBytes: 64 << 10, CheckpointBytes: 96 << 10, Logger: w.logger,
	})
	w.engine = e
	return report, err
}

// provision asks for topics and groups. It is repeated after each start: a crash may have come before the answer.
func (w *world) provision() {
	for _, t := range []mq.Topic{w.plain, w.lanes} {
		w.fine(w.engine.PutTopic(w.ctx, t), "put topic")
	}
	for _, g := range []mq.Group{w.group, w.inOrder, w.reader} {
		w.fine(w.engine.PutGroup(w.ctx, g), "put group")
	}
}

// fine allows an error only when the disk has failed.
func (w *world) fine(err error, doing string) {
	w.t.Helper()
	if err != nil && !w.excused() {
		w.errorf("%s: %v", doing, err)
	}
}

// late allows what an actor that comes too late may be told, too.
func (w *world) late(err error, doing string) {
	w.t.Helper()
	switch mq.KindOf(err) {
	case mq.Expired, mq.Settled, mq.InvalidReceipt, mq.Conflict, mq.MessageNotFound, mq.InvalidTransaction:
		return
	}
	w.fine(err, doing)
}

// play lets actors act until stop says so or each has done its steps.
func (w *world) play(seed uint64, actors, steps int, stop func() bool) {
	var all sync.WaitGroup
	for actor := range actors {
		all.Go(func() {
			dice := rand.New(rand.NewPCG(seed, uint64(actor)))
			for range steps {
				if stop() {
					return
				}
				w.step(dice, actor)
			}
		})
	}
	all.Wait()
}

func (w *world) step(dice *rand.Rand, actor int) {
	switch n := dice.IntN(100); {
	case n < 20:
		w.send(w.plain, w.messages(dice, 1+dice.IntN(5)))
	case n < 34:
		w.send(w.lanes, w.ordered(dice))
	case n < 38:
		w.sendDelayed(dice)
	case n < 43:
		w.sendHalf(dice)
	case n < 48:
		w.settleOne(dice)
	case n < 50:
		w.recallOne(dice)
	case n < 64:
		w.take(dice, w.plain, w.group, "")
	case n < 76:
		w.take(dice, w.lanes, w.inOrder, mq.AttemptID(fmt.Sprint(actor, "-", dice.IntN(40))))
	case n < 86:
		w.ackSome(dice)
	case n < 90:
		w.extendOne(dice)
	case n < 91:
		w.buryOne(dice)
	case n < 94:
		w.pull(dice)
	case n < 96:
		w.commit(dice)
	default:
		w.pass(time.Duration(dice.IntN(1500)) * time.Millisecond)
	}
}

// pass lets time go by, and the engine do what is due.
func (w *world) pass(d time.Duration) {
	w.clock.Advance(d)
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	w.fine(w.engine.CatchUp(ctx), "catch up")
}

// messages are normal messages that can be told from all others and checked by recomputation.
func (w *world) messages(dice *rand.Rand, n int) []mq.Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]mq.Message, n)
	for i := range list {
		w.numbers++
		id, err := mq.ParseMessageID(fmt.Sprintf("DUR%08d", w.numbers))
		if err != nil {
			w.errorf("%v", err)
		}
		list[i] = mq.Message{ID: id, Type: mq.Normal, Encoding: mq.Identity, Born: epoch, BornHost: "192.0.2.7",
			Properties: []mq.Property{{Name: "n", Value: fmt.Sprint(w.numbers)}}, Body: content(w.numbers, dice.IntN(1<<(4+dice.IntN(9))))}
		w.sent[id] = list[i]
	}
	return list
}

// content follows from a message's number.
func content(number, size int) []byte {
	b := fmt.Appendf(nil, "message %d of %d bytes: ", number, size)
	x := uint64(number)*2862933555777941757 + 3037000493
	for range size {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b = append(b, byte(x))
	}
	return b
}

func (w *world) ordered(dice *rand.Rand) []mq.Message {
	list := w.messages(dice, 1+dice.IntN(3))
	lane, err := mq.ParseMessageGroup(fmt.Sprint("lane-", dice.IntN(4)))
	if err != nil {
		w.errorf("%v", err)
	}
	for i := range list {
		list[i].Type, list[i].Group = mq.FIFO, lane
	}
	return list
}

func (w *world) send(t mq.Topic, batch []mq.Message) []mq.Sent {
	span := w.h.Begin()
	sent := w.engine.Send(w.ctx, t, batch)
	for i, one := range sent {
		w.h.Sent(span, t.Name, batch[i], one)
		w.fine(one.Err, "send")
	}
	return sent
}

func (w *world) sendDelayed(dice *rand.Rand) {
	batch := w.messages(dice, 1)
	batch[0].Type = mq.Delay
	batch[0].DeliverAt = w.clock.Now().Add(time.Duration(dice.IntN(20_000)) * time.Millisecond).Truncate(time.Millisecond)
	sent := w.send(w.plain, batch)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scheduled = append(w.scheduled, sent...)
}

func (w *world) sendHalf(dice *rand.Rand) {
	batch := w.messages(dice, 1)
	batch[0].Type, batch[0].FirstCheck = mq.Transaction, time.Hour
	sent := w.send(w.plain, batch)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.halves = append(w.halves, sent...)
}

// pick chooses one of a list; ok is false when it is empty.
func pick[T any](w *world, dice *rand.Rand, list *[]T, remove bool) (one T, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(*list) == 0 {
		return one, false
	}
	i := dice.IntN(len(*list))
	one = (*list)[i]
	if remove {
		(*list)[i] = (*list)[len(*list)-1]
		*list = (*list)[:len(*list)-1]
	}
	return one, true
}

func (w *world) settleOne(dice *rand.Rand) {
	sent, ok := pick(w, dice, &w.halves, false)
	if !ok || sent.Half.IsZero() {
		return
	}
	v := []mq.Verdict{mq.Commit, mq.Rollback}[dice.IntN(2)]
	span := w.h.Begin()
	err := w.engine.Settle(w.ctx, w.plain, sent.Half, v, mq.ByProducer)
	w.h.Settled(span, sent.Half.Message, v, err)
	w.late(err, v.String())
}

func (w *world) recallOne(dice *rand.Rand) {
	if sent, ok := pick(w, dice, &w.scheduled, false); ok && !sent.Scheduled.IsZero() {
		span := w.h.Begin()
		err := w.engine.Recall(w.ctx, w.plain, sent.Scheduled)
		w.h.Recalled(span, sent.Scheduled.Message, err)
		w.late(err, "recall")
	}
}

func (w *world) take(dice *rand.Rand, t mq.Topic, g mq.Group, attempt mq.AttemptID) {
	hold, err := mq.ParseHold(time.Duration(2+dice.IntN(8)) * time.Second)
	if err != nil {
		w.errorf("%v", err)
	}
	w.takeNoted(mq.Want{Topic: t, Group: g, Queue: mq.AnyQueue, Max: 1 + dice.IntN(8), Hold: hold, Attempt: attempt})
}

func (w *world) takeNoted(ask mq.Want) []mq.Delivery {
	span := w.h.Begin()
	got, err := w.engine.Take(w.ctx, ask)
	w.fine(err, "take")
	if err == nil && w.excused() {
		err = mq.Doubt(mq.Unavailable, nil, "what was granted may have been unreadable")
	}
	w.h.Took(span, ask, got, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range got {
		w.held = append(w.held, d.Lease)
	}
	return got
}

func (w *world) ackSome(dice *rand.Rand) {
	for range 1 + dice.IntN(6) {
		if l, ok := pick(w, dice, &w.held, dice.IntN(10) > 0); ok {
			w.ack(l)
		}
	}
}

func (w *world) ack(l mq.Lease) {
	span := w.h.Begin()
	err := w.engine.Ack(w.ctx, []mq.Lease{l})[0]
	w.h.Acked(span, l, err)
	w.late(err, "ack")
}

func (w *world) extendOne(dice *rand.Rand) {
	l, ok := pick(w, dice, &w.held, true)
	if !ok {
		return
	}
	d := []time.Duration{0, 0, 3 * time.Second, 9 * time.Second}[dice.IntN(4)]
	span := w.h.Begin()
	got := w.engine.Extend(w.ctx, []mq.Lease{l}, d, mq.KeepOrReplace(dice.IntN(2) == 0))[0]
	w.h.Extended(span, l, d, got)
	w.late(got.Err, "extend")
	if d > 0 && got.Err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.held = append(w.held, got.Lease)
	}
}

func (w *world) buryOne(dice *rand.Rand) {
	if l, ok := pick(w, dice, &w.held, true); ok {
		span := w.h.Begin()
		err := w.engine.DeadLetter(w.ctx, []mq.Lease{l}, "poison")[0]
		w.h.DeadLettered(span, l, err)
		w.late(err, "dead letter")
	}
}

// pull reads a queue by offset and remembers what stands where: what was shown once must stay.
func (w *world) pull(dice *rand.Rand) {
	ref := mq.QueueRef{Topic: w.plain, Queue: mq.QueueID(dice.IntN(w.plain.Queues))}
	lo, hi, err := w.engine.Bounds(w.ctx, ref)
	if err != nil || hi == lo {
		w.fine(err, "bounds")
		return
	}
	from := lo + mq.Offset(dice.Int64N(int64(hi-lo)))
	got, err := w.engine.Pull(w.ctx, ref, from, mq.ReadLimit{Messages: 8, Bytes: 1 << 20}, mq.Filter{})
	w.fine(err, "pull")
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range got.Messages {
		w.seen[place{ref.Topic.Name, ref.Queue, m.Offset}] = m.Message.ID
	}
}

// commit moves a pull group's offset forward.
func (w *world) commit(dice *rand.Rand) {
	w.mu.Lock()
	defer w.mu.Unlock() // one commit at a time, so that what must hold is plain
	ref := mq.QueueRef{Topic: w.plain, Queue: mq.QueueID(dice.IntN(w.plain.Queues))}
	_, hi, err := w.engine.Bounds(w.ctx, ref)
	if err != nil {
		w.fine(err, "bounds")
		return
	}
	p := w.committed[ref.Queue]
	if hi <= p.possible {
		return
	}
	at := p.possible + 1 + mq.Offset(dice.Int64N(int64(hi-p.possible)))
	err = w.engine.Commit(w.ctx, w.reader, ref, at)
	w.fine(err, "commit")
	switch mq.Outcome(err) {
	case mq.Done:
		p = progress{at, at}
	case mq.Unknown:
		p.possible = at
	}
	w.committed[ref.Queue] = p
}

// checkStanding looks at what must be there right after a start: all that was shown, and all that was committed.
func (w *world) checkStanding() {
	for at, id := range w.seen {
		ref := mq.QueueRef{Topic: w.plain, Queue: at.queue}
		got, err := w.engine.Pull(w.ctx, ref, at.offset, mq.ReadLimit{Messages: 1, Bytes: 1 << 20}, mq.Filter{})
		if err != nil || len(got.Messages) != 1 || got.Messages[0].Offset != at.offset || got.Messages[0].Message.ID != id {
			w.fatalf("%s was visible at queue %d offset %d and is not after a restart: %v, %v", id, at.queue, at.offset, got, err)
		}
	}
	for q, p := range w.committed {
		at, err := w.engine.Committed(w.ctx, w.reader, mq.QueueRef{Topic: w.plain, Queue: q})
		if err != nil && p.certain == 0 && mq.Outcome(err) == mq.Refused {
			at, err = 0, nil // there never was a commit that is known to have worked
		}
		if err != nil || at != p.certain && at != p.possible {
			w.fatalf("queue %d: committed %d, found %d (possible %d), %v", q, p.certain, at, p.possible, err)
		}
		w.committed[q] = progress{at, at}
	}
}

// drain ends what is open, lets every lease and delay run out, and receives until nothing more comes.
func (w *world) drain() {
	w.pass(40 * time.Second)
	hold, err := mq.ParseHold(10 * time.Second)
	if err != nil {
		w.fatalf("%v", err)
	}
	for _, ask := range []mq.Want{
		{Topic: w.plain, Group: w.group}, {Topic: w.lanes, Group: w.inOrder},
	} {
		ask.Queue, ask.Max, ask.Hold = mq.AnyQueue, mq.MaxReceive, hold
		for empty, n := 0, 0; empty < 3; n++ {
			ask.Attempt = mq.AttemptID(fmt.Sprint("drain-", n))
			got := w.takeNoted(ask)
			for _, d := range got {
				w.ack(d.Lease)
			}
			if len(got) == 0 {
				empty++
				w.pass(5 * time.Second)
			}
			if w.t.Failed() || w.ctx.Err() != nil {
				w.fatalf("drain: %v", w.ctx.Err())
			}
		}
		w.countGraves(ask.Group)
	}
}

// countGraves reads the dead letters of a group from the first on.
func (w *world) countGraves(g mq.Group) {
	graves := mq.Topic{Name: mq.PhysicalDeadLetters(g.Name), Cluster: w.cluster(), Accepts: mq.AcceptsOf(mq.Normal), Queues: 1}
	set, known := w.engine.Queues(graves)
	if !known {
		return
	}
	for _, q := range set {
		ref := mq.QueueRef{Topic: graves, Queue: q.ID}
		at, hi, err := w.engine.Bounds(w.ctx, ref)
		if err != nil {
			w.fatalf("bounds of the dead letters: %v", err)
		}
		for at < hi {
			got, err := w.engine.Pull(w.ctx, ref, at, mq.ReadLimit{Messages: mq.MaxReceive, Bytes: 1 << 20}, mq.Filter{})
			if err != nil || got.Next <= at {
				w.fatalf("pull of dead letters at %d of %d: %v", at, hi, err)
			}
			for _, m := range got.Messages {
				w.h.FoundDead(g.Name, m.Message.Origin.Message)
			}
			at = got.Next
		}
	}
}

// tally adds up what many worlds saw.
type tally struct {
	worlds, starts, sent, delivered, settled, dead, recovered atomic.Int64
}

// judge demands that nothing happened that must not.
func (w *world) judge(sum *tally) {
	v := w.h.Judge(history.Rules{})
	if !v.Innocent() {
		w.fatalf("%s", v)
	}
	sum.worlds.Add(1)
	sum.sent.Add(int64(v.Sent))
	sum.delivered.Add(int64(v.Delivered))
	sum.settled.Add(int64(v.Settled))
	sum.dead.Add(int64(v.Dead))
	sum.recovered.Add(int64(v.Recovered))
}

func (s *tally) report(t *testing.T) {
	t.Logf("%d runs, %d starts: %d sent, %d delivered, %d settled, %d dead letters, %d of unknown outcome found again; lost 0, wrong 0",
		s.worlds.Load(), s.starts.Load(), s.sent.Load(), s.delivered.Load(), s.settled.Load(), s.dead.Load(), s.recovered.Load())
}
