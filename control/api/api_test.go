// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/messages"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// site is the interface on a loopback listener, over a control plane with an engine in memory.
type site struct {
	t      *testing.T
	url    string
	served http.Handler // behind the URL
	plane  *control.Plane
	engine *controltest.Engine
	log    *bytes.Buffer
	held   string // the installation's own token
}

func serve(t *testing.T, change ...func(*api.Options, *control.Options)) *site {
	t.Helper()
	s := &site{t: t, engine: controltest.New(), log: &bytes.Buffer{}}
	store, err := sqlstore.OpenSQLite(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := mq.ParseCluster("test")
	if err != nil {
		t.Fatal(err)
	}
	front := api.Options{Version: "v1.2.3", Log: slog.New(slog.NewTextHandler(&guarded{w: s.log}, nil))}
	plane := control.Options{Store: store, Engine: s.engine, Inspector: s.engine, Mover: s.engine, Courier: s.engine, Traits: s.engine.Traits(), Cluster: cluster}
	for _, c := range change {
		c(&front, &plane)
	}
	if s.plane, err = control.Open(context.Background(), plane); err != nil {
		t.Fatal(err)
	}
	board := job.Open(job.Options{Plane: s.plane})
	front.Plane, front.Jobs, front.Usage, s.held = s.plane, board, store, front.Token
	s.served = api.New(front)
	server := httptest.NewUnstartedServer(s.served)
	server.Config = api.Server(server.Config.Handler)
	server.Start()
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		board.Close()
		if err := s.plane.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// idle waits until no job runs.
func (s *site) idle() {
	s.t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for bound := time.Now().Add(60 * time.Second); slices.ContainsFunc(s.plane.EveryDocument(job.Record), func(d control.Document) bool {
		return strings.Contains(d.Body, `"state":"running"`) || strings.Contains(d.Body, `"state":"cancelling"`)
	}); <-look.C {
		if time.Now().After(bound) {
			s.t.Fatal("a job never ends")
		}
	}
}

// guarded lets handlers log from several goroutines.
type guarded struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func (g *guarded) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.w.Write(b)
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) problem(t *testing.T) wire.Problem {
	t.Helper()
	var p wire.Problem
	if err := json.Unmarshal(r.body, &p); err != nil || r.header.Get("Content-Type") != wire.ProblemType {
		t.Fatalf("no problem but %s %s: %v", r.header.Get("Content-Type"), r.body, err)
	}
	if p.Status != r.status || p.Title == "" || p.Kind == "" || p.RequestID == "" || p.RequestID != r.header.Get("X-Request-Id") {
		t.Errorf("an incomplete problem: %s", r.body)
	}
	return p
}

func read[T any](t *testing.T, r reply) T {
	t.Helper()
	var v T
	if r.status >= 300 {
		t.Fatalf("answered %d: %s", r.status, r.body)
	}
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
	return v
}

func (s *site) send(method, path, body string, with ...func(*http.Request)) reply {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, w := range with {
		w(req)
	}
	client := http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer io.Reader = resp.Body
	if resp.Header.Get("Content-Type") == door.EventStream && method != "HEAD" { // it has no end of its own: what there is at its beginning
		answer = &untilReady{from: resp.Body}
	}
	raw, err := io.ReadAll(answer)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, raw}
}

// untilReady ends a stream behind the event that says that all has been told.
type untilReady struct {
	from io.Reader
	last []byte
}

