// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"

	"github.com/causeway-mq/causeway/control/book"
)

// Document is a record of a noun that has no table of its own. Whoever owns the noun says what stands in it.
type Document struct {
	Kind     RecordKind
	Tenant   string // "" = the installation's own
	Name     string // unique within kind and tenant, at most 200 bytes
	Body     string // JSON, which the audit shows
	Hidden   string // JSON that is shown nowhere: hashes of secrets; "" for none
	Revision Version
}

// Ref names the record.
func (d Document) Ref() Ref            { return Ref{Kind: d.Kind, Tenant: d.Tenant, Name: d.Name} }
func (d Document) revision() Version   { return d.Revision }
func (d Document) at(v Version) Record { d.Revision = v; return d }
func (d Document) view() any           { return json.RawMessage(d.Body) }

// Document finds a document.
func (p *Plane) Document(ref Ref) (Document, error) {
	d, ok := lookup[Document](p.book, ref)
	if !ok {
		return Document{}, Absent(ref)
	}
	return d, nil
}

// DocumentNamed finds a document by its name alone, for kinds whose names are random: nobody has one twice.
func (p *Plane) DocumentNamed(kind RecordKind, name string) (Document, bool) {
	r, _ := p.book.By(Ref{Kind: kind, Name: name})
	d, ok := r.(Document)
	return d, ok
}

// Documents lists the documents of a kind in a tenant by name, "" as the kind those of every kind; "" as the tenant lists the installation's own.
func (p *Plane) Documents(kind RecordKind, tenant string) []Document {
	var some []Document
	p.book.Own(tenant, func(r Record) {
		if d, ok := r.(Document); ok && (d.Kind == kind || kind == "") {
			some = append(some, d)
		}
	})
	return book.Sort(some)
}

// EveryDocument lists the documents of a kind of every tenant, by tenant and name.
func (p *Plane) EveryDocument(kind RecordKind) []Document {
	var all []Document
	for _, tenant := range p.book.Holders(kind) {
		all = append(all, p.Documents(kind, tenant)...)
	}
	return book.Sort(all)
}

// AddDocument keeps a new document after a check that no other change can come between.
func (p *Plane) AddDocument(ctx context.Context, by Actor, d Document, check func() error) (Document, error) {
	if err := p.addIf(ctx, by, d, check); err != nil {
		return d, During("create "+string(d.Kind), err)
	}
	p.shown(ctx, d)
	return p.Document(d.Ref())
}

// ChangeDocument replaces a document that still has its revision; action is how the audit calls it.
func (p *Plane) ChangeDocument(ctx context.Context, by Actor, action string, d Document) (Document, error) {
	if err := p.put(ctx, what(by, action, d)); err != nil {
		return d, During(action+" "+string(d.Kind), err)
	}
	p.shown(ctx, d)
	return p.Document(d.Ref())
}

// RemoveDocument forgets a document that still has d's revision.
func (p *Plane) RemoveDocument(ctx context.Context, by Actor, d Document) error {
	return p.RemoveDocumentIf(ctx, by, d, func() error { return nil })
}

// RemoveDocumentIf is RemoveDocument after a check that no other change can come between.
func (p *Plane) RemoveDocumentIf(ctx context.Context, by Actor, d Document, check func() error) error {
	err := p.write(ctx, what(by, "delete", d), write{judged(check, p.opt.Store.Remove), p.forget, false})
	p.shown(ctx, d)
	return During("delete "+string(d.Kind), err)
}

// shown waits until proxies have a change of what they know of.
func (p *Plane) shown(ctx context.Context, d Document) {
	if seen(d) {
		p.Visible(ctx)
	}
}

// Note writes a row of audit about something that changes no record. Without the row it must not be done.
func (p *Plane) Note(ctx context.Context, by Actor, action Verb, on Ref, why string) error {
	return p.note(ctx, Entry{Actor: by, Action: action, Target: on, Outcome: Done, Why: why})
}
