// SPDX-License-Identifier: Apache-2.0

package app

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/app/drift"
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/mq"
)

// doctorBound is for all questions, which are asked side by side.
const doctorBound = 10 * time.Second

// findings is what somebody looked at, in the order in which it is told.
type findings []wire.Finding

func (f *findings) add(name string, status control.FindingStatus, detail, fix string) {
	*f = append(*f, wire.Finding{Name: name, Status: string(status), Detail: detail, Fix: fix})
}

// doctor looks at what is around this proxy: its clusters with the settings of each broker, its catalog and whether the clusters have what stands there,
// whom it lets in. `causeway doctor --server` with this proxy's HTTP address shows it.
func (p *proxy) doctor(ctx context.Context) wire.Doctor {
	ctx, cancel := context.WithTimeout(ctx, doctorBound)
	defer cancel()
	d := wire.Doctor{Time: p.clock.Now().UTC()}
	all := p.lookAtItself(ctx)
	names := slices.SortedFunc(maps.Keys(p.engines), func(a, b mq.Cluster) int { return cmp.Compare(a.String(), b.String()) })
	parts := make([]findings, len(names))
	var asking sync.WaitGroup
	for i, name := range names {
		asking.Go(func() { parts[i] = p.lookAtCluster(ctx, name) })
	}
	asking.Wait()
	for _, part := range parts {
		all = append(all, part...)
	}
	d.Findings = all
	return d
}

func (p *proxy) lookAtItself(ctx context.Context) (all findings) {
	switch _, err := p.ready(ctx); {
	case p.door.front.Leaving():
		all.add("proxy", control.Bad, err.Error(), "start it again, or look at another one")
	case err != nil:
		all.add("proxy", control.Bad, "not ready: "+err.Error(), "see below and in its log")
	default:
		all.add("proxy", control.Good, fmt.Sprintf("ready, role %s", cmp.Or(p.config.Role, mq.BothRoles.String())), "")
	}
	now, file := p.holder.Now(), p.config.Catalog != ""
	switch err := p.refused(); {
	case now.Version() == 0 && p.followed != nil:
		all.add("catalog", control.Bad, "nothing was read from the control plane yet"+because(p.unread()), "see whether it runs, and the proxy's log")
	case p.followed != nil:
		p.lookAtFeed(&all)
	case now.Version() == 0 && err != nil:
		all.add("catalog", control.Bad, "nothing was read from the cluster yet: "+err.Error(), "see whether --namesrv and --cluster name the right ones")
	case now.Version() == 0:
		all.add("catalog", control.Bad, "nothing was read from the cluster yet", "see whether the name servers answer")
	case err != nil && file:
		all.add("catalog", control.Bad, fmt.Sprintf("version %d goes on, but the file as it is now is not served: %v", now.Version(), err), "mend the file; causeway config check names all that is wrong in it")
	case err != nil:
		all.add("catalog", control.Warn, fmt.Sprintf("version %d goes on, but the cluster could not be read when it was last asked: %v", now.Version(), err), "see whether its name servers and primaries run")
	default:
		all.add("catalog", control.Good, fmt.Sprintf("version %d", now.Version()), "")
	}
	switch {
	case p.config.complete():
		all.add("authentication", control.Good, "callers sign with the catalog's keys", "")
	case p.config.Authentication:
		all.add("authentication", control.Good, "callers sign as users of the cluster", "")
	default:
		all.add("authentication", control.Warn, "off: whoever reaches the port may send and receive everything", "--authentication --authorization, with users on the brokers")
	}
	return all
}

// lookAtCluster names the cluster in each line: two of them may have brokers of one name.
func (p *proxy) lookAtCluster(ctx context.Context, name mq.Cluster) (all findings) {
	e, title := p.engines[name], "cluster "+name.String()
	sick := e.NameServers(ctx)
	for _, address := range slices.Sorted(maps.Keys(sick)) {
		if err := sick[address]; err != nil {
			all.add(title+" name server "+address, control.Bad, err.Error(), "start it, or take it out of the configuration")
		}
	}
	if err := e.Probe(ctx); err != nil {
		all.add(title, control.Bad, err.Error(), "see whether its name servers and primaries run")
		return all
	}
	brokers, err := e.Examine(ctx)
	if err != nil {
		all.add(title, control.Bad, err.Error(), "the proxy's own user needs to be a super user")
		return all
	}
	all.add(title, control.Good, fmt.Sprintf("%d primaries answer", len(brokers)), "")
	for _, broker := range slices.Sorted(maps.Keys(brokers)) {
		for _, r := range brokers[broker] {
			status := control.Warn
			if r.Bad {
				status = control.Bad
			}
			all.add(title+" broker "+broker+" "+r.Setting, status, r.Detail, r.Fix)
		}
	}
	if p.config.Catalog != "" {
		all = append(all, p.lookAtNames(ctx, name, e)...)
	}
	return all
}

// lookAtNames holds the catalog against what a cluster has: its topics and groups are made by an operator, and who forgets one finds every call refused.
func (p *proxy) lookAtNames(ctx context.Context, name mq.Cluster, e *rocketmq.Engine) (all findings) {
	title := "cluster " + name.String()
	inv, err := e.Inventory(ctx)
	if err != nil {
		all.add(title+" topics", control.Bad, err.Error(), "the proxy's own user needs to be a super user")
		return all
	}
	brokers := name.String()
	for _, c := range p.config.Clusters {
		if c.Name == name.String() && c.BrokersName != "" {
			brokers = c.BrokersName
		}
	}
	for _, gap := range drift.Between(p.holder.Now(), name, inv, brokers) {
		status := control.Warn
		if gap.Missing {
			status = control.Bad
		}
		all.add(title+" "+gap.What, status, gap.Detail, gap.Fix)
	}
	if len(all) == 0 {
		all.add(title+" topics", control.Good, "every topic and group of the catalog is there", "")
	}
	return all
}
