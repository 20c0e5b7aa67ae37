// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/testkit/prop"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/mq"
)

func topic(t testing.TB, name string) mq.Physical {
	t.Helper()
	p, err := mq.ParsePhysical(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Whatever is added, asked, settled, carried and restored: the table gives what a look through a plain list would give.
func TestTableAnswersAsAPlainListWould(t *testing.T) {
	topics := []mq.Physical{topic(t, "a"), topic(t, "b%c"), topic(t, "d")}
	prop.Check(t, func(rt *prop.T) {
		policy := Policy{Every: 10, Rounds: 3}
		table, model := New(policy), map[log.Position]Half{}
		next := log.Position(1)
		someone := func() log.Position {
			ids := append(slices.Sorted(maps.Keys(model)), next)
			return prop.SampledFrom(ids).Draw(rt, "half")
		}
		now := func() int64 { return prop.Int64Range(0, 60).Draw(rt, "now") }
		rt.Repeat(map[string]func(*prop.T){
			"put": func(rt *prop.T) {
				h := Half{ID: next, At: next, Topic: prop.SampledFrom(topics).Draw(rt, "topic"), Born: now(), Next: now()}
				next++
				table.Put(h)
				model[h.ID] = h
			},
			"put again": func(rt *prop.T) {
				if h, ok := model[someone()]; ok {
					h.Next, h.Round = now(), 1
					table.Put(h)
					model[h.ID] = h
				}
			},
			"settle": func(rt *prop.T) {
				id := someone()
				_, ok := model[id]
				if table.Settle(id) != ok || table.Settle(id) {
					rt.Fatalf("settle %d: want %v once", id, ok)
				}
				delete(model, id)
			},
			"asked": func(rt *prop.T) {
				id, at := someone(), now()
				h, ok := model[id]
				h.Round, h.Next = h.Round+1, at+10
				got, did := table.Asked(id, at)
				if did != ok || ok && got != h {
					rt.Fatalf("asked %d: %+v, %v; want %+v, %v", id, got, did, h, ok)
				}
				if ok {
					model[id] = h
				}
			},
			"restore": func(rt *prop.T) {
				table = restored(rt, table, policy)
			},
			"": func(rt *prop.T) {
				at, limit := now(), prop.IntRange(0, 6).Draw(rt, "limit")
				if err := compare(table, model, at, limit, topics); err != nil {
					rt.Fatal(err)
				}
			},
		})
	})
}

func restored(t interface{ Fatalf(string, ...any) }, table *Table, p Policy) *Table {
	var b bytes.Buffer
	if err := table.Snapshot(&b); err != nil {
		t.Fatalf("snapshot: %v", err)
	}
	b.WriteString("what follows")
	again, err := Restore(p, &b)
	if err != nil || b.String() != "what follows" {
		t.Fatalf("restore: %v, %d bytes left", err, b.Len())
	}
	return again
}

func compare(table *Table, model map[log.Position]Half, at int64, limit int, topics []mq.Physical) error {
	var all []Half
	table.Each(func(h Half) bool { all = append(all, h); return true })
	sorted := slices.SortedFunc(maps.Values(model), byID)
	if !slices.Equal(all, sorted) || table.Len() != len(model) {
		return fmt.Errorf("halves %v, want %v", all, sorted)
	}
	slices.SortStableFunc(sorted, func(a, b Half) int { return cmp.Compare(a.Next, b.Next) })
	var over []Half
	first, spent := int64(0), false
	for _, h := range sorted {
		if h.Round < 3 {
			continue
		}
		if !spent {
			first, spent = h.Next, true
		}
		if h.Next <= at {
			over = append(over, h)
		}
	}
	if got := table.GivenUp(at, limit, nil); !slices.Equal(got, over[:min(len(over), limit)]) {
		return fmt.Errorf("given up at %d: %v, want %v up to %d", at, got, over, limit)
	}
	if next, ok := table.NextGivenUp(); ok != spent || next != first {
		return fmt.Errorf("next given up at %d, %v; want %d, %v", next, ok, first, spent)
	}
	for _, topic := range topics {
		var due []Half
		for _, h := range sorted {
			if h.Topic == topic && h.Next <= at && h.Round < 3 {
				due = append(due, h)
			}
		}
		if got := table.Due(topic, at, limit, nil); !slices.Equal(got, due[:min(len(due), limit)]) {
			return fmt.Errorf("due of %v at %d: %v, want %v up to %d", topic, at, got, due, limit)
		}
	}
	var stale []Half
	for _, h := range slices.SortedFunc(maps.Values(model), byID) {
		if h.Born < at {
			stale = append(stale, h)
		}
		if got, ok := table.Get(h.ID); !ok || got != h {
			return fmt.Errorf("get %d: %+v, %v; want %+v", h.ID, got, ok, h)
		}
	}
	if got := table.Stale(at, nil); !slices.Equal(got, stale) {
		return fmt.Errorf("stale at %d: %v, want %v", at, got, stale)
	}
	return nil
}

// A half is asked for every interval, so many times, and is given up an interval after the last question.
func TestAHalfIsAskedForAndGivenUp(t *testing.T) {
	orders := topic(t, "orders")
	table := New(Policy{})
	second := int64(time.Second)
	table.Put(Half{ID: 8, At: 8, Topic: orders, Next: 6 * second})
	var asked []int64
	for now := int64(0); ; now += second {
		if now > int64(time.Hour) {
			t.Fatal("not given up within an hour")
		}
		for _, h := range table.Due(orders, now, 10, nil) {
			table.Asked(h.ID, now)
			asked = append(asked, now/second)
		}
		if given := table.GivenUp(now, 10, nil); len(given) > 0 {
			if len(asked) != DefaultRounds || now/second != asked[len(asked)-1]+30 {
				t.Fatalf("given up at %d s after the checks at %v s", now/second, asked)
			}
			break
		}
	}
	for i, at := range asked {
		if at != 6+30*int64(i) {
			t.Fatalf("checks at %v s, want 6 s and every 30 s", asked)
		}
	}
}

// Halves that are overdue in a topic without producers are not looked at when others are given up.
func TestGivingUpPassesOverWhatNobodyIsAskedFor(t *testing.T) {
	table := New(Policy{Every: time.Second, Rounds: 1})
	for id := log.Position(1); id <= 1000; id++ {
		table.Put(Half{ID: id, Topic: topic(t, "deserted")})
	}
	table.Put(Half{ID: 2000, Topic: topic(t, "orders"), Round: 1, Next: 5})
	if got := table.GivenUp(4, 10, nil); len(got) != 0 {
		t.Fatalf("given up too early: %v", got)
	}
	if got := table.GivenUp(5, 10, nil); len(got) != 1 || got[0].ID != 2000 {
		t.Fatalf("given up %v, want the one that was asked for", got)
	}
	if len(table.spent) != 1 || len(table.topics) != 1 {
		t.Fatalf("%d spent halves and %d topics, want one each", len(table.spent), len(table.topics))
	}
}

func TestDamagedSnapshotsAreRefused(t *testing.T) {
	table := New(Policy{})
	for id := log.Position(1); id <= 3; id++ {
		table.Put(Half{ID: id, At: id, Topic: topic(t, "t")})
	}
	var b bytes.Buffer
	if err := table.Snapshot(&b); err != nil {
		t.Fatal(err)
	}
	const first = snapshotHeader
	for name, change := range map[string]func(b []byte) []byte{
		"empty":           func([]byte) []byte { return nil },
		"version":         func(b []byte) []byte { b[0] = 9; return b },
		"cut off":         func(b []byte) []byte { return b[:len(b)-1] },
		"huge count":      func(b []byte) []byte { b[10] = 0xff; return b },
		"out of order":    func(b []byte) []byte { b[first] = 7; return b },
		"a bad topic":     func(b []byte) []byte { b[first+fixedLen] = '/'; return b },
		"no topic":        func(b []byte) []byte { b[first+fixedLen-1] = 0; return b },
		"a round of 2^31": func(b []byte) []byte { b[first+35] = 0x80; return b },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Restore(Policy{}, bytes.NewReader(change(bytes.Clone(b.Bytes())))); err == nil {
				t.Fatal("was taken")
			}
		})
	}
}

