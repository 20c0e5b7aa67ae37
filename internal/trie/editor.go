// SPDX-License-Identifier: Apache-2.0

package trie

import (
	"hash/maphash"
	"slices"
)

// Editor makes one map out of another. It is not safe for concurrent use. Reading it sees its changes.
type Editor[K comparable, V any] struct {
	now   Map[K, V]
	owner *owner
}

// Map is the map as it is now. The editor may go on: what it gave away stays as it is.
func (e *Editor[K, V]) Map() Map[K, V] {
	e.owner = &owner{} // the nodes that were made so far are nobody's from now on
	return e.now
}

// Get finds what is kept under a key.
func (e *Editor[K, V]) Get(key K) (V, bool) { return e.now.Get(key) }

// Set keeps a value under a key, in the place of the one before.
func (e *Editor[K, V]) Set(key K, value V) {
	if e.now.root == nil {
		e.now.root = &node[K, V]{owner: e.owner}
	}
	e.now.root, _ = set(e.owner, e.now.root, 0, pair[K, V]{maphash.Comparable(e.now.seed, key), key, value})
}

// Delete forgets a key; nothing happens where there is none.
func (e *Editor[K, V]) Delete(key K) {
	if _, there := e.now.Get(key); there { // so nothing is copied for nothing
		e.now.root = remove(e.owner, e.now.root, 0, pair[K, V]{hash: maphash.Comparable(e.now.seed, key), key: key})
	}
}

// own gives a node that may be changed: n itself where this owner made it, else a copy.
func own[K comparable, V any](by *owner, n *node[K, V]) *node[K, V] {
	if n.owner == by {
		return n
	}
	mine := *n
	mine.owner = by
	return &mine
}

// set keeps a pair below a node that is reached after some bits, and tells whether its key is a new one.
func set[K comparable, V any](by *owner, n *node[K, V], after uint, p pair[K, V]) (_ *node[K, V], more bool) {
	n = own(by, n)
	s := &n.slots[index(p.hash, after)]
	switch i := find(s.pairs, p); {
	case s.below != nil:
		s.below, more = set(by, s.below, after+bits, p)
	case i >= 0:
		s.pairs = slices.Clone(s.pairs)
		s.pairs[i] = p
	case len(s.pairs) < most || after >= spent:
		s.pairs, more = with(s.pairs, p), true
	default:
		s.below, more = &node[K, V]{owner: by}, true
		for _, one := range append([]pair[K, V]{p}, s.pairs...) {
			s.below, _ = set(by, s.below, after+bits, one)
		}
		s.pairs = nil
	}
	if more {
		n.keys++
	}
	return n, more
}

// remove takes out the pair of a key that is there.
func remove[K comparable, V any](by *owner, n *node[K, V], after uint, p pair[K, V]) *node[K, V] {
	n = own(by, n)
	n.keys--
	s := &n.slots[index(p.hash, after)]
	if s.below == nil {
		s.pairs = without(s.pairs, find(s.pairs, p))
		return n
	}
	s.below = remove(by, s.below, after+bits, p)
	if s.below.keys <= least {
		s.pairs, s.below = gathered(s.below, make([]pair[K, V], 0, s.below.keys)), nil
	}
	return n
}

// gathered appends all pairs of a node and of those below it.
func gathered[K comparable, V any](n *node[K, V], all []pair[K, V]) []pair[K, V] {
	for i := range n.slots {
		if below := n.slots[i].below; below != nil {
			all = gathered(below, all)
		}
		all = append(all, n.slots[i].pairs...)
	}
	return all
}

// find is the index of a pair's key, -1 for none.
func find[K comparable, V any](pairs []pair[K, V], p pair[K, V]) int {
	return slices.IndexFunc(pairs, func(one pair[K, V]) bool { return one.hash == p.hash && one.key == p.key })
}

// with is the pairs with one more. The slice is as long as it has to be: maps are kept for far longer than they are made.
func with[K comparable, V any](pairs []pair[K, V], p pair[K, V]) []pair[K, V] {
	more := make([]pair[K, V], len(pairs)+1)
	more[copy(more, pairs)] = p
	return more
}

// without is the pairs without the one at i.
func without[K comparable, V any](pairs []pair[K, V], i int) []pair[K, V] {
	if len(pairs) == 1 {
		return nil
	}
	return slices.Concat(pairs[:i], pairs[i+1:])
}
