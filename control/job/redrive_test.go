// SPDX-License-Identifier: Apache-2.0

package job_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/mq"
)

// bury puts dead letters of a group that came from a topic.
func (h *house) bury(g control.Group, from mq.Physical, ids ...string) {
	h.t.Helper()
	var dead []mq.Message
	for _, id := range ids {
		m := mq.Message{ID: must(mq.ParseMessageID(id)), Body: []byte("body of " + id), Type: mq.Delay, DeliverAt: time.Unix(1, 0)}
		m.Origin = mq.Origin{Topic: from, Message: m.ID, Attempt: 17, Why: "attempts"}
		dead = append(dead, m)
	}
	for _, s := range h.engine.Send(context.Background(), g.DeadLetters(), dead) {
		if s.Err != nil {
			h.t.Fatal(s.Err)
		}
	}
}

func letters(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprint("m", i))
	}
	return ids
}

func (h *house) redrive(p *plane, g control.Group, most int64) job.Job {
	h.t.Helper()
	j, err := p.board.Redrive(context.Background(), tester(), g.Tenant, g.Name, most)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.ended(p, j)
}

func TestRedriveSendsDeadLettersBackOnceWithTheirOrigin(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	orders, g := p.topic("default", "orders"), p.group("default", "billing")
	ids := letters(70)
	h.bury(g, orders.Spec.Name, ids...)
	first := h.redrive(p, g, 10)
	if first.State != job.Done || first.Moved != 10 || first.Percent() != 100 || first.Ended.IsZero() || first.By != "ada" {
		t.Errorf("with a limit of ten: %+v", first)
	}
	rest := h.redrive(p, g, 0)
	if rest.State != job.Done || rest.Total != 60 || rest.Moved != 60 {
		t.Errorf("the rest: %+v", rest)
	}
	if again := h.redrive(p, g, 0); again.Moved != 0 || again.State != job.Done {
		t.Errorf("once more: %+v", again)
	}
	back := h.messages(orders.Spec)
	if len(back) != 70 {
		t.Fatalf("%d messages", len(back))
	}
	for i, m := range back {
		if m.Message.ID.String() != ids[i] || m.Message.Origin.Attempt != 17 || m.Message.Type != mq.Normal || !m.Message.DeliverAt.IsZero() || len(m.Message.Body) == 0 {
			t.Errorf("message %d came back as %+v", i, m.Message)
		}
	}
	if dead := h.messages(g.DeadLetters()); len(dead) != 70 {
		t.Errorf("nothing is deleted, yet %d dead letters are left", len(dead))
	}
}

func TestRedriveLeavesWhatHasNowhereToGo(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	orders, gone, g := p.topic("default", "orders"), p.topic("default", "gone"), p.group("default", "billing")
	p.tenant("shop")
	foreign := p.topic("shop", "orders")
	h.bury(g, orders.Spec.Name, "a")
	h.bury(g, gone.Spec.Name, "b")
	h.bury(g, foreign.Spec.Name, "c")
	h.bury(g, orders.Spec.Name, "d")
	if err := p.DeleteTopic(context.Background(), tester(), gone.Tenant, gone.Name, control.Deletion{Confirmed: true}); err != nil {
		t.Fatal(err)
	}
	if j := h.redrive(p, g, 0); j.State != job.Partial || j.Moved != 2 || j.Skipped != 2 || j.Detail == "" {
		t.Errorf("got %+v", j)
	}
	if n := len(h.messages(foreign.Spec)); n != 0 {
		t.Errorf("another tenant's topic got %d messages", n)
	}
}

func TestRedriveReportsAnEngineThatFails(t *testing.T) {
	for name, fault := range map[string]struct {
		verb string
		err  error
	}{
		"it is down":                   {"Take", mq.Refuse(mq.Unavailable, "down")},
		"it lost the group":            {"Take", mq.Refuse(mq.GroupNotFound, "no such group")},
		"it cannot count what is left": {"Progress", mq.Refuse(mq.GroupNotFound, "no such group")}, // as brokers say that make no groups by themselves
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			p := h.open()
			orders, g := p.topic("default", "orders"), p.group("default", "billing")
			h.bury(g, orders.Spec.Name, "a")
			h.ask(func(_ context.Context, verb string) error {
				if verb == fault.verb {
					return fault.err
				}
				return nil
			})
			j, err := p.board.Redrive(t.Context(), tester(), g.Tenant, g.Name, 0)
			if err == nil {
				j = h.ended(p, j)
			}
			if err == nil && (j.State != job.Failed || j.Detail == "") {
				t.Errorf("got %+v", j)
			}
		})
	}
}

