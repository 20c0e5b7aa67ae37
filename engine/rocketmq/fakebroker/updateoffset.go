// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// updateOffset is request 15.
func (b *broker) updateOffset(r *call) *remoting.Frame {
	var h request.Commit
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	if _, refused := b.queueAt(h.Topic, h.Queue); refused != nil {
		return refused
	}
	p := b.progressAt(place{h.Group, h.Topic, h.Queue}, request.FromMin)
	p.committed, p.next = h.Offset, h.Offset
	return done(nil)
}
