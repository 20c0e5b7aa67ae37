// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func retryCases() []Case {
	return []Case{
		{Name: "retry/attempts-count-up", Play: attemptsCountUp},
		{Name: "retry/what-expired-comes-again-whole", Play: expiredComesAgain},
		{Name: "retry/fresh-messages-go-on-meanwhile", Play: freshGoOn},
		{Name: "deadletter/after-the-most-attempts", Excluded: attemptsInEngine, Play: deadAfterMostAttempts, Inverse: attemptsGoOn},
		{Name: "deadletter/keeps-content-and-origin", Play: deadLetterKeepsOrigin},
		{Name: "deadletter/on-demand-and-repeated", Play: deadLetterOnDemand},
		{Name: "deadletter/only-for-the-own-group", Play: deadLetterForOwnGroup},
		{Name: "deadletter/is-a-topic-like-any-other", Play: deadLettersAreATopic},
		{Name: "deadletter/a-foreign-token", Play: deadLetterForeignToken},
		{Name: "deadletter/of-dead-letters", Play: deadLetterOfDeadLetters},
		{Name: "deadletter/each-lease-has-its-answer", Play: eachBurialHasItsAnswer},
	}
}

func attemptsInEngine(t mq.Traits) string {
	if t.AttemptsInEngine {
		return ""
	}
	return "attempts are counted, but never end in the engine"
}

func attemptsCountUp(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	s.send(t, m)
	for n := 1; n <= 5; n++ {
		length := 2 * time.Second
		if n%2 == 0 {
			length = s.leisurely(length)
		}
		got := s.collect(want(t, g, lasting(length)), 1)
		s.areExactly(got, m)
		s.attemptsAre(n, got...)
		if n%2 == 0 {
			s.extended(got[0].Lease, 0, mq.Replace)
		} else {
			s.expire(got...)
		}
	}
}

func expiredComesAgain(s *Scene) {
	t, g := s.topic(4), s.group()
	ms := s.messages(40)
	s.send(t, ms...)
	w := want(t, g, lasting(s.leisurely(3*time.Second)))
	got := s.collect(w, len(ms))
	s.areAll(got, ms...)
	s.expire(got...)
	again := s.collect(w, len(ms))
	s.areAll(again, ms...)
	s.attemptsAre(2, again...)
	s.ack(again...)
	s.noneWhile(rest, w, "all is acknowledged")
}

func freshGoOn(s *Scene) {
	t, g := s.topic(1), s.group()
	stuck, fresh := s.message(), s.messages(5)
	s.send(t, stuck)
	held := s.collect(want(t, g, lasting(time.Hour)), 1)
	s.send(t, fresh...)
	got := s.collect(want(t, g), 5)
	s.areExactly(got, fresh...)
	s.ack(got...)
	s.ack(held...)
}

func deadAfterMostAttempts(s *Scene) {
	t, g := s.topic(1), s.group(attempts(3))
	m, healthy := s.message(), s.message()
	s.send(t, m)
	w := want(t, g, lasting(2*time.Second))
	for n := 1; n <= 3; n++ {
		got := s.collect(w, 1)
		s.attemptsAre(n, got...)
		s.expire(got...)
	}
	s.none(w, "it was out of attempts")
	s.send(t, healthy)
	next := s.collect(w, 1)
	s.areExactly(next, healthy)
	s.ack(next...)

	s.eventually("it is a dead letter", func() bool { // where that happens inside Take, somebody must take
		s.none(w, "it was out of attempts")
		return s.holds(s.deadLetters(g), 1)
	})
	dead := s.collect(want(s.deadLetters(g), s.group()), 1)[0]
	s.isCopyOf(dead, m, t)
	if o := dead.Message.Origin; o.Attempt != 3 || o.Why != "attempts" {
		s.fatalf("the dead letter says %d attempts, why %q", o.Attempt, o.Why)
	}
	s.noneWhile(rest, want(t, g, lasting(time.Hour)), "it is a dead letter")
}

// isCopyOf demands that a dead letter holds the message and says where it came from.
func (s *Scene) isCopyOf(dead mq.Delivery, m mq.Message, t mq.Topic) {
	got := dead.Message
	switch {
	case got.Origin.IsZero():
		s.fatalf("the dead letter %s has no origin", got.ID)
	case got.Origin.Topic != t.Name || got.Origin.Message != m.ID:
		s.fatalf("the dead letter says that it was %s in %s, want %s in %s", got.Origin.Message, got.Origin.Topic, m.ID, t.Name)
	}
	if why := different(got, m); why != "" {
		s.fatalf("the dead letter of %s has another %s", m.ID, why)
	}
}

func attemptsGoOn(s *Scene) {
	t, g := s.topic(1), s.group(attempts(2))
	s.send(t, s.message())
	w := want(t, g, lasting(2*time.Second))
	for n := 1; n <= 4; n++ {
		got := s.collect(w, 1)
		s.attemptsAre(n, got...)
		s.expire(got...)
	}
}

