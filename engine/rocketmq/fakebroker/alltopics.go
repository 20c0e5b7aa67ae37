// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"maps"
	"slices"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// allTopics is request 206 of a name server.
func (c *Cluster) allTopics() *remoting.Frame {
	all := map[string]bool{}
	for _, b := range c.brokers {
		for name := range b.topics {
			all[name] = true
		}
	}
	return names("topicList", slices.Collect(maps.Keys(all)))
}
