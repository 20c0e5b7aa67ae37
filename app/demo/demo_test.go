// SPDX-License-Identifier: Apache-2.0

package demo_test

import (
	"context"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/app/demo"
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/engine/embedded"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// install is a new installation over the embedded engine.
func install(t *testing.T) demo.Demo {
	t.Helper()
	ctx, cluster := context.Background(), must(mq.ParseCluster("test"))
	e, _, err := embedded.Open(ctx, embedded.Options{FS: fsys.OS(t.TempDir()), Cluster: cluster, Provisioned: true, Clock: clock.System(), SegmentBytes: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	p, err := control.Open(ctx, control.Options{Store: must(sqlstore.OpenSQLite(ctx, t.TempDir())), Engine: e, Inspector: e, Mover: e, Traits: e.Traits(), Cluster: cluster})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return demo.Demo{Plane: p, Engine: e, Clock: clock.System()}
}

func TestTheDemoShowsABacklogDeadLettersAndRetries(t *testing.T) {
	d, ctx := install(t), context.Background()
	if d.Wanted(false) || !d.Wanted(true) {
		t.Error("it is made on an empty data directory, and nowhere else")
	}
	for range 2 { // the second time finds everything there
		if err := d.Make(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if d.Wanted(true) {
		t.Error("it is made twice")
	}
	shop, orders := must(mq.ParseTenant("shop")), must(mq.ParseTopicName("orders"))
	for group, want := range map[string]mq.ProgressSum{"billing": {Ready: 12, Retrying: 3}, "warehouse": {}} {
		all, err := d.Plane.Progress(ctx, shop, must(mq.ParseGroupName(group)), &orders)
		if err != nil {
			t.Fatal(err)
		}
		if s := all[0].Sum(); s.Ready != want.Ready || s.Retrying != want.Retrying || s.Leased != 0 {
			t.Errorf("%s: %+v", group, s)
		}
	}
	found, err := d.Plane.Find(ctx, shop, must(mq.ParseTopicName("%DLQ%billing")), mq.Find{})
	causes := map[string]int{}
	for _, m := range found.Messages {
		causes[m.Message.Origin.Why]++
	}
	if err != nil || len(found.Messages) != 4 || len(causes) != 3 {
		t.Errorf("%d dead letters with the causes %v, %v", len(found.Messages), causes, err)
	}
	state, err := d.Plane.State(ctx)
	if err != nil || state.Scheduled != 2 || state.Halves != 0 {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestTheDemoGoesWithItsTenants(t *testing.T) {
	d, ctx := install(t), context.Background()
	if err := d.Make(ctx); err != nil {
		t.Fatal(err)
	}
	board := job.Open(job.Options{Plane: d.Plane})
	t.Cleanup(board.Close)
	for _, name := range demo.Tenants() {
		if _, err := board.DeleteTenant(ctx, control.Itself("test"), must(mq.ParseTenant(name)), control.Deletion{Confirmed: true}); err != nil {
			t.Fatal(err)
		}
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for bound := time.Now().Add(60 * time.Second); len(d.Plane.Tenants()) > 1; <-look.C {
		if time.Now().After(bound) {
			t.Fatal("they never go")
		}
	}
	if d.Wanted(true) {
		t.Error("it comes back")
	}
}

func TestAnInstallationThatHasSomethingGetsNoDemo(t *testing.T) {
	d, ctx := install(t), context.Background()
	def := must(mq.ParseTenant(mq.DefaultTenant))
	if _, err := d.Plane.CreateTopic(ctx, control.Itself("test"), control.NewTopic{Tenant: def, Name: must(mq.ParseTopicName("orders"))}); err != nil {
		t.Fatal(err)
	}
	if d.Wanted(true) {
		t.Error("it is wanted beside what somebody made")
	}
}
