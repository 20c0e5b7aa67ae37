// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// topicRoute is request 105 of a name server.
func (c *Cluster) topicRoute(r *call) *remoting.Frame {
	var h request.RouteOf
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	route := c.routeLocked(h.Topic)
	if len(route.Queues) == 0 {
		return fail(remoting.TopicNotExist, "No topic route info in name server for the topic: %s", h.Topic)
	}
	return &remoting.Frame{Body: route.AppendJSON(nil)}
}
