// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/engine/enginetest/history"
	"github.com/causeway-mq/causeway/mq"
)

func randomCases() []Case {
	return []Case{
		{Name: "random/one-actor", Play: func(s *Scene) { s.histories(1, 0) }},
		{Name: "random/three-actors", Play: func(s *Scene) { s.histories(3, 0) }},
		{Name: "random/crashes-under-load", Needs: crashes, Play: func(s *Scene) { s.histories(3, 3) }},
	}
}

func crashes(at *Instance) string {
	if at.Crash == nil {
		return "the target does not crash its engine"
	}
	return ""
}

// histories plays random histories, each on its own topics and groups, and lets the independent checker judge each of them.
// A failure names its seed. With one actor a seed plays the same calls again; with more, their interleaving differs.
func (s *Scene) histories(actors, crashes int) {
	until := time.Now().Add(s.target.Limit / 2)
	for seed := range s.target.Seeds {
		if seed > 0 && time.Now().After(until) {
			return // a slow engine plays fewer
		}
		w := s.newWorld(uint64(seed), actors)
		w.crashes = crashes
		w.play()
		w.drain()
		if v := w.h.Judge(history.Rules{StaleAckIsSilent: !s.traits.KnowsExpired}); !v.Innocent() {
			s.fatalf("seed %d, %d actors: %s", seed, actors, v)
		}
	}
}

// world is one random history: a plain and an ordered topic, a group on each, and actors that do whatever they like.
type world struct {
	*Scene
	seed           uint64
	actors         int
	crashes        int // of the engine, while the actors play
	steps          atomic.Int64
	h              *history.History
	plain, lanes   mq.Topic
	group, inOrder mq.Group

	mu        sync.Mutex // guards the rest
	held      []mq.Lease // perhaps settled or over long ago
	halves    []mq.Sent
	scheduled []mq.Sent
}

func (s *Scene) newWorld(seed uint64, actors int) *world {
	w := &world{
		Scene: s, seed: seed, actors: actors, h: history.New(s.now),
		plain: s.topic(3), lanes: s.topic(2), group: s.group(attempts(4)), inOrder: s.group(ordered, attempts(5)),
	}
	w.h.Judging(history.Group{Name: w.group.Name, Topic: w.plain.Name, MaxAttempts: w.most(w.group)})
	w.h.Judging(history.Group{
		Name: w.inOrder.Name, Topic: w.lanes.Name, Ordered: true, MaxAttempts: w.most(w.inOrder),
		Uncounted: s.traits.FIFOBlocksQueue, // such an engine counts by run: what comes again in a shorter one starts anew
	})
	return w
}

func (w *world) most(g mq.Group) int {
	if w.traits.AttemptsInEngine {
		return g.MaxAttempts
	}
	return 0
}

func (w *world) play() {
	steps := 240
	if !w.traits.VirtualTime {
		steps = 60
	}
	w.all(w.actors+min(w.crashes, 1), func(actor int) {
		dice := rand.New(rand.NewPCG(w.seed, uint64(actor)))
		if actor == w.actors {
			w.crashNowAndThen(dice, int64(steps*w.actors))
			return
		}
		for range steps {
			w.step(dice, actor)
			w.steps.Add(1)
			if w.ctx.Err() != nil {
				w.fatalf("seed %d: out of time", w.seed)
			}
		}
	})
}

// crashNowAndThen spreads the crashes over the steps of the actors.
func (w *world) crashNowAndThen(dice *rand.Rand, steps int64) {
	for i := range w.crashes {
		from, span := steps*int64(i)/int64(w.crashes), steps/int64(w.crashes)
		at := from + dice.Int64N(span)
		w.eventually("the actors play on", func() bool { return w.steps.Load() >= at || len(w.report()) > 0 })
		e, err := w.instance.Crash()
		w.ok(err, "crash")
		w.current.Store(&e)
	}
}

// went demands that a call worked, or that it was one that a crash may have hit.
func (w *world) went(err error, doing string) {
	if w.crashes > 0 && (mq.Outcome(err) == mq.Unknown || mq.KindOf(err) == mq.Unavailable) {
		return
	}
	w.ok(err, doing)
}

