// SPDX-License-Identifier: Apache-2.0

package outage_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/test/crowd"
)

// The control plane and its database are away for the whole run: no call fails because of it, a proxy that is restarted meanwhile serves from disk, and
// afterwards all have one version.
func TestNoCallFailsWhileTheControlPlaneAndItsDatabaseAreAway(t *testing.T) {
	h := build(t)
	disk1, disk2, ids := memfs.New(), memfs.New(), &crowd.IDs{}
	one, two := h.open(disk1), h.open(disk2)
	key := h.provide("pay")
	l1, l2 := begin(t, one, "host@1", key, ids), begin(t, two, "host@2", key, ids)
	l1.goesOn(t, 50)
	l2.goesOn(t, 50)
	h.plane.kill()
	l1.goesOn(t, 100)
	l2.goesOn(t, 100)
	l2.ends(t, "second proxy, until its restart")
	two.Kill()
	two = h.open(disk2)
	if s := two.source.Status(); !s.Heard.IsZero() || s.Version != one.source.Status().Version {
		t.Errorf("the restarted proxy has %+v", s)
	}
	l2 = begin(t, two, "host@3", key, ids)
	l2.goesOn(t, 100)
	l1.goesOn(t, 100)
	h.again()
	h.provide("new")
	all := func(version catalog.Version) bool {
		return one.source.Status().Version == version && two.source.Status().Version == version && one.source.Status().Epoch == two.source.Status().Epoch
	}
	crowd.Eventually(t, "all have one version", func() bool { _, v := h.plane.feed.Now(); return all(v) })
	l1.goesOn(t, 50)
	l2.goesOn(t, 50)
	l1.ends(t, "first proxy")
	l2.ends(t, "second proxy, after its restart")
}

// waiting is a call that waits for messages, and when it was answered.
type waiting struct {
	status v2.Code
	at     time.Time
}

