// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
	"time"

	"github.com/causeway-mq/causeway/internal/trie"
	"github.com/causeway-mq/causeway/mq"
)

// Grant lends a topic of one tenant, the owner, to another one, the borrower, under a name among the borrower's own topics. A topic of the borrower's own of that name
// goes before it.
type Grant struct {
	ID                 string // unique
	Borrower           mq.Tenant
	As                 mq.TopicName
	Owner              mq.Tenant
	Topic              mq.TopicName // of the owner
	Publish, Subscribe bool
	Expires            time.Time // zero = never
}

// Live tells whether the grant holds at a time.
func (g *Grant) Live(at time.Time) bool { return g.Expires.IsZero() || at.Before(g.Expires) }

// lent is the grants of a snapshot. A borrowed topic is made out of the owner's when it is looked for, so that it is as the owner's is.
type lent struct {
	ids   trie.Map[string, *Grant]
	names trie.Map[TopicID, *Grant] // by the borrower's names
	to    trie.Map[mq.Tenant, []*Grant]
	of    trie.Map[mq.Tenant, []*Grant] // by owner
}

// borrowed finds a topic that a tenant borrows under a name.
func (s *Snapshot) borrowed(id TopicID) (*Topic, bool) {
	if s.lent.names.Len() == 0 {
		return nil, false
	}
	g, ok := s.lent.names.Get(id)
	if !ok {
		return nil, false
	}
	return s.topicOf(g)
}

// topicOf is the topic of a grant in the borrower's words. There is none while the owner is switched off.
func (s *Snapshot) topicOf(g *Grant) (*Topic, bool) {
	owner, ok := s.tenants.Get(g.Owner)
	if !ok || owner.Disabled {
		return nil, false
	}
	own, ok := s.topics.Get(TopicID{g.Owner, g.Topic})
	if !ok {
		return nil, false
	}
	t := &Topic{Tenant: g.Borrower, Name: g.As, Topic: own.Topic, Move: own.Move, Lent: g}
	t.Accepts = t.Accepts.Lendable()
	return t, true
}

// borrowedAs finds a borrowed topic by its engine's name.
func (s *Snapshot) borrowedAs(id physicalID) (*Topic, bool) {
	some, _ := s.lent.to.Get(id.tenant)
	for _, g := range some {
		if t, ok := s.topicOf(g); ok && t.Topic.Name == id.name {
			return t, true
		}
	}
	return nil, false
}

// lending is the grants of a snapshot in the making.
type lending struct {
	ids    *trie.Editor[string, *Grant]
	names  *trie.Editor[TopicID, *Grant]
	to, of *trie.Editor[mq.Tenant, []*Grant]
}

func (l *lent) edit() lending { return lending{l.ids.Edit(), l.names.Edit(), l.to.Edit(), l.of.Edit()} }

func (l lending) done() lent { return lent{l.ids.Map(), l.names.Map(), l.to.Map(), l.of.Map()} }

func (c *change) setGrant(g *Grant) {
	c.dropGrant(g.ID)
	c.lending.ids.Set(g.ID, g)
	c.lending.names.Set(TopicID{g.Borrower, g.As}, g)
	list(c.lending.to, g.Borrower, g)
	list(c.lending.of, g.Owner, g)
	c.touch(g.Borrower)
}

func (c *change) dropGrant(id string) {
	g, ok := c.lending.ids.Get(id)
	if !ok {
		return
	}
	c.lending.ids.Delete(id)
	if named, _ := c.lending.names.Get(TopicID{g.Borrower, g.As}); named == g {
		c.lending.names.Delete(TopicID{g.Borrower, g.As})
	}
	unlist(c.lending.to, g.Borrower, g)
	unlist(c.lending.of, g.Owner, g)
	c.touch(g.Borrower)
}

func list(in *trie.Editor[mq.Tenant, []*Grant], of mq.Tenant, g *Grant) {
	some, _ := in.Get(of)
	in.Set(of, append(slices.Clip(some), g))
}

func unlist(in *trie.Editor[mq.Tenant, []*Grant], of mq.Tenant, g *Grant) {
	some, _ := in.Get(of)
	if some = slices.DeleteFunc(slices.Clone(some), func(one *Grant) bool { return one == g }); len(some) == 0 {
		in.Delete(of)
		return
	}
	in.Set(of, some)
}
