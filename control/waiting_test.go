// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// gate holds who puts a topic at the engine, from when it is shut until it is opened.
type gate struct {
	shut    atomic.Bool
	reached chan struct{}
	open    chan struct{}
}

func newGate(e *controltest.Engine) *gate {
	g := &gate{reached: make(chan struct{}, 1), open: make(chan struct{})}
	e.Hang = func(_ context.Context, verb string) error {
		if verb == "PutTopic" && g.shut.CompareAndSwap(true, false) {
			g.reached <- struct{}{}
			<-g.open
		}
		return nil
	}
	return g
}

// mended is a plane in virtual time whose look mends the topic "orders", which its engine lost, until the gate is opened.
func mended(t *testing.T) (*plane, control.Topic, *gate, *clock.Virtual) {
	t.Helper()
	p, _, virtual := broken(t, nil)
	g := newGate(p.engine)
	orders := p.topic("orders")
	if err := p.engine.DropTopic(context.Background(), orders.Spec.Name); err != nil {
		t.Fatal(err)
	}
	g.shut.Store(true)
	eventually(t, virtual, func() bool { return len(g.reached) > 0 })
	return p, orders, g, virtual
}

// asked makes a change in the background, and returns when it waits.
func asked(t *testing.T, virtual *clock.Virtual, change func() error) <-chan error {
	t.Helper()
	pending, done := virtual.Pending(), make(chan error, 1)
	go func() { done <- change() }()
	soon(t, 30*time.Second, "the change waits", func() bool { return virtual.Pending() == pending+1 || len(done) > 0 })
	if len(done) > 0 {
		t.Fatalf("it did not wait: %v", <-done)
	}
	return done
}

func noted(p *plane, orders control.Topic, note string) func() error {
	return func() error {
		_, err := p.UpdateTopic(context.Background(), tester(), orders.Tenant, orders.Name, control.TopicChange{Note: &note, Revision: orders.Revision})
		return err
	}
}

func TestAChangeWaitsForTheLookThatMendsTheSame(t *testing.T) {
	p, orders, g, virtual := mended(t)
	done := asked(t, virtual, noted(p, orders, "new"))
	close(g.open)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if now, err := p.Topic(orders.Tenant, orders.Name); err != nil || now.Note != "new" || now.State != control.Ready {
		t.Errorf("%+v, %v", now, err)
	}
	if _, ok := p.engine.Topic(orders.Spec.Name); !ok {
		t.Error("it was not mended")
	}
	if rows := p.rows(control.AuditQuery{Name: "orders", Actor: "ada"}); len(rows) != 2 {
		t.Errorf("a creation and a change are %d rows", len(rows))
	}
}

func TestAChangeWaitsNoLongerThanItsBoundAndItsCaller(t *testing.T) {
	p, orders, g, virtual := mended(t)
	defer close(g.open)
	ctx, cancel := context.WithCancel(context.Background())
	gone := asked(t, virtual, func() error {
		return p.DeleteTopic(ctx, tester(), orders.Tenant, orders.Name, control.Deletion{Confirmed: true})
	})
	cancel()
	if err := <-gone; mq.KindOf(err) != mq.Timeout || mq.Outcome(err) != mq.Refused {
		t.Errorf("whose caller went away: %v", err)
	}
	done := asked(t, virtual, noted(p, orders, "new"))
	virtual.Advance(5*time.Second - 1)
	if len(done) > 0 {
		t.Errorf("within the bound: %v", <-done)
	}
	virtual.Advance(1)
	err := <-done
	wantRefusal(t, err, mq.Conflict, control.Busy)
	if !strings.Contains(err.Error(), `another change of topic "orders" is under way, and was not through within 5s`) {
		t.Error(err)
	}
	if now, err := p.Topic(orders.Tenant, orders.Name); err != nil || now.Revision != orders.Revision {
		t.Errorf("%+v, %v", now, err)
	}
}

