// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func ackCases() []Case {
	return []Case{
		{Name: "ack/settles-for-good", Play: ackSettles},
		{Name: "ack/each-lease-has-its-answer", Play: eachLeaseHasItsAnswer},
		{Name: "ack/out-of-order", Play: ackOutOfOrder},
		{Name: "ack/a-second-time", Excluded: knowsSettled, Play: secondAck, Inverse: secondAckIsSilent},
		{Name: "ack/after-the-lease", Excluded: knowsExpired, Play: ackAfterLease, Inverse: ackAfterLeaseDoesNotStick},
		{Name: "ack/with-the-token-of-an-earlier-delivery", Excluded: knowsExpired, Play: ackWithOldToken},
		{Name: "ack/a-foreign-token", Play: ackForeignToken},
		{Name: "ack/the-token-of-another-group", Play: ackWithAnotherGroupsToken},
		{Name: "ack/the-same-lease-twice-in-one-call", Play: sameLeaseTwice},
		{Name: "ack/leases-of-several-topics-in-one-call", Play: severalTopics},
	}
}

func knowsSettled(t mq.Traits) string {
	if t.KnowsSettled {
		return ""
	}
	return "a second acknowledgement is not recognized"
}

func knowsExpired(t mq.Traits) string {
	if t.KnowsExpired {
		return ""
	}
	return "a lease that is over is not recognized"
}

func ackSettles(s *Scene) {
	t, g := s.topic(4), s.group()
	s.send(t, s.messages(20)...)
	s.ack(s.collect(want(t, g), 20)...)
	s.noneWhile(rest, want(t, g), "it was acknowledged")
}

func eachLeaseHasItsAnswer(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.messages(3)...)
	ds := s.collect(want(t, g), 3)
	broken := ds[1].Lease
	broken.Token = "no token of this engine"
	errs := s.acks(s.engine(), ds[0].Lease, broken, ds[2].Lease)
	s.ok(errs[0], "ack the first")
	s.refused(errs[1], "ack with a broken token")
	s.ok(errs[2], "ack the third")
	s.expire(ds...)
	again := s.collect(want(t, g), 1)
	s.areExactly(again, ds[1].Message)
}

func ackOutOfOrder(s *Scene) {
	t, g := s.topic(1), s.group()
	ms := s.messages(9)
	s.send(t, ms...)
	ds := s.collect(want(t, g), 9)
	for _, i := range []int{8, 0, 4, 2, 6, 1} {
		s.ack(ds[i])
	}
	s.expire(ds...)
	left := s.collect(want(t, g), 3)
	s.areAll(left, ds[3].Message, ds[5].Message, ds[7].Message)
	s.ack(left...)
	s.noneWhile(rest, want(t, g), "all is acknowledged")
}

func secondAck(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.message())
	d := s.collect(want(t, g), 1)[0]
	s.ack(d)
	s.refused(s.ackOne(d.Lease), "a second ack", mq.Settled)
	s.expire(d)
	s.refused(s.ackOne(d.Lease), "a second ack after the lease", mq.Settled, mq.Expired)
}

func secondAckIsSilent(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.message())
	d := s.collect(want(t, g), 1)[0]
	s.ack(d)
	s.ok(s.ackOne(d.Lease), "a second ack")
	s.noneWhile(rest, want(t, g), "it was acknowledged")
}

func ackAfterLease(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	s.send(t, m)
	w := want(t, g, lasting(2*time.Second))
	d := s.collect(w, 1)[0]
	s.expire(d)
	s.refused(s.ackOne(d.Lease), "ack after the lease", mq.Expired)
	s.areExactly(s.collect(w, 1), m)
}

func ackAfterLeaseDoesNotStick(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	s.send(t, m)
	w := want(t, g, lasting(2*time.Second))
	d := s.collect(w, 1)[0]
	s.expire(d)
	again := s.collect(w, 1)
	s.areExactly(again, m)
	_ = s.ackOne(d.Lease) // the answer says nothing here
	s.expire(again...)
	s.areExactly(s.collect(w, 1), m)
}

