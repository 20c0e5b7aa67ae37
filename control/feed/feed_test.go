// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/feed"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/fed"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

const token = "a proxy's own token"

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

func ada() control.Actor {
	return control.Actor{Kind: control.MemberActor, Name: "ada", Role: "operator"}
}

// capital is one control plane with its store and its feed, on an engine in memory.
type capital struct {
	*control.Plane
	store *sqlstore.Store
	feed  *feed.Feed
	stop  func()
}

// found opens a control plane on the database in dir.
func found(t *testing.T, dir string, change ...func(*feed.Options)) *capital {
	t.Helper()
	store := must(sqlstore.OpenSQLite(context.Background(), dir))
	engine := controltest.New()
	c := &capital{store: store}
	c.Plane = must(control.Open(context.Background(), control.Options{
		Store: store, Engine: engine, Inspector: engine, Cluster: must(mq.ParseCluster("east")),
		Await: func(ctx context.Context, v control.Version) error {
			if c.feed == nil {
				return nil
			}
			return c.feed.Await(ctx, v)
		},
	}))
	o := feed.Options{Plane: c.Plane, Ledger: store, Tokens: []string{token, "the one that comes next"}}
	for _, f := range change {
		f(&o)
	}
	c.feed = must(feed.New(o))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = c.feed.Run(ctx) })
	c.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(c.stop)
	return c
}

// tenants makes tenants with an application, a topic and a group each.
func (c *capital) tenants(t *testing.T, names ...string) {
	t.Helper()
	for _, n := range names {
		id := must(mq.ParseTenant(n))
		must(c.CreateTenant(t.Context(), ada(), control.Tenant{ID: id}))
		if _, _, err := c.CreateApplication(t.Context(), ada(), control.Application{Tenant: id, Name: must(control.ParseApplicationName("app"))}); err != nil {
			t.Fatal(err)
		}
		must(c.CreateTopic(t.Context(), ada(), control.NewTopic{Tenant: id, Name: must(mq.ParseTopicName("orders"))}))
	}
}

// road leads to a control plane, without a network.
type road struct {
	mu    sync.Mutex
	to    http.Handler             // nil: nobody is there
	alter func(body []byte) []byte // nil: answers arrive as they are
	asked []string                 // queries
	bytes []int                    // of answers
}

func (r *road) leads(to http.Handler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to
}

func (r *road) RoundTrip(q *http.Request) (*http.Response, error) {
	r.mu.Lock()
	to, alter := r.to, r.alter
	r.asked = append(r.asked, q.URL.RawQuery)
	r.mu.Unlock()
	if to == nil {
		return nil, errors.New("nobody is there")
	}
	w := httptest.NewRecorder()
	to.ServeHTTP(w, q)
	if q.Context().Err() != nil {
		return nil, q.Context().Err()
	}
	if alter != nil && w.Code == http.StatusOK {
		w.Body = bytesOf(alter(w.Body.Bytes()))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes = append(r.bytes, w.Body.Len())
	return w.Result(), nil
}

// outpost is a proxy's catalog that follows a control plane.
type outpost struct {
	*fed.Source
	holder catalog.Holder
	stop   func()
	mu     sync.Mutex
	why    []fed.Why
	takes  []bool // delta or not
}

type settling struct {
	name string
	disk fsys.FS
	road http.RoundTripper
	urls []string
	key  string
	user string // as whom it signs at the brokers of east
}

func settle(t *testing.T, s settling) *outpost {
	t.Helper()
	if s.disk == nil {
		s.disk = memfs.New()
	}
	if s.urls == nil {
		s.urls = []string{"http://control"}
	}
	if s.key == "" {
		s.key = token
	}
	if s.name == "" {
		s.name = "proxy"
	}
	o := &outpost{}
	o.Source = must(fed.Open(fed.Options{
		URLs: s.urls, Token: s.key, Name: s.name, Users: map[string]string{"east": s.user}, Client: s.road, Disk: s.disk, Cache: "catalog", Clock: clock.System(), Log: slog.New(slog.DiscardHandler),
		Events: fed.Events{
			Refused: func(w fed.Why) { o.mu.Lock(); o.why = append(o.why, w); o.mu.Unlock() },
			Taken: func(_ time.Duration, _ int, delta bool) {
				o.mu.Lock()
				o.takes = append(o.takes, delta)
				o.mu.Unlock()
			},
		},
	}))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = o.Run(ctx) })
	running.Go(func() { _ = catalog.Follow(ctx, o, &o.holder, nil) })
	o.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(o.stop)
	return o
}

func (o *outpost) refusals() []fed.Why {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.why)
}

func (o *outpost) deltas() []bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.takes)
}

func (o *outpost) knows(name string) bool {
	_, ok := o.holder.Now().Tenant(must(mq.ParseTenant(name)))
	return ok
}

