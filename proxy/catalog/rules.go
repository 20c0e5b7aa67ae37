// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/mq"
)

// Action is what somebody wants to do with a resource.
type Action string

// The actions of clients.
const (
	Publish   Action = "pub"
	Subscribe Action = "sub"
)

const everyAction = "all"

// Rules are what an account of a cluster may, by the rules that the cluster keeps. They are judged as RocketMQ's ACL 2.0 judges them: of the rules that match
// resource, action and source the most specific one decides, rules of the default policy are looked at where no other matches, and what no rule matches is
// denied. One thing is decided otherwise: of two rules that are equally specific the one that denies wins (docs/adr/0007).
type Rules struct{ custom, fallback []rule }

type rule struct {
	kind    string // "topic", "group", "" for every resource
	pattern pattern
	name    string // without the star
	actions []string
	sources []netip.Prefix
	deny    bool
}

type pattern uint8

// The patterns, the most specific first.
const (
	literal pattern = iota
	prefixed
	anything
)

// NewRules compiles rules. One whose source is no address matches nothing if it allows and everywhere if it denies.
func NewRules(all []mq.Rule) *Rules {
	r := &Rules{}
	for _, one := range all {
		c := compile(one)
		if one.Fallback {
			r.fallback = append(r.fallback, c)
		} else {
			r.custom = append(r.custom, c)
		}
	}
	slices.SortStableFunc(r.custom, bySpecificity)
	slices.SortStableFunc(r.fallback, bySpecificity)
	return r
}

func compile(from mq.Rule) rule {
	c := rule{deny: from.Deny}
	kind, name, named := strings.Cut(from.Resource, ":")
	if named {
		c.kind = strings.ToLower(kind)
	}
	switch {
	case !named, name == "*":
		c.pattern = anything
	case strings.HasSuffix(name, "*"):
		c.pattern, c.name = prefixed, strings.TrimSuffix(name, "*")
	default:
		c.name = name
	}
	if !named && from.Resource != "*" {
		c.kind = "of no kind: " + from.Resource // matches nothing
	}
	for _, a := range from.Actions {
		c.actions = append(c.actions, strings.ToLower(a))
	}
	for _, s := range from.Sources {
		if p, ok := source(s); ok {
			c.sources = append(c.sources, p)
		} else if c.deny {
			c.sources = nil
			break
		} else {
			c.sources = append(c.sources, netip.Prefix{}) // contains no address
		}
	}
	return c
}

func source(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// bySpecificity puts what decides first.
func bySpecificity(a, b rule) int {
	every := func(r rule) int {
		if r.kind == "" {
			return 1
		}
		return 0
	}
	allow := func(r rule) int {
		if r.deny {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(every(a), every(b)), cmp.Compare(a.pattern, b.pattern), cmp.Compare(len(b.name), len(a.name)), cmp.Compare(allow(a), allow(b)))
}

func (r *rule) matches(kind, name string, from netip.Addr) bool {
	if r.kind != "" && r.kind != kind {
		return false
	}
	switch r.pattern {
	case literal:
		if r.name != name {
			return false
		}
	case prefixed:
		if !strings.HasPrefix(name, r.name) {
			return false
		}
	}
	return len(r.sources) == 0 || slices.ContainsFunc(r.sources, func(p netip.Prefix) bool { return p.Contains(from) })
}

func (r *rule) covers(actions []Action) bool {
	return slices.ContainsFunc(r.actions, func(a string) bool {
		return a == everyAction || slices.Contains(actions, Action(a))
	})
}

// Topic tells whether one of the actions is allowed on a topic from an address.
func (r *Rules) Topic(name mq.TopicName, from netip.Addr, actions ...Action) bool {
	return r.allows("topic", name.String(), from, actions)
}

// Group tells whether one of the actions is allowed on a consumer group from an address.
func (r *Rules) Group(name mq.GroupName, from netip.Addr, actions ...Action) bool {
	return r.allows("group", name.String(), from, actions)
}

func (r *Rules) allows(kind, name string, from netip.Addr, actions []Action) bool {
	for _, rules := range [][]rule{r.custom, r.fallback} {
		for i := range rules { // sorted: the first that matches decides
			if rules[i].covers(actions) && rules[i].matches(kind, name, from) {
				return !rules[i].deny
			}
		}
	}
	return false
}