func FuzzRestore(f *testing.F) {
	table := New(Policy{})
	for id := log.Position(1); id <= 3; id++ {
		table.Put(Half{ID: id, At: id + 9, Topic: topic(f, "t"), Round: 2})
	}
	var b bytes.Buffer
	if err := table.Snapshot(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		table, err := Restore(Policy{}, bytes.NewReader(raw))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := table.Snapshot(&b); err != nil || !bytes.HasPrefix(raw, b.Bytes()) {
			t.Fatalf("what was restored is written as %x, %v; it was read from %x", b.Bytes(), err, raw)
		}
	})
}

// Asking for what is due costs by what is given, not by what waits or is due.
func BenchmarkDueAmongMany(b *testing.B) {
	table := New(Policy{})
	orders := topic(b, "orders")
	for id := log.Position(1); id <= 100_000; id++ {
		table.Put(Half{ID: id, Topic: orders, Next: int64(id)})
	}
	for name, now := range map[string]int64{"10 due": 10, "all due": 1 << 40} {
		b.Run(name, func(b *testing.B) {
			var dst []Half
			b.ReportAllocs()
			for b.Loop() {
				dst = table.Due(orders, now, 64, dst[:0])
			}
			if len(dst) < 10 {
				b.Fatalf("%d due, want 10 or more", len(dst))
			}
		})
	}
}
