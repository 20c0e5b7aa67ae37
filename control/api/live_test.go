// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/live"
	"github.com/causeway-mq/causeway/control/series"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/tally"
)

// told is one event of a stream; name is "" at its end.
type told struct{ id, name, data string }

func dataOf[T any](t *testing.T, e told) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(e.data), &v); err != nil {
		t.Fatalf("%v in %s %s", err, e.name, e.data)
	}
	return v
}

// reader reads a stream in virtual time, which goes on while he waits.
type reader struct {
	t      *testing.T
	clock  *clock.Virtual // nil: time goes by itself
	events chan told
	close  func()
	last   string
}

// bound is how long anything may take on a busy machine.
const bound = time.Minute

// watch opens a stream; query is what stands behind the question mark.
func (s *site) watch(v *clock.Virtual, place, query string, with ...func(*http.Request)) *reader {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", s.url+place+"/events?"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, w := range with {
		w(req)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != door.EventStream {
		s.t.Fatalf("%s: %d %s", query, resp.StatusCode, resp.Header)
	}
	r := &reader{t: s.t, clock: v, events: make(chan told, 1000)}
	var reading sync.WaitGroup
	reading.Go(func() { r.read(resp) })
	r.close = sync.OnceFunc(func() { cancel(); reading.Wait() })
	s.t.Cleanup(r.close)
	return r
}

func (r *reader) read(resp *http.Response) {
	defer close(r.events)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 64<<20)
	var e told
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case field == "" && e.name != "":
			r.events <- e
			e = told{}
		case field == "id":
			e.id = value
		case field == "event":
			e.name = value
		case field == "data":
			e.data = value
		}
	}
}

// any waits for the next event, whatever it is; the zero one is the end.
func (r *reader) any() told {
	r.t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(bound); time.Now().Before(end); {
		select {
		case e := <-r.events:
			if e.id != "" {
				r.last = e.id
			}
			return e
		case <-look.C:
			if r.clock != nil {
				r.clock.Advance(time.Second)
			}
		}
	}
	r.t.Fatal("nothing is told")
	return told{}
}

// next waits for an event of a name, and passes over others.
func (r *reader) next(name string) told {
	r.t.Helper()
	for {
		switch e := r.any(); e.name {
		case name:
			return e
		case "":
			r.t.Fatalf("the stream ended before there was any %s", name)
		}
	}
}

// upTo gives all events up to the first one of a name, without it.
func (r *reader) upTo(name string) (some []told) {
	r.t.Helper()
	for {
		switch e := r.any(); e.name {
		case name:
			return some
		case "":
			r.t.Fatalf("the stream ended before there was any %s", name)
		default:
			some = append(some, e)
		}
	}
}

func names(some []told) (all []string) {
	for _, e := range some {
		all = append(all, e.name)
	}
	return all
}

func again(r *reader) func(*http.Request) { return header("Last-Event-ID", r.last) }

