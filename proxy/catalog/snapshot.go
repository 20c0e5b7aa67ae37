// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/internal/trie"
	"github.com/causeway-mq/causeway/mq"
)

// Version orders snapshots; a proxy never goes back to a smaller one.
type Version uint64

// Tenant is what a proxy knows of a tenant.
type Tenant struct {
	ID       mq.Tenant
	Unsigned Unsigned // which callers without a signature it lets in
	Disabled bool
}

// Unsigned says which callers without a signature get in. The zero value is nobody.
type Unsigned uint8

// The degrees of trust in callers without a signature.
const (
	UnsignedNobody   Unsigned = iota
	UnsignedLoopback          // those on this machine
	UnsignedAnybody           // whoever reaches the port
)

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
	// Rules, where they are set, say instead of the maps what the application may.
	Rules    *Rules
	Disabled bool
}

// Named lists what a set of an application's rights holds, by name.
func Named[N interface {
	comparable
	String() string
}](set map[N]bool) (all []string) {
	for n, in := range set {
		if in {
			all = append(all, n.String())
		}
	}
	slices.Sort(all)
	return all
}

// Key is one access key of an application with its clear secret, which the signature check needs.
type Key struct {
	ID      string // the access key, unique over all tenants
	Secret  string
	App     *App
	Expires time.Time // zero = never
	Revoked bool
}

// Stage is how far a topic's move to another cluster is (docs/adr/0009). The zero value is at rest.
type Stage uint8

// The stages of a move.
const (
	AtRest   Stage = iota
	Fencing        // sends are held: the cluster is about to take none any more
	Draining       // sends go to the new cluster; what is left on the old one is still received
)

// Move is where a topic moves. Peer is where it goes while it is fenced, and where it comes from while that is drained.
type Move struct {
	Stage Stage
	Peer  mq.Cluster
}

// From is the cluster on which messages may be left, the zero one when there is none.
func (m Move) From() mq.Cluster {
	if m.Stage == Draining {
		return m.Peer
	}
	return mq.Cluster{}
}

// Topic ties a tenant's name to what an engine knows.
type Topic struct {
	Tenant mq.Tenant
	Name   mq.TopicName
	mq.Topic
	Move Move
	Lent *Grant // by which the tenant has it; nil for its own

	implied bool // it comes with its group, nobody said that it is there
}

// Group ties a tenant's name to what an engine knows. Every group has a dead-letter topic under TopicName mq.DeadLetters(Name),
// which is found like any other topic.
type Group struct {
	Tenant mq.Tenant
	Name   mq.GroupName
	mq.Group
	Paused bool // nothing is handed out to it
	Move   Move // of its dead letters, which are where its messages were
}

// AppID names an application.
type AppID struct {
	Tenant mq.Tenant
	Name   string
}

// TopicID names a topic.
type TopicID struct {
	Tenant mq.Tenant
	Name   mq.TopicName
}

// GroupID names a group.
type GroupID struct {
	Tenant mq.Tenant
	Name   mq.GroupName
}

// physicalID is an engine's name within a tenant: two clusters may have the same name, for topics of two tenants.
type physicalID struct {
	tenant mq.Tenant
	name   mq.Physical
}

// Snapshot is one version of everything. All methods are safe for concurrent use and take no lock. It is never changed: With makes another
// one, which shares with this one what is the same in both.
type Snapshot struct {
	version         Version
	untenanted      bool
	unauthenticated bool
	tenants         trie.Map[mq.Tenant, *Tenant]
	apps            trie.Map[AppID, owned]
	keys            trie.Map[string, *Key]
	topics          trie.Map[TopicID, *Topic]
	groups          trie.Map[GroupID, *Group]
	physicalTopics  trie.Map[physicalID, *Topic]
	physicalGroups  trie.Map[physicalID, *Group]
	lent            lent
	clusters        trie.Map[mq.Cluster, int]    // topics of each
	touched         trie.Map[mq.Tenant, Version] // when anything of a tenant was changed last
}

// Version is the snapshot's place in the order.
func (s *Snapshot) Version() Version { return s.version }

// Empty tells that there is nothing in it, as before the first catalog was read: nobody can be known then.
func (s *Snapshot) Empty() bool { return s.version == 0 && s.tenants.Len() == 0 }

// Untenanted tells that there is one tenant, the default one, whatever namespace a call names, and that names follow RocketMQ's own
// rule: the catalog is what a cluster has that nobody prepared for Causeway.
func (s *Snapshot) Untenanted() bool { return s.untenanted }

