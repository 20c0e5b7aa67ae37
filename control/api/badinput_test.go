// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// bad is one request that is refused, with the answer it gets.
type bad struct {
	name, method, path, body string
	status                   int
	kind, reason, field      string
	says                     string // part of the detail
}

func (s *site) refuses(cases []bad) {
	for _, c := range cases {
		s.t.Run(c.name, func(t *testing.T) {
			before := s.plane.Version()
			r := s.send(c.method, c.path, c.body)
			if r.status != c.status {
				t.Fatalf("answered %d %s, want %d", r.status, r.body, c.status)
			}
			p := r.problem(t)
			if p.Kind != c.kind || p.Reason != c.reason || p.Field != c.field || !strings.Contains(p.Detail, c.says) {
				t.Errorf("got %s", r.body)
			}
			if s.plane.Version() != before {
				t.Error("the refused request changed something")
			}
		})
	}
}

func TestBodiesAreReadStrictly(t *testing.T) {
	s := serve(t)
	topics := def + "/topics"
	deep := `{"name":` + strings.Repeat(`[`, 10_000) + strings.Repeat(`]`, 10_000) + `}`
	s.refuses([]bad{
		{"row 82: extra field", "POST", topics, `{"name":"x","tenant_id":"other"}`, 400, "bad_request", "unknown_field", "tenant_id", "unknown field"},
		{"extra field with the nearest name", "POST", topics, `{"nmae":"x"}`, 400, "bad_request", "unknown_field", "nmae", `did you mean "name"`},
		{"row 82: role in a body", "POST", def + "/apps", `{"name":"x","role":"admin"}`, 400, "bad_request", "unknown_field", "role", ""},
		{"row 82: quota in a body", "POST", "/v1/tenants", `{"id":"x","quota":9}`, 400, "bad_request", "unknown_field", "quota", ""},
		{"another case of a field", "POST", topics, `{"Name":"x"}`, 400, "bad_request", "unknown_field", "Name", `did you mean "name"`},
		{"extra field further down", "POST", def + "/groups", `{"name":"x","retry":{"stepz":["1s"]}}`, 400, "bad_request", "unknown_field", "retry.stepz", `did you mean "steps"`},
		{"row 84: duplicate key", "POST", topics, `{"name":"x","name":"y"}`, 400, "bad_request", "duplicate_field", "name", "twice"},
		{"row 84: duplicate key, escaped", "POST", topics, `{"name":"x","n\u0061me":"y"}`, 400, "bad_request", "duplicate_field", "name", "twice"},
		{"row 84: trailing data", "POST", topics, `{"name":"x"} {}`, 400, "bad_request", "malformed", "", "behind"},
		{"trailing garbage", "POST", topics, `{"name":"x"}]`, 400, "bad_request", "malformed", "", "behind"},
		{"row 85: depth of ten thousand", "POST", topics, deep, 400, "bad_request", "too_deep", "", "deeper than 16"},
		{"row 86: ten megabytes", "POST", topics, `{"name":"` + strings.Repeat("x", 10<<20) + `"}`, 413, "payload_too_large", "", "", "1048576"},
		{"not complete", "POST", topics, `{"name":"x"`, 400, "bad_request", "malformed", "", "not complete"},
		{"no JSON", "POST", topics, `name=x`, 400, "bad_request", "malformed", "", ""},
		{"no object", "POST", topics, `["x"]`, 400, "bad_request", "wrong_type", "", "object"},
		{"null", "POST", topics, `null`, 400, "bad_request", "wrong_type", "", "object"},
		{"no UTF-8", "POST", topics, "{\"name\":\"\xff\"}", 400, "bad_request", "malformed", "", "UTF-8"},
		{"text for a number", "POST", topics, `{"name":"x","queues":"8"}`, 400, "bad_request", "wrong_type", "queues", "number"},
		{"fraction for a count", "POST", topics, `{"name":"x","queues":1.5}`, 400, "bad_request", "wrong_type", "queues", "number"},
		{"huge number", "POST", topics, `{"name":"x","queues":1e99}`, 400, "bad_request", "wrong_type", "queues", "number"},
		{"number for text", "POST", topics, `{"name":5}`, 400, "bad_request", "wrong_type", "name", "string"},
	})
	if r := s.send("POST", topics, `{"name":"x"}`, header("Content-Type", "text/plain")); r.status != 415 || r.problem(t).Kind != "unsupported_media_type" {
		t.Errorf("row 87, text/plain: %d %s", r.status, r.body)
	}
	if r := s.send("POST", topics, `{"name":"x"}`, header("Content-Type", "application/json; charset=utf-16")); r.status != 415 {
		t.Errorf("row 87, another charset: %d", r.status)
	}
	if r := s.send("POST", topics, ""); r.status != 415 {
		t.Errorf("no body at all: %d", r.status)
	}
}

