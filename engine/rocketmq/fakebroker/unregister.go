// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// unregister is request 35: the connection's producers of a group are gone, so it is not asked about their transactions.
func (b *broker) unregister(r *call) *remoting.Frame {
	var h request.Unregister
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	delete(r.conn.producers, h.ProducerGroup)
	return done(nil)
}
