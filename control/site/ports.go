// SPDX-License-Identifier: Apache-2.0

// Package site is a cluster as the control plane reaches it: its ports, the bounds of each call, and what was last seen of it.
//
// Each site has its own loop and its own bounds: nothing that hangs on one cluster is waited for by another.
package site

import (
	"context"

	"github.com/causeway-mq/causeway/control/redrive"
	"github.com/causeway-mq/causeway/mq"
)

// Mover is what redriving asks of an engine.
type Mover = redrive.Mover

// Courier is what sending for people, and settling what they sent, asks of an engine: verbs of produce, with their contracts.
type Courier interface {
	Traits() mq.Traits
	Send(ctx context.Context, topic mq.Topic, batch []mq.Message) []mq.Sent
	Recall(ctx context.Context, topic mq.Topic, s mq.Scheduled) error
	Settle(ctx context.Context, topic mq.Topic, half mq.Half, verdict mq.Verdict, by mq.SettledBy) error
}

// Provisioner makes an engine have what the control plane wants. Every call is an idempotent upsert of a whole spec, on every
// primary of the cluster.
type Provisioner interface {
	PutTopic(ctx context.Context, spec mq.TopicSpec) error
	DropTopic(ctx context.Context, name mq.Physical) error
	PutGroup(ctx context.Context, spec mq.GroupSpec) error
	DropGroup(ctx context.Context, name mq.Physical) error
	// PutRights gives a principal exactly these rights; Unsupported where the engine has no access control of its own.
	PutRights(ctx context.Context, who mq.Principal, rights []mq.Right) error
	// Inventory lists what the engine has.
	Inventory(ctx context.Context) (mq.Inventory, error)
}

// Inspector looks into an engine for people: never on the hot path of messages.
type Inspector interface {
	// Find searches messages: stored, scheduled or half, the newest first, and says which window was searched.
	Find(ctx context.Context, f mq.Find) (mq.Page, error)
	// Progress tells how far a group is in each queue of a topic.
	Progress(ctx context.Context, g mq.Group, t mq.Topic) ([]mq.QueueProgress, error)
	// Fate tells what became of the message at a place for a group; the zero Place's broker is any. What the engine does not know is
	// mq.FateUnknown or mq.FateTaken, and no error.
	Fate(ctx context.Context, g mq.Group, t mq.Topic, at mq.Place) (mq.Fate, error)
	// Reset moves a group; Conflict while leases live unless p.Force.
	Reset(ctx context.Context, g mq.Group, t mq.Topic, p mq.Position) (mq.ResetDone, error)
	// State is the engine's own view of itself.
	State(ctx context.Context) (mq.ClusterState, error)
	// Nodes asks every server of the cluster what it is and how it is doing; it costs them something, so it is for people who look. A server that does not answer is in
	// the list, with the reason, and a figure that is not told is -1. Nothing of it is for tenants.
	Nodes(ctx context.Context) (mq.Nodes, error)
}
