// SPDX-License-Identifier: Apache-2.0

// Package dropin makes a catalog out of what a cluster has, for a proxy that takes the place of another product's and that nobody provisions.
//
// The simple story: one tenant, the default one, owns every topic and group under its own name. The whole inventory is read at the start and
// every 20 s; a name that it lacks is looked up when somebody uses it.
//
// What must hold:
//   - What was read last goes on serving while the cluster does not answer: an outage of the name servers takes no name away.
//   - A flood of names that do not exist costs the cluster one question for each name and second, and a bounded number at once.
//   - What a look-up found is not lost to an inventory that was begun before it: it stays for as long as two inventories are apart.
package dropin

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// Cluster is what the catalog asks of an engine.
type Cluster interface {
	// Inventory lists the topics and groups that somebody made.
	Inventory(ctx context.Context) (mq.Inventory, error)
	// FindTopic asks for one topic: TopicNotFound when there is none and none would be made by a send.
	FindTopic(ctx context.Context, name mq.Physical) (mq.TopicSpec, error)
	// FindGroup asks for one group: GroupNotFound when there is none. The cluster may make it, if it makes groups on demand.
	FindGroup(ctx context.Context, name mq.Physical) (mq.GroupSpec, error)
	// Accounts lists the users that the cluster knows. It is asked only where callers are authenticated.
	Accounts(ctx context.Context) ([]mq.Account, error)
}

const (
	every       = 20 * time.Second // between two inventories
	again       = time.Second      // after one that failed, before the first has come
	inventory   = 15 * time.Second // how long one may take
	absent      = time.Second      // how long a name that does not exist is not asked about again
	maxAbsent   = 4096             // such names
	lookupBound = 3 * time.Second
	maxLookups  = 32 // at once
)

// Options are what a source needs. All but Log are required.
type Options struct {
	Cluster Cluster
	Clock   clock.Clock
	// Authenticate lets in only who signs as a user of the cluster; otherwise anybody gets in.
	Authenticate bool
	// Authorize holds users to the cluster's rules; otherwise whoever is in may do everything. It goes with Authenticate.
	Authorize bool
	Log       *slog.Logger
}

// Source is a catalog.Source and a catalog.Lookup. Run must be running.
type Source struct {
	opts    Options
	tenant  mq.Tenant
	flights singleflight.Group
	slots   chan struct{} // one for each look-up under way

	mu      sync.Mutex // guards all below; never held while the cluster is asked
	version catalog.Version
	changed chan struct{} // closed and replaced with each version
	topics  map[mq.Physical]entry[mq.TopicSpec]
	groups  map[mq.Physical]entry[mq.GroupSpec]
	keys    []catalog.Key
	known   []mq.Account         // that keys were made of
	missing map[string]time.Time // by flight key: until when it is not asked about
	why     error                // why the last inventory could not be read
}

// entry is one spec and until when it outlives an inventory that lacks it.
type entry[T any] struct {
	spec T
	keep time.Time
}

// New makes a source.
func New(o Options) (*Source, error) {
	tenant, err := mq.ParseTenant(mq.DefaultTenant)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Source{
		opts: o, tenant: tenant, slots: make(chan struct{}, maxLookups), changed: make(chan struct{}),
		topics: map[mq.Physical]entry[mq.TopicSpec]{}, groups: map[mq.Physical]entry[mq.GroupSpec]{}, missing: map[string]time.Time{},
	}, nil
}

// Run reads the inventory again and again until ctx ends.
func (s *Source) Run(ctx context.Context) error {
	timer := s.opts.Clock.NewTimer(every)
	defer timer.Stop()
	var words complaint
	for {
		rest := every
		err := s.refresh(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			rest = again
			s.failed(err)
			if words.due(err, s.opts.Clock.Now()) {
				s.opts.Log.Warn(s.consequence(), "error", err, "said_again_after", words.pause)
			}
		case words.pause > 0:
			s.failed(nil)
			s.opts.Log.Info("the cluster's topics and groups were read")
			words = complaint{}
		}
		timer.Reset(rest)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C():
		}
	}
}

// complaint is what was said of a cluster that is asked in vain. A new reason is said at once; those that were said are said again after a second, two, four
// and so on, up to a minute.
type complaint struct {
	said  map[string]bool
	next  time.Time
	pause time.Duration
}

const (
	longestPause = time.Minute
	mostReasons  = 8 // that are new within one outage; some may differ each time
)

