// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"slices"

	"github.com/causeway-mq/causeway/control/book"
	"github.com/causeway-mq/causeway/control/grant"
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
	Documents    []Document // of every kind; what proxies may know are grants alone
}

func (c Catalog) records() []Record {
	all := make([]Record, 0, len(c.Tenants)+len(c.Applications)+len(c.Keys)+len(c.Topics)+len(c.Groups)+len(c.Documents))
	all = appendAll(all, c.Tenants)
	all = appendAll(all, c.Applications)
	all = appendAll(all, c.Keys)
	all = appendAll(all, c.Topics)
	all = appendAll(all, c.Groups)
	return appendAll(all, c.Documents)
}

func appendAll[R Record](all []Record, some []R) []Record {
	for _, r := range some {
		all = append(all, r)
	}
	return all
}

// place is a name on a cluster.
type place struct {
	cluster mq.Cluster
	name    mq.Physical
}

// bookOfRecords is the memory of a Plane: what the Store has.
type bookOfRecords = book.Book[Record]

func newBook() *bookOfRecords {
	return book.New(book.Rules[Record]{
		Seen: seen,
		Goes: func(r Record, with Ref) bool {
			k, ok := r.(Key)
			return ok && with.Kind == ApplicationRecord && k.Application.String() == with.Name
		},
		Key: func(r Record) any {
			switch r := r.(type) {
			case Topic:
				return place{r.Spec.Cluster, r.Spec.Name}
			case Document:
				return Ref{Kind: r.Kind, Name: r.Name}
			}
			return nil
		},
	})
}

// seen tells whether proxies know, or should know, of a record.
func seen(r Record) bool {
	if p, ok := r.(provisioned); ok {
		return p.state().Visible()
	}
	d, document := r.(Document)
	return !document || d.Kind == grant.Kind
}

// near hints at the tenant's own record whose name is closest, "" where none is close.
func (p *Plane) near(kind RecordKind, tenant mq.Tenant, name string) string {
	var known []string
	p.book.Own(tenant.String(), func(r Record) {
		if r.Ref().Kind == kind && seen(r) {
			known = append(known, r.Ref().Name)
		}
	})
	slices.Sort(known)
	return nearest.Hint(name, known)
}

func lookup[R Record](b *bookOfRecords, ref Ref) (R, bool) {
	r, _ := b.Find(ref)
	one, ok := r.(R)
	return one, ok
}

// of lists a tenant's records of one noun, sorted by name; "" lists every tenant's.
func of[R Record](b *bookOfRecords, tenant string) []R {
	var some []R
	b.Each(tenant, func(r Record) {
		if one, ok := r.(R); ok {
			some = append(some, one)
		}
	})
	return book.Sort(some)
}

// unsettled lists what clusters do not follow yet, in no order.
func (p *Plane) unsettled() (some []provisioned) {
	p.book.Each("", func(r Record) {
		if one, ok := r.(provisioned); ok && !one.state().Settled() {
			some = append(some, one)
		}
	})
	return some
}

// Contents is what proxies serve from, now, in no order: nothing that is still being created, nothing that is being deleted. The caller owns it.
func (p *Plane) Contents() Catalog {
	all := p.Since(0)
	c := Catalog{Version: all.Version}
	for _, r := range all.Now {
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
		case Document:
			c.Documents = append(c.Documents, r)
		}
	}
	return c
}

// Version is the newest version.
func (p *Plane) Version() Version { v, _ := p.book.Version(); return v }

// News is what proxies see otherwise than at an older version.
type News = book.News[Record]

// Since is what changed for proxies after a version, everything where that is too long ago; 0 is before there was anything.
func (p *Plane) Since(have Version) News { return p.book.Since(have) }

// Next blocks until there is something newer than have, or ctx ends, and gives that as Since does.
func (p *Plane) Next(ctx context.Context, have Version) (News, error) {
	for {
		now, changed := p.book.Version()
		if now > have {
			return p.Since(have), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return News{}, ctx.Err()
		}
	}
}
