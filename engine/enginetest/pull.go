// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func pullCases() []Case {
	return []Case{
		{Name: "pull/reads-from-an-offset", Play: pullReads},
		{Name: "pull/takes-nothing-away", Play: pullTakesNothing},
		{Name: "pull/limits", Play: pullLimits},
		{Name: "pull/filter-moves-on", Play: pullFilter},
		{Name: "pull/outside-the-bounds", Play: pullOutside},
		{Name: "pull/a-waiter-is-woken", Play: pullWaiter},
		{Name: "pull/a-disarmed-waiter-is-not", Play: pullDisarmed},
		{Name: "pull/bounds", Play: bounds},
		{Name: "pull/at-a-time", Play: atATime},
		{Name: "pull/committed", Play: committed},
		{Name: "pull/commit-for-a-group-that-leases", Play: commitForLeasing},
	}
}

// queue is the first queue of a topic.
func (s *Scene) queue(t mq.Topic) mq.QueueRef { return mq.QueueRef{Topic: t, Broker: s.broker(t)} }

func (s *Scene) pull(q mq.QueueRef, from mq.Offset, n int, f mq.Filter) mq.Read {
	read, err := s.engine().Pull(s.ctx, q, from, mq.ReadLimit{Messages: n, Bytes: 8 << 20}, f)
	s.ok(err, "pull")
	if len(read.Messages) > n {
		s.fatalf("%d messages, asked for %d at most", len(read.Messages), n)
	}
	for _, m := range read.Messages {
		s.sameAsSent(m.Message)
	}
	return read
}

func storedIDs(read mq.Read) []string {
	ids := make([]string, len(read.Messages))
	for i, m := range read.Messages {
		ids[i] = m.Message.ID.String()
	}
	return ids
}

func (s *Scene) readExactly(read mq.Read, want ...mq.Message) {
	got := storedIDs(read)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i].ID.String() {
			s.fatalf("read %v, want %v", got, idsOf(want))
		}
	}
}

func pullReads(s *Scene) {
	t := s.topic(1)
	ms := s.messages(10)
	s.send(t, ms...)
	q := s.queue(t)
	read := s.pull(q, 3, 4, mq.Filter{})
	s.readExactly(read, ms[3:7]...)
	for i, m := range read.Messages {
		if m.Offset != mq.Offset(3+i) {
			s.fatalf("offset %d, want %d", m.Offset, 3+i)
		}
	}
	if read.Next != 7 || read.Lo != 0 || read.Hi != 10 {
		s.fatalf("next %d, bounds %d to %d; want next 7, bounds 0 to 10", read.Next, read.Lo, read.Hi)
	}
	s.readExactly(s.pull(q, read.Next, 32, mq.Filter{}), ms[7:]...)
	if end := s.pull(q, 10, 32, mq.Filter{}); len(end.Messages) != 0 || end.Next != 10 {
		s.fatalf("at the end came %v, next %d", storedIDs(end), end.Next)
	}
}

func pullTakesNothing(s *Scene) {
	t, g := s.topic(1), s.group()
	ms := s.messages(3)
	s.send(t, ms...)
	q := s.queue(t)
	for range 3 {
		s.readExactly(s.pull(q, 0, 32, mq.Filter{}), ms...)
	}
	got := s.collect(want(t, g), 3)
	s.attemptsAre(1, got...)
	s.readExactly(s.pull(q, 0, 32, mq.Filter{}), ms...)
	s.ack(got...)
	s.readExactly(s.pull(q, 0, 32, mq.Filter{}), ms...)
}

func pullLimits(s *Scene) {
	t := s.topic(1)
	ms := s.messages(5, func(m *mq.Message) { m.Body = make([]byte, 1000) })
	s.send(t, ms...)
	q := s.queue(t)
	s.readExactly(s.pull(q, 0, 2, mq.Filter{}), ms[:2]...)
	for _, bytes := range []int{1, 999, 1000} {
		read, err := s.engine().Pull(s.ctx, q, 0, mq.ReadLimit{Messages: 32, Bytes: bytes}, mq.Filter{})
		s.ok(err, "pull")
		if len(read.Messages) != 1 || read.Next != 1 {
			s.fatalf("a limit of %d bytes gave %d messages of 1000 bytes, next %d; want one", bytes, len(read.Messages), read.Next)
		}
	}
	read, err := s.engine().Pull(s.ctx, q, 0, mq.ReadLimit{Messages: 32, Bytes: 3500}, mq.Filter{})
	s.ok(err, "pull")
	if n := len(read.Messages); n < 1 || n > 3 || read.Next != mq.Offset(n) {
		s.fatalf("a limit of 3500 bytes gave %d messages of 1000 bytes, next %d", n, read.Next)
	}
}

