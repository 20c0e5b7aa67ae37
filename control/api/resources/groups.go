// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/show"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
)

func groupOperations() []door.Operation {
	return []door.Operation{
		{ID: "listGroups", Method: "GET", Path: door.OfTenant + "/groups", Summary: "Lists a tenant's groups.", Scope: door.InTenant, Right: identity.ReadGroup,
			Query: byLabel(), Answer: wire.Page[wire.Group]{}, Status: 200, Handle: listGroups},
		{ID: "createGroup", Method: "POST", Path: door.OfTenant + "/groups", Summary: "Makes a group and answers when it can be used.", Scope: door.InTenant, Right: identity.CreateGroup,
			Request: wire.NewGroup{}, Answer: wire.Group{}, Status: 201, Handle: createGroup},
		{ID: "getGroup", Method: "GET", Path: door.OfGroup, Summary: "Shows a group.", Scope: door.InTenant, Right: identity.ReadGroup,
			Answer: wire.Group{}, Status: 200, Handle: getGroup},
		{ID: "changeGroup", Method: "PATCH", Path: door.OfGroup, Summary: "Changes a group.", Scope: door.InTenant, Right: identity.UpdateGroup,
			Request: wire.GroupChange{}, Answer: wire.Group{}, Status: 200, Handle: changeGroup},
		{ID: "deleteGroup", Method: "DELETE", Path: door.OfGroup, Summary: "Deletes a group with its positions and dead letters.", Scope: door.InTenant, Right: identity.DeleteGroup,
			Query: door.Confirm(), Status: 204, Handle: deleteGroup},
		{ID: "getProgress", Method: "GET", Path: door.OfGroup + "/progress", Summary: "Shows what is left for a group in each topic that it reads.", Scope: door.InTenant,
			Right: identity.ReadGroup, Query: []door.Parameter{{Name: "topic", About: "only this one", Kind: "string"}}, Answer: wire.Page[wire.Progress]{}, Status: 200, Handle: progress},
		{ID: "resetGroup", Method: "POST", Path: door.OfGroup + "/reset", Summary: "Moves a group within a topic.", Scope: door.InTenant, Right: identity.ResetGroup,
			Request: wire.Reset{}, Answer: wire.ResetDone{}, Status: 200, Handle: reset},
	}
}

func showGroup(g control.Group) wire.Group {
	shown := wire.Group{
		Name: g.Name.String(), Cluster: g.Spec.Cluster.String(), Mode: g.Spec.Mode.String(), Fifo: g.Spec.Ordered, MaxAttempts: g.Spec.MaxAttempts, Retry: show.Retry(g.Spec.Retry),
		From: show.Start(g.Spec.Start), Note: g.Note, Labels: g.Labels.Map(), Paused: g.Paused, TakenOver: g.Taken, State: string(g.State), Created: g.Created, Updated: g.Updated, Revision: uint64(g.Revision),
	}
	if g.Spec.Hold != 0 {
		shown.Hold = g.Spec.Hold.String()
	}
	return shown
}

func parseRetry(r wire.Retry) (mq.RetryPolicy, error) {
	var p mq.RetryPolicy
	exponential := r.Initial != "" || r.Max != "" || r.Multiplier != 0
	if (len(r.Steps) > 0) == exponential {
		return p, door.Bad("malformed", "retry", "retry: either steps, or initial with max and multiplier")
	}
	if !exponential {
		steps, err := door.ParseAll("retry.steps", r.Steps, func(s string) (time.Duration, error) {
			d, err := time.ParseDuration(s)
			if err != nil {
				return 0, door.Bad("malformed", "retry.steps", `retry.steps: a duration has a unit, for example "5s"`)
			}
			return d, nil
		})
		return mq.RetryPolicy{Steps: steps}, err
	}
	var err error
	if p.Initial, err = door.ParseSpan("retry.initial", r.Initial); err == nil {
		p.Max, err = door.ParseSpan("retry.max", r.Max)
	}
	p.Multiplier = r.Multiplier
	return p, err
}

