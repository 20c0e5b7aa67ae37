// SPDX-License-Identifier: Apache-2.0

package trail

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// What many records share, the names of who did it and with what, stands in tables of its own; a record has a number. When a table is full, what was used longest ago goes, and its
// place is taken by another scope, of another turn: records that still name the turn before tell nothing any more. All of those are older than the last use, which is noted, so the
// trail goes on knowing from when on it is whole.

// scopeRef is a place in one of the tables, with its turn.
type scopeRef uint32

const (
	tableBits = 4
	turnBits  = 12
	// scopesIn is how many a table has at the most.
	scopesIn = 1 << (32 - tableBits - turnBits)
	// scopeSlack is how exactly the last use of a scope is known, in microseconds.
	scopeSlack = int64(time.Second / time.Microsecond)
	// idleBytes is what a scope takes beside its names: itself, and its place in a list and in a map, which grow by doubling.
	idleBytes = int64(unsafe.Sizeof(scope{})) + 64
)

func refOf(table, place, turn uint32) scopeRef {
	return scopeRef(table<<(32-tableBits) | place<<turnBits | turn&(1<<turnBits-1))
}

func (r scopeRef) table() uint32 { return uint32(r) >> (32 - tableBits) }
func (r scopeRef) place() uint32 { return uint32(r) >> turnBits & (scopesIn - 1) }

// names are a Scope in the words that are kept.
type names struct{ owner, tenant, app, client, topic, group, broker string }

func namesOf(s *Scope, broker string) names {
	return names{s.Owner.String(), s.Tenant.String(), s.App, s.Client.String(), s.Topic.String(), s.Group.String(), broker}
}

func (n *names) list() [7]string {
	return [7]string{n.owner, n.tenant, n.app, n.client, n.topic, n.group, n.broker}
}

// hash is of what differs most; scopes of one hash stand in a chain.
func (n *names) hash(seed maphash.Seed) uint64 {
	h := maphash.String(seed, n.client)
	h = h*0x9e3779b97f4a7c15 ^ maphash.String(seed, n.topic)
	if n.group != "" {
		h = h*0x9e3779b97f4a7c15 ^ maphash.String(seed, n.group)
	}
	if n.broker != "" {
		h = h*0x9e3779b97f4a7c15 ^ maphash.String(seed, n.broker)
	}
	return h ^ h>>32
}

func (n *names) bytes() (sum int) {
	for _, s := range n.list() {
		sum += len(s)
	}
	return sum
}

// own gives names that hold no memory of whoever brought them.
func (n *names) own() names {
	all := n.list()
	text := strings.Join(all[:], "")
	for i, s := range all {
		all[i], text = text[:len(s)], text[len(s):]
	}
	return names{all[0], all[1], all[2], all[3], all[4], all[5], all[6]}
}

type scope struct {
	names
	hash uint64
	next *scope       // of the same hash
	used atomic.Int64 // microseconds since 1970, when a record was made of it last, to a second
	ref  scopeRef
}

func (s *scope) cost() int64 { return int64(s.bytes()) + idleBytes }

// table is a part of the scopes.
type table struct {
	mu     sync.RWMutex // guards all below
	byHash map[uint64]*scope
	places []*scope // nil where one went
	turns  []uint32 // of each place
	free   []uint32
	bytes  int64
	lost   int64 // microseconds since 1970: records of that time or before it may tell nothing any more
	_      [64]byte
}

// scopes are all the tables.
type scopes struct {
	seed   maphash.Seed
	budget int64 // of each
	tables [1 << tableBits]table
}

func (k *scopes) init(bytes int64, seed maphash.Seed) {
	k.seed, k.budget = seed, bytes/int64(len(k.tables))
	for i := range k.tables {
		k.tables[i].byHash = map[uint64]*scope{}
	}
}

// ref gives the number of a scope, which is used at a time.
func (k *scopes) ref(n *names, now int64) scopeRef {
	h := n.hash(k.seed)
	number := uint32(h % uint64(len(k.tables)))
	t := &k.tables[number]
	t.mu.RLock()
	s := t.byHash[h]
	for s != nil && s.names != *n {
		s = s.next
	}
	t.mu.RUnlock()
	if s == nil {
		return k.learn(number, n, h, now)
	}
	if now-s.used.Load() >= scopeSlack {
		s.used.Store(now)
	}
	return s.ref
}

func (k *scopes) learn(number uint32, n *names, h uint64, now int64) scopeRef {
	t := &k.tables[number]
	t.mu.Lock()
	defer t.mu.Unlock()
	for s := t.byHash[h]; s != nil; s = s.next {
		if s.names == *n {
			return s.ref
		}
	}
	s := &scope{names: n.own(), hash: h}
	s.used.Store(now)
	if t.bytes+s.cost() > k.budget || len(t.places)-len(t.free) == scopesIn {
		t.shed()
	}
	place := uint32(len(t.places))
	if last := len(t.free) - 1; last >= 0 {
		place, t.free = t.free[last], t.free[:last]
	} else {
		t.places, t.turns = append(t.places, nil), append(t.turns, 0)
	}
	s.ref = refOf(number, place, t.turns[place])
	s.next = t.byHash[h]
	t.places[place], t.byHash[h] = s, s
	t.bytes += s.cost()
	return s.ref
}

// shed lets an eighth go, what was used longest ago. It needs mu.
func (t *table) shed() {
	var all []*scope
	for _, s := range t.places {
		if s != nil {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *scope) int { return cmp.Compare(a.used.Load(), b.used.Load()) })
	for _, s := range all[:max(1, len(all)/8)] {
		t.drop(s)
	}
}

// drop needs mu.
func (t *table) drop(s *scope) {
	place := s.ref.place()
	t.lost = max(t.lost, s.used.Load()+scopeSlack)
	t.places[place] = nil
	t.turns[place]++
	t.free = append(t.free, place)
	if first := t.byHash[s.hash]; first == s && s.next == nil {
		delete(t.byHash, s.hash)
	} else if first == s {
		t.byHash[s.hash] = s.next
	} else {
		for first.next != s {
			first = first.next
		}
		first.next = s.next
	}
	t.bytes -= s.cost()
}

// named gives the names of a record, nil when they are forgotten.
func (k *scopes) named(r scopeRef) *names {
	t := &k.tables[r.table()]
	t.mu.RLock()
	defer t.mu.RUnlock()
	if p := int(r.place()); p < len(t.places) && t.places[p] != nil && t.places[p].ref == r {
		return &t.places[p].names
	}
	return nil
}

// lost is the time up to which records may tell nothing any more; 0: no name was forgotten.
func (k *scopes) lost() (latest int64) {
	for i := range k.tables {
		t := &k.tables[i]
		t.mu.RLock()
		latest = max(latest, t.lost)
		t.mu.RUnlock()
	}
	return latest
}

func (k *scopes) bytes() (sum int64) {
	for i := range k.tables {
		t := &k.tables[i]
		t.mu.RLock()
		sum += t.bytes
		t.mu.RUnlock()
	}
	return sum
}
