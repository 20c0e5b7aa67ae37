// SPDX-License-Identifier: Apache-2.0

package requests

import (
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/wire"
)

func grantOperations() []door.Operation {
	return []door.Operation{
		{ID: "listGrants", Method: "GET", Path: grants, Summary: "Lists the topics that a tenant lends and borrows.", Scope: door.InTenant, Right: identity.ReadGrant,
			Query: door.Pieces(door.MaxPage), Answer: wire.Page[wire.Grant]{}, Status: 200, Handle: listGrants},
		{ID: "getGrant", Method: "GET", Path: oneGrant, Summary: "Shows a grant by its id, or by this tenant's name for the topic.", Scope: door.InTenant, Right: identity.ReadGrant, Answer: wire.Grant{}, Status: 200, Handle: getGrant},
		{ID: "deleteGrant", Method: "DELETE", Path: oneGrant, Summary: "Ends a grant, from either side; clients of the borrower are cut off within seconds.", Scope: door.InTenant,
			Right: identity.DeleteGrant, Status: 204, Handle: deleteGrant},
	}
}

func listGrants(r *door.Request) (door.Answer, error) {
	t, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	some, err := open(r).Lending.Grants(t)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Listing(r, some, func(g grant.Grant) string { return g.ID }, func(g grant.Grant) wire.Grant { return ShowGrant(r, g) })
}

func getGrant(r *door.Request) (door.Answer, error) {
	at, err := at(r, "grant")
	if err != nil {
		return door.Answer{}, err
	}
	g, err := open(r).Lending.Grant(at.Tenant, at.ID)
	return door.Answer{Status: 200, Body: ShowGrant(r, g)}, err
}

func deleteGrant(r *door.Request) (door.Answer, error) {
	at, err := at(r, "grant")
	var seen control.Version
	if err == nil {
		seen, err = r.Seen(0)
	}
	if err != nil {
		return door.Answer{}, err
	}
	if err := open(r).Lending.End(r.Context(), r.Caller, at, seen); err != nil {
		return door.Answer{}, err
	}
	return door.None()
}

// ShowGrant is a grant as both sides see it.
func ShowGrant(r *door.Request, g grant.Grant) wire.Grant {
	out := wire.Grant{
		ID: g.ID, Owner: g.Owner.String(), Topic: g.Topic.String(), Borrower: g.Borrower.String(), As: g.As.String(), Publish: g.Rights.Publish, Subscribe: g.Rights.Subscribe,
		Expires: door.Optional(g.Expires), Created: g.Created, Request: g.Request, Revision: uint64(g.Revision),
	}
	if t, holds := r.Plane.Lent(g); holds {
		out.Holds, out.Cluster = true, t.Spec.Cluster.String()
		if g.Rights.Publish {
			out.Types = door.Texts(t.Spec.Accepts.Lendable().Types())
		}
	}
	return out
}
