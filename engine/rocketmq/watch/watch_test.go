// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/engine/rocketmq/watch"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// notification is one that a broker of the bench has parked.
type notification struct {
	address string
	most    time.Duration
	done    func(watch.Answer)
}

// bench is a list before two brokers that are played by the test.
type bench struct {
	*watch.List
	t      *testing.T
	time   *clock.Virtual
	parked []notification
	of     watch.Of
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, time: clock.NewVirtual(time.Unix(1764000000, 0))}
	name := func(s string) mq.Physical {
		p, err := mq.ParsePhysical(s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	b.of = watch.Of{Topic: name("topic"), Group: name("group")}
	route := &routes.Route{Readers: []string{"a", "b"}, Addresses: map[string]string{"a": "at-a", "b": "at-b"}}
	b.List = watch.New(watch.Options{
		Clock: b.time, Route: func(mq.Physical) (*routes.Route, bool) { return route, true },
		Notify: func(_ watch.Of, at routes.Post, most time.Duration, done func(watch.Answer)) {
			b.parked = append(b.parked, notification{at.Address, most, done})
		},
	})
	return b
}

// are demands how many notifications were parked so far, and gives the last one.
func (b *bench) are(n int, when string) notification {
	b.t.Helper()
	if len(b.parked) != n {
		b.t.Fatalf("%d notifications were parked %s, want %d", len(b.parked), when, n)
	}
	return b.parked[n-1]
}

func (b *bench) in(d time.Duration) time.Time { return b.time.Now().Add(d) }

// Who begins to wait has a notification that is parked later than all that were left behind before, and no more than one in each Settle.
func TestWhoBeginsToWaitHasAYoungNotification(t *testing.T) {
	b := newBench(t)
	b.Arm(b.of, b.in(time.Minute), func() {})()
	b.are(2, "at both brokers")
	b.time.Advance(2 * watch.Settle)
	disarm := b.Arm(b.of, b.in(time.Minute), func() {})
	b.are(4, "although two are under way, that nobody waits behind")
	defer b.Arm(b.of, b.in(time.Minute), func() {})()
	b.are(4, "for who waits beside another one")
	disarm()
	b.time.Advance(time.Second)
	b.are(4, "while somebody waits without a gap")
}

func TestManyShortWaitsParkFewNotifications(t *testing.T) {
	b := newBench(t)
	for range 100 {
		b.Arm(b.of, b.in(time.Minute), func() {})()
		b.time.Advance(watch.Settle / 10)
	}
	if n := len(b.parked); n > 2*11 {
		t.Errorf("%d notifications for 100 waits in 10 times Settle at two brokers", n)
	}
	n := len(b.parked)
	defer b.Arm(b.of, b.in(time.Minute), func() {})()
	b.time.Advance(watch.Settle)
	if len(b.parked) < n+2 {
		t.Error("the last one that waits has no notification of its own")
	}
}

// A notification ends with who waits for it; one that ends without a message is parked again while somebody waits.
func TestANotificationEndsWithWhoWaits(t *testing.T) {
	b := newBench(t)
	short := b.Arm(b.of, b.in(2*time.Second), func() {})
	if p := b.are(2, "at both brokers"); p.most < 2*time.Second || p.most > 2*time.Second+watch.Settle {
		t.Errorf("parked for %v for who waits for 2 s", p.most)
	}
	woken := 0
	long := b.Arm(b.of, b.in(time.Minute), func() { woken++ })
	b.are(2, "for who waits beside another one")
	b.time.Advance(2 * time.Second)
	short()
	b.parked[0].done(watch.Answer{})
	b.time.Advance(0)
	if p := b.are(3, "once one ended"); p.most != watch.Most || p.address != "at-a" {
		t.Errorf("parked for %v at %s", p.most, p.address)
	}
	b.parked[1].done(watch.Answer{Has: true})
	if woken != 1 {
		t.Errorf("woken %d times", woken)
	}
	long()
	b.parked[2].done(watch.Answer{})
	b.time.Advance(time.Minute)
	b.are(3, "and nobody waits")
}

// Who is about to go has nothing parked for it.
func TestNothingIsParkedForWhoIsAboutToGo(t *testing.T) {
	b := newBench(t)
	defer b.Arm(b.of, b.time.Now(), func() {})()
	if len(b.parked) > 0 {
		t.Errorf("%d notifications", len(b.parked))
	}
	defer b.Arm(b.of, time.Time{}, func() {})()
	if p := b.are(2, "for who does not tell when it goes"); p.most != watch.Most {
		t.Errorf("parked for %v", p.most)
	}
}
