// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// desk is a place to type commands at: the real API on a loopback listener over an engine in memory.
type desk struct {
	t        *testing.T
	env      map[string]string
	terminal bool
	in       string
	secret   func(string) (string, error)
	data     string // of the server, where it is a real one
	plane    *control.Plane
	engine   *controltest.Engine
}

func newDesk(t *testing.T, token string, change ...func(*control.Options)) *desk {
	t.Helper()
	d := &desk{t: t, engine: controltest.New()}
	store, err := sqlstore.OpenSQLite(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := mq.ParseCluster("test")
	if err != nil {
		t.Fatal(err)
	}
	o := control.Options{Store: store, Engine: d.engine, Inspector: d.engine, Mover: d.engine, Traits: d.engine.Traits(), Cluster: cluster}
	for _, c := range change {
		c(&o)
	}
	d.plane, err = control.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	board := job.Open(job.Options{Plane: d.plane})
	server := httptest.NewServer(api.New(api.Options{Plane: d.plane, Jobs: board, Token: token}))
	t.Cleanup(func() {
		server.Close()
		board.Close()
		if err := d.plane.Close(); err != nil {
			t.Error(err)
		}
	})
	d.env = map[string]string{"CAUSEWAY_SERVER": server.URL}
	return d
}

// run types one command line and gives what came of it.
func (d *desk) run(args ...string) (code int, out, err string) {
	d.t.Helper()
	var o, e bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	code = Run(ctx, Env{Args: args, In: strings.NewReader(d.in), Out: &o, Err: &e, Getenv: func(k string) string { return d.env[k] }, Secret: d.secret,
		OutTerminal: d.terminal, ErrTerminal: d.terminal})
	return code, o.String(), e.String()
}

func (d *desk) ok(args ...string) string {
	d.t.Helper()
	code, out, err := d.run(args...)
	if code != ExitOK {
		d.t.Fatalf("%v: exit %d\n%s%s", args, code, out, err)
	}
	return out
}

// steady puts fixed words for what differs between runs.
func steady(s string) string {
	for _, r := range []struct{ pattern, word string }{
		{`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z`, "TIME"},
		{`CW[a-z2-7]{18}`, "ACCESSKEY"},
		{`cws_[a-z2-7]{40}[0-9a-f]{8}`, "SECRET"},
		{`request [0-9a-f]{16}`, "request ID"},
		{`job [a-z2-7]{12}`, "job ID"},
		{`127\.0\.0\.1:\d+`, "ADDRESS"},
	} {
		s = regexp.MustCompile(r.pattern).ReplaceAllString(s, r.word)
	}
	return s
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got = steady(got); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFirstFiveMinutes(t *testing.T) {
	d := newDesk(t, "")
	want(t, d.ok("topic", "create", "orders"), `
topic orders created: normal messages, 8 queues, kept for 72h
`)
	want(t, d.ok("group", "create", "billing", "--from", "earliest"), `
group billing created: begins at earliest, 17 attempts
`)
	want(t, d.ok("topic", "list"), `
NAME    TYPES   QUEUES  DURABILITY  RETENTION  STATE  CREATED
orders  normal  8       sync        72h        ready  TIME
`)
	want(t, d.ok("app", "create", "shop", "--owner"), `
application  shop
access key   ACCESSKEY
secret       SECRET   (shown this once)
`)
	want(t, d.ok("app", "list"), `
NAME  OWNER  PUBLISH  READ  CONSUME  DISABLED  CREATED
shop  yes    -        -     -        no        TIME
`)
	want(t, d.ok("tenant", "list"), `
ID       PLAN  ENVIRONMENT  DISABLED  UNSIGNED FROM LOOPBACK  CREATED                   NOTE
default  -     -            no        no                      TIME  made at the first start
`)
}

func TestGroupsInAllTheirShapes(t *testing.T) {
	d := newDesk(t, "")
	d.ok("group", "create", "mail", "--fifo", "--max-attempts", "5", "--retry", "1s,5s,1m30s", "--hold", "45s")
	want(t, d.ok("group", "describe", "mail"), `
name          mail
mode          leases
fifo          yes
max attempts  5
retry         1s,5s,1m30s
began at      TIME
hold          45s
paused        no
state         ready
created       TIME
updated       TIME
note          -
labels        -
`)
	if out := d.ok("group", "update", "mail", "--retry", "1s..10m x2"); !strings.Contains(out, "1s..10m x2\n") {
		t.Errorf("exponential retry:\n%s", out)
	}
	if out := d.ok("group", "create", "old", "--from", "-10m", "-o", "json"); !strings.Contains(out, `"from": "2`) {
		t.Errorf("ten minutes ago:\n%s", out)
	}
	want(t, d.ok("group", "delete", "mail"), "group mail deleted\n")
}

// fill makes a topic with messages, a group that took one of them, and a dead letter.
func (d *desk) fill() {
	d.t.Helper()
	d.ok("topic", "create", "orders")
	d.ok("group", "create", "billing", "--from", "earliest")
	c := d.plane.Contents()
	for i, text := range []string{"hello", "second \x1b[31mred\n", "\xff\xfe"} {
		id, _ := mq.ParseMessageID(fmt.Sprint("id-", i))
		key, _ := mq.ParseKey(fmt.Sprint("k-", i))
		d.engine.Send(context.Background(), c.Topics[0].Spec, []mq.Message{{ID: id, Type: mq.Normal, Keys: []mq.Key{key}, Body: []byte(text)}})
	}
	got, err := d.engine.Take(context.Background(), mq.Want{Topic: c.Topics[0].Spec, Group: c.Groups[0].Spec, Max: 2})
	if err != nil {
		d.t.Fatal(err)
	}
	d.engine.Ack(context.Background(), []mq.Lease{got[0].Lease})
	dead := got[0].Message
	dead.Origin = mq.Origin{Topic: c.Topics[0].Spec.Name, Message: dead.ID, Attempt: 17, Why: "attempts"}
	d.engine.Send(context.Background(), c.Groups[0].DeadLetters(), []mq.Message{dead})
}

func TestLookingAtMessages(t *testing.T) {
	d := newDesk(t, "")
	d.fill()
	want(t, d.ok("message", "search", "orders"), `
ID    STATE   QUEUE  OFFSET  STORED                    TAG  KEYS  BODY
id-0  stored  0      0       TIME  -    k-0   hello
id-1  stored  0      1       TIME  -    k-1   second ·[31mred·
id-2  stored  0      2       TIME  -    k-2   ff fe
`)
	want(t, d.ok("message", "get", "orders", "id-0"), `
id      id-0
topic   orders
state   stored
type    normal
queue   0, offset 0
stored  TIME
born    - at -
keys    k-0
body    5 bytes, identity
        hello
`)
	if out := d.ok("message", "search", "orders", "--key", "k-1", "-o", "json"); strings.Count(out, `"id":`) != 1 || !strings.Contains(out, "id-1") {
		t.Errorf("by key:\n%s", out)
	}
	if out := d.ok("message", "search", "orders", "--queue", "0", "--offset", "2"); !strings.Contains(out, "id-2") || strings.Contains(out, "id-0") {
		t.Errorf("by place:\n%s", out)
	}
}

func TestLagResetAndDeadLetters(t *testing.T) {
	d := newDesk(t, "")
	d.fill()
	want(t, d.ok("group", "lag", "billing"), `
TOPIC   READY  LEASED  RETRYING  OLDEST
orders  1      1       0         -
`)
	want(t, d.ok("group", "lag", "billing", "--queues"), `
TOPIC   QUEUE  FIRST  COMMITTED  END  READY  LEASED  RETRYING  OLDEST
orders  0      0      1          3    1      1       0         -
`)
	code, _, err := d.run("group", "reset", "billing", "--topic", "orders", "--to", "earliest", "--yes")
	if code != ExitConflict {
		t.Errorf("exit %d", code)
	}
	want(t, err, `
causeway: consumers of group "billing" hold messages of topic "orders": stop them, or force the reset, which takes the messages from them
  conflict, request ID
  stop the consumers, or say --force, which takes the messages from them
`)
	want(t, d.ok("group", "reset", "billing", "--topic", "orders", "--to", "latest", "--force", "--yes"), `
QUEUE  FROM  TO
0      1     3
`)
	want(t, d.ok("dlq", "list", "billing"), `
ID    FROM TOPIC  ATTEMPTS  WHY       STORED                    KEYS  BODY
id-0  orders      17        attempts  TIME  k-0   hello
`)
	want(t, d.ok("dlq", "redrive", "billing"), `
job ID done: 1 sent back, 0 left
`)
	var job wire.Job
	if err := json.Unmarshal([]byte(d.ok("dlq", "redrive", "billing", "-o", "json")), &job); err != nil || job.State != "done" || job.Moved != 0 {
		t.Errorf("once more: %+v, %v", job, err)
	}
}

func TestARedriveThatLeavesSomethingSaysSo(t *testing.T) {
	d := newDesk(t, "")
	d.fill()
	d.ok("topic", "delete", "orders", "--yes")
	code, out, err := d.run("dlq", "redrive", "billing")
	if code != ExitPartial || !strings.Contains(out, "1 left") || !strings.Contains(err, "does not exist any more") {
		t.Errorf("exit %d\n%s%s", code, out, err)
	}
}

func TestMachinesReadWhatTheAPISays(t *testing.T) {
	d := newDesk(t, "")
	d.ok("topic", "create", "orders", "--type", "fifo", "--queues", "4", "--note", "yes")
	var fromJSON, fromYAML []map[string]any
	if err := json.Unmarshal([]byte(d.ok("topic", "list", "-o", "json")), &fromJSON); err != nil {
		t.Fatal(err)
	}
	text := d.ok("topic", "list", "-o", "yaml")
	if err := yaml.Unmarshal([]byte(text), &fromYAML); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(fromJSON)
	b, _ := json.Marshal(fromYAML)
	if string(a) != string(b) || len(fromJSON) != 1 || fromJSON[0]["note"] != "yes" {
		t.Errorf("json %s\nyaml %s\nfrom\n%s", a, b, text)
	}
	if out := d.ok("group", "list", "-o", "json"); out != "[]\n" {
		t.Errorf("nothing is an empty list, not %q", out)
	}
}

func TestMistypedCommandsAreAnsweredWithTheNearestName(t *testing.T) {
	d := newDesk(t, "")
	for _, c := range []struct {
		line, says string
	}{
		{"topik", `causeway: unknown command "topik"; did you mean "topic"?`},
		{"topic crate x", `causeway topic: unknown command "crate"; did you mean "create"?`},
		{"topic", `causeway topic: one of create, delete, describe, list, rates, update is needed`},
		{"topic create", `causeway topic create: the topic's NAME is missing`},
		{"topic create a b", `causeway topic create: "b" is one argument too many`},
		{"topic create x --quees 3", `causeway topic create: unknown flag --quees; did you mean "--queues"?`},
		{"topic create x --queues many", `invalid argument "many" for "--queues"`},
		{"topic create x --queues 257", `queues: 257, from 1 to 256 are possible`},
		{"topic create x --type fifoo", `message type "fifoo"`},
		{"topic update x", `nothing to change`},
		{"topic list -o jsn", `--output "jsn": table, json or yaml; did you mean "json"?`},
		{"group create x --retry 1s..2s", `--retry "1s..2s"`},
		{"group create x --from yesteryear", `--from "yesteryear": earliest, latest, a time such as`},
		{"group reset x --topic y", `--topic is needed, with either --to or --offset`},
		{"group reset x --topic y --to latest --offset 3", `--topic is needed, with either --to or --offset`},
		{"message search x --limit 0", `--limit 0: from 1 to 100000`},
		{"consume x", `--group is missing`},
		{"consume x -g g --no-ack", `--no-ack goes with --max or --wait`},
		{"consume x -g g --tags a --sql b", `exclude each other`},
		{"produce x --prop novalue", `--prop "novalue": NAME=VALUE is wanted`},
		{"produce x -m a --delay 1s --at 2030-01-01", `--delay and --at exclude each other`},
		{"produce x -m a -f b", `-m and -f exclude each other`},
		{"produce x hello", `"hello" is one argument too many; a body goes with -m`},
		{"message search x --id=", `--id is empty`},
		{"produce x -m a --access-key k", `--access-key and --secret go together`},
		{"produce x -m a --tls-insecure", `go with --tls`},
		{"bench produce x --in-flight 0", `--in-flight 0: from 1 to 10000`},
		{"bench produce x --duration 2h", `--duration 2h0m0s: at most 1h0m0s`},
		{"bench produce x --duration 0s", `at least one must be more than 0`},
		{"bench consume x", `--group is missing`},
		{"topic list --server ftp://x", `--server "ftp://x": a URL such as`},
	} {
		code, out, err := d.run(strings.Fields(c.line)...)
		if code != ExitUsage || out != "" || !strings.Contains(err, c.says) {
			t.Errorf("%s: exit %d\n%s%s\nwant %s", c.line, code, out, err, c.says)
		}
	}
}

func TestExitCodesTellFailuresApart(t *testing.T) {
	d := newDesk(t, "")
	d.fill()
	for line, want := range map[string]int{
		"topic describe none":                ExitNotFound,
		"group lag none":                     ExitNotFound,
		"topic list --tenant none":           ExitNotFound,
		"message get orders none":            ExitNotFound,
		"topic create orders":                ExitConflict,
		"topic delete orders":                ExitConflict,
		"app delete shop":                    ExitConflict,
		"topic list --server http://[::1]:1": ExitFailure,
	} {
		if code, _, err := d.run(strings.Fields(line)...); code != want || err == "" {
			t.Errorf("%s: exit %d, want %d\n%s", line, code, want, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var e bytes.Buffer
	if code := Run(ctx, Env{Args: []string{"topic", "list"}, Out: &e, Err: &e, Getenv: func(k string) string { return d.env[k] }}); code != ExitTimeout {
		t.Errorf("cut off: exit %d", code)
	}
}

func TestAnErrorSaysWhatToDoNext(t *testing.T) {
	d := newDesk(t, "")
	d.fill()
	for line, next := range map[string]string{
		"topic describe none":                "`causeway topic list` shows the topics",
		"topic delete orders":                "if you mean it, say --yes",
		"topic create orders":                "look at it with `describe`",
		"topic list --server http://[::1]:1": "start it with `causeway up`",
	} {
		if _, out, err := d.run(strings.Fields(line)...); !strings.Contains(err, next) || out != "" {
			t.Errorf("%s:\n%s%s\nwant %s", line, out, err, next)
		}
	}
}

func TestATokenGoesAlong(t *testing.T) {
	d := newDesk(t, "open sesame")
	if code, _, err := d.run("topic", "list"); code != ExitDenied || !strings.Contains(err, "CAUSEWAY_TOKEN") {
		t.Errorf("without: exit %d\n%s", code, err)
	}
	d.env["CAUSEWAY_TOKEN"] = "open sesame"
	d.ok("topic", "list")
	if code, _, err := d.run("topic", "list", "--token", "close"); code != ExitDenied || strings.Contains(err, "sesame") {
		t.Errorf("the flag comes before the environment: exit %d\n%s", code, err)
	}
	if out := d.ok("--help"); strings.Contains(out, "sesame") {
		t.Error("the help shows the token")
	}
}

func TestAServerThatIsSomethingElse(t *testing.T) {
	d := newDesk(t, "")
	for name, answer := range map[string]http.HandlerFunc{
		"another page":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"another error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://evil.example/", http.StatusFound)
		},
	} {
		server := httptest.NewServer(answer)
		code, _, err := d.run("topic", "list", "--server", server.URL)
		server.Close()
		if code != ExitFailure || !strings.Contains(err, "like Causeway's API") {
			t.Errorf("%s: exit %d\n%s", name, code, err)
		}
	}
}

func TestBarsAndColoursAreForTerminals(t *testing.T) {
	d := newDesk(t, "")
	d.fill()
	if _, out, err := d.run("dlq", "redrive", "billing"); strings.ContainsAny(out+err, "\r#\x1b") {
		t.Errorf("a bar without a terminal: %q %q", out, err)
	}
	d.terminal = true
	if _, _, err := d.run("dlq", "redrive", "billing"); !strings.Contains(err, "\r") {
		t.Errorf("no bar at a terminal: %q", err)
	}
	_, out, _ := d.run("doctor", "--endpoint", "127.0.0.1:1")
	if !strings.Contains(out, "\x1b[32mok\x1b[0m") || !strings.Contains(out, "\x1b[31mfail\x1b[0m") {
		t.Errorf("no colours at a terminal: %q", out)
	}
	d.env["NO_COLOR"] = "1"
	if _, out, _ := d.run("doctor"); strings.Contains(out, "\x1b") {
		t.Errorf("colours with NO_COLOR: %q", out)
	}
}

func TestTheDoctorFailsWithWhatIsWorst(t *testing.T) {
	d := newDesk(t, "")
	code, out, err := d.run("doctor", "--endpoint", "127.0.0.1:1")
	if code != ExitFailure || !strings.Contains(out, "fail  endpoint") || !strings.Contains(err, "causeway up") {
		t.Errorf("exit %d\n%s%s", code, out, err)
	}
}

func TestConfigurationIsCheckedAndPrinted(t *testing.T) {
	d := newDesk(t, "")
	printed := d.ok("config", "print")
	good := filepath.Join(t.TempDir(), "good.yaml")
	write := func(path, text string) string {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write(good, printed)
	want(t, d.ok("config", "check", good), good+" is good, a file of `causeway up`\n")
	if again := d.ok("config", "print", good); again != printed {
		t.Errorf("printed twice:\n%s\n---\n%s", printed, again)
	}
	dir := t.TempDir()
	for name, c := range map[string]struct{ text, says string }{
		"unknown key":         {"lisen: 127.0.0.1:1", `line 1: lisen: unknown key; did you mean "listen"?`},
		"number for duration": {"drain: 5", "line 1: drain"},
		"port 70000":          {"listen: 127.0.0.1:70000", "listen"},
		"retention 0":         {"engine:\n  retention: 0s", "engine.retention"},
		"one port twice":      {"listen: 127.0.0.1:9\nhttp: 127.0.0.1:9", "http"},
		"certificate alone":   {"tls:\n  cert: a.pem", "tls"},
		"no token outside":    {"http: 0.0.0.0:8090", "token"},
		"alias bomb":          {"advertise: &a [x]\ntls: *a", "aliases"},
		"ten megabytes":       {strings.Repeat("#", 10<<20+1), "limit"},
	} {
		path := write(filepath.Join(dir, "bad.yaml"), c.text)
		for _, line := range [][]string{{"config", "check", path}, {"up", "--config", path, "--data", filepath.Join(dir, "data")}} {
			code, out, err := d.run(line...)
			if code != ExitConfig || !strings.Contains(err, c.says) || out != "" {
				t.Errorf("%s, %s: exit %d\n%s%s", name, line[0], code, out, err)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
		t.Error("something was started")
	}
	secret := write(filepath.Join(dir, "secret.yaml"), "token: open-sesame-open-sesame")
	if out := d.ok("config", "print", secret); strings.Contains(out, "sesame") || !strings.Contains(out, "(redacted)") {
		t.Errorf("a secret is printed:\n%s", out)
	}
	if code, _, err := d.run("up", "--listen", "nowhere", "--log-level", "loud"); code != ExitConfig || !strings.Contains(err, "listen") || !strings.Contains(err, "log_level") {
		t.Errorf("flags: exit %d\n%s", code, err)
	}
}

func TestVersionAndCompletion(t *testing.T) {
	d := newDesk(t, "")
	if out := d.ok("version"); !strings.HasPrefix(out, "causeway ") {
		t.Error(out)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := d.ok("completion", shell); !strings.Contains(out, "causeway") {
			t.Errorf("%s: %.100s", shell, out)
		}
	}
	if out := d.ok(); !strings.Contains(out, "78 configuration") {
		t.Errorf("the help does not say the exit codes:\n%s", out)
	}
}

func TestTimesAreReadAsPeopleWriteThem(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.FixedZone("", 3600))
	for in, out := range map[string]string{
		"earliest": "earliest", "latest": "latest", "-10m": "2026-11-23T10:50:00Z", "2026-11-23T09:00:00Z": "2026-11-23T09:00:00Z",
		"2026-11-23 09:00": "2026-11-23T08:00:00Z", "2026-11-23": "2026-11-22T23:00:00Z",
	} {
		if got, err := call.Place("--to", in, now); got != out || err != nil {
			t.Errorf("%s: %s, %v, want %s", in, got, err, out)
		}
	}
	for in, out := range map[string]string{"72h0m0s": "72h", "1h30m0s": "1h30m", "0s": "0s", "10s": "10s", "10m0s": "10m", "10h0m10s": "10h0m10s"} {
		if got := call.Tidy(in); got != out {
			t.Errorf("%s: %s, want %s", in, got, out)
		}
	}
}

func TestEveryCommandIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	c := commands{&call.Call{Env: Env{Getenv: func(string) string { return "" }}}}
	var look func(*cobra.Command)
	look = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			look(sub)
		}
		if cmd.HasParent() && !cmd.HasSubCommands() && cmd.Name() != "help" && !bytes.Contains(text, []byte("`"+cmd.CommandPath()+"`")) {
			t.Errorf("docs/cli.md lacks `%s`", cmd.CommandPath())
		}
	}
	look(c.root())
}
