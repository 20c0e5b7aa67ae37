// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/causeway-mq/causeway/internal/testkit/prop"

	"github.com/causeway-mq/causeway/engine/embedded/lease"
)

func offsets(entries []lease.Entry) (list []int64) {
	for _, e := range entries {
		list = append(list, e.Offset)
	}
	return list
}

func TestAMessageGoesThroughItsLife(t *testing.T) {
	l := lease.New(false, 10)
	l.Grant(10, 0, 100, 1)
	l.Skip(11)
	steps := []struct {
		what   string
		do     func()
		now    int64
		seq    uint64
		status lease.Status
		free   bool
	}{
		{"granted", func() {}, 50, 1, lease.Live, false},
		{"another token", func() {}, 50, 9, lease.Expired, false},
		{"its end", func() {}, 100, 1, lease.Expired, true},
		{"granted again", func() { l.Grant(10, 0, 200, 2) }, 100, 1, lease.Expired, false},
		{"its new token", func() {}, 100, 2, lease.Live, false},
		{"kept", func() { l.Extend(10, 300, 0) }, 250, 2, lease.Live, false},
		{"replaced", func() { l.Extend(10, 310, 3) }, 250, 2, lease.Expired, false},
		{"the token that replaced it", func() {}, 250, 3, lease.Live, false},
		{"given back", func() { l.Extend(10, 250, 0) }, 250, 3, lease.Expired, true},
		{"settled", func() { l.Settle(10) }, 250, 3, lease.Settled, false},
	}
	for _, s := range steps {
		s.do()
		if got := l.Check(10, s.seq, s.now); got != s.status {
			t.Fatalf("%s: status %d, want %d", s.what, got, s.status)
		}
		if got := l.HasFree(s.now); got != s.free {
			t.Fatalf("%s: free %v, want %v", s.what, got, s.free)
		}
	}
	if l.Check(11, 1, 0) != lease.Expired || l.Floor() != 11 {
		t.Fatal("what was never looked at is neither leased nor settled")
	}
}

func TestALaneWithALiveLeaseGivesNothingAndOthersGoOn(t *testing.T) {
	const a, b = 1, 2
	l := lease.New(true, 0)
	l.Grant(0, a, 100, 1)
	l.SetAttempt(a, "first")
	l.Wait(1, a)
	l.Wait(2, b)
	l.Wait(3, a)
	l.Skip(4)
	if got := offsets(l.Free(50, 9, nil)); !slices.Equal(got, []int64{2}) {
		t.Fatalf("free beside a blocked lane: %v", got)
	}
	if got := offsets(l.Attempt("first", 50, nil)); !slices.Equal(got, []int64{0}) {
		t.Fatalf("the attempt's run: %v", got)
	}
	if got := offsets(l.Free(100, 9, nil)); !slices.Equal(got, []int64{0, 1, 3}) {
		t.Fatalf("free when the lease is over: %v", got)
	}
	if got := l.Attempt("first", 100, nil); got != nil {
		t.Fatalf("the attempt's run when it is over: %v", got)
	}
	l.Grant(0, a, 200, 2)
	l.Grant(1, a, 200, 2)
	l.SetAttempt(a, "second")
	l.Extend(0, 100, 0)
	if l.Blocked(a, 150) != true {
		t.Fatal("a lane is blocked while the rest of its run is leased")
	}
	if got := l.Attempt("second", 150, nil); got != nil {
		t.Fatalf("a repeated attempt must not skip what was given back: %v", got)
	}
	l.Settle(1)
	if got := offsets(l.Free(150, 9, nil)); !slices.Equal(got, []int64{0, 3}) {
		t.Fatalf("what was given back comes first: %v", got)
	}
}

// plain is a ledger said simply.
type plain struct {
	next int64
	open map[int64]lease.Entry
}

func (p *plain) free(now int64, ordered bool, limit int) (list []int64) {
	blocked := map[uint64]bool{}
	var all []int64
	for o, e := range p.open {
		if e.Until > now {
			blocked[e.Order] = true
		} else {
			all = append(all, o)
		}
	}
	slices.Sort(all)
	lane, chosen := uint64(0), false
	for _, o := range all {
		if ordered {
			order := p.open[o].Order
			if blocked[order] || chosen && order != lane {
				continue
			}
			lane, chosen = order, true
		}
		if len(list) < limit {
			list = append(list, o)
		}
	}
	return list
}

