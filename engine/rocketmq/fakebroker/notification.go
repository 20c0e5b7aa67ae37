// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// notification is request 200054: it waits like a pop and takes nothing. Filters are not looked at.
func (b *broker) notification(r *call) *remoting.Frame {
	h := &request.Notify{}
	if err := r.frame.Into(h); err != nil {
		return malformed(err)
	}
	if _, _, refused := b.readable(h.Topic, h.Group); refused != nil {
		return refused
	}
	p := &poll{call: r, group: h.Group, notify: h}
	if b.has(p) || h.PollMillis <= 0 {
		return done(&request.NotifyAnswer{Has: b.has(p)})
	}
	return b.park(h.Topic, p, time.Duration(h.PollMillis)*time.Millisecond)
}

// has tells whether a queue holds something that the group did not read.
func (b *broker) has(p *poll) bool {
	h := p.notify
	for _, name := range []string{h.Topic, request.RetryTopicV1(h.Topic, h.Group), request.RetryTopicV2(h.Topic, h.Group)} {
		t := b.topics[name]
		if t == nil {
			continue
		}
		for id, q := range t.queues {
			if h.Queue >= 0 && name == h.Topic && int(h.Queue) != id {
				continue
			}
			at := b.progress[place{h.Group, name, int32(id)}]
			if at == nil && len(q.messages) > 0 || at != nil && at.next < int64(len(q.messages)) {
				return true
			}
		}
	}
	return false
}
