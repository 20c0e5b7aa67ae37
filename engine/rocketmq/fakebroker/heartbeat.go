// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// heartBeat is request 34: the connection's producer groups, at which transactions are checked. A later one adds to an earlier one.
func (b *broker) heartBeat(r *call) *remoting.Frame {
	client, producers, err := request.ParseHeartbeat(r.frame.Body)
	if err != nil {
		return malformed(err)
	}
	r.conn.client = client
	for _, g := range producers {
		r.conn.producers[g] = true
	}
	return done(nil)
}
