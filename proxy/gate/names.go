// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// topic finds a topic in the caller's tenant. A namespace that is not the caller's answers like a topic that does not exist.
func (c *Caller) topic(r *v2.Resource) (*catalog.Topic, error) {
	name, err := mq.ParseTopicName(r.GetName())
	if err != nil {
		return nil, err
	}
	if c.ownNamespace(r) {
		if t, ok := c.Snapshot.Topic(c.Tenant, name); ok {
			return t, nil
		}
	}
	return nil, mq.Refuse(mq.TopicNotFound, "topic %q does not exist", name)
}

// group finds a consumer group in the caller's tenant.
func (c *Caller) group(r *v2.Resource) (*catalog.Group, error) {
	name, err := mq.ParseGroupName(r.GetName())
	if err != nil {
		return nil, err
	}
	if c.ownNamespace(r) {
		if g, ok := c.Snapshot.Group(c.Tenant, name); ok {
			return g, nil
		}
	}
	return nil, mq.Refuse(mq.GroupNotFound, "consumer group %q does not exist", name)
}

// An absent namespace means the caller's own.
func (c *Caller) ownNamespace(r *v2.Resource) bool {
	ns := r.GetResourceNamespace()
	return ns == "" || ns == c.Tenant.String()
}

// publishable finds a topic that the caller may send to. Dead letters are written by the platform alone, so their name is
// refused before anything is looked up: the answer must not tell whether such a group exists.
func (d *Door) publishable(c *Caller, r *v2.Resource) (*catalog.Topic, error) {
	name, err := mq.ParseTopicName(r.GetName())
	if err != nil {
		return nil, err
	}
	if _, dead := name.DeadLettersOf(); dead {
		return nil, mq.Refuse(mq.Forbidden, "topic %q holds dead letters: nobody may publish to it", name)
	}
	t, err := c.topic(r)
	if err != nil {
		return nil, err
	}
	return t, c.MayPublish(t)
}

// subscribable finds a group and a topic that the caller may consume under it.
func (d *Door) subscribable(c *Caller, group, topic *v2.Resource) (*catalog.Group, *catalog.Topic, error) {
	g, err := c.group(group)
	if err != nil {
		return nil, nil, err
	}
	t, err := c.topic(topic)
	if err != nil {
		return nil, nil, err
	}
	return g, t, c.MaySubscribe(g, t)
}

// resource names a topic or group as the client did.
func resource(like *v2.Resource, name string) *v2.Resource {
	return &v2.Resource{ResourceNamespace: like.GetResourceNamespace(), Name: name}
}