// Unauthenticated tells that the one tenant of an untenanted catalog lets anybody in: signatures mean nothing then.
func (s *Snapshot) Unauthenticated() bool { return s.unauthenticated }

// Naming is the rule for names of topics and groups in this catalog.
func (s *Snapshot) Naming() mq.Naming {
	if s.untenanted {
		return mq.ClusterNames
	}
	return mq.TenantNames
}

// Tenant finds a tenant.
func (s *Snapshot) Tenant(id mq.Tenant) (*Tenant, bool) { return s.tenants.Get(id) }

// Key finds an access key, of whatever tenant.
func (s *Snapshot) Key(id string) (*Key, bool) { return s.keys.Get(id) }

// Touched is the version at which anything of a tenant was changed last, as far as is known: what was judged by a snapshot of that version or a newer
// one need not be judged again.
func (s *Snapshot) Touched(id mq.Tenant) Version {
	if v, ok := s.touched.Get(id); ok {
		return v
	}
	return s.version
}

// Topic finds a tenant's topic, or one that it borrows under that name.
func (s *Snapshot) Topic(tenant mq.Tenant, name mq.TopicName) (*Topic, bool) {
	if t, ok := s.topics.Get(TopicID{tenant, name}); ok {
		return t, true
	}
	return s.borrowed(TopicID{tenant, name})
}

// Group finds a tenant's group.
func (s *Snapshot) Group(tenant mq.Tenant, name mq.GroupName) (*Group, bool) {
	return s.groups.Get(GroupID{tenant, name})
}

// PhysicalTopic finds the tenant's topic, or one that it borrows, that an engine knows under that name.
func (s *Snapshot) PhysicalTopic(tenant mq.Tenant, name mq.Physical) (*Topic, bool) {
	if t, ok := s.physicalTopics.Get(physicalID{tenant, name}); ok {
		return t, true
	}
	return s.borrowedAs(physicalID{tenant, name})
}

// PhysicalGroup finds the tenant's group that an engine knows under that name.
func (s *Snapshot) PhysicalGroup(tenant mq.Tenant, name mq.Physical) (*Group, bool) {
	return s.physicalGroups.Get(physicalID{tenant, name})
}

// Topics gives every topic under its owner, in no order; the callee must not keep the pointer past the snapshot's use.
func (s *Snapshot) Topics(yield func(*Topic) bool) {
	for _, t := range s.topics.All {
		if !yield(t) {
			return
		}
	}
}

// Clusters gives every cluster that has a topic, in no order.
func (s *Snapshot) Clusters(yield func(mq.Cluster) bool) {
	for c := range s.clusters.All {
		if !yield(c) {
			return
		}
	}
}

// Groups gives every group, as Topics does.
func (s *Snapshot) Groups(yield func(*Group) bool) {
	for _, g := range s.groups.All {
		if !yield(g) {
			return
		}
	}
}

// Contents is what a snapshot is built from; Build takes ownership.
type Contents struct {
	Version    Version
	Untenanted bool // see Snapshot.Untenanted
	Tenants    []Tenant
	Keys       []Key // each with its application
	Topics     []Topic
	Groups     []Group
	Grants     []Grant
}

// Build makes a snapshot. It adds the dead-letter topic of every group that has none.
func Build(c Contents) *Snapshot {
	s := &Snapshot{untenanted: c.Untenanted}
	d := Difference{Version: c.Version, Tenants: c.Tenants, Keys: c.Keys, Topics: c.Topics, Groups: c.Groups, Grants: c.Grants}
	for _, k := range c.Keys {
		if k.App != nil {
			d.Apps = append(d.Apps, k.App)
		}
	}
	return s.With(d)
}

// DeadLetterRetention is how long dead letters are kept.
const DeadLetterRetention = 30 * 24 * time.Hour

func deadLettersOf(g *Group) *Topic {
	return &Topic{
		Tenant: g.Tenant,
		Name:   mq.DeadLetters(g.Name),
		Move:   g.Move,
		Topic: mq.Topic{
			Name:      mq.PhysicalDeadLetters(g.Group.Name),
			Cluster:   g.Cluster,
			Accepts:   mq.AcceptsOf(mq.Normal),
			Queues:    1,
			Retention: DeadLetterRetention,
		},
		implied: true,
	}
}

// Holder keeps the newest snapshot. The zero value holds an empty one.
type Holder struct{ now atomic.Pointer[Snapshot] }

// Now is the newest snapshot, never nil.
func (h *Holder) Now() *Snapshot {
	if s := h.now.Load(); s != nil {
		return s
	}
	return &Snapshot{}
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