func TestAStreamTellsOfRecordsAsTheyComeAndGo(t *testing.T) {
	s, now := guardedSite(t)
	s.populate("shop")
	read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"ledger"}`, as(holders)))
	const shop = "/v1/tenants/shop"
	r := s.watch(now, shop, "watch=jobs,requests,grants", as(holders))
	first := r.upTo("ready")
	for _, name := range []string{"job", "request", "grant"} {
		if !slices.Contains(names(first), name) {
			t.Errorf("no %s is told of at the beginning: %v", name, names(first))
		}
	}
	asked := read[wire.Request](t, s.send("POST", shop+"/requests", `{"kind":"grant","to":"default","reason":"r","grant":{"topic":"ledger","as":"more","publish":true}}`, as(holders)))
	if got := dataOf[wire.Request](t, r.next("request")); got.ID != asked.ID || got.State != "pending" {
		t.Errorf("a new request: %+v", got)
	}
	read[wire.Request](t, s.send("POST", def+"/requests/"+asked.ID+"/approval", `{}`, as(holders)))
	lent := dataOf[wire.Grant](t, r.next("grant"))
	if lent.Request != asked.ID || !lent.Holds {
		t.Errorf("a new grant: %+v", lent)
	}
	s.send("DELETE", shop+"/grants/"+lent.ID, "", as(holders))
	if got := dataOf[wire.LiveGone](t, r.next("gone")); got != (wire.LiveGone{Kind: "grants", ID: lent.ID}) {
		t.Errorf("gone: %+v", got)
	}
	job := read[wire.Job](t, s.send("POST", shop+"/groups/billing-shop/dead-letters/redrive", `{"limit":1}`, as(holders)))
	for ended := false; !ended; {
		got := dataOf[wire.Job](t, r.next("job"))
		ended = got.ID == job.ID && got.Ended != nil
	}
}

func TestWhoComesBackIsToldWhatHasChanged(t *testing.T) {
	s, now := guardedSite(t)
	s.populate("shop")
	const shop = "/v1/tenants/shop"
	r := s.watch(now, shop, "watch=jobs,requests", as(holders))
	present := dataOf[wire.LiveReady](t, r.next("ready")).Present
	if len(present["jobs"]) == 0 || len(present["requests"]) == 0 {
		t.Fatalf("present: %v", present)
	}
	r.close()
	same := s.watch(now, shop, "watch=jobs,requests", as(holders), again(r))
	if got := same.upTo("ready"); len(got) != 0 {
		t.Errorf("nothing has changed, and %v are told", names(got))
	}
	same.close()
	read[wire.Request](t, s.send("POST", shop+"/requests", `{"kind":"grant","to":"default","reason":"r","grant":{"topic":"ledger","as":"more","subscribe":true}}`, as(holders)))
	changed := s.watch(now, shop, "watch=jobs,requests", as(holders), again(r))
	if got := changed.upTo("ready"); !slices.Contains(names(got), "request") {
		t.Errorf("a request came, and %v are told", names(got))
	}
	for _, id := range []string{"nonsense", "1.2.3", "1.x.0.0", "1.1.-5.0", "2.1.1.1", "1.99999999999999999999.0.0", "1.1.0.99999999999999999"} {
		other := s.watch(now, shop, "watch=requests", as(holders), header("Last-Event-ID", id))
		if got := other.upTo("ready"); len(got) != 3 {
			t.Errorf("with the id %q %v are told", id, names(got))
		}
		other.close()
	}
}

func TestRatesComeStepByStepAndOnce(t *testing.T) {
	c := countedSite(t)
	read[wire.Topic](t, c.send("POST", def+"/topics", `{"name":"orders"}`))
	read[wire.Group](t, c.send("POST", def+"/groups", `{"name":"billing"}`))
	own, orders, billing := theirs(t)
	pass := func(n int) {
		c.tally.Stored(own, orders, n, 10*n)
		c.tally.Delivered(tally.Pair{Tenant: own, Topic: orders, Reader: own, Group: billing}, n/2, 5*n)
		c.series.Lag(series.Pair{Group: series.Group{Tenant: own, Name: billing}, Topic: series.Topic{Tenant: own, Name: orders}}, int64(n), 30*time.Second)
		c.tell()
	}
	pass(10) // the step in which the tenant's things were made
	pass(100)
	pass(200)
	c.clock.Advance(16 * time.Second) // reports of a step may be late by 15 s
	r := c.watch(nil, def, "watch=rates,lag")
	one := dataOf[wire.LiveRates](t, r.next("rates"))
	if !one.Known || one.In.Messages != 20 || len(one.Topics) != 1 || one.Topics[0] != (wire.LiveTopicRate{Topic: "orders", In: wire.Rate{Messages: 20, Bytes: 200}, Out: wire.Rate{Messages: 10, Bytes: 100}}) ||
		len(one.Groups) != 1 || one.Groups[0] != (wire.LiveGroupRate{Group: "billing", Topic: "orders", Out: wire.Rate{Messages: 10, Bytes: 100}}) {
		t.Errorf("the newest step: %+v", one)
	}
	behind := dataOf[wire.LiveLag](t, r.next("lag"))
	if len(behind.Groups) != 1 || *behind.Groups[0].Lag != 200 || *behind.Groups[0].LagSeconds != 30 || behind.Groups[0].Topic != "orders" {
		t.Errorf("lag: %+v", behind)
	}
	r.next("ready")
	r.close()
	pass(300)
	pass(400)
	c.clock.Advance(20 * time.Second) // the last step is one that nobody told of
	c.clock.Advance(16 * time.Second)
	back := c.watch(nil, def, "watch=rates", again(r))
	var got []float64
	sum := 0.0
	for _, e := range back.upTo("ready") {
		rates, n := dataOf[wire.LiveRates](t, e), -1.0
		if rates.Known {
			n = rates.In.Messages
		}
		got, sum = append(got, n), sum+max(n, 0)
	}
	if len(got) != 5 || sum != 70 || got[4] != -1 { // the reports came late, so what they say is spread
		t.Errorf("steps since: %v", got)
	}
}

// theirs is the names of the default tenant's things.
func theirs(t *testing.T) (mq.Tenant, mq.TopicName, mq.GroupName) {
	t.Helper()
	own, err1 := mq.ParseTenant(mq.DefaultTenant)
	orders, err2 := mq.ParseTopicName("orders")
	billing, err3 := mq.ParseGroupName("billing")
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	return own, orders, billing
}

// followed is a site with a topic whose messages are followed.
func followed(t *testing.T, b live.Bounds) (*site, *clock.Virtual, func(id, body string)) {
	t.Helper()
	v := clock.NewVirtual(time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC))
	s := serve(t, func(o *api.Options, p *control.Options) { o.Token, o.Clock, p.Clock, o.Live = holders, v, v, b })
	s.engine.Now = v.Now
	read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"orders"}`, as(holders)))
	own, orders, _ := theirs(t)
	topic, err := s.plane.Topic(own, orders)
	if err != nil {
		t.Fatal(err)
	}
	return s, v, func(id, body string) {
		t.Helper()
		v.Advance(10 * time.Millisecond)
		name, err := mq.ParseMessageID(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, sent := range s.engine.Send(context.Background(), topic.Spec, []mq.Message{{ID: name, Type: mq.Normal, Body: []byte(body)}}) {
			if sent.Err != nil {
				t.Fatal(sent.Err)
			}
		}
	}
}

