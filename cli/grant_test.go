// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

// approved says yes to everything that the default tenant is asked.
func (d *desk) approved() {
	d.t.Helper()
	var asked []struct{ ID, To string }
	if err := json.Unmarshal([]byte(d.ok("request", "list", "-o", "json")), &asked); err != nil || len(asked) == 0 {
		d.t.Fatalf("%v, %v", asked, err)
	}
	for _, r := range asked {
		d.ok("request", "approve", r.ID)
	}
}

// A document asks for what another tenant has to approve, once; when it is there the document is true.
func TestADocumentAsksForAGrant(t *testing.T) {
	d := newDesk(t, "")
	d.ok("tenant", "create", "risk")
	d.ok("topic", "create", "orders")
	const doc = "kind: Grant\ntenant: risk\nname: pay-orders\nowner: default\ntopic: orders\nsubscribe: true\nexpires: 2099-01-01T00:00:00Z\n"
	f := d.file("grant.yaml", doc)
	if code, out, _ := d.run("diff", "-f", f); code != 1 || !strings.Contains(out, "grant/pay-orders of tenant risk would be asked for") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if out := d.ok("apply", "-f", f); !strings.HasPrefix(out, "grant/pay-orders asked (request ") {
		t.Error(out)
	}
	if out := d.ok("apply", "-f", f); !strings.HasPrefix(out, "grant/pay-orders unchanged (") || !strings.Contains(out, "is pending") {
		t.Error(out)
	}
	d.approved()
	want(t, d.ok("apply", "-f", f), "grant/pay-orders unchanged\n")
	want(t, d.ok("diff", "-f", f), "")
	d.in = d.ok("get", "grants", "--tenant", "risk", "-o", "yaml")
	if out := d.ok("apply", "-f", "-"); out != "grant/pay-orders unchanged\n" {
		t.Errorf("%s\nbecame %s", d.in, out)
	}
	if out := d.ok("get", "grants", "-o", "json"); out != "[]\n" {
		t.Errorf("what a tenant lends is nothing that it wishes for: %s", out)
	}
	wider := d.file("wider.yaml", "kind: Grant\ntenant: risk\nname: pay-orders\npublish: true\n")
	if out := d.ok("apply", "-f", wider); !strings.HasPrefix(out, "grant/pay-orders asked (request ") {
		t.Error(out)
	}
	d.approved()
	if out := d.ok("get", "grant", "pay-orders", "--tenant", "risk", "-o", "yaml"); !strings.Contains(out, "publish: true\nsubscribe: true\n") {
		t.Error(out)
	}
	if code, _, err := d.run("apply", "-f", d.file("other.yaml", strings.Replace(doc, "topic: orders", "topic: other", 1))); code != ExitConflict || !strings.Contains(err, "cannot change once the grant is there") {
		t.Errorf("exit %d\n%s", code, err)
	}
	d.in = ""
	empty := d.file("tenant.yaml", "kind: Tenant\nname: risk\n")
	if out := d.ok("apply", "-f", empty, "--prune", "grant/pay-orders", "--yes", "--tenant", "risk"); !strings.Contains(out, "grant/pay-orders deleted") {
		t.Error(out)
	}
}
