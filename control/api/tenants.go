// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func showTenant(t control.Tenant) wire.Tenant {
	return wire.Tenant{ID: t.ID.String(), Note: t.Note, Disabled: t.Disabled, LoopbackUnsigned: t.LoopbackUnsigned, Created: t.Created, Revision: uint64(t.Revision)}
}

func (s *server) listTenants(r *http.Request) (answer, error) {
	return listing(s, r, s.opt.Plane.Tenants(), lister[control.Tenant, wire.Tenant]{func(t control.Tenant) string { return t.ID.String() }, showTenant})
}

func (s *server) createTenant(r *http.Request) (answer, error) {
	var want wire.NewTenant
	if err := decode(r, &want); err != nil {
		return answer{}, err
	}
	id, err := mq.ParseTenant(want.ID)
	if err != nil {
		return answer{}, bad("out_of_range", "id", "id: 1 to 20 characters of a-z, 0-9 and '-' are required")
	}
	t, err := s.opt.Plane.CreateTenant(r.Context(), id, want.Note)
	if err != nil {
		return answer{}, err
	}
	return created(showTenant(t))
}

func (s *server) getTenant(r *http.Request) (answer, error) {
	id, err := tenantOf(r)
	if err != nil {
		return answer{}, err
	}
	t, err := s.opt.Plane.Tenant(id)
	if err != nil {
		return answer{}, err
	}
	return ok(showTenant(t))
}

func tenantOf(r *http.Request) (mq.Tenant, error) { return mq.ParseTenant(r.PathValue("tenant")) }

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func texts[T interface{ String() string }](some []T) []string {
	all := make([]string, len(some))
	for i, s := range some {
		all[i] = s.String()
	}
	return all
}

func parseAll[T any](field string, some []string, parse func(string) (T, error)) ([]T, error) {
	var all []T
	for _, s := range some {
		one, err := parse(s)
		if err != nil {
			return nil, in(field, err)
		}
		all = append(all, one)
	}
	return all, nil
}

func parseSpan(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, bad("malformed", field, field+`: a duration has a unit, for example "72h" or "30s"`)
	}
	if d == 0 {
		return -1, nil // asked for as such: out of every range, where leaving it out is the default
	}
	return d, nil
}

// confirmed reads ?confirm=NAME: the name once more says that the caller means it.
func confirmed(r *http.Request, name string) (bool, error) {
	q, err := parameters(r, "confirm")
	if err != nil || !q.Has("confirm") {
		return false, err
	}
	if q.Get("confirm") != name {
		return false, &refusal{status: http.StatusConflict, kind: mq.Conflict.String(), reason: string(control.Confirm), field: "confirm",
			detail: "confirm: must repeat the name of what is to be deleted"}
	}
	return true, nil
}
