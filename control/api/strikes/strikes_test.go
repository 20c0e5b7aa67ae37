// SPDX-License-Identifier: Apache-2.0

package strikes

import (
	"fmt"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
)

const most = 10

func TestWhoFailsTooOftenWaitsOutHisMinute(t *testing.T) {
	now := clock.NewVirtual(time.Unix(0, 0))
	s := New(now, most)
	for range most {
		if w := s.Wait("192.0.2.1:5"); w != 0 {
			t.Fatalf("waits %v before the limit", w)
		}
		s.Note("192.0.2.1:4")
	}
	now.Advance(20 * time.Second)
	if w := s.Wait("[::ffff:192.0.2.1]:9"); w != 40*time.Second {
		t.Errorf("waits %v", w)
	}
	if w := s.Wait("192.0.2.2:5"); w != 0 {
		t.Errorf("a neighbour waits %v", w)
	}
	now.Advance(40 * time.Second)
	if w := s.Wait("192.0.2.1:5"); w != 0 {
		t.Errorf("after its minute it waits %v", w)
	}
}

func TestANetworkOfIPv6IsOneAddress(t *testing.T) {
	s := New(clock.NewVirtual(time.Unix(0, 0)), most)
	for i := range most {
		s.Note(fmt.Sprintf("[2001:db8::%x]:1", i))
	}
	if s.Wait("[2001:db8::ffff]:1") == 0 || s.Wait("[2001:db8:0:1::]:1") != 0 {
		t.Error("other addresses of the network, and only they, wait")
	}
}

func TestAFloodOfAddressesCostsNoMoreThanSoMany(t *testing.T) {
	now := clock.NewVirtual(time.Unix(0, 0))
	s := New(now, most)
	sweeps, before := 0, 0
	for i := range 10 * maxStrikers {
		s.Note(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255))
		if i == maxStrikers {
			now.Advance(Span)
		}
		if len(s.seen) > maxStrikers {
			t.Fatalf("%d are remembered", len(s.seen))
		}
		if len(s.seen) <= before {
			sweeps++
		}
		before = len(s.seen)
	}
	if sweeps > 100 {
		t.Errorf("%d addresses were looked through %d times", maxStrikers, sweeps)
	}
}