func (u *untilReady) Read(p []byte) (int, error) {
	if _, behind, found := bytes.Cut(u.last, []byte("event: ready\n")); found && bytes.Contains(behind, []byte("\n\n")) {
		return 0, io.EOF
	}
	n, err := u.from.Read(p)
	u.last = append(u.last, p[:n]...)
	return n, err
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func host(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }

const def = "/v1/tenants/default"

func TestTopicsNameTheClusterThatTheyAreOn(t *testing.T) {
	west, err := mq.ParseCluster("west")
	if err != nil {
		t.Fatal(err)
	}
	other := controltest.New()
	s := serve(t, func(_ *api.Options, o *control.Options) {
		o.Others = map[mq.Cluster]control.Engine{west: {Provisioner: other, Inspector: other, Kind: "rocketmq"}}
	})
	if made := read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"here"}`)); made.Cluster != "test" {
		t.Errorf("made %+v", made)
	}
	if made := read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"there","cluster":"west"}`)); made.Cluster != "west" {
		t.Errorf("made %+v", made)
	}
	if made := read[wire.Group](t, s.send("POST", def+"/groups", `{"name":"readers","cluster":"west"}`)); made.Cluster != "west" {
		t.Errorf("made %+v", made)
	}
	for _, noun := range []string{"topics", "groups"} {
		for _, name := range []string{"wst", "no cluster"} {
			r := s.send("POST", def+"/"+noun, fmt.Sprintf(`{"name":"x","cluster":%q}`, name))
			if p := r.problem(t); r.status != 400 || p.Field != "cluster" {
				t.Errorf("%s on %q: %s", noun, name, r.body)
			}
		}
	}
	for _, c := range []struct{ method, path, body, field string }{
		{"POST", def + "/topics", `{"name":"x","cluster":"west","retention":"24h"}`, "retention"},
		{"POST", def + "/topics", `{"name":"x","cluster":"west","durability":"sync"}`, "durability"},
		{"PATCH", def + "/topics/there", `{"retention":"24h"}`, "retention"},
		{"PATCH", def + "/topics/there", `{"durability":"window=20ms"}`, "durability"},
	} {
		p := s.send(c.method, c.path, c.body).problem(t)
		if p.Status != 400 || p.Reason != "not_by_topic" || p.Field != c.field || !strings.Contains(p.Detail, `cluster "west"`) || !strings.Contains(p.Detail, "leave it out") {
			t.Errorf("%s %s %s: %+v", c.method, c.path, c.body, p)
		}
	}
	for path, shown := range map[string]bool{"/topics/here": true, "/topics/there": false, "/topics/%25DLQ%25readers": false} {
		r := s.send("GET", def+path, "")
		if got := read[wire.Topic](t, r); (got.Retention != "") != shown || (got.Durability != "") != shown || bytes.Contains(r.body, []byte("retention")) != shown {
			t.Errorf("%s: %s", path, r.body)
		}
	}
	offered := read[wire.Page[wire.OfferedCluster]](t, s.send("GET", def+"/clusters", "")).Items
	if len(offered) != 2 || !offered[0].Default || offered[0].BrokerSettings != nil || offered[1].Name != "west" || strings.Join(offered[1].BrokerSettings, " ") != "durability retention" {
		t.Errorf("offered %+v", offered)
	}
	page := read[wire.Page[wire.Cluster]](t, s.send("GET", "/v1/clusters", ""))
	if len(page.Items) != 2 || !page.Items[0].Default || page.Items[1].Kind != "rocketmq" || page.Items[1].Topics != 1 || page.Items[1].State != "serves" {
		t.Errorf("clusters %+v", page.Items)
	}
}

