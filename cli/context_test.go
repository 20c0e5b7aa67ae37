// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/causeway-mq/causeway/cli/call"
)

// kept gives the desk a home, so that it can keep contexts.
func (d *desk) home() *desk {
	d.env["XDG_CONFIG_HOME"] = d.t.TempDir()
	return d
}

func (d *desk) contexts() string {
	return filepath.Join(d.env["XDG_CONFIG_HOME"], "causeway", "contexts.yaml")
}

// settings is what `context show` says, by name.
func (d *desk) settings(args ...string) map[string]call.Setting {
	d.t.Helper()
	var held heldSettings
	if err := json.Unmarshal([]byte(d.ok(append([]string{"context", "show", "-o", "json"}, args...)...)), &held); err != nil {
		d.t.Fatal(err)
	}
	all := map[string]call.Setting{}
	for _, s := range held.Settings {
		all[s.Name] = s
	}
	return all
}

func TestAContextIsWhereCommandsGo(t *testing.T) {
	d := newDesk(t, "open sesame").home()
	server := d.env["CAUSEWAY_SERVER"]
	delete(d.env, "CAUSEWAY_SERVER")
	want(t, d.ok("context", "add", "prod", "--server", server, "--token", "open sesame"), "context prod kept\n")
	d.ok("context", "add", "test", "--server", "http://127.0.0.1:1", "--tenant", "shop", "--endpoint", "127.0.0.1:9")
	d.ok("topic", "create", "orders")
	if code, _, _ := d.run("topic", "list", "--context", "test"); code != ExitFailure {
		t.Errorf("another context: exit %d", code)
	}
	d.env["CAUSEWAY_CONTEXT"] = "test"
	if code, _, _ := d.run("topic", "list"); code != ExitFailure {
		t.Errorf("another context by environment: exit %d", code)
	}
	d.ok("topic", "list", "--context", "prod")
	delete(d.env, "CAUSEWAY_CONTEXT")
	out := d.ok("context", "list")
	if strings.Join(strings.Fields(steady(out)), " ") != "CURRENT NAME SERVER TENANT ENDPOINT TOKEN * prod http://ADDRESS - - kept test http://ADDRESS shop ADDRESS -" {
		t.Errorf("listed\n%s", steady(out))
	}
	want(t, d.ok("context", "use", "test"), "context test: http://ADDRESS, tenant shop\n")
	want(t, d.ok("context", "rename", "test", "staging"), "context test is staging now\n")
	if s := d.settings(); s["context"].Value != "staging" || s["tenant"].From != "context staging" || s["endpoint"].Value != "127.0.0.1:9" {
		t.Errorf("%+v", s)
	}
	want(t, d.ok("context", "remove", "staging"), "context staging removed\n")
	if s := d.settings(); s["context"].Value != "" || s["server"].Value != call.DefaultServer || s["server"].From != "default" {
		t.Errorf("%+v", s)
	}
}

func TestEachSettingSaysWhereItComesFrom(t *testing.T) {
	d := newDesk(t, "").home()
	delete(d.env, "CAUSEWAY_SERVER")
	d.ok("context", "add", "prod", "--server", "http://127.0.0.1:7", "--tenant", "kept", "--token", "hush-hush")
	if s := d.settings(); s["server"].From != "context prod" || s["tenant"].Value != "kept" || s["token"] != (call.Setting{Name: "token", Value: "(set)", From: "context prod (the contexts' file)"}) {
		t.Errorf("context: %+v", s)
	}
	d.env["CAUSEWAY_TENANT"], d.env["CAUSEWAY_TOKEN"] = "of-env", "other"
	if s := d.settings(); s["tenant"] != (call.Setting{Name: "tenant", Value: "of-env", From: "environment CAUSEWAY_TENANT"}) || s["token"].From != "environment CAUSEWAY_TOKEN" {
		t.Errorf("environment: %+v", s)
	}
	s := d.settings("--tenant", "of-flag", "--token", "third", "--server", "http://127.0.0.1:8", "--endpoint", "h:1")
	for name, value := range map[string]string{"tenant": "of-flag", "server": "http://127.0.0.1:8", "endpoint": "h:1", "token": "(set)"} {
		if s[name].Value != value || s[name].From != "flag --"+name {
			t.Errorf("flag: %+v", s[name])
		}
	}
	for _, args := range [][]string{{"context", "show"}, {"context", "list", "-o", "yaml"}, {"context", "show", "-o", "json"}} {
		if out := d.ok(args...); strings.Contains(out, "hush") || strings.Contains(out, "other") {
			t.Errorf("%v shows a token:\n%s", args, out)
		}
	}
}

