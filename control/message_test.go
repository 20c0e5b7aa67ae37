// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

func reopen(t *testing.T, dir string) control.Store {
	t.Helper()
	s, err := sqlstore.OpenSQLite(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message(t *testing.T, id string) mq.Message {
	t.Helper()
	m, err := mq.ParseMessageID(id)
	if err != nil {
		t.Fatal(err)
	}
	return mq.Message{ID: m, Body: []byte("body of " + id)}
}

func TestSearchesHaveBounds(t *testing.T) {
	virtual := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	p := openPlane(t, func(o *control.Options) { o.Clock = virtual })
	orders := p.topic("orders")
	id := message(t, "one").ID
	key, err := mq.ParseKey("k")
	if err != nil {
		t.Fatal(err)
	}
	now := virtual.Now()
	for name, c := range map[string]struct {
		find   mq.Find
		reason control.Reason
	}{
		"more than seven days": {mq.Find{Begin: now.Add(-8 * 24 * time.Hour)}, control.NoWindow},
		"begin after end":      {mq.Find{Begin: now, End: now.Add(-time.Hour)}, control.NoWindow},
		"too many":             {mq.Find{Limit: 101}, control.OutOfRange},
		"negative":             {mq.Find{Limit: -1}, control.OutOfRange},
		"id and key":           {mq.Find{ID: id, Key: key}, ""},
	} {
		_, err := p.Find(context.Background(), orders.Tenant, orders.Name, c.find)
		t.Run(name, func(t *testing.T) { wantRefusal(t, err, mq.BadRequest, c.reason) })
	}
	if p.engine.Calls("Find") != 0 {
		t.Error("a refused search reached the engine")
	}
	page, err := p.Find(context.Background(), orders.Tenant, orders.Name, mq.Find{})
	if err != nil || !page.To.Equal(now) || page.To.Sub(page.From) != control.MaxWindow {
		t.Errorf("without a window the last seven days are searched: %v to %v, %v", page.From, page.To, err)
	}
	if _, err := p.Find(context.Background(), orders.Tenant, topicName(t, "none"), mq.Find{}); mq.KindOf(err) != mq.TopicNotFound {
		t.Errorf("got %v", err)
	}
	if _, err := p.Find(context.Background(), orders.Tenant, topicName(t, "%DLQ%none"), mq.Find{}); mq.KindOf(err) != mq.TopicNotFound {
		t.Errorf("got %v", err)
	}
}

func TestProgressListsTheTopicsThatAGroupReads(t *testing.T) {
	p := openPlane(t)
	ctx := context.Background()
	read, _, g := p.topic("read"), p.topic("unread"), p.group("billing")
	p.engine.Send(ctx, read.Spec, []mq.Message{{}, {}, {}})
	taken, err := p.engine.Take(ctx, mq.Want{Topic: read.Spec, Group: g.Spec, Max: 2})
	if err != nil {
		t.Fatal(err)
	}
	p.engine.Ack(ctx, []mq.Lease{taken[0].Lease})
	all, err := p.Progress(ctx, g.Tenant, g.Name, nil)
	if err != nil || len(all) != 1 || all[0].Topic != read.Name {
		t.Fatalf("got %+v, %v", all, err)
	}
	if s := all[0].Sum(); s.Ready != 1 || s.Leased != 1 || s.Retrying != 0 {
		t.Errorf("sum %+v", s)
	}
	only := topicName(t, "unread")
	if one, err := p.Progress(ctx, g.Tenant, g.Name, &only); err != nil || len(one) != 1 {
		t.Errorf("a topic that is named is shown whatever was read: %+v, %v", one, err)
	}
}

func TestLatestIsTheMomentOfTheGroupsCreation(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	p := openPlane(t, func(o *control.Options) { o.Clock = clock.NewVirtual(now) })
	name, err := mq.ParseGroupName("late")
	if err != nil {
		t.Fatal(err)
	}
	g, err := p.CreateGroup(context.Background(), control.NewGroup{Tenant: tenant(t, "default"), Name: name, Start: &mq.Start{Kind: mq.StartLatest}})
	if err != nil || g.Spec.Start.Kind != mq.StartAt || !g.Spec.Start.Time.Equal(now) {
		t.Errorf("begins at %+v, %v", g.Spec.Start, err)
	}
}

func TestASumWithAnUnknownFigureIsUnknown(t *testing.T) {
	s := control.TopicProgress{Queues: []mq.QueueProgress{{Ready: 3, Leased: 1}, {Ready: -1, Leased: 2}, {Ready: 5, Leased: 0}}}.Sum()
	if s.Ready != -1 || s.Leased != 3 {
		t.Errorf("got %+v", s)
	}
}

func TestResetsAreRefusedWhereTheyMakeNoSense(t *testing.T) {
	virtual := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	p := openPlane(t, func(o *control.Options) { o.Clock = virtual })
	ctx := context.Background()
	read, g := p.topic("read"), p.group("billing")
	p.engine.Send(ctx, read.Spec, []mq.Message{{}, {}, {}})
	_, err := p.Reset(ctx, g.Tenant, g.Name, read.Name, mq.Position{Kind: mq.ToTime, Time: virtual.Now().Add(time.Second)})
	wantRefusal(t, err, mq.BadRequest, control.OutOfRange)
	_, err = p.Reset(ctx, g.Tenant, g.Name, read.Name, mq.Position{Kind: mq.ToOffset, Offset: -1})
	wantRefusal(t, err, mq.IllegalOffset, control.OutOfRange)
	_, err = p.Reset(ctx, g.Tenant, g.Name, read.Name, mq.Position{Kind: mq.ToOffset, Offset: 4})
	if mq.KindOf(err) != mq.IllegalOffset {
		t.Errorf("got %v", err)
	}
	if _, err := p.engine.Take(ctx, mq.Want{Topic: read.Spec, Group: g.Spec, Max: 1}); err != nil {
		t.Fatal(err)
	}
	_, err = p.Reset(ctx, g.Tenant, g.Name, read.Name, mq.Position{Kind: mq.ToLatest})
	wantRefusal(t, err, mq.Conflict, control.Leased)
	done, err := p.Reset(ctx, g.Tenant, g.Name, read.Name, mq.Position{Kind: mq.ToLatest, Force: true})
	if err != nil || done.Before[0].Ready != 2 || done.After[0].Ready != 0 {
		t.Errorf("got %+v, %v", done, err)
	}
}

// bury puts dead letters of a group that came from a topic.
func (p *plane) bury(g control.Group, from mq.Physical, ids ...string) {
	p.t.Helper()
	var dead []mq.Message
	for _, id := range ids {
		m := message(p.t, id)
		m.Type, m.DeliverAt = mq.Delay, time.Unix(1, 0)
		m.Origin = mq.Origin{Topic: from, Message: m.ID, Attempt: 17, Why: "attempts"}
		dead = append(dead, m)
	}
	for _, s := range p.engine.Send(context.Background(), g.DeadLetters(), dead) {
		if s.Err != nil {
			p.t.Fatal(s.Err)
		}
	}
}

func (p *plane) redrive(g control.Group, most int64) control.Job {
	p.t.Helper()
	j, err := p.Redrive(context.Background(), g.Tenant, g.Name, most)
	if err != nil {
		p.t.Fatal(err)
	}
	for bound := time.Now().Add(10 * time.Second); j.State == control.JobRunning; {
		if time.Now().After(bound) {
			p.t.Fatal("the job never ended")
		}
		if j, err = p.Job(g.Tenant, j.ID); err != nil {
			p.t.Fatal(err)
		}
	}
	return j
}

func TestRedriveSendsDeadLettersBackOnceWithTheirOrigin(t *testing.T) {
	p := openPlane(t)
	orders, g := p.topic("orders"), p.group("billing")
	var ids []string
	for i := range 70 {
		ids = append(ids, fmt.Sprint("m", i))
	}
	p.bury(g, orders.Spec.Name, ids...)
	first := p.redrive(g, 10)
	if first.State != control.JobDone || first.Moved != 10 || first.Percent() != 100 || first.Ended.IsZero() {
		t.Errorf("with a limit of ten: %+v", first)
	}
	rest := p.redrive(g, 0)
	if rest.State != control.JobDone || rest.Total != 60 || rest.Moved != 60 {
		t.Errorf("the rest: %+v", rest)
	}
	if again := p.redrive(g, 0); again.Moved != 0 || again.State != control.JobDone {
		t.Errorf("once more: %+v", again)
	}
	page, err := p.Find(context.Background(), orders.Tenant, orders.Name, mq.Find{})
	if err != nil || len(page.Messages) != 70 {
		t.Fatalf("%d messages, %v", len(page.Messages), err)
	}
	for i, m := range page.Messages {
		if m.Message.ID.String() != ids[i] || m.Message.Origin.Attempt != 17 || m.Message.Type != mq.Normal || !m.Message.DeliverAt.IsZero() || len(m.Message.Body) == 0 {
			t.Errorf("message %d came back as %+v", i, m.Message)
		}
	}
	if dead, err := p.Find(context.Background(), g.Tenant, mq.DeadLetters(g.Name), mq.Find{}); err != nil || len(dead.Messages) != 70 {
		t.Errorf("nothing is deleted, yet %d dead letters are left, %v", len(dead.Messages), err)
	}
}

func TestRedriveLeavesWhatHasNowhereToGo(t *testing.T) {
	p := openPlane(t)
	orders, gone, g := p.topic("orders"), p.topic("gone"), p.group("billing")
	if _, err := p.CreateTenant(context.Background(), tenant(t, "shop"), ""); err != nil {
		t.Fatal(err)
	}
	foreign, err := p.CreateTopic(context.Background(), control.NewTopic{Tenant: tenant(t, "shop"), Name: orders.Name})
	if err != nil {
		t.Fatal(err)
	}
	p.bury(g, orders.Spec.Name, "a")
	p.bury(g, gone.Spec.Name, "b")
	p.bury(g, foreign.Spec.Name, "c")
	p.bury(g, orders.Spec.Name, "d")
	if err := p.DeleteTopic(context.Background(), gone.Tenant, gone.Name, true); err != nil {
		t.Fatal(err)
	}
	j := p.redrive(g, 0)
	if j.State != control.JobPartial || j.Moved != 2 || j.Skipped != 2 {
		t.Errorf("got %+v", j)
	}
	if page, err := p.Find(context.Background(), foreign.Tenant, foreign.Name, mq.Find{}); err != nil || len(page.Messages) != 0 {
		t.Errorf("another tenant's topic got %d messages, %v", len(page.Messages), err)
	}
}

func TestRedriveReportsAnEngineThatFails(t *testing.T) {
	p := openPlane(t)
	orders, g := p.topic("orders"), p.group("billing")
	p.bury(g, orders.Spec.Name, "a")
	p.engine.Fail = func(verb string) error {
		if verb == "Take" {
			return mq.Refuse(mq.Unavailable, "down")
		}
		return nil
	}
	if j := p.redrive(g, 0); j.State != control.JobFailed || j.Detail == "" {
		t.Errorf("got %+v", j)
	}
}

func TestOneRedriveAtATimeForAGroup(t *testing.T) {
	p := openPlane(t)
	orders, g := p.topic("orders"), p.group("billing")
	p.bury(g, orders.Spec.Name, "a")
	hold := make(chan struct{})
	p.engine.Fail = func(verb string) error {
		if verb == "Take" {
			<-hold
		}
		return nil
	}
	j, err := p.Redrive(context.Background(), g.Tenant, g.Name, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Redrive(context.Background(), g.Tenant, g.Name, 0)
	wantRefusal(t, err, mq.Conflict, control.Busy)
	if _, err := p.Job(tenant(t, "other"), j.ID); mq.KindOf(err) != mq.NotFound {
		t.Errorf("another tenant sees the job: %v", err)
	}
	close(hold)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheDoctorFindsWhatIsWrong(t *testing.T) {
	p, o, _ := broken(t, errors.New("on fire"))
	worst := func() (worst control.FindingStatus) {
		worst = control.Good
		for _, f := range p.Doctor(context.Background()) {
			if f.Status != control.Good {
				worst = f.Status
				if f.Fix == "" {
					t.Errorf("%s: %s, and nothing to do about it", f.Name, f.Detail)
				}
			}
		}
		return worst
	}
	if w := worst(); w != control.Good {
		t.Errorf("a healthy installation is %s", w)
	}
	o.on.Store(true)
	if w := worst(); w != control.Bad {
		t.Errorf("with a broken engine it is %s", w)
	}
}
