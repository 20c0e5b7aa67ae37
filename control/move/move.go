// SPDX-License-Identifier: Apache-2.0

// Package move moves a topic from one cluster to another while clients run: docs/adr/0009.
//
// What must hold:
//   - Every step may be done twice, and the next one is found from the catalog alone: a mover that died is begun again.
//   - The catalog says draining only after no primary of the source takes a message of the topic any more.
package move

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Stage is how far a move is.
type Stage uint8

// The stages, in their order.
const (
	AtRest Stage = iota
	Fencing
	Draining
)

// Topic is the topic that moves as the catalog has it.
type Topic struct {
	Spec   mq.TopicSpec // Cluster is where sends go
	Stage  Stage
	Peer   mq.Cluster // fencing: where it goes; draining: where it comes from
	Groups []mq.GroupSpec
}

// bound is the cluster at which the topic will be at rest.
func (t Topic) bound() mq.Cluster {
	if t.Stage == Fencing {
		return t.Peer
	}
	return t.Spec.Cluster
}

// Catalog is where the state of the move is kept.
type Catalog interface {
	// Topic reads it with the groups that may consume it.
	Topic(ctx context.Context) (Topic, error)
	// Set writes the next version: cluster, stage and peer. With the beginning of the draining the groups' dead letters are read from both clusters.
	Set(ctx context.Context, t Topic) error
}

// Cluster is what a move asks of an engine.
type Cluster interface {
	PutTopic(ctx context.Context, spec mq.TopicSpec) error
	PutGroup(ctx context.Context, spec mq.GroupSpec) error
	// Freeze takes the right to write from a topic on every primary.
	Freeze(ctx context.Context, topic mq.Physical) error
	// Begin sets now where a group starts in a topic, by its own rule and no later than at the topic's end of now. Where it consumed the topic before it goes on.
	Begin(ctx context.Context, g mq.Group, t mq.Topic) error
	Progress(ctx context.Context, g mq.Group, t mq.Topic) ([]mq.QueueProgress, error)
	Traits() mq.Traits
}

// Times of a move.
const (
	Heard  = 3 * time.Second // after which every proxy that lives has read the catalog
	Settle = time.Second     // for sends that were on their way when the fence came down
	look   = time.Second     // between two looks at what is left
)

// Mover moves one topic.
type Mover struct {
	Catalog  Catalog
	Clusters map[mq.Cluster]Cluster
	Clock    clock.Clock
	Log      *slog.Logger
	// Quiet is for how long the source must have been empty before the move is at its end; 0 leaves the topic draining.
	Quiet time.Duration
}

// Run moves the topic to a cluster, from whatever stage it is in.
func (m *Mover) Run(ctx context.Context, to mq.Cluster) error {
	for {
		t, err := m.Catalog.Topic(ctx)
		if err != nil {
			return err
		}
		switch {
		case t.Stage == AtRest && t.Spec.Cluster == to:
			return nil
		case t.Stage == AtRest:
			err = m.begin(ctx, t, to)
		case t.Stage == Fencing && t.Peer != to, t.Stage == Draining && t.Spec.Cluster != to:
			return mq.Refuse(mq.Conflict, "topic %s is on its way to cluster %s: that move must come to its end first; the same command with --to %s --quiet 15m ends it", t.Spec.Name, t.bound(), t.bound())
		case t.Stage == Fencing:
			err = m.fence(ctx, t)
		case m.Quiet == 0:
			return nil
		default:
			err = m.drain(ctx, t)
		}
		if err != nil {
			return err
		}
	}
}

func (m *Mover) cluster(c mq.Cluster) (Cluster, error) {
	if e, ok := m.Clusters[c]; ok {
		return e, nil
	}
	var known []string
	for k := range m.Clusters {
		known = append(known, k.String())
	}
	slices.Sort(known)
	return nil, mq.Refuse(mq.Unavailable, "cluster %q is not configured here; there is %s", c, strings.Join(known, ", "))
}