func TestATailShowsWhatIsStoredAndConsumesNothing(t *testing.T) {
	s, now, send := followed(t, live.Bounds{})
	read[wire.Group](t, s.send("POST", def+"/groups", `{"name":"billing","from":"earliest"}`, as(holders)))
	send("before", "x")
	r := s.watch(now, def, "tail=orders&body=4", as(holders))
	r.next("ready")
	send("m-1", "confidential")
	got := dataOf[wire.LiveTail](t, r.next("tail"))
	if len(got.Messages) != 1 || got.Messages[0].ID != "m-1" || string(got.Messages[0].Body) != "conf" || !got.Messages[0].BodyTruncated || got.More {
		t.Errorf("%+v", got)
	}
	searched := read[wire.Found](t, s.send("GET", def+"/topics/orders/messages?id=m-1&body=4", "", as(holders))).Items[0]
	if a, b := fmt.Sprintf("%+v", searched), fmt.Sprintf("%+v", got.Messages[0]); a != b {
		t.Errorf("the tail shows\n%s\na search\n%s", b, a)
	}
	r.close()
	send("m-2", "y")
	back := s.watch(now, def, "tail=orders", as(holders), again(r))
	if got := dataOf[wire.LiveTail](t, back.next("tail")); len(got.Messages) != 1 || got.Messages[0].ID != "m-2" {
		t.Errorf("who comes back gets %+v", got.Messages)
	}
	if n := s.engine.Calls("Take") + s.engine.Calls("Ack") + s.engine.Calls("Reset"); n != 0 {
		t.Errorf("%d calls took messages", n)
	}
	progress := read[wire.Page[wire.Progress]](t, s.send("GET", def+"/groups/billing/progress?topic=orders", "", as(holders)))
	if progress.Items[0].Ready != 3 || progress.Items[0].Leased != 0 {
		t.Errorf("the group has %+v", progress.Items[0])
	}
}