// pass lets time go by in the bubble.
func pass(d time.Duration) { <-time.After(d); synctest.Wait() }

func TestAProxyFollowsItsControlPlaneAndGoesOnWithoutIt(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, dir)
		r, disk := &road{to: c.feed}, memfs.New()
		o := settle(t, settling{name: "p1", road: r, disk: disk})
		c.tenants(t, "pay", "ship")
		synctest.Wait()
		if !o.knows("pay") || !o.knows("ship") || o.Status().Version != catalog.Version(c.Version()) {
			t.Fatalf("the proxy has %+v, the control plane version %d", o.Status(), c.Version())
		}
		if d := o.deltas(); len(d) < 3 || slices.Contains(d[2:], false) {
			t.Errorf("what came was a delta: %v", d)
		}
		r.leads(nil)
		c.stop()
		pass(time.Hour)
		if !o.knows("pay") || o.Refused() != nil {
			t.Errorf("an hour without a control plane: %+v", o.Status())
		}
		if n := len(r.asked); n < 300 || n > 1000 {
			t.Errorf("%d questions in an hour in which nobody was there", n)
		}
		o.stop() // a proxy that is restarted meanwhile
		again := settle(t, settling{name: "p1", road: r, disk: disk})
		synctest.Wait()
		if !again.knows("pay") || again.holder.Now().Version() != o.holder.Now().Version() || !again.Status().Heard.IsZero() {
			t.Errorf("it does not serve from disk: %+v", again.Status())
		}
		c = found(t, dir)
		c.tenants(t, "back")
		r.leads(c.feed)
		pass(30 * time.Second)
		if e, v := c.feed.Now(); !again.knows("back") || again.Status().Version != v || again.Status().Epoch != e {
			t.Errorf("afterwards it has %+v", again.Status())
		}
	})
}

func TestAChangeIsAnsweredWhenTheProxiesThatAreThereHaveIt(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, dir)
		r := &road{to: c.feed}
		o1, o2 := settle(t, settling{name: "p1", road: r}), settle(t, settling{name: "p2", road: r})
		pass(time.Second)
		begun := time.Now()
		c.tenants(t, "pay")
		if took := time.Since(begun); !o1.knows("pay") || !o2.knows("pay") || took > 2*time.Second {
			t.Errorf("after %v: %v, %v", took, o1.knows("pay"), o2.knows("pay"))
		}
		if all := c.feed.Followers(); len(all) != 2 || all[0].Name != "p1" || all[1].Name != "p2" {
			t.Errorf("%+v", all)
		}
		o2.stop()
		pass(5 * time.Second)
		begun = time.Now()
		c.tenants(t, "ship")
		if took := time.Since(begun); !o1.knows("ship") || took > 2*time.Second {
			t.Errorf("a proxy that is away was waited for: %v", took)
		}
		pass(time.Minute)
		if all := c.feed.Followers(); len(all) != 1 {
			t.Errorf("%+v", all)
		}
	})
}

func TestAControlPlaneThatWasRestartedIsNoNews(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, dir)
		r := &road{to: c.feed}
		o := settle(t, settling{road: r})
		c.tenants(t, "pay", "ship", "x")
		pass(time.Second)
		if err := c.DeleteTopic(t.Context(), ada(), must(mq.ParseTenant("x")), must(mq.ParseTopicName("orders")), control.Deletion{Confirmed: true}); err != nil {
			t.Fatal(err) // its last step is one that proxies do not see
		}
		pass(time.Second)
		before := o.holder.Now()
		r.leads(nil)
		c.stop()
		c = found(t, dir)
		r.mu.Lock()
		r.bytes = nil
		r.mu.Unlock()
		r.leads(c.feed)
		pass(30 * time.Second)
		c.tenants(t, "y")
		pass(time.Second)
		r.mu.Lock()
		defer r.mu.Unlock()
		if !o.knows("y") || !slices.Contains(o.deltas(), true) || slices.Max(r.bytes) > 1000 || before.Version() == o.holder.Now().Version() {
			t.Errorf("after the restart it got %v bytes", r.bytes)
		}
	})
}

func TestASecondControlPlaneIsAskedWhenTheFirstIsAway(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, dir)
		east, west := &road{}, &road{to: c.feed}
		o := settle(t, settling{road: crossing{"east": east, "west": west}, urls: []string{"http://east", "http://west"}})
		pass(time.Second)
		c.tenants(t, "pay")
		synctest.Wait()
		if !o.knows("pay") || o.Status().Control != "west" {
			t.Errorf("%+v", o.Status())
		}
		west.leads(nil)
		east.leads(c.feed)
		pass(30 * time.Second)
		c.tenants(t, "ship")
		synctest.Wait()
		if !o.knows("ship") || o.Status().Control != "east" {
			t.Errorf("%+v", o.Status())
		}
	})
}

