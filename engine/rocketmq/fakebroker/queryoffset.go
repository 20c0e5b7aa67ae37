// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// queryOffset is request 14.
func (b *broker) queryOffset(r *call) *remoting.Frame {
	var h request.Committed
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	if p := b.progress[place{h.Group, h.Topic, h.Queue}]; p != nil {
		return done(&request.OffsetAnswer{Offset: p.committed})
	}
	if h.ZeroIfNew {
		return done(&request.OffsetAnswer{})
	}
	return fail(remoting.QueryNotFound, "Not found, do not set to zero, maybe this group boot first")
}
