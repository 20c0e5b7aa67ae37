// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// Caller is who calls: an actor, with the role that he has and where he has it.
type Caller struct {
	Actor  control.Actor
	Tenant mq.Tenant // zero = the installation
	Role   Role
	// Holder has the machine or the installation's one token: every right, since the files are his.
	Holder bool
}

// Reasons of refusals for lack of a right.
const (
	NoRight        control.Reason = "no_right"            // the role does not have it
	WrongPlace     control.Reason = "not_of_installation" // a tenant's caller asks about the installation
	OwnRole        control.Reason = "own_role"            // nobody changes his own
	NotYoursToGive control.Reason = "role_not_yours_to_give"
)

// BreakGlassUse is the verb of the row that tells of a use of break-glass; why names the right that was used.
const BreakGlassUse control.Verb = "break-glass.use"

// Local is whoever reaches an installation that asks nobody who he is, or shows its one token.
func Local(a control.Actor) Caller {
	a.Kind, a.Role = control.LocalActor, string(Installation)
	return Caller{Actor: a, Role: Installation, Holder: true}
}

// Authenticate finds whose token a text is. from names address and request of the call. Nobody learns why a text is refused: why goes to
// the log.
func (d *Directory) Authenticate(ctx context.Context, text string, from control.Actor) (c Caller, why string) {
	t, ok := d.find(text)
	switch {
	case !ok:
		return Caller{}, "unknown token"
	case !t.Revoked.IsZero():
		return Caller{}, "token " + t.ID + " is revoked"
	case !t.Live(d.now()):
		return Caller{}, "token " + t.ID + " has expired"
	}
	if t.Tenant != (mq.Tenant{}) {
		if at, err := d.plane.Tenant(t.Tenant); err != nil || at.Disabled {
			return Caller{}, "the tenant of token " + t.ID + " is switched off"
		}
	}
	d.used(ctx, t)
	from.Kind, from.Name, from.Role = control.TokenActor, actorName(t.Tenant, t.ID), string(t.Role)
	return Caller{Actor: from, Tenant: t.Tenant, Role: t.Role}, ""
}

// Sees tells whether a tenant is within the caller's reach. To whom it is not, it does not exist.
func (c Caller) Sees(t mq.Tenant) bool { return c.Tenant == (mq.Tenant{}) || c.Tenant == t }

// Is tells whether the caller is that member.
func (c Caller) Is(m Member) bool {
	return c.Actor.Kind == control.MemberActor && c.Tenant == m.Tenant && c.Actor.Name == actorName(m.Tenant, m.Name)
}

// May tells whether the caller's role has a right.
func (c Caller) May(v control.Verb) bool { return c.Holder || c.Role.May(v) }

// Wish is what somebody wants to do.
type Wish struct {
	Right control.Verb
	On    control.Ref
	// Everywhere says that it is about the whole installation; else it is about a tenant that the caller sees.
	Everywhere bool
}

// Allow lets a caller do something, or refuses it and writes the denial down. A use of break-glass is written down before it happens.
func (d *Directory) Allow(ctx context.Context, c Caller, w Wish) error {
	switch {
	case w.Everywhere && c.Tenant != (mq.Tenant{}):
		return d.deny(ctx, c, w, refusal{WrongPlace, "this is about the installation; your credential is a tenant's"})
	case !c.May(w.Right):
		return d.deny(ctx, c, w, refusal{NoRight, "the role " + string(c.Role) + " has no right to " + string(w.Right)})
	case c.Role == BreakGlass:
		return d.plane.Note(ctx, c.Actor, BreakGlassUse, w.On, string(w.Right))
	}
	return nil
}

func (d *Directory) mayGive(ctx context.Context, by Caller, r Role, w Wish) error {
	if by.Holder || by.Role.gives(r) {
		return nil
	}
	return d.deny(ctx, by, w, refusal{NotYoursToGive, "the role " + string(by.Role) + " does not give or take the role " + string(r)})
}

// refusal is why somebody has no right.
type refusal struct {
	reason control.Reason
	why    string
}

// Ban is why somebody may not do something although his role has the right.
type Ban struct {
	Reason control.Reason
	Why    string
}

// Forbid writes a ban down and gives the refusal.
func (d *Directory) Forbid(ctx context.Context, c Caller, w Wish, b Ban) error {
	return d.deny(ctx, c, w, refusal{b.Reason, b.Why})
}

// deny writes a denial down and gives the refusal.
func (d *Directory) deny(ctx context.Context, c Caller, w Wish, r refusal) error {
	d.denied(ctx, c, w, r.why)
	return &control.Refusal{Err: mq.Refuse(mq.Forbidden, "%s", r.why), Reason: r.reason}
}

// Stray writes down that a caller asked for a tenant that he does not see. The row belongs to his own place: nobody else is to read of it.
func (d *Directory) Stray(ctx context.Context, c Caller, v control.Verb, wanted string) {
	d.denied(ctx, c, Wish{Right: v, On: control.Ref{Kind: control.TenantRecord, Tenant: c.Tenant.String(), Name: wanted}}, "not the caller's tenant")
}

// Bounds of the rows that denials make: beyond them the API's log has them, and the next row says how many they were.
const (
	maxDenials = 200 // of one caller within denialSpan
	denialSpan = time.Minute
)

// denials counts the rows of each caller, so that nobody can fill the audit with what he may not do.
type denials struct {
	mu   sync.Mutex // guards seen
	seen map[control.Actor]*denial
}

type denial struct {
	begun         time.Time
	rows, dropped int
}

func newDenials() *denials { return &denials{seen: map[control.Actor]*denial{}} }

// admit tells whether a row is written, and how many were not since the last one.
func (d *denials) admit(who control.Actor, now time.Time) (dropped int, ok bool) {
	key := control.Actor{Kind: who.Kind, Name: who.Name}
	d.mu.Lock()
	defer d.mu.Unlock()
	one := d.seen[key]
	if one == nil {
		one = &denial{begun: now}
		d.seen[key] = one
	}
	if now.Sub(one.begun) >= denialSpan {
		one.begun, one.rows = now, 0
	}
	if one.rows >= maxDenials {
		one.dropped++
		return 0, false
	}
	one.rows++
	dropped, one.dropped = one.dropped, 0
	return dropped, true
}

// denied writes a denial down.
func (d *Directory) denied(ctx context.Context, c Caller, w Wish, why string) {
	dropped, ok := d.denials.admit(c.Actor, d.now())
	if !ok {
		return
	}
	if dropped > 0 {
		why += fmt.Sprintf("; %d denials of this caller before it stand in the log alone", dropped)
	}
	d.plane.Deny(ctx, c.Actor, w.Right, w.On, why)
}
