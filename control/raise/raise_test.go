// SPDX-License-Identifier: Apache-2.0

package raise_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/estate"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/raise"
	"github.com/causeway-mq/causeway/control/reception"
	"github.com/causeway-mq/causeway/control/request"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/control/steward"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// house is a control plane with tenants pay and risk, and the plans small and large; risk has the small one.
type house struct {
	*control.Plane
	reception.Reception
	t       *testing.T
	dir     string
	engine  *controltest.Engine
	clock   *clock.Virtual
	steward *steward.Steward
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), engine: controltest.New(), clock: clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))}
	if err := h.open(nil); err != nil {
		t.Fatal(err)
	}
	h.plan("small", 1)
	h.plan("large", 2)
	for id, plan := range map[string]string{"pay": "", "risk": "small"} {
		if _, err := h.CreateTenant(t.Context(), control.Itself("test"), control.Tenant{ID: h.tenant(id), Plan: h.name(plan)}); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// open opens the plane; crash, if not nil, is when its process dies.
func (h *house) open(crash *controltest.Crash) error {
	h.t.Helper()
	store, err := sqlstore.OpenSQLite(h.t.Context(), h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	cluster, err := mq.ParseCluster("test")
	if err != nil {
		h.t.Fatal(err)
	}
	o := control.Options{Store: store, Cluster: cluster, Engine: h.engine, Inspector: h.engine, Mover: h.engine, Clock: h.clock}
	if crash != nil {
		o.Store = crash.Store(store)
	}
	p, err := control.Open(h.t.Context(), o)
	if err != nil {
		return err
	}
	h.t.Cleanup(func() { _ = p.Close() })
	h.Plane, h.steward = p, steward.New(p, h.clock.Now)
	h.Reception = reception.Open(p, identity.New(p, h.clock.Now), h.clock.Now)
	return nil
}

func (h *house) tenant(id string) mq.Tenant {
	h.t.Helper()
	t, err := mq.ParseTenant(id)
	if err != nil {
		h.t.Fatal(err)
	}
	return t
}

func (h *house) name(plan string) estate.Name {
	h.t.Helper()
	n, err := estate.OptionalName("plan", plan)
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

func (h *house) plan(name string, topics int) {
	h.t.Helper()
	if _, err := h.steward.Create(h.t.Context(), control.Itself("test"), estate.Item{Kind: estate.Plan, Name: h.name(name), Limits: estate.Limits{Topics: topics}}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) removePlan(name string) {
	h.t.Helper()
	if err := h.steward.Delete(h.t.Context(), control.Itself("test"), control.Ref{Kind: estate.Plan, Name: name}, 0); err != nil {
		h.t.Fatal(err)
	}
}

// give moves risk to a plan by hand.
func (h *house) give(plan string) {
	h.t.Helper()
	n := h.name(plan)
	if _, err := h.steward.ChangeTenant(h.t.Context(), control.Itself("test"), h.tenant("risk"), steward.TenantChange{Plan: &n}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) planOfRisk() string {
	h.t.Helper()
	t, err := h.Tenant(h.tenant("risk"))
	if err != nil {
		h.t.Fatal(err)
	}
	return t.Plan.String()
}

func member(in mq.Tenant, name string, role identity.Role) identity.Caller {
	called := name
	if in != (mq.Tenant{}) {
		called = in.String() + "/" + name
	}
	return identity.Caller{Tenant: in, Role: role, Actor: control.Actor{Kind: control.MemberActor, Name: called, Role: string(role), Remote: "192.0.2.1:99", Request: "r-" + name}}
}

func (h *house) ann() identity.Caller  { return member(h.tenant("risk"), "ann", identity.TenantAdmin) }
func (h *house) otto() identity.Caller { return member(mq.Tenant{}, "otto", identity.Operator) }

// asks lets ann of risk ask for a plan.
func (h *house) asks(plan string) (request.Request, error) {
	w, err := h.Raise.Wish(h.tenant("risk"), h.name(plan))
	if err != nil {
		return request.Request{}, err
	}
	return h.Desk.Ask(context.Background(), h.ann(), request.New{Kind: raise.Kind, From: h.tenant("risk"), Reason: "branches", Wish: w.Written()})
}

func (h *house) asked(plan string) request.Request {
	h.t.Helper()
	r, err := h.asks(plan)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func here(r request.Request) request.At { return request.At{ID: r.ID} }

func (h *house) approve(r request.Request) (request.Request, error) {
	return h.Desk.Approve(h.t.Context(), h.otto(), here(r), request.Decision{Why: "fine"})
}

// rows counts the rows of audit of an action and what came of it, in a tenant or, "", of the installation itself.
func (h *house) rows(tenant string, action control.Verb, outcome control.Outcome) int {
	h.t.Helper()
	return controltest.Rows(h.t, h.Plane, controltest.Audited{Tenant: tenant, Action: action, Outcome: outcome})
}

func TestATenantGetsThePlanThatItAskedFor(t *testing.T) {
	h := newHouse(t)
	r := h.asked("large")
	all, err := h.Desk.Requests(mq.Tenant{})
	if err != nil || len(all) != 1 || all[0].ID != r.ID || all[0].Reason != "branches" {
		t.Fatalf("the installation is asked %+v, %v", all, err)
	}
	if all, err := h.Desk.Requests(h.tenant("pay")); err != nil || len(all) != 0 {
		t.Errorf("another tenant sees %+v, %v", all, err)
	}
	if _, err := h.Desk.Request(request.At{Tenant: h.tenant("pay"), ID: r.ID}); mq.KindOf(err) != mq.NotFound {
		t.Errorf("another tenant finds it: %v", err)
	}
	if h.planOfRisk() != "small" {
		t.Error("it has the plan before anybody said yes")
	}
	done, err := h.approve(r)
	if err != nil || done.State != request.Approved || done.Due || done.Failed != "" || done.Decider.Name != "otto" {
		t.Fatalf("%+v, %v", done, err)
	}
	if b := h.Bound(control.TopicRecord, h.tenant("risk"), 100); h.planOfRisk() != "large" || b.Most != 2 {
		t.Errorf("it has the plan %s, up to %d topics", h.planOfRisk(), b.Most)
	}
	for action, want := range map[control.Verb]int{"request.create": 1, "request.approve": 1, "tenant.update": 1, "request.settle": 1} {
		if n := h.rows("risk", action, control.Done); n != want {
			t.Errorf("%s: %d rows of the tenant, want %d", action, n, want)
		}
	}
	if n := h.rows("", "request.approve", control.Done); n != 1 {
		t.Errorf("%d rows of the installation", n)
	}
	page, err := h.Audit(t.Context(), control.AuditQuery{Tenant: "risk", Limit: control.MaxAuditPage})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Entries {
		if strings.Contains(e.Actor.Name+e.Before+e.After+e.Why, "otto") {
			t.Errorf("the tenant's audit names who decided: %+v", e)
		}
	}
}

func TestARequestForAQuotaIsRefusedOrWithdrawn(t *testing.T) {
	h := newHouse(t)
	r := h.asked("large")
	_, err := h.asks("large")
	controltest.WantKind(t, err, mq.Conflict, control.Exists)
	_, err = h.Desk.Refuse(t.Context(), h.otto(), here(r), request.Decision{})
	controltest.WantKind(t, err, mq.BadRequest, control.OutOfRange)
	_, err = h.Desk.Withdraw(t.Context(), h.otto(), here(r), request.Decision{})
	controltest.WantKind(t, err, mq.Conflict, request.NotAsked)
	if _, err := h.Desk.Comment(t.Context(), h.otto(), here(r), "how many?"); err != nil {
		t.Fatal(err)
	}
	no, err := h.Desk.Refuse(t.Context(), h.otto(), here(r), request.Decision{Why: "half of your topics are empty"})
	if err != nil || no.State != request.Refused || no.Why != "half of your topics are empty" {
		t.Fatalf("%+v, %v", no, err)
	}
	mine := request.At{Tenant: h.tenant("risk"), ID: h.asked("large").ID}
	if back, err := h.Desk.Withdraw(t.Context(), h.ann(), mine, request.Decision{}); err != nil || back.State != request.Withdrawn {
		t.Errorf("%+v, %v", back, err)
	}
	late := h.asked("large")
	h.clock.Advance(request.Life)
	_, err = h.approve(late)
	controltest.WantKind(t, err, mq.Conflict, request.Decided)
	if h.planOfRisk() != "small" {
		t.Errorf("it has the plan %s", h.planOfRisk())
	}
}

func TestNobodyApprovesHisOwnQuota(t *testing.T) {
	h := newHouse(t)
	r := h.asked("large")
	_, err := h.Desk.Approve(t.Context(), member(mq.Tenant{}, "ann", identity.Operator), here(r), request.Decision{}) // she is of the installation, too
	controltest.WantKind(t, err, mq.Forbidden, request.OwnRequest)
	if n := h.rows("", identity.AnswerRequest, control.Denied); n != 1 {
		t.Errorf("%d denials are written down", n)
	}
	_, err = h.Desk.Approve(t.Context(), member(h.tenant("risk"), "bob", identity.TenantAdmin), request.At{Tenant: h.tenant("risk"), ID: r.ID}, request.Decision{})
	controltest.WantKind(t, err, mq.Conflict, request.NotAsked)
	if !strings.Contains(err.Error(), "the installation decides") {
		t.Errorf("it does not say who decides: %v", err)
	}
	if h.planOfRisk() != "small" {
		t.Errorf("it has the plan %s", h.planOfRisk())
	}
}

// Plans are the installation's: whoever asks learns from no answer which there are, whoever decides reads it.
func TestAskingForAPlanTellsNothingOfPlans(t *testing.T) {
	h := newHouse(t)
	r := h.asked("largest")
	_, err := h.approve(r)
	controltest.WantKind(t, err, mq.Conflict, raise.NoPlan)
	h.plan("largest", 3)
	if _, err := h.approve(r); err != nil || h.planOfRisk() != "largest" {
		t.Errorf("once the plan is there: %s, %v", h.planOfRisk(), err)
	}
	_, err = h.asks("largest")
	controltest.WantKind(t, err, mq.Conflict, raise.InPlace)
	_, err = h.Desk.Ask(t.Context(), h.ann(), request.New{Kind: raise.Kind, From: h.tenant("risk"), To: h.tenant("pay"), Reason: "branches", Wish: raise.Wish{Plan: h.name("large")}.Written()})
	controltest.WantKind(t, err, mq.BadRequest, control.OutOfRange)
}

func TestAnApprovalThatCouldBringNothingIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(*house)
		reason    control.Reason
	}{
		"the plan was removed":                {func(h *house) { h.removePlan("large") }, raise.NoPlan},
		"the tenant has it already":           {func(h *house) { h.give("large") }, raise.InPlace},
		"the tenant was given another one":    {func(h *house) { h.plan("medium", 3); h.give("medium") }, raise.Changed},
		"the tenant's plan was taken from it": {func(h *house) { h.give("") }, raise.Changed},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			r := h.asked("large")
			c.meanwhile(h)
			before := h.planOfRisk()
			_, err := h.approve(r)
			controltest.WantKind(t, err, mq.Conflict, c.reason)
			if is, err := h.Desk.Request(here(r)); err != nil || is.State != request.Pending || h.planOfRisk() != before {
				t.Errorf("%+v, %v, plan %s", is, err, h.planOfRisk())
			}
			if no, err := h.Desk.Refuse(t.Context(), h.otto(), here(r), request.Decision{Why: "ask again"}); err != nil || no.State != request.Refused {
				t.Errorf("%+v, %v", no, err)
			}
		})
	}
}

// A plan that bears the name of one that went after the approval is another plan.
func TestAPlanThatWasMadeAfterTheApprovalIsNotGiven(t *testing.T) {
	h := newHouse(t)
	r := h.asked("large")
	r.Decided = h.clock.Now()
	h.removePlan("large")
	controltest.WantKind(t, h.Raise.Do(t.Context(), control.Itself("requests"), r), mq.Conflict, raise.NoPlan)
	h.clock.Advance(time.Second)
	h.plan("large", 500)
	controltest.WantKind(t, h.Raise.Do(t.Context(), control.Itself("requests"), r), mq.Conflict, raise.NoPlan)
	if h.planOfRisk() != "small" {
		t.Errorf("it has the plan %s", h.planOfRisk())
	}
}

// dying opens a house whose plane dies at a step of an approval, and the plane after it.
func dying(t *testing.T, step int) (h *house, at request.At, died bool) {
	t.Helper()
	h = newHouse(t)
	h.plan("medium", 3)
	r := h.asked("large")
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	crash := controltest.CrashAt(step)
	if h.open(crash) == nil {
		_, _ = h.approve(r) // what it answers is lost with it
	}
	died = crash.Dead()
	if err := h.open(nil); err != nil {
		t.Fatal(err)
	}
	return h, here(r), died
}

func (h *house) swept(at request.At) request.Request {
	h.t.Helper()
	for range 2 { // the second look finds nothing to do
		if err := h.Desk.Sweep(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	}
	r, err := h.Desk.Request(at)
	if err != nil || r.Due {
		h.t.Fatalf("%+v, %v", r, err)
	}
	return r
}

// The process of the plane dies at every step between an approval and the end of its effect; the next one finishes what was approved, once.
func TestAPlaneThatDiesWithAnApprovalGivesThePlanOnce(t *testing.T) {
	for step, died := 1, true; died; step++ {
		var h *house
		var at request.At
		h, at, died = dying(t, step)
		r := h.swept(at)
		plan, times := "small", 0
		if r.State == request.Approved {
			plan, times = "large", 1
		}
		rows := []int{h.rows("risk", "request.approve", control.Done), h.rows("risk", "tenant.update", control.Done), h.rows("risk", "request.settle", control.Done)}
		if r.Failed != "" || h.planOfRisk() != plan || rows[0] != times || rows[1] != times || rows[2] != times || !died && times != 1 {
			t.Fatalf("killed at step %d: %+v, plan %s, rows %v", step, r, h.planOfRisk(), rows)
		}
		if !died && step < 8 {
			t.Errorf("%d steps: rows and records have two each", step-1)
		}
	}
}

// What somebody gave the tenant after the plane died is newer than what was approved before: the late effect leaves it, and says so.
func TestALateEffectTakesNoNewerPlanAway(t *testing.T) {
	late := 0
	for step, died := 1, true; died; step++ {
		var h *house
		var at request.At
		h, at, died = dying(t, step)
		due, err := h.Desk.Request(at)
		if err != nil {
			t.Fatal(err)
		}
		h.give("medium")
		r := h.swept(at)
		if h.planOfRisk() != "medium" {
			t.Fatalf("killed at step %d: the tenant has the plan %s", step, h.planOfRisk())
		}
		if due.Due {
			late++
			if !strings.Contains(r.Failed, "medium by now") {
				t.Errorf("killed at step %d: it does not say what became of it: %+v", step, r)
			}
		}
	}
	if late == 0 {
		t.Error("no effect was late")
	}
}

// The loop that a process runs carries out what was approved without being asked.
func TestTendingGivesThePlanThatWasApproved(t *testing.T) {
	for step := 1; ; step++ {
		h, at, died := dying(t, step)
		if !died {
			t.Fatal("no death leaves the effect to another plane")
		}
		if r, err := h.Desk.Request(at); err != nil || !r.Due || h.planOfRisk() != "small" {
			continue
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			reception.Tend(ctx, h.Plane, h.clock, slog.New(slog.DiscardHandler))
		}()
		defer func() { cancel(); <-done }()
		for bound := time.Now().Add(time.Minute); ; h.clock.Advance(reception.Rest) {
			if r, err := h.Desk.Request(at); err != nil || !r.Due && h.planOfRisk() == "large" {
				return
			}
			if time.Now().After(bound) {
				t.Fatalf("the tenant has the plan %s", h.planOfRisk())
			}
			<-time.After(time.Millisecond)
		}
	}
}