// A change that waited is made of what is there when it is its turn.
func TestAChangeThatWaitedBuildsOnWhatWasLeft(t *testing.T) {
	p, o, virtual := broken(t, mq.Refuse(mq.Unavailable, "down"))
	g := newGate(p.engine)
	orders, queues, note := p.topic("orders"), 32, "new"
	o.on.Store(true)
	_, err := p.UpdateTopic(context.Background(), tester(), orders.Tenant, orders.Name, control.TopicChange{Queues: &queues})
	wantRefusal(t, err, mq.Unavailable, control.Pending)
	_, err = p.UpdateTopic(context.Background(), tester(), orders.Tenant, orders.Name, control.TopicChange{Note: &note})
	wantRefusal(t, err, mq.Conflict, control.Busy) // nobody is at it who could be waited for
	half, err := p.Topic(orders.Tenant, orders.Name)
	if err != nil || half.State != control.Updating {
		t.Fatalf("%+v, %v", half, err)
	}
	o.on.Store(false)
	g.shut.Store(true)
	eventually(t, virtual, func() bool { return len(g.reached) > 0 })
	stale := asked(t, virtual, noted(p, half, "by who saw it half done"))
	done := asked(t, virtual, func() error {
		_, err := p.UpdateTopic(context.Background(), tester(), orders.Tenant, orders.Name, control.TopicChange{Note: &note})
		return err
	})
	gone := asked(t, virtual, func() error {
		return p.DeleteTopic(context.Background(), tester(), orders.Tenant, orders.Name, control.Deletion{Seen: half.Revision})
	})
	close(g.open)
	for _, seen := range []<-chan error{stale, gone} {
		wantRefusal(t, <-seen, mq.Conflict, control.Stale)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if now, err := p.Topic(orders.Tenant, orders.Name); err != nil || now.Note != note || now.Spec.Queues != queues || now.State != control.Ready {
		t.Errorf("%+v, %v", now, err)
	}
}

func TestOfTwoWhoDeleteWhatIsMendedTheSecondFindsNothing(t *testing.T) {
	p, orders, g, virtual := mended(t)
	remove := func() error {
		return p.DeleteTopic(context.Background(), tester(), orders.Tenant, orders.Name, control.Deletion{})
	}
	first := asked(t, virtual, remove)
	second := asked(t, virtual, remove)
	close(g.open)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := <-second; mq.KindOf(err) != mq.TopicNotFound {
		t.Errorf("got %v", err)
	}
}

// A look goes before the changes that wait, or would come too late where there are always some.
func TestALookDoesNotStarveBehindChanges(t *testing.T) {
	p, _, virtual := broken(t, nil)
	g := newGate(p.engine)
	orders := p.topic("orders")
	if err := p.engine.DropTopic(context.Background(), orders.Spec.Name); err != nil {
		t.Fatal(err)
	}
	ctx, what := context.Background(), "topic/default/orders"
	if _, ok, err := p.Claims().Take(ctx, what); !ok || err != nil { // somebody is at it
		t.Fatalf("%v, %v", ok, err)
	}
	virtual.Advance(time.Minute - time.Nanosecond)
	done := asked(t, virtual, noted(p, orders, "new"))
	looks, pending := p.engine.Calls("Inventory"), virtual.Pending()
	virtual.Advance(time.Nanosecond)
	soon(t, 30*time.Second, "the look waits", func() bool { return p.engine.Calls("Inventory") > looks && virtual.Pending() == pending })
	g.shut.Store(true)
	if err := p.Claims().Drop(ctx, what); err != nil {
		t.Fatal(err)
	}
	<-g.reached // whoever comes first
	if now, err := p.Topic(orders.Tenant, orders.Name); err != nil || now.State != control.Ready || now.Note != "" {
		t.Errorf("the change came first: %+v, %v", now, err)
	}
	close(g.open)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if now, err := p.Topic(orders.Tenant, orders.Name); err != nil || now.Note != "new" {
		t.Errorf("%+v, %v", now, err)
	}
}

// impatient counts what its plane could not claim.
type impatient struct {
	control.Store
	refused atomic.Int64
}

func (i *impatient) Claim(ctx context.Context, what, holder string, d time.Duration) (bool, error) {
	ok, err := i.Store.Claim(ctx, what, holder, d)
	if !ok && strings.HasPrefix(what, "topic/") {
		i.refused.Add(1)
	}
	return ok, err
}

func TestAChangeWaitsForTheLookOfAnotherPlane(t *testing.T) {
	w := newTown(t)
	g := newGate(w.engine)
	a := w.open(nil, func(o *control.Options) { o.Reconcile = 20 * time.Millisecond })
	virtual := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	var store *impatient
	b := w.open(nil, func(o *control.Options) {
		store = &impatient{Store: o.Store}
		o.Store, o.Clock, o.Sharing = store, virtual, &control.Sharing{Claim: time.Minute}
	})
	orders := a.topic("orders")
	g.shut.Store(true)
	if err := w.engine.DropTopic(context.Background(), orders.Spec.Name); err != nil {
		t.Fatal(err)
	}
	<-g.reached
	if err := b.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- noted(b, orders, "new")() }()
	soon(t, 30*time.Second, "it asks for the claim", func() bool { return store.refused.Load() > 0 })
	close(g.open)
	soon(t, 30*time.Second, "the look is over", func() bool {
		what := "topic/default/orders"
		_, ok, err := a.Claims().Take(context.Background(), what)
		if ok {
			err = a.Claims().Drop(context.Background(), what)
		}
		return ok && err == nil
	})
	soon(t, 30*time.Second, "the change is made", func() bool {
		if virtual.Now().Sub(virtual.Now().Truncate(time.Hour)) < 4*time.Second {
			virtual.Advance(100 * time.Millisecond)
		}
		return len(done) > 0
	})
	if err := <-done; err != nil {
		t.Error(err)
	}
	w.agree(10*time.Second, a)
	if now, err := a.Topic(orders.Tenant, orders.Name); err != nil || now.Note != "new" || now.State != control.Ready {
		t.Errorf("%+v, %v", now, err)
	}
}
