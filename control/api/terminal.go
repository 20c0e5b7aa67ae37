// SPDX-License-Identifier: Apache-2.0

package api

import (
	"cmp"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func (s *server) terminalOperations() []door.Operation {
	return []door.Operation{
		{ID: "beginTerminalLogin", Method: "GET", Path: oidc.TerminalPath, Summary: "Sends a browser to the identity provider, where a member logs in for a terminal that waits on the loopback interface of the browser's machine.",
			Scope: door.Open, Query: []door.Parameter{
				{Name: "port", About: "of 127.0.0.1, at which the terminal waits", Kind: "integer", Min: oidc.MinPort, Max: oidc.MaxPort},
				{Name: "state", About: "by which the terminal knows the answer: 22 to 128 characters of base64url", Kind: "string"},
				{Name: "challenge", About: "SHA-256 of the terminal's verifier, in base64url", Kind: "string"},
				{Name: "tenant", About: "where he wants to work; without it the installation, else the first tenant where he is somebody", Kind: "string"}},
			Status: 303, Handle: s.toProviderForTerminal},
		{ID: "createTerminalSession", Method: "POST", Path: "/v1/session/terminal", Summary: "Begins a session at a terminal with the code that a browser brought from the identity provider: a bearer token of the member for eight hours.",
			Scope: door.Open, Request: wire.TerminalLogin{}, Answer: wire.TerminalSession{}, Status: 201, Handle: s.enterTerminal},
	}
}

func (s *server) toProviderForTerminal(r *door.Request) (door.Answer, error) {
	q := r.URL.Query()
	port, _ := strconv.Atoi(q.Get("port")) // what is no number is no port
	terminal := &oidc.Terminal{Port: port, State: q.Get("state"), Challenge: q.Get("challenge")}
	if err := terminal.Check(); err != nil {
		return door.Answer{}, err
	}
	return s.begin(r, oidc.Wanted{Return: "/", Terminal: terminal})
}

// forTerminal answers a browser that comes back from the provider for a terminal. It begins no session at the browser.
func (s *server) forTerminal(r *door.Request, who identity.Vouched, a oidc.Attempt, failed error) (door.Answer, error) {
	answer := door.Answer{Cookies: []*http.Cookie{s.loginCookie(r, "")}}
	guest, code := identity.Guest{}, ""
	err := failed
	if err == nil {
		var e identity.Entry
		if e, err = s.entry(r, who, a); err == nil {
			guest, err = r.Who.Greet(r.Context(), e)
		}
	}
	if err == nil {
		code, err = s.opt.Provider.Ticket(r.Context(), guest, *a.Terminal)
	}
	if err != nil {
		if failed == nil {
			err = s.failed(r, err)
		}
		answer.Status, answer.Location = http.StatusSeeOther, backTo(*a.Terminal, url.Values{"error": {string(reasonFor(err))}})
		return answer, nil
	}
	answer.Status, answer.Media = http.StatusOK, "text/html; charset=utf-8"
	answer.Text = consent(guest, *a.Terminal, backTo(*a.Terminal, url.Values{"code": {code}}))
	return answer, nil
}

// reasonFor is what a terminal is told of an error; of what is not for it it hears that the login failed.
func reasonFor(err error) control.Reason {
	var refusal *control.Refusal
	if errors.As(err, &refusal) && slices.Contains([]control.Reason{oidc.BadProvider, identity.NoMember, identity.OtherSubject}, refusal.Reason) {
		return refusal.Reason
	}
	if mq.KindOf(err) == mq.Unavailable {
		return "provider_away"
	}
	return "failed"
}

// notHis tells that an answer of the provider belongs to no login of this browser, so that nobody waits for it.
func notHis(err error) bool {
	var refusal *control.Refusal
	return errors.As(err, &refusal) && refusal.Reason == oidc.BadLogin
}

// backTo is where the terminal of an attempt waits: always the browser's own machine, of which the attempt names the port alone.
func backTo(t oidc.Terminal, q url.Values) string {
	q.Set("state", t.State)
	return fmt.Sprintf("http://127.0.0.1:%d%s?%s", t.Port, wire.TerminalPath, q.Encode())
}

// consent shows who is about to log in where, and leads on when he wants it. To a link that somebody else made up a browser that is logged in at the provider would come as far
// as this without a word; the word is what only the person's own terminal shows.
func consent(g identity.Guest, t oidc.Terminal, at string) string {
	place := "the installation"
	if g.Tenant != "" {
		place = "tenant " + g.Tenant
	}
	return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Causeway: log in at a terminal</title></head><body><h1>Log in at a terminal?</h1>` +
		`<p><b>` + html.EscapeString(g.Name) + `</b>, ` + html.EscapeString(string(g.Role)) + ` of ` + html.EscapeString(place) + `, logs in at the terminal of this computer that waits at port ` +
		strconv.Itoa(t.Port) + ` and shows the word <b>` + wire.TerminalWord(t.Challenge) + `</b>.</p>` +
		`<p>If your terminal shows no such word, close this page: somebody else began this login.</p>` +
		`<p><a href="` + html.EscapeString(at) + `">Log in at the terminal</a></p></body></html>` + "\n"
}

// enterTerminal begins the session of whoever has a ticket and the verifier of its terminal.
func (s *server) enterTerminal(r *door.Request) (door.Answer, error) {
	var want wire.TerminalLogin
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	p, err := s.provider(r)
	if err != nil {
		return door.Answer{}, err
	}
	guest, err := p.Redeem(r.Context(), want.Code, want.Verifier)
	if err != nil {
		return door.Answer{}, s.failed(r, err)
	}
	begun, err := r.Who.EnterTerminal(r.Context(), guest, control.Actor{Remote: r.RemoteAddr, Request: idOf(r.Request)})
	if err != nil {
		return door.Answer{}, s.failed(r, err)
	}
	c := begun.Caller
	return door.Created(wire.TerminalSession{Token: begun.ID, Expires: begun.Expires, Name: c.Actor.Name, Role: string(c.Role), Tenant: c.Tenant.String()})
}

// terminalToken is the token of a terminal's session that a request shows; "" where it shows none.
func terminalToken(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); strings.EqualFold(scheme, "Bearer") && identity.OfTerminal(token) {
		return token
	}
	return ""
}

// sessionID is the session that a request shows, at a terminal or at a browser; "" where it shows none. What is a terminal's is no cookie.
func sessionID(r *http.Request) string {
	if token := terminalToken(r); token != "" {
		return token
	}
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || identity.OfTerminal(cookie.Value) {
		return ""
	}
	return cmp.Or(cookie.Value, "none")
}

// byTerminal finds out who calls from a terminal with a session. Its token is sent by nobody but the terminal, so nothing has to be shown beside it.
func (s *server) byTerminal(r *http.Request) (identity.Caller, error) {
	here, err := s.seated(r)
	if mq.KindOf(err) == mq.Unauthorized {
		return identity.Caller{}, &door.Refusal{Status: http.StatusUnauthorized, Kind: mq.Unauthorized.String(), Reason: "session_ended", Detail: "the session of this terminal is over: log in again"}
	}
	return here.Caller, err
}
