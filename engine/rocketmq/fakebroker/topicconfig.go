// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// topicConfig is request 351.
func (b *broker) topicConfig(r *call) *remoting.Frame {
	var h admin.ByTopic
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	t := b.topics[h.Topic]
	if t == nil {
		return fail(remoting.TopicNotExist, "No topic in this broker. topic: %s", h.Topic)
	}
	return &remoting.Frame{Body: t.config.AppendJSON(nil)}
}
