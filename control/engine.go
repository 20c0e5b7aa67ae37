// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"

	"github.com/causeway-mq/causeway/mq"
)

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
	// Find searches messages: stored, scheduled or half, and says which window was searched.
	Find(ctx context.Context, f mq.Find) (mq.Page, error)
	// Progress tells how far a group is in each queue of a topic.
	Progress(ctx context.Context, g mq.Group, t mq.Topic) ([]mq.QueueProgress, error)
	// Reset moves a group; Conflict while leases live unless p.Force.
	Reset(ctx context.Context, g mq.Group, t mq.Topic, p mq.Position) (mq.ResetDone, error)
	// State is the engine's own view of itself.
	State(ctx context.Context) (mq.ClusterState, error)
}
