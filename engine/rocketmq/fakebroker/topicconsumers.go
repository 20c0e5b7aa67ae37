// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"slices"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// topicConsumers is request 300.
func (b *broker) topicConsumers(r *call) *remoting.Frame {
	var h admin.ByTopic
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	var groups []string
	for at := range b.progress {
		if at.topic == h.Topic && !slices.Contains(groups, at.group) {
			groups = append(groups, at.group)
		}
	}
	return names("groupList", groups)
}

// names is an answer that lists names under a field, in order.
func names(field string, all []string) *remoting.Frame {
	slices.Sort(all)
	body := append(fastjson.AppendString([]byte{'{'}, field), ":["...)
	for i, name := range all {
		if i > 0 {
			body = append(body, ',')
		}
		body = fastjson.AppendString(body, name)
	}
	return &remoting.Frame{Body: append(body, "]}"...)}
}
