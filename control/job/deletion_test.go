// SPDX-License-Identifier: Apache-2.0

package job_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/mq"
)

// furnish gives a tenant two topics, two groups with dead letters, an application with a key, and a document.
func (h *house) furnish(p *plane, name string) control.Key {
	h.t.Helper()
	ctx := context.Background()
	p.tenant(name)
	orders := p.topic(name, "orders")
	p.topic(name, "refunds")
	h.bury(p.group(name, "billing"), orders.Spec.Name, name+"-a", name+"-b")
	p.group(name, "audit")
	_, k, err := p.CreateApplication(ctx, tester(), control.Application{Tenant: tenantOf(name), Name: must(control.ParseApplicationName("web"))})
	if err != nil {
		h.t.Fatal(err)
	}
	d := control.Document{Kind: "member", Tenant: name, Name: "ada", Body: `{}`, Hidden: `{"hash":1}`}
	if _, err := p.AddDocument(ctx, tester(), d, func() error { return nil }); err != nil {
		h.t.Fatal(err)
	}
	return k
}

// left is what the engine has of a tenant.
func (h *house) left(name string) (all []string) {
	h.t.Helper()
	has, err := h.engine.Inventory(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, t := range has.Topics {
		if strings.Contains(t.Name.String(), name+"%") || strings.Contains(t.Name.String(), name+"|") {
			all = append(all, t.Name.String())
		}
	}
	for _, g := range has.Groups {
		if strings.Contains(g.Name.String(), name+"%") || strings.Contains(g.Name.String(), name+"|") {
			all = append(all, g.Name.String())
		}
	}
	return all
}

// gone holds that nothing is left of a tenant but its audit, and that another one has everything.
func (h *house) gone(p *plane, name, other string) {
	h.t.Helper()
	if _, err := p.Tenant(tenantOf(name)); mq.KindOf(err) != mq.NotFound {
		h.t.Errorf("the tenant: %v", err)
	}
	if n := p.Holds(tenantOf(name)); n != 0 {
		h.t.Errorf("%d things belong to it", n)
	}
	h.soon("the engine has forgotten it", func() bool { return len(h.left(name)) == 0 })
	if got := len(h.left(other)); got != 6 {
		h.t.Errorf("the engine has %d things of the other tenant: %v", got, h.left(other))
	}
	if n := p.Holds(tenantOf(other)); n != 7 {
		h.t.Errorf("%d things belong to the other tenant", n)
	}
	if r, err := p.VerifyAudit(context.Background()); err != nil || len(r.Broken) > 0 {
		h.t.Errorf("the audit: %+v, %v", r, err)
	}
	if rows := p.rows(control.AuditQuery{Tenant: name}); len(rows) < 12 {
		h.t.Errorf("%d rows of audit are left", len(rows))
	}
}

func confirmed() control.Deletion { return control.Deletion{Confirmed: true} }

func TestATenantGoesWithAllThatItHas(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	h.furnish(p, "shop")
	h.furnish(p, "bank")
	ctx := context.Background()
	_, err := p.board.DeleteTenant(ctx, tester(), tenantOf("shop"), control.Deletion{})
	wantRefusal(t, err, mq.Conflict, control.Confirm)
	_, err = p.board.DeleteTenant(ctx, tester(), tenantOf("default"), confirmed())
	wantRefusal(t, err, mq.Conflict, control.Reserved)
	_, err = p.board.DeleteTenant(ctx, tester(), tenantOf("shop"), control.Deletion{Confirmed: true, Seen: 1})
	wantRefusal(t, err, mq.Conflict, control.Stale)
	if _, err = p.board.DeleteTenant(ctx, tester(), tenantOf("none"), confirmed()); mq.KindOf(err) != mq.NotFound {
		t.Errorf("got %v", err)
	}
	if jobs, err := p.board.Jobs(mq.Tenant{}); err != nil || len(jobs) != 0 {
		t.Errorf("what was refused runs: %+v, %v", jobs, err)
	}
	begun, hold := make(chan struct{}), make(chan struct{})
	var once sync.Once
	h.ask(func(_ context.Context, verb string) error {
		if strings.HasPrefix(verb, "Drop") {
			once.Do(func() { close(begun) })
			<-hold
		}
		return nil
	})
	j, err := p.board.DeleteTenant(ctx, tester(), tenantOf("shop"), confirmed())
	if err != nil {
		t.Fatal(err)
	}
	h.reached(begun)
	shop, err := p.Tenant(tenantOf("shop"))
	if err != nil || !shop.Disabled || len(h.left("shop")) != 6 {
		t.Errorf("before anything is deleted nobody is let in: %+v, %v, %v", shop, err, h.left("shop"))
	}
	_, err = p.CreateTopic(ctx, tester(), control.NewTopic{Tenant: shop.ID, Name: must(mq.ParseTopicName("late"))})
	wantRefusal(t, err, mq.Conflict, control.Busy)
	_, _, err = p.CreateApplication(ctx, tester(), control.Application{Tenant: shop.ID, Name: must(control.ParseApplicationName("late"))})
	wantRefusal(t, err, mq.Conflict, control.Busy)
	_, err = p.board.DeleteTenant(ctx, tester(), tenantOf("shop"), confirmed())
	wantRefusal(t, err, mq.Conflict, control.Busy)
	_, err = p.board.Cancel(ctx, tester(), mq.Tenant{}, j.ID)
	wantRefusal(t, err, mq.Conflict, refusal.Immutable)
	close(hold)
	if j = h.ended(p, j); j.State != job.Done || j.Moved != j.Total || j.By != "ada" {
		t.Errorf("%+v", j)
	}
	h.gone(p, "shop", "bank")
	var asked []string
	for _, e := range p.rows(control.AuditQuery{Tenant: "shop", Actor: "ada", Name: "shop"}) {
		asked = append(asked, string(e.Action)+" "+string(e.Outcome))
	}
	if got := strings.Join(asked, ", "); !strings.Contains(got, "tenant.delete done, tenant.delete begun") {
		t.Errorf("who asked for it: %s", got)
	}
}

func TestAnEmptyTenantNeedsNoConfirmation(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	p.tenant("shop")
	j, err := p.board.DeleteTenant(context.Background(), tester(), tenantOf("shop"), control.Deletion{})
	if err != nil {
		t.Fatal(err)
	}
	if j = h.ended(p, j); j.State != job.Done {
		t.Errorf("%+v", j)
	}
}

func TestATenantOfAnUsedNameGetsNothingOfTheOldOne(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	ctx := context.Background()
	for _, want := range []string{"shop%", "shop|2%", "shop|3%"} {
		h.furnish(p, "shop")
		orders, err := p.Topic(tenantOf("shop"), must(mq.ParseTopicName("orders")))
		if err != nil || !strings.HasPrefix(orders.Spec.Name.String(), want) {
			t.Fatalf("%s, want %s, %v", orders.Spec.Name, want, err)
		}
		billing, err := p.Group(tenantOf("shop"), must(mq.ParseGroupName("billing")))
		if err != nil || !strings.HasPrefix(billing.Spec.Name.String(), want) || len(h.messages(billing.DeadLetters())) != 2 || len(h.messages(orders.Spec)) != 0 {
			t.Errorf("%+v, %v", billing.Spec, err)
		}
		if keys := p.Contents().Keys; len(keys) != 1 {
			t.Errorf("%d keys", len(keys))
		}
		shop, err := p.Tenant(tenantOf("shop"))
		if err != nil {
			t.Fatal(err)
		}
		j, err := p.board.DeleteTenant(ctx, tester(), tenantOf("shop"), confirmed())
		if err != nil {
			t.Fatal(err)
		}
		h.ended(p, j)
		for _, e := range p.rows(control.AuditQuery{Tenant: "shop", From: shop.Created}) {
			if e.Action == "tenant.delete" && e.Actor.Kind == control.PlaneActor && e.Version <= shop.Revision {
				t.Errorf("what is older than the tenant is told from %v on: %+v", shop.Created, e)
			}
		}
		// What waited in the cluster for its time arrives under the old name.
		h.engine.Send(ctx, orders.Spec, []mq.Message{{ID: must(mq.ParseMessageID("late"))}})
		h.clock.Advance(time.Microsecond) // by which a tenant and the last row of the one before it are told apart; a real clock goes on by more
	}
}

func TestATenantsDeletionWaitsForAClusterThatDoesNotAnswer(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	h.furnish(p, "shop")
	h.furnish(p, "bank")
	h.ask(func(_ context.Context, verb string) error {
		if strings.HasPrefix(verb, "Drop") {
			return mq.Refuse(mq.Unavailable, "away")
		}
		return nil
	})
	j, err := p.board.DeleteTenant(context.Background(), tester(), tenantOf("shop"), confirmed())
	if err != nil {
		t.Fatal(err)
	}
	h.soon("it tells what it waits for", func() bool {
		seen, err := p.board.Job(mq.Tenant{}, j.ID)
		return err == nil && strings.HasPrefix(seen.Detail, "tried again: ") && seen.State == job.Running
	})
	h.ask(func(context.Context, string) error { return nil })
	if j = h.ended(p, j); j.State != job.Done || j.Detail != "" {
		t.Errorf("%+v", j)
	}
	h.gone(p, "shop", "bank")
}

func TestATenantsJobsEndWithIt(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	h.furnish(p, "shop")
	begun, end := h.held()
	billing := must(mq.ParseGroupName("billing"))
	if _, err := p.board.Redrive(context.Background(), tester(), tenantOf("shop"), billing, 0); err != nil {
		t.Fatal(err)
	}
	h.reached(begun)
	j, err := p.board.DeleteTenant(context.Background(), tester(), tenantOf("shop"), confirmed())
	if err != nil {
		t.Fatal(err)
	}
	if j = h.ended(p, j); j.State != job.Done {
		t.Errorf("%+v", j)
	}
	end()
	if all := p.EveryDocument(job.Record); len(all) != 1 {
		t.Errorf("%d jobs are left", len(all))
	}
}

// dies asks for a deletion of which the process dies at a step; it tells whether it got there.
func (h *house) dies(victim *plane, crash *controltest.Crash, name string) (died bool) {
	h.t.Helper()
	j, err := victim.board.DeleteTenant(context.Background(), tester(), tenantOf(name), confirmed())
	if err != nil && !crash.Dead() {
		h.t.Fatal(err)
	}
	if err == nil {
		h.soon("it ends or dies", func() bool {
			seen, err := victim.board.Job(mq.Tenant{}, j.ID)
			return err != nil || !seen.State.Live() || crash.Dead()
		})
	}
	return crash.Dead()
}

// settled waits until no job is live, and tells whether the deletion was ever kept.
func (h *house) settled(p *plane) (kept bool) {
	h.t.Helper()
	h.soon("every job has ended", func() bool {
		if err := p.Refresh(context.Background()); err != nil {
			h.t.Fatal(err)
		}
		all, err := p.board.Jobs(mq.Tenant{})
		if err != nil {
			h.t.Fatal(err)
		}
		kept = len(all) > 0
		for _, j := range all {
			if j.State.Live() {
				return false
			}
			if j.State != job.Done {
				h.t.Fatalf("%+v", j)
			}
		}
		return true
	})
	return kept
}

func TestADeletionThatDiesAtAnyStepIsFinishedByTheNextStart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.open()
	h.furnish(p, "bank")
	p.close()
	steps := 0
	for step := 1; ; step += 3 {
		p := h.open()
		if _, err := p.Tenant(tenantOf("shop")); err != nil {
			h.furnish(p, "shop")
		}
		p.close()
		crash := controltest.CrashAt(step)
		victim := h.open(dying(crash, h.engine))
		died := h.dies(victim, crash, "shop")
		victim.close()
		p = h.open()
		if _, err := p.Tenant(tenantOf("shop")); h.settled(p) && (step > 10 || err != nil) {
			h.gone(p, "shop", "bank")
		}
		p.close()
		if steps = step; !died {
			break
		}
	}
	if steps < 40 {
		t.Errorf("%d steps", steps)
	}
}

