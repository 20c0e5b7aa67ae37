// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// resetOffset is request 222. Leases of the group in the queues that move are void.
func (b *broker) resetOffset(r *call) *remoting.Frame {
	var h admin.Reset
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	t := b.topics[h.Topic]
	if t == nil {
		return fail(remoting.TopicNotExist, "topic[%s] not exist", h.Topic)
	}
	body, first := []byte(`{"offsetTable":{`), true
	for i, q := range t.queues {
		id := int32(i)
		if h.Queue >= 0 && h.Queue != id {
			continue
		}
		to := int64(len(q.messages))
		switch {
		case h.Queue >= 0 && h.Offset >= 0:
			if h.Offset > to {
				return fail(remoting.SystemError, "Target offset %d not in consume queue range [%d-%d]", h.Offset, 0, to)
			}
			to = h.Offset
		case h.Millis >= 0:
			to = 0
			for to < int64(len(q.messages)) && q.messages[to].Stored.Before(time.UnixMilli(h.Millis)) {
				to++
			}
		}
		at := place{h.Group, h.Topic, id}
		p := b.progressAt(at, request.FromMin)
		p.next, p.committed, p.order = to, to, nil
		for key := range b.leases {
			if key.place == at {
				b.releaseLocked(key)
			}
		}
		if !first {
			body = append(body, ',')
		}
		first = false
		body = append(b.appendQueue(body, h.Topic, i), ':')
		body = appendInt(body, to)
	}
	b.wakeTopic(h.Topic, false)
	return &remoting.Frame{Body: append(body, "}}"...)}
}