func pullFilter(s *Scene) {
	t := s.topic(1)
	red := s.messages(2, tagged("red"))
	s.send(t, s.message(), red[0], s.message(), s.message(), red[1], s.message())
	q := s.queue(t)
	var got []mq.Stored
	from := mq.Offset(0)
	for from < 6 {
		read := s.pull(q, from, 32, mq.Filter{Expression: "red"})
		if read.Next <= from {
			s.fatalf("next %d after a pull from %d: it must move past what the filter holds back", read.Next, from)
		}
		got, from = append(got, read.Messages...), read.Next
	}
	s.readExactly(mq.Read{Messages: got}, red...)
}

func pullOutside(s *Scene) {
	t := s.topic(1)
	s.send(t, s.messages(3)...)
	q := s.queue(t)
	for _, from := range []mq.Offset{-1, 4, 1 << 40} {
		_, err := s.engine().Pull(s.ctx, q, from, mq.ReadLimit{Messages: 1, Bytes: 1}, mq.Filter{})
		s.refused(err, "pull from outside", mq.IllegalOffset)
	}
}

func pullWaiter(s *Scene) {
	t := s.topic(1)
	s.send(t, s.message())
	q := s.queue(t)
	there, next, far := &bell{}, &bell{}, &bell{}
	s.finally(s.engine().ArmPull(q, 0, there.ring))
	s.within(s.target.Lateness, "the waiter is woken: a message is there", there.rung)
	s.finally(s.engine().ArmPull(q, 1, next.ring))
	s.finally(s.engine().ArmPull(q, 5, far.ring))
	if s.traits.VirtualTime && next.rung() {
		s.fatalf("woken before a message came")
	}
	s.send(t, s.message())
	s.within(s.target.Lateness, "the waiter is woken: a message came", next.rung)
	s.send(t, s.messages(4)...)
	s.within(s.target.Lateness, "the waiter for offset 5 is woken", far.rung)
	if n := next.rings.Load(); n != 1 {
		s.fatalf("woken %d times, want once", n)
	}
}

func pullDisarmed(s *Scene) {
	t := s.topic(1)
	q := s.queue(t)
	gone, witness := &bell{}, &bell{}
	disarm := s.engine().ArmPull(q, 0, gone.ring)
	s.finally(s.engine().ArmPull(q, 0, witness.ring))
	disarm()
	disarm()
	s.send(t, s.message())
	s.within(s.target.Lateness, "the witness is woken", witness.rung)
	if gone.rung() {
		s.fatalf("woken after disarm")
	}
}

func bounds(s *Scene) {
	t := s.topic(2)
	q := s.queue(t)
	check := func(hi mq.Offset) {
		lo, got, err := s.engine().Bounds(s.ctx, q)
		s.ok(err, "bounds")
		if lo != 0 || got != hi {
			s.fatalf("bounds %d to %d, want 0 to %d", lo, got, hi)
		}
	}
	check(0)
	hi := mq.Offset(0)
	for _, m := range s.messages(20) {
		if sent := s.send(t, m)[0]; sent.Queue == q.Queue && sent.Broker == q.Broker {
			hi++
			check(hi)
		}
	}
}

func atATime(s *Scene) {
	t := s.topic(1)
	q := s.queue(t)
	at := func(when time.Time, want mq.Offset) {
		got, err := s.engine().At(s.ctx, q, when)
		s.ok(err, "at")
		if got != want {
			s.fatalf("the first message stored at or after %v has offset %d, want %d", when, got, want)
		}
	}
	at(s.now(), 0)
	begin := s.now()
	s.send(t, s.messages(3)...)
	s.pass(4 * time.Second)
	between := s.now()
	s.pass(4 * time.Second)
	s.send(t, s.messages(2)...)
	s.pass(4 * time.Second)
	at(time.Time{}, 0)
	at(begin.Add(-time.Hour), 0)
	at(between, 3)
	at(s.now(), 5)
	at(s.now().Add(time.Hour), 5)
}

func committed(s *Scene) {
	t, g := s.topic(2), s.group(pulling)
	q := s.queue(t)
	other := q
	other.Queue = 1
	s.sendEach(t, s.messages(20)...)
	_, err := s.engine().Committed(s.ctx, g, q)
	s.refused(err, "the offset of a group that committed none", mq.OffsetNotFound)
	for _, at := range []mq.Offset{3, 0, 2} {
		s.ok(s.engine().Commit(s.ctx, g, q, at), "commit")
		got, err := s.engine().Committed(s.ctx, g, q)
		s.ok(err, "committed")
		if got != at {
			s.fatalf("committed %d, the engine says %d", at, got)
		}
	}
	_, err = s.engine().Committed(s.ctx, g, other)
	s.refused(err, "the offset of a queue of which none was committed", mq.OffsetNotFound)
}

func commitForLeasing(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.messages(3)...)
	s.refused(s.engine().Commit(s.ctx, g, s.queue(t), 2), "commit for a group that leases", mq.Conflict)
	s.collect(want(t, g), 3)
}
