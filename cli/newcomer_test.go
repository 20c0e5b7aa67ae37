// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/cli/call"
)

// What somebody tries who has read nothing but the README.

func TestZeroIsRefusedWhereItWouldMeanTheDefault(t *testing.T) {
	d := newDesk(t, "")
	for line, says := range map[string]string{
		"topic create x --queues 0":       "--queues 0: from 1 to 256",
		"group create x --max-attempts 0": "--max-attempts 0: from 1 to 1000",
		"bench produce x --size 0":        "--size 0: from 8 to",
	} {
		if code, _, err := d.run(strings.Fields(line)...); code != ExitUsage || !strings.Contains(err, says) {
			t.Errorf("%s: exit %d\n%s", line, code, err)
		}
	}
}

func TestErrorsSpeakToPeople(t *testing.T) {
	d := newDesk(t, "")
	for _, line := range []string{
		"topic create x --queues many", "topic create x --queues 99999999999999999999", "topik", "topic create", "topic create x --retention soon",
		"produce x -m a --delay 5", "produce x -m a --delay 7x", "group create x --hold week", "group create x --retry 1s,5q", "group create x --retry a..b x2",
		"bench produce x --rate fast",
	} {
		code, _, err := d.run(strings.Fields(line)...)
		for _, inner := range []string{"causeway: causeway", "strconv", "time: ", "invalid syntax"} {
			if code != ExitUsage || strings.Contains(err, inner) {
				t.Errorf("%s: exit %d\n%s", line, code, err)
			}
		}
	}
}

