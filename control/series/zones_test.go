// SPDX-License-Identifier: Apache-2.0

package series_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/series"
	"github.com/causeway-mq/causeway/proxy/tally"
)

// stand is a proxy in a zone that tells a series what it counts.
type stand struct {
	zone  string
	count *tally.Tally
	after uint64
}

func (p *stand) tell(t *testing.T, s *series.Series) {
	t.Helper()
	r := p.count.Report(p.after)
	r.Proxy, r.Zone = "proxy-"+p.zone, p.zone
	if !s.Take(r) {
		t.Fatal("the report was not taken")
	}
	p.after = r.Number
}

func ways(f series.Flow) (all []string) {
	for _, w := range f.Ways {
		all = append(all, fmt.Sprintf("%v %q %q %q %.0f %.0f", w.Delivered, w.Produce, w.Store, w.Consume, w.Messages, w.Bytes))
	}
	return all
}

func TestWhatPassesBetweenZonesIsAddedUp(t *testing.T) {
	s := newScene(t)
	s.s.StoredIn(func(t series.Topic) string {
		if t.Name == orders {
			return "west"
		}
		return ""
	})
	west, east, nowhere := &stand{zone: "west", count: tally.New(s.clock)}, &stand{zone: "east", count: tally.New(s.clock)}, &stand{count: tally.New(s.clock)}
	if f := s.s.Flow(time.Minute); f.Known != 0 || len(f.Ways) != 0 {
		t.Errorf("before anybody told: %+v", f)
	}
	pass := func() {
		s.clock.Advance(10 * time.Second)
		for _, p := range []*stand{west, east, nowhere} {
			p.tell(t, s.s)
		}
	}
	pass()
	east.count.Stored(shop, orders, 100, 1000)
	pass()
	west.count.Delivered(read, 50, 500)
	east.count.Delivered(read, 20, 200)
	nowhere.count.Delivered(read, 10, 100)
	pass()
	s.clock.Advance(16 * time.Second)
	f := s.s.Flow(30 * time.Second)
	want := []string{`false "east" "west" "" 3 33`, `true "east" "west" "" 0 3`, `true "east" "west" "east" 1 7`, `true "east" "west" "west" 2 17`}
	if got := ways(f); !slices.Equal(got, want) || f.Known != 30*time.Second || f.To.Sub(f.From) != 30*time.Second {
		t.Errorf("%+v %v", got, f.Known)
	}
	// From now on messages come through two zones, so that nobody knows from which one those came that are handed out.
	west.count.Stored(shop, orders, 100, 1000)
	west.count.Stored(shop, refund, 10, 100)
	pass()
	west.count.Delivered(read, 100, 1000)
	pass()
	s.clock.Advance(36 * time.Second)
	f = s.s.Flow(50 * time.Second)
	if f.Known >= 50*time.Second || f.Known < 30*time.Second {
		t.Errorf("%v of 50s are known, the last two steps were not told of", f.Known)
	}
	for _, part := range []string{`false "west" "west" ""`, `false "west" "" ""`, `true "" "west" "west"`} {
		if !slices.ContainsFunc(ways(f), func(w string) bool { return len(w) > len(part) && w[:len(part)] == part }) {
			t.Errorf("no way %s in %v", part, ways(f))
		}
	}
}

func TestTheOrderOfAReportDoesNotCount(t *testing.T) {
	s := newScene(t)
	s.s.StoredIn(func(series.Topic) string { return "west" })
	s.clock.Advance(10 * time.Second)
	n := tally.Count{Messages: 10, Bytes: 100}
	s.s.Take(tally.Report{Proxy: "p", Zone: "west", Run: "r", Number: 1, Lines: []tally.Line{{Pair: read, Count: n}, {Pair: stored, Count: n}}})
	s.clock.Advance(16 * time.Second)
	want := []string{`false "west" "west" "" 1 10`, `true "west" "west" "west" 1 10`}
	if got := ways(s.s.Flow(10 * time.Second)); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
