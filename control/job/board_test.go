// SPDX-License-Identifier: Apache-2.0

package job_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/mq"
)

func TestACancelledJobEndsAndKeepsWhatItDid(t *testing.T) {
	for name, other := range map[string]bool{"at its plane": false, "at another plane": true} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			p := h.open(unhurried)
			at := p
			if other {
				at = h.open(unhurried)
			}
			orders, g := p.topic("default", "orders"), p.group("default", "billing")
			h.bury(g, orders.Spec.Name, letters(70)...)
			begun, end := h.held()
			defer end()
			j, err := p.board.Redrive(context.Background(), tester(), g.Tenant, g.Name, 0)
			if err != nil {
				t.Fatal(err)
			}
			h.reached(begun)
			h.soon("it is seen", func() bool { _, err := at.board.Job(g.Tenant, j.ID); return err == nil })
			for range 2 {
				seen, err := at.board.Cancel(context.Background(), tester(), g.Tenant, j.ID)
				if err != nil || seen.State == job.Running {
					t.Errorf("%+v, %v", seen, err)
				}
			}
			if done := h.ended(p, j); done.State != job.Cancelled || done.Ended.IsZero() {
				t.Errorf("%+v", done)
			}
			h.soon("the other plane knows", func() bool { seen, err := at.board.Job(g.Tenant, j.ID); return err == nil && !seen.State.Live() })
			if seen, err := at.board.Cancel(context.Background(), tester(), g.Tenant, j.ID); err != nil || seen.State != job.Cancelled {
				t.Errorf("once more: %+v, %v", seen, err)
			}
			if n := len(p.rows(control.AuditQuery{Kind: job.Record, Actor: "ada"})); n != 2 {
				t.Errorf("%d rows of who asked, want its creation and its end", n)
			}
			if _, err := at.board.Cancel(context.Background(), tester(), tenantOf("other"), j.ID); mq.KindOf(err) != mq.NotFound {
				t.Errorf("another tenant's: %v", err)
			}
		})
	}
}

func TestACancelledJobOfADeadProcessEndsWithoutBeingDone(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	orders, g := p.topic("default", "orders"), p.group("default", "billing")
	h.bury(g, orders.Spec.Name, letters(3)...)
	begun, end := h.held()
	j, err := p.board.Redrive(context.Background(), tester(), g.Tenant, g.Name, 0)
	if err != nil {
		t.Fatal(err)
	}
	h.reached(begun)
	p.board.Close()
	if seen, err := p.board.Cancel(context.Background(), tester(), g.Tenant, j.ID); err != nil || seen.State != job.Cancelling {
		t.Errorf("%+v, %v", seen, err)
	}
	p.close()
	end()
	p = h.open()
	if j = h.ended(p, j); j.State != job.Cancelled || j.Moved != 0 || len(h.came(orders)) != 0 {
		t.Errorf("%+v", j)
	}
}

// Figures are written down at a bounded rate, and known in between to who does the job.
func TestFiguresAreWrittenTheMoreSeldomTheLongerAJobRuns(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	orders, g := p.topic("default", "orders"), p.group("default", "billing")
	const n = 40 * mq.MaxReceive
	h.bury(g, orders.Spec.Name, letters(n)...)
	took := make(chan chan struct{})
	h.ask(func(_ context.Context, verb string) error {
		if verb == "Take" {
			going := make(chan struct{})
			took <- going
			<-going
		}
		return nil
	})
	j, err := p.board.Redrive(context.Background(), tester(), g.Tenant, g.Name, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		next := <-took
		seen, err := p.board.Job(g.Tenant, j.ID)
		if err != nil || seen.Moved != int64(i*mq.MaxReceive) {
			t.Errorf("before batch %d: %+v, %v", i, seen, err)
		}
		if i == 20 {
			if want := 20 * time.Minute; seen.Percent() != 50 || seen.Left() < want-time.Minute || seen.Left() > want+time.Minute {
				t.Errorf("halfway: %d %%, at %f a second, %v left", seen.Percent(), seen.Rate, seen.Left())
			}
		}
		h.clock.Advance(time.Minute)
		close(next)
	}
	if j = h.ended(p, j); j.State != job.Done || j.Moved != n {
		t.Errorf("%+v", j)
	}
	told := 0
	for _, e := range p.rows(control.AuditQuery{Kind: job.Record}) {
		if e.Action == "job.progress" {
			told++
		}
	}
	if told < 20 || told > 40 {
		t.Errorf("the figures of forty minutes were written down %d times", told)
	}
}

func TestJobsHaveBounds(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	_, end := h.held()
	for i := range job.MaxLiveOf + 1 {
		g := p.group("default", fmt.Sprint("g", i))
		h.bury(g, g.Spec.Name, "a")
		_, err := p.board.Redrive(context.Background(), tester(), g.Tenant, g.Name, 0)
		if i < job.MaxLiveOf && err != nil {
			t.Fatal(err)
		}
		if i == job.MaxLiveOf {
			wantRefusal(t, err, mq.TooManyRequests, refusal.TooManyRun)
		}
	}
	end()
}

func TestJobsThatHaveEndedAreForgottenByNumberAndAge(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	g := p.group("default", "billing")
	for range job.Remembered + 2 {
		h.redrive(p, g, 0)
	}
	all, err := p.board.Jobs(g.Tenant)
	if err != nil || len(all) != job.Remembered && len(all) != job.Remembered+1 { // the last one is not over when the others are swept
		t.Errorf("%d are remembered, %v", len(all), err)
	}
	for i := range len(all) - 1 {
		if all[i].Order() >= all[i+1].Order() {
			t.Errorf("job %d stands before an older one", i)
		}
	}
	h.clock.Advance(job.RememberedFor + time.Hour)
	h.soon("all are forgotten", func() bool { all, err := p.board.Jobs(g.Tenant); return err == nil && len(all) == 0 })
}

func TestAJobThatNobodyKnowsHowToDoFails(t *testing.T) {
	h := newHouse(t)
	p := h.open()
	d := control.Document{Kind: job.Record, Tenant: "default", Name: "abc", Body: `{"kind":"fly","target":"moon","state":"running","total":-1,"by":"ada","turn":1,"begun":"2026-11-23T09:00:00Z"}`}
	if _, err := p.AddDocument(context.Background(), tester(), d, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	j := h.ended(p, job.Job{ID: "abc", Place: tenantOf("default")})
	if j.State != job.Failed || j.Percent() != -1 || j.Detail == "" {
		t.Errorf("%+v", j)
	}
}