func deadLetterKeepsOrigin(s *Scene) {
	t, g := s.topic(4), s.group()
	ms := []mq.Message{s.message(tagged("red")), s.message(with("price", "7")), s.message(inGroup("order-9"))}
	sent := s.sendEach(t, ms...)
	ds := s.collect(want(t, g), len(ms))
	for i, err := range s.engine().DeadLetter(s.ctx, leases(ds...), "cannot be read") {
		s.ok(err, "dead letter "+ds[i].Message.ID.String())
	}
	for _, dead := range s.collect(want(s.deadLetters(g), s.group()), len(ms)) {
		i := slices.IndexFunc(ms, func(m mq.Message) bool { return m.ID == dead.Message.Origin.Message })
		if i < 0 {
			s.fatalf("a dead letter of %s, which was never sent", dead.Message.Origin.Message)
		}
		s.isCopyOf(dead, ms[i], t)
		o := dead.Message.Origin
		if o.Queue != sent[i].Queue || o.Offset != sent[i].Offset || o.Attempt != 1 || o.Why != "cannot be read" {
			s.fatalf("origin %+v, the message was sent to queue %d offset %d", o, sent[i].Queue, sent[i].Offset)
		}
	}
	s.noneWhile(rest, want(t, g), "all are dead letters")
}

func deadLetterOnDemand(s *Scene) {
	t, g := s.topic(1), s.group()
	ms := s.messages(2)
	s.send(t, ms...)
	ds := s.collect(want(t, g), 2)
	s.ok(s.engine().DeadLetter(s.ctx, leases(ds[0]), "poison")[0], "dead letter")
	if err := s.engine().DeadLetter(s.ctx, leases(ds[0]), "poison")[0]; err != nil && mq.KindOf(err) != mq.Settled {
		s.fatalf("the repeat was answered with %v, want nil or settled", err)
	}
	graveyard := want(s.deadLetters(g), s.group())
	s.isCopyOf(s.collect(graveyard, 1)[0], ms[0], t)
	if s.traits.KnowsSettled {
		s.none(graveyard, "the repeat must not make a second copy")
	}
	s.ack(ds[1])
	s.noneWhile(rest, want(t, g), "one is dead and one is acknowledged")
}

func deadLetterForOwnGroup(s *Scene) {
	t, mine, theirs := s.topic(1), s.group(), s.group()
	m := s.message()
	s.send(t, m)
	s.ok(s.engine().DeadLetter(s.ctx, leases(s.collect(want(t, mine), 1)...), "poison")[0], "dead letter")
	s.areExactly(s.collect(want(t, theirs), 1), m)
	s.none(want(s.deadLetters(theirs), s.group()), "the other group gave nothing up")
}

func deadLettersAreATopic(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.messages(3)...)
	for _, err := range s.engine().DeadLetter(s.ctx, leases(s.collect(want(t, g), 3)...), "poison") {
		s.ok(err, "dead letter")
	}
	graves := s.deadLetters(g)
	qs, err := s.engine().Refresh(s.ctx, graves)
	s.ok(err, "refresh the dead letters' topic")
	if len(qs) == 0 || !qs[0].Readable {
		s.fatalf("the dead letters' topic cannot be read: %+v", qs)
	}
	reader := s.group()
	got := s.collect(want(graves, reader, lasting(s.leisurely(2*time.Second))), 3)
	s.ack(got[:2]...)
	s.expire(got...)
	again := s.collect(want(graves, reader), 1)
	s.attemptsAre(2, again...)
	s.ack(again...)
	s.none(want(graves, reader), "all is acknowledged")
}

func deadLetterForeignToken(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	s.send(t, m)
	d := s.collect(want(t, g), 1)[0]
	l := d.Lease
	l.Token = "no token of this engine"
	s.refused(s.engine().DeadLetter(s.ctx, []mq.Lease{l}, "poison")[0], "dead letter with a foreign token")
	s.ack(d)
	s.none(want(s.deadLetters(g), s.group()), "nothing was given up")
}

func deadLetterOfDeadLetters(s *Scene) {
	t, g, reader := s.topic(1), s.group(), s.group()
	m := s.message()
	s.send(t, m)
	bury := func(ds []mq.Delivery) {
		for _, err := range s.engine().DeadLetter(s.ctx, leases(ds...), "poison") {
			s.ok(err, "dead letter")
		}
	}
	bury(s.collect(want(t, g), 1))
	graves := s.deadLetters(g)
	bury(s.collect(want(graves, reader), 1))
	s.none(want(graves, reader), "it was given up here too")
	last := s.collect(want(s.deadLetters(reader), s.group()), 1)[0]
	if why := different(last.Message, m); why != "" {
		s.fatalf("the dead letter of a dead letter has another %s", why)
	}
	if o := last.Message.Origin; o.Topic != graves.Name && o.Topic != t.Name {
		s.fatalf("the dead letter of a dead letter says that it comes from %s", o.Topic)
	}
}

func eachBurialHasItsAnswer(s *Scene) {
	t, g := s.topic(1), s.group()
	ms := s.messages(3)
	s.send(t, ms...)
	ds := s.collect(want(t, g), 3)
	ls := leases(ds...)
	ls[1].Token = "no token of this engine"
	errs := s.engine().DeadLetter(s.ctx, ls, "poison")
	if len(errs) != 3 {
		s.fatalf("%d answers for 3 leases", len(errs))
	}
	s.ok(errs[0], "dead letter the first")
	s.refused(errs[1], "dead letter with a broken token")
	s.ok(errs[2], "dead letter the third")
	s.collect(want(s.deadLetters(g), s.group()), 2)
	s.ack(ds[1])
	s.noneWhile(rest, want(t, g), "two are dead and one is acknowledged")
}