func TestPathsAndMethods(t *testing.T) {
	s := serve(t)
	s.refuses([]bad{
		{"row 88: TRACE", "TRACE", def + "/topics", "", 405, "method_not_allowed", "", "", "GET, POST"},
		{"row 88: PUT on a listing", "PUT", def + "/topics", `{}`, 405, "method_not_allowed", "", "", "GET, POST"},
		{"POST on one", "POST", def + "/topics/x", `{}`, 405, "method_not_allowed", "", "", "DELETE, GET, PATCH"},
		{"unknown path", "GET", "/v1/nothing", "", 404, "not_found", "", "", "nothing is served"},
		{"root", "GET", "/", "", 404, "not_found", "", "", ""},
		{"row 98: encoded climbing", "GET", def + "/topics/..%2F..%2Fsecret", "", 400, "illegal_topic", "", "topic", "only A-Z"},
		{"row 98: encoded climbing in a tenant", "GET", "/v1/tenants/..%2Fdefault/topics", "", 404, "not_found", "", "", "no tenant"},
		{"NUL in a name", "GET", def + "/groups/a%00b", "", 400, "illegal_group", "", "group", ""},
		{"unknown tenant", "GET", "/v1/tenants/none/topics", "", 404, "not_found", "", "", `no tenant "none"`},
		{"name that no tenant can have", "GET", "/v1/tenants/NONE/topics", "", 404, "not_found", "", "", `no tenant "NONE"`},
		{"row 102: secret read back", "GET", def + "/apps/shop/keys/CWx/secret", "", 404, "not_found", "", "", ""},
		{"unknown job", "GET", def + "/jobs/x", "", 404, "not_found", "", "", "no such job"},
		{"unknown parameter", "GET", def + "/topics?limitt=1", "", 400, "bad_request", "unknown_parameter", "limitt", `did you mean "limit"`},
		{"parameter twice", "GET", def + "/topics?limit=1&limit=2", "", 400, "bad_request", "duplicate_parameter", "limit", "twice"},
	})
	if r := s.send("TRACE", def+"/topics", ""); r.header.Get("Allow") != "GET, POST" {
		t.Errorf("Allow is %q", r.header.Get("Allow"))
	}
	// "Not there" is the same for every way of not being there.
	a, b := s.send("GET", def+"/topics/none", "").problem(t), s.send("GET", def+"/topics/%25DLQ%25none", "").problem(t)
	if a.Kind != b.Kind || a.Status != b.Status {
		t.Errorf("%+v and %+v", a, b)
	}
}

