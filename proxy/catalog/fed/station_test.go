// SPDX-License-Identifier: Apache-2.0

package fed_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/fed"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

const token = "a proxy's own token"

// catalogOf is the lines of tenants that have an application, a key and a topic each.
func catalogOf(tenants ...string) (lines []string) {
	add := func(_ wire.ID, text string, err error) {
		if err != nil {
			panic(err)
		}
		lines = append(lines, text)
	}
	for _, name := range tenants {
		id, topic := must(mq.ParseTenant(name)), must(mq.ParseTopicName("orders"))
		app := &catalog.App{Tenant: id, Name: "app", Owner: true}
		add(wire.Tenant(catalog.Tenant{ID: id}))
		add(wire.Application(app))
		add(wire.Key(catalog.Key{ID: "key-of-" + name, Secret: "secret", App: app}))
		add(wire.Topic(catalog.Topic{Tenant: id, Name: topic, Topic: mq.Topic{
			Name: mq.PhysicalTopic(id, topic), Cluster: must(mq.ParseCluster("east")), Accepts: mq.AcceptsOf(mq.Normal), Queues: 8,
		}}))
	}
	return lines
}

// edition is what a station said at a version.
type edition struct {
	epoch   wire.Epoch
	version catalog.Version
	lines   []string
}

func (e edition) head(after catalog.Version) wire.Head {
	var sum wire.Sum
	for _, l := range e.lines {
		sum.Add(l)
	}
	return wire.Head{Epoch: e.epoch, Version: e.version, After: after, Sum: sum.Of(e.epoch, e.version)}
}

func (e edition) whole() []byte { return must(wire.Encode(e.head(0), e.lines)) }

// since is what changed since an older edition, in which every line is of another record.
func (e edition) since(old edition) []byte {
	var lines []string
	for _, l := range e.lines {
		if !slices.Contains(old.lines, l) {
			lines = append(lines, l)
		}
	}
	for _, l := range old.lines {
		if !slices.Contains(e.lines, l) {
			lines = append(lines, must(wire.Gone(idOf(l))))
		}
	}
	return must(wire.Encode(e.head(old.version), lines))
}

// idOf finds what a line of catalogOf speaks of.
func idOf(line string) wire.ID {
	one := edition{epoch: wire.Epoch{ID: "x"}, version: 1, lines: []string{line}}
	d := must(wire.Decode(one.whole())).Difference()
	switch {
	case len(d.Tenants) == 1:
		return wire.ID{Kind: wire.TenantKind, Tenant: d.Tenants[0].ID.String(), Name: d.Tenants[0].ID.String()}
	case len(d.Apps) == 1:
		return wire.ID{Kind: wire.ApplicationKind, Tenant: d.Apps[0].Tenant.String(), Name: d.Apps[0].Name}
	case len(d.Keys) == 1:
		return wire.ID{Kind: wire.KeyKind, Tenant: d.Keys[0].App.Tenant.String(), Name: d.Keys[0].ID}
	}
	return wire.ID{Kind: wire.TopicKind, Tenant: d.Topics[0].Tenant.String(), Name: d.Topics[0].Name.String()}
}

// station answers as a control plane does, with what a test lets it say.
type station struct {
	*httptest.Server

	mu       sync.Mutex // guards all below
	editions []edition
	mangle   func([]byte) []byte // what becomes of a document on its way, nil for nothing
	asked    []url.Values
	deltas   int // documents that were deltas
	changed  chan struct{}
}

func newStation(t *testing.T) *station {
	s := &station{changed: make(chan struct{})}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections) // before Close, which waits for them
	return s
}

// says publishes an edition.
func (s *station) says(epoch wire.Epoch, v catalog.Version, lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.editions = append(s.editions, edition{epoch, v, lines})
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *station) mangles(how func([]byte) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mangle = how
}

// questions is what was asked so far.
func (s *station) questions() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *station) sent() (deltas int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deltas
}

func (s *station) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+token || r.URL.Path != wire.Path {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	q := r.URL.Query()
	after, _ := strconv.ParseUint(q.Get("after"), 10, 64)
	s.mu.Lock()
	s.asked = append(s.asked, q)
	s.mu.Unlock()
	for {
		doc, changed := s.answer(catalog.Version(after), q.Get("epoch"))
		if doc != nil {
			_, _ = w.Write(doc) // who is gone needs no answer
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// answer is a document for who has a version, nil where that is the newest, with what is closed by a newer one.
func (s *station) answer(after catalog.Version, epoch string) ([]byte, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.editions) == 0 {
		return nil, s.changed
	}
	newest := s.editions[len(s.editions)-1]
	if newest.version == after && newest.epoch.ID == epoch {
		return nil, s.changed
	}
	doc := newest.whole()
	for _, old := range s.editions {
		if old.version == after && old.epoch == newest.epoch && old.epoch.ID == epoch {
			doc = newest.since(old)
			s.deltas++
		}
	}
	if s.mangle != nil {
		doc = s.mangle(doc)
	}
	return doc, s.changed
}

// proxy is a source that follows, with what it told of itself.
type proxy struct {
	*fed.Source
	t    *testing.T
	stop func()

	mu      sync.Mutex // guards below
	refused []fed.Why
	kept    int
}

const cacheName = "catalog.cache"

// follow runs a source on a directory until the test or stop ends it.
func follow(t *testing.T, dir string, urls ...string) *proxy {
	t.Helper()
	p := &proxy{t: t}
	p.Source = must(fed.Open(fed.Options{
		URLs: urls, Token: token, Name: "proxy-1", Disk: fsys.OS(dir), Cache: cacheName, Clock: clock.System(),
		Events: fed.Events{
			Refused: func(w fed.Why) { p.mu.Lock(); p.refused = append(p.refused, w); p.mu.Unlock() },
			Kept:    func(error) { p.mu.Lock(); p.kept++; p.mu.Unlock() },
		},
	}))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := p.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("the source ended with %v", err)
		}
	})
	p.stop = func() { cancel(); running.Wait() }
	t.Cleanup(p.stop)
	return p
}

// until waits for a condition, with a bound that only a broken program reaches.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !is(); <-time.After(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in a minute: %s", what)
		}
	}
}

// serves waits until the proxy serves exactly those tenants, with what is theirs.
func (p *proxy) serves(tenants ...string) *catalog.Snapshot {
	p.t.Helper()
	var s *catalog.Snapshot
	until(p.t, fmt.Sprintf("it serves %v; it stands at %+v", tenants, p.Status()), func() bool {
		ctx, cancel := context.WithTimeout(p.t.Context(), time.Millisecond)
		defer cancel()
		now, err := p.Next(ctx, 0)
		s = now
		return err == nil && slices.Equal(known(now), tenants)
	})
	return s
}

// known is the tenants of a snapshot whose key, application and topic are there too.
func known(s *catalog.Snapshot) (some []string) {
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		id := must(mq.ParseTenant(name))
		_, tenant := s.Tenant(id)
		k, key := s.Key("key-of-" + name)
		_, topic := s.Topic(id, must(mq.ParseTopicName("orders")))
		if tenant && topic && key && !k.App.Disabled && k.App.Owner {
			some = append(some, name)
		}
	}
	return some
}

// refuses waits until a document was refused for a reason.
func (p *proxy) refuses(why fed.Why) {
	p.t.Helper()
	until(p.t, "a document is refused: "+string(why), func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return slices.Contains(p.refused, why)
	})
	if p.Refused() == nil {
		p.t.Errorf("%s: the status knows nothing of it", why)
	}
}
