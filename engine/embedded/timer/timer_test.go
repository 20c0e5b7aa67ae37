// SPDX-License-Identifier: Apache-2.0

package timer

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/causeway-mq/causeway/internal/testkit/prop"

	"github.com/causeway-mq/causeway/engine/embedded/log"
)

func compare(a, b Entry) int {
	switch {
	case a.before(b.Due, b.ID):
		return -1
	case b.before(a.Due, a.ID):
		return 1
	}
	return 0
}

// Whatever is added, cancelled, popped and restored: the queue gives what a sorted list would give.
func TestQueueAnswersAsASortedListWould(t *testing.T) {
	prop.Check(t, func(rt *prop.T) {
		q := &Queue{}
		var model []Entry
		next := log.Position(1)
		due := func() int64 { return prop.Int64Range(-3, 60).Draw(rt, "due") }
		add := func(e Entry) {
			q.Add(e)
			i, found := slices.BinarySearchFunc(model, e, compare)
			if found {
				model[i] = e
			} else {
				model = slices.Insert(model, i, e)
			}
		}
		rt.Repeat(map[string]func(*prop.T){
			"add many": func(rt *prop.T) {
				d, step := due(), prop.Int64Range(-1, 1).Draw(rt, "step")
				for range prop.IntRange(1, 700).Draw(rt, "entries") {
					add(Entry{Due: d, ID: next, At: next})
					d += step
					next++
				}
			},
			"add one again": func(rt *prop.T) {
				if len(model) > 0 {
					e := prop.SampledFrom(model).Draw(rt, "entry")
					e.At = next
					next++
					add(e)
				}
			},
			"cancel": func(rt *prop.T) {
				if len(model) == 0 {
					return
				}
				from := prop.IntRange(0, len(model)-1).Draw(rt, "from")
				to := min(len(model), from+prop.IntRange(1, 600).Draw(rt, "entries"))
				for _, e := range model[from:to] {
					if got, ok := q.Get(e.Due, e.ID); !ok || got != e {
						rt.Fatalf("get %+v: %+v, %v", e, got, ok)
					}
					if !q.Cancel(e.Due, e.ID) || q.Cancel(e.Due, e.ID) {
						rt.Fatalf("%+v was not cancelled exactly once", e)
					}
				}
				model = slices.Delete(model, from, to)
			},
			"cancel what is not there": func(rt *prop.T) {
				if q.Cancel(due(), next) {
					rt.Fatal("cancelled an entry that was never added")
				}
			},
			"deliver what is due": func(rt *prop.T) {
				now, limit := due(), prop.IntRange(0, 600).Draw(rt, "limit")
				n := 0
				for n < len(model) && n < limit && model[n].Due <= now {
					n++
				}
				got := q.Due(now, limit, nil)
				if !slices.Equal(got, model[:n]) {
					rt.Fatalf("%d entries due at %d, want %d", len(got), now, n)
				}
				for _, e := range got {
					q.Cancel(e.Due, e.ID)
				}
				model = slices.Delete(model, 0, n)
			},
			"restore": func(rt *prop.T) {
				var b bytes.Buffer
				if err := q.Snapshot(&b); err != nil {
					rt.Fatal(err)
				}
				b.WriteString("what follows")
				restored, err := Restore(&b)
				if err != nil || b.String() != "what follows" {
					rt.Fatalf("restore: %v, %d bytes left", err, b.Len())
				}
				q = restored
			},
			"": func(rt *prop.T) {
				var all []Entry
				q.Each(func(e Entry) bool { all = append(all, e); return true })
				if !slices.Equal(all, model) || q.Len() != len(model) {
					rt.Fatalf("%d entries, Len %d, want %d", len(all), q.Len(), len(model))
				}
				next, ok := q.Next()
				if ok != (len(model) > 0) || ok && next != model[0].Due {
					rt.Fatalf("next %d, %v", next, ok)
				}
				for i, b := range q.blocks {
					if len(b) == 0 || len(b) > blockLen {
						rt.Fatalf("block %d has %d entries", i, len(b))
					}
				}
			},
		})
	})
}

// Equal sets give equal bytes, whatever way they came about.
func TestSnapshotsAreCanonical(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	a, b := &Queue{}, &Queue{}
	const n = 5000
	for i := range n {
		a.Add(entryOf(i))
	}
	for _, i := range rng.Perm(2 * n) {
		b.Add(entryOf(i))
	}
	for i := range n {
		b.Cancel(entryOf(n+i).Due, entryOf(n+i).ID)
	}
	var sa, sb bytes.Buffer
	if err := a.Snapshot(&sa); err != nil {
		t.Fatal(err)
	}
	if err := b.Snapshot(&sb); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sa.Bytes(), sb.Bytes()) {
		t.Fatalf("%d and %d bytes differ", sa.Len(), sb.Len())
	}
}

