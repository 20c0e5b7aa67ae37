// SPDX-License-Identifier: Apache-2.0

package dropin

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// held is a cluster that answers what a test holds before it.
type held struct {
	mu       sync.Mutex // guards the rest
	topics   map[string]bool
	accounts []mq.Account
	down     bool
	asked    map[string]int
	gate     chan struct{} // not nil: look-ups wait for it
}

func (h *held) with(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
}

func (h *held) times(what string) (n int) {
	h.with(func() { n = h.asked[what] })
	return n
}

func (h *held) Inventory(context.Context) (inv mq.Inventory, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked["inventory"]++
	if h.down {
		return inv, mq.Refuse(mq.Unavailable, "down")
	}
	for name := range h.topics {
		inv.Topics = append(inv.Topics, spec(name))
	}
	inv.Groups = []mq.GroupSpec{{Name: physical("billing"), MaxAttempts: 5}}
	return inv, nil
}

func (h *held) FindTopic(_ context.Context, name mq.Physical) (mq.TopicSpec, error) {
	h.mu.Lock()
	h.asked[name.String()]++
	there, gate := h.topics[name.String()], h.gate
	h.mu.Unlock()
	if gate != nil {
		<-gate
	}
	if !there {
		return mq.TopicSpec{}, mq.Refuse(mq.TopicNotFound, "none")
	}
	return spec(name.String()), nil
}

func (h *held) FindGroup(_ context.Context, name mq.Physical) (mq.GroupSpec, error) {
	h.with(func() { h.asked[name.String()]++ })
	return mq.GroupSpec{Name: name, MaxAttempts: 17}, nil // as brokers that make groups on demand
}

func (h *held) Accounts(context.Context) (all []mq.Account, err error) {
	h.with(func() { all = h.accounts })
	return all, nil
}

func defaultTenant() mq.Tenant {
	t, err := mq.ParseTenant(mq.DefaultTenant)
	if err != nil {
		panic(err)
	}
	return t
}

func physical(s string) mq.Physical {
	p, err := mq.ParsePhysical(s)
	if err != nil {
		panic(err)
	}
	return p
}

func spec(s string) mq.TopicSpec {
	return mq.TopicSpec{Name: physical(s), Accepts: mq.AcceptsOf(mq.Normal), Queues: 4}
}

type stand struct {
	t      *testing.T
	clock  *clock.Virtual
	source *Source
	held   *held
}

// open runs a source over a cluster with one topic, orders.
func open(t *testing.T, shape func(*Options)) *stand {
	t.Helper()
	s := &stand{t: t, clock: clock.NewVirtual(time.Unix(1_800_000_000, 0)), held: &held{topics: map[string]bool{"orders": true}, asked: map[string]int{}}}
	o := Options{Cluster: s.held, Clock: s.clock}
	if shape != nil {
		shape(&o)
	}
	var err error
	if s.source, err = New(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.source.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}

func (s *stand) next(have catalog.Version) *catalog.Snapshot {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	snap, err := s.source.Next(ctx, have)
	if err != nil {
		s.t.Fatal(err)
	}
	return snap
}

func (s *stand) topic(name string) (*catalog.Topic, error) {
	n, err := mq.ClusterNames.Topic(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.source.Topic(s.t.Context(), s.source.tenant, n)
}

func has(snap *catalog.Snapshot, name string) bool {
	_, ok := snap.PhysicalTopic(defaultTenant(), physical(name))
	return ok
}

// until moves the clock on until something is so.
func (s *stand) until(what string, so func() bool) {
	s.t.Helper()
	for range 2000 {
		if so() {
			return
		}
		s.clock.Advance(100 * time.Millisecond)
		<-time.After(time.Millisecond) // the source runs on a goroutine of its own
	}
	s.t.Fatal("never: " + what)
}

func TestTheCatalogIsWhatTheClusterHas(t *testing.T) {
	s := open(t, nil)
	first := s.next(0)
	if !first.Untenanted() || !first.Unauthenticated() || first.Naming() != mq.ClusterNames || !has(first, "orders") || !has(first, "%DLQ%billing") {
		t.Fatalf("%+v", first)
	}
	g, ok := first.PhysicalGroup(defaultTenant(), physical("billing"))
	if !ok || g.MaxAttempts != 5 || g.Start.Kind != mq.StartByEngine {
		t.Fatalf("group %+v", g)
	}
	s.held.with(func() { s.held.topics = map[string]bool{"invoices": true, "RMQ_SYS_x": true, "%RETRY%billing": true} })
	asked := s.held.times("inventory")
	s.until("the next inventory is read", func() bool { return s.held.times("inventory") > asked })
	second := s.next(first.Version())
	if has(second, "orders") || !has(second, "invoices") || has(second, "RMQ_SYS_x") || has(second, "%RETRY%billing") {
		t.Fatal("the second snapshot is not what the cluster has now, or shows what is the system's")
	}
}

func TestAnOutageTakesNoNameAway(t *testing.T) {
	s := open(t, nil)
	first := s.next(0)
	s.held.with(func() { s.held.down = true })
	asked := s.held.times("inventory")
	s.until("it was asked in vain", func() bool { return s.held.times("inventory") > asked+2 })
	if again := s.next(0); again.Version() != first.Version() || !has(again, "orders") {
		t.Fatal("the catalog changed while nobody answered")
	}
}

// lines is a log that a test can read while it is written.
type lines struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) count(words string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), words)
}