func (c *complaint) due(err error, now time.Time) bool {
	text := err.Error()
	fresh := !c.said[text] && len(c.said) < mostReasons
	if !fresh && now.Before(c.next) {
		return false
	}
	if fresh && c.said == nil {
		c.said = map[string]bool{}
	}
	if fresh {
		c.said[text] = true
	}
	if !fresh || c.pause == 0 {
		c.pause = min(max(2*c.pause, again), longestPause)
	}
	c.next = now.Add(c.pause)
	return true
}

// consequence says what it means that the cluster could not be read.
func (s *Source) consequence() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version == 0 {
		return "the cluster's topics and groups could not be read, never so far: every caller is refused"
	}
	return "the cluster's topics and groups could not be read; what was read before goes on"
}

func (s *Source) failed(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.why = why
}

// Refused is why the cluster could not be read when it was last asked; nil when it could.
func (s *Source) Refused() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why
}

func (s *Source) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, inventory)
	defer cancel()
	all, err := s.opts.Cluster.Inventory(ctx)
	if err != nil {
		return err
	}
	var accounts []mq.Account
	if s.opts.Authenticate {
		if accounts, err = s.opts.Cluster.Accounts(ctx); err != nil {
			return err
		}
	}
	topics, groups := make(map[mq.Physical]mq.TopicSpec, len(all.Topics)), make(map[mq.Physical]mq.GroupSpec, len(all.Groups))
	for _, t := range all.Topics {
		topics[t.Name] = t
	}
	for _, g := range all.Groups {
		groups[g.Name] = begun(g)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Clock.Now()
	moved := replace(s.topics, topics, now)
	moved = replace(s.groups, groups, now) || moved
	if !reflect.DeepEqual(accounts, s.known) {
		s.known, s.keys, moved = accounts, s.keysOf(accounts), true
	}
	if moved || s.version == 0 {
		s.publish()
	}
	return nil
}

// keysOf makes an application with one key of each user.
func (s *Source) keysOf(accounts []mq.Account) []catalog.Key {
	keys := make([]catalog.Key, 0, len(accounts))
	for _, a := range accounts {
		app := &catalog.App{Tenant: s.tenant, Name: a.Name, Owner: a.Super || !s.opts.Authorize, Disabled: a.Disabled, Rules: catalog.NewRules(a.Rules)}
		keys = append(keys, catalog.Key{ID: a.Name, Secret: a.Secret, App: app})
	}
	return keys
}

// replace makes read the content of held, but for what was just looked up. It tells whether anything differs.
func replace[T any](held map[mq.Physical]entry[T], read map[mq.Physical]T, now time.Time) (moved bool) {
	for name, e := range held {
		if _, ok := read[name]; !ok && !e.keep.After(now) {
			delete(held, name)
			moved = true
		}
	}
	for name, spec := range read {
		if e, ok := held[name]; !ok || !reflect.DeepEqual(e.spec, spec) {
			held[name] = entry[T]{spec: spec}
			moved = true
		}
	}
	return moved
}

// begun lets a group start where the cluster itself starts it, and leaves the hold to the cluster: nobody said anything else.
func begun(g mq.GroupSpec) mq.GroupSpec {
	g.Start, g.Hold = mq.Start{Kind: mq.StartByEngine}, 0
	return g
}

// publish needs mu.
func (s *Source) publish() {
	s.version++
	close(s.changed)
	s.changed = make(chan struct{})
}

// Next waits for a version newer than have. The first one comes with the first inventory.
func (s *Source) Next(ctx context.Context, have catalog.Version) (*catalog.Snapshot, error) {
	for {
		s.mu.Lock()
		if s.version > have {
			defer s.mu.Unlock()
			return s.snapshot(), nil
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// snapshot needs mu.
func (s *Source) snapshot() *catalog.Snapshot {
	unsigned := catalog.UnsignedAnybody
	if s.opts.Authenticate {
		unsigned = catalog.UnsignedNobody
	}
	c := catalog.Contents{
		Version: s.version, Untenanted: true, Tenants: []catalog.Tenant{{ID: s.tenant, Unsigned: unsigned}}, Keys: slices.Clone(s.keys),
		Topics: make([]catalog.Topic, 0, len(s.topics)), Groups: make([]catalog.Group, 0, len(s.groups)),
	}
	for _, e := range s.topics {
		if name, err := mq.ClusterNames.Topic(e.spec.Name.String()); err == nil { // what the rule reserves is the system's
			c.Topics = append(c.Topics, catalog.Topic{Tenant: s.tenant, Name: name, Topic: e.spec})
		}
	}
	for _, e := range s.groups {
		if name, err := mq.ClusterNames.Group(e.spec.Name.String()); err == nil {
			c.Groups = append(c.Groups, catalog.Group{Tenant: s.tenant, Name: name, Group: e.spec})
		}
	}
	return catalog.Build(c)
}
