// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// topic finds a topic in the caller's tenant, one that it borrows among them. A namespace that is not the caller's answers like a topic that does not exist. Where the
// catalog is the cluster's own, a name that the snapshot lacks is looked up.
func (d *Door) topic(ctx context.Context, c *Caller, r *v2.Resource) (*catalog.Topic, error) {
	name, err := c.Snapshot.Naming().Topic(r.GetName())
	if err != nil {
		return nil, err
	}
	if c.ownNamespace(r) {
		if t, ok := c.Snapshot.Topic(c.Tenant, name); ok && (t.Lent == nil || t.Lent.Live(d.ports.Clock.Now())) {
			return t, nil
		}
		if d.ports.Lookup != nil {
			return d.ports.Lookup.Topic(ctx, c.Tenant, name)
		}
	}
	return nil, mq.Refuse(mq.TopicNotFound, "topic %q does not exist", name)
}

// group finds a consumer group in the caller's tenant, as topic does.
func (d *Door) group(ctx context.Context, c *Caller, r *v2.Resource) (*catalog.Group, error) {
	name, err := c.Snapshot.Naming().Group(r.GetName())
	if err != nil {
		return nil, err
	}
	if c.ownNamespace(r) {
		if g, ok := c.Snapshot.Group(c.Tenant, name); ok {
			return g, nil
		}
		if d.ports.Lookup != nil {
			return d.ports.Lookup.Group(ctx, c.Tenant, name)
		}
	}
	return nil, mq.Refuse(mq.GroupNotFound, "consumer group %q does not exist", name)
}

// An absent namespace means the caller's own, and so does any where there are no tenants.
func (c *Caller) ownNamespace(r *v2.Resource) bool {
	ns := r.GetResourceNamespace()
	return ns == "" || c.Snapshot.Untenanted() || ns == c.Tenant.String()
}

// publishable finds a topic that the caller may send to. Dead letters are written by the platform alone, so their name is
// refused before anything is looked up: the answer must not tell whether such a group exists.
func (d *Door) publishable(ctx context.Context, c *Caller, r *v2.Resource) (*catalog.Topic, error) {
	name, err := c.Snapshot.Naming().Topic(r.GetName())
	if err != nil {
		return nil, err
	}
	if _, dead := name.DeadLettersOf(); dead {
		return nil, mq.Refuse(mq.Forbidden, "topic %q holds dead letters: nobody may publish to it", name)
	}
	t, err := d.topic(ctx, c, r)
	if err != nil {
		return nil, err
	}
	return t, c.MayPublish(t)
}

// subscribable finds a group and a topic that the caller may consume under it.
func (d *Door) subscribable(ctx context.Context, c *Caller, group, topic *v2.Resource) (*catalog.Group, *catalog.Topic, error) {
	g, err := d.group(ctx, c, group)
	if err != nil {
		return nil, nil, err
	}
	t, err := d.topic(ctx, c, topic)
	if err != nil {
		return nil, nil, err
	}
	return g, t, c.MaySubscribe(g, t)
}

// resource names a topic or group as the client did.
func resource(like *v2.Resource, name string) *v2.Resource {
	return &v2.Resource{ResourceNamespace: like.GetResourceNamespace(), Name: name}
}
