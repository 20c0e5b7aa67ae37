// SPDX-License-Identifier: Apache-2.0

// Package requests answers for requests with approval and for grants.
package requests

import (
	"context"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/estate"
	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/lending"
	"github.com/causeway-mq/causeway/control/raise"
	"github.com/causeway-mq/causeway/control/reception"
	"github.com/causeway-mq/causeway/control/request"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// Paths of this room.
const (
	all      = door.OfTenant + "/requests"
	one      = all + "/{request}"
	everyone = "/v1/requests" // who asks the installation
	anyone   = everyone + "/{request}"
	grants   = door.OfTenant + "/grants"
	oneGrant = grants + "/{grant}"
)

// Operations is what this room answers.
func Operations() []door.Operation {
	return slices.Concat(requestOperations(), installationOperations(), grantOperations())
}

func requestOperations() []door.Operation {
	return []door.Operation{
		{ID: "listRequests", Method: "GET", Path: all, Summary: "Lists what a tenant asks of others and of the installation, and what others ask of it.", Scope: door.InTenant, Right: identity.ReadRequest,
			Query: door.Pieces(door.MaxPage), Answer: wire.Page[wire.Request]{}, Status: 200, Handle: list},
		{ID: "createRequest", Method: "POST", Path: all, Summary: "Asks another tenant for a grant, or the installation for a quota; who is asked decides.", Scope: door.InTenant, Right: identity.CreateRequest,
			Request: wire.NewRequest{}, Answer: wire.Request{}, Status: 201, Handle: create},
		{ID: "getRequest", Method: "GET", Path: one, Summary: "Shows a request.", Scope: door.InTenant, Right: identity.ReadRequest, Answer: wire.Request{}, Status: 200, Handle: get},
		{ID: "approveRequest", Method: "POST", Path: one + "/approval", Summary: "Says yes to a request of another tenant; what it asks for comes about.", Scope: door.InTenant,
			Right: identity.DecideRequest, Request: wire.Decision{}, Answer: wire.Request{}, Status: 200, Handle: decided((*request.Desk).Approve)},
		{ID: "refuseRequest", Method: "POST", Path: one + "/refusal", Summary: "Says no to a request of another tenant.", Scope: door.InTenant,
			Right: identity.DecideRequest, Request: wire.Decision{}, Answer: wire.Request{}, Status: 200, Handle: decided((*request.Desk).Refuse)},
		{ID: "withdrawRequest", Method: "POST", Path: one + "/withdrawal", Summary: "Takes a request of this tenant back.", Scope: door.InTenant,
			Right: identity.CreateRequest, Request: wire.Decision{}, Answer: wire.Request{}, Status: 200, Handle: decided((*request.Desk).Withdraw)},
		{ID: "commentRequest", Method: "POST", Path: one + "/comments", Summary: "Says something about a request; both sides read it.", Scope: door.InTenant,
			Right: identity.CommentRequest, Request: wire.NewComment{}, Answer: wire.Request{}, Status: 200, Handle: comment},
	}
}

// installationOperations are about what tenants ask of the installation.
func installationOperations() []door.Operation {
	return []door.Operation{
		{ID: "listInstallationRequests", Method: "GET", Path: everyone, Summary: "Lists what tenants ask of the installation.", Scope: door.Installation, Right: identity.ReadRequest,
			Query: door.Pieces(door.MaxPage), Answer: wire.Page[wire.Request]{}, Status: 200, Handle: list},
		{ID: "getInstallationRequest", Method: "GET", Path: anyone, Summary: "Shows a request to the installation.", Scope: door.Installation, Right: identity.ReadRequest,
			Answer: wire.Request{}, Status: 200, Handle: get},
		{ID: "approveInstallationRequest", Method: "POST", Path: anyone + "/approval", Summary: "Says yes to a request to the installation; what it asks for comes about.", Scope: door.Installation,
			Right: identity.AnswerRequest, Request: wire.Decision{}, Answer: wire.Request{}, Status: 200, Handle: decided((*request.Desk).Approve)},
		{ID: "refuseInstallationRequest", Method: "POST", Path: anyone + "/refusal", Summary: "Says no to a request to the installation.", Scope: door.Installation,
			Right: identity.AnswerRequest, Request: wire.Decision{}, Answer: wire.Request{}, Status: 200, Handle: decided((*request.Desk).Refuse)},
		{ID: "commentInstallationRequest", Method: "POST", Path: anyone + "/comments", Summary: "Says something about a request to the installation; the tenant reads it.", Scope: door.Installation,
			Right: identity.AnswerRequest, Request: wire.NewComment{}, Answer: wire.Request{}, Status: 200, Handle: comment},
	}
}

// open makes what answers a request; nothing is kept in it.
func open(r *door.Request) reception.Reception { return reception.Open(r.Plane, r.Who, r.Clock.Now) }

// side is the tenant of the path, the zero one where the path is the installation's.
func side(r *door.Request) (mq.Tenant, error) {
	if r.PathValue("tenant") == "" {
		return mq.Tenant{}, nil
	}
	return r.Tenant()
}

// at names the request of the path.
func at(r *door.Request, parameter string) (request.At, error) {
	t, err := side(r)
	if err == nil && t != (mq.Tenant{}) {
		_, err = r.Plane.Tenant(t)
	}
	return request.At{Tenant: t, ID: r.PathValue(parameter)}, err
}

func list(r *door.Request) (door.Answer, error) {
	t, err := side(r)
	if err != nil {
		return door.Answer{}, err
	}
	some, err := open(r).Desk.Requests(t)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Listing(r, some, func(q request.Request) string { return q.ID }, func(q request.Request) wire.Request { return Show(q, t) })
}

func get(r *door.Request) (door.Answer, error) {
	at, err := at(r, "request")
	if err != nil {
		return door.Answer{}, err
	}
	q, err := open(r).Desk.Request(at)
	return door.Answer{Status: 200, Body: Show(q, at.Tenant)}, err
}

func create(r *door.Request) (door.Answer, error) {
	at, err := at(r, "request")
	if err != nil {
		return door.Answer{}, err
	}
	var asked wire.NewRequest
	if err := r.Decode(&asked); err != nil {
		return door.Answer{}, err
	}
	n := request.New{Kind: request.Kind(asked.Kind), From: at.Tenant, Reason: asked.Reason}
	if n.To, err = addressee(asked); err != nil {
		return door.Answer{}, err
	}
	offices := open(r)
	switch n.Kind {
	case lending.Kind:
		w, err := grantIn(asked.Grant)
		if err != nil {
			return door.Answer{}, err
		}
		n.Wish = w.Written()
	case raise.Kind:
		plan, err := planIn(asked.Quota)
		if err != nil {
			return door.Answer{}, err
		}
		w, err := offices.Raise.Wish(at.Tenant, plan)
		if err != nil {
			return door.Answer{}, err
		}
		n.Wish = w.Written()
	}
	q, err := offices.Desk.Ask(r.Context(), r.Caller, n)
	return door.Answer{Status: 201, Body: Show(q, at.Tenant)}, err
}

// addressee is who is to decide; the installation decides about quotas alone.
func addressee(asked wire.NewRequest) (mq.Tenant, error) {
	switch {
	case asked.To == "" && request.Kind(asked.Kind) == raise.Kind:
		return mq.Tenant{}, nil
	case asked.To == "":
		return mq.Tenant{}, door.Bad("missing", "to", "to: the tenant that is to decide is needed")
	}
	t, err := mq.ParseTenant(asked.To)
	return t, door.In("to", err)
}

func planIn(asked *wire.QuotaWish) (estate.Name, error) {
	if asked == nil {
		return estate.Name{}, door.Bad("missing", "quota", "quota: the kind quota needs it")
	}
	n, err := estate.ParseName("quota.plan", asked.Plan)
	return n, err
}

func grantIn(asked *wire.GrantWish) (w lending.Wish, err error) {
	if asked == nil {
		return w, door.Bad("missing", "grant", "grant: the kind grant needs it")
	}
	w = lending.Wish{Rights: grant.Rights{Publish: asked.Publish, Subscribe: asked.Subscribe}, Expires: door.TimeOf(asked.Expires)}
	if w.Topic, err = mq.ParseTopicName(asked.Topic); err != nil {
		return w, door.In("grant.topic", err)
	}
	w.As, err = mq.ParseTopicName(asked.As)
	return w, door.In("grant.as", err)
}

// decided is a handler of how a request ends.
func decided(end func(*request.Desk, context.Context, identity.Caller, request.At, request.Decision) (request.Request, error)) door.Handler {
	return func(r *door.Request) (door.Answer, error) {
		at, err := at(r, "request")
		if err != nil {
			return door.Answer{}, err
		}
		var d wire.Decision
		if err := r.Decode(&d); err != nil {
			return door.Answer{}, err
		}
		q, err := end(open(r).Desk, r.Context(), r.Caller, at, request.Decision{Why: d.Why, Revision: control.Version(d.Revision)})
		return door.Answer{Status: 200, Body: Show(q, at.Tenant)}, err
	}
}

func comment(r *door.Request) (door.Answer, error) {
	at, err := at(r, "request")
	if err != nil {
		return door.Answer{}, err
	}
	var said wire.NewComment
	if err := r.Decode(&said); err != nil {
		return door.Answer{}, err
	}
	q, err := open(r).Desk.Comment(r.Context(), r.Caller, at, said.Text)
	return door.Answer{Status: 200, Body: Show(q, at.Tenant)}, err
}

// Show is a request as one side sees it: of the other side's people it learns who asks, since that is for the other side to say, and nobody else.
func Show(q request.Request, to mq.Tenant) wire.Request {
	out := wire.Request{
		ID: q.ID, Kind: string(q.Kind), State: string(q.State), From: q.From.String(), To: q.To.String(), By: called(q.By, q.From, to), Reason: q.Reason,
		Created: q.Created, Ends: q.Ends, Decided: door.Optional(q.Decided), Why: q.Why, Due: q.Due, Failed: q.Failed, Revision: uint64(q.Revision),
	}
	side := q.To
	if q.State == request.Withdrawn {
		side = q.From
	}
	if q.Decider != (request.Party{}) { // the other side's people stay its own; the installation has no secret name
		if who := called(q.Decider, side, to); side == to || who == installation {
			out.Decider = who
		}
	}
	switch q.Kind {
	case raise.Kind:
		if w, err := raise.WishOf(q); err == nil {
			out.Quota = &wire.QuotaChange{Plan: w.Plan.String(), Was: w.Was.String()}
		}
	case lending.Kind:
		if w, err := lending.WishOf(q); err == nil {
			out.Grant = &wire.GrantWish{Topic: w.Topic.String(), As: w.As.String(), Publish: w.Rights.Publish, Subscribe: w.Rights.Subscribe, Expires: door.Optional(w.Expires)}
		}
	}
	for _, c := range q.Comments {
		said := wire.RequestComment{Side: c.Side.String(), At: c.At, Text: c.Text}
		if c.Side == to {
			said.By = called(c.By, to, to)
		}
		out.Comments = append(out.Comments, said)
	}
	return out
}

// installation is what tenants know of those who act for all of it.
const installation = "installation"

// called is somebody who acts for a side as the reader may know him: who is of the installation has no name for tenants, and the installation knows its own
// members and tokens.
func called(p request.Party, of, reader mq.Tenant) string {
	own := reader == (mq.Tenant{}) && (p.Kind == control.MemberActor || p.Kind == control.TokenActor)
	if own || of != (mq.Tenant{}) && strings.HasPrefix(p.Name, of.String()+"/") {
		return p.Name
	}
	return installation
}
