// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// clusterInfo is request 106 of a name server.
func (c *Cluster) clusterInfo() *remoting.Frame {
	all := request.Cluster{Brokers: map[string]request.Broker{}, Clusters: map[string][]string{}}
	for _, b := range c.brokers {
		if n := c.nodes[b.address.String()]; !n.down && !n.lost {
			all.Brokers[b.name] = b.describe()
			all.Clusters[c.opts.Name] = append(all.Clusters[c.opts.Name], b.name)
		}
	}
	return &remoting.Frame{Body: all.AppendJSON(nil)}
}
