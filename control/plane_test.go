// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/testkit/pgtest"
	"github.com/causeway-mq/causeway/mq"
)

// plane is a control plane on a store of its own over an engine in memory.
type plane struct {
	*control.Plane
	t      *testing.T
	store  func() control.Store // opens the plane's store once more
	engine *controltest.Engine
	opt    control.Options
	wrap   func(control.Store) control.Store             // nil: the store as it is
	reach  func(*controltest.Engine) control.Provisioner // nil: the engine as it is
}

var postgres = pgtest.New()

func TestMain(m *testing.M) { os.Exit(postgres.Run(m)) }

// newStore gives what opens an empty store of the test's own: on PostgreSQL where that is required, else on SQLite.
func newStore(t testing.TB) func() control.Store {
	t.Helper()
	dir, url := t.TempDir(), ""
	if pgtest.IsRequired() {
		url = postgres.Database(t)
	}
	return func() control.Store {
		t.Helper()
		var s control.Store
		var err error
		if url != "" {
			s, err = sqlstore.OpenPostgres(context.Background(), url)
		} else {
			s, err = sqlstore.OpenSQLite(context.Background(), dir)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func openPlane(t *testing.T, change ...func(*control.Options)) *plane {
	t.Helper()
	cluster, err := mq.ParseCluster("test")
	if err != nil {
		t.Fatal(err)
	}
	p := &plane{t: t, store: newStore(t), engine: controltest.New(), opt: control.Options{Cluster: cluster, LoopbackUnsigned: true}}
	p.opt.Traits = p.engine.Traits()
	for _, c := range change {
		c(&p.opt)
	}
	p.open()
	return p
}

func (p *plane) open() {
	p.t.Helper()
	if err := p.tryOpen(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plane) tryOpen() error {
	p.t.Helper()
	opt := p.opt
	if p.wrap == nil {
		p.wrap = func(s control.Store) control.Store { return s }
	}
	opt.Store, opt.Engine, opt.Inspector, opt.Mover = p.wrap(p.store()), p.engine, p.engine, p.engine
	if p.reach != nil {
		opt.Engine = p.reach(p.engine)
	}
	opened, err := control.Open(context.Background(), opt)
	if err != nil {
		return err
	}
	p.Plane = opened
	p.t.Cleanup(func() { _ = opened.Close() })
	return nil
}

// restart closes the plane and opens it again on the same store.
func (p *plane) restart() {
	p.t.Helper()
	if err := p.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.open()
}

// tester is who acts in these tests.
func tester() control.Actor {
	return control.Actor{Kind: control.MemberActor, Name: "ada", Role: "operator", Remote: "192.0.2.7:4711", Request: "r-1"}
}

func tenant(t *testing.T, s string) mq.Tenant {
	t.Helper()
	id, err := mq.ParseTenant(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func topicName(t *testing.T, s string) mq.TopicName {
	t.Helper()
	n, err := mq.ParseTopicName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func groupName(t *testing.T, s string) mq.GroupName {
	t.Helper()
	n, err := mq.ParseGroupName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (p *plane) topic(name string) control.Topic {
	p.t.Helper()
	got, err := p.CreateTopic(context.Background(), tester(), control.NewTopic{Tenant: tenant(p.t, "default"), Name: topicName(p.t, name)})
	if err != nil {
		p.t.Fatal(err)
	}
	return got
}

func (p *plane) group(name string) control.Group {
	p.t.Helper()
	got, err := p.CreateGroup(context.Background(), tester(), control.NewGroup{Tenant: tenant(p.t, "default"), Name: groupName(p.t, name)})
	if err != nil {
		p.t.Fatal(err)
	}
	return got
}

func wantRefusal(t *testing.T, err error, k mq.Kind, r control.Reason) {
	t.Helper()
	var refusal *control.Refusal
	reason := control.Reason("")
	if errors.As(err, &refusal) {
		reason = refusal.Reason
	}
	if mq.KindOf(err) != k || reason != r {
		t.Errorf("got %v (%v, %q), want kind %v, reason %q", err, mq.KindOf(err), reason, k, r)
	}
}

func TestANewInstallationHasItsDefaultTenant(t *testing.T) {
	p := openPlane(t)
	c := p.Contents()
	if len(c.Tenants) != 1 || !c.Tenants[0].ID.IsDefault() || !c.Tenants[0].LoopbackUnsigned || c.Version == 0 {
		t.Errorf("contents %+v", c)
	}
	p.restart()
	if again := p.Contents(); len(again.Tenants) != 1 || again.Version != c.Version {
		t.Errorf("after a restart: %+v", again)
	}
}

func TestACreatedTopicIsInEngineAndCatalog(t *testing.T) {
	p := openPlane(t)
	before := p.Version()
	got := p.topic("orders")
	want := mq.TopicSpec{Name: mq.PhysicalTopic(got.Tenant, got.Name), Cluster: p.opt.Cluster, Accepts: mq.AcceptsOf(mq.Normal), Queues: control.DefaultQueues, Retention: control.DefaultRetention}
	if got.Spec != want || got.State != control.Ready {
		t.Errorf("got %+v", got)
	}
	if has, ok := p.engine.Topic(want.Name); !ok || has != want {
		t.Errorf("the engine has %+v, %v", has, ok)
	}
	if c := p.Contents(); len(c.Topics) != 1 || c.Topics[0].Spec != want || c.Version <= before {
		t.Errorf("contents %+v", c)
	}
}

func TestPhysicalNamesOfTenantsNeverMeet(t *testing.T) {
	p := openPlane(t)
	if _, err := p.CreateTenant(context.Background(), tester(), control.Tenant{ID: tenant(t, "shop")}); err != nil {
		t.Fatal(err)
	}
	other, err := p.CreateTopic(context.Background(), tester(), control.NewTopic{Tenant: tenant(t, "shop"), Name: topicName(t, "orders")})
	if err != nil {
		t.Fatal(err)
	}
	if mine := p.topic("orders"); mine.Spec.Name == other.Spec.Name || other.Spec.Name.String() != "shop%orders" {
		t.Errorf("%s and %s", mine.Spec.Name, other.Spec.Name)
	}
}

func TestANewGroupBeginsAtItsCreation(t *testing.T) {
	virtual := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	p := openPlane(t, func(o *control.Options) { o.Clock = virtual })
	g := p.group("billing")
	if g.Spec.Start.Kind != mq.StartAt || !g.Spec.Start.Time.Equal(virtual.Now()) || g.Spec.MaxAttempts != mq.DefaultMaxAttempts || len(g.Spec.Retry.Steps) != 18 {
		t.Errorf("got %+v", g.Spec)
	}
	if has, ok := p.engine.Group(g.Spec.Name); !ok || !has.Start.Time.Equal(virtual.Now()) {
		t.Errorf("the engine has %+v, %v", has, ok)
	}
}

func span(d time.Duration) *time.Duration { return &d }

func TestSpecsOutsideTheirLimitsAreRefused(t *testing.T) {
	p := openPlane(t)
	def := tenant(t, "default")
	for name, n := range map[string]control.NewTopic{
		"too many queues":     {Queues: 257},
		"negative queues":     {Queues: -1},
		"retention too short": {Retention: span(time.Second)},
		"retention too long":  {Retention: span(366 * 24 * time.Hour)},
		"note too long":       {Note: string(make([]byte, 501))},
	} {
		n.Tenant, n.Name = def, topicName(t, "x")
		_, err := p.CreateTopic(context.Background(), tester(), n)
		t.Run(name, func(t *testing.T) { wantRefusal(t, err, mq.BadRequest, control.OutOfRange) })
	}
	for name, n := range map[string]control.NewGroup{
		"too many attempts":    {MaxAttempts: 1001},
		"negative attempts":    {MaxAttempts: -1},
		"hold too short":       {Hold: time.Millisecond},
		"step too long":        {Retry: mq.RetryPolicy{Steps: []time.Duration{13 * time.Hour}}},
		"negative step":        {Retry: mq.RetryPolicy{Steps: []time.Duration{-1}}},
		"too many steps":       {Retry: mq.RetryPolicy{Steps: make([]time.Duration, 101)}},
		"shrinking retry":      {Retry: mq.RetryPolicy{Initial: time.Second, Max: time.Minute, Multiplier: 0.5}},
		"max before initial":   {Retry: mq.RetryPolicy{Initial: time.Minute, Max: time.Second, Multiplier: 2}},
		"ordered pulls":        {Ordered: true, Mode: mq.Pulls},
		"note that is no text": {Note: "\xff"},
		"note that ends early": {Note: "a\x00b"},
	} {
		n.Tenant, n.Name = def, groupName(t, "x")
		_, err := p.CreateGroup(context.Background(), tester(), n)
		t.Run(name, func(t *testing.T) { wantRefusal(t, err, mq.BadRequest, control.OutOfRange) })
	}
	if p.engine.Calls("PutTopic")+p.engine.Calls("PutGroup") != 0 {
		t.Error("a refused spec reached the engine")
	}
}

func TestOfManyWhoCreateOneNameOneSucceeds(t *testing.T) {
	p := openPlane(t)
	errs := make([]error, 50)
	var done sync.WaitGroup
	for i := range errs {
		done.Go(func() {
			_, errs[i] = p.CreateTopic(context.Background(), tester(), control.NewTopic{Tenant: tenant(t, "default"), Name: topicName(t, "orders")})
		})
	}
	done.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if mq.KindOf(err) != mq.Conflict {
			t.Errorf("a loser got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d succeeded", won)
	}
}

func TestQuotasHoldAlsoWhenManyCreateAtOnce(t *testing.T) {
	p := openPlane(t, func(o *control.Options) { o.Limits = control.Limits{Topics: 3, Groups: 1, Tenants: 2, Applications: 1} })
	var done sync.WaitGroup
	for i := range 10 {
		done.Go(func() {
			_, err := p.CreateTopic(context.Background(), tester(), control.NewTopic{Tenant: tenant(t, "default"), Name: topicName(t, "t"+string(rune('a'+i)))})
			if err != nil {
				wantRefusal(t, err, mq.TooManyRequests, control.Quota)
			}
		})
	}
	done.Wait()
	if n := len(p.Contents().Topics); n != 3 {
		t.Errorf("%d topics, the limit is 3", n)
	}
	p.group("one")
	_, err := p.CreateGroup(context.Background(), tester(), control.NewGroup{Tenant: tenant(t, "default"), Name: groupName(t, "two")})
	wantRefusal(t, err, mq.TooManyRequests, control.Quota)
}

func TestUpdatesChangeEngineAndCatalog(t *testing.T) {
	p := openPlane(t)
	was := p.topic("orders")
	queues, keep := 16, time.Hour
	got, err := p.UpdateTopic(context.Background(), tester(), was.Tenant, was.Name, control.TopicChange{Queues: &queues, Retention: &keep, Revision: was.Revision})
	if err != nil || got.Spec.Queues != 16 || got.Spec.Retention != time.Hour || got.Spec.Accepts != was.Spec.Accepts || got.State != control.Ready {
		t.Errorf("got %+v, %v", got, err)
	}
	if has, _ := p.engine.Topic(was.Spec.Name); has != got.Spec {
		t.Errorf("the engine has %+v", has)
	}
	_, err = p.UpdateTopic(context.Background(), tester(), was.Tenant, was.Name, control.TopicChange{Queues: &queues, Revision: was.Revision})
	wantRefusal(t, err, mq.Conflict, control.Stale)
	fewer := 8
	_, err = p.UpdateTopic(context.Background(), tester(), was.Tenant, was.Name, control.TopicChange{Queues: &fewer})
	wantRefusal(t, err, mq.BadRequest, control.OutOfRange)

	g := p.group("billing")
	attempts := 3
	changed, err := p.UpdateGroup(context.Background(), tester(), g.Tenant, g.Name, control.GroupChange{MaxAttempts: &attempts})
	if err != nil || changed.Spec.MaxAttempts != 3 || !changed.Spec.Start.Time.Equal(g.Spec.Start.Time) {
		t.Errorf("got %+v, %v", changed.Spec, err)
	}
}

func TestDeletingWhatHoldsMessagesNeedsConfirmation(t *testing.T) {
	p := openPlane(t)
	ctx := context.Background()
	orders := p.topic("orders")
	p.engine.Send(ctx, orders.Spec, []mq.Message{{}})
	wantRefusal(t, p.DeleteTopic(ctx, tester(), orders.Tenant, orders.Name, control.Deletion{}), mq.Conflict, control.Confirm)
	if _, err := p.Topic(orders.Tenant, orders.Name); err != nil {
		t.Error("the refused deletion changed something")
	}
	if err := p.DeleteTopic(ctx, tester(), orders.Tenant, orders.Name, control.Deletion{Confirmed: true}); err != nil {
		t.Error(err)
	}
	if _, ok := p.engine.Topic(orders.Spec.Name); ok || len(p.Contents().Topics) != 0 {
		t.Error("the topic is still there")
	}
	empty := p.topic("empty")
	if err := p.DeleteTopic(ctx, tester(), empty.Tenant, empty.Name, control.Deletion{}); err != nil {
		t.Errorf("an empty topic needs no confirmation: %v", err)
	}

	g := p.group("billing")
	p.engine.Send(ctx, g.DeadLetters(), []mq.Message{{}})
	wantRefusal(t, p.DeleteGroup(ctx, tester(), g.Tenant, g.Name, control.Deletion{}), mq.Conflict, control.Confirm)
	if err := p.DeleteGroup(ctx, tester(), g.Tenant, g.Name, control.Deletion{Confirmed: true}); err != nil {
		t.Error(err)
	}
	if _, ok := p.engine.Topic(g.DeadLetters().Name); ok {
		t.Error("the dead letters are still there")
	}
	busy, read := p.group("busy"), p.topic("read")
	p.engine.Send(ctx, read.Spec, []mq.Message{{}})
	if _, err := p.engine.Take(ctx, mq.Want{Topic: read.Spec, Group: busy.Spec, Max: 1}); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, p.DeleteGroup(ctx, tester(), busy.Tenant, busy.Name, control.Deletion{}), mq.Conflict, control.Confirm)
}

func TestApplicationsAndTheirKeys(t *testing.T) {
	virtual := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	p := openPlane(t, func(o *control.Options) { o.Clock = virtual })
	ctx, def := context.Background(), tenant(t, "default")
	name, err := control.ParseApplicationName("shop")
	if err != nil {
		t.Fatal(err)
	}
	a, first, err := p.CreateApplication(ctx, tester(), control.Application{Tenant: def, Name: name, Rights: control.Rights{Publish: []mq.TopicName{topicName(t, "orders")}}})
	if err != nil || first.Secret == "" || len(a.Rights.Publish) != 1 {
		t.Fatalf("%+v, %+v, %v", a, first, err)
	}
	if kept := p.Contents().Keys; len(kept) != 1 || kept[0].Secret != first.Secret {
		t.Error("proxies need the secret")
	}
	listed, err := p.Keys(def, name)
	if err != nil || len(listed) != 1 || listed[0].Secret != "" {
		t.Errorf("a listing shows %+v, %v", listed, err)
	}
	second, err := p.CreateKey(ctx, tester(), def, name, virtual.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.CreateKey(ctx, tester(), def, name, time.Time{})
	wantRefusal(t, err, mq.Conflict, control.KeyLimit)
	_, err = p.CreateKey(ctx, tester(), def, name, virtual.Now())
	wantRefusal(t, err, mq.BadRequest, control.OutOfRange)
	virtual.Advance(2 * time.Hour)
	if _, err := p.CreateKey(ctx, tester(), def, name, time.Time{}); err != nil {
		t.Errorf("the second one expired, so there is room: %v", err)
	}
	for range 2 {
		if err := p.RevokeKey(ctx, tester(), def, name, first.ID); err != nil {
			t.Error(err)
		}
	}
	if err := p.RevokeKey(ctx, tester(), def, name, "CWnone"); mq.KindOf(err) != mq.NotFound {
		t.Error(err)
	}
	if first.ID == second.ID || first.Secret == second.Secret {
		t.Error("two keys are alike")
	}
	if err := p.DeleteApplication(ctx, tester(), def, name, control.Deletion{}); err != nil || len(p.Contents().Keys) != 0 {
		t.Errorf("keys outlive their application: %v, %v", p.Contents().Keys, err)
	}
	p.restart()
	if len(p.Contents().Keys)+len(p.Contents().Applications) != 0 {
		t.Error("they come back with a restart")
	}
}

func TestAKeyInALogShowsNoSecret(t *testing.T) {
	k := control.Key{ID: "CWx", Secret: "cws_hush"}
	for _, s := range []string{k.String(), k.GoString()} {
		if s != "CWx" {
			t.Errorf("shows %q", s)
		}
	}
}

func TestNextWaitsForSomethingNewer(t *testing.T) {
	p := openPlane(t)
	have := p.Version()
	got := make(chan control.News, 1)
	go func() {
		c, err := p.Next(context.Background(), have)
		if err == nil {
			got <- c
		}
	}()
	p.topic("orders")
	select {
	case c := <-got:
		if c.Version <= have {
			t.Errorf("version %d is not newer than %d", c.Version, have)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Next(ctx, p.Version()); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended wait gives %v", err)
	}
}

func TestAChangeIsAnsweredWhenProxiesHaveIt(t *testing.T) {
	var mu sync.Mutex
	var awaited control.Version
	p := openPlane(t, func(o *control.Options) {
		o.Await = func(_ context.Context, v control.Version) error {
			mu.Lock()
			defer mu.Unlock()
			awaited = v
			return nil
		}
	})
	topic := p.topic("orders")
	mu.Lock()
	defer mu.Unlock()
	if awaited < topic.Revision {
		t.Errorf("waited for version %d, the topic came with %d", awaited, topic.Revision)
	}
}

// The cost of one more topic must not grow with how many there are: each is seen by a follower at once.
func BenchmarkCreateTopic(b *testing.B) {
	cluster, err := mq.ParseCluster("test")
	if err != nil {
		b.Fatal(err)
	}
	engine := controltest.New()
	p, err := control.Open(context.Background(), control.Options{Store: newStore(b)(), Engine: engine, Inspector: engine, Cluster: cluster})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	def, err := mq.ParseTenant("default")
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		name, err := mq.ParseTopicName(fmt.Sprint("topic-", n))
		if err != nil {
			b.Fatal(err)
		}
		t, err := p.CreateTopic(context.Background(), tester(), control.NewTopic{Tenant: def, Name: name})
		if err != nil {
			b.Fatal(err)
		}
		if c, err := p.Next(context.Background(), t.Revision-1); err != nil || len(c.Now) != 1 || c.Whole {
			b.Fatalf("%+v, %v", c, err)
		}
	}
}
