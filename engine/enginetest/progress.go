// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func progressCases() []Case {
	return []Case{
		{Name: "progress/figures", Play: figures},
		{Name: "progress/committed-waits-for-the-oldest", Play: committedWaits},
		{Name: "progress/of-a-pulling-group", Play: progressOfPulling},
		{Name: "state/counts", Play: stateCounts},
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
	got := s.collect(want(t, g, most(6)), 6)
	p := s.total(g, t)
	s.known("ready, six are taken", p.Ready, 4)
	s.known("leased, six are taken", p.Leased, 6)
	s.ack(got[:3]...)
	p = s.total(g, t)
	s.known("leased, three are acknowledged", p.Leased, 3)
	s.known("ready, three are acknowledged", p.Ready, 4)
	s.expire(got...)
	p = s.total(g, t)
	s.known("leased, all leases are over", p.Leased, 0)
	if p.Ready >= 0 && p.Retrying >= 0 && p.Ready+p.Retrying != 7 {
		s.fatalf("ready %d and retrying %d, want 7 in sum: three came free, and nothing counts twice", p.Ready, p.Retrying)
	}
	s.ack(s.collect(want(t, g), 7)...)
	p = s.total(g, t)
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

func stateCounts(s *Scene) {
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
			s.fatalf("%s went from %d to %d, want %d more", what, before, after, by)
		}
	}
	grew("topics", int64(before.Topics), int64(after.Topics), 1)
	grew("groups", int64(before.Groups), int64(after.Groups), 1)
	grew("scheduled", before.Scheduled, after.Scheduled, 1)
	grew("halves", before.Halves, after.Halves, 1)
	grew("leased", before.Leased, after.Leased, 2)
}
