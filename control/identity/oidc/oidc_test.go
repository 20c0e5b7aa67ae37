// SPDX-License-Identifier: Apache-2.0

package oidc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/testkit/optest"
	"github.com/causeway-mq/causeway/mq"
)

const back = "http://127.0.0.1:1" + oidc.ReturnPath

// desk is two planes at which people log in, over one store, with a provider.
type desk struct {
	t     *testing.T
	op    *optest.Provider
	a, b  *oidc.Provider
	now   *clock.Virtual
	table shelf.Table
}

func newDesk(t *testing.T, change ...func(*oidc.Config)) *desk {
	t.Helper()
	s, err := sqlstore.OpenSQLite(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	d := &desk{t: t, op: optest.New(t, back), now: clock.NewVirtual(time.Now()), table: s.Shelf()}
	d.op.Is(optest.User{ID: "u-1", Email: "anna@shop.example", Verified: true, Groups: []string{"mq", "all"}})
	d.a, d.b = d.plane(change...), d.plane(change...)
	return d
}

func (d *desk) plane(change ...func(*oidc.Config)) *oidc.Provider {
	d.t.Helper()
	c := oidc.Default()
	c.Issuer, c.ClientID, c.ClientSecret, c.RedirectURL = d.op.URL, optest.ClientID, optest.Secret, back
	c.Mappings = []oidc.Mapping{{Group: "mq", Role: "viewer"}}
	for _, f := range change {
		f(&c)
	}
	c.Check(func(key, format string, args ...any) {
		d.t.Errorf("the configuration is wrong: %s: "+format, append([]any{key}, args...)...)
	})
	p, err := oidc.New(c, shelf.New(d.table, d.now.Now))
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

// begin starts a login at a plane.
func (d *desk) begin(p *oidc.Provider) (at, cookie string) {
	d.t.Helper()
	at, cookie, err := p.Begin(context.Background(), oidc.Wanted{Return: "/topics?limit=5"})
	if err != nil {
		d.t.Fatal(err)
	}
	return at, cookie
}

// visit goes to the provider, as a browser does, until it is sent back; it gives what it is sent back with.
func (d *desk) visit(at string) url.Values {
	d.t.Helper()
	client := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), back) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	r, err := client.Get(at)
	if err != nil {
		d.t.Fatal(err)
	}
	defer r.Body.Close()
	to, err := url.Parse(r.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(to.String(), back) {
		d.t.Fatalf("the provider answered %d, to %v: %v", r.StatusCode, to, err)
	}
	return to.Query()
}

// refused asserts what becomes of an answer of the provider.
func (d *desk) refused(p *oidc.Provider, cookie string, q url.Values, want mq.Kind) string {
	d.t.Helper()
	who, _, err := p.Finish(context.Background(), cookie, q)
	if mq.KindOf(err) != want {
		d.t.Errorf("%s was let in as %+v: %v, want %v", q, who, err, want)
		return ""
	}
	return err.Error() + "\n" + oidc.Cause(err)
}

func TestWhoeverTheProviderVouchesForIsKnownAtAnyPlane(t *testing.T) {
	d := newDesk(t)
	at, cookie := d.begin(d.a)
	q, err := url.Parse(at)
	if err != nil || q.Query().Get("code_challenge_method") != "S256" || q.Query().Get("code_challenge") == "" || q.Query().Get("nonce") == "" || q.Query().Get("scope") != "openid profile email" {
		t.Errorf("the provider is asked with %s", at)
	}
	if strings.Contains(at, optest.Secret) || strings.Contains(at, cookie) {
		t.Error("a secret is in the URL")
	}
	who, attempt, err := d.b.Finish(context.Background(), cookie, d.visit(at))
	want := identity.Vouched{External: identity.External{Issuer: d.op.URL, Subject: "u-1"}, Name: "anna@shop.example", Groups: []string{"mq", "all"}}
	if err != nil || who.External != want.External || who.Name != want.Name || strings.Join(who.Groups, " ") != "mq all" || attempt.Return != "/topics?limit=5" {
		t.Errorf("he is %+v at %+v, %v (%s)", who, attempt, err, oidc.Cause(err))
	}
}

func TestALoginWorksOnceAndForItsOwnBrowser(t *testing.T) {
	d := newDesk(t)
	at, cookie := d.begin(d.a)
	_, other := d.begin(d.a)
	answer := d.visit(at)
	d.refused(d.a, "", answer, mq.BadRequest)
	d.refused(d.a, other, answer, mq.BadRequest)
	d.refused(d.a, cookie+"A", answer, mq.BadRequest)
	for name, change := range map[string][2]string{"state": {"state", "x"}, "code": {"code", ""}, "issuer": {"iss", "https://other.example"}} {
		q, _ := url.ParseQuery(answer.Encode())
		q.Set(change[0], change[1])
		if said := d.refused(d.a, cookie, q, mq.BadRequest); !strings.Contains(said, "begin anew") {
			t.Errorf("%s: %s", name, said)
		}
	}
	if _, _, err := d.a.Finish(context.Background(), cookie, answer); err != nil {
		t.Fatal(err, oidc.Cause(err))
	}
	for _, p := range []*oidc.Provider{d.a, d.b} {
		d.refused(p, cookie, answer, mq.BadRequest) // the state is spent, at each plane
	}
	at, cookie = d.begin(d.a)
	replayed := d.visit(at)
	replayed.Set("code", answer.Get("code"))
	d.refused(d.a, cookie, replayed, mq.Unauthorized)
}

func TestALoginThatTakesTooLongBeginsAnew(t *testing.T) {
	d := newDesk(t)
	at, cookie := d.begin(d.a)
	answer := d.visit(at)
	d.now.Advance(oidc.Life)
	if said := d.refused(d.a, cookie, answer, mq.BadRequest); !strings.Contains(said, "5m0s") {
		t.Error(said)
	}
}

func TestWhatDoesNotHoldLetsNobodyIn(t *testing.T) {
	d := newDesk(t)
	now := time.Now()
	for name, c := range map[string]struct {
		why string
		lie func(*optest.Token)
	}{
		"another nonce":         {"nonce of another login", func(l *optest.Token) { l.Claims["nonce"] = "x" }},
		"no nonce":              {"nonce of another login", func(l *optest.Token) { delete(l.Claims, "nonce") }},
		"expired":               {"expired at", func(l *optest.Token) { l.Claims["exp"] = now.Add(-2 * time.Minute).Unix() }},
		"of the future":         {"of the future", func(l *optest.Token) { l.Claims["iat"] = now.Add(10 * time.Minute).Unix() }},
		"not yet":               {"of the future", func(l *optest.Token) { l.Claims["nbf"] = now.Add(10 * time.Minute).Unix() }},
		"old":                   {"before the login", func(l *optest.Token) { l.Claims["iat"] = now.Add(-time.Hour).Unix() }},
		"for another client":    {"expected audience", func(l *optest.Token) { l.Claims["aud"] = "other" }},
		"given to another":      {"given to \"other\"", func(l *optest.Token) { l.Claims["azp"] = "other" }},
		"for several":           {"given to \"\"", func(l *optest.Token) { l.Claims["aud"] = []string{optest.ClientID, "other"}; delete(l.Claims, "azp") }},
		"of another issuer":     {"different provider", func(l *optest.Token) { l.Claims["iss"] = "https://other.example" }},
		"of nobody":             {"names no subject", func(l *optest.Token) { l.Claims["sub"] = "" }},
		"about somebody else":   {"userinfo is about", func(l *optest.Token) { l.Claims["sub"] = "u-2" }},
		"of another access":     {"access token hash", func(l *optest.Token) { l.Claims["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" }},
		"unsigned":              {"algorithm \"none\"", func(l *optest.Token) { l.Alg = "none" }},
		"signed with our word":  {"algorithm \"HS256\"", func(l *optest.Token) { l.Alg, l.Key = jose.HS256, []byte(optest.Secret+strings.Repeat(" ", 32)) }},
		"signed by a foreigner": {"verify signature", func(l *optest.Token) { l.Key = optest.NewKey() }},
		"with a foreign key":    {"verify signature", func(l *optest.Token) { l.Key, l.KeyID = optest.NewKey(), "foreign" }},
	} {
		t.Run(name, func(t *testing.T) {
			d.op.Lies(c.lie)
			at, cookie := d.begin(d.a)
			told, cause, _ := strings.Cut(d.refused(d.a, cookie, d.visit(at), mq.Unauthorized), "\n")
			if !strings.Contains(told, "does not hold") || !strings.Contains(cause, c.why) {
				t.Errorf("he is told %q; the log has %q, want %q", told, cause, c.why)
			}
		})
	}
	d.op.Lies(func(l *optest.Token) { l.Claims["exp"] = now.Add(-30 * time.Second).Unix() }) // within what clocks may differ
	at, cookie := d.begin(d.a)
	if _, _, err := d.a.Finish(context.Background(), cookie, d.visit(at)); err != nil {
		t.Errorf("a provider whose clock is half a minute behind: %v (%s)", err, oidc.Cause(err))
	}
}

func TestAMailAddressThatNobodyVerifiedIsNobodys(t *testing.T) {
	d := newDesk(t)
	d.op.Is(optest.User{ID: "u-1", Email: "anna@shop.example"})
	at, cookie := d.begin(d.a)
	if said := d.refused(d.a, cookie, d.visit(at), mq.Unauthorized); !strings.Contains(said, "has not verified your mail address") {
		t.Error(said)
	}
	d.op.Is(optest.User{ID: "u-1", Verified: true})
	at, cookie = d.begin(d.a)
	d.refused(d.a, cookie, d.visit(at), mq.Unauthorized)
}

func TestTheProviderMayChangeItsKeys(t *testing.T) {
	d := newDesk(t)
	for range 2 {
		at, cookie := d.begin(d.a)
		if _, _, err := d.a.Finish(context.Background(), cookie, d.visit(at)); err != nil {
			t.Fatal(err, oidc.Cause(err))
		}
		d.op.Rotate()
	}
}

func TestWithoutTheProviderNobodyWaits(t *testing.T) {
	d := newDesk(t)
	at, cookie := d.begin(d.a)
	answer := d.visit(at)
	d.op.Stop()
	if said := d.refused(d.a, cookie, answer, mq.Unavailable); !strings.Contains(said, "log in with a password") {
		t.Error(said)
	}
	_, _, err := d.b.Begin(context.Background(), oidc.Wanted{Return: "/"})
	if mq.KindOf(err) != mq.Unavailable || oidc.Cause(err) == "" {
		t.Errorf("a plane that never saw it: %v", err)
	}
}

func TestAProviderOfAnotherNameIsNone(t *testing.T) {
	d := newDesk(t)
	impostor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, d.op.URL+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(impostor.Close)
	p := d.plane(func(c *oidc.Config) { c.Issuer = impostor.URL })
	if _, _, err := p.Begin(context.Background(), oidc.Wanted{Return: "/"}); mq.KindOf(err) != mq.Unavailable {
		t.Errorf("it was followed elsewhere: %v", err)
	}
}

func TestAProviderThatRefusesIsTold(t *testing.T) {
	d := newDesk(t)
	at, cookie := d.begin(d.a)
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	q := url.Values{"state": {u.Query().Get("state")}, "error": {"access_denied"}, "error_description": {"<b>no</b>"}}
	said := d.refused(d.a, cookie, q, mq.Unauthorized)
	told, cause, _ := strings.Cut(said, "\n")
	if strings.Contains(told, "<b>") || !strings.Contains(cause, "access_denied") {
		t.Error(said)
	}
}

func TestNobodyIsSentElsewhereAfterALogin(t *testing.T) {
	d := newDesk(t)
	for _, path := range []string{"", "topics", "//evil.example", "https://evil.example/", `/\evil.example`, "/a b", "/\r\nSet-Cookie:x", "/ü", "/" + strings.Repeat("a", oidc.MaxReturn), "javascript:alert(1)", "\t//evil.example"} {
		_, _, err := d.a.Begin(context.Background(), oidc.Wanted{Return: path})
		if r := new(control.Refusal); mq.KindOf(err) != mq.BadRequest || !asRefusal(err, &r) || r.Reason != oidc.BadReturn {
			t.Errorf("%q: %v", path, err)
		}
	}
}
