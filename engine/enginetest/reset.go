// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func resetCases() []Case {
	return []Case{
		{Name: "reset/to-earliest", Play: resetToEarliest},
		{Name: "reset/to-latest", Play: resetToLatest},
		{Name: "reset/to-a-time", Play: resetToTime},
		{Name: "reset/to-an-offset", Play: resetToOffset},
		{Name: "reset/says-before-and-after", Play: resetSaysBeforeAndAfter},
		{Name: "reset/of-a-pulling-group", Play: resetOfPulling},
		{Name: "reset/refuses-while-leases-live", Excluded: leasesUnknown, Play: resetRefuses, Inverse: resetGoesThrough},
		{Name: "reset/by-force-voids-the-leases", Excluded: resetsWhileLeased, Play: resetByForce, Inverse: resetRefuses},
		{Name: "reset/wakes", Play: resetWakes},
	}
}

func resetsWhileLeased(t mq.Traits) string {
	if t.ResetWhileLeased {
		return ""
	}
	return "a group cannot be moved while leases live"
}

func leasesUnknown(t mq.Traits) string {
	if t.KnowsLeased {
		return ""
	}
	return "the engine does not know how many messages are leased"
}

// resetGoesThrough: an engine that cannot see leases cannot refuse for their sake, and says of itself that it does not know them.
func resetGoesThrough(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.messages(3)...)
	s.collect(want(t, g), 3)
	s.known("leased", s.total(g, t).Leased, -1)
	s.reset(g, t, mq.Position{Kind: mq.ToLatest})
	s.none(want(t, g), "the group was moved behind it")
}

func (s *Scene) reset(g mq.Group, t mq.Topic, to mq.Position) mq.ResetDone {
	done, err := s.engine().Reset(s.ctx, g, t, to)
	s.ok(err, "reset")
	return done
}

// consumed sends n messages and acknowledges all of them in the group.
func (s *Scene) consumed(t mq.Topic, g mq.Group, n int) []mq.Message {
	ms := s.messages(n)
	s.send(t, ms...)
	s.ack(s.collect(want(t, g), n)...)
	s.totalWhen(g, t, func(p mq.QueueProgress) bool { return p.Committed == p.Hi })
	return ms
}

func resetToEarliest(s *Scene) {
	t, g := s.topic(1), s.group()
	ms := s.consumed(t, g, 6)
	s.reset(g, t, mq.Position{Kind: mq.ToEarliest})
	got := s.collect(want(t, g), 6)
	s.areExactly(got, ms...)
	s.ack(got...)
	s.none(want(t, g), "all is acknowledged again")
}

func resetToLatest(s *Scene) {
	t, g := s.topic(2), s.group()
	s.consumed(t, g, 2)
	s.sendEach(t, s.messages(8)...)
	s.reset(g, t, mq.Position{Kind: mq.ToLatest})
	s.none(want(t, g), "the group was moved behind the last message")
	m := s.message()
	s.send(t, m)
	s.areExactly(s.collect(want(t, g), 1), m)
}

func resetToTime(s *Scene) {
	t, g := s.topic(1), s.group()
	s.consumed(t, g, 4)
	s.pass(5 * time.Second)
	from := s.now()
	s.pass(2 * time.Second)
	ms := s.consumed(t, g, 3)
	s.reset(g, t, mq.Position{Kind: mq.ToTime, Time: from})
	s.areExactly(s.collect(want(t, g), 3), ms...)
}

func resetToOffset(s *Scene) {
	t, g := s.topic(1), s.group()
	ms := s.consumed(t, g, 8)
	s.reset(g, t, mq.Position{Kind: mq.ToOffset, Broker: s.broker(t), Queue: 0, Offset: 5})
	got := s.collect(want(t, g), 3)
	s.areExactly(got, ms[5:]...)
	s.ack(got...)
	s.reset(g, t, mq.Position{Kind: mq.ToOffset, Queue: mq.AnyQueue, Offset: 7})
	last := s.collect(want(t, g), 1)
	s.areExactly(last, ms[7])
	s.ack(last...)
	s.reset(g, t, mq.Position{Kind: mq.ToOffset, Queue: mq.AnyQueue, Offset: 8})
	s.none(want(t, g), "the group was moved to the end")
}

func resetSaysBeforeAndAfter(s *Scene) {
	t, g := s.topic(1), s.group()
	s.consumed(t, g, 6)
	done := s.reset(g, t, mq.Position{Kind: mq.ToOffset, Broker: s.broker(t), Queue: 0, Offset: 2})
	if len(done.Before) != 1 || len(done.After) != 1 {
		s.fatalf("before %d queues, after %d, want one each", len(done.Before), len(done.After))
	}
	if done.Before[0].Committed != 6 || done.After[0].Committed != 2 {
		s.fatalf("from %d to %d, want from 6 to 2", done.Before[0].Committed, done.After[0].Committed)
	}
}

func resetOfPulling(s *Scene) {
	t, g := s.topic(1), s.group(pulling)
	s.send(t, s.messages(6)...)
	q := s.queue(t)
	s.ok(s.engine().Commit(s.ctx, g, q, 5), "commit")
	s.reset(g, t, mq.Position{Kind: mq.ToOffset, Broker: q.Broker, Queue: 0, Offset: 1})
	got, err := s.engine().Committed(s.ctx, g, q)
	s.ok(err, "committed")
	if got != 1 {
		s.fatalf("committed %d after a reset to 1", got)
	}
}

func resetRefuses(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.messages(3)...)
	got := s.collect(want(t, g), 3)
	_, err := s.engine().Reset(s.ctx, g, t, mq.Position{Kind: mq.ToLatest})
	s.refused(err, "reset while leases live", mq.Conflict)
	s.ack(got[0])
	s.expire(got...)
	s.collect(want(t, g), 2) // nothing was moved
}

func resetByForce(s *Scene) {
	t, g := s.topic(1), s.group()
	ms := s.messages(4)
	s.send(t, ms...)
	old := s.collect(want(t, g, lasting(time.Hour)), 4)
	s.ack(old[0])
	s.reset(g, t, mq.Position{Kind: mq.ToEarliest, Force: true})
	again := s.collect(want(t, g, lasting(time.Hour)), 4)
	s.areExactly(again, ms...)
	s.refused(s.ackOne(old[1].Lease), "ack with a lease from before the reset")
	s.ack(again...)
	s.none(want(t, g), "all is acknowledged")
}

func resetWakes(s *Scene) {
	t, g := s.topic(1), s.group()
	s.consumed(t, g, 2)
	b := s.arm(want(t, g))
	s.reset(g, t, mq.Position{Kind: mq.ToEarliest})
	s.within(s.target.Lateness, "the waiter is woken: the group was moved", b.rung)
}