func TestPagesHaveBounds(t *testing.T) {
	s := serve(t)
	for i := range 3 {
		read[wire.Topic](t, s.send("POST", def+"/topics", fmt.Sprintf(`{"name":"t%d"}`, i)))
		read[wire.Group](t, s.send("POST", def+"/groups", fmt.Sprintf(`{"name":"t%d"}`, i)))
	}
	page := read[wire.Page[wire.Topic]](t, s.send("GET", def+"/topics?limit=1", ""))
	if page.Next == "" {
		t.Fatal("no cursor")
	}
	flipped := []byte(page.Next)
	flipped[3] ^= 1
	cases := []bad{
		{"row 90: tampered cursor", "GET", def + "/topics?cursor=" + string(flipped), "", 400, "bad_request", "bad_cursor", "cursor", ""},
		{"row 90: cursor of another listing", "GET", def + "/groups?cursor=" + page.Next, "", 400, "bad_request", "bad_cursor", "cursor", ""},
		{"no cursor at all", "GET", def + "/topics?cursor=", "", 400, "bad_request", "bad_cursor", "cursor", ""},
		{"row 96: begin after end", "GET", def + "/topics/t0/messages?begin=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z", "", 400, "bad_request", "window_not_searched", "begin", ""},
		{"row 96: more than seven days", "GET", def + "/topics/t0/messages?begin=2026-01-01T00:00:00Z&end=2026-01-09T00:00:00Z", "", 400, "bad_request", "window_not_searched", "begin", "168h"},
		{"no time", "GET", def + "/topics/t0/messages?begin=yesterday", "", 400, "bad_request", "malformed", "begin", ""},
		{"preview too large", "GET", def + "/topics/t0/messages?body=65537", "", 400, "bad_request", "out_of_range", "body", ""},
		{"queue without offset", "GET", def + "/topics/t0/messages?queue=1", "", 400, "bad_request", "malformed", "offset", ""},
		{"offset beyond numbers", "GET", def + "/topics/t0/messages?queue=1&offset=9223372036854775808", "", 400, "bad_request", "malformed", "offset", ""},
		{"empty id", "GET", def + "/topics/t0/messages?id=", "", 400, "illegal_message_id", "", "id", ""},
		{"key with a space", "GET", def + "/topics/t0/messages?key=a%20b", "", 400, "illegal_key", "", "key", ""},
	}
	for _, n := range []string{"-1", "0", "1000000000", "2147483647", "9223372036854775808", "ten", ""} {
		cases = append(cases, bad{"row 89: limit " + n, "GET", def + "/topics?limit=" + n, "", 400, "bad_request", "out_of_range", "limit", "from 1 to 1000"})
		cases = append(cases, bad{"row 96: messages " + n, "GET", def + "/topics/t0/messages?limit=" + n, "", 400, "bad_request", "out_of_range", "limit", "from 1 to 100"})
	}
	s.refuses(cases)
}

