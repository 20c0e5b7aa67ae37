// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestADeletionOfATenantSaysHowItIsConfirmed(t *testing.T) {
	d := newDesk(t, "")
	d.ok("tenant", "create", "payments")
	d.ok("topic", "create", "orders", "--tenant", "payments")
	for _, line := range []string{"tenant delete payments", "tenant delete payments --confirm payment"} {
		if code, _, err := d.run(strings.Fields(line)...); code != ExitConflict || !strings.Contains(err, "say --confirm payments\n") || strings.Contains(err, "--yes") {
			t.Errorf("%s: exit %d\n%s", line, code, err)
		}
	}
	d.ok("tenant", "delete", "payments", "--confirm", "payments")
}

func TestAResetSaysWhatItWouldSkip(t *testing.T) {
	d := newDesk(t, "")
	d.fill()
	for to, says := range map[string]string{
		"--to latest":              "the messages that it has not had, 1 of them, would be skipped",
		"--to earliest":            "what is stored would be delivered again, from the first message on",
		"--to -10m":                "of the messages that it has not had, 1 of them, those before ",
		"--offset 3":               "2 messages would be skipped, 0 delivered again",
		"--offset 0 --queue 0":     "0 messages would be skipped, 1 delivered again",
		"--to latest --force":      "say --yes",
		"--to latest --topic none": "does not exist",
	} {
		before := d.ok("group", "lag", "billing", "--queues")
		line := "group reset billing --topic orders " + to
		if code, _, err := d.run(strings.Fields(line)...); code != ExitConflict && code != ExitNotFound || !strings.Contains(err, says) && code == ExitConflict {
			t.Errorf("%s: exit %d\n%s", line, code, err)
		}
		if after := d.ok("group", "lag", "billing", "--queues"); after != before {
			t.Errorf("%s moved the group\n%s", line, after)
		}
	}
}

func TestADeletionOfATopicNamesWhoBorrowsIt(t *testing.T) {
	d := newDesk(t, "")
	d.ok("tenant", "create", "risk")
	d.ok("topic", "create", "orders")
	d.ok("grant", "ask", "default/orders", "--as", "pay-orders", "--subscribe", "--reason", "scoring", "--tenant", "risk")
	d.approved()
	code, _, err := d.run("topic", "delete", "orders")
	if code != ExitConflict || !strings.Contains(err, `topic "orders" is lent to risk, who would lose it`) || !strings.Contains(err, "say --yes") {
		t.Errorf("exit %d\n%s", code, err)
	}
	want(t, d.ok("topic", "delete", "orders", "--yes"), "topic orders deleted; it was lent to risk, whose grants ended with it\n")
}

func TestAMemberGetsAPassword(t *testing.T) {
	d := newDesk(t, "")
	login := func(word string) int {
		body, err := json.Marshal(map[string]string{"tenant": "default", "name": "anna", "password": word})
		if err != nil {
			t.Fatal(err)
		}
		a, err := http.Post(d.env["CAUSEWAY_SERVER"]+"/v1/session", "application/json", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		return a.StatusCode
	}
	d.in = "correct horse battery\n"
	d.ok("member", "create", "anna", "--role", "developer", "--password")
	if status := login("correct horse battery"); status != http.StatusCreated {
		t.Errorf("with the password: %d", status)
	}
	d.secret = func(prompt string) (string, error) {
		if prompt != "Password: " {
			return "", errors.New(prompt)
		}
		return "another one entirely", nil
	}
	d.ok("member", "update", "anna", "--password")
	if status := login("another one entirely"); status != http.StatusCreated {
		t.Errorf("with the new one: %d", status)
	}
	d.ok("member", "update", "anna", "--no-password")
	if status := login("another one entirely"); status != http.StatusUnauthorized {
		t.Errorf("without one: %d", status)
	}
	d.secret, d.in = nil, "short\n"
	if code, _, err := d.run("member", "update", "anna", "--password"); code != ExitUsage || !strings.Contains(err, "field password") {
		t.Errorf("exit %d\n%s", code, err)
	}
	d.in = "\n"
	if code, _, err := d.run("member", "update", "anna", "--password"); code != ExitUsage || !strings.Contains(err, "a password of 1 to ") {
		t.Errorf("exit %d\n%s", code, err)
	}
}

func TestAQuotaThatIsUsedUpHasAnExitCodeOfItsOwn(t *testing.T) {
	d := newDesk(t, "")
	d.ok("plan", "create", "tiny", "--topics", "1")
	d.ok("tenant", "update", "default", "--plan", "tiny")
	d.ok("topic", "create", "orders")
	if code, _, err := d.run("topic", "create", "more"); code != ExitThrottled || !strings.Contains(err, "`causeway quota` shows") {
		t.Errorf("exit %d\n%s", code, err)
	}
}

func TestTheInstallationIsNamedAsWhatItIs(t *testing.T) {
	d := newDesk(t, "")
	if out := d.ok("whoami"); !strings.Contains(out, "installation: every right, since this server takes whoever calls from the loopback interface for it") {
		t.Error(out)
	}
	const warns = "roles are given to members (1) and tokens (0), and whoever calls from the loopback interface without a token is the installation"
	if _, out, _ := d.run("doctor"); strings.Contains(out, "roles are given") {
		t.Errorf("without members:\n%s", out)
	}
	d.ok("member", "create", "anna", "--role", "viewer")
	if _, out, _ := d.run("doctor"); !strings.Contains(out, warns) {
		t.Errorf("with one:\n%s", out)
	}
	d.ok("tenant", "create", "risk")
	d.ok("topic", "create", "orders")
	var asked struct{ ID string }
	if err := json.Unmarshal([]byte(d.ok("grant", "ask", "default/orders", "--as", "pay-orders", "--subscribe", "--reason", "scoring", "--tenant", "risk", "-o", "json")), &asked); err != nil {
		t.Fatal(err)
	}
	d.approved()
	for _, tenant := range []string{"default", "risk"} {
		if out := d.ok("request", "show", asked.ID, "--tenant", tenant); !regexp.MustCompile(`decider +installation\n`).MatchString(out) {
			t.Errorf("shown to %s:\n%s", tenant, out)
		}
	}
}
