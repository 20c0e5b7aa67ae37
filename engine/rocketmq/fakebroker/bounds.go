// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// bounded is the queue of a request that asks for a bound of it.
func (b *broker) bounded(r *call) (*queue, *remoting.Frame) {
	var h request.Bound
	if err := r.frame.Into(&h); err != nil {
		return nil, malformed(err)
	}
	return b.queueAt(h.Topic, h.Queue)
}

// maxOffset is request 30.
func (b *broker) maxOffset(r *call) *remoting.Frame {
	q, refused := b.bounded(r)
	if refused != nil {
		return refused
	}
	return done(&request.OffsetAnswer{Offset: int64(len(q.messages))})
}

// minOffset is request 31.
func (b *broker) minOffset(r *call) *remoting.Frame {
	if _, refused := b.bounded(r); refused != nil {
		return refused
	}
	return done(&request.OffsetAnswer{Offset: 0})
}

// earliest is request 32.
func (b *broker) earliest(r *call) *remoting.Frame {
	q, refused := b.bounded(r)
	if refused != nil {
		return refused
	}
	if len(q.messages) == 0 {
		return done(&request.EarliestAnswer{Millis: -1})
	}
	return done(&request.EarliestAnswer{Millis: q.messages[0].Stored.UnixMilli()})
}