// A key that is revoked is let in nowhere five seconds later, and what was open by it is closed: streams, and calls that wait for messages.
func TestARevocationReachesEveryProxyAndWhatIsOpenWithinFiveSeconds(t *testing.T) {
	h := build(t)
	doors := []*door{h.open(memfs.New()), h.open(memfs.New()), h.open(memfs.New())}
	key, other := h.provide("pay"), h.provide("ship")
	streams, polls := make(chan waiting, len(doors)), make(chan waiting, len(doors))
	var clients []*crowd.Client
	untouched := make(chan waiting, 1)
	var calls sync.WaitGroup
	t.Cleanup(calls.Wait)
	receive := func(c *crowd.Client, to chan<- waiting) {
		calls.Go(func() {
			_, err := c.Receive(crowd.Receiving{Topic: "orders", Group: "billing", Max: 1, Hold: 30 * time.Second, Poll: 9 * time.Second})
			var refused crowd.StatusError
			if errors.As(err, &refused) {
				to <- waiting{refused.GetCode(), time.Now()}
			}
		})
	}
	for i, d := range doors {
		c := crowd.Dial(t, d, "host@"+string(rune('a'+i)))
		c.Key = key
		err := c.Listen(crowd.PushConsumerOf("billing", "orders"), func(m *v2.TelemetryCommand) {
			if m.GetStatus().GetCode() == v2.Code_UNAUTHORIZED {
				streams <- waiting{m.GetStatus().GetCode(), time.Now()}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		receive(c, polls)
		clients = append(clients, c)
	}
	bystander := crowd.Dial(t, doors[0], "host@z")
	bystander.Key = other
	receive(bystander, untouched)
	crowd.Eventually(t, "the calls wait", func() bool {
		return doors[0].gate.Waiting() == 2 && doors[1].gate.Waiting() == 1 && doors[2].gate.Waiting() == 1
	})
	begun := time.Now()
	if err := h.plane.RevokeKey(t.Context(), ada(), crowd.Must(mq.ParseTenant("pay")), crowd.Must(control.ParseApplicationName("app")), key[0]); err != nil {
		t.Fatal(err)
	}
	answered := time.Since(begun)
	var latest time.Duration
	for range doors {
		for what, from := range map[string]chan waiting{"a stream": streams, "a call that waits": polls} {
			select {
			case w := <-from:
				if w.status != v2.Code_UNAUTHORIZED {
					t.Errorf("%s: %v", what, w.status)
				}
				latest = max(latest, w.at.Sub(begun))
			case <-time.After(5 * time.Second):
				t.Fatalf("%s is open five seconds later", what)
			}
		}
	}
	for _, c := range clients {
		if _, err := c.Send(crowd.Letter("orders", "01"+"AB", "x")); err == nil {
			t.Error("a revoked key sends")
		}
	}
	select {
	case w := <-untouched:
		t.Errorf("another tenant's call was answered: %v", w.status)
	default:
	}
	if latest > 5*time.Second {
		t.Errorf("the last one was closed after %v", latest)
	}
	t.Logf("revoked after %v, the last of %d streams and calls closed after %v", answered.Round(time.Millisecond), 2*len(doors), latest.Round(time.Millisecond))
}

// The same by a clock that stands still from the revocation on: nothing between the control plane and what is open waits for time to pass, so that the five seconds are
// left to the network and the processors.
func TestARevocationWaitsForNoTimeToPass(t *testing.T) {
	virtual := clock.NewVirtual(time.Now())
	h := buildBy(t, virtual)
	stop := pass(t, virtual)
	doors := []*door{h.open(memfs.New()), h.open(memfs.New())}
	key := h.provide("pay")
	crowd.Eventually(t, "every proxy has it all and asks for more", func() bool {
		_, version := h.plane.feed.Now()
		for _, d := range doors {
			if d.source.Status().Version != version || d.asks.under.Load() == 0 {
				return false
			}
		}
		return true
	})
	closed := make(chan v2.Code, 2*len(doors))
	var calls sync.WaitGroup
	t.Cleanup(calls.Wait)
	for i, d := range doors {
		c := crowd.Dial(t, d, fmt.Sprint("host@", i))
		c.Key = key
		err := c.Listen(crowd.PushConsumerOf("billing", "orders"), func(m *v2.TelemetryCommand) {
			if s := m.GetStatus(); s != nil {
				closed <- s.GetCode()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		calls.Go(func() {
			_, err := c.Receive(crowd.Receiving{Topic: "orders", Group: "billing", Max: 1, Hold: 30 * time.Second, Poll: 9 * time.Second})
			var refused crowd.StatusError
			if errors.As(err, &refused) {
				closed <- refused.GetCode()
			}
		})
	}
	crowd.Eventually(t, "the calls wait", func() bool { return doors[0].gate.Waiting() == 1 && doors[1].gate.Waiting() == 1 })
	stop()
	before := virtual.Now()
	revoked := make(chan error, 1)
	go func() { // answered once the proxies ask again, after the rest that follows each catalog
		revoked <- h.plane.RevokeKey(context.Background(), ada(), crowd.Must(mq.ParseTenant("pay")), crowd.Must(control.ParseApplicationName("app")), key[0])
	}()
	for range cap(closed) {
		select {
		case code := <-closed:
			if code != v2.Code_UNAUTHORIZED {
				t.Errorf("closed with %v", code)
			}
		case <-time.After(time.Minute):
			t.Fatal("something is open though the key was revoked")
		}
	}
	if now := virtual.Now(); !now.Equal(before) {
		t.Fatalf("the clock went on by %v", now.Sub(before))
	}
	pass(t, virtual)
	if err := <-revoked; err != nil {
		t.Error(err)
	}
}

// pass lets a virtual clock go on, until the end of the test or until the function that it gives is called.
func pass(t *testing.T, v *clock.Virtual) (stop func()) {
	t.Helper()
	over := make(chan struct{})
	var passing sync.WaitGroup
	passing.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				v.Advance(50 * time.Millisecond)
			case <-over:
				return
			}
		}
	})
	stop = sync.OnceFunc(func() { close(over); passing.Wait() })
	t.Cleanup(stop)
	return stop
}
