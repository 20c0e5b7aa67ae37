// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"

	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// Adopt keeps a record of what a cluster has already, which is not asked to change.
func (p *Plane) Adopt(ctx context.Context, by Actor, r Record) error {
	check := func() error { return nil }
	var err error
	switch one := r.(type) {
	case Topic:
		one.State, one.Taken, one.Created, one.Updated = Ready, true, p.now(), p.now()
		one.Spec = p.sites[one.Spec.Cluster].Kept(one.Spec)
		r, check, err = one, p.free(one.Tenant, one.Name), checkNote(one.Note)
	case Group:
		one.State, one.Taken, one.Created, one.Updated = Ready, true, p.now(), p.now()
		r, check, err = one, p.room(GroupRecord, one.Tenant, p.opt.Limits.Groups), checkGroup(one)
	case Application:
		one.Created = p.now()
		r, check, err = one, p.room(ApplicationRecord, one.Tenant, p.opt.Limits.Applications), checkRights(one.Rights, one.Note)
	case Key:
		one.Created = p.now()
		r = one
	}
	if err != nil {
		return err
	}
	return p.write(ctx, what(by, "adopt", r), write{judged(check, p.opt.Store.Add), p.keep, true})
}

// UserDocument is what is kept of a user who was taken over.
func UserDocument(t site.Taken) Document {
	return Document{Kind: site.UserRecord, Name: t.Key(), Body: jsonOf(t)}
}

// taken lists the users of a cluster who were taken over.
func (p *Plane) taken(c mq.Cluster) (some []site.Taken) {
	for _, d := range p.Documents(site.UserRecord, "") {
		var t site.Taken
		if err := json.Unmarshal([]byte(d.Body), &t); err == nil && t.Cluster == c.String() {
			t.Ended = p.ended(t)
			some = append(some, t)
		}
	}
	return some
}

// ended is why the key of a user who was taken over may not be used, "" while it may.
func (p *Plane) ended(t site.Taken) string {
	k, _ := lookup[Key](p.book, Ref{Kind: KeyRecord, Tenant: t.Tenant, Name: t.User})
	a, there := lookup[Application](p.book, Application{Tenant: k.Tenant, Name: k.Application}.Ref())
	of, _ := p.Tenant(k.Tenant)
	switch {
	case !there:
		return "his application " + t.Application + " is gone"
	case !k.Revoked.IsZero():
		return "his key is revoked"
	case !k.Live(p.now()):
		return "his key has expired"
	case a.Disabled:
		return "his application " + t.Application + " is disabled"
	case of.Disabled:
		return "tenant " + t.Tenant + " is disabled"
	}
	return ""
}

// mark keeps that the plane disables a user, or has enabled him again.
func (p *Plane) mark(ctx context.Context, t site.Taken) error {
	d, err := p.Document(UserDocument(t).Ref())
	if err != nil {
		return err
	}
	d.Body = UserDocument(t).Body
	return p.put(ctx, what(Itself("repair"), map[bool]string{true: "disable", false: "enable"}[t.Off], d))
}