func TestALedgerDoesWhatAPlainMapDoes(t *testing.T) {
	prop.Check(t, func(t *prop.T) {
		ordered := prop.Bool().Draw(t, "ordered")
		l, p := lease.New(ordered, 0), &plain{open: map[int64]lease.Entry{}}
		now, seq := int64(1), uint64(0)
		pick := func() int64 { return prop.Int64Range(0, max(p.next-1, 0)).Draw(t, "offset") }
		t.Repeat(map[string]func(*prop.T){
			"unseen": func(t *prop.T) {
				order := uint64(prop.IntRange(0, 2).Draw(t, "order"))
				if prop.Bool().Draw(t, "wait") {
					l.Wait(p.next, order)
					p.open[p.next] = lease.Entry{Offset: p.next, Order: order}
				} else {
					seq++
					until := now + prop.Int64Range(1, 9).Draw(t, "hold")
					l.Grant(p.next, order, until, seq)
					p.open[p.next] = lease.Entry{Offset: p.next, Order: order, Until: until, Seq: seq, Attempt: 1}
				}
				p.next++
				l.Skip(p.next)
			},
			"free": func(t *prop.T) {
				limit := prop.IntRange(1, 4).Draw(t, "limit")
				got, want := offsets(l.Free(now, limit, nil)), p.free(now, ordered, limit)
				if !slices.Equal(got, want) {
					t.Fatalf("free %v, want %v", got, want)
				}
				for _, o := range got {
					seq++
					l.Grant(o, 77, now+5, seq)
					e := p.open[o]
					e.Attempt, e.Until, e.Seq = e.Attempt+1, now+5, seq
					p.open[o] = e
				}
			},
			"settle": func(*prop.T) {
				o := pick()
				_, want := p.open[o]
				if got := l.Settle(o); got != want {
					t.Fatalf("settle %d: %v, want %v", o, got, want)
				}
				delete(p.open, o)
			},
			"extend": func(*prop.T) {
				o := pick()
				until := now + prop.Int64Range(0, 5).Draw(t, "for")
				if e, ok := p.open[o]; l.Extend(o, until, 0) != ok {
					t.Fatalf("extend %d", o)
				} else if ok {
					e.Until = until
					p.open[o] = e
				}
			},
			"time": func(*prop.T) { now += prop.Int64Range(1, 6).Draw(t, "passes") },
			"expire": func(t *prop.T) {
				if prop.IntRange(0, 9).Draw(t, "rarely") > 0 {
					return
				}
				lo := pick()
				keep := l.LeasedBelow(lo, now)
				l.Expire(lo, keep)
				for o := range p.open {
					if o < lo && !slices.Contains(keep, o) {
						delete(p.open, o)
					}
				}
			},
			"load": func(*prop.T) {
				copied := lease.New(ordered, 0)
				copied.Load(l.Next(), l.Entries())
				for _, a := range l.Attempts() {
					copied.SetAttempt(a.Order, a.Name)
				}
				l = copied
			},
			"": func(t *prop.T) {
				entries := l.Entries()
				if len(entries) != len(p.open) {
					t.Fatalf("%d entries, want %d", len(entries), len(p.open))
				}
				for _, e := range entries {
					if !reflect.DeepEqual(e, p.open[e.Offset]) {
						t.Fatalf("entry %+v, want %+v", e, p.open[e.Offset])
					}
				}
			},
		})
	})
}

func BenchmarkGrantAndSettle(b *testing.B) {
	for _, open := range []int{100, 10_000} {
		b.Run(fmt.Sprint(open), func(b *testing.B) {
			l := lease.New(false, 0)
			for i := range int64(b.N) {
				l.Grant(i, 0, i+1000, uint64(i))
				l.Skip(i + 1)
				l.Settle(i - int64(open))
			}
		})
	}
}
