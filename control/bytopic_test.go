// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/control/takeover"
	"github.com/causeway-mq/causeway/mq"
)

// West has retention and durability as settings of its brokers. Asking them of a topic there is refused before anything is kept or reaches the cluster.
func TestWhatBrokersHaveForAllTopicsIsAskedOfNone(t *testing.T) {
	west := controltest.New()
	p := beside(t, west)
	ctx, def, at := context.Background(), tenant(t, "default"), clusterName(t, "west")
	var sync mq.Durability
	create := func(n control.NewTopic) (control.Topic, error) {
		n.Tenant, n.Name, n.Cluster = def, topicName(t, "orders"), at
		return p.CreateTopic(ctx, tester(), n)
	}
	refused := func(err error, field string) {
		t.Helper()
		wantRefusal(t, err, mq.BadRequest, refusal.NotByTopic)
		var r *control.Refusal
		if !errors.As(err, &r) || r.Field != field || !strings.Contains(err.Error(), `cluster "west"`) || !strings.Contains(err.Error(), "leave it out") {
			t.Errorf("%v, field %q", err, r.Field)
		}
	}
	_, err := create(control.NewTopic{Retention: span(24 * time.Hour)})
	refused(err, "retention")
	_, err = create(control.NewTopic{Durability: &sync})
	refused(err, "durability")
	if west.Calls("PutTopic") != 0 {
		t.Error("a refused topic reached the cluster")
	}
	made, err := create(control.NewTopic{})
	if err != nil || made.Spec.Retention != 0 {
		t.Fatalf("%+v, %v", made.Spec, err)
	}
	_, err = p.UpdateTopic(ctx, tester(), def, made.Name, control.TopicChange{Retention: span(time.Hour)})
	refused(err, "retention")
	_, err = p.UpdateTopic(ctx, tester(), def, made.Name, control.TopicChange{Durability: &sync})
	refused(err, "durability")
	note, queues := "mine", 16
	changed, err := p.UpdateTopic(ctx, tester(), def, made.Name, control.TopicChange{Note: &note, Queues: &queues})
	if err != nil || changed.Spec.Queues != 16 || changed.Spec.Retention != 0 {
		t.Errorf("%+v, %v", changed, err)
	}
	for _, row := range p.rows(control.AuditQuery{Name: "orders"}) {
		if strings.Contains(row.Before+row.After, "retention") || strings.Contains(row.Before+row.After, "durability") {
			t.Errorf("the audit shows what nobody applies: %s, %s", row.Before, row.After)
		}
	}
	if here := p.topic("here"); here.Spec.Retention != control.DefaultRetention {
		t.Errorf("where it is applied: %+v", here.Spec)
	}
}

// What was kept before such things were refused is not carried on by a change, and not shown.
func TestAnOldRecordLosesWhatNobodyApplies(t *testing.T) {
	west := controltest.New()
	p := beside(t, west)
	ctx, def := context.Background(), tenant(t, "default")
	was := p.opt.Others
	p.opt.Others = map[mq.Cluster]control.Engine{clusterName(t, "west"): {Provisioner: west, Inspector: west, Traits: west.Traits()}}
	p.restart()
	old, err := p.CreateTopic(ctx, tester(), control.NewTopic{Tenant: def, Name: topicName(t, "old"), Cluster: clusterName(t, "west"), Retention: span(24 * time.Hour)})
	if err != nil || old.Spec.Retention != 24*time.Hour || p.BrokerSettings(old.Spec.Cluster) != nil {
		t.Fatalf("%+v, %v", old, err)
	}
	p.opt.Others = was
	p.restart()
	if s := p.BrokerSettings(old.Spec.Cluster); strings.Join(s, " ") != "durability retention" {
		t.Errorf("settings of the brokers: %v", s)
	}
	note := "changed"
	if is, err := p.UpdateTopic(ctx, tester(), def, old.Name, control.TopicChange{Note: &note}); err != nil || is.Spec.Retention != 0 {
		t.Errorf("%+v, %v", is.Spec, err)
	}
}

// What is taken over gets no value that its cluster does not apply, and goes on to be changed.
func TestWhatIsTakenOverHasNoRetentionThatNobodyApplies(t *testing.T) {
	west := controltest.New()
	p := beside(t, west)
	ctx, at := context.Background(), clusterName(t, "west")
	physical, err := mq.ParsePhysical("stray")
	if err != nil {
		t.Fatal(err)
	}
	if err := west.PutTopic(ctx, mq.TopicSpec{Name: physical, Accepts: mq.AcceptsOf(mq.Normal), Queues: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := takeover.Do(ctx, p.Plane, tester(), takeover.Import{Cluster: at, Tenant: tenant(t, "default")}); err != nil {
		t.Fatal(err)
	}
	got, err := p.Topic(tenant(t, "default"), topicName(t, "stray"))
	if err != nil || got.Spec.Retention != 0 {
		t.Fatalf("%+v, %v", got.Spec, err)
	}
	queues := 4
	if _, err := p.UpdateTopic(ctx, tester(), got.Tenant, got.Name, control.TopicChange{Queues: &queues}); err != nil {
		t.Error(err)
	}
}
