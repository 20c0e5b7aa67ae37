// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/causeway-mq/causeway/mq"
)

// MaxNote bounds the free text that people attach to a record, in bytes.
const MaxNote = 500

// Tenant is a namespace with an owner.
type Tenant struct {
	ID       mq.Tenant
	Note     string
	Disabled bool
	// LoopbackUnsigned lets callers without a signature in when they come from the loopback interface.
	LoopbackUnsigned bool
	Created          time.Time
	Revision         Version
}

// Ref names the record.
func (t Tenant) Ref() Ref            { return Ref{TenantRecord, t.ID.String(), t.ID.String()} }
func (t Tenant) revision() Version   { return t.Revision }
func (t Tenant) at(v Version) Record { t.Revision = v; return t }

// CreateTenant makes a tenant. Only the installation's own default tenant may let unsigned callers in.
func (p *Plane) CreateTenant(ctx context.Context, id mq.Tenant, note string) (Tenant, error) {
	if err := checkNote(note); err != nil {
		return Tenant{}, err
	}
	t := Tenant{ID: id, Note: note, Created: p.now()}
	room := func() error {
		if len(of[Tenant](p.book, "")) >= p.opt.Limits.Tenants {
			return overQuota("tenants", p.opt.Limits.Tenants)
		}
		return nil
	}
	if err := p.addIf(ctx, t, room); err != nil {
		return Tenant{}, During("create tenant", err)
	}
	p.visible(ctx)
	return p.Tenant(id)
}

// Tenant finds a tenant. "Not there" and "not yours" read the same.
func (p *Plane) Tenant(id mq.Tenant) (Tenant, error) {
	t, ok := lookup[Tenant](p.book, Tenant{ID: id}.Ref())
	if !ok {
		return Tenant{}, mq.Refuse(mq.NotFound, "no tenant %q", id)
	}
	return t, nil
}

// Tenants lists all tenants by id.
func (p *Plane) Tenants() []Tenant { return of[Tenant](p.book, "") }

func checkNote(note string) error {
	if len(note) > MaxNote || !utf8.ValidString(note) {
		return refuse(OutOfRange, mq.BadRequest, "note: %d bytes, the limit is %d bytes of UTF-8", len(note), MaxNote).on("note").limit("500")
	}
	return nil
}

// room refuses one more record of a noun in a tenant beyond the limit.
func (p *Plane) room(kind RecordKind, tenant mq.Tenant, limit int) func() error {
	return func() error {
		if p.book.count(kind, tenant.String()) >= limit {
			return overQuota(string(kind)+"s of this tenant", limit)
		}
		return nil
	}
}

func overQuota(what string, limit int) error {
	return refuse(Quota, mq.TooManyRequests, "as many %s as allowed exist: %d", what, limit).limit(itoa(limit))
}
