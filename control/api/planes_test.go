// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/testkit/optest"
	"github.com/causeway-mq/causeway/mq"
)

// watchedStore counts what is asked of the shelf, and can be away.
type watchedStore struct {
	control.Store
	reads, writes atomic.Int32
	away          atomic.Bool
}

func (w *watchedStore) Shelf() shelf.Table { return watchedShelf{w.Store.Shelf(), w} }

type watchedShelf struct {
	shelf.Table
	of *watchedStore
}

func (w watchedShelf) ask(count *atomic.Int32) error {
	count.Add(1)
	if w.of.away.Load() {
		return mq.Refuse(mq.Unavailable, "the store is away")
	}
	return nil
}

func (w watchedShelf) Find(ctx context.Context, kind shelf.Kind, key string) (shelf.Item, bool, error) {
	if err := w.ask(&w.of.reads); err != nil {
		return shelf.Item{}, false, err
	}
	return w.Table.Find(ctx, kind, key)
}

func (w watchedShelf) Change(ctx context.Context, i shelf.Item) (bool, error) {
	if err := w.ask(&w.of.writes); err != nil {
		return false, err
	}
	return w.Table.Change(ctx, i)
}

func (w watchedShelf) Keep(ctx context.Context, i shelf.Item) (bool, error) {
	if err := w.ask(&w.of.writes); err != nil {
		return false, err
	}
	return w.Table.Keep(ctx, i)
}

// pair is two planes over one store, behind no load balancer. Time stands still, so that neither follows the other by itself.
type pair struct {
	a, b   *site
	stores [2]*watchedStore
	now    *clock.Virtual
}

func newPair(t *testing.T) *pair {
	t.Helper()
	return pairAt(t, time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC))
}

func pairAt(t *testing.T, now time.Time, change ...func(*api.Options, *control.Options)) *pair {
	t.Helper()
	p := &pair{now: clock.NewVirtual(now)}
	dir := t.TempDir()
	var sites []*site
	for i := range p.stores {
		store, err := sqlstore.OpenSQLite(context.Background(), dir)
		if err != nil {
			t.Fatal(err)
		}
		p.stores[i] = &watchedStore{Store: store}
		sites = append(sites, serve(t, func(o *api.Options, c *control.Options) {
			o.Token, o.Clock, c.Clock, c.Store, c.Sharing = holders, p.now, p.now, p.stores[i], &control.Sharing{}
			for _, f := range change {
				f(o, c)
			}
		}))
	}
	p.a, p.b = sites[0], sites[1]
	return p
}

// at is the same browser at another plane.
func (b browser) at(s *site) browser { return browser{s, b.cookie, b.csrf} }

func TestASessionWorksAtEveryPlane(t *testing.T) {
	p := newPair(t)
	p.a.member("anna", "developer")
	here := p.a.logIn("anna")
	there := here.at(p.b) // which has not heard of her yet
	if who := read[wire.Session](t, there.sends("GET", "/v1/session", "")); who.Name != "default/anna" || who.CSRF != here.csrf {
		t.Errorf("at the other plane he is %+v", who)
	}
	if r := there.sends("POST", def+"/topics", `{"name":"orders"}`); r.status != 201 {
		t.Errorf("makes a topic: %d %s", r.status, r.body)
	}
	if r := there.sends("DELETE", "/v1/session", ""); r.status != 204 {
		t.Errorf("leaves: %d %s", r.status, r.body)
	}
	if r := there.sends("GET", "/v1/session", ""); r.status != 401 {
		t.Errorf("where he left: %d", r.status)
	}
	p.now.Advance(2 * time.Second)
	if r := here.sends("GET", "/v1/session", ""); r.status != 401 || r.problem(t).Reason != "session_ended" {
		t.Errorf("two seconds later, where he came in: %d %s", r.status, r.body)
	}
}