func TestTheWalkOfATopic(t *testing.T) {
	s := serve(t)
	made := read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"orders","types":["delay"],"queues":4,"retention":"24h","durability":"window=20ms","note":"n"}`))
	if made.Name != "orders" || made.Types[0] != "delay" || made.Queues != 4 || made.Retention != "24h0m0s" || made.Durability != "window=20ms" || made.State != "ready" {
		t.Errorf("made %+v", made)
	}
	got := read[wire.Topic](t, s.send("GET", def+"/topics/orders", ""))
	if got.Revision != made.Revision {
		t.Errorf("got %+v", got)
	}
	changed := read[wire.Topic](t, s.send("PATCH", def+"/topics/orders", fmt.Sprintf(`{"queues":8,"durability":"sync","revision":%d}`, got.Revision)))
	if changed.Queues != 8 || changed.Durability != "sync" || changed.Retention != "24h0m0s" || changed.Note != "n" {
		t.Errorf("changed %+v", changed)
	}
	if r := s.send("DELETE", def+"/topics/orders", ""); r.status != 204 || len(r.body) != 0 {
		t.Errorf("deleted with %d %s", r.status, r.body)
	}
	if r := s.send("GET", def+"/topics/orders", ""); r.status != 404 || r.problem(t).Kind != "topic_not_found" {
		t.Errorf("after it %d %s", r.status, r.body)
	}
}

func TestTheWalkOfAGroup(t *testing.T) {
	s := serve(t)
	made := read[wire.Group](t, s.send("POST", def+"/groups", `{"name":"billing","fifo":true,"maxAttempts":3,"retry":{"steps":["1s","5s"]},"from":"earliest","hold":"30s"}`))
	if !made.Fifo || made.MaxAttempts != 3 || len(made.Retry.Steps) != 2 || made.From != "earliest" || made.Hold != "30s" || made.Mode != "leases" {
		t.Errorf("made %+v", made)
	}
	changed := read[wire.Group](t, s.send("PATCH", def+"/groups/billing", `{"retry":{"initial":"1s","max":"10m","multiplier":2}}`))
	if changed.Retry.Multiplier != 2 || changed.Retry.Steps != nil || changed.MaxAttempts != 3 {
		t.Errorf("changed %+v", changed)
	}
	at := read[wire.Group](t, s.send("POST", def+"/groups", `{"name":"later","from":"2026-11-23T09:00:00.5+01:00","mode":"pulls"}`))
	if at.From != "2026-11-23T08:00:00.5Z" || at.Mode != "pulls" {
		t.Errorf("made %+v", at)
	}
	now := read[wire.Group](t, s.send("POST", def+"/groups", `{"name":"now"}`))
	if begin, err := time.Parse(time.RFC3339Nano, now.From); err != nil || !begin.Equal(now.Created) {
		t.Errorf("a new group begins at %s, it was made at %v", now.From, now.Created)
	}
}

func TestTheWalkOfAnApplication(t *testing.T) {
	s := serve(t)
	made := read[wire.Application](t, s.send("POST", def+"/apps", `{"name":"shop","publish":["orders"],"consume":["billing"],"read":["orders","%DLQ%billing"]}`))
	if made.Key == nil || made.Key.Secret == "" || made.Owner || len(made.Read) != 2 {
		t.Errorf("made %+v", made)
	}
	if again := s.send("GET", def+"/apps/shop", ""); bytes.Contains(again.body, []byte(made.Key.Secret)) {
		t.Error("the secret is shown again")
	}
	keys := s.send("GET", def+"/apps/shop/keys", "")
	if bytes.Contains(keys.body, []byte(made.Key.Secret)) || len(read[wire.Page[wire.Key]](t, keys).Items) != 1 {
		t.Errorf("keys %s", keys.body)
	}
	changed := read[wire.Application](t, s.send("PATCH", def+"/apps/shop", `{"owner":true,"publish":[]}`))
	if !changed.Owner || len(changed.Publish) != 0 || len(changed.Consume) != 1 {
		t.Errorf("changed %+v", changed)
	}
	second := read[wire.Key](t, s.send("POST", def+"/apps/shop/keys", `{"expires":"2999-01-01T00:00:00Z"}`))
	if r := s.send("POST", def+"/apps/shop/keys", `{}`); r.status != 409 || r.problem(t).Reason != "too_many_keys" {
		t.Errorf("row 103, a third key: %d %s", r.status, r.body)
	}
	if r := s.send("DELETE", def+"/apps/shop/keys/"+second.ID, ""); r.status != 204 {
		t.Errorf("revoked with %d", r.status)
	}
	if r := s.send("DELETE", def+"/apps/shop", ""); r.status != 204 {
		t.Errorf("deleted with %d", r.status)
	}
	if strings.Contains(s.log.String(), made.Key.Secret) {
		t.Error("the secret is in the log")
	}
}

func TestListingsComeInPieces(t *testing.T) {
	s := serve(t)
	for _, n := range []string{"c", "a", "e", "b", "d"} {
		read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"`+n+`"}`))
	}
	var seen []string
	path := def + "/topics?limit=2"
	for range 5 {
		page := read[wire.Page[wire.Topic]](t, s.send("GET", path, ""))
		for _, one := range page.Items {
			seen = append(seen, one.Name)
		}
		if page.Next == "" {
			break
		}
		path = def + "/topics?limit=2&cursor=" + page.Next
	}
	if got := strings.Join(seen, ""); got != "abcde" {
		t.Errorf("seen %q", got)
	}
	empty := s.send("GET", def+"/groups", "")
	if !bytes.Contains(empty.body, []byte(`"items": []`)) {
		t.Errorf("an empty listing is %s", empty.body)
	}
}

