// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"strings"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// deleteTopic is request 215; the topic's retry topics and groups' offsets go with it.
func (b *broker) deleteTopic(r *call) *remoting.Frame {
	var h admin.ByTopic
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	if admin.IsSystemTopic(h.Topic) {
		return fail(remoting.InvalidParameter, "The topic[%s] is conflict with system topic.", h.Topic)
	}
	delete(b.topics, h.Topic)
	for name := range b.topics {
		if strings.HasPrefix(name, "%RETRY%") && (strings.HasSuffix(name, "_"+h.Topic) || strings.HasSuffix(name, "+"+h.Topic)) {
			delete(b.topics, name)
		}
	}
	for at, p := range b.progress {
		if b.topics[at.topic] == nil {
			if p.order != nil && p.order.timer != nil {
				p.order.timer.Stop()
			}
			b.clean(at, p)
		}
	}
	for key, x := range b.leases {
		if b.topics[key.topic] == nil {
			x.timer.Stop()
			delete(b.leases, key)
		}
	}
	return done(nil)
}
