// SPDX-License-Identifier: Apache-2.0

package api

import (
	"cmp"
	"fmt"
	"html"
	"net/http"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// loginCookie is the login that a browser has under way at the identity provider, sealed. It comes back with a browser whom the provider sends here, which the cookie of a
// session must not.
const loginCookie = "causeway_login"

// providerPath is where a login at the identity provider begins.
const providerPath = "/v1/session/provider"

func (s *server) providerOperations() []door.Operation {
	return []door.Operation{
		{ID: "listLogins", Method: "GET", Path: "/v1/session/logins", Summary: "Tells how members log in here.", Scope: door.Open,
			Answer: wire.Logins{}, Status: 200, Handle: s.waysIn},
		{ID: "beginProviderLogin", Method: "GET", Path: providerPath, Summary: "Sends a browser to the identity provider, where a member logs in.", Scope: door.Open,
			Query: []door.Parameter{{Name: "tenant", About: "where he wants to work; without it the installation, else the first tenant where he is somebody", Kind: "string"},
				{Name: "return", About: "path of this server to which the browser goes afterwards; / without it", Kind: "string"}},
			Status: 303, Handle: s.toProvider},
		{ID: "endProviderLogin", Method: "GET", Path: oidc.ReturnPath, Summary: "Takes a browser back from the identity provider and begins a session: a cookie, and a page that leads on.",
			Scope: door.Open, Foreign: true, Media: "text/html", Status: 200, Handle: s.fromProvider},
	}
}

func (s *server) waysIn(*door.Request) (door.Answer, error) {
	ways := wire.Logins{Password: true}
	if p := s.opt.Provider; p != nil {
		ways.Provider = &wire.LoginProvider{Label: p.Label(), Path: providerPath, Terminal: p.TerminalURL()}
	}
	return door.OK(ways)
}

// provider is where members log in, if anywhere; who failed too often has to wait.
func (s *server) provider(r *door.Request) (*oidc.Provider, error) {
	if s.opt.Provider == nil {
		return nil, mq.Refuse(mq.Unsupported, "no identity provider is configured (oidc): members log in with their passwords")
	}
	if left := s.strikes.Wait(r.RemoteAddr); left > 0 {
		return nil, &door.Refusal{Status: http.StatusTooManyRequests, Kind: mq.TooManyRequests.String(), Reason: "too_many_failures", Limit: fmt.Sprintf("%d a minute", maxFailures),
			Detail: "too many logins from this address failed", After: left}
	}
	return s.opt.Provider, nil
}

func (s *server) toProvider(r *door.Request) (door.Answer, error) {
	return s.begin(r, oidc.Wanted{Return: cmp.Or(r.URL.Query().Get("return"), "/")})
}

// begin sends a browser to the provider, with the login that it is to bring back.
func (s *server) begin(r *door.Request, want oidc.Wanted) (door.Answer, error) {
	p, err := s.provider(r)
	if err != nil {
		return door.Answer{}, err
	}
	if text := r.URL.Query().Get("tenant"); text != "" {
		if want.Tenant, err = mq.ParseTenant(text); err != nil {
			return door.Answer{}, door.Bad("out_of_range", "tenant", "tenant: no id of a tenant")
		}
	}
	at, sealed, err := p.Begin(r.Context(), want)
	if err != nil {
		return door.Answer{}, s.failed(r, err)
	}
	return door.Answer{Status: http.StatusSeeOther, Location: at, Cookies: []*http.Cookie{s.loginCookie(r, sealed)}}, nil
}

// loginCookie keeps a login that is under way at the browser; "" takes it away.
func (s *server) loginCookie(r *door.Request, sealed string) *http.Cookie {
	c := &http.Cookie{Name: loginCookie, Value: sealed, Path: providerPath, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil || s.opt.Provider.Secure(), MaxAge: int(oidc.Life.Seconds())}
	if sealed == "" {
		c.MaxAge = -1
	}
	return c
}

func (s *server) fromProvider(r *door.Request) (door.Answer, error) {
	p, err := s.provider(r)
	if err != nil {
		return door.Answer{}, err
	}
	sealed := ""
	if c, err := r.Cookie(loginCookie); err == nil {
		sealed = c.Value
	}
	who, attempt, err := p.Finish(r.Context(), sealed, r.URL.Query())
	if err != nil {
		err = s.failed(r, err)
	}
	if attempt.Terminal != nil && !notHis(err) {
		return s.forTerminal(r, who, attempt, err)
	}
	if err != nil {
		return door.Answer{}, err
	}
	entry, err := s.entry(r, who, attempt)
	if err != nil {
		return door.Answer{}, err
	}
	begun, err := r.Who.Enter(r.Context(), entry)
	if err != nil {
		return door.Answer{}, s.failed(r, err)
	}
	session := cookieOf(r.Request, begun.ID, identity.SessionLife)
	session.Secure = session.Secure || p.Secure()
	return door.Answer{Status: http.StatusOK, Text: onward(attempt.Return), Media: "text/html; charset=utf-8", Cookies: []*http.Cookie{session, s.loginCookie(r, "")}}, nil
}

// entry is whom the provider vouched for, at our door.
func (s *server) entry(r *door.Request, who identity.Vouched, a oidc.Attempt) (e identity.Entry, err error) {
	e = identity.Entry{Who: who, Grants: s.opt.Provider.Grants(), From: control.Actor{Remote: r.RemoteAddr, Request: idOf(r.Request)}}
	if a.Tenant != "" {
		e.Tenant, err = mq.ParseTenant(a.Tenant)
	}
	return e, err
}

// failed notes a login that failed; what went wrong in the depths goes to the log.
func (s *server) failed(r *door.Request, err error) error {
	if k := mq.KindOf(err); k == mq.Unauthorized || k == mq.BadRequest {
		s.strikes.Note(r.RemoteAddr)
	}
	s.opt.Log.Warn("api: no login at the identity provider", "request", idOf(r.Request), "from", r.RemoteAddr, "why", err.Error(), "cause", oidc.Cause(err))
	return err
}

// onward is a page that leads to a path. A redirect would not do: browsers keep a strict cookie back from what another site began, and the session's is one; what this page
// begins is ours.
func onward(path string) string {
	path = html.EscapeString(path)
	return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=` + path + `"><title>Causeway</title></head>` +
		`<body><p>You are logged in: <a href="` + path + `">go on</a>.</p></body></html>` + "\n"
}
