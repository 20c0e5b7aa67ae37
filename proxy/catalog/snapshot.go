// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Version orders snapshots; a proxy never goes back to a smaller one.
type Version uint64

// Tenant is what a proxy knows of a tenant.
type Tenant struct {
	ID mq.Tenant
	// LoopbackUnsigned lets callers without a signature in when they come from the loopback interface.
	LoopbackUnsigned bool
	Disabled         bool
}

// App is an application of a tenant. It owns keys and rights.
type App struct {
	Tenant mq.Tenant
	Name   string
	// Owner gives the application every right within its tenant.
	Owner   bool
	Publish map[mq.TopicName]bool // topics it may send to
	// Subscribe holds groups under which it may consume, SubscribeTopics the topics that it may read.
	Subscribe       map[mq.GroupName]bool
	SubscribeTopics map[mq.TopicName]bool
	Disabled        bool
}

// Key is one access key of an application with its clear secret, which the signature check needs.
type Key struct {
	ID      string // the access key, unique over all tenants
	Secret  string
	App     *App
	Expires time.Time // zero = never
	Revoked bool
}

// Topic ties a tenant's name to what an engine knows.
type Topic struct {
	Tenant mq.Tenant
	Name   mq.TopicName
	mq.Topic
}

// Group ties a tenant's name to what an engine knows. Every group has a dead-letter topic under TopicName mq.DeadLetters(Name),
// which is found like any other topic.
type Group struct {
	Tenant mq.Tenant
	Name   mq.GroupName
	mq.Group
}

type topicID struct {
	tenant mq.Tenant
	name   mq.TopicName
}

type groupID struct {
	tenant mq.Tenant
	name   mq.GroupName
}

// Snapshot is one version of everything. All methods are safe for concurrent use and take no lock.
type Snapshot struct {
	version        Version
	tenants        map[mq.Tenant]*Tenant
	keys           map[string]*Key
	topics         map[topicID]*Topic
	groups         map[groupID]*Group
	physicalTopics map[mq.Physical]*Topic
	physicalGroups map[mq.Physical]*Group
}

// Version is the snapshot's place in the order.
func (s *Snapshot) Version() Version { return s.version }

// Tenant finds a tenant.
func (s *Snapshot) Tenant(id mq.Tenant) (*Tenant, bool) { t, ok := s.tenants[id]; return t, ok }

// Key finds an access key, of whatever tenant.
func (s *Snapshot) Key(id string) (*Key, bool) { k, ok := s.keys[id]; return k, ok }

// Topic finds a tenant's topic.
func (s *Snapshot) Topic(tenant mq.Tenant, name mq.TopicName) (*Topic, bool) {
	t, ok := s.topics[topicID{tenant, name}]
	return t, ok
}

// Group finds a tenant's group.
func (s *Snapshot) Group(tenant mq.Tenant, name mq.GroupName) (*Group, bool) {
	g, ok := s.groups[groupID{tenant, name}]
	return g, ok
}

// PhysicalTopic finds the owner of an engine's topic.
func (s *Snapshot) PhysicalTopic(p mq.Physical) (*Topic, bool) {
	t, ok := s.physicalTopics[p]
	return t, ok
}

// PhysicalGroup finds the owner of an engine's group.
func (s *Snapshot) PhysicalGroup(p mq.Physical) (*Group, bool) {
	g, ok := s.physicalGroups[p]
	return g, ok
}

// Topics gives every topic, in no order; the callee must not keep the pointer past the snapshot's use.
func (s *Snapshot) Topics(yield func(*Topic) bool) {
	for _, t := range s.topics {
		if !yield(t) {
			return
		}
	}
}

// Contents is what a snapshot is built from; Build takes ownership.
type Contents struct {
	Version Version
	Tenants []Tenant
	Keys    []Key
	Topics  []Topic
	Groups  []Group
}

// Build makes a snapshot. It adds the dead-letter topic of every group that has none.
func Build(c Contents) *Snapshot {
	s := &Snapshot{
		version:        c.Version,
		tenants:        make(map[mq.Tenant]*Tenant, len(c.Tenants)),
		keys:           make(map[string]*Key, len(c.Keys)),
		topics:         make(map[topicID]*Topic, len(c.Topics)+len(c.Groups)),
		groups:         make(map[groupID]*Group, len(c.Groups)),
		physicalTopics: make(map[mq.Physical]*Topic, len(c.Topics)+len(c.Groups)),
		physicalGroups: make(map[mq.Physical]*Group, len(c.Groups)),
	}
	for i := range c.Tenants {
		s.tenants[c.Tenants[i].ID] = &c.Tenants[i]
	}
	for i := range c.Keys {
		s.keys[c.Keys[i].ID] = &c.Keys[i]
	}
	for i := range c.Topics {
		s.addTopic(&c.Topics[i])
	}
	for i := range c.Groups {
		g := &c.Groups[i]
		s.groups[groupID{g.Tenant, g.Name}] = g
		s.physicalGroups[g.Group.Name] = g
		if _, ok := s.Topic(g.Tenant, mq.DeadLetters(g.Name)); !ok {
			s.addTopic(deadLettersOf(g))
		}
	}
	return s
}

// DeadLetterRetention is how long dead letters are kept.
const DeadLetterRetention = 30 * 24 * time.Hour

func deadLettersOf(g *Group) *Topic {
	return &Topic{
		Tenant: g.Tenant,
		Name:   mq.DeadLetters(g.Name),
		Topic: mq.Topic{
			Name:      mq.PhysicalDeadLetters(g.Group.Name),
			Cluster:   g.Cluster,
			Accepts:   mq.AcceptsOf(mq.Normal),
			Queues:    1,
			Retention: DeadLetterRetention,
		},
	}
}

func (s *Snapshot) addTopic(t *Topic) {
	s.topics[topicID{t.Tenant, t.Name}] = t
	s.physicalTopics[t.Topic.Name] = t
}

// Holder keeps the newest snapshot. The zero value holds an empty one.
type Holder struct{ now atomic.Pointer[Snapshot] }

// Now is the newest snapshot, never nil.
func (h *Holder) Now() *Snapshot {
	if s := h.now.Load(); s != nil {
		return s
	}
	return Build(Contents{})
}

// Put installs a snapshot unless a newer or equal version is held; it tells whether it did.
func (h *Holder) Put(s *Snapshot) bool {
	for {
		old := h.now.Load()
		if old != nil && old.version >= s.version {
			return false
		}
		if h.now.CompareAndSwap(old, s) {
			return true
		}
	}
}