func entryOf(i int) Entry {
	return Entry{Due: int64(i*7919%10_000) * 1e6, ID: log.Position(i + 1), At: log.Position(i + 1)}
}

func TestDamagedSnapshotsAreRefused(t *testing.T) {
	q := &Queue{}
	for i := range 700 {
		q.Add(entryOf(i))
	}
	var b bytes.Buffer
	if err := q.Snapshot(&b); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(b []byte) []byte{
		"empty":         func([]byte) []byte { return nil },
		"short header":  func(b []byte) []byte { return b[:9] },
		"version":       func(b []byte) []byte { b[0] = 9; return b },
		"cut off":       func(b []byte) []byte { return b[:len(b)-1] },
		"huge count":    func(b []byte) []byte { b[15] = 0xff; return b },
		"out of order":  func(b []byte) []byte { copy(b[headerLen:], b[headerLen+entryLen:][:entryLen]); return b },
		"not ascending": func(b []byte) []byte { b[headerLen+7] = 0x7f; return b },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Restore(bytes.NewReader(change(bytes.Clone(b.Bytes())))); err == nil {
				t.Fatal("was taken")
			}
		})
	}
}

// A million scheduled messages stay below 64 MiB: all of them in the worst order of arrival, a fifth in others.
func TestAMillionEntriesAreSmall(t *testing.T) {
	for name, order := range map[string]struct {
		n   int
		due func(i int) int64
	}{
		"ascending":  {200_000, func(i int) int64 { return int64(i) }},
		"descending": {1_000_000, func(i int) int64 { return int64(-i) }},
		"shuffled":   {200_000, func(i int) int64 { return int64(uint64(i) * 0x9e3779b97f4a7c15 >> 20) }},
	} {
		t.Run(name, func(t *testing.T) {
			n, due := order.n, order.due
			limit := int64(n) * 64 << 20 / 1_000_000
			before := heapInUse()
			q := &Queue{}
			for i := range n {
				q.Add(Entry{Due: due(i), ID: log.Position(i + 1)})
			}
			used := heapInUse() - before
			if q.Len() != n {
				t.Fatalf("%d entries, want %d", q.Len(), n)
			}
			t.Logf("%d entries: %.1f MiB", n, float64(used)/(1<<20))
			if used > limit {
				t.Fatalf("%d bytes of heap, the limit is %d", used, limit)
			}
		})
	}
}

// Room comes back when most of what was scheduled is cancelled one by one.
func TestCancelledEntriesGiveTheirRoomBack(t *testing.T) {
	q := &Queue{}
	const n = 100_000
	rng := rand.New(rand.NewPCG(5, 5))
	order := rng.Perm(n)
	for _, i := range order {
		q.Add(Entry{Due: int64(i), ID: log.Position(i + 1)})
	}
	for _, i := range order[n/100:] {
		if !q.Cancel(int64(i), log.Position(i+1)) {
			t.Fatalf("entry %d was not there", i)
		}
	}
	if limit := 8 * n / 100 / blockLen; len(q.blocks) > limit {
		t.Fatalf("%d entries stand in %d blocks, want at most %d", q.Len(), len(q.blocks), limit)
	}
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

func FuzzRestore(f *testing.F) {
	q := &Queue{}
	for i := range 5 {
		q.Add(entryOf(i))
	}
	var b bytes.Buffer
	if err := q.Snapshot(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(make([]byte, headerLen))
	f.Fuzz(func(t *testing.T, raw []byte) {
		q, err := Restore(bytes.NewReader(raw))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := q.Snapshot(&b); err != nil || !bytes.HasPrefix(raw, b.Bytes()) {
			t.Fatalf("what was restored is written as %x, %v; it was read from %x", b.Bytes(), err, raw)
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	q := &Queue{}
	rng := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for i := range b.N {
		q.Add(Entry{Due: rng.Int64N(1 << 50), ID: log.Position(i)})
		if q.Len() == 1_000_000 {
			*q = Queue{}
		}
	}
}

// BenchmarkDeliver is a message found due and taken out.
func BenchmarkDeliver(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	q := &Queue{}
	for i := range b.N {
		q.Add(Entry{Due: rng.Int64N(1 << 50), ID: log.Position(i)})
	}
	dst := make([]Entry, 0, 256)
	b.ReportAllocs()
	b.ResetTimer()
	for q.Len() > 0 {
		dst = q.Due(1<<62, 256, dst[:0])
		for _, e := range dst {
			q.Cancel(e.Due, e.ID)
		}
	}
}

func BenchmarkCancel(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	q := &Queue{}
	all := make([]Entry, b.N)
	for i := range all {
		all[i] = Entry{Due: rng.Int64N(1 << 50), ID: log.Position(i)}
		q.Add(all[i])
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, e := range all {
		q.Cancel(e.Due, e.ID)
	}
}
