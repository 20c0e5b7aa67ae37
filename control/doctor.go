// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// FindingStatus is how bad a finding is.
type FindingStatus string

// The statuses.
const (
	Good FindingStatus = "ok"
	Warn FindingStatus = "warn"
	Bad  FindingStatus = "fail"
)

// Finding is one thing that the doctor looked at.
type Finding struct {
	Name   string
	Status FindingStatus
	Detail string
	Fix    string // what to do about it; "" where nothing is wrong
}

// doctorTime bounds each question to somebody else.
const doctorTime = 5 * time.Second

// Doctor looks at store, engine, disk and provisioning.
func (p *Plane) Doctor(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	all := []Finding{p.lookAtStore(ctx)}
	state, err := p.opt.Inspector.State(ctx)
	all = append(all, lookAtEngine(state, err)...)
	all = append(all, p.lookAtFollowing())
	if p.opt.Checks != nil {
		all = append(all, p.opt.Checks(ctx)...)
	}
	return all
}

// State is the engine's own view of itself.
func (p *Plane) State(ctx context.Context) (mq.ClusterState, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	s, err := p.opt.Inspector.State(ctx)
	return s, During("state of the engine", err)
}

func (p *Plane) lookAtStore(ctx context.Context) Finding {
	if err := p.opt.Store.Check(ctx); err != nil {
		return Finding{"catalog store", Bad, err.Error(), "look at the volume that holds the data directory: space, rights, read-only mount"}
	}
	c := p.Contents()
	return Finding{"catalog store", Good, fmt.Sprintf("version %d: %d tenants, %d applications, %d topics, %d groups",
		c.Version, len(c.Tenants), len(c.Applications), len(c.Topics), len(c.Groups)), ""}
}

func lookAtEngine(s mq.ClusterState, err error) []Finding {
	if err != nil {
		return []Finding{{"engine", Bad, err.Error(), "see the process's log; restart it if it does not recover"}}
	}
	engine := Finding{"engine", Good, fmt.Sprintf("%s, cluster %s: %d scheduled, %d open transactions, %d leased", s.Engine, s.Cluster, s.Scheduled, s.Halves, s.Leased), ""}
	switch {
	case !s.Healthy:
		engine.Status, engine.Detail, engine.Fix = Bad, s.Why, "see the process's log; after a failed disk only a restart helps"
	case !s.Writable:
		engine.Status, engine.Detail, engine.Fix = Bad, "sends are refused: "+s.Why, "make room: raise the size limit, shorten the retention, or let consumers catch up"
	}
	disk := Finding{"disk", Good, bytes(s.DiskUsed) + " used", ""}
	if s.DiskLimit > 0 {
		disk.Detail += " of " + bytes(s.DiskLimit)
		if s.DiskUsed > s.DiskLimit/10*9 {
			disk.Status, disk.Fix = Warn, "make room before sends are refused: raise the size limit, shorten the retention, or let consumers catch up"
		}
	}
	return []Finding{engine, disk}
}

func (p *Plane) lookAtFollowing() Finding {
	open := p.UnderWay()
	if len(open) == 0 {
		return Finding{"provisioning", Good, "the engine follows everything that is wanted", ""}
	}
	return Finding{"provisioning", Warn, fmt.Sprintf("%d changes have not reached the engine, for example %s %q", len(open), open[0].Kind, open[0].Name),
		"it is tried again by itself; if it stays, see the engine's finding"}
}

func bytes(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	div, exp := int64(unit), 0
	for m := n / unit; m >= unit && exp < 4; m /= unit {
		div *= unit
		exp++
	}
	return fmt.Sprintf("%.1f %ciB", float64(n)/float64(div), "KMGTP"[exp])
}
