// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/control/estate"
	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/mq"
)

// MaxNote bounds the free text that people attach to a record, in bytes.
const MaxNote = 500

// Tenant is a namespace with an owner.
type Tenant struct {
	ID          mq.Tenant
	Note        string
	Labels      label.Labels
	Plan        estate.Name // whose limits hold; none: the installation's alone
	Environment estate.Name
	Disabled    bool // nobody gets in, and what it has stays
	// LoopbackUnsigned lets callers without a signature in when they come from the loopback interface.
	LoopbackUnsigned bool
	Created          time.Time
	Revision         Version
}

// Ref names the record.
func (t Tenant) Ref() Ref            { return Ref{Kind: TenantRecord, Tenant: t.ID.String(), Name: t.ID.String()} }
func (t Tenant) revision() Version   { return t.Revision }
func (t Tenant) at(v Version) Record { t.Revision = v; return t }

// CreateTenant makes a tenant out of its id, note, labels, plan and environment. Only the installation's own default tenant may let unsigned callers in.
func (p *Plane) CreateTenant(ctx context.Context, by Actor, t Tenant) (Tenant, error) {
	if err := checkNote(t.Note); err != nil {
		return Tenant{}, err
	}
	t.Created, t.Disabled, t.LoopbackUnsigned, t.Revision = p.now(), false, false, 0
	if was, _ := p.pastOf(t.ID); !t.Created.After(was.Left) { // what is older than the tenant is not for it to see
		t.Created = was.Left.Add(time.Microsecond)
	}
	room := func() error {
		if len(of[Tenant](p.book, "")) >= p.opt.Limits.Tenants {
			return estate.Bound{Most: p.opt.Limits.Tenants}.Over(TenantRecord)
		}
		return p.named(t)
	}
	if err := p.addIf(ctx, by, t, room); err != nil {
		return Tenant{}, During("create tenant", err)
	}
	p.Visible(ctx)
	return p.Tenant(t.ID)
}

// ChangeTenant keeps a tenant that still has its revision, and returns when proxies know.
func (p *Plane) ChangeTenant(ctx context.Context, by Actor, t Tenant) (Tenant, error) {
	if err := checkNote(t.Note); err != nil {
		return Tenant{}, err
	}
	put := judged(func() error { return p.named(t) }, p.opt.Store.Put)
	if err := p.write(ctx, what(by, "update", t), write{put, p.keep, true}); err != nil {
		return Tenant{}, During("change tenant", err)
	}
	p.Visible(ctx)
	return p.Tenant(t.ID)
}

// named refuses a tenant that names what is not there.
func (p *Plane) named(t Tenant) error {
	for kind, name := range map[RecordKind]estate.Name{estate.Plan: t.Plan, estate.Environment: t.Environment} {
		if _, err := p.Document(Ref{Kind: kind, Name: name.String()}); err != nil && name != (estate.Name{}) {
			return refuse(OutOfRange, mq.BadRequest, "%s: there is no %q", kind, name).On(string(kind))
		}
	}
	return nil
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
	if audit.Clip(note, MaxNote) != note {
		return refuse(OutOfRange, mq.BadRequest, "note: %d bytes, the limit is %d bytes of UTF-8", len(note), MaxNote).On("note").Beyond("500")
	}
	return nil
}

// room refuses one more record of a noun in a tenant beyond the limit, and any in a tenant that is disabled.
func (p *Plane) room(kind RecordKind, tenant mq.Tenant, limit int) func() error {
	return func() error {
		if t, err := p.Tenant(tenant); err == nil && t.Disabled {
			return refuse(Busy, mq.Conflict, "tenant %q is disabled: nothing is made in it", tenant)
		}
		if b := p.Bound(kind, tenant, limit); p.Count(kind, tenant) >= b.Most {
			return b.Over(kind)
		}
		return nil
	}
}

// Bound is how many records of a kind a tenant may have, where the installation allows so many: the tenant's plan may allow less.
func (p *Plane) Bound(kind RecordKind, tenant mq.Tenant, limit int) estate.Bound {
	b := estate.Bound{Most: limit}
	t, err := p.Tenant(tenant)
	if err != nil || t.Plan == (estate.Name{}) {
		return b
	}
	plan, err := p.Document(Ref{Kind: estate.Plan, Name: t.Plan.String()})
	if err != nil {
		return b
	}
	if i, err := estate.Read(plan.Ref(), plan.Body); err == nil && i.Limits.Of(kind) > 0 && i.Limits.Of(kind) < limit {
		return estate.Bound{Most: i.Limits.Of(kind), Plan: t.Plan}
	}
	return b
}

// Count is how many records of a kind a tenant has.
func (p *Plane) Count(kind RecordKind, tenant mq.Tenant) int {
	return p.book.Count(kind, tenant.String())
}

// Limits are those of the installation.
func (p *Plane) Limits() Limits { return p.opt.Limits }