func TestATailEndsAndTheStreamGoesOn(t *testing.T) {
	s, now, send := followed(t, live.Bounds{Bytes: 1000})
	ended := func(r *reader, why string) {
		t.Helper()
		if got := dataOf[wire.LiveTailEnd](t, r.next("tail-end")); got.Topic != "orders" || got.Reason != why {
			t.Errorf("it ended with %+v, not %s", got, why)
		}
	}
	one := s.watch(now, def, "watch=requests&tail=orders", as(holders))
	one.next("ready")
	two := s.watch(now, def, "tail=orders", as(holders))
	two.next("ready")
	ended(one, "elsewhere")
	other := s.watch(now, def, "tail=orders", as(s.token(def, "developer").Secret)) // somebody else's ends nobody's
	other.next("ready")
	send("m-1", strings.Repeat("x", 900))
	two.next("tail")
	ended(two, "bytes")
	read[wire.Request](t, s.send("POST", def+"/requests", `{"kind":"grant","to":"shop","reason":"r","grant":{"topic":"x","as":"y","subscribe":true}}`, as(holders)))
	one.next("request")
	ended(other, "bytes")
	resumed := s.watch(now, def, "tail=orders", as(holders), again(two))
	resumed.next("ready")
	send("m-2", "x")
	now.Advance(5 * time.Second)
	resumed.close()
	for e := range resumed.events {
		t.Errorf("a tail that had ended goes on when its reader comes back: %+v", e)
	}
	late := s.watch(now, def, "tail=orders", as(holders))
	late.next("ready")
	now.Advance(10 * time.Minute)
	ended(late, "time")
	last := s.watch(now, def, "tail=orders", as(holders))
	last.next("ready")
	s.send("DELETE", def+"/topics/orders?confirm=orders", "", as(holders))
	ended(last, "gone")
	if r := s.send("GET", def+"/events?tail=orders", "", as(holders)); r.status != 404 {
		t.Errorf("a topic that is gone: %d %s", r.status, r.body)
	}
}

func TestAStreamEndsWithWhatItIsOpenFor(t *testing.T) {
	for name, end := range map[string]struct {
		reason string
		do     func(s *site, now *clock.Virtual, token wire.Token)
	}{
		"revoked": {"credential", func(s *site, _ *clock.Virtual, k wire.Token) {
			s.send("DELETE", "/v1/tenants/shop/tokens/"+k.ID, "", as(holders))
		}},
		"expired":  {"credential", func(_ *site, now *clock.Virtual, _ wire.Token) { now.Advance(91 * 24 * time.Hour) }},
		"stripped": {"credential", func(s *site, _ *clock.Virtual, k wire.Token) { s.strip(k) }},
		"switched": {"tenant", func(s *site, _ *clock.Virtual, _ wire.Token) {
			s.send("PATCH", "/v1/tenants/shop", `{"disabled":true}`, as(holders))
		}},
		"deleted": {"tenant", func(s *site, _ *clock.Virtual, _ wire.Token) {
			s.send("DELETE", "/v1/tenants/shop?confirm=shop", "", as(holders))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, now := guardedSite(t)
			read[wire.Tenant](t, s.send("POST", "/v1/tenants", `{"id":"shop"}`, as(holders)))
			token := s.token("/v1/tenants/shop", "viewer")
			idle := now.Pending()
			r := s.watch(nil, "/v1/tenants/shop", "watch=jobs", as(token.Secret))
			r.next("ready")
			r.rests(now, idle)
			now.Advance(10 * time.Second)
			r.rests(now, idle)
			end.do(s, now, token)
			now.Advance(5 * time.Second)
			r.endsWith(end.reason)
		})
	}
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	s, now := guardedSite(t)
	read[wire.Member](t, s.send("POST", def+"/members", `{"name":"anna@bank.example","role":"developer","password":"correct horse battery"}`, as(holders)))
	for _, end := range []struct {
		name string
		do   func(cookie, csrf func(*http.Request))
	}{
		{"logged out", func(cookie, csrf func(*http.Request)) { s.send("DELETE", "/v1/session", "", cookie, csrf) }},
		{"idle", func(_, _ func(*http.Request)) { now.Advance(30 * time.Minute) }},
		{"ended with all of his", func(_, _ func(*http.Request)) {
			s.send("DELETE", def+"/members/anna@bank.example/sessions", "", as(holders))
		}},
		{"ended from another one", func(_, _ func(*http.Request)) {
			s.logIn("anna@bank.example").sends("DELETE", "/v1/session/others", "")
		}},
		{"dismissed", func(_, _ func(*http.Request)) {
			s.send("PATCH", def+"/members/anna@bank.example", `{"disabled":true}`, as(holders))
		}},
	} {
		t.Run(end.name, func(t *testing.T) {
			in := s.send("POST", "/v1/session", `{"tenant":"default","name":"anna@bank.example","password":"correct horse battery"}`)
			csrf := header("X-CSRF-Token", read[wire.Session](t, in).CSRF)
			text, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
			idle := now.Pending()
			r := s.watch(nil, def, "watch=jobs", header("Cookie", text))
			r.next("ready")
			r.rests(now, idle)
			now.Advance(10 * time.Second)
			r.rests(now, idle)
			end.do(header("Cookie", text), csrf)
			now.Advance(5 * time.Second)
			r.endsWith("credential")
		})
	}
}

