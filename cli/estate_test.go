// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAKeyOfADisabledTenantOpensNothingUntilTheTenantIsEnabled(t *testing.T) {
	d := live(t)
	d.ok("tenant", "create", "pay")
	d.env["CAUSEWAY_TENANT"] = "pay"
	d.ok("topic", "create", "orders")
	var app struct {
		Key struct{ ID, Secret string } `json:"key"`
	}
	if err := json.Unmarshal([]byte(d.ok("app", "create", "shop", "--publish", "orders", "-o", "json")), &app); err != nil {
		t.Fatal(err)
	}
	d.env["CAUSEWAY_ACCESS_KEY"], d.env["CAUSEWAY_SECRET"] = app.Key.ID, app.Key.Secret
	d.ok("produce", "orders", "-m", "before")
	d.ok("tenant", "update", "pay", "--disabled")
	if code, _, err := d.run("produce", "orders", "-m", "meanwhile"); code != ExitDenied {
		t.Errorf("a disabled tenant's key: exit %d, %s", code, err)
	}
	d.ok("tenant", "update", "pay", "--disabled=false")
	d.ok("produce", "orders", "-m", "after")
}

func TestPlansOnTheCommandLine(t *testing.T) {
	d := newDesk(t, "")
	d.ok("plan", "create", "gold", "--topics", "5", "--groups", "7")
	d.ok("plan", "update", "gold", "--topics", "1", "--tokens", "3")
	if out := d.ok("plan", "list"); !strings.Contains(out, "gold  1       7       -             -        3") {
		t.Errorf("a limit that was not named is not kept:\n%s", out)
	}
	d.ok("tenant", "update", "default", "--plan", "gold")
	d.ok("topic", "create", "one")
	if code, _, err := d.run("topic", "create", "two"); code == ExitOK || !strings.Contains(err, `plan "gold"`) {
		t.Errorf("beyond the plan: exit %d, %s", code, err)
	}
	if out := d.ok("quota"); !strings.Contains(out, "topic        1     1      plan gold") || !strings.Contains(out, "application  0     1000   installation") {
		t.Errorf("quota:\n%s", out)
	}
	if code, _, err := d.run("plan", "delete", "gold", "--yes"); code != ExitConflict || !strings.Contains(err, "default") {
		t.Errorf("a plan in use: exit %d, %s", code, err)
	}
	if code, _, _ := d.run("plan", "delete", "gold"); code != ExitConflict {
		t.Errorf("a deletion that nobody confirms: exit %d", code)
	}
}
