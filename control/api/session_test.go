// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/wire"
)

const password = "correct horse battery"

// browser is somebody who logged in.
type browser struct {
	*site
	cookie *http.Cookie
	csrf   string
}

func (s *site) member(name, role string) {
	s.t.Helper()
	read[wire.Member](s.t, s.send("POST", def+"/members", fmt.Sprintf(`{"name":%q,"role":%q,"password":%q}`, name, role, password), as(holders)))
}

func (s *site) try(name, word string, with ...func(*http.Request)) reply {
	s.t.Helper()
	return s.send("POST", "/v1/session", fmt.Sprintf(`{"tenant":"default","name":%q,"password":%q}`, name, word), with...)
}

func (s *site) logIn(name string, with ...func(*http.Request)) browser {
	s.t.Helper()
	r := s.try(name, password, with...)
	begun := read[wire.Session](s.t, r)
	cookies := (&http.Response{Header: r.header}).Cookies()
	if r.status != 201 || len(cookies) != 1 || begun.CSRF == "" || bytes.Contains(r.body, []byte(cookies[0].Value)) {
		s.t.Fatalf("logged in with %d %s, cookies %v", r.status, r.body, cookies)
	}
	return browser{s, cookies[0], begun.CSRF}
}

// sends makes a request as the browser does; changes show the session's token.
func (b browser) sends(method, path, body string) reply {
	b.t.Helper()
	return b.send(method, path, body, b.cookied, header("X-CSRF-Token", b.csrf))
}

func (b browser) cookied(r *http.Request) { r.AddCookie(b.cookie) }

func TestAMemberWorksInABrowserUntilHeLeaves(t *testing.T) {
	s, _ := guardedSite(t)
	s.member("anna", "developer")
	b := s.logIn("anna")
	if c := b.cookie; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 12*60*60 {
		t.Errorf("the cookie is %+v", c)
	}
	who := read[wire.Session](t, b.sends("GET", "/v1/session", ""))
	if who.Kind != "member" || who.Name != "default/anna" || who.Role != "developer" || who.Tenant != "default" || who.CSRF != b.csrf {
		t.Errorf("he is %+v", who)
	}
	if r := b.sends("POST", def+"/topics", `{"name":"orders"}`); r.status != 201 {
		t.Errorf("makes a topic: %d %s", r.status, r.body)
	}
	if r := b.sends("POST", def+"/apps", `{"name":"x"}`); r.status != 403 || r.problem(t).Reason != "no_right" {
		t.Errorf("what a developer may not do: %d %s", r.status, r.body)
	}
	if r := b.sends("GET", "/v1/tenants/shop/topics", ""); r.status != 404 {
		t.Errorf("another tenant: %d", r.status)
	}
	if r := b.sends("DELETE", "/v1/session", ""); r.status != 204 {
		t.Errorf("leaves: %d %s", r.status, r.body)
	}
	if r := b.sends("GET", def+"/topics", ""); r.status != 401 || r.problem(t).Reason != "session_ended" {
		t.Errorf("after it: %d %s", r.status, r.body)
	}
	if rows := s.audit("actor=default/anna&noun=member"); len(rows) != 1 || rows[0].Action != "session.create" {
		t.Errorf("the audit has %+v", rows)
	}
	if text := s.log.String() + string(s.send("GET", "/v1/audit?limit=500", "", as(holders)).body); strings.Contains(text, password) || strings.Contains(text, b.cookie.Value) || strings.Contains(text, "argon2id") {
		t.Error("a secret is in the log or in the audit")
	}
}

