// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func progressCases() []Case {
	return []Case{
		{Name: "progress/figures", Play: figures},
		{Name: "progress/committed-waits-for-the-oldest", Play: committedWaits},
		{Name: "progress/of-a-pulling-group", Play: progressOfPulling},
		{Name: "progress/the-fate-of-a-message", Play: fates},
		{Name: "state/counts", Play: stateCounts},
		{Name: "state/nodes", Play: stateNodes},
	}
}

// total adds a group's figures over all queues. A figure that one queue does not know is unknown in total.
func (s *Scene) total(g mq.Group, t mq.Topic) mq.QueueProgress {
	qs, err := s.engine().Progress(s.ctx, g, t)
	s.ok(err, "progress")
	if len(qs) == 0 {
		s.fatalf("progress of no queue")
	}
	var sum mq.QueueProgress
	add := func(to *int64, n int64) {
		if *to < 0 || n < 0 {
			*to = -1
			return
		}
		*to += n
	}
	for _, q := range qs {
		if q.Lo > q.Committed || q.Committed > q.Hi {
			s.fatalf("queue %d: committed %d lies outside its bounds %d to %d", q.Queue, q.Committed, q.Lo, q.Hi)
		}
		sum.Committed, sum.Hi = sum.Committed+q.Committed, sum.Hi+q.Hi
		add(&sum.Ready, q.Ready)
		add(&sum.Leased, q.Leased)
		add(&sum.Retrying, q.Retrying)
		if !q.Oldest.IsZero() && (sum.Oldest.IsZero() || q.Oldest.Before(sum.Oldest)) {
			sum.Oldest = q.Oldest
		}
	}
	return sum
}

// begun tells whether a group took from any queue.
func (s *Scene) begun(g mq.Group, t mq.Topic) bool {
	qs, err := s.engine().Progress(s.ctx, g, t)
	s.ok(err, "progress")
	return slices.ContainsFunc(qs, func(q mq.QueueProgress) bool { return q.Begun })
}

// totalWhen is total once it holds what is awaited, where figures follow a moment later.
func (s *Scene) totalWhen(g mq.Group, t mq.Topic, so func(mq.QueueProgress) bool) (sum mq.QueueProgress) {
	if sum = s.total(g, t); !s.traits.ShowsLater || so(sum) {
		return sum
	}
	s.eventually("the figures follow", func() bool {
		sum = s.total(g, t)
		return so(sum)
	})
	return sum
}

// readyIs is a condition of totalWhen; a figure that is unknown is awaited no longer.
func readyIs(n int64) func(mq.QueueProgress) bool {
	return func(p mq.QueueProgress) bool { return p.Ready == n || p.Ready == -1 }
}

// known compares a figure that the engine may not know.
func (s *Scene) known(what string, got, want int64) {
	if got != -1 && got != want {
		s.fatalf("%s: %d, want %d", what, got, want)
	}
}

func figures(s *Scene) {
	t, g := s.topic(2), s.group()
	if s.traits.KnowsSettled {
		s.known("ready, before any contact", s.total(g, t).Ready, 0)
	}
	s.sendEach(t, s.messages(10)...)
	s.known("ready", s.total(g, t).Ready, 10)
	if s.begun(g, t) {
		s.fatalf("a group that never took anything has begun")
	}
	got := s.collect(want(t, g, most(6)), 6)
	if !s.begun(g, t) {
		s.fatalf("a group that took six messages has not begun")
	}
	p := s.totalWhen(g, t, readyIs(4))
	s.known("ready, six are taken", p.Ready, 4)
	s.known("leased, six are taken", p.Leased, 6)
	s.ack(got[:3]...)
	p = s.total(g, t)
	s.known("leased, three are acknowledged", p.Leased, 3)
	s.known("ready, three are acknowledged", p.Ready, 4)
	s.expire(got...)
	p = s.totalWhen(g, t, func(p mq.QueueProgress) bool { return p.Retrying < 0 || p.Ready+p.Retrying == 7 })
	s.known("leased, all leases are over", p.Leased, 0)
	if p.Ready >= 0 && p.Retrying >= 0 && p.Ready+p.Retrying != 7 {
		s.fatalf("ready %d and retrying %d, want 7 in sum: three came free, and nothing counts twice", p.Ready, p.Retrying)
	}
	s.ack(s.collect(want(t, g), 7)...)
	p = s.totalWhen(g, t, func(p mq.QueueProgress) bool { return p.Ready <= 0 && p.Committed == 10 })
	s.known("ready, all is acknowledged", p.Ready, 0)
	s.known("leased, all is acknowledged", p.Leased, 0)
	if p.Committed != 10 || p.Hi != 10 {
		s.fatalf("committed %d of %d, want 10 of 10", p.Committed, p.Hi)
	}
}

