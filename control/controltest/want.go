// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"errors"
	"testing"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// WantKind ends a test whose error is not of a kind, or not refused for a reason; "" is any.
func WantKind(t *testing.T, err error, k mq.Kind, reason control.Reason) {
	t.Helper()
	var r *control.Refusal
	errors.As(err, &r)
	if mq.KindOf(err) != k || reason != "" && (r == nil || r.Reason != reason) {
		t.Fatalf("got %v, want %v for the reason %q", err, k, reason)
	}
}

// Audited is what became of an action in a tenant or, "", of the installation itself.
type Audited struct {
	Tenant  string
	Action  control.Verb
	Outcome control.Outcome
}

// Rows counts the rows of a plane's audit that say so.
func Rows(t *testing.T, p *control.Plane, of Audited) (n int) {
	t.Helper()
	page, err := p.Audit(t.Context(), control.AuditQuery{Tenant: of.Tenant, Limit: control.MaxAuditPage})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Entries {
		if (Audited{e.Target.Tenant, e.Action, e.Outcome}) == of {
			n++
		}
	}
	return n
}
