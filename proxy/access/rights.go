// SPDX-License-Identifier: Apache-2.0

package access

import (
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// MayPublish checks that the caller may send to a topic. It refuses with
// Forbidden, which names the missing right, or with TopicNotFound if the topic
// is another tenant's. Nobody sends to dead letters: only the platform writes
// them.
func (p Principal) MayPublish(t *catalog.Topic) error {
	if t.Tenant != p.Tenant {
		return noTopic(t)
	}
	if _, dead := t.Name.DeadLettersOf(); dead {
		return mq.Refuse(mq.Forbidden, "topic %q holds dead letters: nobody may publish to it", t.Name)
	}
	if t.Lent != nil && !t.Lent.Publish {
		return mq.Refuse(mq.Forbidden, "topic %q is borrowed to subscribe alone: nobody of this tenant may publish to it", t.Name)
	}
	if p.mayPublish(t.Name) {
		return nil
	}
	return p.lacks("publish to topic", t.Name.String())
}

// MaySubscribe checks that the caller may consume under a group, and read a
// topic under it unless t is nil. Dead letters are readable by whoever may
// subscribe the group that they are of.
func (p Principal) MaySubscribe(g *catalog.Group, t *catalog.Topic) error {
	if g.Tenant != p.Tenant {
		return mq.Refuse(mq.GroupNotFound, "consumer group %q does not exist", g.Name)
	}
	if t != nil && t.Tenant != p.Tenant {
		return noTopic(t)
	}
	if !p.mayConsume(g.Name) {
		return p.lacks("subscribe as consumer group", g.Name.String())
	}
	if t != nil && t.Lent != nil && !t.Lent.Subscribe {
		return mq.Refuse(mq.Forbidden, "topic %q is borrowed to publish alone: nobody of this tenant may subscribe to it", t.Name)
	}
	if t != nil && !p.mayRead(t.Name) {
		return p.lacks("subscribe to topic", t.Name.String())
	}
	return nil
}

// MayRoute checks that the caller may do anything at all with a topic, which
// is when it may know where the topic is.
func (p Principal) MayRoute(t *catalog.Topic) error {
	if t.Tenant != p.Tenant {
		return noTopic(t)
	}
	if (t.Lent == nil || t.Lent.Publish) && p.mayPublish(t.Name) || (t.Lent == nil || t.Lent.Subscribe) && p.mayRead(t.Name) {
		return nil
	}
	return p.lacks("publish or subscribe to topic", t.Name.String())
}

// all tells whether the caller has every right of its tenant.
func (p Principal) all() bool { return p.App == nil || p.App.Owner }

func (p Principal) mayPublish(name mq.TopicName) bool {
	switch {
	case p.all():
		return true
	case p.App.Rules != nil:
		return p.App.Rules.Topic(name, p.From, catalog.Publish)
	}
	return p.App.Publish[name]
}

func (p Principal) mayConsume(name mq.GroupName) bool {
	switch {
	case p.all():
		return true
	case p.App.Rules != nil:
		return p.App.Rules.Group(name, p.From, catalog.Subscribe)
	}
	return p.App.Subscribe[name]
}

func (p Principal) mayRead(name mq.TopicName) bool {
	if group, dead := name.DeadLettersOf(); dead {
		return p.mayConsume(group)
	}
	switch {
	case p.all():
		return true
	case p.App.Rules != nil:
		return p.App.Rules.Topic(name, p.From, catalog.Subscribe)
	}
	return p.App.SubscribeTopics[name]
}

func (p Principal) lacks(right, name string) error {
	return mq.Refuse(mq.Forbidden, "application %q lacks the right to %s %q", p.App.Name, right, name)
}

func noTopic(t *catalog.Topic) error {
	return mq.Refuse(mq.TopicNotFound, "topic %q does not exist", t.Name)
}
