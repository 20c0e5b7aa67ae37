// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// earliest is request 32.
func (b *broker) earliest(r *call) *remoting.Frame {
	var h request.Bound
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	q, refused := b.queueAt(h.Topic, h.Queue)
	if refused != nil {
		return refused
	}
	if len(q.messages) == 0 {
		return done(&request.EarliestAnswer{Millis: -1})
	}
	return done(&request.EarliestAnswer{Millis: q.messages[0].Stored.UnixMilli()})
}
