// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"maps"
	"slices"

	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// allTopics is request 206 of a name server.
func (c *Cluster) allTopics() *remoting.Frame {
	names := map[string]bool{}
	for _, b := range c.brokers {
		for name := range b.topics {
			names[name] = true
		}
	}
	body := []byte(`{"topicList":[`)
	for i, name := range slices.Sorted(maps.Keys(names)) {
		if i > 0 {
			body = append(body, ',')
		}
		body = fastjson.AppendString(body, name)
	}
	return &remoting.Frame{Body: append(body, "]}"...)}
}