func (w *world) step(dice *rand.Rand, actor int) {
	switch n := dice.IntN(100); {
	case n < 18:
		w.sendPlain(dice)
	case n < 32:
		w.sendOrdered(dice)
	case n < 36:
		w.sendDelayed(dice)
	case n < 40:
		w.sendHalf()
	case n < 44:
		w.settleOne(dice)
	case n < 46:
		w.recallOne(dice)
	case n < 62:
		w.takeSome(dice, w.plain, w.group, "")
	case n < 76:
		w.takeRun(dice, actor)
	case n < 88:
		w.ackSome(dice)
	case n < 92:
		w.extendOne(dice)
	case n < 93:
		w.buryOne(dice)
	case n < 94 && w.actors == 1 && w.instance.Reopen != nil:
		w.restart()
	default:
		w.pass(time.Duration(dice.IntN(1500)) * time.Millisecond)
	}
}

func (w *world) sendNoted(t mq.Topic, batch []mq.Message) []mq.Sent {
	w.remember(batch)
	span := w.h.Begin()
	sent := w.engine().Send(w.ctx, t, batch)
	for i, one := range sent {
		w.h.Sent(span, t.Name, batch[i], one)
		w.went(one.Err, "send")
	}
	return sent
}

func (w *world) sendPlain(dice *rand.Rand) { w.sendNoted(w.plain, w.messages(1+dice.IntN(5))) }

func (w *world) sendOrdered(dice *rand.Rand) {
	w.sendNoted(w.lanes, w.messages(1+dice.IntN(3), inGroup(fmt.Sprint("lane-", dice.IntN(4)))))
}

func (w *world) sendDelayed(dice *rand.Rand) {
	due := w.now().Add(time.Duration(dice.IntN(20_000)) * time.Millisecond).Truncate(time.Millisecond)
	sent := w.sendNoted(w.plain, w.messages(1, dueAt(due)))
	w.mu.Lock()
	defer w.mu.Unlock()
	if sent[0].Err == nil {
		w.scheduled = append(w.scheduled, sent...)
	}
}

func (w *world) sendHalf() {
	sent := w.sendNoted(w.plain, w.messages(1, half(time.Hour)))
	w.mu.Lock()
	defer w.mu.Unlock()
	if sent[0].Err == nil {
		w.halves = append(w.halves, sent...)
	}
}

// pick chooses one of a list, ok is false when it is empty.
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
	remove := !w.traits.OutcomesSticky // where a second verdict is not recognized, there must be none
	if sent, ok := pick(w, dice, &w.halves, remove); ok {
		w.settleNoted(sent, []mq.Verdict{mq.Commit, mq.Rollback}[dice.IntN(2)])
	}
}

func (w *world) settleNoted(sent mq.Sent, v mq.Verdict) {
	span := w.h.Begin()
	err := w.settle(w.plain, sent.Half, v)
	w.h.Settled(span, sent.Half.Message, v, err)
	if mq.KindOf(err) != mq.Conflict {
		w.went(err, v.String())
	}
}

func (w *world) recallOne(dice *rand.Rand) {
	if !w.traits.Recall {
		return
	}
	if sent, ok := pick(w, dice, &w.scheduled, false); ok && !sent.Scheduled.IsZero() {
		span := w.h.Begin()
		err := w.engine().Recall(w.ctx, w.plain, sent.Scheduled)
		w.h.Recalled(span, sent.Scheduled.Message, err)
		if mq.KindOf(err) != mq.MessageNotFound {
			w.went(err, "recall")
		}
	}
}

// takeRun receives in order. Now and then an actor uses an attempt id again, as a client does that lost a reply, and it settles
// the run in any order it likes. Where a run is the queue's and not the message group's, neither is safe: such an engine takes a
// used id for the same attempt after the run was over, and forgets an acknowledgement inside a run that comes again. There an
// actor does what a careful client does: a new id each time, and the first few of the run acknowledged at once, in order.
func (w *world) takeRun(dice *rand.Rand, actor int) {
	if !w.traits.FIFOBlocksQueue {
		w.takeSome(dice, w.lanes, w.inOrder, mq.AttemptID(fmt.Sprint(w.seed, "-", actor, "-", dice.IntN(40))))
		return
	}
	id := fmt.Sprint(w.seed, "-", actor, "-", w.names.Add(1))
	run := w.takeNoted(want(w.lanes, w.inOrder, most(1+dice.IntN(8)), lasting(4*time.Second), attempt(id)))
	if len(run) == 0 {
		return
	}
	w.forget(run)
	for _, d := range run[:dice.IntN(len(run)+1)] {
		w.ackNoted(d.Lease)
	}
}

