// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/mq"
)

// How a tenant goes, and what stays of it. Its deletion is long work (see control/job), made of these steps.
//
// Its name may be used again. A cluster may still hold what bore the old tenant's names by then: messages that wait for their time, or come
// back when a lease ends that nobody settles any more, find their topic by its name alone. So a tenant that is not the first of its name has
// other physical names, with its number among those of its name: "shop|2%orders".

// PastRecord is the kind of what stays of tenants that are gone: one for each name, the installation's own.
const PastRecord RecordKind = "past-tenant"

// past is what stays of the tenants that had a name.
type past struct {
	Times int       `json:"times"` // how many there were
	Left  time.Time `json:"left"`  // when the last one went
	Job   string    `json:"job"`   // that deleted it
}

// pastOf is what stays of the tenants of that name, with its document; zero where there was none.
func (p *Plane) pastOf(t mq.Tenant) (was past, d Document) {
	d, err := p.Document(Ref{Kind: PastRecord, Name: t.String()})
	if err == nil {
		_ = json.Unmarshal([]byte(d.Body), &was) // it is this plane's own text
	}
	return was, d
}

// physical is the name of something new of a tenant, given what it would be for the first tenant of that name.
func (p *Plane) physical(t mq.Tenant, name mq.Physical) mq.Physical {
	was, _ := p.pastOf(t)
	if was.Times == 0 {
		return name
	}
	head, rest, _ := strings.Cut(name.String(), "%")
	if n, err := mq.ParsePhysical(head + "|" + strconv.Itoa(was.Times+1) + "%" + rest); err == nil {
		return n
	}
	return name
}

// SwitchTenantOff lets nobody in any more who has a key, a token or a password of the tenant, and returns when proxies know.
func (p *Plane) SwitchTenantOff(ctx context.Context, by Actor, id mq.Tenant) error {
	for {
		t, err := p.Tenant(id)
		if err == nil && !t.Disabled {
			t.Disabled = true
			err = p.put(ctx, what(by, "switch-off", t))
		}
		if refusal.Because(err, Stale) { // somebody else changed it meanwhile: perhaps he did this
			continue
		}
		if err == nil {
			p.Visible(ctx)
		}
		return During("switch tenant off", err)
	}
}

// Bury notes that a tenant goes, once for each job that deletes one.
func (p *Plane) Bury(ctx context.Context, by Actor, id mq.Tenant, job string) error {
	was, d := p.pastOf(id)
	if was.Job == job {
		return nil
	}
	is := past{Times: was.Times + 1, Left: p.now(), Job: job}
	d.Kind, d.Name, d.Body = PastRecord, id.String(), jsonOf(is)
	if was.Times == 0 {
		return p.add(ctx, by, d)
	}
	return p.put(ctx, what(by, "update", d))
}

// Followed tells whether a tenant came after the one of its name that a job has deleted.
func (p *Plane) Followed(t Tenant, job string) bool {
	was, _ := p.pastOf(t.ID)
	return was.Job == job && t.Created.After(was.Left)
}

// RemoveTenant forgets a tenant of which nothing is left. Conflict while anything belongs to it.
func (p *Plane) RemoveTenant(ctx context.Context, by Actor, id mq.Tenant) error {
	t, err := p.Tenant(id)
	if err != nil {
		return err
	}
	if err := p.remove(ctx, what(by, "delete", t)); err != nil {
		return During("delete tenant", err)
	}
	p.Visible(ctx)
	return nil
}

// Holds counts what belongs to a tenant, of every kind.
func (p *Plane) Holds(id mq.Tenant) (n int) {
	own := Tenant{ID: id}.Ref()
	p.book.Own(id.String(), func(r Record) {
		if r.Ref() != own {
			n++
		}
	})
	return n
}
