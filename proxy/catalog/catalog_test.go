// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"testing"

	"github.com/causeway-mq/causeway/mq"
)

func tenant(t *testing.T, s string) mq.Tenant {
	t.Helper()
	id, err := mq.ParseTenant(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func topicOf(t *testing.T, owner, name string) Topic {
	t.Helper()
	n, err := mq.ParseTopicName(name)
	if err != nil {
		t.Fatal(err)
	}
	id := tenant(t, owner)
	return Topic{Tenant: id, Name: n, Topic: mq.Topic{Name: mq.PhysicalTopic(id, n)}}
}

func groupOf(t *testing.T, owner, name string) Group {
	t.Helper()
	n, err := mq.ParseGroupName(name)
	if err != nil {
		t.Fatal(err)
	}
	id := tenant(t, owner)
	return Group{Tenant: id, Name: n, Group: mq.Group{Name: mq.PhysicalGroup(id, n)}}
}

func TestATenantFindsItsOwnOnly(t *testing.T) {
	s := Build(Contents{
		Version: 1,
		Tenants: []Tenant{{ID: tenant(t, "a")}, {ID: tenant(t, "b")}},
		Topics:  []Topic{topicOf(t, "a", "orders"), topicOf(t, "b", "orders")},
		Groups:  []Group{groupOf(t, "a", "billing")},
	})
	mine, ok := s.Topic(tenant(t, "a"), topicOf(t, "a", "orders").Name)
	if !ok || mine.Topic.Name.String() != "a%orders" {
		t.Fatalf("got %+v", mine)
	}
	if _, ok := s.Group(tenant(t, "b"), groupOf(t, "a", "billing").Name); ok {
		t.Fatal("another tenant's group was found")
	}
	if owner, ok := s.PhysicalTopic(tenant(t, "b"), topicOf(t, "b", "orders").Topic.Name); !ok || owner.Tenant != tenant(t, "b") {
		t.Fatalf("got %+v", owner)
	}
}

func TestEveryGroupHasADeadLetterTopic(t *testing.T) {
	g := groupOf(t, "a", "billing")
	s := Build(Contents{Version: 1, Groups: []Group{g}})
	dead, ok := s.Topic(g.Tenant, mq.DeadLetters(g.Name))
	if !ok || dead.Topic.Name.String() != "%DLQ%a%billing" || dead.Queues != 1 || dead.Retention != DeadLetterRetention {
		t.Fatalf("got %+v", dead)
	}
	if _, ok := s.Topic(tenant(t, "b"), mq.DeadLetters(g.Name)); ok {
		t.Fatal("another tenant finds the dead letters")
	}
}

func TestAHolderNeverGoesBack(t *testing.T) {
	var h Holder
	if h.Now() == nil || h.Now().Version() != 0 {
		t.Fatal("an empty holder has no empty snapshot")
	}
	if !h.Put(Build(Contents{Version: 2})) || h.Put(Build(Contents{Version: 1})) || h.Put(Build(Contents{Version: 2})) {
		t.Fatal("an older or equal snapshot was taken, or a newer one was not")
	}
	if h.Now().Version() != 2 {
		t.Fatalf("holds %d", h.Now().Version())
	}
}

// versions gives each of its snapshots once, also old ones.
type versions []Version

func (v *versions) Next(ctx context.Context, _ Version) (*Snapshot, error) {
	if len(*v) == 0 {
		return nil, context.Canceled
	}
	next := (*v)[0]
	*v = (*v)[1:]
	return Build(Contents{Version: next}), nil
}

func TestFollowTellsOfChangesOnly(t *testing.T) {
	var h Holder
	src := versions{1, 3, 2, 3, 4}
	var seen []Version
	err := Follow(t.Context(), &src, &h, func(s *Snapshot) { seen = append(seen, s.Version()) })
	if err == nil || h.Now().Version() != 4 || len(seen) != 3 {
		t.Fatalf("err %v, holds %d, told of %v", err, h.Now().Version(), seen)
	}
}
