// SPDX-License-Identifier: Apache-2.0

package access

import (
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

func callers(t *testing.T) map[string]Principal {
	t.Helper()
	snap := world()
	of := func(key string) Principal {
		k, ok := snap.Key(key)
		if !ok {
			t.Fatalf("no key %s", key)
		}
		return Principal{Tenant: k.App.Tenant, App: k.App, Key: key}
	}
	return map[string]Principal{
		"shop":   of("AK1"),
		"owner":  of("AK2"),
		"rival":  of("AK-rival"),
		"guest":  {Tenant: tenant("retail")},
		"nobody": {},
	}
}

func aTopic(name string) *catalog.Topic {
	return &catalog.Topic{Tenant: tenant("retail"), Name: topic(name)}
}

func aGroup(name string) *catalog.Group {
	return &catalog.Group{Tenant: tenant("retail"), Name: group(name)}
}

// TestRightsToPublish covers rows 73 and 75.
func TestRightsToPublish(t *testing.T) {
	for _, c := range []struct {
		who, topic string
		kind       mq.Kind // 0: may
		says       string
	}{
		{"shop", "orders", 0, ""},
		{"shop", "invoices", mq.Forbidden, `application "shop" lacks the right to publish to topic "invoices"`},
		{"owner", "invoices", 0, ""},
		{"guest", "invoices", 0, ""},
		{"rival", "orders", mq.TopicNotFound, `topic "orders" does not exist`},
		{"nobody", "orders", mq.TopicNotFound, `topic "orders" does not exist`},
		{"shop", "%DLQ%billing", mq.Forbidden, "holds dead letters"},
		{"owner", "%DLQ%billing", mq.Forbidden, "holds dead letters"},
		{"guest", "%DLQ%billing", mq.Forbidden, "holds dead letters"},
		{"rival", "%DLQ%billing", mq.TopicNotFound, "does not exist"},
	} {
		expect(t, c.who+" publishes to "+c.topic, callers(t)[c.who].MayPublish(aTopic(c.topic)), c.kind, c.says)
	}
}

// TestRightsToSubscribe covers row 74.
func TestRightsToSubscribe(t *testing.T) {
	for _, c := range []struct {
		who, group, topic string
		kind              mq.Kind
		says              string
	}{
		{"shop", "billing", "invoices", 0, ""},
		{"shop", "billing", "", 0, ""},
		{"shop", "billing", "orders", mq.Forbidden, `lacks the right to subscribe to topic "orders"`},
		{"shop", "audit", "invoices", mq.Forbidden, `lacks the right to subscribe as consumer group "audit"`},
		{"shop", "audit", "", mq.Forbidden, `"audit"`},
		{"shop", "billing", "%DLQ%billing", 0, ""},
		{"shop", "billing", "%DLQ%audit", mq.Forbidden, `lacks the right to subscribe to topic "%DLQ%audit"`},
		{"owner", "audit", "orders", 0, ""},
		{"owner", "audit", "%DLQ%billing", 0, ""},
		{"guest", "audit", "orders", 0, ""},
		{"rival", "billing", "invoices", mq.GroupNotFound, `consumer group "billing" does not exist`},
		{"nobody", "billing", "", mq.GroupNotFound, "does not exist"},
	} {
		var of *catalog.Topic
		if c.topic != "" {
			of = aTopic(c.topic)
		}
		expect(t, c.who+" subscribes "+c.group+" to "+c.topic, callers(t)[c.who].MaySubscribe(aGroup(c.group), of), c.kind, c.says)
	}
	foreign := aTopic("invoices")
	foreign.Tenant = tenant("rival")
	expect(t, "own group, another's topic", callers(t)["owner"].MaySubscribe(aGroup("billing"), foreign), mq.TopicNotFound, "does not exist")
}

func TestRightsToRoute(t *testing.T) {
	for _, c := range []struct {
		who, topic string
		kind       mq.Kind
	}{
		{"shop", "orders", 0}, {"shop", "invoices", 0}, {"shop", "other", mq.Forbidden},
		{"shop", "%DLQ%billing", 0}, {"shop", "%DLQ%audit", mq.Forbidden},
		{"owner", "other", 0}, {"guest", "other", 0}, {"rival", "orders", mq.TopicNotFound}, {"nobody", "orders", mq.TopicNotFound},
	} {
		expect(t, c.who+" asks for the route of "+c.topic, callers(t)[c.who].MayRoute(aTopic(c.topic)), c.kind, "")
	}
}

func TestABorrowedTopicIsForWhatItWasLent(t *testing.T) {
	lent := func(publish, subscribe bool) *catalog.Topic {
		of := aTopic("orders")
		of.Lent = &catalog.Grant{Borrower: of.Tenant, As: of.Name, Publish: publish, Subscribe: subscribe}
		return of
	}
	for _, publish := range []bool{false, true} {
		subscribe := !publish
		kind := map[bool]mq.Kind{false: mq.Forbidden}
		owner, of := callers(t)["owner"], lent(publish, subscribe)
		expect(t, "publish", owner.MayPublish(of), kind[publish], "borrowed to subscribe alone")
		expect(t, "subscribe", owner.MaySubscribe(aGroup("billing"), of), kind[subscribe], "borrowed to publish alone")
		expect(t, "ask for the route", owner.MayRoute(of), 0, "")
	}
	shop := callers(t)["shop"] // which may publish to orders
	expect(t, "publish with a right of its own", shop.MayPublish(lent(true, true)), 0, "")
	expect(t, "subscribe without one", shop.MaySubscribe(aGroup("billing"), lent(true, true)), mq.Forbidden, "lacks the right")
	expect(t, "route of what it may not read", shop.MayRoute(lent(false, true)), mq.Forbidden, "lacks the right")
	expect(t, "another tenant", callers(t)["rival"].MayPublish(lent(true, true)), mq.TopicNotFound, "does not exist")
}

func expect(t *testing.T, what string, err error, kind mq.Kind, says string) {
	t.Helper()
	switch {
	case kind == 0 && err != nil:
		t.Errorf("%s: %v", what, err)
	case kind != 0 && (mq.KindOf(err) != kind || !strings.Contains(err.Error(), says)):
		t.Errorf("%s: %v (%v), want %v with %q", what, err, mq.KindOf(err), kind, says)
	}
}
