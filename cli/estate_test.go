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

func TestAQuotaIsAskedForOnTheCommandLine(t *testing.T) {
	d := newDesk(t, "")
	d.ok("plan", "create", "small", "--topics", "1")
	d.ok("plan", "create", "large", "--topics", "2")
	d.ok("tenant", "create", "pay", "--plan", "small")
	d.env["CAUSEWAY_TENANT"] = "pay"
	ask := func() string {
		var asked struct{ ID string }
		if err := json.Unmarshal([]byte(d.ok("request", "quota", "--plan", "large", "--reason", "branches", "-o", "json")), &asked); err != nil {
			t.Fatal(err)
		}
		return asked.ID
	}
	id := ask()
	for _, everywhere := range [][]string{nil, {"--installation"}} {
		if out := d.ok(append([]string{"request", "list"}, everywhere...)...); !strings.Contains(out, "(installation)") || !strings.Contains(out, "quota plan large instead of small") {
			t.Errorf("list %v:\n%s", everywhere, out)
		}
	}
	if code, _, err := d.run("request", "approve", id); code != ExitConflict || !strings.Contains(err, "the installation decides") {
		t.Errorf("approved where it was asked: exit %d, %s", code, err)
	}
	if code, _, _ := d.run("request", "refuse", id, "--installation"); code != ExitUsage {
		t.Errorf("refused without a reason: exit %d", code)
	}
	d.ok("request", "comment", id, "how many?", "--installation")
	want(t, d.ok("request", "refuse", id, "--why", "one is enough", "--installation"), "request "+id+" is refused\n")
	if out := d.ok("request", "show", id); !strings.Contains(out, "one is enough") || !strings.Contains(out, "installation, ") {
		t.Errorf("shown:\n%s", out)
	}
	id = ask()
	want(t, d.ok("request", "approve", id, "--installation"), "request "+id+" is approved\n")
	if out := d.ok("quota"); !strings.Contains(out, "topic        0     2      plan large") {
		t.Errorf("quota:\n%s", out)
	}
	if code, _, err := d.run("request", "quota", "--plan", "large", "--reason", "more"); code != ExitConflict || !strings.Contains(err, "already") {
		t.Errorf("asked for what it has: exit %d, %s", code, err)
	}
	if code, _, err := d.run("request", "quota", "--reason", "more"); code != ExitUsage || !strings.Contains(err, "--plan") {
		t.Errorf("asked for no plan: exit %d, %s", code, err)
	}
}
