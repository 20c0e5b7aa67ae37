// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/cli/bench"
)

// live is a desk beside a running `causeway up`.
func live(t *testing.T, more ...string) *desk {
	t.Helper()
	d := &desk{t: t, env: map[string]string{}}
	data := filepath.Join(t.TempDir(), "data")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	var out, talk bytes.Buffer
	go func() {
		ended <- Run(ctx, Env{Args: append([]string{"up", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-level", "warn"}, more...),
			In: strings.NewReader(""), Out: &out, Err: &talk, Getenv: func(string) string { return "" }})
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != ExitOK {
			t.Errorf("up ended with %d\n%s%s", code, &out, &talk)
		}
	})
	var running app.Running
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for bound := time.After(30 * time.Second); running.GRPC == ""; {
		select {
		case <-tick.C:
			if raw, err := os.ReadFile(filepath.Join(data, "up.json")); err == nil {
				_ = json.Unmarshal(raw, &running) // half written: the next look sees it whole
			}
		case code := <-ended:
			ended <- code
			t.Fatalf("up ended early with %d\n%s%s", code, &out, &talk)
		case <-bound:
			t.Fatal("up is not ready in time")
		}
	}
	d.data = data
	d.env["CAUSEWAY_SERVER"], d.env["CAUSEWAY_ENDPOINT"] = "http://"+running.HTTP, running.GRPC
	return d
}

func TestMessagesGoThroughARunningServer(t *testing.T) {
	d := live(t)
	d.ok("topic", "create", "orders")
	d.ok("group", "create", "billing", "--from", "earliest")
	id := strings.TrimSpace(d.ok("produce", "orders", "-m", "hello", "--key", "o-1", "--tag", "new", "--prop", "region=eu"))
	out := d.ok("consume", "orders", "--group", "billing", "--max", "1", "--wait", "20s", "-o", "json")
	var m struct {
		ID, Tag    string
		Keys       []string
		Attempt    int
		Body       []byte
		Properties map[string]string
	}
	if err := json.Unmarshal([]byte(out), &m); err != nil || m.ID != id || string(m.Body) != "hello" || m.Tag != "new" || m.Keys[0] != "o-1" || m.Properties["region"] != "eu" || m.Attempt != 1 {
		t.Errorf("received %s, %v", out, err)
	}

	d.in = "one\n\ntwo\nthree\n"
	if lines := strings.Fields(d.ok("produce", "orders")); len(lines) != 3 {
		t.Errorf("sent %v", lines)
	}
	if out := d.ok("consume", "orders", "-g", "billing", "--max", "3", "--no-ack"); len(strings.Fields(out)) != 3 {
		t.Errorf("looked at %q", out)
	}
	got := strings.Fields(d.ok("consume", "orders", "-g", "billing", "--max", "3", "--wait", "20s"))
	if len(got) != 3 {
		t.Errorf("received %v after giving back", got)
	}
	if lag := d.ok("group", "lag", "billing"); !strings.Contains(steady(lag), "orders  0      0       0") {
		t.Errorf("lag\n%s", lag)
	}
	code, _, err := d.run("consume", "orders", "-g", "billing", "--max", "1", "--wait", "200ms")
	if code != ExitTimeout || !strings.Contains(err, "no message within") {
		t.Errorf("nothing there: exit %d\n%s", code, err)
	}
	if found := d.ok("message", "search", "orders", "--key", "o-1"); !strings.Contains(found, id) {
		t.Errorf("found\n%s", found)
	}
	if out := d.ok("doctor"); strings.Contains(out, "fail") {
		t.Errorf("doctor\n%s", out)
	}
	d.ok("topic", "create", "unread")
	if lag := d.ok("group", "lag", "billing"); strings.Contains(lag, "unread") {
		t.Errorf("lag of a topic that the group never read\n%s", lag)
	}
	d.refusals()
	d.burials()
	d.signed()
	d.benches()
}

func TestAnAddressThatIsChosenMustBeFree(t *testing.T) {
	d := live(t)
	for _, flag := range []string{"--listen", "--http"} {
		other := map[string]string{"--listen": "--http", "--http": "--listen"}[flag]
		taken := map[string]string{"--listen": d.env["CAUSEWAY_ENDPOINT"], "--http": strings.TrimPrefix(d.env["CAUSEWAY_SERVER"], "http://")}[flag]
		data := filepath.Join(t.TempDir(), "data")
		code, out, err := d.run("up", "--data", data, flag, taken, other, "127.0.0.1:0")
		if code != ExitFailure || !strings.Contains(err, taken) || strings.Contains(out, "is up") {
			t.Errorf("%s: exit %d\n%s%s", flag, code, out, err)
		}
	}
}

func TestADataDirectoryThatIsNotOursIsLeftAlone(t *testing.T) {
	d := live(t)
	up := func(data string, more ...string) (int, string) {
		code, out, err := d.run(append([]string{"up", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"}, more...)...)
		if strings.Contains(out, "is up") {
			t.Errorf("%s: it started\n%s", data, out)
		}
		return code, err
	}
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if code, err := up(d.data); code != ExitConfig || !strings.Contains(err, "already running on this data (process ") {
		t.Errorf("in use: exit %d\n%s", code, err)
	}
	theirs := write("control/control.db", strings.Repeat("theirs ", 1000), 0o600)
	if code, err := up(filepath.Dir(filepath.Dir(theirs))); code != ExitConfig || !strings.Contains(err, theirs) {
		t.Errorf("another product's: exit %d\n%s", code, err)
	}
	pem := write("cert.pem", "no certificate", 0o600)
	if code, err := up(t.TempDir(), "--tls-cert", pem, "--tls-key", pem); code != ExitConfig || !strings.Contains(err, pem) {
		t.Errorf("no certificate: exit %d\n%s", code, err)
	}
	open := write("seal.keys", "x", 0o644)
	if code, err := up(t.TempDir(), "--seal-keys", open); code != ExitConfig || !strings.Contains(err, "chmod 600") {
		t.Errorf("keys that all can read: exit %d\n%s", code, err)
	}
}

func TestCtrlCEndsProduceAtATerminal(t *testing.T) {
	d := live(t)
	d.ok("topic", "create", "orders")
	in, typed := io.Pipe()
	defer typed.Close()
	ctx, ctrlC := context.WithCancel(context.Background())
	defer ctrlC()
	shown := make(chan string, 10)
	var talk bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- Run(ctx, Env{Args: []string{"produce", "orders"}, In: in, Out: told(shown), Err: &talk, InTerminal: true,
			Getenv: func(k string) string { return d.env[k] }})
	}()
	if _, err := typed.Write([]byte("one\n")); err != nil {
		t.Fatal(err)
	}
	for i, end := range []func(){func() {}, ctrlC} {
		end()
		select {
		case <-shown: // the line's id: the command waits for the next line now
			if i > 0 {
				t.Fatal("a second line was sent")
			}
		case code := <-ended:
			if i == 0 || code != ExitOK || !strings.Contains(talk.String(), "Ctrl-D ends") {
				t.Fatalf("exit %d\n%s", code, &talk)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("it goes on")
		}
	}
}

// told hands on what is written.
type told chan string

func (c told) Write(b []byte) (int, error) {
	c <- string(b)
	return len(b), nil
}

func TestAServerWithATokenWantsIt(t *testing.T) {
	d := live(t, "--token", "open sesame, please")
	if code, _, err := d.run("topic", "list"); code != ExitDenied {
		t.Errorf("without it: exit %d\n%s", code, err)
	}
	d.ok("topic", "list", "--token", "open sesame, please")
}

// refusals are what the door says no to.
func (d *desk) refusals() {
	d.t.Helper()
	d.ok("topic", "create", "ledger", "--type", "fifo")
	for line, code := range map[string]int{
		"produce none -m x":                                     ExitNotFound,
		"consume orders -g none --max 1":                        ExitNotFound,
		"produce ledger -m x":                                   ExitConflict,
		"produce orders -m x --access-key CWx --secret y":       ExitDenied,
		"produce orders -m x --tenant none":                     ExitNotFound,
		"produce orders -m x --endpoint 127.0.0.1:1":            ExitFailure,
		"produce orders -m x --tls":                             ExitFailure,
		"consume orders -g billing --max 1 --sql nonsense(((":   ExitUsage,
		"produce orders -m x --key " + strings.Repeat("k", 129): ExitUsage,
	} {
		if got, out, err := d.run(strings.Fields(line)...); got != code {
			d.t.Errorf("%s: exit %d, want %d\n%s%s", line, got, code, out, err)
		}
	}
	d.ok("produce", "ledger", "-m", "x", "--message-group", "a")
}

// burials lets a message die, and sends it back.
func (d *desk) burials() {
	d.t.Helper()
	d.ok("group", "create", "once", "--max-attempts", "1", "--from", "latest")
	d.run("consume", "orders", "-g", "once", "--max", "1", "--wait", "100ms") // from its first contact on
	id := strings.TrimSpace(d.ok("produce", "orders", "-m", "mortal", "--key", "o-9"))
	d.ok("consume", "orders", "-g", "once", "--max", "1", "--wait", "20s", "--no-ack")
	if code, out, _ := d.run("consume", "orders", "-g", "once", "--max", "1", "--wait", "1s"); code != ExitTimeout {
		d.t.Errorf("a message out of attempts came again: %s", out)
	}
	if dead := d.ok("dlq", "list", "once"); !strings.Contains(dead, id) || !strings.Contains(dead, "orders") {
		d.t.Errorf("dead letters\n%s", dead)
	}
	if code, _, err := d.run("group", "delete", "once"); code != ExitConflict {
		d.t.Errorf("a group with dead letters: exit %d\n%s", code, err)
	}
	if out := d.ok("dlq", "redrive", "once"); !strings.Contains(out, "1 sent back, 0 left") {
		d.t.Errorf("redrive\n%s", out)
	}
	if out := d.ok("consume", "orders", "-g", "once", "--max", "1", "--wait", "20s"); out != "mortal\n" {
		d.t.Errorf("sent back: %q", out)
	}
	if out := d.ok("dlq", "redrive", "once"); !strings.Contains(out, "0 sent back") {
		d.t.Errorf("once more\n%s", out)
	}
	d.ok("group", "delete", "once", "--yes")
}

// signed goes over TLS with a key that has rights of its own.
func (d *desk) signed() {
	d.t.Helper()
	var a struct {
		Key struct{ ID, Secret string } `json:"key"`
	}
	if err := json.Unmarshal([]byte(d.ok("app", "create", "shop", "--publish", "orders", "-o", "json")), &a); err != nil {
		d.t.Fatal(err)
	}
	d.env["CAUSEWAY_ACCESS_KEY"], d.env["CAUSEWAY_SECRET"] = a.Key.ID, a.Key.Secret
	d.ok("produce", "orders", "-m", "signed", "--tls", "--tls-insecure")
	if code, _, err := d.run("produce", "ledger", "-m", "x", "--message-group", "a", "--tls", "--tls-insecure"); code != ExitDenied || strings.Contains(err, a.Key.Secret) {
		d.t.Errorf("without the right: exit %d\n%s", code, err)
	}
	delete(d.env, "CAUSEWAY_ACCESS_KEY")
	delete(d.env, "CAUSEWAY_SECRET")
}

// benches are short and bounded.
func (d *desk) benches() {
	d.t.Helper()
	d.ok("topic", "create", "load")
	d.ok("group", "create", "sink", "--from", "earliest")
	run := func(args ...string) bench.Result {
		d.t.Helper()
		var r bench.Result
		if err := json.Unmarshal([]byte(d.ok(append(args, "-o", "json", "--connections", "2", "--in-flight", "8")...)), &r); err != nil {
			d.t.Fatal(err)
		}
		if r.Errors != 0 || r.PerSecond <= 0 || r.P50 <= 0 || r.P99 < r.P50 || r.P999 < r.P99 || r.Max < r.P999 {
			d.t.Errorf("%v measured %+v", args, r)
		}
		return r
	}
	if r := run("bench", "produce", "load", "--messages", "300", "--size", "100"); r.Messages != 300 {
		d.t.Errorf("produced %d", r.Messages)
	}
	if r := run("bench", "consume", "load", "-g", "sink", "--messages", "300"); r.Messages != 300 {
		d.t.Errorf("consumed %d", r.Messages)
	}
	if r := run("bench", "e2e", "load", "-g", "sink", "--messages", "100", "--rate", "200"); r.Messages != 100 || r.Seconds < 0.45 {
		d.t.Errorf("end to end %+v", r)
	}
	if code, _, err := d.run("bench", "produce", "none", "--messages", "1"); code != ExitNotFound {
		d.t.Errorf("no topic: exit %d\n%s", code, err)
	}
}
