// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/stage"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

func TestStatesAllowOneChangeAtATime(t *testing.T) {
	for _, c := range []struct {
		from   control.State
		change control.Change
		to     control.State
		ok     bool
	}{
		{control.Creating, control.Update, control.Creating, false},
		{control.Creating, control.Delete, control.Deleting, true},
		{control.Ready, control.Update, control.Updating, true},
		{control.Ready, control.Delete, control.Deleting, true},
		{control.Updating, control.Update, control.Updating, false},
		{control.Updating, control.Delete, control.Deleting, true},
		{control.Deleting, control.Update, control.Deleting, false},
		{control.Deleting, control.Delete, control.Deleting, true},
	} {
		got, err := c.from.Begin(c.change)
		if got != c.to || (err == nil) != c.ok {
			t.Errorf("%s, %s: %s, %v", c.from, c.change, got, err)
		}
	}
	for s, visible := range map[control.State]bool{control.Creating: false, control.Ready: true, control.Updating: true, control.Deleting: false} {
		if s.Visible() != visible || s.Settled() != (s == control.Ready) {
			t.Errorf("%s: visible %v, settled %v", s, s.Visible(), s.Settled())
		}
		if back, err := stage.Parse(string(s)); err != nil || back != s {
			t.Errorf("%s read back as %s, %v", s, back, err)
		}
	}
	if _, err := stage.Parse("gone"); err == nil {
		t.Error("an unknown state is read")
	}
}

// outage makes the engine fail while it is on.
type outage struct {
	on   atomic.Bool
	with error
}

func (o *outage) fail(string) error {
	if o.on.Load() {
		return o.with
	}
	return nil
}

// broken opens a plane whose engine fails on demand, in virtual time.
func broken(t *testing.T, with error) (*plane, *outage, *clock.Virtual) {
	o := &outage{with: with}
	virtual := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	p := openPlane(t, func(opt *control.Options) { opt.Clock = virtual })
	p.engine.Fail = o.fail
	return p, o, virtual
}

func newTopic(t *testing.T, name string) control.NewTopic {
	return control.NewTopic{Tenant: tenant(t, "default"), Name: topicName(t, name)}
}

// eventually advances virtual time until the condition holds.
func eventually(t *testing.T, virtual *clock.Virtual, holds func() bool) {
	t.Helper()
	for bound := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(bound) {
			t.Fatal("it never came true")
		}
		virtual.Advance(time.Second)
	}
}

func TestAnEngineThatIsDownIsBroughtUpToDateLater(t *testing.T) {
	p, o, virtual := broken(t, mq.Refuse(mq.Unavailable, "down"))
	o.on.Store(true)
	_, err := p.CreateTopic(context.Background(), tester(), newTopic(t, "orders"))
	wantRefusal(t, err, mq.Unavailable, control.Pending)
	if mq.Outcome(err) != mq.Unknown {
		t.Error("a kept intent is no refusal")
	}
	if len(p.Contents().Topics) != 0 || len(p.UnderWay()) != 1 {
		t.Errorf("proxies see %v, under way %v", p.Contents().Topics, p.UnderWay())
	}
	_, err = p.CreateTopic(context.Background(), tester(), newTopic(t, "orders"))
	wantRefusal(t, err, mq.Conflict, control.Exists)
	o.on.Store(false)
	eventually(t, virtual, func() bool { return len(p.Contents().Topics) == 1 })
	if len(p.UnderWay()) != 0 {
		t.Error("still under way")
	}
}

