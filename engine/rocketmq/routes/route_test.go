// SPDX-License-Identifier: Apache-2.0

package routes

import (
	"fmt"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Apache's proxy chooses by Guava's consistentHash over String.hashCode; these are its own results.
func TestTheQueueOfAMessageGroupIsApaches(t *testing.T) {
	for _, c := range []struct {
		group   string
		buckets int
		hash    int32
		want    int
	}{
		{"order-1", 1, -1207111310, 0}, {"order-1", 7, -1207111310, 3}, {"order-1", 64, -1207111310, 3}, {"order-1", 1000, -1207111310, 489},
		{"k", 2, 107, 1}, {"k", 64, 107, 46}, {"k", 1000, 107, 953}, {"Ünï", 7, 215069, 6}, {"Ünï", 1000, 215069, 824},
		{"😀 emoji", 64, -1572615351, 51}, {"😀 emoji", 1000, -1572615351, 762}, {"a-much-longer-message-group-name-0123456789", 64, 1485724323, 43},
	} {
		if h := javaHash(c.group); h != c.hash {
			t.Errorf("%q hashes to %d, want %d", c.group, h, c.hash)
		}
		if got := jump(int64(c.hash), c.buckets); got != c.want {
			t.Errorf("%q goes to queue %d of %d, want %d", c.group, got, c.buckets, c.want)
		}
	}
}

// While a broker is away its lanes wait: elsewhere they would be read before what lies in its own queues.
func TestALaneWaitsForItsBroker(t *testing.T) {
	both := func() *Route {
		r := &Route{}
		for _, broker := range []string{"a", "b"} {
			for q := range int32(4) {
				r.Writable = append(r.Writable, Place{broker, q})
			}
		}
		return r
	}
	alone := func() *Route { return &Route{Writable: both().Writable[4:]} }
	now := time.Unix(1764000000, 0)
	r := both()
	seen := lanesOf(r, nil, now)
	var group mq.MessageGroup
	var home Place
	for i := 0; home.Broker != "a"; i++ {
		var err error
		if group, err = mq.ParseMessageGroup(fmt.Sprint("lane-", i)); err != nil {
			t.Fatal(err)
		}
		home, _ = r.Pick(group, "")
	}
	r = alone()
	seen = lanesOf(r, seen, now.Add(time.Minute))
	if at, ok := r.Pick(group, ""); ok || at != home {
		t.Errorf("a lane of a broker that is away goes to %v, %v", at, ok)
	}
	if at, ok := r.Pick(mq.MessageGroup{}, ""); !ok || at.Broker != "b" {
		t.Errorf("what has no lane goes to %v, %v", at, ok)
	}
	r = both()
	seen = lanesOf(r, seen, now.Add(2*time.Minute))
	if at, ok := r.Pick(group, ""); !ok || at != home {
		t.Errorf("the broker is back, and the lane goes to %v, %v", at, ok)
	}
	r = alone()
	lanesOf(r, seen, now.Add(2*time.Minute+LaneMemory))
	if at, ok := r.Pick(group, ""); !ok || at.Broker != "b" {
		t.Errorf("the broker is gone for good, and the lane goes to %v, %v", at, ok)
	}
	r = both()
	r.Writable = r.Writable[:6] // b says that it has two queues now
	lanesOf(r, seen, now.Add(3*time.Minute))
	if len(r.Lanes) != 6 {
		t.Errorf("%d lanes", len(r.Lanes))
	}
}
