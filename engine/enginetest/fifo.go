// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// The rule behind all of these: the live leases of a message group belong to one attempt and are consecutive; nothing later
// is delivered while one is live; a freed message comes before all later unsettled ones.
func fifoCases() []Case {
	return []Case{
		{Name: "fifo/a-run-in-order", Play: runInOrder},
		{Name: "fifo/a-live-run-blocks-its-message-group", Play: liveRunBlocks},
		{Name: "fifo/other-message-groups-go-on", Excluded: blocksQueue, Play: otherGroupsGoOn, Inverse: queueIsBlocked},
		{Name: "fifo/acknowledged-means-the-next", Play: acknowledgedMeansNext},
		{Name: "fifo/part-of-a-run-is-not-enough", Play: partOfARun},
		{Name: "fifo/what-expired-comes-first", Play: expiredComesFirst},
		{Name: "fifo/what-was-freed-comes-first", Play: freedComesFirst},
		{Name: "fifo/a-message-at-rest-blocks", Play: atRestBlocks},
		{Name: "fifo/the-same-attempt-gets-the-same-run", Play: sameAttemptSameRun},
		{Name: "fifo/another-attempt-gets-nothing", Play: anotherAttemptGetsNothing},
		{Name: "fifo/a-dead-letter-gives-way", Excluded: attemptsInEngine, Play: deadLetterGivesWay},
		{Name: "fifo/a-dead-letter-on-demand-gives-way", Play: deadLetterOnDemandGivesWay},
		{Name: "fifo/consumer-groups-do-not-block-each-other", Play: consumerGroupsAreApart},
		{Name: "fifo/many-message-groups-each-in-order", Play: manyGroupsInOrder},
		{Name: "fifo/a-long-blocked-group-hides-nothing", Excluded: blocksQueue, Play: longBlockedGroup},
		{Name: "fifo/a-filter-leaves-the-order", Play: filterLeavesOrder},
		{Name: "fifo/messages-without-a-group-keep-the-queues-order", Play: withoutGroup},
	}
}

func blocksQueue(t mq.Traits) string {
	if t.FIFOBlocksQueue {
		return "an open message group blocks its whole queue"
	}
	return ""
}

func runInOrder(s *Scene) {
	t, g := s.topic(2), s.group(ordered)
	ms := s.messages(10, inGroup("order-1"))
	s.sendEach(t, ms...)
	var got []mq.Delivery
	for len(got) < len(ms) {
		some := s.collectSome(want(t, g, most(4)))
		got = append(got, some...)
		s.ack(some...)
	}
	s.areExactly(got, ms...)
	s.noneWhile(rest, want(t, g), "all is acknowledged")
}

// collectSome receives until anything came.
func (s *Scene) collectSome(w mq.Want) []mq.Delivery {
	var got []mq.Delivery
	s.within(s.target.Lateness, "something is delivered", func() bool {
		got = s.take(w)
		return len(got) > 0
	})
	return got
}

func liveRunBlocks(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	ms := s.messages(6, inGroup("order-1"))
	s.send(t, ms...)
	run := s.collectSome(want(t, g, most(2), attempt("a"), lasting(6*hold)))
	s.areExactly(run, ms[:len(run)]...)
	s.noneWhile(hold/2, want(t, g, attempt("b")), "a lease of its message group is live")
}

func otherGroupsGoOn(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	one, two := s.messages(3, inGroup("order-1")), s.messages(3, inGroup("order-2"))
	for i := range one {
		s.send(t, one[i], two[i])
	}
	first := s.collectSome(want(t, g, most(1), attempt("a")))
	s.areExactly(first, one[0])
	second := s.collectSome(want(t, g, most(1), attempt("b")))
	s.areExactly(second, two[0])
	s.none(want(t, g, attempt("c")), "both message groups have a live lease")
	s.ack(second...)
	s.areExactly(s.collectSome(want(t, g, most(1), attempt("d"))), two[1])
}

