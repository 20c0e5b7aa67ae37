// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// Names of what a browser carries.
const (
	sessionCookie = "causeway_session"
	csrfHeader    = "X-CSRF-Token"
)

// maxLogins bounds the wrong passwords of one account within a minute.
const maxLogins = 5

func (s *server) sessionOperations() []door.Operation {
	return []door.Operation{
		{ID: "getSession", Method: "GET", Path: "/v1/session", Summary: "Tells who calls, and what he may do.", Scope: door.Known,
			Answer: wire.Session{}, Status: 200, Handle: s.session},
		{ID: "createSession", Method: "POST", Path: "/v1/session", Summary: "Begins a session for a member with his password: a cookie, and a token that changes have to show in X-CSRF-Token.",
			Scope: door.Open, Request: wire.Login{}, Answer: wire.Session{}, Status: 201, Handle: s.login},
		{ID: "endSession", Method: "DELETE", Path: "/v1/session", Summary: "Ends the caller's session.", Scope: door.Known, Status: 204, Handle: s.logout},
		{ID: "endOtherSessions", Method: "DELETE", Path: "/v1/session/others", Summary: "Ends all sessions of the member who calls but the one in which he does.", Scope: door.Known,
			Status: 204, Handle: s.leaveElsewhere},
	}
}

func showSession(c identity.Caller) wire.Session {
	shown := wire.Session{Kind: string(c.Actor.Kind), Name: c.Actor.Name, Role: string(c.Role), Tenant: c.Tenant.String(), Rights: []string{}}
	for _, v := range identity.Verbs() {
		if c.May(v) {
			shown.Rights = append(shown.Rights, string(v))
		}
	}
	return shown
}

func (s *server) session(r *door.Request) (door.Answer, error) {
	shown := showSession(r.Caller)
	if here, err := s.seated(r.Request); err == nil && r.Caller.Actor.Kind == control.MemberActor {
		shown.CSRF, shown.Expires = here.CSRF, door.Optional(here.Expires)
		if p := s.opt.Provider; p != nil && here.External && !identity.OfTerminal(here.ID) {
			shown.Logout = p.Logout(r.Context(), here.IDToken())
		}
	}
	return door.OK(shown)
}

// seated is the session of a request's terminal, or of its cookie. Unauthorized: there is none, or it is over.
func (s *server) seated(r *http.Request) (identity.Session, error) {
	id := sessionID(r)
	if id == "" {
		return identity.Session{}, mq.Refuse(mq.Unauthorized, "no session is shown")
	}
	return s.kept.Who.Session(r.Context(), id, control.Actor{Remote: r.RemoteAddr, Request: idOf(r)})
}

func (s *server) login(r *door.Request) (door.Answer, error) {
	var want wire.Login
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	at := identity.MemberAt{Name: want.Name}
	account := "/" + door.Clip(want.Name)
	if want.Tenant != "" {
		account = door.Clip(want.Tenant) + account
		t, err := mq.ParseTenant(want.Tenant)
		if err != nil {
			return door.Answer{}, door.Bad("out_of_range", "tenant", "tenant: no id of a tenant")
		}
		at.Tenant = t
	}
	if left := max(s.strikes.Wait(r.RemoteAddr), s.logins.WaitFor(account)); left > 0 {
		return door.Answer{}, &door.Refusal{Status: http.StatusTooManyRequests, Kind: mq.TooManyRequests.String(), Reason: "too_many_failures", Limit: fmt.Sprintf("%d a minute", maxLogins),
			Detail: "too many logins with a wrong password", After: left}
	}
	begun, err := r.Who.Login(r.Context(), at, want.Password, control.Actor{Remote: r.RemoteAddr, Request: idOf(r.Request)})
	if mq.KindOf(err) == mq.Unauthorized {
		s.strikes.Note(r.RemoteAddr)
		s.logins.NoteFor(account)
	}
	if err != nil {
		return door.Answer{}, err
	}
	if err := s.leave(r.Request); err != nil {
		return door.Answer{}, err
	}
	shown := showSession(begun.Caller)
	shown.CSRF, shown.Expires = begun.CSRF, door.Optional(begun.Expires)
	a, _ := door.Created(shown)
	a.Cookies = []*http.Cookie{cookieOf(r.Request, begun.ID, identity.SessionLife)}
	return a, nil
}

// cookieOf is the cookie of a session; an empty id takes it away.
func cookieOf(r *http.Request, id string, life time.Duration) *http.Cookie {
	c := &http.Cookie{Name: sessionCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil, MaxAge: int(life / time.Second)}
	if id == "" {
		c.MaxAge = -1
	}
	return c
}

// leave ends the session that a request shows, if it shows one.
func (s *server) leave(r *http.Request) error {
	here, err := s.seated(r)
	if mq.KindOf(err) == mq.Unauthorized {
		return nil
	}
	if err != nil {
		return err
	}
	return s.kept.Who.Logout(r.Context(), here.ID)
}

func (s *server) logout(r *door.Request) (door.Answer, error) {
	if err := s.leave(r.Request); err != nil {
		return door.Answer{}, err
	}
	a, err := door.None()
	a.Cookies = []*http.Cookie{cookieOf(r.Request, "", 0)}
	return a, err
}

// leaveElsewhere ends the caller's other sessions; whoever shows no session has none.
func (s *server) leaveElsewhere(r *door.Request) (door.Answer, error) {
	if r.Caller.Actor.Kind != control.MemberActor {
		return door.None()
	}
	here, err := s.seated(r.Request)
	if err == nil {
		err = s.kept.Who.EndOthers(r.Context(), here)
	}
	if err != nil {
		return door.Answer{}, err
	}
	return door.None()
}

// bySession finds out who calls from a browser. What changes something has to show the session's token as well.
func (s *server) bySession(r *http.Request) (identity.Caller, error) {
	here, err := s.seated(r)
	if mq.KindOf(err) == mq.Unauthorized {
		return identity.Caller{}, &door.Refusal{Status: http.StatusUnauthorized, Kind: mq.Unauthorized.String(), Reason: "session_ended", Detail: "the session is over: log in again"}
	}
	if err != nil {
		return identity.Caller{}, err
	}
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	if !safe && !here.Shows(r.Header.Get(csrfHeader)) {
		return identity.Caller{}, &door.Refusal{Status: http.StatusForbidden, Kind: mq.Forbidden.String(), Reason: "csrf", Field: csrfHeader,
			Detail: csrfHeader + ": the token of the session is wanted with what changes something"}
	}
	return here.Caller, nil
}
