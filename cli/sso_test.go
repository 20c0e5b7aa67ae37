// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/cli/contexts"
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/internal/testkit/optest"
	"github.com/causeway-mq/causeway/mq"
)

// company is a desk at an installation whose members log in at an identity provider; anna is one.
type company struct {
	*desk
	op     *optest.Provider
	server *httptest.Server
	pages  sync.WaitGroup // that a browser is at
}

func newCompany(t *testing.T) *company {
	t.Helper()
	c := &company{desk: &desk{t: t, engine: controltest.New()}}
	var served http.Handler // it has to know where it is
	c.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { served.ServeHTTP(w, r) }))
	c.op = optest.New(t, c.server.URL+oidc.ReturnPath)
	c.op.Is(optest.User{ID: "u-1", Email: "anna@shop.example", Verified: true})
	store, err := sqlstore.OpenSQLite(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := mq.ParseCluster("test")
	if err != nil {
		t.Fatal(err)
	}
	if c.plane, err = control.Open(context.Background(), control.Options{Store: store, Engine: c.engine, Inspector: c.engine, Mover: c.engine, Traits: c.engine.Traits(), Cluster: cluster}); err != nil {
		t.Fatal(err)
	}
	config := oidc.Default()
	config.Issuer, config.ClientID, config.ClientSecret, config.RedirectURL = c.op.URL, optest.ClientID, optest.Secret, c.server.URL+oidc.ReturnPath
	provider, err := oidc.New(config, shelf.New(store.Shelf(), time.Now))
	if err != nil {
		t.Fatal(err)
	}
	board := job.Open(job.Options{Plane: c.plane})
	served = api.New(api.Options{Plane: c.plane, Jobs: board, Token: "open sesame", Provider: provider})
	t.Cleanup(func() {
		c.pages.Wait()
		c.server.Close()
		board.Close()
		if err := c.plane.Close(); err != nil {
			t.Error(err)
		}
	})
	c.env = map[string]string{"CAUSEWAY_SERVER": c.server.URL}
	c.home()
	c.ok("member", "create", "anna@shop.example", "--role", "developer", "--token", "open sesame")
	return c
}

var onward = regexp.MustCompile(`<a href="([^"]+)">`)

// visits goes to an address as somebody with a browser does, and on where the page leads; it gives what he read.
func (c *company) visits(address string) (first, last string) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		c.t.Error(err)
		return
	}
	client := &http.Client{Jar: jar, Timeout: time.Minute}
	get := func(at string) string {
		r, err := client.Get(at)
		if err != nil {
			c.t.Error(err)
			return ""
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil {
			c.t.Error(err)
		}
		return string(text)
	}
	first = get(address)
	if to := onward.FindStringSubmatch(first); to != nil {
		last = get(html.UnescapeString(to[1]))
	}
	return first, last
}

// logsIn types a login, for which a browser opens.
func (c *company) logsIn(args ...string) (code int, out, talk, first, last string) {
	c.t.Helper()
	var o, e bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	code = Run(ctx, Env{Args: append([]string{"login", "--sso"}, args...), In: strings.NewReader(""), Out: &o, Err: &e, Getenv: func(k string) string { return c.env[k] },
		Browse: func(address string) error {
			c.pages.Go(func() { first, last = c.visits(address) })
			return nil
		}})
	c.pages.Wait()
	return code, o.String(), e.String(), first, last
}

// kept is the context in which the desk works.
func (c *company) kept() contexts.Context {
	c.t.Helper()
	book, err := contexts.Load(c.contexts())
	if err != nil {
		c.t.Fatal(err)
	}
	one, err := book.Find(book.Current)
	if err != nil {
		c.t.Fatal(err)
	}
	return *one
}

// knows tells whether the server knows a token.
func (c *company) knows(token string) bool {
	c.t.Helper()
	code, _, err := c.run("topic", "list", "--token", token)
	if code != ExitOK && code != ExitDenied {
		c.t.Errorf("exit %d: %s", code, err)
	}
	return code == ExitOK
}