// crossing leads by the host's name.
type crossing map[string]*road

func (c crossing) RoundTrip(q *http.Request) (*http.Response, error) {
	return c[q.URL.Host].RoundTrip(q)
}

func TestOnlyAProxysTokenOpensTheFeed(t *testing.T) {
	dir := t.TempDir()
	c := found(t, dir)
	s := httptest.NewServer(c.feed)
	defer s.Close()
	for _, one := range []struct {
		header string
		want   int
	}{
		{"", 401}, {"Bearer", 401}, {"Bearer ", 401}, {"Bearer a proxy's own toke", 401}, {"Basic " + token, 401}, {token, 401},
		{"Bearer " + token, 200}, {"bearer the one that comes next", 200},
	} {
		q := must(http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+wire.Path+"?wait=0", nil))
		if one.header != "" {
			q.Header.Set("Authorization", one.header)
		}
		waitFor(t, "the feed is ready", func() bool { _, v := c.feed.Now(); return v > 0 })
		a := must(http.DefaultClient.Do(q))
		a.Body.Close()
		if a.StatusCode != one.want {
			t.Errorf("%q: %d", one.header, a.StatusCode)
		}
	}
	for _, words := range [][]string{nil, {""}, {"short"}} {
		if _, err := feed.New(feed.Options{Plane: c.Plane, Tokens: words}); err == nil {
			t.Errorf("a feed with the tokens %q", words)
		}
	}
}

func TestBadQuestionsAreRefused(t *testing.T) {
	c := found(t, t.TempDir())
	for query, want := range map[string]int{
		"after=-1": 400, "after=x": 400, "wait=-1": 400, "wait=1h": 400, "after=1&epoch=" + strings.Repeat("x", 65): 400,
	} {
		q := httptest.NewRequest(http.MethodGet, wire.Path+"?"+query, nil)
		q.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		c.feed.ServeHTTP(w, q)
		if w.Code != want {
			t.Errorf("%s: %d", query, w.Code)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodDelete} {
		q := httptest.NewRequest(method, wire.Path, nil)
		q.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		c.feed.ServeHTTP(w, q)
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

func TestAProxyWithAWrongTokenGoesOnWithWhatItHas(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, dir)
		r, disk := &road{to: c.feed}, memfs.New()
		o := settle(t, settling{road: r, disk: disk})
		c.tenants(t, "pay")
		synctest.Wait()
		o.stop()
		o = settle(t, settling{road: r, disk: disk, key: "not the token of a proxy"})
		c.tenants(t, "ship")
		pass(time.Minute)
		if !o.knows("pay") || o.knows("ship") {
			t.Errorf("%+v", o.Status())
		}
		fresh := settle(t, settling{road: r, key: "not the token of a proxy"})
		pass(time.Minute)
		if !fresh.holder.Now().Empty() {
			t.Error("somebody without a token got a catalog")
		}
	})
}

// TestManyProxiesCostOneWriting: the documents that a hundred proxies get are the same bytes.
func TestManyProxiesCostOneWriting(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, dir)
		var all []*outpost
		for i := range 100 {
			all = append(all, settle(t, settling{name: fmt.Sprint("p", i), road: &road{to: c.feed}}))
		}
		pass(time.Second)
		before := c.feed.Written()
		c.tenants(t, "pay")
		pass(time.Second)
		for i, o := range all {
			if !o.knows("pay") {
				t.Errorf("proxy %d does not know it", i)
			}
		}
		if n := c.feed.Written() - before; n > 20 { // a tenant, an application, its key, a topic
			t.Errorf("%d documents were written for 100 proxies", n)
		}
	})
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	bound := time.After(20 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-bound:
			t.Fatal("never: " + what)
		}
	}
}

func TestAProxySaysByWhichWayItHasItsCatalog(t *testing.T) {
	dir, disk := t.TempDir(), memfs.New()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, dir)
		r := &road{to: c.feed}
		has := func(by string, since time.Time) {
			t.Helper()
			all := c.feed.Followers()
			if len(all) != 1 || all[0].By != by || all[0].Since.Unix() != since.Unix() {
				t.Errorf("%+v, want %s since %v", all, by, since)
			}
		}
		first := settle(t, settling{name: "p1", road: r, disk: disk})
		pass(time.Second)
		took := time.Now()
		c.tenants(t, "pay")
		pass(time.Minute)
		has(wire.ByFeed, took)
		first.stop()
		pass(time.Minute)
		began := time.Now()
		settle(t, settling{name: "p1", road: r, disk: disk}) // from what it kept
		pass(time.Minute)
		has(wire.ByDisk, began)
		took = time.Now()
		c.tenants(t, "ship")
		pass(time.Minute)
		has(wire.ByFeed, took)
	})
}
