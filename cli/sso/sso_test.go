// SPDX-License-Identifier: Apache-2.0

package sso

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/clock"
)

// booth is a terminal in virtual time at a control plane that gives a session for one code.
type booth struct {
	t        *testing.T
	now      *clock.Virtual
	provider *wire.LoginProvider
	redeemed []wire.TerminalLogin
	token    string
	talk     bytes.Buffer
	server   *httptest.Server
}

func newBooth(t *testing.T) *booth {
	b := &booth{t: t, now: clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)), token: "cwl_x.y", provider: &wire.LoginProvider{Terminal: "https://mq.example.com/v1/session/provider/terminal"}}
	mux := http.NewServeMux()
	say := func(w http.ResponseWriter, v any) {
		if err := json.NewEncoder(w).Encode(v); err != nil {
			t.Error(err)
		}
	}
	mux.HandleFunc("GET /v1/session/logins", func(w http.ResponseWriter, _ *http.Request) {
		say(w, wire.Logins{Password: true, Provider: b.provider})
	})
	mux.HandleFunc("POST /v1/session/terminal", func(w http.ResponseWriter, r *http.Request) {
		var one wire.TerminalLogin
		if err := json.NewDecoder(r.Body).Decode(&one); err != nil || r.Header.Get("Authorization") != "" {
			t.Errorf("%v, with %q", err, r.Header.Get("Authorization"))
		}
		b.redeemed = append(b.redeemed, one)
		say(w, wire.TerminalSession{Token: b.token, Name: "anna"})
	})
	b.server = httptest.NewServer(mux)
	t.Cleanup(b.server.Close)
	return b
}

// outcome is how a login ended.
type outcome struct {
	session wire.TerminalSession
	err     error
}

// begin begins a login, and gives where the browser is sent.
func (b *booth) begin(ctx context.Context) (*url.URL, <-chan outcome) {
	b.t.Helper()
	opened, ended := make(chan string, 1), make(chan outcome, 1)
	l := Login{Call: &call.Call{Env: call.Env{Err: &b.talk}, Server: b.server.URL}, Clock: b.now, Tenant: "shop", Browse: func(at string) error { opened <- at; return nil }}
	go func() {
		s, err := l.Session(ctx)
		ended <- outcome{s, err}
	}()
	select {
	case at := <-opened:
		u, err := url.Parse(at)
		if err != nil {
			b.t.Fatal(err)
		}
		return u, ended
	case o := <-ended:
		b.t.Fatalf("it ended before a browser opened: %v", o.err)
	}
	return nil, nil
}

// ends waits for the end of a login.
func (b *booth) ends(ended <-chan outcome) outcome {
	b.t.Helper()
	bound, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	select {
	case o := <-ended:
		return o
	case <-bound.Done():
		b.t.Fatal("the login never ends")
	}
	return outcome{}
}

// brings goes to the terminal that waits at a port.
func brings(t *testing.T, method, port, path string, q url.Values, change ...func(*http.Request)) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:"+port+path+"?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(req)
	}
	r, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(raw)
}

func codeOf(err error) int {
	var f *call.Failure
	if errors.As(err, &f) {
		return f.Code
	}
	return call.ExitFailure
}