func TestMessagesAreFoundAndShown(t *testing.T) {
	s := serve(t)
	read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"orders"}`))
	read[wire.Group](t, s.send("POST", def+"/groups", `{"name":"billing"}`))
	orders := s.plane.Contents().Topics[0].Spec
	for i := range 5 {
		id, _ := mq.ParseMessageID(fmt.Sprint("id/", i))
		key, _ := mq.ParseKey(fmt.Sprint("k%_", i%2))
		s.engine.Send(context.Background(), orders, []mq.Message{{ID: id, Type: mq.Normal, Keys: []mq.Key{key}, Properties: []mq.Property{{Name: "p", Value: "<script>"}},
			Body: bytes.Repeat([]byte{byte(i), 0xff}, 1000)}})
	}
	all := read[wire.Found](t, s.send("GET", def+"/topics/orders/messages?limit=2", ""))
	if len(all.Items) != 2 || all.Next == "" || all.Items[0].BodySize != 2000 || len(all.Items[0].Body) != messages.DefaultPreview || !all.Items[0].BodyTruncated {
		t.Errorf("first page %+v", all)
	}
	rest := read[wire.Found](t, s.send("GET", def+"/topics/orders/messages?body=0&cursor="+all.Next, ""))
	if len(rest.Items) != 3 || rest.Items[0].ID != "id/2" || len(rest.Items[0].Body) != 0 || rest.Next != "" {
		t.Errorf("second page %+v", rest)
	}
	one := read[wire.Message](t, s.send("GET", def+"/topics/orders/messages/id%2F3", ""))
	if one.ID != "id/3" || len(one.Body) != 2000 || one.BodyTruncated || one.Properties["p"] != "<script>" || one.Topic != "orders" {
		t.Errorf("one %+v", one)
	}
	if r := s.send("GET", def+"/topics/orders/messages/none", ""); r.status != 404 || r.problem(t).Kind != "message_not_found" {
		t.Errorf("none: %d %s", r.status, r.body)
	}
	if byKey := read[wire.Found](t, s.send("GET", def+"/topics/orders/messages?key=k%25_1", "")); len(byKey.Items) != 2 {
		t.Errorf("row 99, a key with wildcards is matched as it is, %d found", len(byKey.Items))
	}
	if none := read[wire.Found](t, s.send("GET", def+"/topics/orders/messages?key=k%25", "")); len(none.Items) != 0 {
		t.Errorf("row 99, %% matched %d messages", len(none.Items))
	}
	if dead := read[wire.Found](t, s.send("GET", def+"/groups/billing/dead-letters", "")); len(dead.Items) != 0 {
		t.Errorf("dead letters %+v", dead)
	}
}

func TestProgressResetAndRedrive(t *testing.T) {
	s := serve(t)
	read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"orders"}`))
	read[wire.Group](t, s.send("POST", def+"/groups", `{"name":"billing"}`))
	c := s.plane.Contents()
	s.engine.Send(context.Background(), c.Topics[0].Spec, []mq.Message{{}, {}, {}})
	lag := read[wire.Page[wire.Progress]](t, s.send("GET", def+"/groups/billing/progress?topic=orders", ""))
	if len(lag.Items) != 1 || lag.Items[0].Ready != 3 || len(lag.Items[0].Queues) != 1 {
		t.Errorf("lag %+v", lag)
	}
	done := read[wire.ResetDone](t, s.send("POST", def+"/groups/billing/reset", `{"topic":"orders","offset":2}`))
	if done.After[0].Ready != 1 || done.Before[0].Ready != 3 {
		t.Errorf("reset %+v", done)
	}
	id, _ := mq.ParseMessageID("m")
	s.engine.Send(context.Background(), c.Groups[0].DeadLetters(), []mq.Message{{ID: id, Type: mq.Normal, Origin: mq.Origin{Topic: c.Topics[0].Spec.Name, Message: id, Attempt: 17, Why: "attempts"}}})
	dead := read[wire.Found](t, s.send("GET", def+"/groups/billing/dead-letters", ""))
	if len(dead.Items) != 1 || dead.Items[0].Origin == nil || dead.Items[0].Origin.Topic != "orders" || dead.Items[0].Origin.Attempts != 17 {
		t.Errorf("dead letters %+v", dead)
	}
	started := s.send("POST", def+"/groups/billing/dead-letters/redrive", `{}`)
	job := read[wire.Job](t, started)
	for bound := time.Now().Add(10 * time.Second); job.State == "running"; {
		if time.Now().After(bound) {
			t.Fatal("the job never ended")
		}
		job = read[wire.Job](t, s.send("GET", def+"/jobs/"+job.ID, ""))
	}
	if started.status != 202 || job.State != "done" || job.Moved != 1 || job.Percent != 100 || job.Ended == nil {
		t.Errorf("job %+v", job)
	}
	if jobs := read[wire.Page[wire.Job]](t, s.send("GET", def+"/jobs", "")); len(jobs.Items) != 1 {
		t.Errorf("jobs %+v", jobs)
	}
}