func TestAContextsTokenGoesToItsOwnServerAlone(t *testing.T) {
	var seen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		_, _ = w.Write([]byte("[]"))
	}))
	defer elsewhere.Close()
	d := newDesk(t, "open sesame").home()
	d.ok("context", "add", "prod", "--server", d.env["CAUSEWAY_SERVER"], "--token", "open sesame")
	d.ok("topic", "list")
	d.run("topic", "list", "--server", elsewhere.URL)
	d.run("clients", elsewhere.URL)
	for _, header := range seen {
		if header != "" {
			t.Errorf("sent %q", header)
		}
	}
	if len(seen) != 2 {
		t.Errorf("%d calls", len(seen))
	}
	if s := d.settings("--server", elsewhere.URL)["token"]; s.Value != "" || !strings.Contains(s.From, "its own server alone") {
		t.Errorf("%+v", s)
	}
}

func TestTokensMayStayElsewhere(t *testing.T) {
	d := newDesk(t, "open sesame").home()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.ok("context", "add", "a", "--server", d.env["CAUSEWAY_SERVER"], "--token-file", file)
	d.ok("topic", "list")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, err := d.run("topic", "list"); code != ExitConfig || !strings.Contains(err, file+": mode 0644") {
		t.Errorf("a token that everybody reads: exit %d\n%s", code, err)
	}
	d.ok("context", "add", "b", "--server", d.env["CAUSEWAY_SERVER"], "--token-env", "MINE")
	if code, _, _ := d.run("topic", "list", "--context", "b"); code != ExitDenied {
		t.Errorf("a variable that is not set: exit %d", code)
	}
	d.env["MINE"] = "open sesame"
	d.ok("topic", "list", "--context", "b")
	if text, _ := os.ReadFile(d.contexts()); strings.Contains(string(text), "sesame") {
		t.Errorf("kept:\n%s", text)
	}
	want(t, d.ok("logout", "--context", "b"), "context b points to no token any more; env MINE has it still\n")
	if code, _, err := d.run("context", "add", "c", "--server", "http://x", "--token", "t", "--token-env", "E"); code != ExitUsage || !strings.Contains(err, "one of them") {
		t.Errorf("two tokens: exit %d\n%s", code, err)
	}
}

func TestLoginTriesTheTokenBeforeItIsKept(t *testing.T) {
	d := newDesk(t, "open sesame").home()
	d.in = "close sesame\n"
	if code, _, err := d.run("login"); code != ExitDenied || err == "" {
		t.Errorf("a wrong token: exit %d\n%s", code, err)
	}
	if _, err := os.Stat(d.contexts()); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was kept")
	}
	d.in = "open sesame\n"
	want(t, d.ok("login"), "logged in to http://ADDRESS as token, installation; the token is kept in context 127.0.0.1\n")
	info, err := os.Stat(d.contexts())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	delete(d.env, "CAUSEWAY_SERVER")
	d.ok("topic", "list")
	d.ok("login", "--context", "second", "--server", d.settings()["server"].Value)
	if s := d.settings(); s["context"].Value != "second" {
		t.Errorf("%+v", s)
	}
	want(t, d.ok("logout"), "the token of context second is forgotten\n")
	if code, _, _ := d.run("topic", "list"); code != ExitDenied {
		t.Errorf("after the logout: exit %d", code)
	}
	want(t, d.ok("logout"), "context second had no token\n")
	if code, _, err := d.run("login", "--tenant", "none"); code != ExitNotFound {
		t.Errorf("a tenant that is not there: exit %d\n%s", code, err)
	}
}

func TestATenantsTokenBringsItsTenantAlong(t *testing.T) {
	d := newDesk(t, "open sesame").home()
	d.env["CAUSEWAY_TOKEN"] = "open sesame"
	d.ok("tenant", "create", "shop")
	var k struct{ Secret string }
	if err := json.Unmarshal([]byte(d.ok("token", "create", "pipeline", "--role", "developer", "--tenant", "shop", "-o", "json")), &k); err != nil {
		t.Fatal(err)
	}
	delete(d.env, "CAUSEWAY_TOKEN")
	d.in = k.Secret + "\n"
	d.ok("login")
	if s := d.settings(); s["tenant"].Value != "shop" || s["tenant"].From != "context 127.0.0.1" {
		t.Errorf("%+v", s)
	}
	if out := d.ok("whoami"); !strings.Contains(out, "tenant  shop") || !strings.Contains(out, "developer") {
		t.Error(out)
	}
	d.ok("topic", "create", "orders")
	if code, _, _ := d.run("topic", "list", "--tenant", "default"); code != ExitNotFound {
		t.Errorf("another tenant: exit %d", code)
	}
	if code, _, _ := d.run("login", "--tenant", "default"); code != ExitNotFound {
		t.Errorf("a login to another tenant: exit %d", code)
	}
	if code, _, _ := d.run("tenant", "create", "more"); code != ExitDenied {
		t.Errorf("without the right: exit %d", code)
	}
}

func TestALoginWhereNoTokenIsNeededAsksForNone(t *testing.T) {
	d := newDesk(t, "").home()
	if out := d.ok("login"); !strings.Contains(out, "without a token") {
		t.Error(out)
	}
	if s := d.settings(); s["context"].Value != "127.0.0.1" || s["token"].Value != "" {
		t.Errorf("%+v", s)
	}
}

