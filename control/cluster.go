// SPDX-License-Identifier: Apache-2.0

package control

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
)

// How the plane reaches a cluster, see site.
type (
	Engine       = site.Engine
	Provisioner  = site.Provisioner
	Inspector    = site.Inspector
	Mover        = site.Mover
	Courier      = site.Courier
	ClusterState = site.State
)

// Cluster is a message cluster on which this installation keeps topics and groups. Clusters stand in the configuration of the process, since what reaches them does.
type Cluster struct {
	Name    mq.Cluster
	Kind    string
	Default bool // where topics and groups are made that name none
	State   ClusterState
	Why     string    // of a silent one
	Looked  time.Time // when the state was learned, zero before
	Note    string
	Zone    string // where it stands, "" where nobody says
	// BrokerSettings is what no topic there can ask for, see BrokerSettings.
	BrokerSettings []string
	Topics         int // that are placed there, in whatever state
	Groups         int
}

// sitesOf makes the sites that options name.
func sitesOf(o Options) map[mq.Cluster]*site.Site {
	all := make(map[mq.Cluster]*site.Site, len(o.Others)+1)
	for name, e := range o.Others {
		all[name] = site.New(name, e)
	}
	all[o.Cluster] = site.New(o.Cluster, Engine{Provisioner: o.Engine, Inspector: o.Inspector, Mover: o.Mover, Courier: o.Courier, Guard: o.Guard, Traits: o.Traits, Kind: o.Kind, Note: o.Note, Zone: o.Zone})
	return all
}

// Site finds the cluster that a record is placed on; Unavailable where this process does not reach it.
func (p *Plane) Site(c mq.Cluster) (*site.Site, error) {
	s, ok := p.sites[c]
	if !ok {
		return nil, mq.Refuse(mq.Unavailable, "cluster %q is not configured for this process", c)
	}
	return s, nil
}

// BrokerSettings lists what of a topic a cluster has as a setting of its brokers, for all topics alike: "durability", "retention". Topics there have neither.
func (p *Plane) BrokerSettings(c mq.Cluster) []string {
	return p.sites[c].BrokerSettings()
}

// Place is the cluster on which something is made: the one that was named, or the default one.
func (p *Plane) Place(c mq.Cluster) (mq.Cluster, error) {
	if c == (mq.Cluster{}) {
		return p.opt.Cluster, nil
	}
	if _, ok := p.sites[c]; !ok {
		var known []string
		for name := range p.sites {
			known = append(known, name.String())
		}
		slices.Sort(known)
		return c, refuse(NoCluster, mq.BadRequest, "cluster: there is no %q%s; there is %s", c, nearest.Hint(c.String(), known), strings.Join(known, ", ")).On("cluster")
	}
	return c, nil
}

// Clusters lists the clusters by name.
func (p *Plane) Clusters() []Cluster {
	all := make([]Cluster, 0, len(p.sites))
	count := map[RecordKind]map[mq.Cluster]int{TopicRecord: {}, GroupRecord: {}}
	p.book.Each("", func(r Record) {
		if one, ok := r.(provisioned); ok {
			count[r.Ref().Kind][one.cluster()]++
		}
	})
	for name, s := range p.sites {
		seen := s.Seen()
		all = append(all, Cluster{
			Name: name, Kind: s.Kind, Default: name == p.opt.Cluster, State: seen.State, Why: seen.Why, Looked: seen.At, Note: s.Note, Zone: s.Zone,
			BrokerSettings: s.BrokerSettings(), Topics: count[TopicRecord][name], Groups: count[GroupRecord][name],
		})
	}
	slices.SortFunc(all, func(a, b Cluster) int { return cmp.Compare(a.Name.String(), b.Name.String()) })
	return all
}

// Nodes asks the servers of a cluster how they are doing.
func (p *Plane) Nodes(ctx context.Context, c mq.Cluster) (mq.Nodes, error) {
	n, err := inspect(ctx, p, c, func(ctx context.Context, i Inspector) (mq.Nodes, error) { return i.Nodes(ctx) })
	return n, During("ask servers", err)
}

// inspect asks a cluster for people.
func inspect[T any](ctx context.Context, p *Plane, c mq.Cluster, ask func(context.Context, Inspector) (T, error)) (T, error) {
	s, err := p.Site(c)
	if err != nil {
		var none T
		return none, err
	}
	return site.Inspect(ctx, s, ask)
}