func TestHealthVersionDoctor(t *testing.T) {
	var broken error
	s := serve(t, func(o *api.Options, _ *control.Options) {
		o.Ready = func(context.Context) error { return broken }
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
	})
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/v1/version": "v1.2.3", "/v1/doctor": "catalog store", "/metrics": "up 1"} {
		if r := s.send("GET", path, ""); r.status != 200 || !bytes.Contains(r.body, []byte(want)) {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	if r := s.send("HEAD", "/healthz", ""); r.status != 200 || len(r.body) != 0 {
		t.Errorf("HEAD: %d %q", r.status, r.body)
	}
	broken = io.ErrClosedPipe
	if r := s.send("GET", "/readyz", ""); r.status != 503 || r.problem(t).Kind != "unavailable" {
		t.Errorf("not ready: %d %s", r.status, r.body)
	}
	if r := s.send("GET", "/debug/pprof/", ""); r.status != 404 {
		t.Errorf("profiles are served without being asked for: %d", r.status)
	}
	if r := serve(t, func(o *api.Options, _ *control.Options) { o.Pprof = true }).send("GET", "/debug/pprof/", ""); r.status != 200 {
		t.Errorf("profiles: %d", r.status)
	}
}

// level is a log level that a test can read.
type level struct{ slog.LevelVar }

func (l *level) SetLevel(v slog.Level) { l.Set(v) }

func TestTheLogLevelChangesAtRunTime(t *testing.T) {
	l := &level{}
	s := serve(t, func(o *api.Options, _ *control.Options) { o.Level = l })
	if got := read[wire.LogLevel](t, s.send("PUT", "/v1/log-level", `{"level":"debug"}`)); got.Level != "debug" || l.Level() != slog.LevelDebug {
		t.Errorf("%+v, %v", got, l.Level())
	}
	if r := s.send("PUT", "/v1/log-level", `{"level":"debg"}`); r.status != 400 || !strings.Contains(r.problem(t).Detail, `did you mean "debug"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := serve(t).send("GET", "/v1/log-level", ""); r.status != 501 {
		t.Errorf("without a level: %d", r.status)
	}
}

func TestADefectIsAnsweredWithoutItsInside(t *testing.T) {
	s := serve(t, func(o *api.Options, _ *control.Options) {
		o.Ready = func(context.Context) error { panic("secret inside") }
	})
	r := s.send("GET", "/readyz", "")
	p := r.problem(t)
	if r.status != 500 || strings.Contains(string(r.body), "secret") || !strings.Contains(s.log.String(), p.RequestID) || !strings.Contains(s.log.String(), "secret inside") {
		t.Errorf("%d %s\nlog: %s", r.status, r.body, s.log)
	}
}
