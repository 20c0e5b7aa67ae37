// SPDX-License-Identifier: Apache-2.0

package site

import (
	"fmt"
	"strings"

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

// Findings are about an engine by its own view of itself, or by the error that it gave instead.
func Findings(s mq.ClusterState, err error) []Finding {
	if err != nil {
		return []Finding{{"engine", Bad, err.Error(), "see the process's log; restart it if it does not recover"}}
	}
	engine := Finding{"engine", Good, fmt.Sprintf("%s, cluster %s%s", s.Engine, s.Cluster, counted(s)), ""}
	switch {
	case !s.Healthy:
		engine.Status, engine.Detail, engine.Fix = Bad, s.Why, "see the process's log; after a failed disk only a restart helps"
	case !s.Writable:
		engine.Status, engine.Detail, engine.Fix = Bad, "sends are refused: "+s.Why, "make room: raise the size limit, shorten the retention, or let consumers catch up"
	}
	if s.DiskUsed <= 0 && s.DiskLimit <= 0 { // an engine elsewhere, whose disks are its brokers' own
		return []Finding{engine}
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

// counted says how many messages wait for what, as far as the engine knows.
func counted(s mq.ClusterState) string {
	var known []string
	for _, one := range []struct {
		n    int64
		what string
	}{{s.Scheduled, "scheduled"}, {s.Halves, "open transactions"}, {s.Leased, "leased"}} {
		if one.n >= 0 {
			known = append(known, fmt.Sprintf("%d %s", one.n, one.what))
		}
	}
	if len(known) == 0 {
		return ""
	}
	return ": " + strings.Join(known, ", ")
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
