// SPDX-License-Identifier: Apache-2.0

package clock_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
)

var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func TestVirtualFiresDueTimersInOrderWithinOneAdvance(t *testing.T) {
	v := clock.NewVirtual(start)
	var got []string
	note := func(name string) func() {
		return func() { got = append(got, fmt.Sprintf("%s@%s", name, v.Now().Sub(start))) }
	}
	v.AfterFunc(3*time.Second, note("c"))
	v.AfterFunc(time.Second, note("a1"))
	v.AfterFunc(time.Second, note("a2"))
	v.AfterFunc(2*time.Second, func() {
		note("b")()
		v.AfterFunc(500*time.Millisecond, note("nested"))
	})
	v.AfterFunc(time.Hour, note("never"))

	v.Advance(3 * time.Second)

	want := "[a1@1s a2@1s b@2s nested@2.5s c@3s]"
	if fmt.Sprint(got) != want {
		t.Fatalf("fired %v, want %v", got, want)
	}
	if v.Pending() != 1 || !v.Now().Equal(start.Add(3*time.Second)) {
		t.Fatalf("pending %d at %s", v.Pending(), v.Now())
	}
}

func TestVirtualStopAndReset(t *testing.T) {
	v := clock.NewVirtual(start)
	fired := 0
	timer := v.AfterFunc(time.Second, func() { fired++ })
	if !timer.Stop() || timer.Stop() {
		t.Fatal("Stop must report a pending timer once")
	}
	v.Advance(2 * time.Second)
	if fired != 0 {
		t.Fatal("a stopped timer fired")
	}
	if timer.Reset(time.Second) {
		t.Fatal("Reset of a stopped timer reported it pending")
	}
	if !timer.Reset(3 * time.Second) {
		t.Fatal("Reset of a pending timer reported it idle")
	}
	v.Advance(2 * time.Second)
	if fired != 0 {
		t.Fatal("Reset did not move the due time")
	}
	v.Advance(time.Second)
	if fired != 1 {
		t.Fatalf("fired %d times, want once", fired)
	}
}

func TestVirtualTimerChannelHoldsOneTick(t *testing.T) {
	v := clock.NewVirtual(start)
	timer := v.NewTimer(time.Second)
	v.Advance(time.Minute)
	select {
	case at := <-timer.C():
		if !at.Equal(start.Add(time.Second)) {
			t.Fatalf("tick says %s", at)
		}
	default:
		t.Fatal("no tick")
	}
	timer.Reset(time.Second)
	v.Advance(time.Second)
	timer.Reset(time.Second)
	select {
	case <-timer.C():
		t.Fatal("Reset left a stale tick behind")
	default:
	}
}

func TestVirtualIsSafeForConcurrentUse(t *testing.T) {
	v := clock.NewVirtual(start)
	var wg sync.WaitGroup
	var mu sync.Mutex
	fired := 0
	for range 4 {
		wg.Go(func() {
			for range 200 {
				v.AfterFunc(time.Millisecond, func() { mu.Lock(); fired++; mu.Unlock() })
				v.Advance(time.Millisecond)
			}
		})
	}
	wg.Wait()
	v.Advance(time.Second)
	if fired != 800 || v.Pending() != 0 {
		t.Fatalf("fired %d, pending %d", fired, v.Pending())
	}
}

func TestSystemClockFires(t *testing.T) {
	c := clock.System()
	done := make(chan struct{})
	c.AfterFunc(time.Millisecond, func() { close(done) })
	timer := c.NewTimer(time.Millisecond)
	for _, ch := range []func() bool{
		func() bool { <-done; return true },
		func() bool { <-timer.C(); return true },
	} {
		if !ch() {
			t.Fatal("no tick")
		}
	}
	if c.Now().IsZero() {
		t.Fatal("no time")
	}
}

func TestARestEndsWithItsTimeOrItsContext(t *testing.T) {
	v := clock.NewVirtual(time.Unix(0, 0))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, end := range []struct {
		by   func()
		want error
	}{{func() { v.Advance(time.Second) }, nil}, {cancel, context.Canceled}} {
		over := make(chan error, 1)
		go func() { over <- clock.Rest(ctx, v, time.Second) }()
		bound, pulse := time.NewTimer(time.Minute), time.NewTicker(time.Millisecond)
		for v.Pending() == 0 {
			select {
			case <-pulse.C:
			case <-bound.C:
				t.Fatal("nobody rests")
			}
		}
		end.by()
		select {
		case err := <-over:
			if !errors.Is(err, end.want) {
				t.Errorf("%v, want %v", err, end.want)
			}
		case <-bound.C:
			t.Fatal("the rest does not end")
		}
		bound.Stop()
		pulse.Stop()
		if v.Pending() != 0 {
			t.Error("its timer goes on")
		}
	}
}
