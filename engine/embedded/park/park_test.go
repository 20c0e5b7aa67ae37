// SPDX-License-Identifier: Apache-2.0

package park_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/causeway-mq/causeway/engine/embedded/park"
	"github.com/causeway-mq/causeway/mq"
)

func name(s string) mq.Physical {
	p, err := mq.ParsePhysical(s)
	if err != nil {
		panic(err)
	}
	return p
}

func TestAMessageWakesOneOfEachGroupThatMatches(t *testing.T) {
	var lot park.Lot
	woken := map[string]int{}
	arm := func(who, group string, q mq.QueueID) func() {
		return lot.Arm(park.Want{Topic: name("t"), Group: name(group), Queue: q, Max: 1}, func() { woken[who]++ })
	}
	arm("any", "g", mq.AnyQueue)
	arm("same queue", "g", 3)
	arm("other queue", "g", 4)
	arm("other group", "h", mq.AnyQueue)
	lot.Arm(park.Want{Topic: name("u"), Group: name("g"), Queue: mq.AnyQueue, Max: 1}, func() { woken["other topic"]++ })
	lot.Arm(park.Want{Topic: name("t"), Queue: 3, From: 7}, func() { woken["pull"]++ })
	lot.Arm(park.Want{Topic: name("t"), Queue: 3, From: 8}, func() { woken["pull of later"]++ })

	left := lot.Arrived(name("t"), 3, 1, 8)
	for who, want := range map[string]int{"same queue": 1, "other group": 1, "pull": 1} {
		if woken[who] != want {
			t.Errorf("%s was woken %d times, want %d", who, woken[who], want)
		}
	}
	if len(woken) != 3 || len(left) != 1 || left[0] != name("g") {
		t.Errorf("woken %v, still waiting %v", woken, left)
	}
	if n := lot.Wake(name("t"), name("g"), 3, 9); n != 1 || woken["any"] != 1 || woken["other queue"] != 0 {
		t.Errorf("%d still wait, woken %v", n, woken)
	}
	if lot.Len() != 3 {
		t.Errorf("%d wait, want 3", lot.Len())
	}
}

func TestWhoCanTakeMoreIsWokenForMore(t *testing.T) {
	var lot park.Lot
	woken := 0
	for range 10 {
		lot.Arm(park.Want{Topic: name("t"), Group: name("g"), Queue: mq.AnyQueue, Max: 4}, func() { woken++ })
	}
	lot.Arrived(name("t"), 0, 9, 9)
	if woken != 3 {
		t.Fatalf("%d were woken for 9 messages, want 3", woken)
	}
}

func TestADisarmedWaiterIsNotWokenAndLeavesNothing(t *testing.T) {
	var lot park.Lot
	for range 200 {
		var woken, over atomic.Bool
		disarm := lot.Arm(park.Want{Topic: name("t"), Group: name("g"), Queue: 0, Max: 1}, func() {
			if over.Load() {
				t.Error("woken after disarm returned")
			}
			woken.Store(true)
		})
		var both sync.WaitGroup
		both.Go(func() { lot.Arrived(name("t"), 0, 1, 1) })
		disarm()
		over.Store(true)
		disarm()
		both.Wait()
		if lot.Len() != 0 || lot.Waits(name("t"), name("g")) {
			t.Fatal("something stayed")
		}
	}
}

func BenchmarkArmAndDisarm(b *testing.B) {
	var lot park.Lot
	for range 10_000 {
		lot.Arm(park.Want{Topic: name("t"), Group: name("g"), Queue: mq.AnyQueue, Max: 1}, func() {})
	}
	for b.Loop() {
		lot.Arm(park.Want{Topic: name("t"), Group: name("g"), Queue: mq.AnyQueue, Max: 1}, func() {})()
	}
}