func TestValuesOutsideTheirRules(t *testing.T) {
	s := serve(t)
	read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"orders"}`))
	read[wire.Group](t, s.send("POST", def+"/groups", `{"name":"billing"}`))
	topics, groups, reset := def+"/topics", def+"/groups", def+"/groups/billing/reset"
	cases := []bad{
		{"name taken", "POST", topics, `{"name":"orders"}`, 409, "conflict", "already_exists", "name", "exists already"},
		{"dead letters by hand", "POST", topics, `{"name":"%DLQ%billing"}`, 400, "illegal_topic", "reserved", "name", ""},
		{"unknown type", "POST", topics, `{"name":"x","types":["priority"]}`, 400, "bad_request", "", "types", "normal, fifo"},
		{"retention 0", "POST", topics, `{"name":"x","retention":"0s"}`, 400, "bad_request", "out_of_range", "retention", ""},
		{"number for a duration", "POST", topics, `{"name":"x","retention":"5"}`, 400, "bad_request", "malformed", "retention", "unit"},
		{"queues 0 in a change", "PATCH", topics + "/orders", `{"queues":0}`, 400, "bad_request", "out_of_range", "queues", ""},
		{"fewer queues", "PATCH", topics + "/orders", `{"queues":2}`, 400, "bad_request", "out_of_range", "queues", "may only grow"},
		{"types in a change", "PATCH", topics + "/orders", `{"types":["fifo"]}`, 400, "bad_request", "unknown_field", "types", ""},
		{"stale revision", "PATCH", topics + "/orders", `{"queues":9,"revision":1}`, 412, "conflict", "stale_revision", "", "changed by somebody else"},
		{"loss window too long", "POST", topics, `{"name":"x","durability":"window=1h"}`, 400, "bad_request", "", "durability", "10s"},
		{"confirmation of another name", "DELETE", topics + "/orders?confirm=order", "", 409, "conflict", "needs_confirmation", "confirm", "repeat the name"},
		{"attempts 0", "PATCH", groups + "/billing", `{"maxAttempts":0}`, 400, "bad_request", "out_of_range", "maxAttempts", "1 to 1000"},
		{"two kinds of retry", "POST", groups, `{"name":"x","retry":{"steps":["1s"],"initial":"1s"}}`, 400, "bad_request", "malformed", "retry", "either"},
		{"step without unit", "POST", groups, `{"name":"x","retry":{"steps":["1"]}}`, 400, "bad_request", "malformed", "retry.steps", "unit"},
		{"nearly earliest", "POST", groups, `{"name":"x","from":"earlyest"}`, 400, "bad_request", "malformed", "from", `did you mean "earliest"`},
		{"unknown mode", "POST", groups, `{"name":"x","mode":"pull"}`, 400, "bad_request", "out_of_range", "mode", `did you mean "pulls"`},
		{"system group", "POST", groups, `{"name":"CID_RMQ_SYS_x"}`, 400, "illegal_group", "", "name", "reserved"},
		{"right on no name", "POST", def + "/apps", `{"name":"x","publish":["a b"]}`, 400, "illegal_topic", "", "publish", ""},
		{"right to write dead letters", "POST", def + "/apps", `{"name":"x","publish":["%DLQ%billing"]}`, 400, "bad_request", "reserved", "publish", ""},
		{"tenant in capitals", "POST", "/v1/tenants", `{"id":"Shop"}`, 400, "bad_request", "out_of_range", "id", "a-z"},
		{"tenant with a joiner", "POST", "/v1/tenants", `{"id":"a%b"}`, 400, "bad_request", "out_of_range", "id", "a-z"},
		{"tenant of 21 characters", "POST", "/v1/tenants", `{"id":"` + strings.Repeat("a", 21) + `"}`, 400, "bad_request", "out_of_range", "id", "20"},
		{"default tenant again", "POST", "/v1/tenants", `{"id":"default"}`, 409, "conflict", "already_exists", "id", ""},
		{"row 94: reset to the future", "POST", reset, `{"topic":"orders","to":"2999-01-01T00:00:00Z"}`, 400, "bad_request", "out_of_range", "to", "future"},
		{"reset nowhere", "POST", reset, `{"topic":"orders"}`, 400, "bad_request", "malformed", "to", "either"},
		{"reset to a negative offset", "POST", reset, `{"topic":"orders","offset":-1}`, 400, "illegal_offset", "out_of_range", "offset", "negative"},
		{"reset beyond the end", "POST", reset, `{"topic":"orders","offset":9223372036854775807}`, 400, "illegal_offset", "", "", "ends at"},
		{"reset of no topic", "POST", reset, `{"topic":"none","to":"latest"}`, 404, "topic_not_found", "", "", ""},
		{"redrive of a negative number", "POST", groups + "/billing/dead-letters/redrive", `{"limit":-1}`, 400, "bad_request", "out_of_range", "limit", ""},
		{"key that expired", "POST", def + "/apps/none/keys", `{"expires":"2000-01-01T00:00:00Z"}`, 404, "not_found", "", "", ""},
	}
	for name, topic := range map[string]string{"empty": "", "128 characters": strings.Repeat("a", 128), "climbing": "../x", "retry topic": "%RETRY%g", "system name": "TBW102",
		"NUL": `a\u0000b`, "look-alike": "оrders", "trailing space": "orders ", "joiner": "b%c", "bar": "a|b"} {
		cases = append(cases, bad{"topic name: " + name, "POST", topics, `{"name":"` + topic + `"}`, 400, "illegal_topic", "", "name", "topic"})
	}
	s.refuses(cases)
}

func TestWhatLosesSomethingNeedsConfirmation(t *testing.T) {
	s := serve(t)
	read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"orders"}`))
	read[wire.Group](t, s.send("POST", def+"/groups", `{"name":"billing"}`))
	c := s.plane.Contents()
	s.engine.Send(t.Context(), c.Topics[0].Spec, []mq.Message{{}, {}})
	if _, err := s.engine.Take(t.Context(), mq.Want{Topic: c.Topics[0].Spec, Group: c.Groups[0].Spec, Max: 1}); err != nil {
		t.Fatal(err)
	}
	s.refuses([]bad{
		{"row 93: delete a topic with messages", "DELETE", def + "/topics/orders", "", 409, "conflict", "needs_confirmation", "", "holds messages"},
		{"delete a group at work", "DELETE", def + "/groups/billing", "", 409, "conflict", "needs_confirmation", "", "hold messages"},
		{"row 95: reset a group at work", "POST", def + "/groups/billing/reset", `{"topic":"orders","to":"latest"}`, 409, "conflict", "leases_live", "", "force"},
	})
	for _, path := range []string{"/groups/billing?confirm=billing", "/topics/orders?confirm=orders"} {
		if r := s.send("DELETE", def+path, ""); r.status != 204 {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

func TestRow101FiftyCreationsOfOneName(t *testing.T) {
	s := serve(t)
	var mu sync.Mutex
	count := map[int]int{}
	var done sync.WaitGroup
	for range 50 {
		done.Go(func() {
			r := s.send("POST", def+"/topics", `{"name":"orders"}`)
			mu.Lock()
			defer mu.Unlock()
			count[r.status]++
		})
	}
	done.Wait()
	if count[201] != 1 || count[409] != 49 {
		t.Errorf("answers %v", count)
	}
}

func TestQuotasAreTheirOwnAnswer(t *testing.T) {
	s := serve(t, func(_ *api.Options, p *control.Options) { p.Limits.Topics = 1 })
	read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"one"}`))
	s.refuses([]bad{{"row 100: one more", "POST", def + "/topics", `{"name":"two"}`, 422, "too_many_requests", "quota_exceeded", "", "1"}})
}

func TestAnEngineThatIsDown(t *testing.T) {
	s := serve(t)
	s.engine.Fail = func(string) error { return mq.Refuse(mq.Unavailable, "down") }
	r := s.send("POST", def+"/topics", `{"name":"orders"}`)
	if p := r.problem(t); r.status != 503 || p.Reason != "engine_not_reached" || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.status, r.body)
	}
	s.engine.Fail = func(string) error { return fmt.Errorf("open /secret/path: denied") }
	r = s.send("GET", def+"/groups/none/progress", "")
	if r.status != 404 {
		t.Errorf("what is not there is not there: %d", r.status)
	}
	read[wire.Page[wire.Topic]](t, s.send("GET", def+"/topics", ""))
	if r = s.send("GET", def+"/topics/orders/messages", ""); strings.Contains(string(r.body), "/secret") {
		t.Errorf("shows its inside: %s", r.body)
	}
}

func TestOtherPagesAndNamesAreKeptOut(t *testing.T) {
	s := serve(t)
	own := strings.TrimPrefix(s.url, "http://")
	port := own[strings.LastIndex(own, ":"):]
	for name, c := range map[string]struct {
		with   func(*http.Request)
		reason string
	}{
		"bent name":                      {host("evil.example"), "foreign_host"},
		"bent name and port":             {host("evil.example" + port), "foreign_host"},
		"name that begins like loopback": {host("127.0.0.1.evil.example"), "foreign_host"},
		"address of the network":         {host("192.0.2.1"), "foreign_host"},
		"empty host":                     {host("evil"), "foreign_host"},
		"foreign origin":                 {header("Origin", "http://evil.example"), "foreign_origin"},
		"null origin":                    {header("Origin", "null"), "foreign_origin"},
		"another port's origin":          {header("Origin", "http://127.0.0.1:1"), "foreign_origin"},
		"fetched by another site":        {header("Sec-Fetch-Site", "cross-site"), "foreign_origin"},
		"fetched by a sibling":           {header("Sec-Fetch-Site", "same-site"), "foreign_origin"},
	} {
		for _, path := range []string{def + "/topics", "/healthz", "/none"} {
			if r := s.send("GET", path, "", c.with); r.status != 403 || r.problem(t).Reason != c.reason {
				t.Errorf("%s, %s: %d %s", name, path, r.status, r.body)
			}
		}
	}
	for name, with := range map[string]func(*http.Request){
		"localhost": host("localhost" + port), "IPv6": host("[::1]" + port), "own origin": header("Origin", s.url), "own page": header("Sec-Fetch-Site", "same-origin"),
		"claimed address": header("X-Forwarded-For", "203.0.113.9"),
	} {
		if r := s.send("GET", def+"/topics", "", with); r.status != 200 {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if !strings.Contains(s.log.String(), "refused a caller") {
		t.Error("refused callers leave no line in the log")
	}
}

func TestRow104WithoutATokenOnlyLoopbackIsServedWhateverAHeaderClaims(t *testing.T) {
	s := serve(t)
	h := api.New(api.Options{Plane: s.plane})
	r := httptest.NewRequest("GET", def+"/topics", nil)
	r.Host, r.RemoteAddr = "127.0.0.1:1", "192.0.2.1:1234"
	r.Header.Set("X-Forwarded-For", "127.0.0.1")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 403 || !strings.Contains(w.Body.String(), "not_loopback") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestATokenIsRequiredWhereThereIsOne(t *testing.T) {
	s := serve(t, func(o *api.Options, _ *control.Options) { o.Token = "open sesame" })
	for name, with := range map[string]func(*http.Request){
		"none": func(*http.Request) {}, "another": header("Authorization", "Bearer close sesame"), "another scheme": header("Authorization", "Basic open sesame"),
		"empty": header("Authorization", "Bearer "), "longer": header("Authorization", "Bearer open sesame!"),
	} {
		for _, path := range []string{def + "/topics", "/v1/version", "/none"} {
			r := s.send("GET", path, "", with)
			if p := r.problem(t); r.status != 401 || r.header.Get("WWW-Authenticate") == "" || p.Reason != "" || strings.Contains(string(r.body), "sesame") {
				t.Errorf("%s, %s: %d %s", name, path, r.status, r.body)
			}
		}
	}
	if r := s.send("GET", def+"/topics", "", header("Authorization", "Bearer open sesame"), host("causeway.example")); r.status != 200 {
		t.Errorf("with the token: %d %s", r.status, r.body)
	}
	if r := s.send("GET", "/healthz", ""); r.status != 200 {
		t.Errorf("liveness needs no token: %d", r.status)
	}
	if r := s.send("GET", def+"/topics", "", header("Authorization", "Bearer open sesame"), header("Origin", "http://evil.example")); r.status != 403 {
		t.Errorf("a token does not open the door for other pages: %d", r.status)
	}
}

func TestEveryRouteRefusesATenantThatIsNotThere(t *testing.T) {
	s := serve(t)
	fill := strings.NewReplacer("{tenant}", "none", "{app}", "x", "{topic}", "x", "{group}", "x", "{key}", "x", "{id}", "x", "{job}", "x", "{member}", "x", "{token}", "x")
	bodies := map[string]string{"POST": `{"name":"x"}`, "PATCH": `{}`}
	for _, r := range api.Operations() {
		if !strings.Contains(r.Path, "{tenant}") {
			continue
		}
		body := bodies[r.Method]
		switch {
		case strings.HasSuffix(r.Path, "/reset"):
			body = `{"topic":"x","to":"latest"}`
		case strings.HasSuffix(r.Path, "/messages") && r.Method == "POST":
			body = `{"text":"x"}`
		case strings.HasSuffix(r.Path, "/resolve"):
			body = `{"verdict":"commit","confirm":"x"}`
		case strings.HasSuffix(r.Path, "/redrive"), strings.HasSuffix(r.Path, "/resend"), strings.HasSuffix(r.Path, "/disconnect"), strings.HasSuffix(r.Path, "/cancel"), strings.HasSuffix(r.Path, "/keys") && r.Method == "POST":
			body = `{}`
		}
		if r.Method == "POST" && (strings.HasSuffix(r.Path, "/members") || strings.HasSuffix(r.Path, "/tokens")) {
			body = `{"name":"x","role":"viewer"}`
		}
		got := s.send(r.Method, fill.Replace(r.Path), body)
		if got.status != 404 {
			t.Errorf("%s %s: %d %s", r.Method, r.Path, got.status, got.body)
		}
	}
}
