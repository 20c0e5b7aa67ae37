// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"net/netip"
	"testing"

	"github.com/causeway-mq/causeway/mq"
)

func TestTheMostSpecificRuleDecides(t *testing.T) {
	allow := func(resource string, actions ...string) mq.Rule { return mq.Rule{Resource: resource, Actions: actions} }
	deny := func(r mq.Rule) mq.Rule { r.Deny = true; return r }
	fallback := func(r mq.Rule) mq.Rule { r.Fallback = true; return r }
	from := func(r mq.Rule, sources ...string) mq.Rule { r.Sources = sources; return r }
	for _, c := range []struct {
		name    string
		rules   []mq.Rule
		pub     bool // on topic orders from 10.1.2.3
		sub     bool
		groupOK bool // sub on group billing
	}{
		{"no rule", nil, false, false, false},
		{"the topic by name", []mq.Rule{allow("Topic:orders", "Pub")}, true, false, false},
		{"all actions", []mq.Rule{allow("Topic:orders", "All")}, true, true, false},
		{"another topic", []mq.Rule{allow("Topic:order", "All")}, false, false, false},
		{"a prefix", []mq.Rule{allow("Topic:ord*", "Sub")}, false, true, false},
		{"any topic", []mq.Rule{allow("Topic:*", "Pub", "Sub")}, true, true, false},
		{"everything", []mq.Rule{allow("*", "All")}, true, true, true},
		{"words in any case", []mq.Rule{allow("topic:orders", "PUB"), allow("GROUP:billing", "sub")}, true, false, true},
		{"a name denies what a prefix allows", []mq.Rule{allow("Topic:ord*", "All"), deny(allow("Topic:orders", "Pub"))}, false, true, false},
		{"a longer prefix denies", []mq.Rule{allow("Topic:o*", "All"), deny(allow("Topic:ord*", "Sub"))}, true, false, false},
		{"a name allows what any denies", []mq.Rule{deny(allow("Topic:*", "All")), allow("Topic:orders", "Pub")}, true, false, false},
		{"any topic is more than everything", []mq.Rule{deny(allow("*", "All")), allow("Topic:*", "All")}, true, true, false},
		{"equally specific, denied wins", []mq.Rule{allow("Topic:orders", "Pub"), deny(allow("Topic:orders", "Pub"))}, false, false, false},
		{"the default policy stands back", []mq.Rule{fallback(deny(allow("Topic:orders", "All"))), allow("Topic:*", "Pub")}, true, false, false},
		{"the default policy fills in", []mq.Rule{fallback(allow("Topic:orders", "Sub")), allow("Topic:x", "Pub")}, false, true, false},
		{"from here", []mq.Rule{from(allow("Topic:orders", "Pub"), "10.1.2.3"), from(allow("Topic:orders", "Sub"), "10.1.0.0/16")}, true, true, false},
		{"from elsewhere", []mq.Rule{from(allow("Topic:orders", "All"), "10.2.0.0/16", "192.0.2.1")}, false, false, false},
		{"a source of no meaning allows nobody", []mq.Rule{from(allow("Topic:orders", "All"), "office")}, false, false, false},
		{"a source of no meaning denies everybody", []mq.Rule{allow("Topic:*", "All"), from(deny(allow("Topic:orders", "All")), "office")}, false, false, false},
		{"a resource of no kind", []mq.Rule{allow("orders", "All")}, false, false, false},
		{"actions of administration", []mq.Rule{allow("Topic:orders", "Get", "List", "Create")}, false, false, false},
	} {
		topic, err := mq.ClusterNames.Topic("orders")
		if err != nil {
			t.Fatal(err)
		}
		group, err := mq.ClusterNames.Group("billing")
		if err != nil {
			t.Fatal(err)
		}
		r, here := NewRules(c.rules), netip.MustParseAddr("10.1.2.3")
		if got := r.Topic(topic, here, Publish); got != c.pub {
			t.Errorf("%s: publish %v", c.name, got)
		}
		if got := r.Topic(topic, here, Subscribe); got != c.sub {
			t.Errorf("%s: subscribe %v", c.name, got)
		}
		if got := r.Group(group, here, Subscribe); got != c.groupOK {
			t.Errorf("%s: group %v", c.name, got)
		}
	}
}
