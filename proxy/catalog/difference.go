// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"

	"github.com/causeway-mq/causeway/internal/trie"
	"github.com/causeway-mq/causeway/mq"
)

// Difference is what a version has that the one before it had not, or had otherwise, and what is gone. Whoever makes one gives it away.
type Difference struct {
	Version Version
	Tenants []Tenant
	Apps    []*App
	// Keys name their application by the tenant and the name of App. One whose application is not there lets nobody in until it is.
	Keys   []Key
	Topics []Topic
	Groups []Group
	Grants []Grant
	Gone   Gone
}

// Gone names what is not there any more. It may name what never was.
type Gone struct {
	Tenants []mq.Tenant
	Apps    []AppID
	Keys    []string
	Topics  []TopicID
	Groups  []GroupID
	Grants  []string // ids
}

// owned is an application with the ids of its keys, of which there may be some before it.
type owned struct {
	app  *App // nil while there are keys alone
	keys []string
}

// change is a snapshot in the making.
type change struct {
	version        Version
	tenants        *trie.Editor[mq.Tenant, *Tenant]
	apps           *trie.Editor[AppID, owned]
	keys           *trie.Editor[string, *Key]
	topics         *trie.Editor[TopicID, *Topic]
	groups         *trie.Editor[GroupID, *Group]
	physicalTopics *trie.Editor[physicalID, *Topic]
	physicalGroups *trie.Editor[physicalID, *Group]
	lending        lending
	clusters       *trie.Editor[mq.Cluster, int]
	touched        *trie.Editor[mq.Tenant, Version]
	last           mq.Tenant // that was touched
}

// With lays a difference over the snapshot, at the cost of the difference. What comes with something else is seen to here: a group that has no
// dead-letter topic of its own gets one, and keys belong to their application as it is now.
func (s *Snapshot) With(d Difference) *Snapshot {
	c := change{
		version: d.Version, tenants: s.tenants.Edit(), apps: s.apps.Edit(), keys: s.keys.Edit(), topics: s.topics.Edit(), groups: s.groups.Edit(),
		physicalTopics: s.physicalTopics.Edit(), physicalGroups: s.physicalGroups.Edit(), clusters: s.clusters.Edit(), touched: s.touched.Edit(), lending: s.lent.edit(),
	}
	c.take(d.Gone)
	for i := range d.Tenants {
		c.tenants.Set(d.Tenants[i].ID, &d.Tenants[i])
		c.touch(d.Tenants[i].ID)
	}
	for _, a := range d.Apps {
		c.setApp(a)
	}
	for i := range d.Keys {
		c.setKey(d.Keys[i])
	}
	for i := range d.Topics {
		c.setTopic(&d.Topics[i])
	}
	for i := range d.Groups {
		c.setGroup(&d.Groups[i])
	}
	for i := range d.Grants {
		c.setGrant(&d.Grants[i])
	}
	return c.snapshot(s.untenanted)
}

func (c *change) snapshot(untenanted bool) *Snapshot {
	s := &Snapshot{
		version: c.version, untenanted: untenanted, tenants: c.tenants.Map(), apps: c.apps.Map(), keys: c.keys.Map(), topics: c.topics.Map(), groups: c.groups.Map(),
		physicalTopics: c.physicalTopics.Map(), physicalGroups: c.physicalGroups.Map(), clusters: c.clusters.Map(), touched: c.touched.Map(), lent: c.lending.done(),
	}
	if untenanted {
		for _, t := range s.tenants.All { // there is one
			s.unauthenticated = t.ID.IsDefault() && t.Unsigned == UnsignedAnybody && !t.Disabled
		}
	}
	return s
}

// touch notes that something of a tenant is not as it was, nor perhaps what others borrow from it.
func (c *change) touch(t mq.Tenant) {
	if c.last == t {
		return
	}
	c.touched.Set(t, c.version)
	c.last = t
	borrowers, _ := c.lending.of.Get(t)
	for _, g := range borrowers {
		c.touched.Set(g.Borrower, c.version)
	}
}

func (c *change) take(gone Gone) {
	for _, id := range gone.Tenants {
		c.tenants.Delete(id)
		c.touch(id)
	}
	for _, id := range gone.Apps {
		c.dropApp(id)
	}
	for _, id := range gone.Keys {
		c.dropKey(id)
	}
	for _, id := range gone.Topics {
		c.dropTopic(id)
	}
	for _, id := range gone.Groups {
		c.dropGroup(id)
	}
	for _, id := range gone.Grants {
		c.dropGrant(id)
	}
}

func (c *change) setApp(a *App) {
	id := AppID{a.Tenant, a.Name}
	has, _ := c.apps.Get(id)
	has.app = a
	c.apps.Set(id, has)
	c.bind(has.keys, a)
	c.touch(id.Tenant)
}

