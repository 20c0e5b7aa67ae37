// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/checkup"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

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
	g, err := p.CreateGroup(context.Background(), tester(), control.NewGroup{Tenant: tenant(t, "default"), Name: name, Start: &mq.Start{Kind: mq.StartLatest}})
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
	_, err := p.Reset(ctx, tester(), control.GroupReset{Tenant: g.Tenant, Group: g.Name, Topic: read.Name, To: mq.Position{Kind: mq.ToTime, Time: virtual.Now().Add(time.Second)}})
	wantRefusal(t, err, mq.BadRequest, control.OutOfRange)
	_, err = p.Reset(ctx, tester(), control.GroupReset{Tenant: g.Tenant, Group: g.Name, Topic: read.Name, To: mq.Position{Kind: mq.ToOffset, Offset: -1}})
	wantRefusal(t, err, mq.IllegalOffset, control.OutOfRange)
	_, err = p.Reset(ctx, tester(), control.GroupReset{Tenant: g.Tenant, Group: g.Name, Topic: read.Name, To: mq.Position{Kind: mq.ToOffset, Offset: 4}})
	if mq.KindOf(err) != mq.IllegalOffset {
		t.Errorf("got %v", err)
	}
	if _, err := p.engine.Take(ctx, mq.Want{Topic: read.Spec, Group: g.Spec, Max: 1}); err != nil {
		t.Fatal(err)
	}
	_, err = p.Reset(ctx, tester(), control.GroupReset{Tenant: g.Tenant, Group: g.Name, Topic: read.Name, To: mq.Position{Kind: mq.ToLatest}})
	wantRefusal(t, err, mq.Conflict, control.Leased)
	done, err := p.Reset(ctx, tester(), control.GroupReset{Tenant: g.Tenant, Group: g.Name, Topic: read.Name, To: mq.Position{Kind: mq.ToLatest, Force: true}})
	if err != nil || done.Before[0].Ready != 2 || done.After[0].Ready != 0 {
		t.Errorf("got %+v, %v", done, err)
	}
}

func TestTheDoctorFindsWhatIsWrong(t *testing.T) {
	p, o, _ := broken(t, errors.New("on fire"))
	worst := func() (worst control.FindingStatus) {
		worst = control.Good
		for _, f := range checkup.Of(context.Background(), p.Plane) {
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