func committedWaits(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.messages(5)...)
	got := s.collect(want(t, g), 5)
	s.ack(got[1:]...)
	if p := s.total(g, t); p.Committed != 0 {
		s.fatalf("committed %d, but the first message is not settled", p.Committed)
	}
	if p := s.total(g, t); !p.Oldest.IsZero() && !p.Oldest.Equal(got[0].StoredAt) {
		s.fatalf("the oldest unsettled message is said to be of %v, it is of %v", p.Oldest, got[0].StoredAt)
	}
	s.ack(got[0])
	if p := s.total(g, t); p.Committed != 5 {
		s.fatalf("committed %d, want 5", p.Committed)
	}
}

func progressOfPulling(s *Scene) {
	t, g := s.topic(1), s.group(pulling)
	s.send(t, s.messages(5)...)
	s.ok(s.engine().Commit(s.ctx, g, s.queue(t), 3), "commit")
	p := s.total(g, t)
	if p.Committed != 3 || p.Hi != 5 {
		s.fatalf("committed %d of %d, want 3 of 5", p.Committed, p.Hi)
	}
	s.known("ready", p.Ready, 2)
	s.known("leased", p.Leased, 0)
}

// fates follows messages of one queue from unread to settled. An engine that knows only how far a group has taken says taken.
func fates(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.messages(4)...)
	fate := func(at mq.Offset) mq.Fate {
		f, err := s.engine().Fate(s.ctx, g, t, mq.Place{Broker: s.broker(t), Offset: at})
		s.ok(err, "fate")
		return f
	}
	is := func(at mq.Offset, what string, want mq.FateState) mq.Fate {
		var f mq.Fate
		s.eventually(fmt.Sprintf("%s: the message at %d is %s", what, at, want), func() bool {
			f = fate(at)
			return f.State == want || !s.traits.KnowsSettled && f.State == mq.FateTaken && want != mq.FateUnread
		})
		return f
	}
	got := s.collect(want(t, g, most(2)), 2)
	f := is(0, "it was delivered", mq.FateLeased)
	if f.State == mq.FateLeased && (f.Attempt != 1 || !f.Until.Equal(got[0].Lease.Until)) {
		s.fatalf("attempt %d until %v, the lease says 1 until %v", f.Attempt, f.Until, got[0].Lease.Until)
	}
	if f := is(3, "nobody read it", mq.FateUnread); f.Ahead != 1 {
		s.fatalf("%d messages stand before the last one, want 1", f.Ahead)
	}
	s.ack(got[0])
	is(0, "it was acknowledged", mq.FateSettled)
	s.expire(got[1])
	if f := is(1, "its lease is over", mq.FateRetrying); f.State == mq.FateRetrying && f.Attempt != 1 {
		s.fatalf("attempt %d after one delivery", f.Attempt)
	}
	if f := fate(1000); f.State == mq.FateSettled || f.State == mq.FateLeased {
		s.fatalf("a message that was never sent is %s", f.State)
	}
}

// stateCounts: where other cases use the same engine, what they drop meanwhile may hide what this one adds; then it counts anew.
func stateCounts(s *Scene) {
	for tries := 5; ; tries-- {
		why := s.counted()
		if why == "" {
			return
		}
		if tries == 0 || s.traits.VirtualTime {
			s.fatalf("%s", why)
		}
	}
}

// counted tells which figure of the engine's state did not grow by what was added, "" when all did.
func (s *Scene) counted() (why string) {
	before, err := s.engine().State(s.ctx)
	s.ok(err, "state")
	if !before.Healthy || !before.Writable || before.Engine == "" {
		s.fatalf("a fresh engine says %+v", before)
	}
	t, g := s.topic(1), s.group()
	s.send(t, s.message(dueAt(s.now().Add(time.Hour))), s.message(), s.message())
	s.prepare(t)
	s.collect(want(t, g), 2)
	after, err := s.engine().State(s.ctx)
	s.ok(err, "state")
	grew := func(what string, before, after, by int64) {
		if before >= 0 && after >= 0 && after-before < by {
			why = fmt.Sprintf("%s went from %d to %d, want %d more", what, before, after, by)
		}
	}
	grew("topics", int64(before.Topics), int64(after.Topics), 1)
	grew("groups", int64(before.Groups), int64(after.Groups), 1)
	grew("scheduled", before.Scheduled, after.Scheduled, 1)
	grew("halves", before.Halves, after.Halves, 1)
	grew("leased", before.Leased, after.Leased, 2)
	return why
}

// stateNodes: every server is listed and says what it is; the log of a primary grows by what is sent, where it tells.
func stateNodes(s *Scene) {
	ends := func() (end int64) {
		all, err := s.engine().Nodes(s.ctx)
		s.ok(err, "nodes")
		primaries := 0
		for _, n := range all.Nodes {
			if n.Broker == "" || n.Why != "" || n.From > n.To && n.To >= 0 || n.Behind < -1 || n.Disk > 1 {
				s.fatalf("a server says %+v", n)
			}
			if n.Primary {
				primaries++
				end += n.To
			}
		}
		if primaries == 0 {
			s.fatalf("no primary among %+v", all.Nodes)
		}
		return end
	}
	before := ends()
	s.send(s.topic(1), s.message())
	if after := ends(); before >= 0 && after <= before {
		s.fatalf("logs ended at %d before a send and at %d after it", before, after)
	}
}