func queueIsBlocked(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	one, two := s.message(inGroup("order-1")), s.message(inGroup("order-2"))
	s.send(t, one, two)
	first := s.collectSome(want(t, g, most(1), attempt("a")))
	s.areExactly(first, one)
	s.none(want(t, g, attempt("b")), "a live lease blocks the queue")
	s.ack(first...)
	s.areExactly(s.collectSome(want(t, g, most(1), attempt("c"))), two)
}

func acknowledgedMeansNext(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	ms := s.messages(4, inGroup("order-1"))
	s.send(t, ms...)
	for _, m := range ms {
		got := s.collectSome(want(t, g, most(1)))
		s.areExactly(got, m)
		s.none(want(t, g, attempt("other")), "its message group has a live lease")
		s.ack(got...)
	}
}

func partOfARun(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	ms := s.messages(6, inGroup("order-1"))
	s.send(t, ms...)
	run := s.collect(want(t, g, most(3), attempt("a")), 3)
	s.areExactly(run, ms[:3]...)
	s.ack(run[0], run[2])
	s.none(want(t, g, attempt("b")), "the second of the run is still leased")
	s.expire(run[1])
	s.areExactly(s.collectSome(want(t, g, most(1), attempt("c"))), ms[1])
}

func expiredComesFirst(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	ms := s.messages(6, inGroup("order-1"))
	s.send(t, ms...)
	run := s.collect(want(t, g, most(3), attempt("a")), 3)
	s.ack(run[0])
	s.expire(run...)
	again := s.takeAllOf(want(t, g, attempt("b")), 5)
	s.areExactly(again, ms[1:]...)
	s.attemptsAre(2, again[:2]...)
	s.attemptsAre(1, again[2:]...)
}

// takeAllOf receives n messages, those that came before counted, acknowledging as it goes, so that order alone decides what comes when.
func (s *Scene) takeAllOf(w mq.Want, n int, before ...mq.Delivery) []mq.Delivery {
	got := before
	s.ack(before...)
	for len(got) < n {
		some := s.collectSome(w)
		got = append(got, some...)
		s.ack(some...)
	}
	if len(got) > n {
		s.fatalf("%d messages came, want %d", len(got), n)
	}
	return got
}

func freedComesFirst(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	ms := s.messages(5, inGroup("order-1"))
	s.send(t, ms...)
	run := s.collect(want(t, g, most(3), attempt("a")), 3)
	for _, d := range slices.Backward(run) {
		s.extended(d.Lease, 0, mq.Replace)
	}
	s.areExactly(s.takeAllOf(want(t, g, attempt("b")), 5), ms...)
}

func atRestBlocks(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	ms := s.messages(3, inGroup("order-1"))
	s.send(t, ms...)
	run := s.collect(want(t, g, most(1), attempt("a")), 1)
	resting := s.extended(run[0].Lease, 6*time.Second, mq.Replace)
	late := s.noneUntil(resting.Until, want(t, g, attempt("b")), "the first of its message group rests")
	got := s.takeAllOf(want(t, g, attempt("c")), 3, late...)
	s.areExactly(got, ms...)
	s.attemptsAre(2, got[0])
}

func sameAttemptSameRun(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	ms := s.messages(5, inGroup("order-1"))
	s.send(t, ms...)
	w := want(t, g, most(3), attempt("lost-reply"), lasting(2*hold))
	first := s.collect(w, 3)
	again := s.collect(w, 3)
	s.areExactly(again, ms[:3]...)
	s.attemptsAre(1, again...)
	for i := range again {
		if again[i].Offset != first[i].Offset {
			s.fatalf("the same run came from another place")
		}
	}
	s.ack(again[0])
	w.Max = 2
	s.areExactly(s.collect(w, 2), ms[1:3]...)
	s.ack(again[1:]...)
	s.areExactly(s.takeAllOf(want(t, g), 2), ms[3:]...)
}

