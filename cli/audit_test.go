// SPDX-License-Identifier: Apache-2.0

package cli

import (
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
