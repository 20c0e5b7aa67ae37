// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/clock"
)

// holders is the installation's own token in these tests.
const holders = "open sesame"

// guardedSite is an installation that has a token, at a time that the test moves.
func guardedSite(t *testing.T) (*site, *clock.Virtual) {
	t.Helper()
	v := clock.NewVirtual(time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC))
	return serve(t, func(o *api.Options, p *control.Options) { o.Token, o.Clock, p.Clock = holders, v, v }), v
}

func as(token string) func(*http.Request) { return header("Authorization", "Bearer "+token) }

// holder shows the installation's own token where it has one.
func (s *site) holder() func(*http.Request) {
	if s.held == "" {
		return func(*http.Request) {}
	}
	return as(s.held)
}

// token makes a token, path being /v1 or that of a tenant.
func (s *site) token(path, role string) wire.Token {
	s.t.Helper()
	body := fmt.Sprintf(`{"name":"machine","role":%q}`, role)
	if role == "break-glass" {
		body = `{"name":"machine","role":"break-glass","reason":"ticket 4711: disk full"}`
	}
	return read[wire.Token](s.t, s.send("POST", path+"/tokens", body, s.holder()))
}

func (s *site) audit(query string) []wire.AuditRow {
	s.t.Helper()
	return read[wire.Page[wire.AuditRow]](s.t, s.send("GET", "/v1/audit?"+query, "", s.holder())).Items
}

