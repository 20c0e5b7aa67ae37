// SPDX-License-Identifier: Apache-2.0

package series

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// What one look at the clusters may cost: a collector must not be a burden to what it looks at.
const (
	lookEvery = 10 * time.Second
	lookTime  = 5 * time.Second
	// lookPairs is how many groups at a topic one look asks about; where there are more they take turns.
	lookPairs = 200
	// meetTopics is up to how many topics of a tenant a group is asked about that nobody has read with yet.
	meetTopics = 200
)

// Estate is what a sampler asks of the control plane.
type Estate interface {
	Contents() control.Catalog
	Progress(ctx context.Context, tenant mq.Tenant, name mq.GroupName, only *mq.TopicName) ([]control.TopicProgress, error)
	// Borrowed lists the grants that a tenant has.
	Borrowed(mq.Tenant) []grant.Grant
}

// Sampler looks at how far groups are behind.
type Sampler struct {
	to     *Series
	estate Estate
	clock  clock.Clock
	last   Pair  // that was asked about; the turn goes on behind it
	met    Group // the group whose topics were looked for
}

// NewSampler makes one. Run must be running.
func NewSampler(to *Series, e Estate, c clock.Clock) *Sampler {
	return &Sampler{to: to, estate: e, clock: c}
}

// Run looks until ctx ends.
func (s *Sampler) Run(ctx context.Context) error {
	tick := s.clock.NewTimer(lookEvery)
	defer tick.Stop()
	for {
		s.Look(ctx)
		select {
		case <-tick.C():
			tick.Reset(lookEvery)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Look asks about as many pairs as one look may, and looks for the topics of one more group: one that nobody consumes with is the one whose lag matters most.
func (s *Sampler) Look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	s.meet(ctx)
	names := names{estate: s.estate, borrowed: map[mq.Tenant][]grant.Grant{}}
	for _, p := range s.turn() {
		if ctx.Err() != nil {
			return
		}
		s.last = p
		s.ask(ctx, p, names)
	}
}

// names is how tenants call the topics that they read, as long as one look takes.
type names struct {
	estate   Estate
	borrowed map[mq.Tenant][]grant.Grant
}

func (n names) of(reader mq.Tenant) []grant.Grant {
	all, known := n.borrowed[reader]
	if !known {
		all = n.estate.Borrowed(reader)
		n.borrowed[reader] = all
	}
	return all
}

// name is what a group's tenant calls a topic that the group reads: its own, or one that it borrows.
func (n names) name(p Pair) (mq.TopicName, bool) {
	if p.Group.Tenant == p.Topic.Tenant {
		return p.Topic.Name, true
	}
	for _, g := range n.of(p.Group.Tenant) {
		if g.Owner == p.Topic.Tenant && g.Topic == p.Topic.Name && g.Rights.Subscribe {
			return g.As, true
		}
	}
	return mq.TopicName{}, false
}

// topic is the topic that a tenant reads under a name.
func (n names) topic(reader mq.Tenant, name mq.TopicName) Topic {
	for _, g := range n.of(reader) {
		if g.As == name {
			return Topic{g.Owner, g.Topic}
		}
	}
	return Topic{reader, name}
}

// turn is the pairs whose turn it is.
func (s *Sampler) turn() []Pair {
	all := s.to.Pairs()
	slices.SortFunc(all, comparePairs)
	at, _ := slices.BinarySearchFunc(all, s.last, comparePairs)
	if at < len(all) && all[at] == s.last {
		at++
	}
	all = slices.Concat(all[at:], all[:at])
	return all[:min(len(all), lookPairs)]
}

func comparePairs(a, b Pair) int {
	return cmp.Or(compareGroups(a.Group, b.Group), cmp.Compare(a.Topic.Tenant.String(), b.Topic.Tenant.String()), cmp.Compare(a.Topic.Name.String(), b.Topic.Name.String()))
}

func compareGroups(a, b Group) int {
	return cmp.Or(cmp.Compare(a.Tenant.String(), b.Tenant.String()), cmp.Compare(a.Name.String(), b.Name.String()))
}

// ask notes how far a pair is. What cannot be had is not noted, so that it is not known rather than nothing.
func (s *Sampler) ask(ctx context.Context, p Pair, names names) {
	called, reads := names.name(p)
	if !reads { // the grant is over
		s.to.Forget(p)
		return
	}
	all, err := s.estate.Progress(ctx, p.Group.Tenant, p.Group.Name, &called)
	switch mq.KindOf(err) {
	case mq.GroupNotFound, mq.TopicNotFound, mq.NotFound:
		s.to.Forget(p)
		return
	}
	if err != nil {
		return
	}
	for _, one := range all {
		s.note(p, one)
	}
}

// note keeps a group's lag. RocketMQ's brokers tell of no group what its consumers hold: there the lag is what waits for them.
func (s *Sampler) note(p Pair, at control.TopicProgress) {
	sum := at.Sum()
	if len(at.Queues) == 0 || sum.Ready < 0 {
		return
	}
	lag, age := sum.Ready+max(sum.Leased, 0)+max(sum.Retrying, 0), time.Duration(0)
	if lag > 0 {
		age = -1
		if !sum.Oldest.IsZero() {
			age = max(s.clock.Now().Sub(sum.Oldest), 0)
		}
	}
	s.to.Lag(p, lag, age)
}

// meet looks for the topics of the next group.
func (s *Sampler) meet(ctx context.Context) {
	c := s.estate.Contents()
	topics := map[mq.Tenant]int{}
	for _, t := range c.Topics {
		topics[t.Tenant]++
	}
	var next, first *Group
	for _, g := range c.Groups {
		one := Group{g.Tenant, g.Name}
		if first == nil || compareGroups(one, *first) < 0 {
			first = &one
		}
		if compareGroups(one, s.met) > 0 && (next == nil || compareGroups(one, *next) < 0) {
			next = &one
		}
	}
	if next = cmp.Or(next, first); next == nil {
		return
	}
	s.met = *next
	if topics[next.Tenant] > meetTopics {
		return
	}
	all, err := s.estate.Progress(ctx, next.Tenant, next.Name, nil)
	if err != nil {
		return
	}
	names := names{estate: s.estate, borrowed: map[mq.Tenant][]grant.Grant{}}
	for _, one := range all {
		s.note(Pair{*next, names.topic(next.Tenant, one.Topic)}, one)
	}
}
