// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/mq"
)

// town is several planes over one store and one engine.
type town struct {
	t      *testing.T
	store  func() control.Store
	engine *controltest.Engine
	pace   control.Sharing
}

func newTown(t *testing.T) *town {
	return &town{t: t, store: newStore(t), engine: controltest.New(), pace: control.Sharing{Poll: 20 * time.Millisecond, Claim: time.Second}}
}

// open starts one more plane. fate, if not nil, decides over its calls.
func (w *town) open(fate *fate, change ...func(*control.Options)) *plane {
	w.t.Helper()
	p := &plane{t: w.t, store: w.store, engine: w.engine, opt: control.Options{
		Cluster: clusterName(w.t, "test"), Sharing: &w.pace, Engine: w.engine, Inspector: w.engine, Mover: w.engine, Traits: w.engine.Traits(), Store: w.store(),
	}}
	for _, c := range change {
		c(&p.opt)
	}
	if fate != nil {
		p.opt.Store, p.opt.Engine = &mortalStore{p.opt.Store, fate}, &mortalEngine{w.engine, fate}
	}
	var err error
	if p.Plane, err = control.Open(context.Background(), p.opt); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = p.Plane.Close() })
	return p
}

// soon waits for something that planes bring about by themselves.
func soon(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for bound := time.Now().Add(within); !holds(); <-look.C {
		if time.Now().After(bound) {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// whole is a plane's catalog as proxies get it, sorted.
func whole(p *plane) map[control.Ref]control.Version {
	c, all := p.Contents(), map[control.Ref]control.Version{}
	for _, r := range c.Tenants {
		all[r.Ref()] = r.Revision
	}
	for _, r := range c.Applications {
		all[r.Ref()] = r.Revision
	}
	for _, r := range c.Keys {
		all[r.Ref()] = r.Revision
	}
	for _, r := range c.Topics {
		all[r.Ref()] = r.Revision
	}
	for _, r := range c.Groups {
		all[r.Ref()] = r.Revision
	}
	return all
}

// agree waits until the planes have the same catalog at the same version as the store, with nothing half made, an audit that holds and one row for each version.
func (w *town) agree(within time.Duration, planes ...*plane) {
	w.t.Helper()
	s := w.store()
	defer s.Close()
	ctx := context.Background()
	soon(w.t, within, "the planes agree", func() bool {
		kept, err := s.Load(ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, p := range planes {
			if p.Version() != kept.Version || len(p.UnderWay()) != 0 || !reflect.DeepEqual(whole(p), whole(planes[0])) {
				return false
			}
		}
		return true
	})
	if r, err := audit.Verify(ctx, s); err != nil || len(r.Broken) != 0 {
		w.t.Errorf("the audit: %+v, %v", r, err)
	}
	at := control.Version(1)
	for last := uint64(0); ; {
		rows, _, err := s.Chain(ctx, last)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range rows {
			if e.Version == 0 {
				continue
			}
			if at++; e.Version != at {
				w.t.Errorf("version %d stands behind %d", e.Version, at-1)
			}
		}
		if len(rows) == 0 {
			break
		}
		last = rows[len(rows)-1].Number
	}
	if at != planes[0].Version() {
		w.t.Errorf("%d rows with a version, the catalog is at %d", at, planes[0].Version())
	}
}

func TestPlanesThatStartTogetherMakeOneDefaultTenant(t *testing.T) {
	w := newTown(t)
	planes := make([]*plane, 3)
	var done sync.WaitGroup
	for i := range planes {
		done.Go(func() { planes[i] = w.open(nil) })
	}
	done.Wait()
	w.agree(10*time.Second, planes...)
	if n := len(planes[0].Contents().Tenants); n != 1 {
		t.Errorf("%d tenants", n)
	}
}

func TestAPlaneFollowsWhatAnotherOneChanges(t *testing.T) {
	w := newTown(t)
	a, b := w.open(nil), w.open(nil)
	ctx, def := context.Background(), tenant(t, "default")
	have := b.Version()
	orders := a.topic("orders")
	next, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := b.Next(next, have); err != nil {
		t.Errorf("nobody who waits at the other plane is woken: %v", err)
	}
	w.agree(10*time.Second, a, b)
	name, err := control.ParseApplicationName("shop")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.CreateApplication(ctx, tester(), control.Application{Tenant: def, Name: name}); err != nil {
		t.Fatal(err)
	}
	w.agree(10*time.Second, a, b)
	// Gone and made anew before the other one looks: the old key must not live on there.
	if err := a.DeleteApplication(ctx, tester(), def, name, control.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.CreateApplication(ctx, tester(), control.Application{Tenant: def, Name: name}); err != nil {
		t.Fatal(err)
	}
	if err := a.DeleteTopic(ctx, tester(), orders.Tenant, orders.Name, control.Deletion{}); err != nil {
		t.Fatal(err)
	}
	w.agree(10*time.Second, a, b)
	if c := b.Contents(); len(c.Keys) != 1 || len(c.Topics) != 0 {
		t.Errorf("%d keys, %d topics", len(c.Keys), len(c.Topics))
	}
}

func TestWhoChangesWhatAnotherPlaneChangedIsToldThatItIsStale(t *testing.T) {
	w := newTown(t)
	w.pace.Poll = time.Hour // nothing is learned but by being outrun
	a, b := w.open(nil), w.open(nil)
	ctx := context.Background()
	orders := a.topic("orders")
	if _, err := b.CreateTopic(ctx, tester(), newTopic(t, "orders")); mq.KindOf(err) != mq.Conflict {
		t.Errorf("the name is taken on the other plane: %v", err)
	}
	note := "theirs"
	theirs, err := a.UpdateTopic(ctx, tester(), orders.Tenant, orders.Name, control.TopicChange{Note: &note})
	if err != nil {
		t.Fatal(err)
	}
	mine := "mine"
	_, err = b.UpdateTopic(ctx, tester(), orders.Tenant, orders.Name, control.TopicChange{Note: &mine, Revision: orders.Revision})
	wantRefusal(t, err, mq.Conflict, control.Stale)
	if now, err := b.Topic(orders.Tenant, orders.Name); err != nil || now.Revision != theirs.Revision || now.Note != note {
		t.Errorf("the plane that was outrun has %+v, %v", now, err)
	}
	if _, err := b.UpdateTopic(ctx, tester(), orders.Tenant, orders.Name, control.TopicChange{Note: &mine}); err != nil {
		t.Errorf("by what it has learned: %v", err)
	}
}

func TestOfManyPlanesThatCreateOneNameOneSucceeds(t *testing.T) {
	w := newTown(t)
	planes := []*plane{w.open(nil), w.open(nil), w.open(nil)}
	for _, name := range []string{"one", "two", "three"} {
		var won atomic.Int64
		var done sync.WaitGroup
		for i := range 12 {
			done.Go(func() {
				_, err := planes[i%3].CreateTopic(context.Background(), tester(), newTopic(t, name))
				switch {
				case err == nil:
					won.Add(1)
				case mq.KindOf(err) != mq.Conflict || mq.Outcome(err) != mq.Refused:
					t.Errorf("a loser got %v", err)
				}
			})
		}
		done.Wait()
		if won.Load() != 1 {
			t.Errorf("%s: %d succeeded", name, won.Load())
		}
	}
	w.agree(10*time.Second, planes...)
	if n := w.engine.Calls("PutTopic"); n != 3 {
		t.Errorf("%d topics were made at the engine", n)
	}
	rows := planes[0].rows(control.AuditQuery{})
	made := 0
	for _, e := range rows {
		if e.Action == "topic.create" {
			made++
		}
	}
	if made != 3 {
		t.Errorf("%d creations in the audit", made)
	}
}

func TestLimitsHoldOverAllPlanes(t *testing.T) {
	w := newTown(t)
	limit := func(o *control.Options) { o.Limits = control.Limits{Topics: 4} }
	planes := []*plane{w.open(nil, limit), w.open(nil, limit), w.open(nil, limit)}
	var done sync.WaitGroup
	for i := range 18 {
		done.Go(func() {
			_, err := planes[i%3].CreateTopic(context.Background(), tester(), newTopic(t, fmt.Sprint("t", i)))
			if err != nil {
				wantRefusal(t, err, mq.TooManyRequests, control.Quota)
			}
		})
	}
	done.Wait()
	w.agree(10*time.Second, planes...)
	if n := len(planes[2].Contents().Topics); n != 4 {
		t.Errorf("%d topics, the limit is 4", n)
	}
}

func TestAPlaneThatWasAwayTooLongLoadsEverythingAgain(t *testing.T) {
	w := newTown(t)
	a, b := w.open(nil), w.open(nil, func(o *control.Options) { o.Sharing = &control.Sharing{Poll: time.Hour} })
	orders := a.topic("orders")
	s := w.store()
	defer s.Close()
	kept, err := s.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	one := kept.Tenants[0]
	for range control.MaxChanges + 1 {
		e := control.Entry{Actor: tester(), Action: "tenant.update", Target: one.Ref(), Outcome: control.Done, After: "{}"}
		if one.Revision, err = s.Put(context.Background(), one, e); err != nil {
			t.Fatal(err)
		}
	}
	b.topic("mine") // outrun, by more than one look gives
	w.agree(10*time.Second, a, b)
	if _, err := b.Topic(orders.Tenant, orders.Name); err != nil {
		t.Error(err)
	}
}

// fate lets a plane die at one of its calls: that one and all behind it come to nothing, or their answers do.
type fate struct {
	at    int64 // the call at which it dies, from 1; 0: it lives
	done  bool  // that call still happens, its answer is lost
	count atomic.Int64
	armed atomic.Bool
}

func dead() error { return mq.Doubt(mq.Unavailable, nil, "dead") }

// call plays one call of a plane by its fate.
func (f *fate) call(do func() error) error {
	if !f.armed.Load() {
		return do()
	}
	n := f.count.Add(1)
	if n < f.at || f.at == 0 {
		return do()
	}
	if n == f.at && f.done {
		_ = do() // it happened, and nobody heard of it
	}
	return dead()
}

// died tells whether its time came.
func (f *fate) died() bool { return f.at != 0 && f.count.Load() >= f.at }

type mortalStore struct {
	control.Store
	fate *fate
}

func (m *mortalStore) Add(ctx context.Context, r control.Record, e control.Entry) (v control.Version, err error) {
	err = m.fate.call(func() error { v, err = m.Store.Add(ctx, r, e); return err })
	return v, err
}

func (m *mortalStore) Put(ctx context.Context, r control.Record, e control.Entry) (v control.Version, err error) {
	err = m.fate.call(func() error { v, err = m.Store.Put(ctx, r, e); return err })
	return v, err
}

func (m *mortalStore) Remove(ctx context.Context, r control.Record, e control.Entry) (v control.Version, err error) {
	err = m.fate.call(func() error { v, err = m.Store.Remove(ctx, r, e); return err })
	return v, err
}

func (m *mortalStore) Claim(ctx context.Context, what, holder string, d time.Duration) (ok bool, err error) {
	err = m.fate.call(func() error { ok, err = m.Store.Claim(ctx, what, holder, d); return err })
	return ok, err
}

func (m *mortalStore) Unclaim(ctx context.Context, what, holder string) error {
	return m.fate.call(func() error { return m.Store.Unclaim(ctx, what, holder) })
}

func (m *mortalStore) Load(ctx context.Context) (control.Catalog, error) {
	if m.fate.armed.Load() && m.fate.died() {
		return control.Catalog{}, dead()
	}
	return m.Store.Load(ctx)
}

func (m *mortalStore) Since(ctx context.Context, v control.Version) (control.Changes, error) {
	if m.fate.armed.Load() && m.fate.died() {
		return control.Changes{}, dead()
	}
	return m.Store.Since(ctx, v)
}

type mortalEngine struct {
	*controltest.Engine
	fate *fate
}

func (m *mortalEngine) PutTopic(ctx context.Context, spec mq.TopicSpec) error {
	return m.fate.call(func() error { return m.Engine.PutTopic(ctx, spec) })
}

func (m *mortalEngine) DropTopic(ctx context.Context, name mq.Physical) error {
	return m.fate.call(func() error { return m.Engine.DropTopic(ctx, name) })
}

// deaths plays a change on a plane that dies at each of its calls in turn, before it or behind it, until one lives through. Another plane must bring everything to
// an end, whatever the end is.
func deaths(t *testing.T, change func(p *plane, name string) error, judge func(t *testing.T, w *town, alive *plane, name string, kept bool)) {
	w := newTown(t)
	alive := w.open(nil)
	for _, done := range []bool{false, true} {
		for at := int64(1); ; at++ {
			name := fmt.Sprintf("topic-%v-%d", done, at)
			f := &fate{at: at, done: done}
			victim := w.open(f)
			victim.topic(name)
			w.agree(10*time.Second, alive, victim)
			puts := w.engine.Calls("PutTopic") + w.engine.Calls("DropTopic")
			f.armed.Store(true)
			err := change(victim, name)
			if !f.died() {
				if err != nil {
					t.Fatalf("without dying: %v", err)
				}
				if at < 4 {
					t.Errorf("a change of %d calls: claim, commit, effect, settle are four", at-1)
				}
				break
			}
			w.agree(15*time.Second, alive)
			rows := alive.rows(control.AuditQuery{Name: name, Actor: "ada"})
			var after []string
			for _, e := range rows {
				after = append(after, string(e.Action))
			}
			if len(rows) > 2 {
				t.Errorf("%s: one change, rows %s", name, strings.Join(after, ", "))
			}
			if effects := w.engine.Calls("PutTopic") + w.engine.Calls("DropTopic") - puts; effects > 2 {
				t.Errorf("%s: %d effects at the engine", name, effects)
			}
			judge(t, w, alive, name, len(rows) == 2)
			_ = victim.Plane.Close()
		}
	}
}

// whatIsKept holds the engine against the catalog.
func whatIsKept(t *testing.T, w *town, alive *plane, name string) (control.Topic, bool) {
	t.Helper()
	kept, err := alive.Topic(tenant(t, "default"), topicName(t, name))
	has, there := w.engine.Topic(mq.PhysicalTopic(tenant(t, "default"), topicName(t, name)))
	if (err == nil) != there || there && has != kept.Spec {
		t.Errorf("%s: kept %+v, %v; the engine has %+v, %v", name, kept, err, has, there)
	}
	return kept, err == nil
}

func TestAPlaneThatDiesInADeletionIsFinishedByAnother(t *testing.T) {
	deaths(t, func(p *plane, name string) error {
		return p.DeleteTopic(context.Background(), tester(), tenant(p.t, "default"), topicName(p.t, name), control.Deletion{Confirmed: true})
	}, func(t *testing.T, w *town, alive *plane, name string, begun bool) {
		if _, there := whatIsKept(t, w, alive, name); there == begun {
			t.Errorf("%s: begun %v, still there %v", name, begun, there)
		}
	})
}

func TestAPlaneThatDiesInAnUpdateIsFinishedByAnother(t *testing.T) {
	deaths(t, func(p *plane, name string) error {
		queues := 32
		_, err := p.UpdateTopic(context.Background(), tester(), tenant(p.t, "default"), topicName(p.t, name), control.TopicChange{Queues: &queues})
		return err
	}, func(t *testing.T, w *town, alive *plane, name string, begun bool) {
		if kept, there := whatIsKept(t, w, alive, name); !there || (kept.Spec.Queues == 32) != begun {
			t.Errorf("%s: begun %v, kept %+v", name, begun, kept)
		}
	})
}

func TestAPlaneThatDiesInACreationIsFinishedByAnother(t *testing.T) {
	deaths(t, func(p *plane, name string) error {
		_, err := p.CreateTopic(context.Background(), tester(), newTopic(p.t, name+"-new"))
		return err
	}, func(t *testing.T, w *town, alive *plane, name string, _ bool) {
		made := len(alive.rows(control.AuditQuery{Name: name + "-new", Actor: "ada"}))
		if _, there := whatIsKept(t, w, alive, name+"-new"); there != (made == 1) || made > 1 {
			t.Errorf("%s: %d rows of its creation, there %v", name, made, there)
		}
	})
}

// By the times that are in force where nobody says otherwise.
func TestTheWorkOfADeadPlaneIsDoneWithinThirtySeconds(t *testing.T) {
	w := newTown(t)
	w.pace = control.Sharing{}
	alive := w.open(nil)
	f := &fate{at: 3} // behind claim and commit
	victim := w.open(f)
	f.armed.Store(true)
	begin := time.Now()
	if _, err := victim.CreateTopic(context.Background(), tester(), newTopic(t, "orders")); err == nil {
		t.Fatal("it did not die")
	}
	soon(t, 30*time.Second, "the topic is there", func() bool { return len(alive.Contents().Topics) == 1 })
	t.Logf("done %v after the death", time.Since(begin).Round(100*time.Millisecond))
	w.agree(time.Second, alive)
}
