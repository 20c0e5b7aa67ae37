// SPDX-License-Identifier: Apache-2.0

package control

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
)

// Catalog is everything that is kept, at one version.
type Catalog struct {
	Version      Version
	Tenants      []Tenant
	Applications []Application
	Keys         []Key
	Topics       []Topic
	Groups       []Group
}

// book is the memory of a Plane: what the Store has, found by name.
type book struct {
	mu      sync.RWMutex // guards all below; never held across a wait
	version Version
	records map[Ref]Record
	tenants map[string]map[Ref]Record // the same records by tenant
	counts  map[noun]int              // records of each noun in each tenant
	changed chan struct{}             // closed with the next change
	names   map[mq.Physical]Topic     // topics by engine name
}

// noun is a kind of record in one tenant.
type noun struct {
	kind   RecordKind
	tenant string
}

func newBook() *book { return &book{changed: make(chan struct{})} }

// near hints at the tenant's own record whose name is closest, "" where none is close.
func (p *Plane) near(kind RecordKind, tenant mq.Tenant, name string) string {
	p.book.mu.RLock()
	defer p.book.mu.RUnlock()
	var known []string
	for ref, r := range p.book.tenants[tenant.String()] {
		if ref.Kind == kind && seen(r) {
			known = append(known, ref.Name)
		}
	}
	slices.Sort(known)
	return nearest.Hint(name, known)
}

// load replaces everything.
func (b *book) load(c Catalog) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records, b.tenants, b.names, b.counts = map[Ref]Record{}, map[string]map[Ref]Record{}, map[mq.Physical]Topic{}, map[noun]int{}
	for _, r := range c.records() {
		b.keep(r)
	}
	b.step(c.Version, true)
}

func (c Catalog) records() []Record {
	all := make([]Record, 0, len(c.Tenants)+len(c.Applications)+len(c.Keys)+len(c.Topics)+len(c.Groups))
	all = appendAll(all, c.Tenants)
	all = appendAll(all, c.Applications)
	all = appendAll(all, c.Keys)
	all = appendAll(all, c.Topics)
	return appendAll(all, c.Groups)
}

func appendAll[R Record](all []Record, some []R) []Record {
	for _, r := range some {
		all = append(all, r)
	}
	return all
}

func (b *book) put(r Record, v Version) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.records[r.Ref()]
	r = r.at(v)
	b.keep(r)
	b.step(v, seen(was) || seen(r))
}

// seen tells whether proxies know, or should know, of a record.
func seen(r Record) bool {
	p, ok := r.(provisioned)
	return r != nil && (!ok || p.state().Visible())
}

// remove forgets a record with all that belongs to it, as a Store does.
func (b *book) remove(r Record, v Version) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ref := r.Ref()
	was := b.records[ref]
	b.forget(ref)
	for other, rec := range b.tenants[ref.Tenant] {
		if k, ok := rec.(Key); ok && ref.Kind == ApplicationRecord && k.Application.String() == ref.Name {
			b.forget(other)
		}
	}
	b.step(v, seen(was))
}

func (b *book) keep(r Record) {
	ref := r.Ref()
	if _, there := b.records[ref]; !there {
		b.counts[noun{ref.Kind, ref.Tenant}]++
	}
	b.records[ref] = r
	of := b.tenants[ref.Tenant]
	if of == nil {
		of = map[Ref]Record{}
		b.tenants[ref.Tenant] = of
	}
	of[ref] = r
	if t, ok := r.(Topic); ok {
		b.names[t.Spec.Name] = t
	}
}

func (b *book) forget(ref Ref) {
	was, there := b.records[ref]
	if !there {
		return
	}
	if t, ok := was.(Topic); ok {
		delete(b.names, t.Spec.Name)
	}
	b.counts[noun{ref.Kind, ref.Tenant}]--
	delete(b.records, ref)
	delete(b.tenants[ref.Tenant], ref)
}

// step moves on to a version. Who waits for a newer one is woken where proxies see a difference.
func (b *book) step(v Version, visible bool) {
	b.version = v
	if visible {
		close(b.changed)
		b.changed = make(chan struct{})
	}
}

func lookup[R Record](b *book, ref Ref) (R, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	r, ok := b.records[ref].(R)
	return r, ok
}

func (b *book) topicNamed(p mq.Physical) (Topic, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	t, ok := b.names[p]
	return t, ok
}

// of lists a tenant's records of one noun, sorted by name; "" lists every tenant's.
func of[R Record](b *book, tenant string) []R {
	b.mu.RLock()
	defer b.mu.RUnlock()
	from := b.records
	if tenant != "" {
		from = b.tenants[tenant]
	}
	return sorted[R](from)
}

func sorted[R Record](from map[Ref]Record) []R {
	var some []R
	for _, r := range from {
		if one, ok := r.(R); ok {
			some = append(some, one)
		}
	}
	slices.SortFunc(some, func(a, b R) int {
		x, y := a.Ref(), b.Ref()
		return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.Name, y.Name))
	})
	return some
}

func (b *book) count(kind RecordKind, tenant string) int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.counts[noun{kind, tenant}]
}

// contents is what proxies may know, in no order: nothing that is still being created, nothing that is being deleted. It runs
// with each change while thousands of topics are made, so it does not sort.
func (b *book) contents() Catalog {
	b.mu.RLock()
	defer b.mu.RUnlock()
	c := Catalog{Version: b.version}
	for _, r := range b.records {
		if !seen(r) {
			continue
		}
		switch r := r.(type) {
		case Tenant:
			c.Tenants = append(c.Tenants, r)
		case Application:
			c.Applications = append(c.Applications, r)
		case Key:
			c.Keys = append(c.Keys, r)
		case Topic:
			c.Topics = append(c.Topics, r)
		case Group:
			c.Groups = append(c.Groups, r)
		}
	}
	return c
}

// Contents is what proxies serve from, now, in no order. The caller owns it.
func (p *Plane) Contents() Catalog { return p.book.contents() }

// Version is the version of what Contents would give.
func (p *Plane) Version() Version {
	p.book.mu.RLock()
	defer p.book.mu.RUnlock()
	return p.book.version
}

// Next blocks until there is something newer than have, or ctx ends. Versions that follow each other fast may be skipped.
func (p *Plane) Next(ctx context.Context, have Version) (Catalog, error) {
	for {
		p.book.mu.RLock()
		now, changed := p.book.version, p.book.changed
		p.book.mu.RUnlock()
		if now > have {
			return p.Contents(), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Catalog{}, ctx.Err()
		}
	}
}