func TestOneAnswerWithTheStateEndsTheLogin(t *testing.T) {
	b := newBooth(t)
	at, ended := b.begin(t.Context())
	q := at.Query()
	if at.Scheme+"://"+at.Host+at.Path != b.provider.Terminal || q.Get("tenant") != "shop" || len(q) != 4 || len(q.Get("state")) != 43 {
		t.Fatalf("the browser is sent to %s", at)
	}
	good := func() url.Values { return url.Values{"state": {q.Get("state")}, "code": {"the-code"}} }
	port := q.Get("port")
	for name, c := range map[string]struct {
		method, path string
		q            url.Values
		host         string
		status       int
	}{
		"another state":         {"GET", wire.TerminalPath, url.Values{"state": {"other"}, "code": {"x"}}, "", 400},
		"no state":              {"GET", wire.TerminalPath, url.Values{"code": {"x"}}, "", 400},
		"two states":            {"GET", wire.TerminalPath, url.Values{"state": {q.Get("state"), "x"}, "code": {"x"}}, "", 400},
		"no code":               {"GET", wire.TerminalPath, url.Values{"state": {q.Get("state")}}, "", 400},
		"a code and an error":   {"GET", wire.TerminalPath, url.Values{"state": {q.Get("state")}, "code": {"x"}, "error": {"y"}}, "", 400},
		"an endless code":       {"GET", wire.TerminalPath, url.Values{"state": {q.Get("state")}, "code": {strings.Repeat("x", maxCode+1)}}, "", 400},
		"another path":          {"GET", "/", good(), "", 404},
		"another method":        {"POST", wire.TerminalPath, good(), "", 404},
		"a name that was bent":  {"GET", wire.TerminalPath, good(), "evil.example:" + port, 403},
		"the name of localhost": {"GET", wire.TerminalPath, good(), "localhost:" + port, 403},
	} {
		status, text := brings(t, c.method, port, c.path, c.q, func(r *http.Request) {
			if c.host != "" {
				r.Host = c.host
			}
		})
		if status != c.status || strings.Contains(text, "x") && strings.Contains(text, q.Get("state")) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if status, text := brings(t, "GET", port, wire.TerminalPath, good()); status != 200 || !strings.Contains(text, "Go on at the terminal") {
		t.Errorf("%d %s", status, text)
	}
	o := b.ends(ended)
	if o.err != nil || o.session.Token != "cwl_x.y" || len(b.redeemed) != 1 || b.redeemed[0].Code != "the-code" {
		t.Fatalf("%+v, %v, redeemed %+v", o.session, o.err, b.redeemed)
	}
	sum := sha256.Sum256([]byte(b.redeemed[0].Verifier))
	if q.Get("challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Errorf("the challenge %s is not that of %s", q.Get("challenge"), b.redeemed[0].Verifier)
	}
	for _, secret := range []string{"cwl_x.y", b.redeemed[0].Verifier, "the-code"} {
		if strings.Contains(b.talk.String()+at.String(), secret) {
			t.Errorf("%s is told", secret)
		}
	}
	if !strings.Contains(b.talk.String(), wire.TerminalWord(q.Get("challenge"))) || !strings.Contains(b.talk.String(), at.String()) {
		t.Errorf("the terminal says %s", b.talk.String())
	}
}

func TestASecondAnswerIsNotTaken(t *testing.T) {
	w := &waiter{state: "s", host: "127.0.0.1:1", answers: make(chan answer, 1)}
	for i, status := range []int{200, 410, 410} {
		r := httptest.NewRequest("GET", "http://127.0.0.1:1"+wire.TerminalPath+"?state=s&code=c", nil)
		rec := httptest.NewRecorder()
		if w.ServeHTTP(rec, r); rec.Code != status {
			t.Errorf("use %d: %d %s", i+1, rec.Code, rec.Body)
		}
	}
	if a := <-w.answers; a.code != "c" || a.err != nil || len(w.answers) != 0 {
		t.Errorf("taken: %+v", a)
	}
}

func TestALoginWaitsForSoLongAndNoLonger(t *testing.T) {
	b := newBooth(t)
	at, ended := b.begin(t.Context())
	waits(t, b.now)
	b.now.Advance(Wait - time.Microsecond)
	if status, _ := brings(t, "GET", at.Query().Get("port"), wire.TerminalPath, url.Values{}); status != 400 {
		t.Errorf("just before its end nobody waits: %d", status)
	}
	b.now.Advance(time.Microsecond)
	if o := b.ends(ended); codeOf(o.err) != call.ExitTimeout || len(b.redeemed) != 0 {
		t.Errorf("%v", o.err)
	}
}

// waits until somebody waits for the time.
func waits(t *testing.T, now *clock.Virtual) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(time.Minute); now.Pending() == 0; <-look.C {
		if time.Now().After(end) {
			t.Fatal("nobody waits")
		}
	}
}

func TestALoginEndsWithItsCommand(t *testing.T) {
	b := newBooth(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, ended := b.begin(ctx)
	cancel()
	if o := b.ends(ended); !errors.Is(o.err, context.Canceled) {
		t.Errorf("%v", o.err)
	}
}

func TestWhatTheControlPlaneRefusedIsSaidInWordsOfOurs(t *testing.T) {
	for reason, code := range map[string]int{
		"provider_refused": call.ExitDenied, "no_member": call.ExitDenied, "other_subject": call.ExitDenied, "provider_away": call.ExitFailure, "\x1b[2Jfailed": call.ExitFailure,
	} {
		b := newBooth(t)
		at, ended := b.begin(t.Context())
		q := at.Query()
		if status, _ := brings(t, "GET", q.Get("port"), wire.TerminalPath, url.Values{"state": {q.Get("state")}, "error": {reason}}); status != 200 {
			t.Errorf("%q: %d", reason, status)
		}
		if o := b.ends(ended); codeOf(o.err) != code || strings.Contains(o.err.Error(), reason) || len(b.redeemed) != 0 {
			t.Errorf("%q: %v", reason, o.err)
		}
	}
}

func TestAServerThatIsNoControlPlaneGetsNobodyAnywhere(t *testing.T) {
	for _, at := range []string{"", "file:///etc/passwd", "javascript:alert(1)", "https://anna:secret@mq.example.com/x", "/v1/session"} {
		b := newBooth(t)
		b.provider.Terminal = at
		l := Login{Call: &call.Call{Env: call.Env{Err: &b.talk}, Server: b.server.URL}, Clock: b.now, Browse: func(at string) error { t.Errorf("a browser opened at %s", at); return nil }}
		if _, err := l.Session(t.Context()); err == nil {
			t.Errorf("%q was taken", at)
		}
	}
	b := newBooth(t)
	b.token = "cwt_something-else"
	at, ended := b.begin(t.Context())
	q := at.Query()
	brings(t, "GET", q.Get("port"), wire.TerminalPath, url.Values{"state": {q.Get("state")}, "code": {"c"}})
	if o := b.ends(ended); o.err == nil {
		t.Error("a token of another kind was taken")
	}
}