// rests waits until a site's only stream has done what it does at this time, and waits for its next look and its next question whether it may go on. idle is how many
// timers there are without it.
func (r *reader) rests(now *clock.Virtual, idle int) {
	r.t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(bound); now.Pending() < idle+2; <-look.C {
		if time.Now().After(end) {
			r.t.Fatalf("%d timers beside %d of the site's, not 2", now.Pending()-idle, idle)
		}
	}
}

// endsWith waits for the last event of a stream.
func (r *reader) endsWith(why string) {
	r.t.Helper()
	if got := dataOf[wire.LiveEnd](r.t, r.next("end")); got.Reason != why {
		r.t.Errorf("it ended with %q, not %q", got.Reason, why)
	}
	if e := r.any(); e.name != "" {
		r.t.Errorf("behind the end comes %+v", e)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	s, now, _ := followed(t, live.Bounds{Streams: 3, OfCaller: 2, Tails: 1})
	some := []wire.Token{s.token(def, "developer"), s.token(def, "developer")}
	refused := func(query, token, reason string, status int) {
		t.Helper()
		r := s.send("GET", def+"/events?"+query, "", as(token))
		if p := r.problem(t); r.status != status || p.Reason != reason || p.Limit == "" || r.header.Get("Retry-After") == "" {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	first := s.watch(now, def, "watch=jobs", as(some[0].Secret))
	s.watch(now, def, "tail=orders", as(some[0].Secret))
	refused("watch=jobs", some[0].Secret, "too_many_streams", 429)
	refused("tail=orders", some[1].Secret, "too_many_tails", 503)
	s.watch(now, def, "watch=jobs", as(some[1].Secret))
	refused("watch=jobs", some[1].Secret, "too_many_streams", 503)
	first.close()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(bound); ; <-look.C {
		if r := s.send("GET", def+"/events?watch=jobs", "", as(some[0].Secret)); r.status == 200 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the place of a stream that is over is never free")
		}
	}
}

func TestAStreamIsRefusedThatAsksForNothingThatThereIs(t *testing.T) {
	s, _, _ := followed(t, live.Bounds{})
	for query, want := range map[string]struct {
		status        int
		reason, field string
	}{
		"":                          {400, "missing", "watch"},
		"watch=rats":                {400, "out_of_range", "watch"},
		"watch=":                    {400, "out_of_range", "watch"},
		"watch=rates,rates":         {400, "duplicate_parameter", "watch"},
		"watch=rates&watch=lag":     {400, "duplicate_parameter", "watch"},
		"tail=no%20topic":           {400, "", "tail"},
		"tail=none":                 {404, "", "tail"},
		"watch=jobs&body=-1":        {400, "out_of_range", "body"},
		"watch=jobs&follow=orders":  {400, "unknown_parameter", "follow"},
		"watch=rates&tail=orders,x": {400, "", "tail"},
	} {
		r := s.send("GET", def+"/events?"+query, "", as(holders))
		if p := r.problem(t); r.status != want.status || p.Reason != want.reason || p.Field != want.field {
			t.Errorf("%s: %d %s", query, r.status, r.body)
		}
	}
	viewer := s.token(def, "viewer").Secret
	if r := s.send("GET", def+"/events?watch=jobs&tail=orders", "", as(viewer)); r.status != 403 || r.problem(t).Reason != "no_right" {
		t.Errorf("a viewer follows messages: %d %s", r.status, r.body)
	}
	if rows := s.audit("outcome=denied"); len(rows) != 1 || rows[0].Action != "message.read" || rows[0].Name != "orders" {
		t.Errorf("the audit has %+v", rows)
	}
	if r := s.send("HEAD", def+"/events?watch=jobs", "", as(viewer)); r.status != 200 || len(r.body) != 0 {
		t.Errorf("HEAD: %d %s", r.status, r.body)
	}
}

// pipes is a listener whose connections hold nothing: what the other end does not read is not written.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	over  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.over:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.over) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// local is a connection that says that it comes from here.
type local struct{ net.Conn }

func (local) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711} }

