// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/redrive"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

func physical(t *testing.T, s string) mq.Physical {
	t.Helper()
	p, err := mq.ParsePhysical(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// drifted waits for a look that found something of a name.
func drifted(t *testing.T, p *plane, virtual *clock.Virtual, name mq.Physical) (found site.Drift) {
	t.Helper()
	eventually(t, virtual, func() bool {
		for _, d := range p.Drift() {
			for _, i := range d.Items {
				if i.Physical == name {
					found = i
					return true
				}
			}
		}
		return false
	})
	return found
}

func TestWhatAClusterLosesIsMadeAgainAndWhatItHasBeyondIsToldAndLeft(t *testing.T) {
	virtual := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	p := openPlane(t, func(o *control.Options) { o.Clock = virtual })
	ctx := context.Background()
	lost, changed, g := p.topic("lost"), p.topic("changed"), p.group("g")
	for _, d := range p.Drift() {
		if len(d.Items) > 0 || d.Seen.State != site.Serves {
			t.Errorf("at the start: %+v", d)
		}
	}
	stray := mq.TopicSpec{Name: physical(t, "stray"), Cluster: p.opt.Cluster, Accepts: mq.AcceptsOf(mq.Normal), Queues: 4}
	fewer := changed.Spec
	fewer.Queues = 2
	strangers := g.Spec
	strangers.Name = physical(t, "strangers")
	for _, err := range []error{p.engine.DropTopic(ctx, lost.Spec.Name), p.engine.PutTopic(ctx, fewer), p.engine.PutTopic(ctx, stray),
		p.engine.PutGroup(ctx, strangers), p.engine.DropTopic(ctx, g.DeadLetters().Name)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[mq.Physical]site.Drift{
		lost.Spec.Name:    {Kind: site.Missing, Ref: lost.Ref(), Mended: "done"},
		changed.Spec.Name: {Kind: site.Different, Ref: changed.Ref(), Detail: "queues: 2, wanted 8", Mended: "done"},
		g.Spec.Name:       {Kind: site.Different, Ref: g.Ref(), Detail: "dead letters: none, wanted %DLQ%g", Mended: "done"},
		stray.Name:        {Kind: site.Extra, Ref: control.Ref{Kind: control.TopicRecord}},
		strangers.Name:    {Kind: site.Extra, Ref: control.Ref{Kind: control.GroupRecord}},
	} {
		want.Physical = name
		if got := drifted(t, p, virtual, name); got != want {
			t.Errorf("found %+v, want %+v", got, want)
		}
	}
	for name, want := range map[mq.Physical]mq.TopicSpec{lost.Spec.Name: lost.Spec, changed.Spec.Name: changed.Spec, g.DeadLetters().Name: g.DeadLetters(), stray.Name: stray} {
		if has, ok := p.engine.Topic(name); !ok || has != want {
			t.Errorf("the engine has %+v, %v; want %+v", has, ok, want)
		}
	}
	if _, ok := p.engine.Group(strangers.Name); !ok {
		t.Error("a group that nobody asked for was deleted")
	}
	eventually(t, virtual, func() bool { return len(p.Drift()[0].Items) == 2 }) // the extra ones stay told
	page, err := p.Audit(ctx, control.AuditQuery{Name: "lost"})
	if err != nil || len(page.Entries) != 2 {
		t.Errorf("mending is no change of anybody's intent: %+v, %v", page.Entries, err)
	}
}

func TestDriftThatCannotBeMendedIsToldWithItsReason(t *testing.T) {
	virtual := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	p := openPlane(t, func(o *control.Options) { o.Clock = virtual })
	lost := p.topic("lost")
	p.engine.Fail = func(verb string) error {
		if verb == "PutTopic" {
			return mq.Refuse(mq.BadRequest, "not on this engine")
		}
		return nil
	}
	if err := p.engine.DropTopic(context.Background(), lost.Spec.Name); err != nil {
		t.Fatal(err)
	}
	if got := drifted(t, p, virtual, lost.Spec.Name); got.Kind != site.Missing || got.Mended != "not on this engine" {
		t.Errorf("found %+v", got)
	}
}

func TestARedriversGroupIsNobodysDrift(t *testing.T) {
	virtual := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	p := openPlane(t, func(o *control.Options) { o.Clock = virtual })
	g := p.group("g")
	by, err := redrive.By(g.Spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.engine.PutGroup(context.Background(), by); err != nil {
		t.Fatal(err)
	}
	looks := p.engine.Calls("Inventory")
	eventually(t, virtual, func() bool { return p.engine.Calls("Inventory") > looks+1 })
	if items := p.Drift()[0].Items; len(items) > 0 {
		t.Errorf("drift %+v", items)
	}
}
