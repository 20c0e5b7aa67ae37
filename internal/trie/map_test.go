// SPDX-License-Identifier: Apache-2.0

package trie

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
)

// holds compares a map with one of Go's, by every way of reading it.
func holds(t *testing.T, m *Map[string, int], want map[string]int) {
	t.Helper()
	if m.Len() != len(want) || !maps.Equal(maps.Collect(m.All), want) {
		t.Fatalf("%d keys, want %d", m.Len(), len(want))
	}
	for k, v := range want {
		if got, ok := m.Get(k); !ok || got != v {
			t.Fatalf("%s is %d, %v, want %d", k, got, ok, v)
		}
	}
	if _, ok := m.Get("never there"); ok {
		t.Fatal("it finds what was never there")
	}
	if m.root != nil {
		tidy(t, m.root, 0)
	}
}

// tidy holds the form of a trie against what the package says of it, and counts its keys.
func tidy[K comparable, V any](t *testing.T, n *node[K, V], after uint) (keys int) {
	t.Helper()
	for i := range n.slots {
		s := &n.slots[i]
		keys += len(s.pairs)
		if s.below != nil {
			keys += tidy(t, s.below, after+bits)
		}
		if s.below != nil && (len(s.pairs) > 0 || s.below.keys <= least) || len(s.pairs) > most && after < spent {
			t.Fatalf("after %d bits a slot has %d pairs, below it are %v", after, len(s.pairs), s.below)
		}
	}
	if keys != n.keys {
		t.Fatalf("after %d bits a node says that it has %d keys, it has %d", after, n.keys, keys)
	}
	return keys
}

func TestAMapIsWhatWasPutIntoIt(t *testing.T) {
	var m Map[string, int]
	holds(t, &m, nil)
	dice := rand.New(rand.NewPCG(1, 2))
	want := map[string]int{}
	for round := range 30 {
		before, was := m, maps.Clone(want)
		e := m.Edit()
		for range dice.IntN(500) {
			k := fmt.Sprint("key-", dice.IntN(6000))
			if dice.IntN(3) > 0 {
				e.Set(k, round)
				want[k] = round
			} else {
				e.Delete(k)
				delete(want, k)
			}
			if got, ok := e.Get(k); ok != has(want, k) || ok && got != round {
				t.Fatalf("an editor does not see its own change of %s", k)
			}
		}
		m = e.Map()
		holds(t, &before, was) // whatever was changed since
		holds(t, &m, want)
	}
	e := m.Edit()
	for k := range want {
		e.Delete(k)
	}
	m = e.Map()
	holds(t, &m, nil)
}

func has(m map[string]int, k string) bool { _, ok := m[k]; return ok }

func TestWhatAnEditorGaveAwayStaysAsItIs(t *testing.T) {
	var empty Map[string, int]
	e := empty.Edit()
	want := map[string]int{}
	for i := range 500 {
		e.Set(fmt.Sprint(i), i)
		want[fmt.Sprint(i)] = i
	}
	given := e.Map()
	for i := range 500 {
		e.Set(fmt.Sprint(i), -1)
		e.Set(fmt.Sprint("more-", i), i)
	}
	for i := range 250 {
		e.Delete(fmt.Sprint(i))
	}
	holds(t, &given, want)
	if m := e.Map(); m.Len() != 750 {
		t.Errorf("the editor has %d keys", m.Len())
	}
}

// Keys with equal hashes are no case that a seeded hash can be brought to, so the nodes are driven with hashes of the test's own.
func TestKeysWithEqualHashesAreToldApart(t *testing.T) {
	const n = 3 * most
	of := func(k int) pair[int, int] { return pair[int, int]{uint64(k % 2), k, k} }
	all := &node[int, int]{}
	for k := range n {
		all, _ = set(&owner{}, all, 0, of(k))
	}
	if _, more := set(&owner{}, all, 0, of(4)); more {
		t.Error("a key that was there is counted again")
	}
	before := all
	for k := 0; k < n; k += 2 {
		all = remove(&owner{}, all, 0, of(k))
	}
	if keys := tidy(t, before, 0); keys != n {
		t.Errorf("the nodes before have %d keys", keys)
	}
	tidy(t, all, 0)
	left := map[int]bool{}
	all.all(func(k, _ int) bool { left[k] = true; return true })
	for k := range n {
		if left[k] != (k%2 == 1) {
			t.Errorf("%d: %v", k, left[k])
		}
	}
}

func TestAllEndsWhenItIsTold(t *testing.T) {
	var m Map[int, int]
	e := m.Edit()
	for i := range 1000 {
		e.Set(i, i)
	}
	m = e.Map()
	seen := 0
	for range m.All {
		if seen++; seen == 10 {
			break
		}
	}
	if seen != 10 {
		t.Errorf("%d were seen", seen)
	}
}

// filled has n keys like those of a catalog.
func filled(n int) (m Map[id, *int], plain map[id]*int) {
	e := m.Edit()
	plain = make(map[id]*int, n)
	for i := range n {
		k := keyOf(i)
		e.Set(k, &i)
		plain[k] = &i
	}
	return e.Map(), plain
}

type id struct{ tenant, name string }

func keyOf(i int) id { return id{fmt.Sprint("tenant-", i%1000), fmt.Sprint("orders-", i)} }

// apart counts the nodes and pairs of a map that another one does not share with it.
func apart[K comparable, V any](a, b *Map[K, V]) (nodes, pairs int) {
	theirs, held := map[*node[K, V]]bool{}, map[*pair[K, V]]bool{}
	each(b.root, func(n *node[K, V]) { theirs[n] = true }, func(p *pair[K, V]) { held[p] = true })
	each(a.root, func(n *node[K, V]) {
		if !theirs[n] {
			nodes++
		}
	}, func(p *pair[K, V]) {
		if !held[p] {
			pairs++
		}
	})
	return nodes, pairs
}

func each[K comparable, V any](n *node[K, V], see func(*node[K, V]), seePair func(*pair[K, V])) {
	see(n)
	for i := range n.slots {
		for j := range n.slots[i].pairs {
			seePair(&n.slots[i].pairs[j])
		}
		if below := n.slots[i].below; below != nil {
			each(below, see, seePair)
		}
	}
}

// A change copies the nodes on one way and the pairs of one slot, however many keys there are.
func TestAChangeCopiesOneWayAlone(t *testing.T) {
	for n, deep := range map[int]int{100: 1, 1000: 2, 10_000: 2, 60_000: 3} {
		m, _ := filled(n)
		for i := range 3 {
			e := m.Edit()
			e.Set(keyOf(n+i), nil)
			next := e.Map()
			if nodes, pairs := apart(&next, &m); nodes > deep+1 || pairs > most+1 {
				t.Errorf("%d nodes and %d pairs were copied for one change among %d keys", nodes, pairs, n)
			}
		}
	}
}

func BenchmarkGet(b *testing.B) {
	for _, n := range []int{100, 20_000} {
		m, plain := filled(n)
		keys := make([]id, 4096)
		for i := range keys {
			keys[i] = keyOf(rand.IntN(n))
		}
		b.Run(fmt.Sprint("trie/", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if v, _ := m.Get(keys[i&4095]); v == nil {
					b.Fatal("it is not there")
				}
			}
		})
		b.Run(fmt.Sprint("go/", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if plain[keys[i&4095]] == nil {
					b.Fatal("it is not there")
				}
			}
		})
		b.Run(fmt.Sprint("change/", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				e := m.Edit()
				e.Set(keys[i&4095], nil)
				e.Map()
			}
		})
	}
}