func TestWhoDoesNotReadIsDropped(t *testing.T) {
	s, _, _ := followed(t, live.Bounds{OfCaller: 1, Patience: 100 * time.Millisecond})
	p := &pipes{conns: make(chan net.Conn), over: make(chan struct{})}
	server := api.Server(s.served)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(p) })
	defer serving.Wait()
	defer server.Close()
	mine, its := net.Pipe()
	p.conns <- local{its}
	if _, err := fmt.Fprintf(mine, "GET %s/events?watch=jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", def, holders); err != nil {
		t.Fatal(err)
	}
	if _, err := mine.Read(make([]byte, 1)); err != nil { // the answer has begun, so its place is taken; the rest is never read
		t.Fatal(err)
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(bound); ; <-look.C { // until it is free again
		if r := s.send("GET", def+"/events?watch=jobs", "", as(holders)); r.status == 200 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("somebody who reads nothing is kept for ever")
		}
	}
	if _, err := mine.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open")
	}
}

func TestAServerStopsThoughStreamsAreOpen(t *testing.T) {
	s, now, _ := followed(t, live.Bounds{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := api.Server(s.served)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) })
	s.url = "http://" + l.Addr().String()
	r := s.watch(now, def, "watch=jobs,rates&tail=orders", as(holders))
	r.next("ready")
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Errorf("it does not stop: %v", err)
	}
	serving.Wait()
	if got := dataOf[wire.LiveEnd](t, r.next("end")); got.Reason != "stopping" {
		t.Errorf("%+v", got)
	}
}

func TestNothingOfAnotherTenantComesThroughAStream(t *testing.T) {
	c := countedSite(t)
	c.engine.Now = c.clock.Now
	for _, tenant := range []string{"shop", "bank"} {
		c.populate(tenant)
	}
	shop, _ := mq.ParseTenant("shop")
	bank, _ := mq.ParseTenant("bank")
	dev := c.token("/v1/tenants/bank", "developer").Secret
	r := c.watch(c.clock, "/v1/tenants/bank", "watch=rates,lag,jobs,requests,grants&tail=orders-bank", as(dev))
	first := r.upTo("ready")
	// The same happens in both tenants, the victim's first. What comes of it for the other one is how one knows that the victim's would have come as well.
	for _, one := range []struct {
		tenant mq.Tenant
		name   string
	}{{shop, "shop"}, {bank, "bank"}} {
		topic, _ := mq.ParseTopicName("orders-" + one.name)
		group, _ := mq.ParseGroupName("billing-" + one.name)
		c.tally.Stored(one.tenant, topic, 100, 1000)
		c.tally.Delivered(tally.Pair{Tenant: one.tenant, Topic: topic, Reader: one.tenant, Group: group}, 50, 500)
		c.series.Lag(series.Pair{Group: series.Group{Tenant: one.tenant, Name: group}, Topic: series.Topic{Tenant: one.tenant, Name: topic}}, 77, 0)
		at, err := c.plane.Topic(one.tenant, topic)
		if err != nil {
			t.Fatal(err)
		}
		id, _ := mq.ParseMessageID("live-" + one.name)
		c.engine.Send(context.Background(), at.Spec, []mq.Message{{ID: id, Type: mq.Normal, Body: []byte(one.name)}})
		c.send("POST", "/v1/tenants/"+one.name+"/requests", `{"kind":"grant","to":"default","reason":"of `+one.name+`","grant":{"topic":"shared2","as":"live","publish":true}}`)
		c.send("POST", "/v1/tenants/"+one.name+"/groups/billing-"+one.name+"/dead-letters/redrive", `{"limit":1}`)
	}
	c.tell()
	seen := map[string]bool{}
	all := first
	for len(seen) < 5 {
		e := r.any()
		all = append(all, e)
		switch {
		case e.name == "job", e.name == "request", e.name == "tail" && strings.Contains(e.data, "live-bank"),
			e.name == "rates" && strings.Contains(e.data, "orders-bank"), e.name == "lag" && strings.Contains(e.data, "billing-bank"):
			seen[e.name] = true
		case e.name == "":
			t.Fatalf("the stream ended; %v were seen", seen)
		}
	}
	for _, e := range all {
		if strings.Contains(e.data, "shop") {
			t.Errorf("the victim shows in %s: %s", e.name, e.data)
		}
		if e.name == "rates" {
			if got := dataOf[wire.LiveRates](t, e); got.Known && got.In.Messages > 10 {
				t.Errorf("the victim's messages are counted: %s", e.data)
			}
		}
	}
	if r := c.send("GET", "/v1/tenants/bank/events?tail=orders-shop", "", as(dev)); r.status != 404 {
		t.Errorf("a tail of the victim's topic: %d %s", r.status, r.body)
	}
}

