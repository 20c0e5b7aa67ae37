// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// changeInvisible is request 200053: a new checkpoint, then the old one is acknowledged. A stale handle makes a new checkpoint too, as it
// does at a real broker: the message is then delivered again although another delivery of it may be acknowledged.
func (b *broker) changeInvisible(r *call) *remoting.Frame {
	var h request.ChangeInvisible
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	handle, refused := b.handleOf(&h.Ack)
	if refused != nil {
		return refused
	}
	at, hide, now := place{h.Group, h.Topic, h.Queue}, time.Duration(h.InvisibleMillis)*time.Millisecond, b.now()
	if handle.ReviveQueue == request.OrderRevive {
		return b.changeOrder(at, h.Offset, handle, now.Add(hide))
	}
	popped := now.UnixMilli()
	if popped <= handle.PopMillis {
		popped = handle.PopMillis + 1
	}
	was := leaseKey{at, h.Offset, handle.PopMillis}
	old, ok := b.releaseLocked(was)
	if b.sameMillisecond(was) { // two checkpoints of one message need two names: the old one's acknowledgement hits both
		return done(&request.ChangeInvisibleAnswer{PopMillis: handle.PopMillis, InvisibleMillis: h.InvisibleMillis})
	}
	m := b.topics[h.Topic].queues[h.Queue].messages[h.Offset]
	topic := subscribed(h.Topic, h.Group)
	if ok {
		topic, m = old.topic, old.message
	}
	b.leaseLocked(leaseKey{at, h.Offset, popped}, topic, m, hide)
	return done(&request.ChangeInvisibleAnswer{PopMillis: popped, InvisibleMillis: h.InvisibleMillis})
}

// sameMillisecond tells whether a change of a lease falls into the millisecond in which it began.
func (b *broker) sameMillisecond(key leaseKey) bool {
	if b.changed[key] >= b.cluster.opts.SameMillisecond {
		return false
	}
	b.changed[key]++
	return true
}

// subscribed is the topic that a retry topic of a group belongs to.
func subscribed(real, group string) string {
	prefix := len(request.RetryTopicV1("", group))
	if request.RetryFlag(real) == 0 || len(real) < prefix {
		return real
	}
	return real[prefix:]
}

func (b *broker) changeOrder(at place, offset int64, handle request.Handle, visible time.Time) *remoting.Frame {
	p := b.progress[at]
	if p == nil || offset < p.committed {
		return done(&request.ChangeInvisibleAnswer{})
	}
	if p.order != nil && p.order.popped == handle.PopMillis && p.order.has(offset) {
		p.order.visible[offset] = visible
		b.wakeWhenFree(p, at.topic, visible)
	}
	return done(&request.ChangeInvisibleAnswer{
		PopMillis: handle.PopMillis, InvisibleMillis: visible.UnixMilli() - handle.PopMillis, ReviveQueue: request.OrderRevive,
	})
}
