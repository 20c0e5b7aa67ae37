// SPDX-License-Identifier: Apache-2.0

// Package checkup looks at what a control plane stands on: store, clusters, disks, and whether clusters follow.
package checkup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// bound is for each question to somebody else.
const bound = 5 * time.Second

// Of looks at everything that a plane stands on. Clusters are asked side by side: one that hangs costs its own finding alone.
func Of(ctx context.Context, p *control.Plane) []control.Finding {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	all := []control.Finding{store(ctx, p)}
	clusters := p.Clusters()
	found := make([][]control.Finding, len(clusters))
	var asking sync.WaitGroup
	for i, c := range clusters {
		asking.Go(func() {
			found[i] = cluster(ctx, p, c.Name)
			if len(clusters) > 1 { // the cluster's name stands in the findings' names
				for n := range found[i] {
					found[i][n].Name += " " + c.Name.String()
				}
			}
		})
	}
	asking.Wait()
	for _, some := range found {
		all = append(all, some...)
	}
	return append(append(all, strays(p)...), p.Checks(ctx)...)
}

func cluster(ctx context.Context, p *control.Plane, c mq.Cluster) []control.Finding {
	state, err := p.StateOf(ctx, c)
	return append(site.Findings(state, err), following(p, c))
}

func store(ctx context.Context, p *control.Plane) control.Finding {
	if err := p.CheckStore(ctx); err != nil {
		var cured interface{ Cure() string }
		fix := ""
		if errors.As(err, &cured) {
			fix = cured.Cure()
		}
		return control.Finding{Name: "catalog store", Status: control.Bad, Detail: err.Error(), Fix: fix}
	}
	c := p.Contents()
	return control.Finding{Name: "catalog store", Status: control.Good, Detail: fmt.Sprintf("version %d: %d tenants, %d applications, %d topics, %d groups",
		c.Version, len(c.Tenants), len(c.Applications), len(c.Topics), len(c.Groups))}
}

func following(p *control.Plane, c mq.Cluster) control.Finding {
	open := p.UnderWayOn(c)
	if len(open) == 0 {
		return control.Finding{Name: "provisioning", Status: control.Good, Detail: "the engine follows everything that is wanted"}
	}
	return control.Finding{Name: "provisioning", Status: control.Warn, Detail: fmt.Sprintf("%d changes have not reached the engine, for example %s %q", len(open), open[0].Kind, open[0].Name),
		Fix: "it is tried again by itself; if it stays, see the engine's finding"}
}

// strays finds what is placed on clusters that this process does not reach.
func strays(p *control.Plane) []control.Finding {
	lost := map[mq.Cluster]int{}
	for _, t := range p.Tenants() {
		topics, _ := p.Topics(t.ID) // a tenant that went meanwhile has none
		for _, one := range topics {
			lost[one.Spec.Cluster]++
		}
		groups, _ := p.Groups(t.ID)
		for _, one := range groups {
			lost[one.Spec.Cluster]++
		}
	}
	for _, c := range p.Clusters() {
		delete(lost, c.Name)
	}
	var some []control.Finding
	for c, n := range lost {
		some = append(some, control.Finding{Name: "cluster " + c.String(), Status: control.Bad, Detail: fmt.Sprintf("%d topics and groups are placed on it, and it is not configured for this process", n),
			Fix: "name the cluster in the configuration again"})
	}
	slices.SortFunc(some, func(a, b control.Finding) int { return strings.Compare(a.Name, b.Name) })
	return some
}