func listGroups(r *door.Request) (door.Answer, error) {
	t, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	all, err := r.Plane.Groups(t)
	if err == nil {
		all, err = labelled(r, all, func(one control.Group) label.Labels { return one.Labels })
	}
	if err != nil {
		return door.Answer{}, err
	}
	return door.Listing(r, all, func(g control.Group) string { return g.Name.String() }, showGroup)
}

func createGroup(r *door.Request) (door.Answer, error) {
	tenant, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	var want wire.NewGroup
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	n, err := newGroup(tenant, want)
	if err != nil {
		return door.Answer{}, err
	}
	g, err := r.Plane.CreateGroup(r.Context(), r.Actor(), n)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Created(showGroup(g))
}

func newGroup(tenant mq.Tenant, want wire.NewGroup) (n control.NewGroup, err error) {
	n = control.NewGroup{Tenant: tenant, Ordered: want.Fifo, MaxAttempts: want.MaxAttempts, Note: want.Note}
	if n.Name, err = mq.ParseGroupName(want.Name); err != nil {
		return n, door.In("name", err)
	}
	if n.Cluster, err = door.ParseCluster(want.Cluster); err != nil {
		return n, err
	}
	switch want.Mode {
	case "", "leases":
	case "pulls":
		n.Mode = mq.Pulls
	default:
		return n, door.Bad("out_of_range", "mode", "mode: leases or pulls"+nearest.Hint(want.Mode, []string{"leases", "pulls"}))
	}
	if want.Retry != nil {
		if n.Retry, err = parseRetry(*want.Retry); err != nil {
			return n, err
		}
	}
	if want.From != "" {
		kind, at, err := door.ParsePlace("from", want.From)
		if err != nil {
			return n, err
		}
		n.Start = &mq.Start{Kind: kind, Time: at}
	}
	if n.Labels, err = label.Of(want.Labels); err != nil {
		return n, err
	}
	n.Hold, err = door.ParseSpan("hold", want.Hold)
	return n, err
}

func getGroup(r *door.Request) (door.Answer, error) {
	tenant, name, err := r.Group()
	if err != nil {
		return door.Answer{}, err
	}
	g, err := r.Plane.Group(tenant, name)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(showGroup(g))
}

func changeGroup(r *door.Request) (door.Answer, error) {
	tenant, name, err := r.Group()
	if err != nil {
		return door.Answer{}, err
	}
	var want wire.GroupChange
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	c := control.GroupChange{MaxAttempts: want.MaxAttempts, Note: want.Note, Paused: want.Paused}
	if c.Revision, err = r.Seen(want.Revision); err != nil {
		return door.Answer{}, err
	}
	if want.Retry != nil {
		p, err := parseRetry(*want.Retry)
		if err != nil {
			return door.Answer{}, err
		}
		c.Retry = &p
	}
	if c.Hold, err = door.OptionalSpan("hold", want.Hold); err != nil {
		return door.Answer{}, err
	}
	if c.Labels, err = optionalLabels(want.Labels); err != nil {
		return door.Answer{}, err
	}
	g, err := r.Plane.UpdateGroup(r.Context(), r.Actor(), tenant, name, c)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(showGroup(g))
}

func deleteGroup(r *door.Request) (door.Answer, error) {
	tenant, name, err := r.Group()
	if err != nil {
		return door.Answer{}, err
	}
	meant, err := r.Confirmed(name.String())
	if err != nil {
		return door.Answer{}, err
	}
	seen, err := r.Seen(0)
	if err != nil {
		return door.Answer{}, err
	}
	if err := r.Plane.DeleteGroup(r.Context(), r.Actor(), tenant, name, control.Deletion{Confirmed: meant, Seen: seen}); err != nil {
		return door.Answer{}, err
	}
	return door.None()
}