func TestALoginThatBeganAtOnePlaneEndsAtTheOther(t *testing.T) {
	var p *pair
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // sends who comes back from the provider to the other plane
		if r.URL.Path == oidc.ReturnPath {
			p.b.served.ServeHTTP(w, r)
			return
		}
		p.a.served.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	op := optest.New(t, front.URL+oidc.ReturnPath)
	op.Is(optest.User{ID: "u-1", Email: "anna@shop.example", Verified: true})
	p = pairAt(t, time.Now(), func(o *api.Options, c *control.Options) {
		config := oidc.Default()
		config.Issuer, config.ClientID, config.ClientSecret, config.RedirectURL = op.URL, optest.ClientID, optest.Secret, front.URL+oidc.ReturnPath
		var err error
		if o.Provider, err = oidc.New(config, shelf.New(c.Store.Shelf(), o.Clock.Now)); err != nil {
			t.Fatal(err)
		}
	})
	p.a.send("POST", def+"/members", `{"name":"anna@shop.example","role":"developer"}`, as(holders))
	c := visitor(t)
	page, err := c.Get(front.URL + "/v1/session/provider")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	at, err := url.Parse(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	cookies := c.Jar.Cookies(at)
	if page.StatusCode != 200 || len(cookies) != 1 {
		t.Fatalf("he comes to %d with %v", page.StatusCode, cookies)
	}
	there := browser{p.b, cookies[0], ""}
	who := read[wire.Session](t, there.sends("GET", "/v1/session", ""))
	there.csrf = who.CSRF
	here := there.at(p.a)
	if same := read[wire.Session](t, here.sends("GET", "/v1/session", "")); same.Name != "default/anna@shop.example" || same.CSRF != who.CSRF || same.Logout != who.Logout || !strings.Contains(same.Logout, "id_token_hint=") {
		t.Errorf("where the login began he is %+v, where it ended %+v", same, who)
	}
	if r := here.sends("POST", def+"/topics", `{"name":"orders"}`); r.status != 201 {
		t.Errorf("makes a topic: %d %s", r.status, r.body)
	}
	if r := there.sends("DELETE", "/v1/session", ""); r.status != 204 {
		t.Errorf("leaves: %d %s", r.status, r.body)
	}
	p.now.Advance(2 * time.Second)
	if r := here.sends("GET", "/v1/session", ""); r.status != 401 || r.problem(t).Reason != "session_ended" {
		t.Errorf("two seconds later, at the other plane: %d %s", r.status, r.body)
	}
}

func TestSessionsOfWhoMayNotActEndAtEveryPlane(t *testing.T) {
	p := newPair(t)
	for name, end := range map[string][3]string{
		"off":  {"PATCH", `{"disabled":true}`},
		"word": {"PATCH", `{"password":"another one entirely"}`},
		"gone": {"DELETE", ``},
	} {
		p.a.member(name, "developer")
		there := p.a.logIn(name).at(p.b)
		if r := there.sends("GET", "/v1/session", ""); r.status != 200 {
			t.Fatalf("%s: %d %s", name, r.status, r.body)
		}
		if r := p.a.send(end[0], def+"/members/"+name, end[1], as(holders)); r.status > 204 {
			t.Fatalf("%s: %d %s", name, r.status, r.body)
		}
		if err := p.b.plane.Refresh(context.Background()); err != nil { // as it does by itself, twice a second
			t.Fatal(err)
		}
		if r := there.sends("GET", "/v1/session", ""); r.status != 401 {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	p.a.member("gone", "developer")
	again := p.a.logIn("gone")
	p.a.send("DELETE", def+"/members/gone", "", as(holders))
	p.a.member("gone", "tenant-admin")
	if r := again.sends("GET", "/v1/session", ""); r.status != 401 {
		t.Errorf("who has the name now has the session of who had it: %d %s", r.status, r.body)
	}
}

func TestSessionsThatEndTogetherEndAtEveryPlane(t *testing.T) {
	p := newPair(t)
	p.a.member("anna", "developer")
	p.a.member("bert", "developer")
	if err := p.b.plane.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	begin := func() (first, second browser) { // each of them seen at both planes
		t.Helper()
		first, second = p.a.logIn("anna"), p.b.logIn("anna")
		for _, b := range []browser{first, second, first.at(p.b), second.at(p.a)} {
			if r := b.sends("GET", "/v1/session", ""); r.status != 200 {
				t.Fatalf("%d %s", r.status, r.body)
			}
		}
		return first, second
	}
	status := func(what string, b browser, want int) {
		t.Helper()
		if r := b.sends("GET", "/v1/session", ""); r.status != want {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	other := p.b.logIn("bert")
	first, second := begin()
	if r := p.a.send("DELETE", def+"/members/anna/sessions", "", as(holders)); r.status != 204 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	status("at once, where they were ended", first, 401)
	status("at once, where they were ended", second.at(p.a), 401)
	p.now.Advance(2 * time.Second)
	status("two seconds later, at the other one", first.at(p.b), 401)
	status("two seconds later, at the other one", second, 401)
	status("somebody else", other, 200)
	first, second = begin()
	if r := first.at(p.b).sends("DELETE", "/v1/session/others", ""); r.status != 204 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	status("at once, where he ended it", second, 401)
	p.now.Advance(2 * time.Second)
	status("two seconds later, at the other one", second.at(p.a), 401)
	status("the one in which he asked", first, 200)
	status("the one in which he asked", first.at(p.b), 200)
	status("somebody else", other, 200)
}

func TestARequestOfASessionCostsNoWrite(t *testing.T) {
	p := newPair(t)
	p.a.member("anna", "developer")
	b, store := p.a.logIn("anna"), p.stores[0]
	store.reads.Store(0)
	store.writes.Store(0)
	for range 100 {
		p.now.Advance(100 * time.Millisecond)
		if r := b.sends("GET", "/v1/session", ""); r.status != 200 {
			t.Fatal(r.status)
		}
	}
	if reads, writes := store.reads.Load(), store.writes.Load(); reads > 6 || writes > 0 {
		t.Errorf("within ten seconds %d reads, %d writes", reads, writes)
	}
	p.now.Advance(time.Minute)
	b.sends("GET", "/v1/session", "")
	if writes := store.writes.Load(); writes != 1 {
		t.Errorf("after a minute %d writes", writes)
	}
	store.reads.Store(0)
	forged := browser{b.site, &http.Cookie{Name: b.cookie.Name, Value: strings.Repeat("A", 43) + "." + strings.Repeat("A", 22)}, ""}
	if r := forged.sends("GET", "/v1/session", ""); r.status != 401 || store.reads.Load() != 0 {
		t.Errorf("what nobody made: %d, and the store was asked %d times", r.status, store.reads.Load())
	}
}

func TestWhileTheStoreIsAwayWhoIsThereStays(t *testing.T) {
	p := newPair(t)
	p.a.member("anna", "developer")
	b, unseen := p.a.logIn("anna"), p.a.logIn("anna")
	if r := b.sends("GET", "/v1/session", ""); r.status != 200 {
		t.Fatal(r.status)
	}
	p.stores[0].away.Store(true)
	p.now.Advance(5 * time.Minute)
	if r := b.sends("GET", "/v1/session", ""); r.status != 200 {
		t.Errorf("who was seen: %d %s", r.status, r.body)
	}
	if r := unseen.sends("GET", "/v1/session", ""); r.status != 503 {
		t.Errorf("who was not: %d %s", r.status, r.body)
	}
	p.stores[0].away.Store(false)
	if r := unseen.sends("GET", "/v1/session", ""); r.status != 200 {
		t.Errorf("when it is back: %d %s", r.status, r.body)
	}
}

func TestAListingGoesOnAtAnyPlane(t *testing.T) {
	p := newPair(t)
	for _, name := range []string{"a", "b", "c"} {
		read[wire.Topic](t, p.a.send("POST", def+"/topics", `{"name":"`+name+`"}`, as(holders)))
	}
	if err := p.b.plane.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	first := read[wire.Page[wire.Topic]](t, p.a.send("GET", def+"/topics?limit=2", "", as(holders)))
	rest := read[wire.Page[wire.Topic]](t, p.b.send("GET", def+"/topics?limit=2&cursor="+first.Next, "", as(holders)))
	if len(first.Items) != 2 || len(rest.Items) != 1 || rest.Items[0].Name != "c" || rest.Next != "" {
		t.Errorf("listed %+v, then %+v", first, rest)
	}
}

func TestOneIdempotencyKeyIsOneDeedAtAllPlanes(t *testing.T) {
	p := newPair(t)
	key := header("Idempotency-Key", "deploy-7")
	first := p.a.send("POST", def+"/apps", `{"name":"shop"}`, as(holders), key)
	again := p.b.send("POST", def+"/apps", `{"name":"shop"}`, as(holders), key)
	if first.status != 201 || again.status != 201 || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("first %d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
	if a, b := read[wire.Application](t, first), read[wire.Application](t, again); a.Key.Secret == "" || *a.Key != *b.Key {
		t.Errorf("two answers: %+v, %+v", a.Key, b.Key)
	}
	if r := p.b.send("POST", def+"/apps", `{"name":"other"}`, as(holders), key); r.status != 409 || r.problem(t).Reason != "idempotency_key_reused" {
		t.Errorf("over another request: %d %s", r.status, r.body)
	}
	p.now.Advance(24 * time.Hour)
	if r := p.b.send("POST", def+"/apps", `{"name":"other"}`, as(holders), key); r.status != 201 || r.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("a day later: %d %s", r.status, r.body)
	}
}

func TestWhatOnePlaneIsDoingNoOtherOneDoes(t *testing.T) {
	p := newPair(t)
	key := header("Idempotency-Key", "deploy-7")
	send := func(s *site) reply { return s.send("POST", def+"/topics", `{"name":"orders"}`, as(holders), key) }
	begun, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	p.a.engine.Hang = func(_ context.Context, verb string) error {
		if verb == "PutTopic" {
			once.Do(func() { close(begun) })
			<-release
		}
		return nil
	}
	done := make(chan reply, 1)
	go func() { done <- send(p.a) }()
	<-begun
	if r := send(p.b); r.status != 409 || r.problem(t).Reason != "request_under_way" {
		t.Errorf("at the other plane meanwhile: %d %s", r.status, r.body)
	}
	close(release)
	if r := <-done; r.status != 201 {
		t.Errorf("the first one: %d %s", r.status, r.body)
	}
	if r := send(p.b); r.status != 201 || r.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("at the other plane afterwards: %d %s", r.status, r.body)
	}
}