func TestRow108WhatChangesSomethingShowsTheSessionsToken(t *testing.T) {
	s, _ := guardedSite(t)
	s.member("anna", "developer")
	b := s.logIn("anna")
	other := s.logIn("anna")
	for name, token := range map[string]string{"none": "", "another": "x", "another session's": other.csrf} {
		if r := s.send("POST", def+"/topics", `{"name":"orders"}`, b.cookied, header("X-CSRF-Token", token)); r.status != 403 || r.problem(t).Reason != "csrf" {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if r := s.send("POST", def+"/topics", `{"name":"orders"}`, b.cookied, header("X-CSRF-Token", b.csrf), header("Origin", "http://evil.example")); r.status != 403 {
		t.Errorf("from another page: %d", r.status)
	}
}

func TestRow111ALoginMakesANewSession(t *testing.T) {
	s, _ := guardedSite(t)
	s.member("anna", "developer")
	fixed := &http.Cookie{Name: "causeway_session", Value: "chosen by somebody else"}
	b := s.logIn("anna", func(r *http.Request) { r.AddCookie(fixed) })
	if b.cookie.Value == fixed.Value {
		t.Error("the session's id was kept from before")
	}
	again := s.logIn("anna", b.cookied)
	if again.cookie.Value == b.cookie.Value || b.sends("GET", "/v1/session", "").status != 401 {
		t.Error("the session from before the login is alive")
	}
}

func TestSessionsEndWhenNobodyIsThere(t *testing.T) {
	s, now := guardedSite(t)
	s.member("anna", "developer")
	idle, busy := s.logIn("anna"), s.logIn("anna")
	for range 2 {
		now.Advance(15 * time.Minute)
		if r := busy.sends("GET", "/v1/session", ""); r.status != 200 {
			t.Fatalf("at work: %d", r.status)
		}
	}
	if r := idle.sends("GET", "/v1/session", ""); r.status != 401 {
		t.Errorf("after half an hour of quiet: %d", r.status)
	}
	for range 46 {
		now.Advance(15 * time.Minute)
		if r := busy.sends("GET", "/v1/session", ""); now.Now().Hour() < 21 && r.status != 200 {
			t.Fatalf("at work at %v: %d", now.Now(), r.status)
		}
	}
	if r := busy.sends("GET", "/v1/session", ""); r.status != 401 {
		t.Errorf("after twelve hours: %d", r.status)
	}
}

func TestRow113WhoIsSwitchedOffIsOutAtOnce(t *testing.T) {
	s, _ := guardedSite(t)
	for name, change := range map[string]string{"off": `{"disabled":true}`, "word": `{"password":"another one entirely"}`, "none": `{"password":""}`} {
		s.member(name, "developer")
		b := s.logIn(name)
		if r := s.send("PATCH", def+"/members/"+name, change, as(holders)); r.status != 200 {
			t.Fatalf("%s: %d %s", name, r.status, r.body)
		}
		if r := b.sends("GET", "/v1/session", ""); r.status != 401 {
			t.Errorf("%s: %d", name, r.status)
		}
		if r := s.try(name, password); r.status != 401 {
			t.Errorf("%s logs in again: %d", name, r.status)
		}
	}
	s.member("down", "tenant-admin")
	b := s.logIn("down")
	s.send("PATCH", def+"/members/down", `{"role":"viewer"}`, as(holders))
	if r := b.sends("POST", def+"/topics", `{"name":"x"}`); r.status != 403 {
		t.Errorf("a smaller role counts at once: %d", r.status)
	}
}

func TestAllSessionsOfAMemberAreEndedByWhoMayChangeHim(t *testing.T) {
	s, _ := guardedSite(t)
	s.member("anna", "developer")
	s.member("bert", "developer")
	s.send("POST", "/v1/members", `{"name":"otto","role":"operator","password":"`+password+`"}`, as(holders))
	both, other := []browser{s.logIn("anna"), s.logIn("anna")}, s.logIn("bert")
	const all = def + "/members/anna/sessions"
	for _, role := range []string{"viewer", "developer", "auditor"} {
		if r := s.send("DELETE", all, "", as(s.token(def, role).Secret)); r.status != 403 || r.problem(t).Reason != "no_right" {
			t.Errorf("as %s: %d %s", role, r.status, r.body)
		}
	}
	admin := s.token(def, "tenant-admin").Secret
	if r := s.send("DELETE", "/v1/members/otto/sessions", "", as(admin)); r.status != 403 || r.problem(t).Reason != "not_of_installation" {
		t.Errorf("the installation's, as a tenant's admin: %d %s", r.status, r.body)
	}
	if r := s.send("DELETE", def+"/members/nobody/sessions", "", as(admin)); r.status != 404 {
		t.Errorf("of nobody: %d %s", r.status, r.body)
	}
	for _, b := range both {
		if r := b.sends("GET", "/v1/session", ""); r.status != 200 {
			t.Errorf("before: %d %s", r.status, r.body)
		}
	}
	for range 2 {
		if r := s.send("DELETE", all, "", as(admin)); r.status != 204 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	for _, b := range both {
		if r := b.sends("GET", "/v1/session", ""); r.status != 401 || r.problem(t).Reason != "session_ended" {
			t.Errorf("afterwards: %d %s", r.status, r.body)
		}
	}
	if r := other.sends("GET", "/v1/session", ""); r.status != 200 {
		t.Errorf("somebody else's: %d %s", r.status, r.body)
	}
	s.logIn("anna")
	at := read[wire.Session](t, s.send("POST", "/v1/session", `{"name":"otto","password":"`+password+`"}`))
	if r := s.send("DELETE", "/v1/members/otto/sessions", "", as(s.token("/v1", "security-admin").Secret)); r.status != 204 || at.Name != "otto" {
		t.Errorf("the installation's: %d %s", r.status, r.body)
	}
	for _, who := range []struct {
		name string
		rows int
	}{{"anna", 2}, {"otto", 1}} {
		ends := 0
		for _, row := range s.audit("noun=member&outcome=done&name=" + who.name) {
			if row.Action == "session.end" && row.Kind == "token" && row.Why == "all of them" {
				ends++
			}
		}
		if ends != who.rows {
			t.Errorf("the audit has %d ends of %s's sessions, not %d", ends, who.name, who.rows)
		}
	}
}

func TestAMemberEndsHisOtherSessions(t *testing.T) {
	s, _ := guardedSite(t)
	s.member("anna", "viewer")
	s.member("bert", "viewer")
	lost, here, other := s.logIn("anna"), s.logIn("anna"), s.logIn("bert")
	status := func(what string, b browser, want int) {
		t.Helper()
		if r := b.sends("GET", "/v1/session", ""); r.status != want {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	if r := s.send("DELETE", "/v1/session/others", "", here.cookied); r.status != 403 || r.problem(t).Reason != "csrf" {
		t.Errorf("without the session's token: %d %s", r.status, r.body)
	}
	if r := s.send("DELETE", "/v1/session/others", "", here.cookied, as(s.token(def, "viewer").Secret)); r.status != 204 {
		t.Errorf("a token, which has no sessions: %d %s", r.status, r.body)
	}
	status("after both", lost, 200)
	if r := here.sends("DELETE", "/v1/session/others", ""); r.status != 204 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	status("the other one", lost, 401)
	status("the one in which he asked", here, 200)
	status("somebody else", other, 200)
	if rows := s.audit("actor=default/anna&outcome=done"); len(rows) == 0 || rows[0].Action != "session.end" || rows[0].Name != "anna" || rows[0].Noun != "member" {
		t.Errorf("the audit has %+v", rows)
	}
}

func TestRow117TheSixthWrongPasswordIsTooMuchAndNobodyIsFoundOut(t *testing.T) {
	s, now := guardedSite(t)
	s.member("anna", "developer")
	for i := range 5 {
		known, unknown := s.try("anna", "not the password"), s.try("nobody", "not the password")
		if known.status != 401 || bare(t, known) != bare(t, unknown) {
			t.Errorf("try %d: %s\n%s", i, bare(t, known), bare(t, unknown))
		}
	}
	for _, name := range []string{"anna", "nobody"} {
		if r := s.try(name, password); r.status != 429 || r.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	now.Advance(time.Minute)
	s.logIn("anna")
	if rows := s.audit("outcome=denied&noun=member"); len(rows) != 5 || rows[0].Action != "session.create" {
		t.Errorf("the audit has %+v", rows)
	}
}

func TestPasswordsHaveALength(t *testing.T) {
	s, _ := guardedSite(t)
	for _, word := range []string{"short", strings.Repeat("x", 129)} {
		if r := s.send("POST", def+"/members", fmt.Sprintf(`{"name":"x","role":"viewer","password":%q}`, word), as(holders)); r.status != 400 || r.problem(t).Field != "password" {
			t.Errorf("%d bytes: %d %s", len(word), r.status, r.body)
		}
	}
	if r := s.try("x", strings.Repeat("x", 100_000)); r.status != 401 {
		t.Errorf("a long try: %d", r.status)
	}
}

func TestALoginIsNeverAnsweredWithSomebodyElsesSession(t *testing.T) {
	s, _ := guardedSite(t)
	s.member("anna", "developer")
	key := header("Idempotency-Key", "one")
	first := s.logIn("anna", key)
	if second := s.logIn("anna", key); second.cookie.Value == first.cookie.Value || second.csrf == first.csrf {
		t.Error("two callers without a name share a session")
	}
}
