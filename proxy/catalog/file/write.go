// SPDX-License-Identifier: Apache-2.0

package file

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// describe says a catalog in the file's words, everything in the order of its names.
func describe(c catalog.Contents) (document, error) {
	d := document{Format: Format}
	if c.Version > math.MaxInt {
		return d, mq.Refuse(mq.Internal, "catalog: version %d is beyond what a file can say", c.Version)
	}
	d.Version = int(c.Version)
	owners := map[mq.Tenant]*owner{}
	for _, t := range c.Tenants {
		o := &owner{ID: t.ID.String(), Disabled: t.Disabled}
		switch t.Unsigned {
		case catalog.UnsignedLoopback:
			o.Unsigned = "loopback"
		case catalog.UnsignedAnybody:
			o.Unsigned = "anybody"
		}
		owners[t.ID] = o
	}
	missing := func(what string, t mq.Tenant) error {
		return mq.Refuse(mq.Internal, "catalog: %s belongs to tenant %q, which is not there", what, t)
	}
	for _, t := range c.Topics {
		o := owners[t.Tenant]
		if o == nil {
			return d, missing("topic "+t.Name.String(), t.Tenant)
		}
		o.Topics = append(o.Topics, topicOf(t))
	}
	for _, g := range c.Groups {
		o := owners[g.Tenant]
		if o == nil {
			return d, missing("group "+g.Name.String(), g.Tenant)
		}
		o.Groups = append(o.Groups, groupOf(g))
	}
	for _, g := range c.Grants {
		o := owners[g.Borrower]
		if o == nil {
			return d, missing("grant "+g.ID, g.Borrower)
		}
		o.Borrows = append(o.Borrows, borrowOf(g))
	}
	if err := addApplications(owners, c.Keys); err != nil {
		return d, err
	}
	for _, t := range slices.SortedFunc(maps.Keys(owners), func(a, b mq.Tenant) int { return cmp.Compare(a.String(), b.String()) }) {
		o := owners[t]
		slices.SortFunc(o.Topics, func(a, b topic) int { return cmp.Compare(a.Name, b.Name) })
		slices.SortFunc(o.Groups, func(a, b group) int { return cmp.Compare(a.Name, b.Name) })
		slices.SortFunc(o.Borrows, func(a, b borrow) int { return cmp.Compare(a.As, b.As) })
		slices.SortFunc(o.Applications, func(a, b application) int { return cmp.Compare(a.Name, b.Name) })
		d.Tenants = append(d.Tenants, *o)
	}
	return d, nil
}

// addApplications gathers keys by their applications. One without a key lets nobody in and is not written.
func addApplications(owners map[mq.Tenant]*owner, keys []catalog.Key) error {
	apps := map[*catalog.App]*application{}
	for _, k := range keys {
		if k.App == nil || owners[k.App.Tenant] == nil || k.App.Rules != nil {
			return mq.Refuse(mq.Internal, "catalog: key %s is not of an application of a tenant that is there", k.ID)
		}
		a := apps[k.App]
		if a == nil {
			a = &application{
				Name: k.App.Name, Owner: k.App.Owner, Disabled: k.App.Disabled,
				Publish: catalog.Named(k.App.Publish), Consume: catalog.Named(k.App.Subscribe), Read: catalog.Named(k.App.SubscribeTopics),
			}
			apps[k.App] = a
		}
		one := key{ID: k.ID, Secret: k.Secret, Revoked: k.Revoked}
		if !k.Expires.IsZero() {
			one.Expires = k.Expires.UTC().Format(time.RFC3339Nano)
		}
		a.Keys = append(a.Keys, one)
	}
	for app, a := range apps {
		slices.SortFunc(a.Keys, func(x, y key) int { return cmp.Compare(x.ID, y.ID) })
		o := owners[app.Tenant]
		o.Applications = append(o.Applications, *a)
	}
	return nil
}

func topicOf(t catalog.Topic) topic {
	out := topic{Name: t.Name.String(), Cluster: t.Cluster.String(), Queues: t.Queues, Retention: spanOf(t.Retention)}
	if t.Topic.Name != mq.PhysicalTopic(t.Tenant, t.Name) {
		out.Physical = t.Topic.Name.String()
	}
	for _, kind := range t.Accepts.Types() {
		out.Accepts = append(out.Accepts, kind.String())
	}
	if !t.Durability.Synced() {
		out.Durability = t.Durability.String()
	}
	out.Move = moveOf(t.Move)
	return out
}

func moveOf(m catalog.Move) *move {
	switch m.Stage {
	case catalog.Fencing:
		return &move{Stage: "fencing", To: m.Peer.String()}
	case catalog.Draining:
		return &move{Stage: "draining", From: m.Peer.String()}
	}
	return nil
}

func groupOf(g catalog.Group) group {
	out := group{Name: g.Name.String(), Cluster: g.Cluster.String(), Ordered: g.Ordered, MaxAttempts: g.MaxAttempts, Hold: spanOf(g.Hold)}
	if g.Group.Name != mq.PhysicalGroup(g.Tenant, g.Name) {
		out.Physical = g.Group.Name.String()
	}
	out.Move = moveOf(g.Move)
	if g.Mode != mq.Leases {
		out.Mode = g.Mode.String()
	}
	if !g.Retry.IsZero() {
		out.Retry = &retry{Initial: spanOf(g.Retry.Initial), Max: spanOf(g.Retry.Max), Multiplier: g.Retry.Multiplier}
		for _, s := range g.Retry.Steps {
			out.Retry.Steps = append(out.Retry.Steps, s.String())
		}
	}
	switch g.Start.Kind {
	case mq.StartLatest:
		out.Start = "latest"
	case mq.StartByEngine:
		out.Start = "engine"
	case mq.StartAt:
		out.Start = g.Start.Time.UTC().Format(time.RFC3339Nano)
	}
	return out
}

func spanOf(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
