// SPDX-License-Identifier: Apache-2.0

package estate

import (
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/show"
	"github.com/causeway-mq/causeway/control/estate"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/control/steward"
	"github.com/causeway-mq/causeway/control/wire"
)

func tenantOperations() []door.Operation {
	return []door.Operation{
		{ID: "changeTenant", Method: "PATCH", Path: door.OfTenant, Summary: "Changes a tenant: its note, labels, plan and environment, and whether it is disabled.", Scope: door.InTenant,
			Right: identity.UpdateTenant, Request: wire.TenantChange{}, Answer: wire.Tenant{}, Status: 200, Handle: changeTenant},
		{ID: "getQuota", Method: "GET", Path: door.OfTenant + "/quota", Summary: "Shows what limits a tenant has, where each comes from, and what is used.", Scope: door.InTenant,
			Right: identity.ReadTenant, Answer: wire.Quota{}, Status: 200, Handle: getQuota},
	}
}

func changeTenant(r *door.Request) (door.Answer, error) {
	id, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	var want wire.TenantChange
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	c := steward.TenantChange{Note: want.Note, Disabled: want.Disabled}
	if c.Revision, err = r.Seen(want.Revision); err != nil {
		return door.Answer{}, err
	}
	if want.Labels != nil {
		all, err := label.Of(*want.Labels)
		if err != nil {
			return door.Answer{}, err
		}
		c.Labels = &all
	}
	if c.Plan, err = optionalName("plan", want.Plan); err != nil {
		return door.Answer{}, err
	}
	if c.Environment, err = optionalName("environment", want.Environment); err != nil {
		return door.Answer{}, err
	}
	t, err := of(r).ChangeTenant(r.Context(), r.Actor(), id, c)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(show.Tenant(t))
}

// optionalName reads a name that may be left as it is.
func optionalName(field string, text *string) (*estate.Name, error) {
	if text == nil {
		return nil, nil
	}
	n, err := estate.OptionalName(field, *text)
	return &n, err
}

func getQuota(r *door.Request) (door.Answer, error) {
	id, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	t, err := r.Plane.Tenant(id)
	if err != nil {
		return door.Answer{}, err
	}
	all, err := of(r).Quota(id)
	if err != nil {
		return door.Answer{}, err
	}
	shown := wire.Quota{Plan: t.Plan.String(), Items: make([]wire.QuotaItem, 0, len(all))}
	for _, q := range all {
		one := wire.QuotaItem{Noun: string(q.Kind), Used: q.Used, Limit: q.Bound.Most, From: "installation"}
		if q.Bound.Plan != (estate.Name{}) {
			one.From = "plan"
		}
		shown.Items = append(shown.Items, one)
	}
	return door.OK(shown)
}
