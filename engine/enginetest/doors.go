// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// These cases use two handles of one engine, as two proxies do: no call needs state that the other handle holds.
func doorCases() []Case {
	cases := []Case{
		{Name: "doors/one-delivers-the-other-settles", Play: otherSettles},
		{Name: "doors/one-delivers-the-other-renews", Play: otherRenews},
		{Name: "doors/one-prepares-the-other-commits", Play: otherCommits},
		{Name: "doors/one-sends-the-other-wakes", Play: otherWakes},
		{Name: "doors/one-schedules-the-other-recalls", Excluded: recalls, Play: otherRecalls},
		{Name: "doors/order-holds-over-both", Play: orderOverBoth},
		{Name: "doors/a-check-finds-the-door-with-the-producer", Play: checkFindsDoor},
	}
	for i := range cases {
		cases[i].Needs = func(at *Instance) string {
			if at.Second == nil {
				return "the target has no second handle"
			}
			return ""
		}
	}
	return cases
}

func otherSettles(s *Scene) {
	t, g := s.topic(2), s.group()
	ms := s.messages(6)
	s.sendEach(t, ms...)
	got := s.collect(want(t, g), 6)
	for _, err := range s.acks(s.instance.Second, leases(got...)...) {
		s.ok(err, "ack at the other handle")
	}
	s.noneWhile(rest, want(t, g), "it was acknowledged")
}

func otherRenews(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.message())
	w := want(t, g, lasting(s.leisurely(3*time.Second)))
	d := s.collect(w, 1)[0]
	for _, x := range s.instance.Second.Extend(s.ctx, leases(d), 20*time.Second, mq.Keep) {
		s.ok(x.Err, "renew at the other handle")
	}
	s.noneWhile(10*time.Second, w, "the lease was renewed")
	s.ack(d)
}

func otherCommits(s *Scene) {
	t, g := s.topic(1), s.group()
	m, h := s.prepare(t)
	s.ok(s.instance.Second.Settle(s.ctx, t, h, mq.Commit, mq.ByProducer), "commit at the other handle")
	s.areExactly(s.collect(want(t, g), 1), m)
}

func otherWakes(s *Scene) {
	t, g := s.topic(1), s.group()
	b := &bell{}
	s.finally(s.instance.Second.Arm(want(t, g), b.ring))
	s.send(t, s.message())
	s.within(s.target.Lateness, "the waiter at the other handle is woken", b.rung)
}

func otherRecalls(s *Scene) {
	t, g := s.topic(1), s.group()
	after := s.leisurely(4 * time.Second)
	sent := s.send(t, s.message(dueAt(s.now().Add(after))))[0]
	s.ok(s.instance.Second.Recall(s.ctx, t, sent.Scheduled), "recall at the other handle")
	s.noneWhile(after+6*time.Second, want(t, g), "it was recalled")
}

func orderOverBoth(s *Scene) {
	t, g := s.topic(1), s.group(ordered)
	ms := s.messages(4, inGroup("order-1"))
	s.send(t, ms...)
	run := s.collect(want(t, g, most(2), attempt("a")), 2)
	if got := s.takeAt(s.instance.Second, want(t, g, attempt("b"))); len(got) > 0 {
		s.fatalf("message %s came at the other handle while its message group was leased", got[0].Message.ID)
	}
	for _, err := range s.acks(s.instance.Second, leases(run...)...) {
		s.ok(err, "ack at the other handle")
	}
	s.areExactly(s.takeAllOf(want(t, g), 2), ms[2:]...)
}

func checkFindsDoor(s *Scene) {
	mine, theirs := s.topic(1), s.topic(1)
	l, other := s.listen(s.engine(), mine), s.listen(s.instance.Second, theirs)
	m, _ := s.prepare(theirs, half(time.Second))
	s.within(time.Second+s.soon(), "the door with the producer is asked", other.askedTimes(m, 1))
	if len(l.about(m)) > 0 {
		s.fatalf("the door without a producer was asked")
	}
}
