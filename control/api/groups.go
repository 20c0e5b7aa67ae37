// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
)

func showGroup(g control.Group) wire.Group {
	shown := wire.Group{
		Name: g.Name.String(), Mode: g.Spec.Mode.String(), Fifo: g.Spec.Ordered, MaxAttempts: g.Spec.MaxAttempts, Retry: showRetry(g.Spec.Retry),
		From: showStart(g.Spec.Start), Note: g.Note, State: string(g.State), Created: g.Created, Updated: g.Updated, Revision: uint64(g.Revision),
	}
	if g.Spec.Hold != 0 {
		shown.Hold = g.Spec.Hold.String()
	}
	return shown
}

func showRetry(p mq.RetryPolicy) wire.Retry {
	if len(p.Steps) > 0 {
		return wire.Retry{Steps: texts(p.Steps)}
	}
	return wire.Retry{Initial: p.Initial.String(), Max: p.Max.String(), Multiplier: p.Multiplier}
}

func showStart(s mq.Start) string {
	switch s.Kind {
	case mq.StartEarliest:
		return "earliest"
	case mq.StartLatest:
		return "latest"
	}
	return s.Time.UTC().Format(time.RFC3339Nano)
}

// parsePlace reads "earliest", "latest" or a time.
func parsePlace(field, text string) (mq.StartKind, time.Time, error) {
	switch text {
	case "earliest":
		return mq.StartEarliest, time.Time{}, nil
	case "latest":
		return mq.StartLatest, time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, time.Time{}, bad("malformed", field, field+": earliest, latest or a time such as 2026-11-23T09:00:00Z"+nearest.Hint(text, []string{"earliest", "latest"}))
	}
	return mq.StartAt, t.UTC().Truncate(time.Microsecond), nil
}

func parseRetry(r wire.Retry) (mq.RetryPolicy, error) {
	var p mq.RetryPolicy
	exponential := r.Initial != "" || r.Max != "" || r.Multiplier != 0
	if (len(r.Steps) > 0) == exponential {
		return p, bad("malformed", "retry", "retry: either steps, or initial with max and multiplier")
	}
	if !exponential {
		steps, err := parseAll("retry.steps", r.Steps, func(s string) (time.Duration, error) {
			d, err := time.ParseDuration(s)
			if err != nil {
				return 0, bad("malformed", "retry.steps", `retry.steps: a duration has a unit, for example "5s"`)
			}
			return d, nil
		})
		return mq.RetryPolicy{Steps: steps}, err
	}
	var err error
	if p.Initial, err = parseSpan("retry.initial", r.Initial); err == nil {
		p.Max, err = parseSpan("retry.max", r.Max)
	}
	p.Multiplier = r.Multiplier
	return p, err
}

func groupOf(r *http.Request) (mq.Tenant, mq.GroupName, error) {
	t, err := tenantOf(r)
	if err != nil {
		return t, mq.GroupName{}, err
	}
	n, err := mq.ParseGroupName(r.PathValue("group"))
	return t, n, in("group", err)
}

func (s *server) listGroups(r *http.Request) (answer, error) {
	t, err := tenantOf(r)
	if err != nil {
		return answer{}, err
	}
	all, err := s.opt.Plane.Groups(t)
	if err != nil {
		return answer{}, err
	}
	return listing(s, r, all, lister[control.Group, wire.Group]{func(g control.Group) string { return g.Name.String() }, showGroup})
}

func (s *server) createGroup(r *http.Request) (answer, error) {
	tenant, err := tenantOf(r)
	if err != nil {
		return answer{}, err
	}
	var want wire.NewGroup
	if err := decode(r, &want); err != nil {
		return answer{}, err
	}
	n, err := newGroup(tenant, want)
	if err != nil {
		return answer{}, err
	}
	g, err := s.opt.Plane.CreateGroup(r.Context(), n)
	if err != nil {
		return answer{}, err
	}
	return created(showGroup(g))
}

func newGroup(tenant mq.Tenant, want wire.NewGroup) (n control.NewGroup, err error) {
	n = control.NewGroup{Tenant: tenant, Ordered: want.Fifo, MaxAttempts: want.MaxAttempts, Note: want.Note}
	if n.Name, err = mq.ParseGroupName(want.Name); err != nil {
		return n, in("name", err)
	}
	switch want.Mode {
	case "", "leases":
	case "pulls":
		n.Mode = mq.Pulls
	default:
		return n, bad("out_of_range", "mode", "mode: leases or pulls"+nearest.Hint(want.Mode, []string{"leases", "pulls"}))
	}
	if want.Retry != nil {
		if n.Retry, err = parseRetry(*want.Retry); err != nil {
			return n, err
		}
	}
	if want.From != "" {
		kind, at, err := parsePlace("from", want.From)
		if err != nil {
			return n, err
		}
		n.Start = &mq.Start{Kind: kind, Time: at}
	}
	n.Hold, err = parseSpan("hold", want.Hold)
	return n, err
}

func (s *server) getGroup(r *http.Request) (answer, error) {
	tenant, name, err := groupOf(r)
	if err != nil {
		return answer{}, err
	}
	g, err := s.opt.Plane.Group(tenant, name)
	if err != nil {
		return answer{}, err
	}
	return ok(showGroup(g))
}

func (s *server) changeGroup(r *http.Request) (answer, error) {
	tenant, name, err := groupOf(r)
	if err != nil {
		return answer{}, err
	}
	var want wire.GroupChange
	if err := decode(r, &want); err != nil {
		return answer{}, err
	}
	c := control.GroupChange{MaxAttempts: want.MaxAttempts, Note: want.Note, Revision: control.Version(want.Revision)}
	if want.Retry != nil {
		p, err := parseRetry(*want.Retry)
		if err != nil {
			return answer{}, err
		}
		c.Retry = &p
	}
	if c.Hold, err = optionalSpan("hold", want.Hold); err != nil {
		return answer{}, err
	}
	g, err := s.opt.Plane.UpdateGroup(r.Context(), tenant, name, c)
	if err != nil {
		return answer{}, err
	}
	return ok(showGroup(g))
}

func (s *server) deleteGroup(r *http.Request) (answer, error) {
	tenant, name, err := groupOf(r)
	if err != nil {
		return answer{}, err
	}
	meant, err := confirmed(r, name.String())
	if err != nil {
		return answer{}, err
	}
	if err := s.opt.Plane.DeleteGroup(r.Context(), tenant, name, meant); err != nil {
		return answer{}, err
	}
	return none()
}