// held makes every Take wait until the test ends it; begun is closed with the first one.
func (h *house) held() (begun chan struct{}, end func()) {
	begun, hold := make(chan struct{}), make(chan struct{})
	var once sync.Once
	h.ask(func(ctx context.Context, verb string) error {
		if verb != "Take" {
			return nil
		}
		once.Do(func() { close(begun) })
		select {
		case <-hold:
		case <-ctx.Done():
			return mq.Refuse(mq.Timeout, "nobody waits any more")
		}
		return nil
	})
	return begun, func() { close(hold) }
}

func TestOneRedriveAtATimeForAGroupOverAllPlanes(t *testing.T) {
	h := newHouse(t)
	a, b := h.open(unhurried), h.open(unhurried)
	orders, g := a.topic("default", "orders"), a.group("default", "billing")
	h.bury(g, orders.Spec.Name, "a")
	h.soon("both planes know the group", func() bool { _, err := b.Group(g.Tenant, g.Name); return err == nil })
	begun, end := h.held()
	j, err := a.board.Redrive(context.Background(), tester(), g.Tenant, g.Name, 0)
	if err != nil {
		t.Fatal(err)
	}
	h.reached(begun)
	for _, p := range []*plane{a, b} {
		_, err = p.board.Redrive(context.Background(), tester(), g.Tenant, g.Name, 0)
		wantRefusal(t, err, mq.Conflict, control.Busy)
	}
	if _, err := a.board.Job(tenantOf("other"), j.ID); mq.KindOf(err) != mq.NotFound {
		t.Errorf("another tenant sees the job: %v", err)
	}
	h.soon("the other plane sees the job", func() bool { seen, err := b.board.Job(g.Tenant, j.ID); return err == nil && seen.State == job.Running })
	end()
	if done := h.ended(b, j); done.State != job.Done || done.Moved != 1 {
		t.Errorf("the other plane sees %+v", done)
	}
}

func TestWhatCannotBeAuditedIsNotRedriven(t *testing.T) {
	h := newHouse(t)
	store := &speechless{}
	p := h.open(func(o *control.Options) { store.Store = o.Store; o.Store = store })
	read, g := p.topic("default", "read"), p.group("default", "billing")
	h.bury(g, read.Spec.Name, "a")
	store.on = true
	if _, err := p.board.Redrive(context.Background(), tester(), g.Tenant, g.Name, 0); mq.KindOf(err) != mq.Unavailable {
		t.Errorf("got %v", err)
	}
	if jobs, err := p.board.Jobs(g.Tenant); err != nil || len(jobs) != 0 || h.engine.Calls("Take") != 0 {
		t.Errorf("%v runs, %v", jobs, err)
	}
}

// speechless is a store whose audit cannot be written.
type speechless struct {
	control.Store
	on bool
}

func (s *speechless) Append(ctx context.Context, e control.Entry) error {
	if s.on {
		return mq.Refuse(mq.Unavailable, "no audit")
	}
	return s.Store.Append(ctx, e)
}

// messages is all that a topic holds.
func (h *house) messages(topic mq.Topic) []mq.Found {
	h.t.Helper()
	page, err := h.engine.Find(context.Background(), mq.Find{Topic: topic, Limit: 10_000})
	if err != nil {
		h.t.Fatal(err)
	}
	return page.Messages
}

// came counts how often each letter is in a topic.
func (h *house) came(topic control.Topic) map[string]int {
	h.t.Helper()
	count := map[string]int{}
	for _, m := range h.messages(topic.Spec) {
		count[m.Message.ID.String()]++
	}
	return count
}

// ruin is redrives of which the process dies, one after the other, over one store and one engine.
type ruin struct {
	*house
	orders control.Topic
	group  control.Group
	before map[string]bool // the jobs of the steps before
}

func newRuin(t *testing.T) *ruin {
	h := newHouse(t)
	p := h.open()
	r := &ruin{house: h, orders: p.topic("default", "orders"), group: p.group("default", "billing"), before: map[string]bool{}}
	p.close()
	return r
}

