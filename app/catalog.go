// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// planeSource feeds a proxy of this process from the control plane beside it.
type planeSource struct {
	plane    *control.Plane
	unsigned bool // whether this process lets unsigned callers in at all
}

// Next waits for the plane's next version.
func (s planeSource) Next(ctx context.Context, have catalog.Version) (*catalog.Snapshot, error) {
	c, err := s.plane.Next(ctx, control.Version(have))
	if err != nil {
		return nil, err
	}
	return s.snapshot(c), nil
}

// snapshot says the control plane's catalog in the proxy's words.
func (s planeSource) snapshot(c control.Catalog) *catalog.Snapshot {
	out := catalog.Contents{Version: catalog.Version(c.Version)}
	for _, t := range c.Tenants {
		out.Tenants = append(out.Tenants, catalog.Tenant{ID: t.ID, LoopbackUnsigned: t.LoopbackUnsigned && s.unsigned, Disabled: t.Disabled})
	}
	apps := make(map[control.Ref]*catalog.App, len(c.Applications))
	for _, a := range c.Applications {
		apps[a.Ref()] = application(a)
	}
	for _, k := range c.Keys {
		owner := apps[control.Application{Tenant: k.Tenant, Name: k.Application}.Ref()]
		if owner == nil {
			continue // an application and its keys come and go in one change
		}
		out.Keys = append(out.Keys, catalog.Key{ID: k.ID, Secret: k.Secret, App: owner, Expires: k.Expires, Revoked: !k.Revoked.IsZero()})
	}
	for _, t := range c.Topics {
		out.Topics = append(out.Topics, catalog.Topic{Tenant: t.Tenant, Name: t.Name, Topic: t.Spec})
	}
	for _, g := range c.Groups {
		out.Groups = append(out.Groups, catalog.Group{Tenant: g.Tenant, Name: g.Name, Group: g.Spec})
	}
	return catalog.Build(out)
}

func application(a control.Application) *catalog.App {
	out := &catalog.App{
		Tenant: a.Tenant, Name: a.Name.String(), Owner: a.Rights.Owner, Disabled: a.Disabled,
		Publish:         make(map[mq.TopicName]bool),
		Subscribe:       make(map[mq.GroupName]bool),
		SubscribeTopics: make(map[mq.TopicName]bool),
	}
	for _, t := range a.Rights.Publish {
		out.Publish[t] = true
	}
	for _, t := range a.Rights.Read {
		out.SubscribeTopics[t] = true
	}
	for _, g := range a.Rights.Consume {
		out.Subscribe[g] = true
	}
	return out
}
