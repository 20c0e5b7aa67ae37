// SPDX-License-Identifier: Apache-2.0

// Package raise is a tenant's request for a larger quota: it names the quota plan that it wants, and the installation decides.
//
// Plans are the installation's own, and their names may tell of other tenants. So asking for one that is not there is taken like any other request;
// whoever decides reads that there is none. What is approved is a move from the plan that the tenant had when it asked: a plan that somebody gave it
// since is not taken away again by a request that did not know of it, nor by an effect that is carried out late.
package raise

import (
	"context"
	"encoding/json"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/estate"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/control/request"
	"github.com/causeway-mq/causeway/mq"
)

// Kind is that of requests for a quota.
const Kind request.Kind = "quota"

// Reasons of refusals.
const (
	InPlace control.Reason = "plan_in_place" // the tenant has the plan already
	Changed control.Reason = "plan_changed"  // the tenant has another plan than when it asked
	NoPlan  control.Reason = "no_such_plan"
)

// Wish is what a request for a quota asks for.
type Wish struct {
	Plan estate.Name // that is wanted
	Was  estate.Name // that the tenant had when it asked; zero = none
}

// wish is a Wish as a request keeps it.
type wish struct {
	Plan string `json:"plan"`
	Was  string `json:"was,omitempty"`
}

// Written is the wish as a request keeps it.
func (w Wish) Written() json.RawMessage {
	text, _ := json.Marshal(wish{w.Plan.String(), w.Was.String()}) // plain values always marshal
	return text
}

// WishOf reads what a request for a quota asks for.
func WishOf(r request.Request) (w Wish, err error) {
	var kept wish
	if err := json.Unmarshal(r.Wish, &kept); err != nil {
		return w, mq.Refuse(mq.Internal, "request %s cannot be read: %v", r.ID, err)
	}
	if w.Plan, err = estate.ParseName("plan", kept.Plan); err != nil {
		return w, err
	}
	w.Was, err = estate.OptionalName("was", kept.Was)
	return w, err
}

// Office moves tenants to the plans that they asked for. It keeps nothing but in the plane's store and is safe for concurrent use.
type Office struct{ plane *control.Plane }

// Open makes the office of a control plane, and adds what it does to the desk.
func Open(plane *control.Plane, desk *request.Desk) *Office {
	o := &Office{plane}
	desk.Add(Kind, o)
	return o
}

// Wish is a tenant's wish for a plan.
func (o *Office) Wish(of mq.Tenant, plan estate.Name) (Wish, error) {
	t, err := o.plane.Tenant(of)
	return Wish{Plan: plan, Was: t.Plan}, err
}

// Check refuses a wish for what the tenant has already. Whether there is such a plan it does not tell.
func (o *Office) Check(r request.Request) error {
	w, err := WishOf(r)
	switch {
	case err != nil:
		return err
	case r.To != (mq.Tenant{}):
		return refuse(control.OutOfRange, mq.BadRequest, "to: quotas are decided by the installation, which is asked by naming nobody").On("to")
	case w.Plan == w.Was:
		return refuse(InPlace, mq.Conflict, "plan: this tenant has the quota plan %q already", w.Plan).On("quota.plan")
	}
	return nil
}

// Ready refuses an approval by which the tenant could not move to the plan.
func (o *Office) Ready(r request.Request) error {
	w, err := WishOf(r)
	if err != nil {
		return err
	}
	t, err := o.plane.Tenant(r.From)
	switch {
	case err != nil:
		return err
	case t.Plan == w.Plan:
		return refuse(InPlace, mq.Conflict, "tenant %q has the quota plan %q already: nothing is left to approve", r.From, w.Plan)
	}
	return o.movable(r, w, t)
}

// movable refuses a tenant that has another plan than when it asked, and a plan that is not there. One that was made after the decision is another one than
// was approved.
func (o *Office) movable(r request.Request, w Wish, t control.Tenant) error {
	if t.Plan != w.Was {
		return refuse(Changed, mq.Conflict, "tenant %q has %s by now, and had %s when it asked: the request has to be made anew", r.From, called(t.Plan), called(w.Was))
	}
	doc, err := o.plane.Document(control.Ref{Kind: estate.Plan, Name: w.Plan.String()})
	if mq.KindOf(err) == mq.NotFound {
		return noPlan(w)
	}
	if err != nil {
		return err
	}
	plan, err := estate.Read(doc.Ref(), doc.Body)
	if err == nil && !r.Decided.IsZero() && plan.Created.After(r.Decided) {
		return noPlan(w)
	}
	return err
}

func noPlan(w Wish) error {
	return refuse(NoPlan, mq.Conflict, "there is no quota plan %q, or not the one any more that was there", w.Plan)
}

func called(plan estate.Name) string {
	if plan == (estate.Name{}) {
		return "no quota plan"
	}
	return "the quota plan " + plan.String()
}

// Do moves the tenant to the plan that was approved.
func (o *Office) Do(ctx context.Context, by control.Actor, r request.Request) error {
	w, err := WishOf(r)
	if err != nil {
		return err
	}
	t, err := o.plane.Tenant(r.From)
	if err != nil {
		return err
	}
	if t.Plan == w.Plan {
		return nil // it was done before
	}
	if err := o.movable(r, w, t); err != nil {
		return err
	}
	t.Plan = w.Plan
	_, err = o.plane.ChangeTenant(ctx, by, t)
	if refusal.Because(err, control.Stale) { // somebody changed something else of the tenant at this moment
		return mq.Refuse(mq.Unavailable, "tenant %q was changed by somebody else meanwhile", r.From)
	}
	return err
}

func refuse(reason control.Reason, k mq.Kind, format string, args ...any) *control.Refusal {
	return refusal.New(reason, k, format, args...)
}
