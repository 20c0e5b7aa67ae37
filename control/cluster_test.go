// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/checkup"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

func clusterName(t *testing.T, s string) mq.Cluster {
	t.Helper()
	c, err := mq.ParseCluster(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// beside opens a plane over the default cluster and a second one, west.
func beside(t *testing.T, west *controltest.Engine, change ...func(*control.Options)) *plane {
	t.Helper()
	return openPlane(t, append(change, func(o *control.Options) {
		o.Kind = "embedded"
		o.Others = map[mq.Cluster]control.Engine{clusterName(t, "west"): {Provisioner: west, Inspector: west, Mover: west, Kind: "rocketmq", Note: "the other hall"}}
	})...)
}

func TestTopicsAndGroupsAreMadeOnTheClusterThatIsNamed(t *testing.T) {
	west := controltest.New()
	p := beside(t, west)
	ctx, def := context.Background(), tenant(t, "default")
	here := p.topic("here")
	there, err := p.CreateTopic(ctx, tester(), control.NewTopic{Tenant: def, Name: topicName(t, "there"), Cluster: clusterName(t, "west")})
	if err != nil {
		t.Fatal(err)
	}
	g, err := p.CreateGroup(ctx, tester(), control.NewGroup{Tenant: def, Name: groupName(t, "readers"), Cluster: clusterName(t, "west")})
	if err != nil {
		t.Fatal(err)
	}
	for name, at := range map[mq.Physical]struct{ on, off *controltest.Engine }{
		here.Spec.Name: {p.engine, west}, there.Spec.Name: {west, p.engine}, g.DeadLetters().Name: {west, p.engine},
	} {
		if _, ok := at.on.Topic(name); !ok {
			t.Errorf("%s is not where it was placed", name)
		}
		if _, ok := at.off.Topic(name); ok {
			t.Errorf("%s is on both clusters", name)
		}
	}
	west.Send(ctx, there.Spec, []mq.Message{{}})
	if page, err := p.Find(ctx, def, there.Name, mq.Find{}); err != nil || len(page.Messages) != 1 {
		t.Errorf("found %+v, %v", page, err)
	}
	if _, err := west.Take(ctx, mq.Want{Topic: there.Spec, Group: g.Spec, Max: 1}); err != nil {
		t.Fatal(err)
	}
	if all, err := p.Progress(ctx, def, g.Name, nil); err != nil || len(all) != 1 || all[0].Topic != there.Name || all[0].Sum().Leased != 1 {
		t.Errorf("progress %+v, %v", all, err)
	}
	p.restart()
	if again, err := p.Topic(def, there.Name); err != nil || again.Spec.Cluster != there.Spec.Cluster {
		t.Errorf("after a restart: %+v, %v", again, err)
	}
	if err := p.DeleteTopic(ctx, tester(), def, there.Name, control.Deletion{Confirmed: true}); err != nil {
		t.Error(err)
	}
	if _, ok := west.Topic(there.Spec.Name); ok {
		t.Error("it is still on its cluster")
	}
}

func TestAClusterThatIsNotThereIsRefusedByName(t *testing.T) {
	p := beside(t, controltest.New())
	_, err := p.CreateTopic(context.Background(), tester(), control.NewTopic{Tenant: tenant(t, "default"), Name: topicName(t, "orders"), Cluster: clusterName(t, "wst")})
	wantRefusal(t, err, mq.BadRequest, control.NoCluster)
	for _, word := range []string{`"wst"`, "west", "test"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q says nothing of %s", err, word)
		}
	}
	_, err = p.CreateGroup(context.Background(), tester(), control.NewGroup{Tenant: tenant(t, "default"), Name: groupName(t, "g"), Cluster: clusterName(t, "east")})
	wantRefusal(t, err, mq.BadRequest, control.NoCluster)
}

func TestClustersAreListedWithWhatWasLastSeenOfThem(t *testing.T) {
	west := controltest.New()
	west.Fail = func(string) error { return mq.Refuse(mq.Unavailable, "no name server answers") }
	p := beside(t, west)
	p.topic("orders")
	all := p.Clusters()
	if len(all) != 2 || all[0].Name.String() != "test" || all[1].Name.String() != "west" {
		t.Fatalf("%+v", all)
	}
	if c := all[0]; c.State != site.Serves || !c.Default || c.Kind != "embedded" || c.Topics != 1 || c.Looked.IsZero() {
		t.Errorf("%+v", c)
	}
	if c := all[1]; c.State != site.Silent || c.Default || c.Kind != "rocketmq" || c.Note != "the other hall" || !strings.Contains(c.Why, "no name server answers") {
		t.Errorf("%+v", c)
	}
}

// hung is an engine that answers nothing.
func hung() (e *controltest.Engine, letGo func()) {
	e = controltest.New()
	gone := make(chan struct{})
	e.Hang = func(ctx context.Context, _ string) error {
		select {
		case <-ctx.Done():
		case <-gone:
		}
		return mq.Doubt(mq.Timeout, ctx.Err(), "no answer")
	}
	return e, func() { close(gone) }
}

func TestAClusterThatHangsDelaysNoOther(t *testing.T) {
	virtual := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	west, letGo := hung()
	begun := time.Now()
	p := beside(t, west, func(o *control.Options) { o.Clock = virtual })
	var stuck sync.WaitGroup
	defer stuck.Wait()
	defer letGo()
	stuck.Go(func() {
		_, _ = p.CreateTopic(context.Background(), tester(), control.NewTopic{Tenant: tenant(t, "default"), Name: topicName(t, "stuck"), Cluster: clusterName(t, "west")})
	})
	for bound := time.Now().Add(10 * time.Second); west.Waiting() < 2; { // its first look and the topic
		if time.Now().After(bound) {
			t.Fatal("the topic does not reach its cluster")
		}
		<-time.After(time.Millisecond)
	}
	a := p.topic("here")
	if err := p.engine.DropTopic(context.Background(), a.Spec.Name); err != nil {
		t.Fatal(err)
	}
	fail := true
	p.engine.Fail = func(verb string) error {
		if fail && verb == "PutTopic" {
			fail = false
			return mq.Refuse(mq.Unavailable, "for once")
		}
		return nil
	}
	_, err := p.CreateTopic(context.Background(), tester(), newTopic(t, "later"))
	wantRefusal(t, err, mq.Unavailable, control.Pending)
	eventually(t, virtual, func() bool { _, ok := p.engine.Topic(a.Spec.Name); return ok })
	found := map[string]control.FindingStatus{}
	for _, f := range checkup.Of(context.Background(), p.Plane) {
		found[f.Name] = f.Status
	}
	if found["engine test"] != control.Good || found["engine west"] != control.Bad || found["provisioning west"] != control.Warn {
		t.Errorf("findings %v", found)
	}
	if took := time.Since(begun); took > 14*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestWhatIsPlacedOnAClusterThatIsNotConfiguredAnyMoreIsTold(t *testing.T) {
	p := beside(t, controltest.New())
	ctx, def := context.Background(), tenant(t, "default")
	if _, err := p.CreateTopic(ctx, tester(), control.NewTopic{Tenant: def, Name: topicName(t, "there"), Cluster: clusterName(t, "west")}); err != nil {
		t.Fatal(err)
	}
	p.opt.Others = nil
	p.restart()
	told := false
	for _, f := range checkup.Of(ctx, p.Plane) {
		told = told || f.Name == "cluster west" && f.Status == control.Bad
	}
	if !told {
		t.Error("nobody tells")
	}
	if _, err := p.Find(ctx, def, topicName(t, "there"), mq.Find{}); mq.KindOf(err) != mq.Unavailable {
		t.Errorf("got %v", err)
	}
	if err := p.DeleteTopic(ctx, tester(), def, topicName(t, "there"), control.Deletion{Confirmed: true}); mq.Outcome(err) != mq.Unknown {
		t.Errorf("got %v", err)
	}
	p.opt.Others = map[mq.Cluster]control.Engine{clusterName(t, "west"): {Provisioner: controltest.New(), Inspector: controltest.New()}}
	p.restart()
	if _, err := p.Topic(def, topicName(t, "there")); mq.KindOf(err) != mq.TopicNotFound {
		t.Errorf("the deletion is not carried out with the cluster back: %v", err)
	}
}
