// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// minOffset is request 31.
func (b *broker) minOffset(r *call) *remoting.Frame {
	var h request.Bound
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	_, refused := b.queueAt(h.Topic, h.Queue)
	if refused != nil {
		return refused
	}
	return done(&request.OffsetAnswer{Offset: 0})
}
