// SPDX-License-Identifier: Apache-2.0

// Package show says what the control plane knows in the words of the interface.
package show

import (
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/adopt"
	"github.com/causeway-mq/causeway/control/takeover"
	"github.com/causeway-mq/causeway/control/wire"
)

// Cluster is a cluster as it was last seen.
func Cluster(c control.Cluster) wire.Cluster {
	return wire.Cluster{
		Name: c.Name.String(), Kind: c.Kind, Default: c.Default, State: string(c.State), Why: c.Why, Looked: at(c.Looked), Note: c.Note, Zone: c.Zone,
		Topics: c.Topics, Groups: c.Groups, BrokerSettings: c.BrokerSettings,
	}
}

// Offered is what a tenant needs to know of a cluster.
func Offered(c control.Cluster) wire.OfferedCluster {
	return wire.OfferedCluster{Name: c.Name.String(), Default: c.Default, BrokerSettings: c.BrokerSettings}
}

func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Drift is how a cluster differs from what is wanted of it.
func Drift(d control.Drift) wire.Drift {
	w := wire.Drift{Cluster: d.Cluster.String(), State: string(d.Seen.State), Why: d.Seen.Why, Looked: at(d.Seen.At), Items: []wire.DriftItem{}}
	for _, i := range d.Items {
		w.Items = append(w.Items, wire.DriftItem{
			Kind: string(i.Kind), Noun: string(i.Ref.Kind), Tenant: i.Ref.Tenant, Name: i.Ref.Name, Physical: i.Physical.String(), Detail: i.Detail, Mended: i.Mended,
		})
	}
	return w
}

// Imported is what becomes, or became, of everything that a cluster has.
func Imported(i takeover.Import, items []adopt.Item, applied bool) wire.ImportPlan {
	p := wire.ImportPlan{Cluster: i.Cluster.String(), Tenant: i.Tenant.String(), Applied: applied, Items: []wire.ImportItem{}}
	for _, one := range items {
		p.Items = append(p.Items, wire.ImportItem{
			Noun: string(one.Noun), Physical: one.Physical, Name: one.Name, Verdict: string(one.Verdict), Why: one.Why,
			Publish: texts(one.User.Publish), Read: texts(one.User.Read), Consume: texts(one.User.Consume),
		})
	}
	return p
}

func texts[T interface{ String() string }](some []T) []string {
	all := make([]string, len(some))
	for i, s := range some {
		all[i] = s.String()
	}
	return all
}