func TestAClusterThatCannotBeReadIsComplainedAboutLessAndLess(t *testing.T) {
	log := &lines{}
	s := open(t, func(o *Options) {
		o.Cluster.(*held).down = true
		o.Log = slog.New(slog.NewTextHandler(log, nil))
	})
	s.until("it was asked for two minutes", func() bool { return s.held.times("inventory") >= 120 })
	if n := log.count("never so far: every caller is refused"); n < 6 || n > 9 || log.count("goes on") > 0 {
		t.Errorf("%d complaints within two minutes:\n%s", n, log.text.String())
	}
	if err := s.source.Refused(); err == nil || !strings.Contains(err.Error(), "down") {
		t.Errorf("why: %v", err)
	}
	s.held.with(func() { s.held.down = false })
	s.until("it is read", func() bool { return log.count("were read") == 1 && s.source.Refused() == nil })
	s.held.with(func() { s.held.down = true })
	s.until("the loss is told at once", func() bool { return log.count("what was read before goes on") > 0 })
}

func TestReasonsThatTakeTurnsAreNotNewEachTime(t *testing.T) {
	var c complaint
	now, said := time.Unix(1_800_000_000, 0), 0
	for i := range 240 {
		reason := []string{"refused", "no answer", "refused after " + time.Duration(i).String()}[i%3]
		if c.due(mq.Refuse(mq.Unavailable, "%s", reason), now) {
			said++
		}
		now = now.Add(time.Second)
	}
	if said < 10 || said > 20 {
		t.Errorf("%d complaints within four minutes", said)
	}
}

func TestAMissIsLookedUpOnceForAll(t *testing.T) {
	s := open(t, nil)
	first := s.next(0)
	s.held.with(func() { s.held.topics["fresh"] = true; s.held.gate = make(chan struct{}) })
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got, err := s.topic("fresh"); err != nil || got.Topic.Name != physical("fresh") {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	s.until("the look-up is under way", func() bool { return s.held.times("fresh") > 0 })
	close(s.held.gate)
	all.Wait()
	if n := s.held.times("fresh"); n != 1 {
		t.Errorf("asked %d times", n)
	}
	if !has(s.next(first.Version()), "fresh") {
		t.Error("what was found is not in the next snapshot")
	}
}

func TestANameThatDoesNotExistIsAskedAboutOnceASecond(t *testing.T) {
	s := open(t, nil)
	s.next(0)
	for range 50 {
		if _, err := s.topic("nowhere"); mq.KindOf(err) != mq.TopicNotFound {
			t.Fatal(err)
		}
	}
	if n := s.held.times("nowhere"); n != 1 {
		t.Fatalf("asked %d times within a second", n)
	}
	s.clock.Advance(absent + time.Millisecond)
	s.held.with(func() { s.held.topics["nowhere"] = true })
	if _, err := s.topic("nowhere"); err != nil {
		t.Fatalf("made meanwhile: %v", err)
	}
}

func TestLookUpsAreBounded(t *testing.T) {
	s := open(t, nil)
	s.next(0)
	s.held.with(func() { s.held.gate = make(chan struct{}) })
	var all sync.WaitGroup
	for i := range maxLookups {
		all.Go(func() { _, _ = s.topic("slow-" + string(rune('A'+i%26)) + string(rune('a'+i/26))) })
	}
	s.until("all look-ups are under way", func() bool { return len(s.source.slots) == maxLookups })
	if _, err := s.topic("one-more"); mq.KindOf(err) != mq.TooManyRequests {
		t.Errorf("beyond the bound: %v", err)
	}
	close(s.held.gate)
	all.Wait()
}

func TestUsersOfTheClusterAreApplications(t *testing.T) {
	s := open(t, func(o *Options) {
		o.Authenticate, o.Authorize = true, true
		o.Cluster.(*held).accounts = []mq.Account{
			{Name: "root", Secret: "r", Super: true}, {Name: "off", Secret: "o", Disabled: true},
			{Name: "sender", Secret: "s", Rules: []mq.Rule{{Resource: "Topic:orders", Actions: []string{"Pub"}}}},
		}
	})
	snap := s.next(0)
	root, _ := snap.Key("root")
	off, _ := snap.Key("off")
	sender, ok := snap.Key("sender")
	if !ok || snap.Unauthenticated() || !root.App.Owner || !off.App.Disabled || sender.App.Owner || sender.Secret != "s" {
		t.Fatalf("root %+v, off %+v, sender %+v", root, off, sender)
	}
	s.held.with(func() { s.held.accounts = s.held.accounts[:1] })
	asked := s.held.times("inventory")
	s.until("the next inventory is read", func() bool { return s.held.times("inventory") > asked })
	if _, ok := s.next(snap.Version()).Key("sender"); ok {
		t.Error("a user who was deleted may still come in")
	}
}
