// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"testing"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// lentWorld is tenant a, which lends its orders to b as a-orders.
func lentWorld(t *testing.T) *Snapshot {
	t.Helper()
	orders := topicOf(t, "a", "orders")
	orders.Accepts = mq.AcceptsOf(mq.Normal, mq.Transaction)
	return Build(Contents{
		Version: 1,
		Tenants: []Tenant{{ID: tenant(t, "a")}, {ID: tenant(t, "b")}, {ID: tenant(t, "c")}},
		Topics:  []Topic{orders, topicOf(t, "c", "orders")},
		Grants:  []Grant{grantTo(t, "b")},
	})
}

func grantTo(t *testing.T, borrower string) Grant {
	t.Helper()
	return Grant{ID: "g-" + borrower, Borrower: tenant(t, borrower), As: topicOf(t, "b", "a-orders").Name, Owner: tenant(t, "a"), Topic: topicOf(t, "a", "orders").Name, Subscribe: true}
}

func TestABorrowedTopicIsTheOwnersUnderTheBorrowersName(t *testing.T) {
	s := lentWorld(t)
	b, as := tenant(t, "b"), grantTo(t, "b").As
	got, ok := s.Topic(b, as)
	if !ok || got.Tenant != b || got.Name != as || got.Topic.Name.String() != "a%orders" || got.Lent == nil || !got.Lent.Subscribe {
		t.Fatalf("got %+v", got)
	}
	if got.Accepts.Has(mq.Transaction) || !got.Accepts.Has(mq.Normal) {
		t.Errorf("transactions are lent: %v", got.Accepts.Types())
	}
	if back, ok := s.PhysicalTopic(b, got.Topic.Name); !ok || back.Name != as {
		t.Errorf("by the engine's name %+v", back)
	}
	own, _ := s.Topic(tenant(t, "a"), grantTo(t, "b").Topic)
	if own.Lent != nil || !own.Accepts.Has(mq.Transaction) {
		t.Errorf("the owner's own is %+v", own)
	}
	for _, not := range []struct {
		tenant string
		name   mq.TopicName
	}{{"a", as}, {"c", as}, {"b", grantTo(t, "b").Topic}} {
		if got, ok := s.Topic(tenant(t, not.tenant), not.name); ok {
			t.Errorf("%s finds %s: %+v", not.tenant, not.name, got)
		}
	}
	if _, ok := s.PhysicalTopic(tenant(t, "c"), got.Topic.Name); ok {
		t.Error("a third tenant finds it by the engine's name")
	}
	for one := range s.Topics {
		if one.Lent != nil {
			t.Errorf("it is listed beside the owner's: %+v", one)
		}
	}
}

func TestABorrowedTopicFollowsItsOwnerAndItsGrant(t *testing.T) {
	b, as := tenant(t, "b"), grantTo(t, "b").As
	topic, moved := topicOf(t, "a", "orders"), topicOf(t, "a", "orders")
	moved.Move = Move{Stage: Fencing}
	for name, c := range map[string]struct {
		change Difference
		there  bool
	}{
		"nothing":                {Difference{}, true},
		"the owner's topic goes": {Difference{Gone: Gone{Topics: []TopicID{{topic.Tenant, topic.Name}}}}, false},
		"the owner goes":         {Difference{Gone: Gone{Tenants: []mq.Tenant{topic.Tenant}}}, false},
		"the owner is off":       {Difference{Tenants: []Tenant{{ID: topic.Tenant, Disabled: true}}}, false},
		"the grant goes":         {Difference{Gone: Gone{Grants: []string{"g-b"}}}, false},
		"another grant goes":     {Difference{Gone: Gone{Grants: []string{"g-c"}}}, true},
		"the topic moves":        {Difference{Topics: []Topic{moved}}, true},
	} {
		was := lentWorld(t)
		c.change.Version = 2
		s := was.With(c.change)
		got, ok := s.Topic(b, as)
		if ok != c.there || ok && got.Move.Stage != map[bool]Stage{true: Fencing}[name == "the topic moves"] {
			t.Errorf("%s: %v, %+v", name, ok, got)
		}
		if changes := name != "nothing" && name != "another grant goes"; changes != (s.Touched(b) == 2) {
			t.Errorf("%s: the borrower was touched at %d", name, s.Touched(b))
		}
		if _, ok := was.Topic(b, as); !ok {
			t.Errorf("%s: the snapshot before was changed", name)
		}
	}
}

func TestATopicOfOnesOwnGoesBeforeABorrowedOne(t *testing.T) {
	own := topicOf(t, "b", "a-orders")
	s := lentWorld(t).With(Difference{Version: 2, Topics: []Topic{own}})
	if got, ok := s.Topic(own.Tenant, own.Name); !ok || got.Lent != nil {
		t.Errorf("got %+v", got)
	}
}

func TestAGrantIsReplacedByItsID(t *testing.T) {
	wider, named := grantTo(t, "b"), grantTo(t, "b")
	wider.Publish = true
	named.As = topicOf(t, "b", "other").Name
	s := lentWorld(t).With(Difference{Version: 2, Grants: []Grant{wider}})
	if got, ok := s.Topic(wider.Borrower, wider.As); !ok || !got.Lent.Publish {
		t.Errorf("got %+v", got)
	}
	s = s.With(Difference{Version: 3, Grants: []Grant{named}})
	if _, ok := s.Topic(named.Borrower, wider.As); ok {
		t.Error("the former name is left")
	}
	if _, ok := s.Topic(named.Borrower, named.As); !ok {
		t.Error("the new name is not there")
	}
}

func TestAGrantHoldsUntilItsTime(t *testing.T) {
	end := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	g := Grant{Expires: end}
	if !g.Live(end.Add(-1)) || g.Live(end) || !(&Grant{}).Live(end) {
		t.Error("it holds at another time")
	}
}
