// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// batchAck is request 200151: checkpoints with bits, no header. What does not fit is passed over in silence.
func (b *broker) batchAck(r *call) *remoting.Frame {
	_, acks, err := request.ParseBatchAck(r.frame.Body)
	if err != nil {
		return malformed(err)
	}
	for i := range acks {
		a := &acks[i]
		real := request.Handle{Retry: a.Retry}.RealTopic(a.Topic, a.Group)
		at := place{a.Group, real, a.Queue}
		for _, offset := range a.Offsets() {
			if a.ReviveQueue == request.OrderRevive {
				b.ackOrder(at, offset, a.PopMillis)
				continue
			}
			b.releaseLocked(leaseKey{at, offset, a.PopMillis})
		}
	}
	return done(nil)
}
