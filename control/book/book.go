// SPDX-License-Identifier: Apache-2.0

// Package book is the memory of a control plane: every record of its store, at one version, found by name.
package book

import (
	"cmp"
	"slices"
	"sync"

	"github.com/causeway-mq/causeway/control/audit"
)

// Record is what a book holds.
type Record interface{ Ref() audit.Ref }

// Rules are what a book has to know of its records. All are required; they are called under the book's lock.
type Rules[R Record] struct {
	Seen func(R) bool // proxies know, or should know, of it
	// Goes tells whether a record goes when another one of its tenant does.
	Goes func(r R, with audit.Ref) bool
	// Key is one more thing by which a record is found, nil for none.
	Key func(R) any
}

// Change is a record that others changed. Left: it was gone in between; There: it is there now.
type Change[R Record] struct {
	Ref         audit.Ref
	Record      R
	Left, There bool
}

// Book is safe for concurrent use.
type Book[R Record] struct {
	rules Rules[R]

	mu      sync.RWMutex // guards all below; never held across a wait
	version audit.Version
	records map[audit.Ref]R
	tenants map[string]map[audit.Ref]R // the same records by tenant
	counts  map[noun]int               // records of each noun in each tenant
	keys    map[any]R
	changed chan struct{} // closed with the next change that proxies see
	journal journal[R]
}

// noun is a kind of record in one tenant.
type noun struct {
	kind   audit.RecordKind
	tenant string
}

// New makes an empty book.
func New[R Record](rules Rules[R]) *Book[R] {
	return &Book[R]{rules: rules, changed: make(chan struct{})}
}

// Load replaces everything.
func (b *Book[R]) Load(v audit.Version, all []R) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records, b.tenants, b.keys, b.counts = map[audit.Ref]R{}, map[string]map[audit.Ref]R{}, map[any]R{}, map[noun]int{}
	for _, r := range all {
		b.keep(r)
	}
	b.version, b.journal = v, journal[R]{floor: v}
	b.wake()
}

// Put keeps a record.
func (b *Book[R]) Put(r R, v audit.Version) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keep(r)
	b.step(v)
}

// Remove forgets a record with all that goes with it, as a store does.
func (b *Book[R]) Remove(ref audit.Ref, v audit.Version) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetAll(ref)
	b.step(v)
}

// Apply brings what others changed, all at once.
func (b *Book[R]) Apply(v audit.Version, changes []Change[R]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v == b.version {
		return
	}
	for _, one := range changes {
		if one.Left {
			b.forgetAll(one.Ref)
		}
	}
	for _, one := range changes {
		if one.There {
			b.keep(one.Record)
		}
	}
	b.step(v)
}

func (b *Book[R]) keep(r R) {
	ref := r.Ref()
	was, there := b.records[ref]
	if !there {
		b.counts[noun{ref.Kind, ref.Tenant}]++
	}
	if there && b.rules.Seen(was) || b.rules.Seen(r) {
		b.journal.note(r)
	}
	b.records[ref] = r
	of := b.tenants[ref.Tenant]
	if of == nil {
		of = map[audit.Ref]R{}
		b.tenants[ref.Tenant] = of
	}
	of[ref] = r
	if key := b.rules.Key(r); key != nil {
		b.keys[key] = r
	}
}

func (b *Book[R]) forgetAll(ref audit.Ref) {
	b.forget(ref)
	for other, r := range b.tenants[ref.Tenant] {
		if b.rules.Goes(r, ref) {
			b.forget(other)
		}
	}
}

func (b *Book[R]) forget(ref audit.Ref) {
	was, there := b.records[ref]
	if !there {
		return
	}
	if b.rules.Seen(was) {
		b.journal.note(was)
	}
	if key := b.rules.Key(was); key != nil {
		delete(b.keys, key)
	}
	b.counts[noun{ref.Kind, ref.Tenant}]--
	delete(b.records, ref)
	delete(b.tenants[ref.Tenant], ref)
}

// step moves on to a version. Who waits for a newer one is woken where proxies see a difference.
func (b *Book[R]) step(v audit.Version) {
	b.version = v
	if b.journal.step(v) {
		b.wake()
	}
}

func (b *Book[R]) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// Find gives a record.
func (b *Book[R]) Find(ref audit.Ref) (R, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	r, ok := b.records[ref]
	return r, ok
}

// By gives the record that has a key.
func (b *Book[R]) By(key any) (R, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	r, ok := b.keys[key]
	return r, ok
}

// Each shows every record of a tenant, "" for all tenants, in no order, with the version. see must not wait.
func (b *Book[R]) Each(tenant string, see func(R)) audit.Version {
	b.mu.RLock()
	defer b.mu.RUnlock()
	from := b.records
	if tenant != "" {
		from = b.tenants[tenant]
	}
	for _, r := range from {
		see(r)
	}
	return b.version
}

// Own shows the records of a tenant alone, where "" is a tenant as well.
func (b *Book[R]) Own(tenant string, see func(R)) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, r := range b.tenants[tenant] {
		see(r)
	}
}

// Count is how many records of a kind a tenant has.
func (b *Book[R]) Count(kind audit.RecordKind, tenant string) int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.counts[noun{kind, tenant}]
}

// Holders lists the tenants that have records of a kind, in no order.
func (b *Book[R]) Holders(kind audit.RecordKind) (some []string) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for of, n := range b.counts {
		if of.kind == kind && n > 0 {
			some = append(some, of.tenant)
		}
	}
	return some
}

// Version is the book's, with what is closed when proxies see another one.
func (b *Book[R]) Version() (audit.Version, <-chan struct{}) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.version, b.changed
}

// Sort orders records by tenant and name.
func Sort[R Record](some []R) []R {
	slices.SortFunc(some, func(a, b R) int {
		x, y := a.Ref(), b.Ref()
		return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.Name, y.Name))
	})
	return some
}