func TestADeletionOfAPlaneThatDiesIsFinishedByAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	alive := h.open(shared)
	h.furnish(alive, "bank")
	for _, step := range []int{6, 13, 20} {
		h.furnish(alive, "shop")
		crash := controltest.CrashAt(step)
		victim := h.open(shared, dying(crash, h.engine))
		if !h.dies(victim, crash, "shop") {
			t.Errorf("step %d: it did not die", step)
		}
		if !h.settled(alive) {
			t.Fatalf("step %d: the deletion was never kept", step)
		}
		h.gone(alive, "shop", "bank")
		victim.close()
	}
}

// The process dies between the tenant's end and the job's, and somebody makes a tenant of that name before it comes up again.
func TestADeletionThatIsGoneOnWithLeavesTheNextTenantOfThatNameAlone(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	p.tenant("shop")
	p.close()
	for step := 1; ; step++ {
		crash := controltest.CrashAt(step)
		victim := h.open(dying(crash, h.engine))
		died := h.dies(victim, crash, "shop")
		victim.close()
		if !died {
			t.Fatal("no step lies between the tenant's end and the job's")
		}
		s, err := sqlstore.OpenSQLite(context.Background(), h.dir)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := s.Load(context.Background())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(kept.Tenants) == 1 && liveJobs(kept) == 1 {
			break
		}
		p := h.open()
		h.settled(p)
		if _, err := p.Tenant(tenantOf("shop")); err != nil {
			p.tenant("shop")
		}
		p.close()
	}
	s, err := sqlstore.OpenSQLite(context.Background(), h.dir)
	if err != nil {
		t.Fatal(err)
	}
	boardless, err := control.Open(context.Background(), control.Options{Store: s, Engine: h.engine, Inspector: h.engine, Mover: h.engine, Cluster: must(mq.ParseCluster("test")), Clock: h.clock})
	if err != nil {
		t.Fatal(err)
	}
	(&plane{Plane: boardless, t: t}).tenant("shop")
	if err := boardless.Close(); err != nil {
		t.Fatal(err)
	}
	p = h.open()
	h.settled(p)
	if shop, err := p.Tenant(tenantOf("shop")); err != nil || shop.Disabled {
		t.Errorf("the new tenant: %+v, %v", shop, err)
	}
}

func liveJobs(c control.Catalog) (n int) {
	for _, d := range c.Documents {
		if d.Kind == job.Record && strings.Contains(d.Body, `"state":"running"`) {
			n++
		}
	}
	return n
}
