// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func extendCases() []Case {
	return []Case{
		{Name: "extend/keep-prolongs-and-the-first-token-settles", Play: keepProlongs},
		{Name: "extend/renewal-holds-for-long", Play: renewalHolds},
		{Name: "extend/replace-voids-the-old-token", Excluded: knowsExpired, Play: replaceVoids, Inverse: replaceMovesTheEnd},
		{Name: "extend/replace-prolongs", Play: replaceMovesTheEnd},
		{Name: "extend/replace-shortens", Play: replaceShortens},
		{Name: "extend/zero-frees-at-once", Play: zeroFrees},
		{Name: "extend/after-the-lease", Excluded: knowsExpired, Play: extendAfterLease},
		{Name: "extend/after-the-ack", Excluded: knowsSettled, Play: extendAfterAck},
		{Name: "extend/each-lease-has-its-answer", Play: eachExtendHasItsAnswer},
	}
}

func keepProlongs(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.message())
	first := s.leisurely(4 * time.Second)
	w := want(t, g, lasting(first))
	d := s.collect(w, 1)[0]
	s.pass(first / 2)
	before, more := s.now(), first+first/2
	now := s.extended(d.Lease, more, mq.Keep)
	if left := now.Until.Sub(before); left < more-time.Second {
		s.fatalf("the lease lasts %v more, extended by %v", left, more)
	}
	s.noneWhile(first, w, "the lease was prolonged")
	s.ok(s.ackOne(d.Lease), "ack with the first token after a renewal")
	s.noneWhile(rest, w, "it was acknowledged")
}

func renewalHolds(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	s.send(t, m)
	w := want(t, g, lasting(time.Minute), func(w *mq.Want) { w.Renew = true })
	d := s.collect(w, 1)[0]
	every, rounds, after := d.Keep, 10, 2*time.Minute
	if every == 0 {
		every = time.Minute // all granted at once: it holds without any renewal
	}
	if !s.traits.VirtualTime {
		every, rounds, after = min(every, 20*time.Second), 2, 20*time.Second
	}
	lease := d.Lease
	for range rounds {
		s.noneWhile(every, w, "the lease is being renewed")
		if d.Keep > 0 {
			lease = s.extended(lease, time.Minute, mq.Keep)
		}
	}
	s.ok(s.ackOne(d.Lease), "ack with the first token after renewals")
	s.noneWhile(after, w, "it was acknowledged")
}

func replaceVoids(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.message())
	d := s.collect(want(t, g), 1)[0]
	now := s.extended(d.Lease, hold, mq.Replace)
	if now.Token == d.Lease.Token {
		s.fatalf("the token is still the same after a change")
	}
	s.refused(s.ackOne(d.Lease), "ack with the replaced token", mq.Expired, mq.InvalidReceipt)
	s.ok(s.ackOne(now), "ack with the new token")
	s.noneWhile(rest, want(t, g), "it was acknowledged")
}

func replaceMovesTheEnd(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	s.send(t, m)
	first := s.leisurely(2 * time.Second)
	w := want(t, g, lasting(first))
	d := s.collect(w, 1)[0]
	now := s.extended(d.Lease, 4*first, mq.Replace)
	again := s.collect(w, 1, s.noneUntil(now.Until, w, "the lease was prolonged fourfold")...)
	s.areExactly(again, m)
	s.attemptsAre(2, again...)
}

func replaceShortens(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	s.send(t, m)
	w := want(t, g, lasting(time.Hour))
	d := s.collect(w, 1)[0]
	now := s.extended(d.Lease, 3*time.Second, mq.Replace)
	s.areExactly(s.collect(w, 1, s.noneUntil(now.Until, w, "the lease still has 3s")...), m)
}

func zeroFrees(s *Scene) {
	t := s.topic(1)
	m := s.message()
	s.send(t, m)
	for _, how := range []mq.KeepOrReplace{mq.Keep, mq.Replace} {
		g := s.group()
		d := s.collect(want(t, g), 1)[0]
		got := s.engine().Extend(s.ctx, []mq.Lease{d.Lease}, 0, how)
		s.ok(got[0].Err, "extend to zero")
		again := s.collect(want(t, g), 1)
		s.areExactly(again, m)
		s.attemptsAre(2, again...)
		s.ack(again...)
		s.noneWhile(rest, want(t, g), "it was acknowledged")
	}
}

func extendAfterLease(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	s.send(t, m)
	w := want(t, g, lasting(2*time.Second))
	d := s.collect(w, 1)[0]
	s.expire(d)
	for _, how := range []mq.KeepOrReplace{mq.Keep, mq.Replace} {
		_, err := s.extend(d.Lease, hold, how)
		s.refused(err, "extend after the lease", mq.Expired)
	}
	s.areExactly(s.collect(w, 1), m)
}

func extendAfterAck(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.message())
	d := s.collect(want(t, g), 1)[0]
	s.ack(d)
	for _, how := range []mq.KeepOrReplace{mq.Keep, mq.Replace} {
		_, err := s.extend(d.Lease, 0, how)
		s.refused(err, "extend after the ack", mq.Settled, mq.Expired)
	}
	s.noneWhile(rest, want(t, g), "it was acknowledged")
}

func eachExtendHasItsAnswer(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.messages(3)...)
	first := s.leisurely(4 * time.Second)
	w := want(t, g, lasting(first))
	ds := s.collect(w, 3)
	ls := leases(ds...)
	ls[1].Token = "no token of this engine"
	got := s.engine().Extend(s.ctx, ls, 5*first, mq.Replace)
	if len(got) != 3 {
		s.fatalf("%d answers for 3 leases", len(got))
	}
	s.ok(got[0].Err, "extend the first")
	s.refused(got[1].Err, "extend with a broken token")
	s.ok(got[2].Err, "extend the third")
	if got[1].Lease.Token != ls[1].Token {
		s.fatalf("a failed extension must give the old lease back")
	}
	s.pass(first + time.Second)
	s.areExactly(s.collect(w, 1), ds[1].Message)
	s.ok(s.ackOne(got[0].Lease), "ack the first")
	s.ok(s.ackOne(got[2].Lease), "ack the third")
}