// begin makes ready what the target needs and tells the proxies to hold sends.
func (m *Mover) begin(ctx context.Context, t Topic, to mq.Cluster) error {
	if _, err := m.cluster(t.Spec.Cluster); err != nil {
		return err
	}
	target, err := m.cluster(to)
	if err != nil {
		return err
	}
	for _, g := range t.Groups {
		if g.Mode == mq.Pulls {
			return mq.Refuse(mq.Unsupported, "group %s pulls: its offsets belong to cluster %s, so topic %s cannot move under it", g.Name, t.Spec.Cluster, t.Spec.Name)
		}
	}
	if err := applies(t.Spec, to, target.Traits()); err != nil {
		return err
	}
	spec := t.Spec
	spec.Cluster = to
	if err := target.PutTopic(ctx, spec); err != nil {
		return mq.During("topic on cluster "+to.String(), err)
	}
	for _, g := range t.Groups {
		g.Cluster = to
		if err := target.PutGroup(ctx, g); err != nil {
			return mq.During("group on cluster "+to.String(), err)
		}
		if err := target.Begin(ctx, g, spec); err != nil {
			return mq.During("group on cluster "+to.String(), err)
		}
	}
	m.Log.Info("the target is ready; proxies hold sends from now on", "topic", t.Spec.Name.String(), "from", t.Spec.Cluster.String(), "to", to.String())
	t.Stage, t.Peer = Fencing, to
	return m.Catalog.Set(ctx, t)
}

// applies refuses a topic that asks for what nobody would apply at the target.
func applies(s mq.TopicSpec, to mq.Cluster, t mq.Traits) error {
	var asked string
	switch {
	case s.Retention != 0 && !t.TopicRetention:
		asked = "a retention of " + s.Retention.String()
	case !s.Durability.Synced() && !t.TopicDurability:
		asked = "the durability " + s.Durability.String()
	default:
		return nil
	}
	return mq.Refuse(mq.Unsupported, "topic %s asks for %s, which cluster %s has as a setting of its brokers, for all topics alike: leave it out of the catalog, and set it at the brokers", s.Name, asked, to)
}

// fence lets nobody write at the source any more and opens the target.
func (m *Mover) fence(ctx context.Context, t Topic) error {
	source, err := m.cluster(t.Spec.Cluster)
	if err != nil {
		return err
	}
	if err := clock.Rest(ctx, m.Clock, Heard); err != nil {
		return err
	}
	if err := source.Freeze(ctx, t.Spec.Name); err != nil {
		return mq.During("fence at cluster "+t.Spec.Cluster.String(), err)
	}
	if err := clock.Rest(ctx, m.Clock, Settle); err != nil {
		return err
	}
	for _, g := range t.Groups { // a group that never consumed has nothing left at the source, unless it begins with the earliest message
		g.Cluster = t.Spec.Cluster
		if err := source.Begin(ctx, g, t.Spec); err != nil {
			return mq.During("group on cluster "+t.Spec.Cluster.String(), err)
		}
	}
	m.Log.Info("the source takes no message any more; sends go to the target from now on", "topic", t.Spec.Name.String(), "from", t.Spec.Cluster.String(), "to", t.Peer.String())
	t.Stage, t.Spec.Cluster, t.Peer = Draining, t.Peer, t.Spec.Cluster
	return m.Catalog.Set(ctx, t)
}

// drain waits until the source was empty for long enough.
func (m *Mover) drain(ctx context.Context, t Topic) error {
	source, err := m.cluster(t.Peer)
	if err != nil {
		return err
	}
	at := t.Spec
	at.Cluster = t.Peer
	empty := time.Time{}
	for {
		left, err := m.left(ctx, source, t.Groups, at)
		now := m.Clock.Now()
		switch {
		case err != nil:
			m.Log.Warn("what is left at the source cannot be seen now", "error", err)
			empty = time.Time{}
		case left > 0:
			empty = time.Time{}
		case empty.IsZero():
			empty = now
		case now.Sub(empty) >= m.Quiet:
			m.Log.Info("nothing is left at the source", "topic", t.Spec.Name.String(), "cluster", t.Peer.String())
			t.Stage, t.Peer = AtRest, mq.Cluster{}
			return m.Catalog.Set(ctx, t)
		}
		if err := clock.Rest(ctx, m.Clock, look); err != nil {
			return err
		}
	}
}

// left is how many messages groups that consume the topic have left at the source.
func (m *Mover) left(ctx context.Context, source Cluster, groups []mq.GroupSpec, t mq.Topic) (n int64, err error) {
	for _, g := range groups {
		queues, err := source.Progress(ctx, g, t)
		if err != nil {
			return 0, err
		}
		for _, q := range queues {
			if q.Committed < 0 { // it never consumed this topic
				continue
			}
			n += int64(q.Hi-q.Committed) + max(q.Retrying, 0)
		}
	}
	return n, nil
}