func TestSomebodyLogsInWithHisBrowserAndOutAgain(t *testing.T) {
	c := newCompany(t)
	code, out, talk, first, last := c.logsIn()
	if code != ExitOK {
		t.Fatalf("exit %d\n%s%s", code, out, talk)
	}
	want(t, out, "logged in to http://ADDRESS as default/anna@shop.example, developer, until TIME; the session is kept in context 127.0.0.1\n")
	word := regexp.MustCompile(`the word ([A-Z2-7]{4}-[A-Z2-7]{4})\.`).FindStringSubmatch(talk)
	if word == nil || !strings.Contains(first, word[1]) || !strings.Contains(first, "anna@shop.example") || !strings.Contains(last, "Go on at the terminal") {
		t.Errorf("the terminal says %s\nthe browser shows %s\nand %s", talk, first, last)
	}
	is := c.kept()
	if info, err := os.Stat(c.contexts()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the session lies in %v: %v", info, err)
	}
	if !strings.HasPrefix(is.Token, "cwl_") || is.Tenant != "default" || is.TokenFile+is.TokenEnv != "" || strings.Contains(out+talk+first+last, is.Token) {
		t.Errorf("kept %s for tenant %s", is.Reference(), is.Tenant)
	}
	delete(c.env, "CAUSEWAY_SERVER")
	c.ok("topic", "create", "orders")
	if out := c.ok("audit", "list", "--context", "127.0.0.1", "-o", "json", "--token", "open sesame"); strings.Count(out, `"session.create"`) != 1 {
		t.Errorf("the audit has\n%s", out)
	}
	want(t, c.ok("logout"), "context 127.0.0.1 is logged out\n")
	c.env["CAUSEWAY_SERVER"] = is.Server
	if c.kept().Reference() != "" || c.knows(is.Token) {
		t.Error("after the logout the session is kept, or goes on at the server")
	}
}

func TestAnotherLoginEndsTheSessionOfItsContext(t *testing.T) {
	c := newCompany(t)
	c.logsIn()
	first := c.kept().Token
	if code, _, talk, _, _ := c.logsIn("--tenant", "default"); code != ExitOK {
		t.Fatalf("exit %d: %s", code, talk)
	}
	if second := c.kept().Token; second == first || !c.knows(second) || c.knows(first) {
		t.Error("both sessions go on, or the wrong one does")
	}
}

// reading is somebody who reads the address at his terminal.
type reading struct {
	bytes.Buffer
	once sync.Once
	goes func(address string)
}

func (r *reading) Write(p []byte) (int, error) {
	n, err := r.Buffer.Write(p)
	if at := regexp.MustCompile(`(?m)^  (http://\S+)$`).FindStringSubmatch(r.String()); at != nil {
		r.once.Do(func() { r.goes(at[1]) })
	}
	return n, err
}

func TestWithoutABrowserTheAddressIsShown(t *testing.T) {
	c := newCompany(t)
	var out bytes.Buffer
	talk := &reading{goes: func(address string) { c.pages.Go(func() { c.visits(address) }) }}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	code := Run(ctx, Env{Args: []string{"login", "--sso", "--no-browser", "-q"}, In: strings.NewReader(""), Out: &out, Err: talk, Getenv: func(k string) string { return c.env[k] },
		Browse: func(string) error { t.Error("a browser opened"); return nil }})
	c.pages.Wait()
	if code != ExitOK || out.Len() > 0 || !c.knows(c.kept().Token) {
		t.Errorf("exit %d, %s%s", code, out.String(), talk)
	}
}

func TestWhoIsNotLetInIsToldAtTheTerminal(t *testing.T) {
	denied := newCompany(t)
	denied.op.Denies()
	stranger := newCompany(t)
	stranger.op.Is(optest.User{ID: "u-2", Email: "bert@shop.example", Verified: true})
	away := newCompany(t)
	away.ok("tenant", "create", "shop", "--token", "open sesame")
	for _, at := range []struct {
		*company
		says string
		args []string
	}{
		{denied, "the identity provider refused the login", nil},
		{stranger, "you are no member here", nil},
		{away, "you are no member here", []string{"--tenant", "shop"}},
	} {
		code, out, talk, _, _ := at.logsIn(at.args...)
		if _, err := os.Stat(at.contexts()); code != ExitDenied || !strings.Contains(talk, at.says) || out != "" || err == nil {
			t.Errorf("%s: exit %d\n%s%s", at.says, code, out, talk)
		}
	}
}

func TestALoginAtTheProviderTakesNoToken(t *testing.T) {
	c := newCompany(t)
	for _, args := range [][]string{{"login", "--no-browser"}, {"login", "--sso", "--token", "open sesame"}} {
		if code, _, err := c.run(args...); code != ExitUsage {
			t.Errorf("%v: exit %d %s", args, code, err)
		}
	}
	c.env["CAUSEWAY_TOKEN"] = "open sesame"
	if code, _, err := c.run("login", "--sso"); code != ExitUsage || !strings.Contains(err, "CAUSEWAY_TOKEN") {
		t.Errorf("exit %d %s", code, err)
	}
	if code, _, err := newDesk(t, "").home().run("login", "--sso"); code != ExitUsage || !strings.Contains(err, "has no identity provider") {
		t.Errorf("where there is no provider: exit %d %s", code, err)
	}
}

func TestALogoutThatTheServerDoesNotHearSaysSo(t *testing.T) {
	c := newCompany(t)
	c.logsIn()
	c.server.Close()
	if code, out, err := c.run("logout"); code != ExitFailure || out != "" || !strings.Contains(err, "did not end it") || c.kept().Reference() != "" {
		t.Errorf("exit %d %s%s", code, out, err)
	}
}
