// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

// Difference says the control plane's news in the proxy's words.
func Difference(n control.News) catalog.Difference {
	d := catalog.Difference{Version: catalog.Version(n.Version)}
	for _, r := range n.Now {
		switch r := r.(type) {
		case control.Tenant:
			d.Tenants = append(d.Tenants, tenant(r))
		case control.Application:
			d.Apps = append(d.Apps, application(r))
		case control.Key:
			d.Keys = append(d.Keys, key(r))
		case control.Topic:
			d.Topics = append(d.Topics, topic(r))
		case control.Group:
			d.Groups = append(d.Groups, group(r))
		case control.Document:
			if g, ok := lent(r); ok {
				d.Grants = append(d.Grants, g)
			}
		}
	}
	for _, r := range n.Gone {
		switch r := r.(type) {
		case control.Tenant:
			d.Gone.Tenants = append(d.Gone.Tenants, r.ID)
		case control.Application:
			d.Gone.Apps = append(d.Gone.Apps, catalog.AppID{Tenant: r.Tenant, Name: r.Name.String()})
		case control.Key:
			d.Gone.Keys = append(d.Gone.Keys, r.ID)
		case control.Topic:
			d.Gone.Topics = append(d.Gone.Topics, catalog.TopicID{Tenant: r.Tenant, Name: r.Name})
		case control.Group:
			d.Gone.Groups = append(d.Gone.Groups, catalog.GroupID{Tenant: r.Tenant, Name: r.Name})
		case control.Document:
			d.Gone.Grants = append(d.Gone.Grants, r.Name)
		}
	}
	return d
}

// line is a record as a line of a document, with an ID of no kind for what proxies are not told of.
func line(r control.Record) (wire.ID, string, error) {
	switch r := r.(type) {
	case control.Tenant:
		return wire.Tenant(tenant(r))
	case control.Application:
		return wire.Application(application(r))
	case control.Key:
		return wire.Key(key(r))
	case control.Topic:
		return wire.Topic(topic(r))
	case control.Group:
		return wire.Group(group(r))
	case control.Document:
		if g, ok := lent(r); ok {
			return wire.Grant(g)
		}
	}
	return wire.ID{}, "", nil
}

func tenant(t control.Tenant) catalog.Tenant {
	out := catalog.Tenant{ID: t.ID, Disabled: t.Disabled}
	if t.LoopbackUnsigned {
		out.Unsigned = catalog.UnsignedLoopback
	}
	return out
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

// key names its application by tenant and name, as a difference does.
func key(k control.Key) catalog.Key {
	owner := &catalog.App{Tenant: k.Tenant, Name: k.Application.String()}
	return catalog.Key{ID: k.ID, Secret: k.Secret, App: owner, Expires: k.Expires, Revoked: !k.Revoked.IsZero()}
}

func topic(t control.Topic) catalog.Topic {
	return catalog.Topic{Tenant: t.Tenant, Name: t.Name, Topic: t.Spec}
}

func group(g control.Group) catalog.Group {
	return catalog.Group{Tenant: g.Tenant, Name: g.Name, Group: g.Spec, Paused: g.Paused}
}

// lent is the grant that a document keeps; none of another document, nor of one that cannot be read, which lends nothing.
func lent(d control.Document) (catalog.Grant, bool) {
	if d.Kind != grant.Kind {
		return catalog.Grant{}, false
	}
	g, err := d.Grant()
	return catalog.Grant{
		ID: g.ID, Borrower: g.Borrower, As: g.As, Owner: g.Owner, Topic: g.Topic, Publish: g.Rights.Publish, Subscribe: g.Rights.Subscribe, Expires: g.Expires,
	}, err == nil
}