func TestATokenThatIsGivenHasToBeGoodWhereNoneIsNeeded(t *testing.T) {
	d := newDesk(t, "").home()
	for _, token := range []string{"cwt_x", "left over from elsewhere"} {
		d.in = token + "\n"
		if code, _, err := d.run("login"); code != ExitDenied || err == "" {
			t.Errorf("%s piped in: exit %d\n%s", token, code, err)
		}
		if code, _, err := d.run("login", "--token", token); code != ExitDenied || err == "" {
			t.Errorf("%s as a flag: exit %d\n%s", token, code, err)
		}
	}
	if _, err := os.Stat(d.contexts()); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was kept")
	}
	var k struct{ Secret string }
	if err := json.Unmarshal([]byte(d.ok("token", "create", "pipeline", "--role", "developer", "-o", "json")), &k); err != nil {
		t.Fatal(err)
	}
	d.in = k.Secret + "\n"
	if out := d.ok("login"); !strings.Contains(out, ", developer; the token is kept") {
		t.Error(out)
	}
}

func TestContextsThatCannotBeAreNamedWithTheirPlace(t *testing.T) {
	d := newDesk(t, "").home()
	for line, says := range map[string]string{
		"context add x":                                "--server is missing",
		"context add a/b --server http://x":            `name "a/b"`,
		"context add x --server x":                     `server "x": a URL`,
		"context add x --server http://u:p@x":          "a URL",
		"topic list --context prdo":                    `context "prdo": no such context; did you mean "prod"?`,
		"context show prdo":                            `did you mean "prod"?`,
		"context add prod --server http://127.0.0.1:2": "exists already",
		"context use prdo":                             `did you mean "prod"?`,
		"context rename prod prod":                     "exists already",
		"context remove prod":                          "keeps a token",
		"logout --context none":                        `context "none": no such context`,
	} {
		d.ok("context", "add", "prod", "--server", "http://127.0.0.1:1", "--replace", "--token", "t")
		if code, out, err := d.run(strings.Fields(line)...); code == ExitOK || out != "" || !strings.Contains(err, says) {
			t.Errorf("%s: exit %d\n%s%s", line, code, out, err)
		}
	}
	for name, c := range map[string]struct{ text, says string }{
		"unknown key":     {"current: a\ncontexts:\n  - name: a\n    servr: http://x\n", `line 4: contexts[0].servr: unknown key; did you mean "server"?`},
		"unknown current": {"current: b\ncontexts:\n  - name: a\n    server: http://x\n", "line 1: current"},
		"twice":           {"contexts:\n  - name: a\n    server: http://x\n  - name: a\n    server: http://x\n", "two contexts have this name"},
		"no YAML":         {"{", "contexts.yaml: "},
	} {
		if err := os.WriteFile(d.contexts(), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, line := range [][]string{{"topic", "list"}, {"context", "use", "a"}, {"context", "list"}} {
			if code, _, err := d.run(line...); code != ExitConfig || !strings.Contains(err, c.says) || !strings.Contains(err, d.contexts()) {
				t.Errorf("%s, %v: exit %d\n%s", name, line, code, err)
			}
		}
		d.ok("version")
	}
	if err := os.Chmod(d.contexts(), 0o640); err != nil {
		t.Fatal(err)
	}
	if code, _, err := d.run("topic", "list"); code != ExitConfig || !strings.Contains(err, "mode 0640") {
		t.Errorf("a file that others read: exit %d\n%s", code, err)
	}
}

func TestCommandsAtTheSameTimeLoseNoContext(t *testing.T) {
	d := newDesk(t, "").home()
	var all sync.WaitGroup
	names := strings.Fields("a b c d e f g h")
	for _, name := range names {
		all.Go(func() {
			if code, _, err := d.run("context", "add", name, "--server", "http://127.0.0.1:1"); code != ExitOK {
				t.Errorf("%s: exit %d\n%s", name, code, err)
			}
		})
	}
	all.Wait()
	if out := strings.Fields(d.ok("__complete", "context", "use", "")); len(out) < len(names) {
		t.Errorf("left: %v", out)
	}
}

func TestASecretThatIsTypedIsNotShown(t *testing.T) {
	d := newDesk(t, "open sesame").home()
	asked := ""
	d.secret = func(prompt string) (string, error) { asked = prompt; return "open sesame", nil }
	out := d.ok("login")
	if asked != "Token: " || strings.Contains(out, "sesame") {
		t.Errorf("asked %q, said\n%s", asked, out)
	}
	d.ok("topic", "list")
	d.secret = func(string) (string, error) { return "", errors.New("no token was typed: EOF") }
	if code, _, err := d.run("login", "--context", "other"); code != ExitFailure || !strings.Contains(err, "no token was typed") {
		t.Errorf("Ctrl-C: exit %d\n%s", code, err)
	}
}
