// SPDX-License-Identifier: Apache-2.0

package steward

import (
	"context"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/estate"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/mq"
)

// TenantChange names what to change; nil leaves a thing as it is.
type TenantChange struct {
	Note        *string
	Labels      *label.Labels // all of them
	Plan        *estate.Name  // the zero one is none
	Environment *estate.Name
	Disabled    *bool
	Revision    control.Version // that the caller saw; 0 = whatever there is
}

// ChangeTenant changes a tenant, and returns when proxies know. The default tenant cannot be disabled. What a tenant has beyond the limits of a
// new plan stays.
func (s *Steward) ChangeTenant(ctx context.Context, by control.Actor, id mq.Tenant, c TenantChange) (control.Tenant, error) {
	t, err := s.plane.Tenant(id)
	if err != nil {
		return t, err
	}
	if c.Revision != 0 && c.Revision != t.Revision {
		return t, control.Outdated(t.Ref())
	}
	assign(&t.Note, c.Note)
	assign(&t.Labels, c.Labels)
	assign(&t.Plan, c.Plan)
	assign(&t.Environment, c.Environment)
	assign(&t.Disabled, c.Disabled)
	if t.Disabled && id.IsDefault() {
		return t, refusal.New(refusal.Reserved, mq.Conflict, "disabled: the default tenant cannot be disabled; disable its applications").On("disabled")
	}
	return s.plane.ChangeTenant(ctx, by, t)
}

// Quota is how many records of a kind a tenant has, of how many.
type Quota struct {
	Kind  control.RecordKind
	Used  int
	Bound estate.Bound
}

// Quota tells what limits a tenant has and what of them is used.
func (s *Steward) Quota(id mq.Tenant) ([]Quota, error) {
	if _, err := s.plane.Tenant(id); err != nil {
		return nil, err
	}
	own := s.plane.Limits()
	all := []Quota{
		{Kind: control.TopicRecord, Bound: estate.Bound{Most: own.Topics}}, {Kind: control.GroupRecord, Bound: estate.Bound{Most: own.Groups}},
		{Kind: control.ApplicationRecord, Bound: estate.Bound{Most: own.Applications}},
		{Kind: identity.MemberRecord, Bound: estate.Bound{Most: identity.MaxMembers}}, {Kind: identity.TokenRecord, Bound: estate.Bound{Most: identity.MaxTokens}},
	}
	for i, q := range all {
		all[i].Used, all[i].Bound = s.plane.Count(q.Kind, id), s.plane.Bound(q.Kind, id, q.Bound.Most)
	}
	return all, nil
}
