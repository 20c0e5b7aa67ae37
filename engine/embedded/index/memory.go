// SPDX-License-Identifier: Apache-2.0

package index

import (
	"cmp"
	"math"
	"slices"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/mq"
)

// memory holds the entries of a segment that has no sidecar.
type memory struct {
	owner  *segment
	queues map[Queue]*memQueue
	keys   keyTable
	oldest int64 // stored times, nanoseconds since the Unix epoch
	newest int64
}

// memQueue is a queue's entries in the order of their records; runs say which of them count.
type memQueue struct {
	entries []Entry
	runs    runs
}

func newMemory(s *segment) *memory {
	return &memory{owner: s, queues: map[Queue]*memQueue{}, oldest: math.MaxInt64, newest: math.MinInt64}
}

// has tells whether the message of an offset was added.
func (m *memory) has(q Queue, o mq.Offset) bool {
	mine := m.queues[q]
	if mine == nil {
		return false
	}
	i := mine.runs.from(o)
	return i < len(mine.runs) && mine.runs[i].first <= o
}

// add takes an entry and returns its number in the queue's list.
func (m *memory) add(q Queue, e Entry) uint32 {
	mine := m.queues[q]
	if mine == nil {
		mine = &memQueue{}
		m.queues[q] = mine
	}
	at := uint32(len(mine.entries))
	mine.entries = append(mine.entries, e)
	mine.runs.insert(run{first: e.Offset, count: 1, at: at, src: m.owner})
	m.note(e.Stored)
	return at
}

func (m *memory) mark(pos log.Position, stored int64, keys []uint64) {
	for _, k := range keys {
		m.keys.add(keyEntry{mix(k), pos})
	}
	if len(keys) > 0 {
		m.note(stored)
	}
}

func (m *memory) note(stored int64) {
	m.oldest, m.newest = min(m.oldest, stored), max(m.newest, stored)
}

func (m *memory) queueNumbers() []Queue {
	list := make([]Queue, 0, len(m.queues))
	for q := range m.queues {
		list = append(list, q)
	}
	slices.Sort(list)
	return list
}

// keyEntry says that the record at pos has a key of that mixed hash.
type keyEntry struct {
	hash uint64
	pos  log.Position
}

func (k keyEntry) compare(o keyEntry) int {
	return cmp.Or(cmp.Compare(k.hash, o.hash), cmp.Compare(k.pos, o.pos))
}

// mix spreads a caller's hash over all bits (the finalizer of splitmix64, a bijection): positions serve as keys too,
// and the sidecar finds its bucket by the top bits.
func mix(h uint64) uint64 {
	h ^= h >> 30
	h *= 0xbf58476d1ce4e5b9
	h ^= h >> 27
	h *= 0x94d049bb133111eb
	return h ^ h>>31
}

// keyTable is a hash table that chains through two flat slices: eight bytes over each entry, no pointers for the
// garbage collector, and the newest entry of a chain comes first.
type keyTable struct {
	list  []keyEntry
	next  []uint32 // number+1 of the entry before in the chain
	heads []uint32 // number+1 of the newest entry; a power of two of them
}

func (t *keyTable) add(k keyEntry) {
	if len(t.list) >= len(t.heads) {
		t.grow()
	}
	h := &t.heads[k.hash&uint64(len(t.heads)-1)]
	t.list = append(t.list, k)
	t.next = append(t.next, *h)
	*h = uint32(len(t.list))
}

func (t *keyTable) grow() {
	t.heads = make([]uint32, max(64, 2*len(t.heads)))
	for i, k := range t.list {
		h := &t.heads[k.hash&uint64(len(t.heads)-1)]
		t.next[i] = *h
		*h = uint32(i + 1)
	}
}

// find appends the positions below before that have the hash, newest first.
func (t *keyTable) find(hash uint64, before log.Position, dst []log.Position) []log.Position {
	if len(t.heads) == 0 {
		return dst
	}
	from := len(dst)
	for i := t.heads[hash&uint64(len(t.heads)-1)]; i > 0; i = t.next[i-1] {
		if k := t.list[i-1]; k.hash == hash && k.pos < before {
			dst = append(dst, k.pos)
		}
	}
	return descending(dst, from)
}

// descending sorts what stands behind from, newest first, once each.
func descending(dst []log.Position, from int) []log.Position {
	slices.SortFunc(dst[from:], func(a, b log.Position) int { return cmp.Compare(b, a) })
	return dst[:from+len(slices.Compact(dst[from:]))]
}

// sorted is every key once, in the order of a sidecar.
func (t *keyTable) sorted() []keyEntry {
	list := slices.Clone(t.list)
	slices.SortFunc(list, keyEntry.compare)
	return slices.Compact(list)
}