func TestACrashBetweenIntentAndEngineIsRepairedByTheNextStart(t *testing.T) {
	p, o, _ := broken(t, mq.Doubt(mq.Timeout, nil, "no answer"))
	kept := p.topic("kept")
	goes := p.topic("goes")
	queues := 32
	o.on.Store(true)
	if _, err := p.CreateTopic(context.Background(), tester(), newTopic(t, "made")); err == nil {
		t.Fatal("created without an engine")
	}
	if _, err := p.UpdateTopic(context.Background(), tester(), kept.Tenant, kept.Name, control.TopicChange{Queues: &queues}); err == nil {
		t.Fatal("updated without an engine")
	}
	if err := p.DeleteTopic(context.Background(), tester(), goes.Tenant, goes.Name, control.Deletion{Confirmed: true}); err == nil {
		t.Fatal("deleted without an engine")
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	o.on.Store(false)
	p.open()
	if open := p.UnderWay(); len(open) != 0 {
		t.Errorf("under way: %v", open)
	}
	made, err := p.Topic(kept.Tenant, topicName(t, "made"))
	if err != nil || made.State != control.Ready {
		t.Errorf("made: %+v, %v", made, err)
	}
	if has, _ := p.engine.Topic(kept.Spec.Name); has.Queues != 32 {
		t.Errorf("the engine has %d queues", has.Queues)
	}
	if _, ok := p.engine.Topic(goes.Spec.Name); ok {
		t.Error("the engine still has what was deleted")
	}
	if _, err := p.Topic(goes.Tenant, goes.Name); mq.KindOf(err) != mq.TopicNotFound {
		t.Errorf("a deleted topic is found: %v", err)
	}
}

func TestAStartPutsWhatTheEngineLacksAndNothingElse(t *testing.T) {
	p := openPlane(t)
	a, _, g := p.topic("a"), p.topic("b"), p.group("g")
	p.restart()
	puts := p.engine.Calls("PutTopic") + p.engine.Calls("PutGroup")
	if puts != 4 { // a group comes with the topic of its dead letters
		t.Errorf("%d puts, the three creations are all that is needed", puts)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.engine.DropTopic(context.Background(), a.Spec.Name); err != nil {
		t.Fatal(err)
	}
	changed := g.Spec
	changed.MaxAttempts = 99
	if err := p.engine.PutGroup(context.Background(), changed); err != nil {
		t.Fatal(err)
	}
	p.open()
	if has, ok := p.engine.Topic(a.Spec.Name); !ok || has != a.Spec {
		t.Errorf("the lost topic: %+v, %v", has, ok)
	}
	if has, _ := p.engine.Group(g.Spec.Name); has.MaxAttempts != g.Spec.MaxAttempts {
		t.Errorf("the group that drifted has %d attempts", has.MaxAttempts)
	}
	if has, ok := p.engine.Topic(g.DeadLetters().Name); !ok || has.Retention != control.DeadLetterRetention {
		t.Errorf("the topic of dead letters: %+v, %v", has, ok)
	}
	if now := p.engine.Calls("PutTopic") + p.engine.Calls("PutGroup") - puts; now != 4 { // one of them is the test's own
		t.Errorf("%d more puts", now)
	}
}

func TestAStartGoesOnWithoutTheEngine(t *testing.T) {
	p, o, virtual := broken(t, mq.Refuse(mq.Unavailable, "down"))
	a := p.topic("a")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.engine.DropTopic(context.Background(), a.Spec.Name); err != nil {
		t.Fatal(err)
	}
	o.on.Store(true)
	p.open()
	if len(p.Contents().Topics) != 1 {
		t.Error("proxies lose their catalog with the engine")
	}
	o.on.Store(false)
	eventually(t, virtual, func() bool { _, ok := p.engine.Topic(a.Spec.Name); return ok })
}

func TestWhatTheEngineRefusesLeavesNoTrace(t *testing.T) {
	p, o, _ := broken(t, mq.Refuse(mq.BadRequest, "not on this engine"))
	was := p.topic("old")
	o.on.Store(true)
	if _, err := p.CreateTopic(context.Background(), tester(), newTopic(t, "orders")); mq.KindOf(err) != mq.BadRequest {
		t.Errorf("got %v", err)
	}
	if _, err := p.Topic(was.Tenant, topicName(t, "orders")); mq.KindOf(err) != mq.TopicNotFound {
		t.Errorf("a refused topic is found: %v", err)
	}
	queues := 32
	if _, err := p.UpdateTopic(context.Background(), tester(), was.Tenant, was.Name, control.TopicChange{Queues: &queues}); mq.KindOf(err) != mq.BadRequest {
		t.Errorf("got %v", err)
	}
	if now, err := p.Topic(was.Tenant, was.Name); err != nil || now.Spec != was.Spec || now.State != control.Ready {
		t.Errorf("after a refused update: %+v, %v", now, err)
	}
	o.on.Store(false)
	p.restart()
	if now, err := p.Topic(was.Tenant, was.Name); err != nil || now.Spec != was.Spec {
		t.Errorf("after a restart: %+v, %v", now, err)
	}
}

func TestProxiesLoseADeletedTopicBeforeTheEngineDoes(t *testing.T) {
	p := openPlane(t)
	orders := p.topic("orders")
	seen := -1
	p.engine.Fail = func(verb string) error {
		if verb == "DropTopic" {
			seen = len(p.Contents().Topics)
		}
		return nil
	}
	if err := p.DeleteTopic(context.Background(), tester(), orders.Tenant, orders.Name, control.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if seen != 0 {
		t.Errorf("%d topics in the catalog while the engine dropped it", seen)
	}
}

func TestACreationIsFinishedWhenItsCallerGoesAway(t *testing.T) {
	p := openPlane(t)
	ctx, cancel := context.WithCancel(context.Background())
	p.engine.Fail = func(string) error { cancel(); return nil }
	if _, err := p.CreateTopic(ctx, tester(), newTopic(t, "orders")); err != nil {
		t.Errorf("got %v", err)
	}
	if len(p.Contents().Topics) != 1 {
		t.Error("half made")
	}
}

// doubtful is a store whose commits happen, but whose answers get lost.
type doubtful struct {
	control.Store
	lose atomic.Bool
}

func (d *doubtful) Put(ctx context.Context, r control.Record, e control.Entry) (control.Version, error) {
	v, err := d.Store.Put(ctx, r, e)
	if err == nil && d.lose.Load() {
		return 0, mq.Doubt(mq.Unavailable, nil, "the answer got lost")
	}
	return v, err
}

func TestMemoryFollowsTheStoreWhenAnAnswerGetsLost(t *testing.T) {
	p := openPlane(t)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	store := &doubtful{Store: p.store()}
	opt := p.opt
	opt.Store, opt.Engine, opt.Inspector = store, p.engine, p.engine
	plane, err := control.Open(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer plane.Close()
	store.lose.Store(true)
	if _, err := plane.CreateTopic(context.Background(), tester(), newTopic(t, "orders")); mq.Outcome(err) != mq.Unknown {
		t.Errorf("got %v", err)
	}
	if c := plane.Contents(); len(c.Topics) != 1 || c.Topics[0].State != control.Ready {
		t.Errorf("the store has the topic ready, memory has %+v", c.Topics)
	}
}
