// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func receiveCases() []Case {
	return []Case{
		{Name: "receive/none-is-no-error-and-never-waits", Play: noneNeverWaits},
		{Name: "receive/at-most-max", Play: atMostMax},
		{Name: "receive/one-queue-only", Play: oneQueueOnly},
		{Name: "receive/a-taken-message-is-hidden-for-its-hold", Play: hiddenForItsHold},
		{Name: "receive/no-hold-means-the-groups-own", Play: groupsOwnHold},
		{Name: "receive/each-group-gets-every-message", Play: eachGroupGetsAll},
		{Name: "receive/start-earliest", Play: startsEarliest},
		{Name: "receive/start-latest", Play: startsLatest},
		{Name: "receive/start-at-a-time", Play: startsAtTime},
		{Name: "receive/an-ended-context-holds-nothing-for-long", Play: takeWithEndedContext},
	}
}

func noneNeverWaits(s *Scene) {
	t, g := s.topic(4), s.group()
	began := time.Now()
	for range 10 {
		got, err := s.engine().Take(s.ctx, want(t, g))
		s.ok(err, "take from an empty topic")
		if len(got) != 0 {
			s.fatalf("%d messages from an empty topic", len(got))
		}
	}
	if took := time.Since(began); took > s.target.Patience {
		s.fatalf("ten empty receives took %v: a receive never waits", took)
	}
}

func atMostMax(s *Scene) {
	t, g := s.topic(1), s.group()
	ms := s.messages(12)
	s.send(t, ms...)
	var got []mq.Delivery
	for _, n := range []int{1, 3, 8} {
		got = append(got, s.take(want(t, g, most(n)))...) // take demands no more than n
	}
	got = append(got, s.collect(want(t, g), len(ms)-len(got))...)
	s.areExactly(got, ms...)
}

func oneQueueOnly(s *Scene) {
	t, g := s.topic(4), s.group()
	ms := s.messages(60)
	var there []mq.Message
	broker := s.broker(t)
	for i, sent := range s.sendEach(t, ms...) {
		if sent.Queue == 2 && sent.Broker == broker {
			there = append(there, ms[i])
		}
	}
	in2 := want(t, g, func(w *mq.Want) { w.Queue, w.Broker = 2, broker })
	s.areExactly(s.collect(in2, len(there)), there...)
	s.none(in2, "the queue was taken empty")
}

func hiddenForItsHold(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	s.send(t, m)
	w := want(t, g, lasting(5*time.Second))
	before := s.now()
	d := s.collect(w, 1)[0]
	if until := d.Lease.Until; until.Before(before.Add(5*time.Second).Add(-time.Millisecond)) || until.After(s.now().Add(5*time.Second+time.Millisecond)) {
		s.fatalf("the lease lasts until %v, taken at %v for 5s", until, before)
	}
	again := s.collect(w, 1, s.noneUntil(d.Lease.Until, w, "it is hidden until its lease ends")...)
	s.areExactly(again, m)
	s.attemptsAre(2, again...)
}

func groupsOwnHold(s *Scene) {
	t, g := s.topic(1), s.group(func(g *mq.Group) { g.Hold = 7 * time.Second })
	s.send(t, s.message())
	w := want(t, g, func(w *mq.Want) { w.Hold = mq.Hold{} })
	before := s.now()
	d := s.collect(w, 1)[0]
	if until := d.Lease.Until; until.Before(before.Add(7*time.Second-time.Millisecond)) || until.After(s.now().Add(7*time.Second+time.Millisecond)) {
		s.fatalf("the lease lasts until %v, taken at %v, the group's own hold is 7s", until, before)
	}
}

func eachGroupGetsAll(s *Scene) {
	t := s.topic(2)
	ms := s.messages(10)
	s.send(t, ms...)
	one, two := s.group(), s.group()
	got := s.collect(want(t, one), len(ms))
	s.areAll(got, ms...)
	s.ack(got...)
	s.areAll(s.collect(want(t, two), len(ms)), ms...)
	s.none(want(t, one), "all is acknowledged in this group")
}

func startsEarliest(s *Scene) {
	t := s.topic(2)
	ms := s.messages(6)
	s.send(t, ms...)
	s.areAll(s.collect(want(t, s.group()), len(ms)), ms...)
}

func startsLatest(s *Scene) {
	t := s.topic(1)
	s.send(t, s.messages(6)...)
	g := s.group(latest)
	s.none(want(t, g), "the group starts behind the last message")
	ms := s.messages(3)
	s.send(t, ms...)
	s.areExactly(s.collect(want(t, g), len(ms)), ms...)
}

func startsAtTime(s *Scene) {
	t := s.topic(2)
	s.sendEach(t, s.messages(5)...)
	s.pass(5 * time.Second)
	from := s.now()
	s.pass(2 * time.Second)
	ms := s.messages(5)
	s.sendEach(t, ms...)
	s.areAll(s.collect(want(t, s.group(startAt(from))), len(ms)), ms...)
}

func takeWithEndedContext(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	s.send(t, m)
	over, end := context.WithCancel(s.ctx)
	end()
	w := want(t, g, lasting(2*time.Second))
	_, err := s.engine().Take(over, w)
	s.timedOut(err, "take with an ended context")
	s.pass(3 * time.Second) // if it was granted to nobody, its hold is over now
	s.areExactly(s.collect(w, 1), m)
}
