// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestTheAuditIsAskedInTheWordsOfTheCommandLine(t *testing.T) {
	d := newDesk(t, "")
	d.ok("app", "create", "till")
	for _, noun := range []string{"app", "application"} {
		if out := d.ok("audit", "list", "--noun", noun, "--from", "-1h", "--to", "2999-01-01"); !strings.Contains(out, "application.create") {
			t.Errorf("--noun %s: %s", noun, out)
		}
	}
	if out := d.ok("audit", "list", "--to", "-1h"); strings.Contains(out, "application.create") {
		t.Errorf("of an hour ago: %s", out)
	}
	for line, says := range map[string]string{
		"--noun topics":    `did you mean "topic"?`,
		"--outcome refuse": "done, denied, begun, failed",
		"--from yesterday": "or -10m",
	} {
		if code, _, err := d.run(append([]string{"audit", "list"}, strings.Fields(line)...)...); code != ExitUsage || !strings.Contains(err, says) {
			t.Errorf("%s: exit %d\n%s", line, code, err)
		}
	}
	if out := d.ok("audit", "verify"); !strings.Contains(out, "the chain  holds") {
		t.Error(out)
	}
	if out := d.ok("audit", "verify", "-o", "json"); !strings.Contains(out, `"holds": true`) {
		t.Error(out)
	}
}

func TestATokenThatIsNotKnownIsRefusedWhereNoneIsNeeded(t *testing.T) {
	d := newDesk(t, "")
	if code, _, err := d.run("--token", "bad", "whoami"); code != ExitDenied || !strings.Contains(err, "leave out --token") {
		t.Errorf("exit %d\n%s", code, err)
	}
}

func TestATokenWorksInItsOwnTenant(t *testing.T) {
	d := newDesk(t, "")
	d.ok("tenant", "create", "pay")
	d.ok("topic", "create", "orders", "--tenant", "pay")
	var made struct{ Secret string }
	if err := json.Unmarshal([]byte(d.ok("token", "create", "pipeline", "--role", "developer", "--tenant", "pay", "-o", "json")), &made); err != nil {
		t.Fatal(err)
	}
	d.env["CAUSEWAY_TOKEN"] = made.Secret
	if out := d.ok("topic", "list"); !strings.Contains(out, "orders") {
		t.Error(out)
	}
	if code, _, err := d.run("topic", "list", "--tenant", "default"); code != ExitNotFound {
		t.Errorf("another one that was named: exit %d\n%s", code, err)
	}
	d.env["CAUSEWAY_TENANT"] = "default"
	if code, _, err := d.run("topic", "list"); code != ExitNotFound {
		t.Errorf("another one of the environment: exit %d\n%s", code, err)
	}
}

func TestASearchInABorrowedTopicSaysWhoHasIt(t *testing.T) {
	d := newDesk(t, "")
	d.ok("tenant", "create", "risk")
	d.ok("topic", "create", "orders")
	d.ok("grant", "ask", "default/orders", "--as", "lent", "--subscribe", "--reason", "scoring", "--tenant", "risk")
	d.approved()
	if code, _, err := d.run("message", "search", "lent", "--tenant", "risk"); code != ExitNotFound || !strings.Contains(err, "it is borrowed: tenant default has it as topic orders") {
		t.Errorf("exit %d\n%s", code, err)
	}
	if code, _, err := d.run("message", "search", "lentt", "--tenant", "risk"); code != ExitNotFound || strings.Contains(err, "borrowed") {
		t.Errorf("exit %d\n%s", code, err)
	}
	if code, _, err := d.run("app", "key", "list", "till", "--tenant", "nobank"); code != ExitNotFound || !strings.Contains(err, `no tenant "nobank"`) {
		t.Errorf("exit %d\n%s", code, err)
	}
}
