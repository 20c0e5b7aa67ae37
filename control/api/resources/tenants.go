// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"slices"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/show"
	"github.com/causeway-mq/causeway/control/estate"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func tenantOperations() []door.Operation {
	return []door.Operation{
		{ID: "listTenants", Method: "GET", Path: "/v1/tenants", Summary: "Lists the tenants that the caller may see.", Scope: door.Known, Right: identity.ReadTenant,
			Query: byLabel(), Answer: wire.Page[wire.Tenant]{}, Status: 200, Handle: listTenants},
		{ID: "createTenant", Method: "POST", Path: "/v1/tenants", Summary: "Makes a tenant.", Scope: door.Installation, Right: identity.CreateTenant,
			Request: wire.NewTenant{}, Answer: wire.Tenant{}, Status: 201, Handle: createTenant},
		{ID: "getTenant", Method: "GET", Path: door.OfTenant, Summary: "Shows a tenant.", Scope: door.InTenant, Right: identity.ReadTenant,
			Answer: wire.Tenant{}, Status: 200, Handle: getTenant},
	}
}

func listTenants(r *door.Request) (door.Answer, error) {
	c := r.Caller
	all := slices.DeleteFunc(r.Plane.Tenants(), func(t control.Tenant) bool { return !c.Sees(t.ID) })
	all, err := labelled(r, all, func(t control.Tenant) label.Labels { return t.Labels })
	if err != nil {
		return door.Answer{}, err
	}
	return door.Listing(r, all, func(t control.Tenant) string { return t.ID.String() }, show.Tenant)
}

func createTenant(r *door.Request) (door.Answer, error) {
	var want wire.NewTenant
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	id, err := mq.ParseTenant(want.ID)
	if err != nil {
		return door.Answer{}, door.Bad("out_of_range", "id", "id: 1 to 20 characters of a-z, 0-9 and '-' are required")
	}
	labels, err := label.Of(want.Labels)
	if err != nil {
		return door.Answer{}, err
	}
	made := control.Tenant{ID: id, Note: want.Note, Labels: labels}
	if made.Plan, err = estate.OptionalName("plan", want.Plan); err != nil {
		return door.Answer{}, err
	}
	if made.Environment, err = estate.OptionalName("environment", want.Environment); err != nil {
		return door.Answer{}, err
	}
	t, err := r.Plane.CreateTenant(r.Context(), r.Actor(), made)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Created(show.Tenant(t))
}

func getTenant(r *door.Request) (door.Answer, error) {
	id, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	t, err := r.Plane.Tenant(id)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(show.Tenant(t))
}
