// SPDX-License-Identifier: Apache-2.0

package consume

import (
	"log/slog"
	"testing"
	"time"
	"unsafe"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// An ordered group's attempt that is repeated gets the same leases with the same tokens, and the repetition may come from
// another client.
func TestALeaseThatTwoClientsWereGivenIsReleasedOnce(t *testing.T) {
	b := newBench(t)
	b.setAlive(client("a"), true)
	b.setAlive(client("b"), true)
	same := delivery(1, 20*time.Second)
	for _, who := range []string{"a", "b"} {
		b.engine.arrive(same)
		req := request(true, 0)
		req.Client = client(who)
		if r := <-b.receive(t.Context(), req); len(r.granted) != 1 {
			t.Fatalf("granted %d", len(r.granted))
		}
	}
	if err := b.Ack(t.Context(), []mq.Lease{same.Lease})[0]; err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if cause := recover(); cause != nil {
				b.renewals.mu.Unlock() // lest the test hang as the proxy would
				t.Errorf("the proxy panics, and holds the lock that every acknowledgement needs: %v", cause)
			}
		}()
		b.ClientGone(client("a"))
	}()
	if n := b.Renewing(); n != 0 {
		t.Fatalf("renewing %d", n)
	}
}

// What one client holds now is not freed because another, which held it before, goes.
func TestALeaseIsReleasedByTheClientThatHoldsIt(t *testing.T) {
	b := newBench(t)
	b.setAlive(client("b"), true)
	same := delivery(1, 20*time.Second)
	for _, who := range []string{"a", "b"} {
		b.engine.arrive(same)
		req := request(true, 0)
		req.Client = client(who)
		<-b.receive(t.Context(), req)
	}
	b.ClientGone(client("a"))
	if n := b.Renewing(); n != 1 {
		t.Fatalf("renewing %d, want the one of client b", n)
	}
}

// A repeated attempt of the same client is renewed once an interval, not once for each repetition.
func TestARepeatedDeliveryIsRenewedOnce(t *testing.T) {
	b := newBench(t)
	b.setAlive(client("a"), true)
	same := delivery(1, 20*time.Second)
	for range 5 {
		b.engine.arrive(same)
		<-b.receive(t.Context(), request(true, 0))
	}
	b.pass(t, 21*time.Second)
	b.happens(t)
	if ex := b.engine.extensions(); len(ex) != 1 {
		t.Fatalf("%d extensions in one interval, want 1", len(ex))
	}
}

// stepped is a clock whose date can be set while its monotonic reading goes on, as on a real machine.
type stepped struct {
	clock.Clock
	at      time.Time // with a monotonic reading
	seconds int64
}

func (s *stepped) Now() time.Time {
	t := s.at
	*(*uint64)(unsafe.Pointer(&t)) += uint64(s.seconds) << 30
	return t
}

// Somebody sets the date back; leases are renewed all the same.
func TestRenewalGoesOnWhenTheDateIsSetBack(t *testing.T) {
	c := &stepped{at: time.Now()}
	r := newRenewals(c, func(session.ID) bool { return true }, slog.New(slog.DiscardHandler))
	r.hold(client("a"), []mq.Delivery{delivery(1, 20*time.Second)})
	last := r.second(c.Now())
	c.seconds = -3600
	renewed := 0
	for range 60 { // the lease is over after 60 s
		c.at = c.at.Add(time.Second)
		now := c.Now()
		renewed += len(r.takeDue(last, now))
		last = r.second(now)
	}
	if renewed == 0 {
		t.Fatal("not renewed once in 60 s: the lease ran out in its holder's hands")
	}
}

// The date is corrected from 1970, as on machines without a battery; nobody waits for seconds because of it.
func TestRenewalDoesNotCountEverySecondOfAJump(t *testing.T) {
	least := time.Hour
	for range 5 { // a busy machine may take the processor away in one of them
		c := &stepped{at: time.Now()}
		r := newRenewals(c, func(session.ID) bool { return true }, slog.New(slog.DiscardHandler))
		r.hold(client("a"), []mq.Delivery{delivery(1, 20*time.Second)})
		last := r.second(c.Now())
		c.seconds = 100_000_000 // 3 years; from 1970 it would be 18 times as long
		began := time.Now()
		r.takeDue(last, c.Now())
		least = min(least, time.Since(began))
	}
	if least > 100*time.Millisecond {
		t.Fatalf("the lock was held for %v", least)
	}
}
