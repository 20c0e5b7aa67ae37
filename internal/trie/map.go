// SPDX-License-Identifier: Apache-2.0

// Package trie is an immutable map: a trie over the hashes of its keys.
//
// The simple story: six bits of a key's hash choose one of 64 slots in a node. A slot holds a few pairs side by side; once they are
// too many, a node takes their place, where the next six bits choose. A change copies the nodes from the root to one slot (two among
// 100,000 keys) with the pairs of that slot, and shares everything else with the map before it.
//
// What must hold:
//
//   - A Map never changes. Whoever has one may read it for as long as he likes, beside any number of changes, without a lock.
//   - The cost of a change does not grow with the number of keys, but for a node more with each 64 times as many.
//   - A map that grew and shrank again is about as small as one that never grew: a node that holds little becomes pairs again.
//   - The hash has a seed of its own for each map that began empty, so that nobody can choose names that meet in one slot. Where all
//     bits are used up, a slot holds as many pairs as it has to.
//
// The complication is the Editor: it marks the nodes that it made, and changes those in place.
//
// Rejected: nodes as small as their content, with a bitmap of what is there. They save a third of the memory, and a read waits for
// memory twice as often at each of one level more; reads are what matters, a proxy makes several for each call.
package trie

import "hash/maphash"

const (
	bits  = 6 // of the hash, for each node
	fan   = 1 << bits
	spent = 60 // below a node that is reached after as many bits there is none: nothing is left to tell keys apart by
	most  = 24 // pairs of a slot; one more, and they become a node
	least = 12 // keys of a node; with as few, they become pairs of a slot again. It is less than most, or a key that comes and goes would cost a node each time
)

// Map is an immutable map. The zero value is empty. All methods are safe for concurrent use.
type Map[K comparable, V any] struct {
	root *node[K, V] // nil while nothing was ever kept
	seed maphash.Seed
}

type node[K comparable, V any] struct {
	owner *owner
	keys  int // in it and below it
	slots [fan]slot[K, V]
}

// slot holds pairs, or a node.
type slot[K comparable, V any] struct {
	pairs []pair[K, V]
	below *node[K, V]
}

type pair[K comparable, V any] struct {
	hash  uint64
	key   K
	value V
}

// owner marks the nodes of an Editor at work. It has a size, or all of them would be one.
type owner struct{ _ byte }

// index is a hash's slot in a node that is reached after some bits.
func index(hash uint64, after uint) uint64 { return hash >> after % fan }

// Len is the number of keys.
func (m *Map[K, V]) Len() int {
	if m.root == nil {
		return 0
	}
	return m.root.keys
}

// Get finds what is kept under a key.
func (m *Map[K, V]) Get(key K) (value V, ok bool) {
	if m.root == nil {
		return value, false
	}
	hash := maphash.Comparable(m.seed, key)
	s := &m.root.slots[hash%fan]
	for rest := hash >> bits; s.below != nil; rest >>= bits {
		s = &s.below.slots[rest%fan]
	}
	for i := range s.pairs {
		if p := &s.pairs[i]; p.hash == hash && p.key == key {
			return p.value, true
		}
	}
	return value, false
}

// All gives every key with its value, in no order.
func (m *Map[K, V]) All(yield func(K, V) bool) {
	if m.root != nil {
		m.root.all(yield)
	}
}

func (n *node[K, V]) all(yield func(K, V) bool) bool {
	for i := range n.slots {
		s := &n.slots[i]
		if s.below != nil && !s.below.all(yield) {
			return false
		}
		for j := range s.pairs {
			if !yield(s.pairs[j].key, s.pairs[j].value) {
				return false
			}
		}
	}
	return true
}

// Edit begins a change.
func (m *Map[K, V]) Edit() *Editor[K, V] {
	e := &Editor[K, V]{now: *m, owner: &owner{}}
	if e.now.root == nil {
		e.now.seed = maphash.MakeSeed()
	}
	return e
}
