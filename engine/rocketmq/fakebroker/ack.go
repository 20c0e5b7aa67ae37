// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"slices"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// ack is request 200051. A handle that is stale, or was used before, acknowledges nothing and is answered with success.
func (b *broker) ack(r *call) *remoting.Frame {
	var h request.Ack
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	handle, refused := b.handleOf(&h)
	if refused != nil {
		return refused
	}
	if handle.ReviveQueue == request.OrderRevive {
		b.ackOrder(place{h.Group, h.Topic, h.Queue}, h.Offset, handle.PopMillis)
		return done(nil)
	}
	b.releaseLocked(leaseKey{place{h.Group, h.Topic, h.Queue}, h.Offset, handle.PopMillis})
	return done(nil)
}

// handleOf checks what every request about a delivery says.
func (b *broker) handleOf(h *request.Ack) (request.Handle, *remoting.Frame) {
	t := b.topics[h.Topic]
	if t == nil {
		return request.Handle{}, fail(remoting.TopicNotExist, "topic[%s] not exist, apply first please!", h.Topic)
	}
	if h.Queue < 0 || int(h.Queue) >= len(t.queues) {
		return request.Handle{}, fail(remoting.MessageIllegal, "queueId[%d] is illegal, topic:[%s]", h.Queue, h.Topic)
	}
	if h.Offset < 0 || h.Offset >= int64(len(t.queues[h.Queue].messages)) {
		return request.Handle{}, fail(remoting.NoMessage, "request offset not right, %d", h.Offset)
	}
	handle, err := request.ParseHandle(h.Handle)
	if err != nil {
		return handle, malformed(err)
	}
	return handle, nil
}

// ackOrder settles a message of a run: only the pop time is compared. When the run no longer blocks its queue, one pop that is parked at that very
// queue is woken. Pops parked at any queue are not, and notifications are not.
func (b *broker) ackOrder(at place, offset, popped int64) {
	p := b.progress[at]
	if p == nil || p.order == nil || p.order.popped != popped || !p.order.has(offset) {
		return
	}
	p.order.acked[offset] = true
	p.committed = max(p.committed, p.order.next())
	if _, blocked := p.order.blocks("", b.now()); blocked {
		return
	}
	for _, x := range slices.Clone(b.parked[at.topic]) {
		if x.pop != nil && x.pop.Order && x.group == at.group && x.pop.Queue == at.queue && b.wakePop(at.topic, x) {
			return
		}
	}
}
