// SPDX-License-Identifier: Apache-2.0

package people

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/show"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
)

func auditOperations() []door.Operation {
	filters := append([]door.Parameter{
		{Name: "from", About: "not before", Kind: "date-time"},
		{Name: "to", About: "before", Kind: "date-time"},
		{Name: "actor", About: "who", Kind: "string"},
		{Name: "noun", About: "of what it was done to: " + strings.Join(auditNouns(), ", "), Kind: "string"},
		{Name: "name", About: "of what it was done to", Kind: "string"},
		{Name: "outcome", About: "done, denied, begun or failed", Kind: "string"},
	}, door.Pieces(control.MaxAuditPage)...)
	everywhere := append([]door.Parameter{{Name: "tenant", About: "whose", Kind: "string"}}, filters...)
	return []door.Operation{
		{ID: "listInstallationAudit", Method: "GET", Path: "/v1/audit", Summary: "Lists who did what, the newest first.", Scope: door.Installation, Right: identity.ReadAudit,
			Query: everywhere, Answer: wire.Page[wire.AuditRow]{}, Status: 200, Handle: door.Placed(listAudit)},
		{ID: "verifyAudit", Method: "GET", Path: "/v1/audit/verification", Summary: "Reads the whole chain of the audit and tells where it does not hold.", Scope: door.Installation,
			Right: identity.VerifyAudit, Answer: wire.AuditReport{}, Status: 200, Handle: verifyAudit},
		{ID: "listAudit", Method: "GET", Path: door.OfTenant + "/audit", Summary: "Lists who did what to a tenant's things, the newest first.", Scope: door.InTenant, Right: identity.ReadAudit,
			Query: filters, Answer: wire.Page[wire.AuditRow]{}, Status: 200, Handle: door.Placed(listAudit)},
	}
}

// auditNouns is what rows of the audit are about: what rights are about, and what the control plane keeps for itself.
func auditNouns() []string {
	return append(identity.Nouns(), "past-tenant", "feed", "demo")
}

// oneOf refuses a word that no row can have: it would be answered with nothing, which reads as if nothing had happened.
func oneOf(r *door.Request, name string, known []string) (string, error) {
	word := r.URL.Query().Get(name)
	if r.URL.Query().Has(name) && !slices.Contains(known, word) {
		return "", door.Bad("out_of_range", name, fmt.Sprintf("%s: %.100q is none of %s%s", name, word, strings.Join(known, ", "), nearest.Hint(word, known)))
	}
	return word, nil
}

func listAudit(r *door.Request, place mq.Tenant) (door.Answer, error) {
	inside := place != (mq.Tenant{})
	var here control.Tenant
	var err error
	if inside {
		if here, err = r.Plane.Tenant(place); err != nil {
			return door.Answer{}, err
		}
	}
	q, err := auditQuery(r)
	if err != nil {
		return door.Answer{}, err
	}
	if inside {
		if q.From.Before(here.Created) { // what a tenant of the same name left behind is not for this one to read
			q.From = here.Created
		}
		if !q.To.IsZero() && !q.From.Before(q.To) && !q.To.After(here.Created) {
			return door.OK(wire.Page[wire.AuditRow]{Items: []wire.AuditRow{}})
		}
		q.Tenant = place.String()
		if q.Actor != "" && !strings.HasPrefix(q.Actor, q.Tenant+"/") { // nobody finds out who is of the installation
			q.Actor = q.Tenant + "/" + q.Actor
		}
	}
	found, err := r.Plane.Audit(r.Context(), q)
	if err != nil {
		return door.Answer{}, err
	}
	page := wire.Page[wire.AuditRow]{Items: make([]wire.AuditRow, 0, len(found.Entries))}
	for _, e := range found.Entries {
		row := show.Row(e)
		if inside {
			row = within(place, row)
		}
		page.Items = append(page.Items, row)
	}
	if found.Next != 0 {
		if page.Next, err = r.Cursors.Seal(r.Context(), r.URL.Path, strconv.FormatUint(found.Next, 10)); err != nil {
			return door.Answer{}, err
		}
	}
	return door.OK(page)
}

func auditQuery(r *door.Request) (control.AuditQuery, error) {
	v := r.URL.Query()
	q := control.AuditQuery{Tenant: v.Get("tenant"), Actor: v.Get("actor"), Name: v.Get("name")}
	noun, err := oneOf(r, "noun", auditNouns())
	if err != nil {
		return q, err
	}
	outcome, err := oneOf(r, "outcome", []string{string(control.Done), string(control.Denied), string(control.Begun), string(control.Failed)})
	if err != nil {
		return q, err
	}
	q.Kind, q.Outcome = control.RecordKind(noun), control.Outcome(outcome)
	if q.From, err = r.Moment("from"); err != nil {
		return q, err
	}
	if q.To, err = r.Moment("to"); err != nil {
		return q, err
	}
	if q.Limit, err = r.Limit(control.MaxAuditPage, control.DefaultAuditPage); err != nil || !v.Has("cursor") {
		return q, err
	}
	last, err := r.Cursors.Open(r.Context(), r.URL.Path, v.Get("cursor"))
	if err == nil {
		q.Below, err = strconv.ParseUint(last, 10, 64)
	}
	return q, err
}

// within is a row as a tenant sees it: no number that counts what others do, nobody who is not of the tenant.
func within(place mq.Tenant, row wire.AuditRow) wire.AuditRow {
	row.Number, row.Version, row.Hash = 0, 0, ""
	if !strings.HasPrefix(row.Actor, place.String()+"/") {
		row.Actor, row.Remote = "installation", ""
	}
	return row
}

func verifyAudit(r *door.Request) (door.Answer, error) {
	report, err := r.Plane.VerifyAudit(r.Context())
	if err != nil {
		return door.Answer{}, err
	}
	shown := wire.AuditReport{Holds: len(report.Broken) == 0, Rows: report.Rows, Head: report.Head.Number, Hash: report.Head.Hash, Broken: []wire.AuditBreak{}}
	for _, b := range report.Broken {
		shown.Broken = append(shown.Broken, wire.AuditBreak{Number: b.Number, Why: b.Why})
	}
	return door.OK(shown)
}
