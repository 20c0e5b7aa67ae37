// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/testkit/optest"
	"github.com/causeway-mq/causeway/mq"
)

// offered is an installation whose members log in at a provider as well.
type offered struct {
	*site
	op  *optest.Provider
	now *clock.Virtual
}

func offer(t *testing.T, change ...func(*oidc.Config)) *offered {
	t.Helper()
	o := &offered{} // the provider has to know where the API is, and the API the provider
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { o.served.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	front := server.URL
	o.op = optest.New(t, front+oidc.ReturnPath)
	now := clock.NewVirtual(time.Now())
	o.now = now
	o.site = serve(t, func(a *api.Options, p *control.Options) {
		c := oidc.Default()
		c.Issuer, c.ClientID, c.ClientSecret, c.RedirectURL, c.Label = o.op.URL, optest.ClientID, optest.Secret, front+oidc.ReturnPath, "the company"
		for _, f := range change {
			f(&c)
		}
		provider, err := oidc.New(c, shelf.New(p.Store.Shelf(), now.Now))
		if err != nil {
			t.Fatal(err)
		}
		a.Token, a.Clock, p.Clock, a.Provider = holders, now, now, provider
	})
	o.url = front
	o.op.Is(optest.User{ID: "u-1", Email: "anna@shop.example", Verified: true, Groups: []string{"mq"}})
	return o
}

// visitor is a browser: it keeps cookies and follows redirects, as one does that comes from another site.
func visitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func (o *offered) get(c *http.Client, path string) reply {
	o.t.Helper()
	r, err := c.Get(o.url + path)
	if err != nil {
		o.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return reply{r.StatusCode, r.Header, body}
}

func TestAMemberLogsInAtTheProvider(t *testing.T) {
	o := offer(t)
	o.send("POST", def+"/members", `{"name":"anna@shop.example","role":"developer"}`, as(holders))
	if ways := read[wire.Logins](t, o.send("GET", "/v1/session/logins", "")); !ways.Password || ways.Provider == nil || ways.Provider.Label != "the company" || ways.Provider.Path != "/v1/session/provider" {
		t.Errorf("one logs in by %+v", ways)
	}
	c := visitor(t)
	page := o.get(c, "/v1/session/provider?return=/topics%3Fa%3D%22b%22%26c")
	if page.status != 200 || !strings.Contains(string(page.body), `content="0; url=/topics?a=&#34;b&#34;&amp;c"`) || page.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("he comes to %d %s", page.status, page.body)
	}
	at, err := url.Parse(o.url)
	if err != nil {
		t.Fatal(err)
	}
	cookies := c.Jar.Cookies(at)
	if len(cookies) != 1 || cookies[0].Name != "causeway_session" {
		t.Fatalf("the browser keeps %v", cookies)
	}
	who := read[wire.Session](t, o.get(c, "/v1/session"))
	if who.Kind != "member" || who.Name != "default/anna@shop.example" || who.Role != "developer" || who.CSRF == "" || !strings.HasPrefix(who.Logout, o.op.URL+"/") {
		t.Errorf("he is %+v", who)
	}
	b := browser{o.site, cookies[0], who.CSRF}
	if r := b.sends("POST", def+"/topics", `{"name":"orders"}`); r.status != 201 {
		t.Errorf("makes a topic: %d %s", r.status, r.body)
	}
	if r := o.send("POST", def+"/topics", `{"name":"other"}`, b.cookied); r.status != 403 || r.problem(t).Reason != "csrf" {
		t.Errorf("without the session's token: %d %s", r.status, r.body)
	}
	if out := o.get(visitor(t), strings.TrimPrefix(who.Logout, o.op.URL)); out.status == 0 {
		t.Error("the provider has no such place")
	}
	if r := o.send("PATCH", def+"/members/anna@shop.example", `{"disabled":true}`, as(holders)); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := b.sends("GET", "/v1/session", ""); r.status != 401 {
		t.Errorf("switched off: %d", r.status)
	}
	rows := o.audit("noun=member&name=anna@shop.example")
	var actions []string
	for _, row := range rows {
		actions = append(actions, row.Kind+" "+row.Action)
	}
	if got := strings.Join(actions, ", "); got != "local member.update, member session.create, plane member.link, local member.create" {
		t.Errorf("the audit has %s", got)
	}
}

func TestALogoutAtTheProviderNamesWhoseSessionEnds(t *testing.T) {
	o := offer(t)
	o.send("POST", def+"/members", `{"name":"anna@shop.example","role":"developer"}`, as(holders))
	at, err := url.Parse(o.url)
	if err != nil {
		t.Fatal(err)
	}
	leaves := func(o *offered) (to *url.URL, cookie string) {
		t.Helper()
		c := visitor(t)
		o.get(c, "/v1/session/provider")
		who := read[wire.Session](t, o.get(c, "/v1/session"))
		if to, err = url.Parse(who.Logout); err != nil {
			t.Fatal(err)
		}
		for _, k := range c.Jar.Cookies(at) {
			cookie = k.Value
		}
		return to, cookie
	}
	ends := func(to *url.URL) {
		t.Helper()
		c := visitor(t)
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		r, err := c.Get(to.String())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if r.StatusCode != 302 {
			t.Errorf("the provider answered %d", r.StatusCode)
		}
	}
	to, cookie := leaves(o)
	token := to.Query().Get("id_token_hint")
	if !tokenLike.MatchString(token) || to.Query().Get("client_id") != optest.ClientID || !strings.HasPrefix(to.String(), o.op.URL+"/") {
		t.Fatalf("he leaves at %s", to)
	}
	item, there, err := o.plane.Shelf().Find(t.Context(), "session", shelf.Key(cookie))
	if err != nil || !there || strings.Contains(item.Body, strings.Split(token, ".")[1]) || tokenLike.MatchString(item.Body) || !strings.Contains(item.Body, `"hint":`) {
		t.Errorf("the session is kept as %+v, %v", item, err)
	}
	ends(to)
	o.op.Lies(func(l *optest.Token) { l.Claims["picture"] = strings.Repeat("x", 4<<10) })
	if to, _ = leaves(o); to.Query().Has("id_token_hint") || to.Query().Get("client_id") != optest.ClientID {
		t.Errorf("with a token that is too large he leaves at %s", to)
	}
	ends(to)
	if got := o.op.Left(); len(got) != 2 || got[0] != "u-1" || got[1] != "" {
		t.Errorf("the provider ended the sessions of %q", got)
	}
	if text := o.log.String() + string(o.send("GET", "/v1/audit?limit=500", "", as(holders)).body); tokenLike.MatchString(text) {
		t.Error("a token is in the log or in the audit")
	}
	none := offer(t)
	none.send("POST", def+"/members", `{"name":"anna@shop.example","role":"developer"}`, as(holders))
	none.op.Hides("end_session_endpoint")
	if to, cookie = leaves(none); to.String() != "" || cookie == "" {
		t.Errorf("at a provider without such a place he leaves at %q", to)
	}
}

func TestWhoIsNobodyHereIsNotLetIn(t *testing.T) {
	o := offer(t)
	if r := o.get(visitor(t), "/v1/session/provider"); r.status != 403 || r.problem(t).Reason != "no_member" || r.header.Get("Set-Cookie") != "" {
		t.Errorf("%d %s", r.status, r.body)
	}
	mapped := offer(t, func(c *oidc.Config) {
		c.Mappings = []oidc.Mapping{{Group: "mq", Tenant: mq.DefaultTenant, Role: "viewer"}}
	})
	c := visitor(t)
	mapped.get(c, "/v1/session/provider?tenant=default")
	if who := read[wire.Session](t, mapped.get(c, "/v1/session")); who.Role != "viewer" || who.Tenant != "default" {
		t.Errorf("he is %+v", who)
	}
	if m := read[wire.Member](t, mapped.send("GET", def+"/members/anna@shop.example", "", as(holders))); !m.Granted || m.External == nil || m.External.Subject != "u-1" {
		t.Errorf("kept as %+v", m)
	}
}

func TestABrowserThatBeganNoLoginGetsNoSession(t *testing.T) {
	o := offer(t)
	victim, thief := visitor(t), visitor(t)
	thief.CheckRedirect = func(r *http.Request, _ []*http.Request) error { // he keeps what the provider sends him back with
		if r.URL.Path == oidc.ReturnPath {
			return http.ErrUseLastResponse
		}
		return nil
	}
	sent := o.get(thief, "/v1/session/provider")
	back, err := url.Parse(sent.header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("sent back with %d %v", sent.status, sent.header)
	}
	if r := o.get(victim, back.RequestURI()); r.status != 400 || r.problem(t).Reason != "login_not_yours" || r.header.Get("Set-Cookie") != "" {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestBrowsersComeFromOtherSitesToOnePlaceAlone(t *testing.T) {
	o := offer(t)
	cross := header("Sec-Fetch-Site", "cross-site")
	for _, c := range []struct {
		path, dest string
		status     int
	}{
		{oidc.ReturnPath, "document", 400}, {oidc.ReturnPath, "iframe", 403}, {oidc.ReturnPath, "image", 403}, {"/v1/session/provider", "document", 403}, {"/v1/session", "document", 403},
	} {
		if r := o.send("GET", c.path, "", cross, header("Sec-Fetch-Dest", c.dest)); r.status != c.status {
			t.Errorf("%s as %s: %d %s", c.path, c.dest, r.status, r.body)
		}
	}
}

func TestWithoutTheProviderPasswordsStillWork(t *testing.T) {
	o := offer(t)
	o.member("anna", "developer")
	o.op.Stop()
	if r := o.get(visitor(t), "/v1/session/provider"); r.status != 503 || !strings.Contains(r.problem(t).Detail, "log in with a password") {
		t.Errorf("%d %s", r.status, r.body)
	}
	o.logIn("anna")
	plain, _ := guardedSite(t)
	if r := plain.send("GET", "/v1/session/provider", ""); r.status != 501 {
		t.Errorf("where there is none: %d %s", r.status, r.body)
	}
}

func TestWhoFailsAtTheProviderTooOftenWaits(t *testing.T) {
	o := offer(t)
	for range 10 {
		if r := o.send("GET", oidc.ReturnPath+"?code=x&state=y", ""); r.status != 400 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	if r := o.send("GET", oidc.ReturnPath+"?code=x&state=y", ""); r.status != 429 || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.status, r.body)
	}
}

var tokenLike = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}\.`)

func TestNoTokenOfTheProviderIsLogged(t *testing.T) {
	o := offer(t)
	o.op.Lies(func(l *optest.Token) { l.Claims["nonce"] = "x" })
	if r := o.get(visitor(t), "/v1/session/provider"); r.status != 401 || r.problem(t).Reason != "provider_refused" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if text := o.log.String(); !strings.Contains(text, "nonce of another login") || tokenLike.MatchString(text) || strings.Contains(text, optest.Secret) {
		t.Errorf("the log: %s", text)
	}
}
