// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// createTopic is request 17; it also changes a topic.
func (b *broker) createTopic(r *call) *remoting.Frame {
	var h admin.PutTopic
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	if admin.IsSystemTopic(h.Name) {
		return fail(remoting.InvalidParameter, "The topic[%s] is conflict with system topic.", h.Name)
	}
	t := h.Topic
	t.Attributes = map[string]string{}
	if old := b.topics[h.Name]; old != nil {
		for name, value := range old.config.Attributes {
			t.Attributes[name] = value
		}
	}
	for name, value := range h.Attributes {
		if value == "" {
			delete(t.Attributes, name)
		} else {
			t.Attributes[name] = value
		}
	}
	b.putTopicLocked(t)
	return done(nil)
}
