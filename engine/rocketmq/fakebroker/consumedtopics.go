// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"slices"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// consumedTopics is request 343.
func (b *broker) consumedTopics(r *call) *remoting.Frame {
	var h admin.ByGroup
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	var topics []string
	for at := range b.progress {
		if at.group == h.Group && !slices.Contains(topics, at.topic) {
			topics = append(topics, at.topic)
		}
	}
	return names("topicList", topics)
}
