// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/testkit/optest"
)

const (
	verifier  = "a-verifier-that-the-terminal-tells-nobody-else"
	stateOf   = "a-state-that-nobody-can-guess"
	waitingAt = 40123
)

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// begins is where a browser begins the login of a terminal.
func begins(more string) string {
	return fmt.Sprintf("/v1/session/provider/terminal?port=%d&state=%s&challenge=%s%s", waitingAt, stateOf, challengeOf(verifier), more)
}

// toTerminal keeps a browser from going on to a terminal, which no test of this file has.
func toTerminal(t *testing.T) *http.Client {
	c := visitor(t)
	c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == wire.TerminalPath {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return c
}

var link = regexp.MustCompile(`<a href="([^"]+)">`)

// consents gives the page at the end of a login, and where it leads.
func (o *offered) consents(more string) (page string, to *url.URL) {
	o.t.Helper()
	r := o.get(toTerminal(o.t), begins(more))
	found := link.FindStringSubmatch(string(r.body))
	if r.status != 200 || found == nil {
		o.t.Fatalf("he comes to %d %v %s", r.status, r.header, r.body)
	}
	to, err := url.Parse(html.UnescapeString(found[1]))
	if err != nil {
		o.t.Fatal(err)
	}
	return string(r.body), to
}

// redeems shows a code with a verifier.
func (o *offered) redeems(code, verifier string) reply {
	o.t.Helper()
	return o.send("POST", "/v1/session/terminal", `{"code":"`+code+`","verifier":"`+verifier+`"}`)
}

// sits logs the provider's present user in at a terminal.
func (o *offered) sits() wire.TerminalSession {
	o.t.Helper()
	_, to := o.consents("")
	return read[wire.TerminalSession](o.t, o.redeems(to.Query().Get("code"), verifier))
}

// offerAnna is an installation of which anna is a developer.
func offerAnna(t *testing.T) *offered {
	t.Helper()
	o := offer(t)
	o.send("POST", def+"/members", `{"name":"anna@shop.example","role":"developer"}`, as(holders))
	return o
}

func TestAMemberLogsInAtATerminal(t *testing.T) {
	o := offerAnna(t)
	ways := read[wire.Logins](t, o.send("GET", "/v1/session/logins", ""))
	if ways.Provider == nil || ways.Provider.Terminal != o.url+oidc.TerminalPath {
		t.Errorf("one logs in by %+v", ways.Provider)
	}
	page, to := o.consents("&tenant=default")
	for _, said := range []string{"anna@shop.example", "developer of tenant default", "port 40123", wire.TerminalWord(challengeOf(verifier))} {
		if !strings.Contains(page, said) {
			t.Errorf("the page does not say %q: %s", said, page)
		}
	}
	if q := to.Query(); to.Scheme != "http" || to.Host != "127.0.0.1:40123" || to.Path != wire.TerminalPath || q.Get("state") != stateOf || len(q) != 2 || to.User != nil {
		t.Fatalf("it leads to %s", to)
	}
	if rows := o.audit("noun=member&name=anna@shop.example"); len(rows) != 2 { // made and linked
		t.Errorf("before somebody shows the code there is %+v", rows)
	}
	begun := read[wire.TerminalSession](t, o.redeems(to.Query().Get("code"), verifier))
	if begun.Name != "default/anna@shop.example" || begun.Role != "developer" || begun.Tenant != "default" || !identity.OfTerminal(begun.Token) || !begun.Expires.Equal(o.now.Now().Truncate(time.Microsecond).Add(identity.TerminalLife)) {
		t.Errorf("he got %+v", begun)
	}
	who := read[wire.Session](t, o.send("GET", "/v1/session", "", as(begun.Token)))
	if who.Kind != "member" || who.Name != begun.Name || who.Role != "developer" || who.CSRF != "" || who.Logout != "" || who.Expires == nil {
		t.Errorf("he is %+v", who)
	}
	if r := o.send("POST", def+"/topics", `{"name":"orders"}`, as(begun.Token)); r.status != 201 {
		t.Errorf("makes a topic: %d %s", r.status, r.body)
	}
	rows := o.audit("noun=member&name=anna@shop.example")
	if len(rows) != 3 || rows[0].Action != "session.create" || rows[0].Kind != "member" || rows[0].Actor != begun.Name || rows[0].Why != "at a terminal, by the identity provider" {
		t.Errorf("the audit has %+v", rows)
	}
	o.send("POST", "/v1/tenants", `{"id":"shop"}`, as(holders))
	if r := o.send("GET", "/v1/tenants/shop/topics", "", as(begun.Token)); r.status != 404 {
		t.Errorf("another tenant: %d %s", r.status, r.body)
	}
	if r := o.send("GET", "/v1/audit", "", as(begun.Token)); r.status != 403 {
		t.Errorf("the installation: %d %s", r.status, r.body)
	}
	text := o.log.String() + string(o.send("GET", "/v1/audit?limit=500", "", as(holders)).body)
	for _, secret := range []string{begun.Token, verifier, to.Query().Get("code")} {
		if strings.Contains(text, secret) {
			t.Errorf("a secret is in the log or in the audit: %s", secret)
		}
	}
}

func TestATerminalsCodeIsGoodOnceAndForItsVerifierAlone(t *testing.T) {
	o := offerAnna(t)
	_, to := o.consents("")
	code := to.Query().Get("code")
	refused := func(what string, r reply) {
		t.Helper()
		if r.status != 400 || r.problem(t).Reason != "login_not_yours" {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	refused("another verifier", o.redeems(code, verifier+"x"))
	refused("the challenge", o.redeems(code, challengeOf(verifier)))
	refused("cut off", o.redeems(code[:len(code)-4], verifier))
	if r := o.redeems(code, verifier); r.status != 201 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	refused("a second use", o.redeems(code, verifier))
	_, to = o.consents("")
	o.now.Advance(oidc.TicketLife)
	refused("too late", o.redeems(to.Query().Get("code"), verifier))
	rows := o.audit("noun=member")
	if n := len(slices.DeleteFunc(rows, func(r wire.AuditRow) bool { return r.Action != "session.create" })); n != 1 {
		t.Errorf("%d sessions began", n)
	}
}

func TestALoginOfABrowserIsNoCodeOfATerminal(t *testing.T) {
	o := offerAnna(t)
	c := visitor(t)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	sent := o.get(c, begins(""))
	cookie, _, _ := strings.Cut(strings.TrimPrefix(sent.header.Get("Set-Cookie"), "causeway_login="), ";")
	if sent.status != 303 || cookie == "" {
		t.Fatalf("%d %v", sent.status, sent.header)
	}
	if r := o.redeems(cookie, verifier); r.status != 400 || r.problem(t).Reason != "login_not_yours" {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestACodeGoesToTheMachineOfTheBrowserAlone(t *testing.T) {
	o := offerAnna(t)
	good := challengeOf(verifier)
	for query, field := range map[string]string{
		"state=" + stateOf + "&challenge=" + good:                                                         "port",
		"port=80&state=" + stateOf + "&challenge=" + good:                                                 "port",
		"port=70000&state=" + stateOf + "&challenge=" + good:                                              "port",
		"port=40123@evil.example&state=" + stateOf + "&challenge=" + good:                                 "port",
		"port=40123.evil.example&state=" + stateOf + "&challenge=" + good:                                 "port",
		"port=40123&state=" + stateOf + "&challenge=" + good + "&redirect=http://evil.example":            "redirect",
		"port=40123&state=" + stateOf + "&challenge=" + good + "&redirect_uri=https%3A%2F%2Fevil.example": "redirect_uri",
		"port=40123&state=" + stateOf + "&challenge=" + good + "&port=40124":                              "port",
		"port=40123&state=short&challenge=" + good:                                                        "state",
		"port=40123&state=" + stateOf + "%26code%3Dx&challenge=" + good:                                   "state",
		"port=40123&state=" + stateOf:                                                                     "challenge",
		"port=40123&state=" + stateOf + "&challenge=plain":                                                "challenge",
		"port=40123&state=" + stateOf + "&challenge=" + good + "&tenant=a/b":                              "tenant",
	} {
		o.now.Advance(time.Minute) // not so fast that guessing is slowed down
		r := o.send("GET", "/v1/session/provider/terminal?"+query, "")
		if r.status != 400 || r.problem(t).Field != field || r.header.Get("Location") != "" || r.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s", query, r.status, r.body)
		}
	}
	if r := o.send("GET", begins(""), "", header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Dest", "document")); r.status != 403 {
		t.Errorf("from a page of another site: %d %s", r.status, r.body)
	}
}

func TestATerminalHearsThatNobodyLoggedIn(t *testing.T) {
	hears := func(o *offered) string {
		t.Helper()
		r := o.get(toTerminal(t), begins(""))
		to, err := url.Parse(r.header.Get("Location"))
		if err != nil || r.status != 303 || to.Host != "127.0.0.1:40123" || to.Path != wire.TerminalPath || to.Query().Get("state") != stateOf || to.Query().Has("code") {
			t.Fatalf("%d %v %s", r.status, r.header, r.body)
		}
		if c := r.header.Get("Set-Cookie"); strings.Contains(c, "causeway_session") {
			t.Errorf("the browser keeps %s", c)
		}
		return to.Query().Get("error")
	}
	if got := hears(offer(t)); got != "no_member" {
		t.Errorf("who is nobody here: %s", got)
	}
	o := offerAnna(t)
	o.op.Denies()
	if got := hears(o); got != "provider_refused" {
		t.Errorf("denied at the provider: %s", got)
	}
	lied := offerAnna(t)
	lied.op.Lies(func(l *optest.Token) { l.Claims["nonce"] = "x" })
	if got := hears(lied); got != "provider_refused" {
		t.Errorf("a token that does not hold: %s", got)
	}
	other := offerAnna(t)
	other.sits()
	other.op.Is(optest.User{ID: "u-2", Email: "anna@shop.example", Verified: true})
	if got := hears(other); got != "other_subject" {
		t.Errorf("somebody else with her name: %s", got)
	}
	if r := o.get(toTerminal(t), oidc.ReturnPath+"?code=x&state=y"); r.status != 400 || r.header.Get("Location") != "" {
		t.Errorf("an answer to no login is handed on: %d %v", r.status, r.header)
	}
}

func TestASessionAtATerminalEndsWithAllThatEndsOne(t *testing.T) {
	o := offerAnna(t)
	over := func(what string, s wire.TerminalSession) {
		t.Helper()
		if r := o.send("GET", "/v1/session", "", as(s.Token)); r.status != 401 || r.problem(t).Reason != "session_ended" {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	first, second := o.sits(), o.sits()
	if r := o.send("DELETE", "/v1/session", "", as(first.Token)); r.status != 204 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	over("after a logout", first)
	third := o.sits()
	if r := o.send("DELETE", "/v1/session/others", "", as(third.Token)); r.status != 204 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	over("ended from another terminal", second)
	other := o.sits()
	o.send("PATCH", def+"/members/anna@shop.example", `{"role":"viewer"}`, as(holders))
	if who := read[wire.Session](t, o.send("GET", "/v1/session", "", as(other.Token))); who.Role != "viewer" {
		t.Errorf("with another role he is %+v", who)
	}
	_, to := o.consents("")
	o.send("PATCH", def+"/members/anna@shop.example", `{"disabled":true}`, as(holders))
	over("switched off", other)
	if r := o.redeems(to.Query().Get("code"), verifier); r.status != 403 || r.problem(t).Reason != "no_member" {
		t.Errorf("switched off between provider and terminal: %d %s", r.status, r.body)
	}
}

func TestASessionAtATerminalLastsItsTimeHoweverQuietItIs(t *testing.T) {
	o := offerAnna(t)
	s := o.sits()
	o.now.Advance(identity.TerminalLife - time.Microsecond)
	if r := o.send("GET", "/v1/session", "", as(s.Token)); r.status != 200 {
		t.Errorf("just before its end: %d %s", r.status, r.body)
	}
	o.now.Advance(time.Microsecond)
	if r := o.send("GET", "/v1/session", "", as(s.Token)); r.status != 401 || r.problem(t).Reason != "session_ended" {
		t.Errorf("at its end: %d %s", r.status, r.body)
	}
}

func TestNeitherACookieNorATerminalsTokenIsTakenForTheOther(t *testing.T) {
	o := offerAnna(t)
	s := o.sits()
	cookied := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "causeway_session", Value: value}) }
	}
	if r := o.send("GET", "/v1/session", "", cookied(s.Token)); r.status != 401 {
		t.Errorf("a terminal's token as a cookie: %d %s", r.status, r.body)
	}
	c := visitor(t)
	o.get(c, "/v1/session/provider")
	at, err := url.Parse(o.url)
	if err != nil {
		t.Fatal(err)
	}
	kept := c.Jar.Cookies(at)
	if len(kept) != 1 {
		t.Fatalf("the browser keeps %v", kept)
	}
	for _, shown := range []string{kept[0].Value, identity.TerminalPrefix + kept[0].Value, strings.TrimPrefix(s.Token, identity.TerminalPrefix)} {
		if r := o.send("GET", "/v1/session", "", as(shown)); r.status != 401 {
			t.Errorf("what is no terminal's token as one: %d %s", r.status, r.body)
		}
	}
}

func TestATerminalsStreamEndsWithItsSession(t *testing.T) {
	o := offerAnna(t)
	s := o.sits()
	idle := o.now.Pending()
	r := o.watch(nil, def, "watch=jobs", as(s.Token))
	r.next("ready")
	r.rests(o.now, idle)
	if left := o.send("DELETE", "/v1/session", "", as(s.Token)); left.status != 204 {
		t.Fatalf("%d %s", left.status, left.body)
	}
	o.now.Advance(5 * time.Second)
	r.endsWith("credential")
}