// forget takes leases away from what actors may still do.
func (w *world) forget(ds []mq.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = slices.DeleteFunc(w.held, func(l mq.Lease) bool {
		return slices.ContainsFunc(ds, func(d mq.Delivery) bool { return d.Lease.Token == l.Token })
	})
}

func (w *world) takeSome(dice *rand.Rand, t mq.Topic, g mq.Group, id mq.AttemptID) {
	length := time.Duration(2+dice.IntN(8)) * time.Second
	w.takeNoted(want(t, g, most(1+dice.IntN(8)), lasting(length), attempt(string(id))))
}

func (w *world) takeNoted(ask mq.Want) []mq.Delivery {
	span := w.h.Begin()
	got, err := w.engine().Take(w.ctx, ask)
	w.h.Took(span, ask, got, err)
	w.went(err, "take")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = append(w.held, leases(got...)...)
	return got
}

func (w *world) ackSome(dice *rand.Rand) {
	for range 1 + dice.IntN(6) {
		remove := !w.traits.KnowsSettled || dice.IntN(10) > 0 // where it is not recognized, a settled lease is left alone
		if l, ok := pick(w, dice, &w.held, remove); ok {
			w.ackNoted(l)
		}
	}
}

func (w *world) ackNoted(l mq.Lease) {
	span := w.h.Begin()
	err := w.ackOne(l)
	w.h.Acked(span, l, err)
	w.staleOrDone(err, "ack")
}

// staleOrDone allows what an actor that comes too late may be told.
func (w *world) staleOrDone(err error, doing string) {
	if k := mq.KindOf(err); k != mq.Expired && k != mq.Settled && k != mq.InvalidReceipt {
		w.went(err, doing)
	}
}

func (w *world) extendOne(dice *rand.Rand) {
	l, ok := pick(w, dice, &w.held, true)
	if !ok {
		return
	}
	d := []time.Duration{0, 0, 3 * time.Second, 9 * time.Second}[dice.IntN(4)]
	how := mq.KeepOrReplace(dice.IntN(2) == 0)
	span := w.h.Begin()
	got := w.engine().Extend(w.ctx, []mq.Lease{l}, d, how)
	if len(got) != 1 {
		w.fatalf("extend: %d answers for one lease", len(got))
	}
	w.h.Extended(span, l, d, got[0])
	w.staleOrDone(got[0].Err, "extend")
	if d > 0 && got[0].Err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.held = append(w.held, got[0].Lease)
	}
}

func (w *world) buryOne(dice *rand.Rand) {
	if l, ok := pick(w, dice, &w.held, true); ok {
		span := w.h.Begin()
		err := w.engine().DeadLetter(w.ctx, []mq.Lease{l}, "poison")[0]
		w.h.DeadLettered(span, l, err)
		w.staleOrDone(err, "dead letter")
	}
}

// drain ends what is open, lets every lease and delay run out, and receives until nothing more comes.
func (w *world) drain() {
	if !w.traits.OutcomesSticky {
		for _, sent := range w.halves {
			w.settleNoted(sent, mq.Rollback)
		}
	}
	w.pass(40 * time.Second)
	for _, of := range []mq.Want{want(w.plain, w.group), want(w.lanes, w.inOrder)} {
		w.drainOne(of)
		reader := w.group
		reader.Name = w.name("g")
		w.ok(w.engine().PutGroup(w.ctx, reader), "put group")
		graves := want(w.deadLetters(of.Group), reader)
		for {
			got := w.take(graves)
			if len(got) == 0 {
				break
			}
			for _, d := range got {
				w.h.FoundDead(of.Group.Name, d.Message.Origin.Message)
			}
			w.ack(got...)
		}
	}
}

// drainOne receives until three receives in a row, with time between them, find nothing.
func (w *world) drainOne(ask mq.Want) {
	for empty, n := 0, 0; empty < 3; n++ {
		ask.Attempt = mq.AttemptID(fmt.Sprint("drain-", w.seed, "-", n))
		got := w.takeNoted(ask)
		if len(got) > 0 {
			empty = 0
			for _, d := range got {
				w.ackNoted(d.Lease)
			}
			continue
		}
		empty++
		w.pass(hold/2 + w.target.Lateness) // together longer than any lease
	}
}
