// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func restartCases() []Case {
	cases := []Case{
		{Name: "restart/messages-and-progress", Play: messagesSurvive},
		{Name: "restart/leases-and-tokens", Play: leasesSurvive},
		{Name: "restart/attempts-and-dead-letters", Play: attemptsSurvive},
		{Name: "restart/order", Play: orderSurvives},
		{Name: "restart/scheduled-and-halves", Play: scheduledAndHalvesSurvive},
		{Name: "restart/what-is-gone-stays-gone", Play: goneStaysGone},
		{Name: "restart/committed-offsets", Play: committedSurvives},
		{Name: "restart/topics-and-groups", Play: specsSurvive},
	}
	for i := range cases {
		cases[i].Needs = func(at *Instance) string {
			if at.Reopen == nil {
				return "the target does not restart its engine"
			}
			return ""
		}
	}
	return cases
}

// restart ends the engine and starts it again over what it stored.
func (s *Scene) restart() {
	e, err := s.instance.Reopen()
	s.ok(err, "reopen")
	s.current.Store(&e)
}

func messagesSurvive(s *Scene) {
	t, g := s.topic(3), s.group()
	ms := s.messages(12)
	s.sendEach(t, ms...)
	got := s.collect(want(t, g, lasting(2*time.Second)), 12)
	s.ack(got[:7]...)
	s.restart()
	s.expire(got...)
	again := s.collect(want(t, g), 5)
	left := map[mq.MessageID]bool{}
	for _, d := range got[7:] {
		left[d.Message.ID] = true
	}
	for _, d := range again {
		if !left[d.Message.ID] {
			s.fatalf("message %s came again after it was acknowledged", d.Message.ID)
		}
	}
	next := s.send(t, s.message())[0]
	if next.Offset < 0 {
		s.fatalf("offset %d after the restart", next.Offset)
	}
	s.collect(want(t, g), 1)
}

func leasesSurvive(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.messages(3)...)
	w := want(t, g, lasting(20*time.Second))
	got := s.collect(w, 3)
	changed := s.extended(got[2].Lease, 30*time.Second, mq.Replace)
	s.restart()
	s.none(w, "their leases live on")
	s.ack(got[0])
	s.ok(s.ackOne(changed), "ack with the changed lease")
	if s.traits.KnowsExpired {
		s.refused(s.ackOne(got[2].Lease), "ack with the replaced lease")
	}
	s.expire(got[1])
	again := s.collect(w, 1)
	s.areExactly(again, got[1].Message)
	s.attemptsAre(2, again...)
}

func attemptsSurvive(s *Scene) {
	if !s.traits.AttemptsInEngine {
		return
	}
	t, g := s.topic(1), s.group(attempts(2))
	m := s.message()
	s.send(t, m)
	w := want(t, g, lasting(2*time.Second))
	for n := 1; n <= 2; n++ {
		got := s.collect(w, 1)
		s.attemptsAre(n, got...)
		s.restart()
		s.expire(got...)
	}
	s.none(w, "it was out of attempts")
	s.restart()
	s.none(w, "it is a dead letter")
	s.isCopyOf(s.collect(want(s.deadLetters(g), s.group()), 1)[0], m, t)
}

func orderSurvives(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	ms := s.messages(5, inGroup("order-1"))
	s.send(t, ms...)
	run := s.collect(want(t, g, most(3), attempt("a")), 3)
	s.ack(run[1])
	s.restart()
	s.none(want(t, g, attempt("b")), "two of the run are still leased")
	s.expire(run...)
	rest := append([]mq.Message{ms[0]}, ms[2:]...)
	s.areExactly(s.takeAllOf(want(t, g, attempt("c")), 4), rest...)
}

func scheduledAndHalvesSurvive(s *Scene) {
	t, g := s.topic(1), s.group()
	due := s.now().Add(20 * time.Second)
	scheduled := s.message(dueAt(due))
	s.send(t, scheduled)
	recall := s.send(t, s.message(dueAt(due)))[0].Scheduled
	committed, h := s.prepare(t, half(time.Hour))
	asked, _ := s.prepare(t, half(time.Second))
	s.restart()
	s.none(want(t, g), "nothing is due or committed")
	s.ok(s.settle(t, h, mq.Commit), "commit after the restart")
	s.areExactly(s.collect(want(t, g, lasting(time.Hour)), 1), committed)
	if s.traits.Recall {
		s.ok(s.engine().Recall(s.ctx, t, recall), "recall after the restart")
	}
	l := s.listen(s.engine(), t)
	s.within(time.Second+s.soon(), "the producer is asked", l.askedTimes(asked, 1))
	s.passUntil(due)
	if s.traits.Recall {
		s.areExactly(s.collect(want(t, g), 1), scheduled)
	}
}

func goneStaysGone(s *Scene) {
	t, g := s.topic(1), s.group()
	due := s.now().Add(3 * time.Second)
	s.send(t, s.message(dueAt(due)))
	_, rolledBack := s.prepare(t)
	_, committed := s.prepare(t)
	s.ok(s.settle(t, rolledBack, mq.Rollback), "rollback")
	s.ok(s.settle(t, committed, mq.Commit), "commit")
	s.passUntil(due)
	s.ack(s.collect(want(t, g), 2)...)
	s.restart()
	if s.traits.OutcomesSticky {
		s.ok(s.settle(t, committed, mq.Commit), "commit again")
		s.refused(s.settle(t, rolledBack, mq.Commit), "commit after the rollback", mq.Conflict)
	}
	s.noneWhile(rest, want(t, g), "all was acknowledged or rolled back before the restart")
}

func committedSurvives(s *Scene) {
	t, g := s.topic(1), s.group(pulling)
	s.send(t, s.messages(5)...)
	q := s.queue(t)
	s.ok(s.engine().Commit(s.ctx, g, q, 4), "commit")
	s.restart()
	at, err := s.engine().Committed(s.ctx, g, q)
	s.ok(err, "committed")
	if at != 4 {
		s.fatalf("committed %d after the restart, want 4", at)
	}
}

func specsSurvive(s *Scene) {
	kept, gone := s.topic(3), s.topic(2)
	g := s.group(ordered, attempts(3))
	s.dropTopic(gone)
	s.restart()
	qs, err := s.engine().Refresh(s.ctx, kept)
	s.ok(err, "refresh")
	if len(qs)%3 != 0 || len(qs) == 0 {
		s.fatalf("%d queues after the restart, want 3", len(qs))
	}
	_, err = s.engine().Refresh(s.ctx, gone)
	s.refused(err, "refresh of a dropped topic", mq.TopicNotFound)
	inv, err := s.engine().Inventory(s.ctx)
	s.ok(err, "inventory")
	for _, x := range inv.Groups {
		if x.Name == g.Name && x.Ordered && x.MaxAttempts == 3 {
			return
		}
	}
	s.fatalf("the inventory lacks the group: %+v", inv.Groups)
}