func anotherAttemptGetsNothing(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	s.send(t, s.messages(2, inGroup("order-1"))...)
	run := s.collectSome(want(t, g, most(1), attempt("a")))
	for _, id := range []string{"b", "", "a "} {
		s.none(want(t, g, attempt(id)), "the run belongs to another attempt")
	}
	s.ack(run...)
}

func deadLetterGivesWay(s *Scene) {
	t, g := s.topic(1), s.group(ordered, attempts(2))
	ms := s.messages(3, inGroup("order-1"))
	s.send(t, ms...)
	for n := 1; n <= 2; n++ {
		got := s.collectSome(want(t, g, most(1), lasting(2*time.Second)))
		s.areExactly(got, ms[0])
		s.attemptsAre(n, got...)
		s.expire(got...)
	}
	s.areExactly(s.takeAllOf(want(t, g), 2), ms[1:]...)
	s.isCopyOf(s.collect(want(s.deadLetters(g), s.group()), 1)[0], ms[0], t)
}

func deadLetterOnDemandGivesWay(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	ms := s.messages(3, inGroup("order-1"))
	s.send(t, ms...)
	run := s.collectSome(want(t, g, most(1)))
	s.ok(s.engine().DeadLetter(s.ctx, leases(run...), "poison")[0], "dead letter")
	s.areExactly(s.takeAllOf(want(t, g), 2), ms[1:]...)
}

func consumerGroupsAreApart(s *Scene) {
	t, one, two := s.topic(1), s.group(ordered), s.group(ordered)
	ms := s.messages(3, inGroup("order-1"))
	s.send(t, ms...)
	s.areExactly(s.collectSome(want(t, one, most(1))), ms[0])
	s.areExactly(s.takeAllOf(want(t, two), 3), ms...)
}

func manyGroupsInOrder(s *Scene) {
	t, g := s.topic(4), s.group(ordered)
	const groups, each = 9, 12
	in := map[mq.MessageGroup][]string{}
	for range each {
		for k := range groups {
			m := s.message(inGroup("order-" + string(rune('a'+k))))
			in[m.Group] = append(in[m.Group], m.ID.String())
			s.send(t, m)
		}
	}
	out := map[mq.MessageGroup][]string{}
	for _, d := range s.takeAllOf(want(t, g, most(7)), groups*each) {
		out[d.Message.Group] = append(out[d.Message.Group], d.Message.ID.String())
	}
	for k, ids := range in {
		if !slices.Equal(ids, out[k]) {
			s.fatalf("message group %s came as %v, sent as %v", k, out[k], ids)
		}
	}
}

func longBlockedGroup(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	s.send(t, s.messages(400, inGroup("stuck"))...)
	m := s.message(inGroup("alive"))
	s.send(t, m)
	stuck := s.collectSome(want(t, g, most(1), attempt("a"), lasting(time.Hour)))
	s.areExactly(s.collectSome(want(t, g, most(1), attempt("b"))), m)
	s.ack(stuck...)
	next := s.collectSome(want(t, g, most(1), attempt("c")))
	if next[0].Message.Group != stuck[0].Message.Group {
		s.fatalf("message group %s came, want the one that is no longer blocked", next[0].Message.Group)
	}
}

func filterLeavesOrder(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	var red []mq.Message
	for range 4 {
		r := s.message(inGroup("order-1"), tagged("red"))
		red = append(red, r)
		s.send(t, s.message(inGroup("order-1"), tagged("blue")), r)
	}
	s.areExactly(s.takeAllOf(want(t, g, most(2), tags("red")), 4), red...)
}

func withoutGroup(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	ms := s.messages(6)
	s.send(t, ms...)
	run := s.collectSome(want(t, g, most(2), attempt("a")))
	s.areExactly(run, ms[:len(run)]...)
	s.none(want(t, g, attempt("b")), "what came first has a live lease")
	s.extended(run[0].Lease, 0, mq.Replace)
	s.ack(run[1:]...)
	again := s.takeAllOf(want(t, g, attempt("c")), 6-len(run)+1)
	s.areExactly(again, append([]mq.Message{ms[0]}, ms[len(run):]...)...)
}