func (c *change) dropApp(id AppID) {
	has, _ := c.apps.Get(id)
	has.app = nil
	c.keepApp(id, has)
	c.bind(has.keys, absent(id))
	c.touch(id.Tenant)
}

// absent stands for an application that is not there: it lets nobody in.
func absent(id AppID) *App { return &App{Tenant: id.Tenant, Name: id.Name, Disabled: true} }

// bind gives keys their application as it is now.
func (c *change) bind(keys []string, to *App) {
	for _, id := range keys {
		if was, ok := c.keys.Get(id); ok {
			k := *was
			k.App = to
			c.keys.Set(id, &k)
		}
	}
}

// keepApp keeps what is left of an application.
func (c *change) keepApp(id AppID, has owned) {
	if has.app == nil && len(has.keys) == 0 {
		c.apps.Delete(id)
		return
	}
	c.apps.Set(id, has)
}

func (c *change) setKey(k Key) {
	var id AppID
	if k.App != nil {
		id = AppID{k.App.Tenant, k.App.Name}
	}
	if was, ok := c.keys.Get(k.ID); ok && (was.App.Tenant != id.Tenant || was.App.Name != id.Name) {
		c.dropKey(k.ID)
	}
	has, _ := c.apps.Get(id)
	if !slices.Contains(has.keys, k.ID) {
		has.keys = append(slices.Clip(has.keys), k.ID)
		c.apps.Set(id, has)
	}
	if k.App = has.app; k.App == nil {
		k.App = absent(id)
	}
	c.keys.Set(k.ID, &k)
	c.touch(id.Tenant)
}

func (c *change) dropKey(key string) {
	was, ok := c.keys.Get(key)
	if !ok {
		return
	}
	id := AppID{was.App.Tenant, was.App.Name}
	has, _ := c.apps.Get(id)
	has.keys = slices.DeleteFunc(slices.Clone(has.keys), func(k string) bool { return k == key })
	c.keepApp(id, has)
	c.keys.Delete(key)
	c.touch(id.Tenant)
}

func (c *change) setTopic(t *Topic) {
	id := TopicID{t.Tenant, t.Name}
	c.leaveTopic(id)
	c.topics.Set(id, t)
	c.physicalTopics.Set(physicalID{t.Tenant, t.Topic.Name}, t)
	n, _ := c.clusters.Get(t.Cluster)
	c.clusters.Set(t.Cluster, n+1)
	c.touch(t.Tenant)
}

// dropTopic forgets a topic; the dead letters of a group that is there are there all the same.
func (c *change) dropTopic(id TopicID) {
	c.leaveTopic(id)
	c.topics.Delete(id)
	c.touch(id.Tenant)
	of, dead := id.Name.DeadLettersOf()
	if !dead {
		return
	}
	if g, ok := c.groups.Get(GroupID{id.Tenant, of}); ok {
		c.setTopic(deadLettersOf(g))
	}
}

// leaveTopic frees the place on a cluster of a topic that goes, or comes anew with perhaps another one.
func (c *change) leaveTopic(id TopicID) {
	was, ok := c.topics.Get(id)
	if !ok {
		return
	}
	at := physicalID{was.Tenant, was.Topic.Name}
	if named, _ := c.physicalTopics.Get(at); named == was {
		c.physicalTopics.Delete(at)
	}
	if n, _ := c.clusters.Get(was.Cluster); n > 1 {
		c.clusters.Set(was.Cluster, n-1)
	} else {
		c.clusters.Delete(was.Cluster)
	}
}

func (c *change) setGroup(g *Group) {
	id := GroupID{g.Tenant, g.Name}
	c.unnameGroup(id)
	c.groups.Set(id, g)
	c.physicalGroups.Set(physicalID{g.Tenant, g.Group.Name}, g)
	if t, ok := c.topics.Get(TopicID{g.Tenant, mq.DeadLetters(g.Name)}); !ok || t.implied {
		c.setTopic(deadLettersOf(g))
	}
	c.touch(g.Tenant)
}

func (c *change) dropGroup(id GroupID) {
	c.unnameGroup(id)
	c.groups.Delete(id)
	letters := TopicID{id.Tenant, mq.DeadLetters(id.Name)}
	if t, ok := c.topics.Get(letters); ok && t.implied {
		c.dropTopic(letters)
	}
	c.touch(id.Tenant)
}

func (c *change) unnameGroup(id GroupID) {
	was, ok := c.groups.Get(id)
	if !ok {
		return
	}
	at := physicalID{was.Tenant, was.Group.Name}
	if named, _ := c.physicalGroups.Get(at); named == was {
		c.physicalGroups.Delete(at)
	}
}
