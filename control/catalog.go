// SPDX-License-Identifier: Apache-2.0

package control

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/causeway-mq/causeway/mq"
)

// Catalog is everything that is kept, at one version. Records are sorted by tenant and name.
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
	changed chan struct{}             // closed with the next change
	names   map[mq.Physical]Topic     // topics by engine name
}

func newBook() *book { return &book{changed: make(chan struct{})} }

// load replaces everything.
func (b *book) load(c Catalog) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records, b.tenants, b.names = map[Ref]Record{}, map[string]map[Ref]Record{}, map[mq.Physical]Topic{}
	for _, r := range c.records() {
		b.keep(r)
	}
	b.step(c.Version)
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
	b.keep(r.at(v))
	b.step(v)
}

// remove forgets a record with all that belongs to it, as a Store does.
func (b *book) remove(r Record, v Version) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ref := r.Ref()
	b.forget(ref)
	for other, rec := range b.tenants[ref.Tenant] {
		if k, ok := rec.(Key); ok && ref.Kind == ApplicationRecord && k.Application.String() == ref.Name {
			b.forget(other)
		}
	}
	b.step(v)
}

func (b *book) keep(r Record) {
	ref := r.Ref()
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
	if t, ok := b.records[ref].(Topic); ok {
		delete(b.names, t.Spec.Name)
	}
	delete(b.records, ref)
	delete(b.tenants[ref.Tenant], ref)
}

func (b *book) step(v Version) {
	b.version = v
	close(b.changed)
	b.changed = make(chan struct{})
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

func count[R Record](b *book, tenant string) int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	n := 0
	for _, r := range b.tenants[tenant] {
		if _, ok := r.(R); ok {
			n++
		}
	}
	return n
}

// contents is what proxies may know: nothing that is still being created, nothing that is being deleted.
func (b *book) contents() (Catalog, <-chan struct{}) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	c := Catalog{
		Version:      b.version,
		Tenants:      sorted[Tenant](b.records),
		Applications: sorted[Application](b.records),
		Keys:         sorted[Key](b.records),
	}
	for _, t := range sorted[Topic](b.records) {
		if t.State.Visible() {
			c.Topics = append(c.Topics, t)
		}
	}
	for _, g := range sorted[Group](b.records) {
		if g.State.Visible() {
			c.Groups = append(c.Groups, g)
		}
	}
	return c, b.changed
}

// Contents is what proxies serve from, now. The caller owns it.
func (p *Plane) Contents() Catalog {
	c, _ := p.book.contents()
	return c
}

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
