// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"

	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// What a look at the installation finds, see site.Finding; room checkup looks.
type (
	Finding       = site.Finding
	FindingStatus = site.FindingStatus
)

// The statuses.
const (
	Good = site.Good
	Warn = site.Warn
	Bad  = site.Bad
)

// StateOf is a cluster's own view of itself.
func (p *Plane) StateOf(ctx context.Context, c mq.Cluster) (mq.ClusterState, error) {
	return inspect(ctx, p, c, func(ctx context.Context, i Inspector) (mq.ClusterState, error) { return i.State(ctx) })
}

// State is the default cluster's own view of itself.
func (p *Plane) State(ctx context.Context) (mq.ClusterState, error) {
	return p.StateOf(ctx, p.opt.Cluster)
}

// CheckStore tells whether a change could be kept now.
func (p *Plane) CheckStore(ctx context.Context) error { return p.opt.Store.Check(ctx) }

// Checks are the findings of the rooms that the process adds.
func (p *Plane) Checks(ctx context.Context) []Finding {
	if p.opt.Checks == nil {
		return nil
	}
	return p.opt.Checks(ctx)
}