func TestDurationsMayHaveDays(t *testing.T) {
	d := newDesk(t, "")
	if out := d.ok("topic", "create", "week", "--retention", "7d"); !strings.Contains(out, "168h") {
		t.Error(out)
	}
	if out := d.ok("topic", "update", "week", "--retention", "1d12h"); !strings.Contains(out, "36h\n") {
		t.Error(out)
	}
	if _, _, err := d.run("produce", "week", "-m", "x", "--delay", "41d"); !strings.Contains(err, "from 0s to 40d") {
		t.Error(err)
	}
	for _, bad := range []string{"d", "7dd", "7d-1h", "999999d", "7 d"} {
		if _, err := call.ParseSpan(bad); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestTimesThatCannotBeAreRefusedBeforeAnythingIsSent(t *testing.T) {
	d := newDesk(t, "")
	for _, line := range []string{"produce x -m a --delay=-5s", "produce x -m a --at 2001-01-01", "produce x -m a --at=-10m", "produce x -m a --at 2999-01-01"} {
		if code, _, err := d.run(strings.Fields(line)...); code != ExitUsage || !strings.Contains(err, "40") {
			t.Errorf("%s: exit %d\n%s", line, code, err)
		}
	}
}

func TestVersionIsAFlagAsWell(t *testing.T) {
	d := newDesk(t, "")
	if flag, command := d.ok("--version"), d.ok("version"); flag != command {
		t.Errorf("%q and %q", flag, command)
	}
}

func TestTheConfigurationPrintsAsJSON(t *testing.T) {
	d := newDesk(t, "")
	var c map[string]any
	if err := json.Unmarshal([]byte(d.ok("config", "print", "-o", "json")), &c); err != nil || c["log_level"] != "info" {
		t.Errorf("%v, %v", c, err)
	}
}

func TestTabOffersNames(t *testing.T) {
	d := newDesk(t, "")
	d.ok("topic", "create", "orders")
	d.ok("group", "create", "billing")
	for line, want := range map[string]string{
		"topic describe":             "orders\n",
		"group lag":                  "billing\n",
		"consume orders --group":     "billing\n",
		"group reset billing":        ":4\n",
		"message get":                "orders\n",
		"topic create":               ":4\n",
		"topic list -o":              "table\njson\nyaml\n",
		"topic create x --type":      "normal\nfifo\ndelay\ntransaction\n",
		"up --log-level":             "debug\ninfo\nwarn\nerror\n",
		"get":                        "topics\ngroups\ngrants\napps\ntenants\nplans\nenvironments\nzones\nall\n",
		"get topic":                  "orders\n",
		"topic describe --server x ": ":4\n",
	} {
		out := d.ok(append(append([]string{"__complete"}, strings.Fields(line)...), "")...)
		if !strings.HasPrefix(out, want) {
			t.Errorf("%s offers\n%s", line, out)
		}
	}
}

func TestAMistypedNameIsAnsweredWithTheTenantsNearest(t *testing.T) {
	d := newDesk(t, "")
	d.ok("topic", "create", "orders")
	d.ok("group", "create", "billing")
	d.ok("app", "create", "shop")
	d.ok("tenant", "create", "other")
	for line, hint := range map[string]string{
		"topic describe ordres": `did you mean "orders"?`, "group lag biling": `did you mean "billing"?`, "app describe shpo": `did you mean "shop"?`,
		"message search ordres": `did you mean "orders"?`, "topic describe %DLQ%biling": `did you mean "billing"?`,
	} {
		if code, _, err := d.run(strings.Fields(line)...); code != ExitNotFound || !strings.Contains(err, hint) {
			t.Errorf("%s: exit %d\n%s", line, code, err)
		}
		if code, _, err := d.run(append(strings.Fields(line), "--tenant", "other")...); code != ExitNotFound || strings.Contains(err, "mean") {
			t.Errorf("%s, of another tenant: exit %d\n%s", line, code, err)
		}
	}
	if out := d.ok("topic", "describe", "%DLQ%billing"); !strings.Contains(out, "dead letters of group billing") {
		t.Error(out)
	}
}

func TestASearchThatIsCutSaysHowToGoOn(t *testing.T) {
	d := live(t)
	d.ok("topic", "create", "orders", "--queues", "3")
	d.ok("produce", "orders", "-m", "x", "--count", "25")
	ids := map[string]bool{}
	cursor := ""
	for range 3 {
		args := []string{"message", "search", "orders", "--limit", "10", "-o", "json"}
		if cursor != "" {
			args = append(args, "--cursor", cursor)
		}
		code, out, err := d.run(args...)
		var page []struct {
			ID     string
			Stored time.Time
		}
		if json.Unmarshal([]byte(out), &page) != nil || code != ExitOK {
			t.Fatalf("exit %d\n%s%s", code, out, err)
		}
		for i, m := range page {
			ids[m.ID] = true
			if i > 0 && m.Stored.After(page[i-1].Stored) {
				t.Errorf("message %d is newer than the one before", i)
			}
		}
		_, cursor, _ = strings.Cut(strings.TrimSpace(err), "10 shown, there are more: --limit 100, or --cursor ")
	}
	if len(ids) != 25 || cursor != "" {
		t.Errorf("%d messages, then %q", len(ids), cursor)
	}
	for line, says := range map[string]string{
		"message search orders --offset 3":                                "--queue and --offset go together",
		"message search orders --queue 3 --offset 0":                      "no queue 3, the topic has 0 to 2",
		"group reset g --topic orders --offset 0 --queue 3 --force --yes": "no queue 3, the topic has 0 to 2",
		"group reset g --topic orders --offset 999 --queue 1 --yes":       "offset 999 of queue 1: from 0 to ",
		"group reset g --topic orders --offset 0 --queue 9 -o json --yes": "no queue 9, the topic has 0 to 2",
	} {
		d.run("group", "create", "g")
		if code, _, err := d.run(strings.Fields(line)...); code == ExitOK || !strings.Contains(err, says) {
			t.Errorf("%s: exit %d\n%s", line, code, err)
		}
	}
}

func TestTheDoctorSaysWhatIsBehindAFailure(t *testing.T) {
	d := live(t)
	ca := d.data + "/tls/cert.pem"
	d.ok("topic", "create", "orders")
	d.ok("produce", "orders", "-m", "x", "--tls", "--tls-ca", ca)
	out := d.ok("doctor")
	for _, row := range []string{"ok  api", "ok  endpoint", "ok  tls", "ok  disk", "GiB are free", "--tls-ca DATA/tls/cert.pem"} {
		if !strings.Contains(out, row) {
			t.Errorf("the doctor lacks %q:\n%s", row, out)
		}
	}
	code, out, err := d.run("doctor", "--server", "http://127.0.0.1:1")
	if code != ExitFailure || !strings.Contains(out, "fail  api") || !strings.Contains(out, "ok    endpoint") || !strings.Contains(err, "causeway up") {
		t.Errorf("without the API: exit %d\n%s%s", code, out, err)
	}
	api, endpoint := strings.TrimPrefix(d.env["CAUSEWAY_SERVER"], "http://"), d.env["CAUSEWAY_ENDPOINT"]
	for line, says := range map[string]string{
		"topic list --server https://" + api:                         "write http:// in --server",
		"topic list --server http://" + endpoint:                     "that looks like the clients' port",
		"topic list --server https://" + endpoint:                    "that looks like the clients' port",
		"produce orders -m x --tls":                                  "--tls-ca DATA/tls/cert.pem",
		"produce orders -m x --tls --tls-insecure --tls-ca " + ca:    "exclude each other",
		"produce orders -m x --endpoint " + api:                      "that looks like the API's port",
		"doctor --endpoint " + api + " --server http://" + endpoint:  "that looks like the clients' port",
		"consume orders -g none --max 1 --access-key CWx --secret y": "--access-key and --secret",
	} {
		if code, out, err := d.run(strings.Fields(line)...); code == ExitOK || !strings.Contains(err, says) {
			t.Errorf("%s: exit %d\n%s%s", line, code, out, err)
		}
	}
}

func TestARevokedKeyIsAlwaysDenied(t *testing.T) {
	d := live(t)
	d.ok("topic", "create", "orders")
	var a struct {
		Key struct{ ID, Secret string } `json:"key"`
	}
	if err := json.Unmarshal([]byte(d.ok("app", "create", "shop", "--owner", "-o", "json")), &a); err != nil {
		t.Fatal(err)
	}
	as := func(id, secret string) (int, string) {
		code, _, err := d.run("produce", "orders", "-m", "x", "--access-key", id, "--secret", secret)
		return code, err
	}
	if code, err := as(a.Key.ID, a.Key.Secret); code != ExitOK {
		t.Fatalf("exit %d\n%s", code, err)
	}
	d.ok("app", "key", "revoke", "shop", a.Key.ID, "--yes")
	for range 20 {
		for _, secret := range []string{a.Key.Secret, "wrong"} {
			if code, err := as(a.Key.ID, secret); code != ExitDenied || strings.Contains(err, "is it running") {
				t.Fatalf("exit %d\n%s", code, err)
			}
		}
	}
}

func TestJobsCanBeLookedAtLater(t *testing.T) {
	d := newDesk(t, "")
	d.fill()
	var j struct{ ID string }
	if err := json.Unmarshal([]byte(d.ok("dlq", "redrive", "billing", "--background", "-o", "json")), &j); err != nil {
		t.Fatal(err)
	}
	if out := d.ok("job", "show", j.ID); !strings.Contains(out, j.ID) || !strings.Contains(out, "billing") {
		t.Error(out)
	}
	if out := d.ok("job", "list"); !strings.Contains(out, j.ID) {
		t.Error(out)
	}
}

func TestRightsCanChange(t *testing.T) {
	d := newDesk(t, "")
	d.ok("app", "create", "shop", "--publish", "orders")
	out := d.ok("app", "update", "shop", "--publish", "", "--read", "orders,returns", "--disabled")
	for _, want := range []string{"publish   -\n", "read      orders,returns\n", "disabled  yes\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s\nwant %s", out, want)
		}
	}
	if again := d.ok("app", "describe", "shop"); again != out {
		t.Errorf("described\n%s", again)
	}
	var keys []struct{ ID string }
	if err := json.Unmarshal([]byte(d.ok("app", "key", "list", "shop", "-o", "json")), &keys); err != nil || len(keys) != 1 {
		t.Fatalf("%v, %v", keys, err)
	}
	if code, _, err := d.run("app", "key", "revoke", "shop", keys[0].ID); code != ExitConflict || !strings.Contains(err, "--yes") {
		t.Errorf("exit %d\n%s", code, err)
	}
	d.ok("app", "key", "revoke", "shop", keys[0].ID, "--yes")
	if out := d.ok("tenant", "describe", "default"); !strings.Contains(out, "unsigned from loopback  no") {
		t.Error(out)
	}
}