func TestATokenActsInItsPlaceUntilItEnds(t *testing.T) {
	s, now := guardedSite(t)
	made := s.token(def, "developer")
	if !made.Expires.Equal(now.Now().Add(90*24*time.Hour)) || made.LastUsed != nil || made.By != "installation" {
		t.Errorf("made %+v", made)
	}
	who := read[wire.Session](t, s.send("GET", "/v1/session", "", as(made.Secret)))
	if who.Kind != "token" || who.Name != "default/"+made.ID || who.Role != "developer" || who.Tenant != "default" {
		t.Errorf("he is %+v", who)
	}
	read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"orders"}`, as(made.Secret)))
	shown := s.send("GET", def+"/tokens/"+made.ID, "", as(holders))
	if got := read[wire.Token](t, shown); got.LastUsed == nil || !got.LastUsed.Equal(now.Now()) || got.Secret != "" || bytes.Contains(shown.body, []byte(made.Secret)) {
		t.Errorf("after its use %s", shown.body)
	}
	now.Advance(90 * 24 * time.Hour)
	expired := s.send("GET", def+"/topics", "", as(made.Secret))
	other := s.token(def, "developer")
	if r := s.send("DELETE", def+"/tokens/"+other.ID, "", as(holders)); r.status != 204 {
		t.Fatalf("revoked with %d %s", r.status, r.body)
	}
	revoked, unknown := s.send("GET", def+"/topics", "", as(other.Secret)), s.send("GET", def+"/topics", "", as("cwt_nobody"))
	if expired.status != 401 || bare(t, expired) != bare(t, revoked) || bare(t, expired) != bare(t, unknown) {
		t.Errorf("the reason shows: %s%s%s", expired.body, revoked.body, unknown.body)
	}
	for _, why := range []string{"has expired", "is revoked", "unknown token"} { // rows 78 to 80: the reason differs in the log alone
		if !strings.Contains(s.log.String(), why) {
			t.Errorf("the log lacks %q", why)
		}
	}
	if strings.Contains(s.log.String(), made.Secret) || bytes.Contains(s.send("GET", "/v1/audit", "", as(holders)).body, []byte(made.Secret)) {
		t.Error("a secret is in the log or in the audit")
	}
}

// bare is an answer without the id of its request.
func bare(t *testing.T, r reply) string {
	t.Helper()
	return fmt.Sprint(r.status, " ", r.header.Get("Content-Type"), " ", strings.ReplaceAll(string(r.body), r.header.Get("X-Request-Id"), "ID"))
}

func TestTheStoreHoldsNoTokenThatWorks(t *testing.T) {
	s, _ := guardedSite(t)
	made := s.token("/v1", "viewer")
	docs := s.plane.Documents("token", "")
	if len(docs) != 1 || strings.Contains(fmt.Sprintf("%+v", docs), made.Secret) || strings.Contains(docs[0].Body, "sha256") {
		t.Errorf("kept as %+v", docs)
	}
}

func TestOverLoopbackATokenIsWhoItSays(t *testing.T) {
	s := serve(t)
	made := read[wire.Token](t, s.send("POST", def+"/tokens", `{"name":"m","role":"viewer"}`))
	if r := s.send("POST", def+"/topics", `{"name":"x"}`, as(made.Secret)); r.status != 403 {
		t.Errorf("a viewer made a topic: %d", r.status)
	}
	if r := s.send("GET", def+"/topics", "", as("cwt_"+made.ID)); r.status != 401 {
		t.Errorf("half a token: %d", r.status)
	}
	if who := read[wire.Session](t, s.send("GET", "/v1/session", "")); who.Kind != "local" || who.Role != "installation" {
		t.Errorf("without a token: %+v", who)
	}
}

func TestAnUnknownCredentialLetsNobodyIn(t *testing.T) {
	s := serve(t)
	for _, shown := range []string{"Bearer bad", "bearer bad", "Bearer", "Bearer cwt_nobody", "bad", "Basic b3R0bzpwYXNzd29yZA==", "Digest username=otto"} {
		for _, path := range []string{"/v1/session", def + "/topics", "/metrics"} {
			if r := s.send("GET", path, "", header("Authorization", shown)); r.status != 401 || r.problem(t).Reason != "unknown_credential" {
				t.Errorf("%q at %s: %d %s", shown, path, r.status, r.body)
			}
		}
	}
	if r := s.send("GET", "/v1/session", ""); r.status != 200 {
		t.Errorf("without a credential: %d", r.status)
	}
}

// Who holds the installation does more than any role gives: the audit must not call him an operator.
func TestTheAuditNamesTheHolderOfTheInstallation(t *testing.T) {
	for token, name := range map[string]string{"": "loopback", holders: "token"} {
		s := serve(t, func(o *api.Options, _ *control.Options) { o.Token = token })
		s.send("POST", def+"/tokens", `{"name":"m","role":"viewer"}`, s.holder())
		rows := read[wire.Page[wire.AuditRow]](t, s.send("GET", "/v1/audit?noun=token&limit=1", "", s.holder())).Items
		if len(rows) != 1 || rows[0].Action != "token.create" || rows[0].Actor != name || rows[0].Kind != "local" || rows[0].Role != "installation" {
			t.Errorf("%s: %+v", name, rows)
		}
	}
}

func TestAnAuditFilterThatFitsNothingIsRefused(t *testing.T) {
	s := serve(t)
	for query, says := range map[string]string{
		"noun=topics":    `did you mean "topic"?`,
		"noun=app":       "tenant, plan, environment, zone, application, key",
		"noun=":          "noun: ",
		"outcome=denid":  `did you mean "denied"?`,
		"outcome=refuse": "done, denied, begun, failed",
	} {
		for _, path := range []string{"/v1/audit?", def + "/audit?"} {
			r := s.send("GET", path+query, "")
			field, _, _ := strings.Cut(query, "=")
			if r.status != 400 || r.problem(t).Field != field || !strings.Contains(r.problem(t).Detail, says) {
				t.Errorf("%s%s: %d %s", path, query, r.status, r.body)
			}
		}
	}
	s.send("POST", def+"/apps", `{"name":"till"}`)
	if rows := s.audit("noun=application&outcome=done"); len(rows) != 1 || rows[0].Name != "till" {
		t.Errorf("%+v", rows)
	}
	for _, row := range s.audit("limit=500") { // what is written can be asked for
		if len(s.audit("limit=1&noun="+row.Noun+"&outcome="+row.Outcome)) != 1 {
			t.Errorf("nothing of %s, %s", row.Noun, row.Outcome)
		}
	}
	if report := read[wire.AuditReport](t, s.send("GET", "/v1/audit/verification", "")); !report.Holds || report.Rows == 0 {
		t.Errorf("%+v", report)
	}
}

func TestAMembersEndLiesAhead(t *testing.T) {
	s, now := guardedSite(t)
	at := func(d time.Duration) string { return now.Now().Add(d).Format(time.RFC3339) }
	past := func(r reply) {
		t.Helper()
		if r.status != 400 || r.problem(t).Field != "expires" || !strings.Contains(r.problem(t).Detail, "in the past") {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	for _, ends := range []string{at(-time.Hour), at(0)} {
		past(s.send("POST", def+"/members", `{"name":"anna","role":"viewer","expires":"`+ends+`"}`, as(holders)))
	}
	read[wire.Member](t, s.send("POST", def+"/members", `{"name":"anna","role":"viewer","expires":"`+at(time.Hour)+`"}`, as(holders)))
	past(s.send("PATCH", def+"/members/anna", `{"expires":"`+at(-time.Hour)+`"}`, as(holders)))
	now.Advance(2 * time.Hour)
	if m := read[wire.Member](t, s.send("PATCH", def+"/members/anna", `{"note":"gone"}`, as(holders))); m.Note != "gone" { // whose end has come can be changed
		t.Errorf("%+v", m)
	}
}

func TestRow83NobodyPromotesHimself(t *testing.T) {
	s, _ := guardedSite(t)
	for _, c := range []struct {
		role, path, method, body, reason string
	}{
		{"developer", def + "/members", "POST", `{"name":"me","role":"tenant-admin"}`, "no_right"},
		{"developer", def + "/tokens", "POST", `{"name":"me","role":"tenant-admin"}`, "no_right"},
		{"tenant-admin", "/v1/members", "POST", `{"name":"me","role":"operator"}`, "not_of_installation"},
		{"tenant-admin", "/v1/tokens", "POST", `{"name":"me","role":"security-admin"}`, "not_of_installation"},
		{"auditor", def + "/members", "POST", `{"name":"me","role":"auditor"}`, "no_right"},
	} {
		me := s.token(def, c.role)
		before := s.plane.Version()
		r := s.send(c.method, c.path, c.body, as(me.Secret))
		if r.status != 403 || r.problem(t).Reason != c.reason {
			t.Errorf("%+v: %d %s", c, r.status, r.body)
		}
		rows := s.audit("outcome=denied&limit=1")
		if len(rows) != 1 || rows[0].Actor != "default/"+me.ID || rows[0].Request != r.header.Get("X-Request-Id") || rows[0].Why == "" {
			t.Errorf("%+v: the audit has %+v", c, rows)
		}
		if got := s.plane.Version(); got > before+1 { // the token's first use is written
			t.Errorf("%+v: changed something", c)
		}
	}
	if r := s.send("POST", def+"/members", `{"name":"me","role":"operator"}`, as(s.token(def, "tenant-admin").Secret)); r.status != 400 || r.problem(t).Field != "role" {
		t.Errorf("an operator in a tenant: %d %s", r.status, r.body)
	}
}

func TestBreakGlassEndsSoonAndEachUseIsWritten(t *testing.T) {
	s, now := guardedSite(t)
	for body, field := range map[string]string{
		`{"name":"x","role":"break-glass"}`:                  "reason",
		`{"name":"x","role":"break-glass","reason":"short"}`: "reason",
		`{"name":"x","role":"break-glass","reason":"ticket 4711: disk full","expires":"2026-11-30T13:00:00.000001Z"}`: "expires",
		`{"name":"x","role":"operator","reason":"ticket 4711: disk full"}`:                                            "reason",
	} {
		if r := s.send("POST", "/v1/tokens", body, as(holders)); r.status != 400 || r.problem(t).Field != field {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	glass := s.token("/v1", "break-glass")
	read[wire.Page[wire.Topic]](t, s.send("GET", def+"/topics", "", as(glass.Secret)))
	rows := s.audit("limit=1")
	if len(rows) != 1 || rows[0].Action != "break-glass.use" || rows[0].Why != "topic.read" || rows[0].Tenant != "default" || rows[0].Actor != glass.ID {
		t.Errorf("the audit has %+v", rows)
	}
	if r := s.send("POST", def+"/tokens", `{"name":"me","role":"tenant-admin"}`, as(glass.Secret)); r.status != 403 {
		t.Errorf("gives rights that outlast it: %d", r.status)
	}
	now.Advance(4 * time.Hour)
	if r := s.send("GET", def+"/topics", "", as(glass.Secret)); r.status != 401 {
		t.Errorf("after four hours: %d", r.status)
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	s, now := guardedSite(t)
	good := s.token("/v1", "viewer")
	for i := range 10 {
		if r := s.send("GET", "/v1/version", "", as(fmt.Sprint("guess ", i)), header("X-Forwarded-For", fmt.Sprint("203.0.113.", i))); r.status != 401 {
			t.Fatalf("guess %d: %d", i, r.status)
		}
	}
	now.Advance(15 * time.Second)
	r := s.send("GET", "/v1/version", "", as("guess"))
	if after, err := strconv.Atoi(r.header.Get("Retry-After")); r.status != 429 || err != nil || after != 45 || r.problem(t).Reason != "too_many_failures" {
		t.Errorf("%d, Retry-After %q: %s", r.status, r.header.Get("Retry-After"), r.body)
	}
	if r := s.send("GET", "/v1/version", "", as(holders)); r.status != 429 {
		t.Errorf("a token that people choose could be guessed meanwhile: %d", r.status)
	}
	if r := s.send("GET", "/v1/version", "", as(good.Secret)); r.status != 200 {
		t.Errorf("a random token is let in: %d", r.status)
	}
	now.Advance(45 * time.Second)
	if r := s.send("GET", "/v1/version", "", as(holders)); r.status != 200 {
		t.Errorf("a minute later: %d", r.status)
	}
}

func TestRow91OneIdempotencyKeyIsOneDeed(t *testing.T) {
	s, now := guardedSite(t)
	key := header("Idempotency-Key", "deploy-7")
	const body = `{"name":"orders"}`
	answers := make([]reply, 20)
	var done sync.WaitGroup
	for i := range answers {
		done.Go(func() { answers[i] = s.send("POST", def+"/topics", body, as(holders), key) })
	}
	done.Wait()
	replayed := 0
	for _, r := range answers {
		if r.status != 201 || !bytes.Equal(r.body, answers[0].body) {
			t.Errorf("%d %s", r.status, r.body)
		}
		if r.header.Get("Idempotency-Replayed") == "true" {
			replayed++
		}
	}
	if replayed != len(answers)-1 {
		t.Errorf("%d of %d answers were given before", replayed, len(answers))
	}
	if r := s.send("POST", def+"/topics", `{"name":"others"}`, as(holders), key); r.status != 409 || r.problem(t).Reason != "idempotency_key_reused" {
		t.Errorf("another body: %d %s", r.status, r.body)
	}
	admin := s.token(def, "tenant-admin")
	if r := s.send("POST", def+"/topics", body, as(admin.Secret), key); r.status != 409 {
		t.Errorf("another caller's key is his own: %d", r.status)
	}
	if r := s.send("POST", def+"/topics", body, as(holders), header("Idempotency-Key", strings.Repeat("k", 256))); r.status != 400 {
		t.Errorf("a long key: %d", r.status)
	}
	if r := s.send("POST", def+"/topics", `{"name":"a b"}`, as(holders), header("Idempotency-Key", "bad")); r.status != 400 {
		t.Errorf("a bad request: %d", r.status)
	}
	if r := s.send("POST", def+"/topics", `{"name":"ab"}`, as(holders), header("Idempotency-Key", "bad")); r.status != 201 {
		t.Errorf("what was refused is no deed: %d %s", r.status, r.body)
	}
	now.Advance(24 * time.Hour)
	if r := s.send("POST", def+"/topics", body, as(holders), key); r.status != 409 {
		t.Errorf("a day later: %d", r.status)
	}
}

func TestRow92AnOutdatedETagIsRefused(t *testing.T) {
	s, _ := guardedSite(t)
	bodies := map[string]string{"topics/x": `{"name":"x"}`, "groups/x": `{"name":"x"}`, "apps/x": `{"name":"x"}`, "members/x": `{"name":"x","role":"viewer"}`}
	for path, body := range bodies {
		noun, _, _ := strings.Cut(path, "/")
		made := s.send("POST", def+"/"+noun, body, as(holders))
		first := made.header.Get("ETag")
		if made.status != 201 || first == "" {
			t.Fatalf("%s: %d %s, ETag %q", noun, made.status, made.body, first)
		}
		current := s.send("GET", def+"/"+path, "", as(holders)).header.Get("ETag")
		changed := s.send("PATCH", def+"/"+path, `{"note":"n"}`, as(holders), header("If-Match", current))
		if changed.status != 200 || changed.header.Get("ETag") == current {
			t.Errorf("%s: changed with %d %s", noun, changed.status, changed.body)
		}
		for _, method := range []string{"PATCH", "DELETE"} {
			change := map[string]string{"PATCH": `{"note":"m"}`}[method]
			if r := s.send(method, def+"/"+path, change, as(holders), header("If-Match", current)); r.status != 412 || r.problem(t).Reason != "stale_revision" {
				t.Errorf("%s %s: %d %s", method, noun, r.status, r.body)
			}
			if r := s.send(method, def+"/"+path, change, as(holders), header("If-Match", "W/7")); r.status != 400 || r.problem(t).Field != "If-Match" {
				t.Errorf("%s %s with no ETag of ours: %d %s", method, noun, r.status, r.body)
			}
		}
		if r := s.send("DELETE", def+"/"+path, "", as(holders), header("If-Match", changed.header.Get("ETag"))); r.status != 204 {
			t.Errorf("%s: deleted with %d %s", noun, r.status, r.body)
		}
	}
}

func TestATenantsAuditTellsOfTheTenantAlone(t *testing.T) {
	s, _ := guardedSite(t)
	read[wire.Tenant](t, s.send("POST", "/v1/tenants", `{"id":"shop"}`, as(holders)))
	admin := s.token(def, "tenant-admin")
	for i := range 5 {
		read[wire.Topic](t, s.send("POST", def+"/topics", fmt.Sprintf(`{"name":"t%d"}`, i), as(admin.Secret)))
	}
	read[wire.Topic](t, s.send("POST", "/v1/tenants/shop/topics", `{"name":"secret"}`, as(holders)))
	var rows []wire.AuditRow
	for path := def + "/audit?limit=3"; path != ""; {
		r := s.send("GET", path, "", as(admin.Secret))
		if bytes.Contains(r.body, []byte("secret")) || bytes.Contains(r.body, []byte("shop")) {
			t.Errorf("tells of others: %s", r.body)
		}
		page := read[wire.Page[wire.AuditRow]](t, r)
		rows = append(rows, page.Items...)
		path = ""
		if page.Next != "" {
			path = def + "/audit?limit=3&cursor=" + page.Next
		}
	}
	created := 0
	for _, row := range rows {
		if row.Number != 0 || row.Version != 0 || row.Hash != "" || row.Actor != "installation" && row.Actor != "default/"+admin.ID {
			t.Errorf("shows %+v", row)
		}
		if row.Action == "topic.create" && row.Actor == "default/"+admin.ID {
			created++
		}
	}
	if created != 5 {
		t.Errorf("%d topics were created by the admin in %+v", created, rows)
	}
	if some := read[wire.Page[wire.AuditRow]](t, s.send("GET", def+"/audit?actor=token", "", as(admin.Secret))); len(some.Items) != 0 {
		t.Errorf("finds out who is of the installation: %+v", some.Items)
	}
	if report := read[wire.AuditReport](t, s.send("GET", "/v1/audit/verification", "", as(holders))); len(report.Broken) != 0 || report.Rows < 8 {
		t.Errorf("the chain: %+v", report)
	}
	if n := len(s.audit("tenant=shop&noun=topic")); n == 0 {
		t.Error("the installation's audit finds no topic of the tenant")
	}
}

func TestADeniedCallIsNotMadeWithoutItsCallersName(t *testing.T) {
	s, _ := guardedSite(t)
	if _, err := s.plane.AddDocument(context.Background(), control.Actor{}, control.Document{Kind: "token", Name: "x", Body: "{}"}, func() error { return nil }); err == nil {
		t.Error("a change without an actor")
	}
	if raw, _ := json.Marshal(s.audit("limit=500")); bytes.Contains(raw, []byte(holders)) {
		t.Error("the audit has the installation's token")
	}
}

func TestDenialsDoNotFillTheAudit(t *testing.T) {
	s, now := guardedSite(t)
	viewer := s.token(def, "viewer")
	deny := func() reply { return s.send("POST", def+"/topics", `{"name":"x"}`, as(viewer.Secret)) }
	for i := range 230 {
		if r := deny(); r.status != 403 {
			t.Fatalf("call %d: %d", i, r.status)
		}
	}
	count := func() int { return len(s.audit("outcome=denied&limit=500")) }
	if n := count(); n != 200 {
		t.Errorf("230 denials within a minute made %d rows", n)
	}
	if lines := strings.Count(s.log.String(), "refused a caller"); lines != 230 {
		t.Errorf("the log has %d of 230", lines)
	}
	now.Advance(time.Minute)
	deny()
	if rows := s.audit("outcome=denied&limit=1"); count() != 201 || !strings.Contains(rows[0].Why, "30 denials of this caller before it stand in the log alone") {
		t.Errorf("a minute later: %+v", rows)
	}
}

func TestNoAnswerCanBeFramedOrSniffed(t *testing.T) {
	s, _ := guardedSite(t)
	for _, path := range []string{"/healthz", "/v1/openapi.json", def + "/topics", "/none"} {
		h := s.send("GET", path, "").header
		for name, want := range map[string]string{"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store"} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
	}
}