func TestAStreamOutlivesTheBoundOfARequest(t *testing.T) {
	s, now, _ := followed(t, live.Bounds{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := api.Server(s.served)
	server.ReadTimeout, server.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) })
	defer serving.Wait()
	defer server.Close()
	at := s.url
	s.url = "http://" + l.Addr().String()
	r := s.watch(now, def, "watch=requests", as(holders))
	r.next("ready")
	s.url = at
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := range 4 {
		<-tick.C
		read[wire.Request](t, s.send("POST", def+"/requests", fmt.Sprintf(`{"kind":"grant","to":"shop","reason":"r","grant":{"topic":"x","as":"y%d","subscribe":true}}`, n), as(holders)))
		r.next("request")
	}
}

func TestFiguresOfATenantThatIsGoneAreNotToldToTheNext(t *testing.T) {
	c := countedSite(t)
	make1 := func() {
		t.Helper()
		for end := time.Now().Add(bound); ; {
			if r := c.send("POST", "/v1/tenants", `{"id":"shop"}`); r.status == 201 {
				break
			} else if time.Now().After(end) {
				t.Fatalf("the name is not free: %d %s", r.status, r.body)
			}
		}
		read[wire.Topic](t, c.send("POST", "/v1/tenants/shop/topics", `{"name":"orders"}`))
		read[wire.Group](t, c.send("POST", "/v1/tenants/shop/groups", `{"name":"billing"}`))
	}
	shop, err := mq.ParseTenant("shop")
	if err != nil {
		t.Fatal(err)
	}
	_, orders, billing := theirs(t)
	make1()
	c.tell()
	c.tally.Stored(shop, orders, 100, 1000)
	c.tally.Delivered(tally.Pair{Tenant: shop, Topic: orders, Reader: shop, Group: billing}, 50, 500)
	c.series.Lag(series.Pair{Group: series.Group{Tenant: shop, Name: billing}, Topic: series.Topic{Tenant: shop, Name: orders}}, 50, 0)
	c.tell()
	c.clock.Advance(16 * time.Second)
	told := func() (wire.LiveRates, wire.LiveLag) {
		r := c.watch(nil, "/v1/tenants/shop", "watch=rates,lag")
		defer r.close()
		return dataOf[wire.LiveRates](t, r.next("rates")), dataOf[wire.LiveLag](t, r.next("lag"))
	}
	if rates, lag := told(); len(rates.Topics) != 1 || len(lag.Groups) != 1 {
		t.Fatalf("its own: %+v %+v", rates, lag)
	}
	if r := c.send("DELETE", "/v1/tenants/shop?confirm=shop", ""); r.status >= 300 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	make1()
	if rates, lag := told(); rates.Known || rates.In != nil || len(rates.Topics)+len(rates.Groups)+len(lag.Groups) != 0 {
		t.Errorf("the old one's: %+v %+v", rates, lag)
	}
}