// kill lets a process die at a step of a redrive of two batches; it tells whether it got there.
func (r *ruin) kill(step int, victim *plane, crash *controltest.Crash) (died bool) {
	r.t.Helper()
	var ids []string
	for i := range mq.MaxReceive + 8 {
		ids = append(ids, fmt.Sprint("s", step, "-", i))
	}
	r.bury(r.group, r.orders.Spec.Name, ids...)
	j, err := victim.board.Redrive(context.Background(), tester(), r.group.Tenant, r.group.Name, 0)
	if err == nil {
		r.soon("it ends or dies", func() bool {
			seen, err := victim.board.Job(r.group.Tenant, j.ID)
			return err != nil || !seen.State.Live() || crash.Dead()
		})
	}
	if err != nil && !crash.Dead() {
		r.t.Fatal(err)
	}
	return crash.Dead()
}

// judge waits for the end of a step's job, if it was kept, and holds what became of the letters against it: they have to come back, each one once, but for
// those that were sent and not settled when the process died.
func (r *ruin) judge(step int, p *plane) {
	r.t.Helper()
	var mine []job.Job
	r.soon("every job has ended", func() bool {
		if err := p.Refresh(context.Background()); err != nil {
			r.t.Fatal(err)
		}
		all, err := p.board.Jobs(r.group.Tenant)
		if err != nil {
			r.t.Fatal(err)
		}
		mine = nil
		for _, one := range all {
			if one.State.Live() {
				return false
			}
			if !r.before[one.ID] {
				mine = append(mine, one)
			}
		}
		return true
	})
	asked := 0
	for _, e := range p.rows(control.AuditQuery{Kind: job.Record}) {
		if e.Action == "job.create" && !r.before[e.Target.Name] {
			r.before[e.Target.Name] = true
			asked++
		}
	}
	twice, count := 0, map[string]int{}
	for id, n := range r.came(r.orders) {
		if !strings.HasPrefix(id, fmt.Sprint("s", step, "-")) {
			continue
		}
		if count[id] = n; n > 1 {
			twice++
		}
	}
	switch {
	case asked != len(mine) || asked > 1:
		r.t.Fatalf("step %d: %d jobs, %d rows of their creation", step, len(mine), asked)
	case asked == 0 && len(count) > 0:
		r.t.Errorf("step %d: %d letters came back of a job that nobody asked for", step, len(count))
	case asked == 0: // for the next redrive
		h := r.redrive(p, r.group, 0)
		r.before[h.ID] = true
	case len(count) != mq.MaxReceive+8 || mine[0].State != job.Done || mine[0].Percent() != 100:
		r.t.Errorf("step %d: %d letters came back, the job: %+v", step, len(count), mine[0])
	}
	if twice > mq.MaxReceive {
		r.t.Errorf("step %d: %d letters came twice, more than were in hand", step, twice)
	}
}

func TestARedriveThatDiesAtAnyStepGoesOnWithTheNextStart(t *testing.T) {
	t.Parallel()
	r, step := newRuin(t), 1
	for died := true; died; step++ {
		crash := controltest.CrashAt(step)
		victim := r.open(dying(crash, r.engine))
		died = r.kill(step, victim, crash)
		victim.close()
		p := r.open()
		r.judge(step, p)
		p.close()
	}
	if step < 20 {
		t.Errorf("%d steps: a row, a group, a document, two batches of three calls, a look and the end have two each", step-1)
	}
}

func TestARedriveOfAPlaneThatDiesIsFinishedByAnother(t *testing.T) {
	t.Parallel()
	r := newRuin(t)
	alive := r.open(shared)
	for _, step := range []int{6, 9, 14} { // when the document is kept, and around the calls of a batch
		crash := controltest.CrashAt(step)
		victim := r.open(shared, dying(crash, r.engine))
		if !r.kill(step, victim, crash) {
			t.Errorf("step %d: it did not die", step)
		}
		r.judge(step, alive)
		victim.close()
	}
}

func TestAJobGoesOnAfterAStopByItsGroupsPosition(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	orders, g := p.topic("default", "orders"), p.group("default", "billing")
	h.bury(g, orders.Spec.Name, letters(70)...)
	begun, end := h.held()
	j, err := p.board.Redrive(context.Background(), tester(), g.Tenant, g.Name, 0)
	if err != nil {
		t.Fatal(err)
	}
	h.reached(begun)
	p.close()
	end()
	p = h.open()
	j = h.ended(p, j)
	if j.State != job.Done || j.Moved != 70 || j.Turn != 2 {
		t.Errorf("%+v", j)
	}
	for id, n := range h.came(orders) {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
}
