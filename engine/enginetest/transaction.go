// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"

	"github.com/causeway-mq/causeway/mq"
)

func transactionCases() []Case {
	return []Case{
		{Name: "transaction/a-half-is-invisible", Play: halfIsInvisible},
		{Name: "transaction/commit-delivers", Play: commitDelivers},
		{Name: "transaction/rollback-forgets", Play: rollbackForgets},
		{Name: "transaction/the-same-verdict-twice", Excluded: sticky, Play: sameVerdictTwice},
		{Name: "transaction/the-other-verdict-afterwards", Excluded: sticky, Play: otherVerdictAfterwards},
		{Name: "transaction/an-unknown-half", Excluded: sticky, Play: unknownHalf},
		{Name: "transaction/many-halves-each-its-own-verdict", Play: manyHalves},
	}
}

func sticky(t mq.Traits) string {
	if t.OutcomesSticky {
		return ""
	}
	return "a second verdict is not recognized"
}

// prepare sends one half.
func (s *Scene) prepare(t mq.Topic, shapes ...func(*mq.Message)) (mq.Message, mq.Half) {
	m := s.message(append([]func(*mq.Message){half(0)}, shapes...)...)
	sent := s.send(t, m)[0]
	if sent.Half.IsZero() {
		s.fatalf("a transaction's message came without the means to settle it")
	}
	if sent.Offset != -1 {
		s.fatalf("a half has offset %d, want -1: it has no place yet", sent.Offset)
	}
	return m, sent.Half
}

func (s *Scene) settle(t mq.Topic, h mq.Half, v mq.Verdict) error {
	return s.engine().Settle(s.ctx, t, h, v, mq.ByProducer)
}

func halfIsInvisible(s *Scene) {
	t, g := s.topic(1), s.group()
	s.prepare(t)
	plain := s.message()
	s.send(t, plain)
	got := s.collect(want(t, g), 1)
	s.areExactly(got, plain)
	s.ack(got...)
	s.noneWhile(5*hold, want(t, g), "its transaction has no verdict")
}

func commitDelivers(s *Scene) {
	t, g := s.topic(2), s.group()
	m, h := s.prepare(t, tagged("red"))
	s.ok(s.settle(t, h, mq.Commit), "commit")
	got := s.collect(want(t, g), 1)
	s.areExactly(got, m)
	s.attemptsAre(1, got...)
	s.ack(got...)
	s.noneWhile(rest, want(t, g), "it was delivered once and acknowledged")
}

func rollbackForgets(s *Scene) {
	t, g := s.topic(1), s.group()
	_, h := s.prepare(t)
	s.ok(s.settle(t, h, mq.Rollback), "rollback")
	s.noneWhile(5*hold, want(t, g), "it was rolled back")
}

func sameVerdictTwice(s *Scene) {
	t, g := s.topic(1), s.group()
	m, h := s.prepare(t)
	_, gone := s.prepare(t)
	for range 3 {
		s.ok(s.settle(t, h, mq.Commit), "commit")
		s.ok(s.settle(t, gone, mq.Rollback), "rollback")
	}
	got := s.collect(want(t, g), 1)
	s.areExactly(got, m)
	s.ack(got...)
	s.ok(s.settle(t, h, mq.Commit), "commit after the delivery")
	s.noneWhile(rest, want(t, g), "a repeated commit must not deliver again")
}

func otherVerdictAfterwards(s *Scene) {
	t, g := s.topic(1), s.group()
	m, committed := s.prepare(t)
	_, rolledBack := s.prepare(t)
	s.ok(s.settle(t, committed, mq.Commit), "commit")
	s.ok(s.settle(t, rolledBack, mq.Rollback), "rollback")
	s.refused(s.settle(t, committed, mq.Rollback), "rollback after the commit", mq.Conflict)
	s.refused(s.settle(t, rolledBack, mq.Commit), "commit after the rollback", mq.Conflict)
	s.areExactly(s.collect(want(t, g, lasting(hold*100)), 1), m)
	s.noneWhile(rest, want(t, g), "the other one was rolled back")
}

func unknownHalf(s *Scene) {
	t := s.topic(1)
	m, h := s.prepare(t)
	for _, token := range []string{"", "x", "no token of this engine", h.Token[:len(h.Token)/2]} {
		foreign := mq.Half{Cluster: h.Cluster, Message: m.ID, Token: token}
		s.refused(s.settle(t, foreign, mq.Commit), fmt.Sprintf("commit of %q", token), mq.InvalidTransaction)
	}
	s.ok(s.settle(t, h, mq.Commit), "commit")
}

func manyHalves(s *Scene) {
	t, g := s.topic(4), s.group()
	var halves []mq.Half
	var kept []mq.Message
	for i := range 30 {
		m, h := s.prepare(t)
		halves = append(halves, h)
		if i%3 == 0 {
			kept = append(kept, m)
		}
	}
	s.all(len(halves), func(i int) {
		verdict := mq.Rollback
		if i%3 == 0 {
			verdict = mq.Commit
		}
		s.ok(s.settle(t, halves[i], verdict), verdict.String())
	})
	got := s.collect(want(t, g), len(kept))
	s.areAll(got, kept...)
	s.ack(got...)
	s.noneWhile(rest, want(t, g), "all others were rolled back")
}
