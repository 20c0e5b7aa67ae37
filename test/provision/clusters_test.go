// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
)

// Two clusters under one plane: what is lost on one comes back, what others made there is told, and one that is dead delays nothing on the other.
func TestTwoRocketMQClustersUnderOnePlane(t *testing.T) {
	t.Parallel()
	east, west := newHall(t, "east", "broker-a", "broker-b"), newHall(t, "west", "broker-a")
	p := east.plane(t, t.TempDir(), west)
	ctx, def := t.Context(), tenant("default")
	if _, err := p.CreateTopic(ctx, ada(), control.NewTopic{Tenant: def, Name: topicName("orders"), Queues: 5}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateGroup(ctx, ada(), control.NewGroup{Tenant: def, Name: groupName("billing"), Hold: 90 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateTopic(ctx, ada(), control.NewTopic{Tenant: def, Name: topicName("entries"), Cluster: clusterName("west")}); err != nil {
		t.Fatal(err)
	}
	holds := func(h *hall, topics, groups string) {
		t.Helper()
		eventually(t, h.name+" has "+topics, func() bool { _, ok := h.has(t, topics, groups); return ok })
	}
	holds(east, "%DLQ%billing orders", "billing")
	holds(west, "entries", "")
	drift := func(kind site.DriftKind, name string) bool {
		for _, d := range p.Drift() {
			for _, i := range d.Items {
				if i.Kind == kind && i.Physical.String() == name {
					return true
				}
			}
		}
		return false
	}
	eventually(t, "another look finds all as it was made", func() bool { return len(p.Drift()[0].Items)+len(p.Drift()[1].Items) == 0 })
	if err := east.engine.DropTopic(ctx, physical("orders")); err != nil {
		t.Fatal(err)
	}
	if err := east.engine.DropGroup(ctx, physical("billing")); err != nil {
		t.Fatal(err)
	}
	west.fake.PutTopic(admin.Topic{Name: "strange", Read: 4, Write: 4, Permission: admin.ReadWrite})
	eventually(t, "the loss is told", func() bool { return drift(site.Missing, "orders") || drift(site.Missing, "billing") })
	holds(east, "%DLQ%billing orders", "billing")
	eventually(t, "the stranger is told", func() bool { return drift(site.Extra, "strange") })
	holds(west, "entries strange", "")

	for _, a := range append(west.fake.NameServers(), west.fake.Address("broker-a")) {
		west.fake.Freeze(a)
	}
	eventually(t, "the dead cluster is told", func() bool { return p.Clusters()[1].State == site.Silent })
	begun := time.Now()
	if _, err := p.CreateTopic(ctx, ada(), control.NewTopic{Tenant: def, Name: topicName("more")}); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the dead cluster delayed the other one for %v", took)
	}
}