func ackWithOldToken(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	s.send(t, m)
	w := want(t, g, lasting(2*time.Second))
	first := s.collect(w, 1)[0]
	s.expire(first)
	second := s.collect(w, 1)[0]
	if first.Lease.Token == second.Lease.Token {
		s.fatalf("two deliveries have one token")
	}
	s.refused(s.ackOne(first.Lease), "ack with the token of the first delivery", mq.Expired)
	_, err := s.extend(first.Lease, hold, mq.Keep)
	s.refused(err, "renewal with the token of the first delivery", mq.Expired)
	s.ack(second)
	s.noneWhile(rest, w, "the second delivery was acknowledged")
}

func ackForeignToken(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	s.send(t, m)
	d := s.collect(want(t, g), 1)[0]
	for _, token := range []string{"", "x", strings.Repeat("\x00", 16), strings.Repeat("\xff", 64), strings.Repeat("a", 4096), d.Lease.Token[:len(d.Lease.Token)/2]} {
		l := d.Lease
		l.Token = token
		s.refused(s.ackOne(l), "ack with a foreign token", mq.InvalidReceipt, mq.Expired)
		_, err := s.extend(l, hold, mq.Replace)
		s.refused(err, "change with a foreign token", mq.InvalidReceipt, mq.Expired)
	}
	s.expire(d)
	s.areExactly(s.collect(want(t, g), 1), m)
}

func ackWithAnotherGroupsToken(s *Scene) {
	t, mine, theirs := s.topic(1), s.group(), s.group()
	m := s.message()
	s.send(t, m)
	a, b := s.collect(want(t, mine), 1)[0], s.collect(want(t, theirs), 1)[0]
	s.ack(a)
	s.expire(b)
	s.areExactly(s.collect(want(t, theirs), 1), m) // mine did not settle theirs
	s.none(want(t, mine), "it was acknowledged here")
}

func sameLeaseTwice(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.message())
	d := s.collect(want(t, g), 1)[0]
	errs := s.acks(s.engine(), d.Lease, d.Lease)
	s.ok(errs[0], "ack")
	if errs[1] != nil && mq.KindOf(errs[1]) != mq.Settled {
		s.fatalf("the repeat in one call was answered with %v, want nil or settled", errs[1])
	}
	s.noneWhile(rest, want(t, g), "it was acknowledged")
}

// severalTopics: whoever keeps leases for many clients settles and renews them together.
func severalTopics(s *Scene) {
	var ds []mq.Delivery
	var wants []mq.Want
	short, long := 4*time.Second, 20*time.Second
	if !s.traits.VirtualTime { // six topics and groups take their time to make
		short, long = 20*time.Second, time.Minute
	}
	for i := range 6 {
		t, g := s.topic(2), s.group()
		if i%2 == 1 {
			g = s.group(ordered)
		}
		s.sendEach(t, s.messages(3, inGroup("order-1"))...)
		wants = append(wants, want(t, g, lasting(short)))
		ds = append(ds, s.collect(wants[i], 3)...)
	}
	for i, x := range s.engine().Extend(s.ctx, leases(ds...), long, mq.Keep) {
		s.ok(x.Err, "renew "+ds[i].Message.ID.String())
	}
	s.pass(short + time.Second)
	for i, err := range s.engine().DeadLetter(s.ctx, leases(ds[0], ds[5], ds[10]), "poison") {
		s.ok(err, fmt.Sprintf("dead letter %d", i))
	}
	ds = slices.Delete(ds, 10, 11)
	ds = slices.Delete(ds, 5, 6)
	s.ack(ds[1:]...)
	s.pass(rest)
	for _, w := range wants {
		s.none(w, "all is settled")
	}
}