func TestRightsToWhatIsNotThereAreWarnedOf(t *testing.T) {
	d := newDesk(t, "")
	d.ok("topic", "create", "orders")
	warns := func(says string, args ...string) {
		t.Helper()
		code, _, err := d.run(args...)
		if code != ExitOK || err != says {
			t.Errorf("%v: exit %d\n%s", args, code, err)
		}
	}
	const topics, groups = "warning: application shop has rights to what is not there: topic ordres; they hold as soon as somebody makes it\n",
		"warning: application shop has rights to what is not there: group billing; they hold as soon as somebody makes it\n"
	warns(topics+groups, "app", "create", "shop", "--publish", "orders,ordres", "--consume", "billing", "-q")
	if out := d.ok("app", "describe", "shop"); !strings.Contains(out, "missing   ordres,billing") {
		t.Errorf("described as\n%s", out)
	}
	warns(groups, "app", "update", "shop", "--publish", "orders")
	d.ok("group", "create", "billing")
	warns("", "app", "update", "shop", "--publish", "orders")
	file := d.file("apps.yaml", "kind: Application\nname: shop\npublish: [ordres]\n")
	warns(topics, "apply", "-f", file)
	if out := d.ok("get", "app", "shop"); strings.Contains(out, "missing") {
		t.Errorf("a document has\n%s", out)
	}
}
