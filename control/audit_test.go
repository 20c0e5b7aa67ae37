// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// rows reads the audit, newest first.
func (p *plane) rows(q control.AuditQuery) []control.Entry {
	p.t.Helper()
	page, err := p.Audit(context.Background(), q)
	if err != nil {
		p.t.Fatal(err)
	}
	return page.Entries
}

// told is the audit in short, oldest first: who, what, to what, with what outcome.
func (p *plane) told(q control.AuditQuery) []string {
	p.t.Helper()
	var all []string
	for _, e := range p.rows(q) {
		line := e.Actor.String() + " " + string(e.Action) + " " + e.Target.Name + " " + string(e.Outcome)
		all = append([]string{line}, all...)
	}
	return all
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the audit tells\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheAuditTellsWhoDidWhat(t *testing.T) {
	p := openPlane(t)
	ctx := context.Background()
	orders := p.topic("orders")
	note := "of the shop"
	if _, err := p.UpdateTopic(ctx, tester(), orders.Tenant, orders.Name, control.TopicChange{Note: &note}); err != nil {
		t.Fatal(err)
	}
	if err := p.DeleteTopic(ctx, tester(), orders.Tenant, orders.Name, control.Deletion{}); err != nil {
		t.Fatal(err)
	}
	wantLines(t, p.told(control.AuditQuery{Name: "orders"}),
		"member ada topic.create orders done",
		"plane provisioning topic.settle orders done",
		"member ada topic.update orders done",
		"plane provisioning topic.settle orders done",
		"member ada topic.delete orders done",
		"plane provisioning topic.forget orders done")
	rows := p.rows(control.AuditQuery{Name: "orders"})
	update := rows[3]
	var was, became struct{ Note, State string }
	if err := errors.Join(json.Unmarshal([]byte(update.Before), &was), json.Unmarshal([]byte(update.After), &became)); err != nil {
		t.Fatal(err)
	}
	if was.Note != "" || became.Note != note || was.State != "ready" || became.State != "updating" {
		t.Errorf("before %s, after %s", update.Before, update.After)
	}
	if update.Actor != tester() || rows[0].Actor.Request != tester().Request {
		t.Errorf("actor %+v; the plane's work names the request it is for: %+v", update.Actor, rows[0].Actor)
	}
	if create, forget := rows[5], rows[0]; create.Before != "" || forget.After != "" || forget.Before == "" {
		t.Errorf("a creation has nothing before, an end nothing after: %+v, %+v", create, forget)
	}
	wantLines(t, p.told(control.AuditQuery{Kind: control.TenantRecord}), "plane start tenant.create default done")
	report, err := p.VerifyAudit(ctx)
	if err != nil || len(report.Broken) != 0 || report.Rows != 7 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestTheAuditIsReadInPages(t *testing.T) {
	p := openPlane(t)
	for _, name := range []string{"a", "b", "c"} {
		p.topic(name)
	}
	var seen []uint64
	q := control.AuditQuery{Actor: "ada", Limit: 2}
	for {
		page, err := p.Audit(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			seen = append(seen, e.Number)
		}
		if page.Next == 0 {
			break
		}
		q.Below = page.Next
	}
	if len(seen) != 3 || seen[0] <= seen[1] || seen[1] <= seen[2] {
		t.Errorf("rows %v", seen)
	}
	_, err := p.Audit(context.Background(), control.AuditQuery{Limit: 501})
	wantRefusal(t, err, mq.BadRequest, control.OutOfRange)
	now := time.Now()
	_, err = p.Audit(context.Background(), control.AuditQuery{From: now, To: now.Add(-time.Second)})
	wantRefusal(t, err, mq.BadRequest, control.NoWindow)
}

// A reset happens at the engine alone. It is announced before, so that one of which nobody knows the end is seen all the same.
func TestAResetIsAnnouncedBeforeItHappens(t *testing.T) {
	p := openPlane(t)
	ctx := context.Background()
	read, g := p.topic("read"), p.group("billing")
	p.engine.Send(ctx, read.Spec, []mq.Message{{}, {}})
	reset := control.GroupReset{Tenant: g.Tenant, Group: g.Name, Topic: read.Name, To: mq.Position{Kind: mq.ToLatest}}
	announced := -1
	p.engine.Fail = func(verb string) error {
		if verb == "Reset" {
			announced = len(p.rows(control.AuditQuery{Outcome: control.Begun}))
		}
		return nil
	}
	if _, err := p.Reset(ctx, tester(), reset); err != nil {
		t.Fatal(err)
	}
	if announced != 1 {
		t.Errorf("%d announcements when it happened", announced)
	}
	p.engine.Fail = func(string) error { return mq.Refuse(mq.Unavailable, "down") }
	if _, err := p.Reset(ctx, tester(), reset); mq.KindOf(err) != mq.Unavailable {
		t.Fatal(err)
	}
	wantLines(t, p.told(control.AuditQuery{Name: "billing", Actor: "ada"})[1:],
		"member ada group.reset billing begun", "member ada group.reset billing done",
		"member ada group.reset billing begun", "member ada group.reset billing failed")
	done := p.rows(control.AuditQuery{Name: "billing", Outcome: control.Done})[0]
	if done.Before != `{"force":false,"to":"latest","topic":"read"}` || !strings.Contains(done.After, `"committed":2`) {
		t.Errorf("before %s, after %s", done.Before, done.After)
	}
}

func TestADenialIsARow(t *testing.T) {
	p := openPlane(t)
	before := p.Version()
	p.Deny(context.Background(), tester(), "topic.delete", control.Ref{Kind: control.TopicRecord, Tenant: "default", Name: "orders\x00" + strings.Repeat("ß", 1000)}, "no right")
	rows := p.rows(control.AuditQuery{Outcome: control.Denied})
	if len(rows) != 1 || rows[0].Version != 0 || rows[0].Why != "no right" || len(rows[0].Target.Name) > 300 {
		t.Errorf("%+v", rows)
	}
	if p.Version() != before {
		t.Error("a denial made a version")
	}
	if report, err := p.VerifyAudit(context.Background()); err != nil || len(report.Broken) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestNobodyChangesAnythingWithoutAName(t *testing.T) {
	p := openPlane(t)
	before := p.Version()
	if _, err := p.CreateTopic(context.Background(), control.Actor{}, newTopic(t, "orders")); err == nil {
		t.Error("nobody made a topic")
	}
	if p.Version() != before || p.engine.Calls("PutTopic") != 0 {
		t.Error("something was changed")
	}
}

// speechless is a store whose audit cannot be written.
type speechless struct {
	control.Store
	on atomic.Bool
}

func (s *speechless) Append(ctx context.Context, e control.Entry) error {
	if s.on.Load() {
		return mq.Refuse(mq.Unavailable, "no audit")
	}
	return s.Store.Append(ctx, e)
}

func TestWhatCannotBeAuditedIsNotDoneAtTheEngine(t *testing.T) {
	store := &speechless{}
	p := openPlane(t)
	p.wrap = func(s control.Store) control.Store { store.Store = s; return store }
	p.restart()
	read, g := p.topic("read"), p.group("billing")
	store.on.Store(true)
	_, err := p.Reset(context.Background(), tester(), control.GroupReset{Tenant: g.Tenant, Group: g.Name, Topic: read.Name, To: mq.Position{Kind: mq.ToLatest}})
	if mq.KindOf(err) != mq.Unavailable || p.engine.Calls("Reset") != 0 {
		t.Errorf("got %v, %d resets", err, p.engine.Calls("Reset"))
	}
}

func TestNoSecretIsInTheAudit(t *testing.T) {
	p := openPlane(t, func(o *control.Options) { o.Clock = clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)) })
	ctx, def := context.Background(), tenant(t, "default")
	name, err := control.ParseApplicationName("shop")
	if err != nil {
		t.Fatal(err)
	}
	_, first, err := p.CreateApplication(ctx, tester(), control.Application{Tenant: def, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.RevokeKey(ctx, tester(), def, name, first.ID); err != nil {
		t.Fatal(err)
	}
	if err := p.DeleteApplication(ctx, tester(), def, name, control.Deletion{}); err != nil {
		t.Fatal(err)
	}
	rows := p.rows(control.AuditQuery{})
	if len(rows) != 5 {
		t.Errorf("%d rows", len(rows))
	}
	for _, e := range rows {
		if strings.Contains(e.Before+e.After+e.Why, first.Secret) {
			t.Errorf("row %d of %s shows the secret", e.Number, e.Action)
		}
	}
}
