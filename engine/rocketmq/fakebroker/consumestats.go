// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// consumeStats is request 208. What waits for a retry's time is in no figure.
func (b *broker) consumeStats(r *call) *remoting.Frame {
	var h admin.ProgressOf
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	var topics []string
	switch {
	case h.Topics != "":
		topics = strings.Split(h.Topics, ";")
	case h.Topic != "":
		topics = []string{h.Topic}
	default:
		for at := range b.progress {
			if at.group == h.Group && request.RetryFlag(at.topic) == 0 && !slices.Contains(topics, at.topic) {
				topics = append(topics, at.topic)
			}
		}
		slices.Sort(topics)
	}
	body, first := []byte(`{"consumeTps":0.0,"offsetTable":{`), true
	for _, name := range topics {
		t := b.topics[name]
		if t == nil {
			continue
		}
		for i, q := range t.queues {
			if !first {
				body = append(body, ',')
			}
			first = false
			committed, pulled := b.figures(place{h.Group, name, int32(i)})
			body = b.appendQueue(body, name, i)
			body = fmt.Appendf(body, `:{"brokerOffset":%d,"consumerOffset":%d,"lastTimestamp":0,"pullOffset":%d}`, len(q.messages), committed, pulled)
		}
	}
	return &remoting.Frame{Body: append(body, "}}"...)}
}

// figures is how far a group came: everything below committed is settled, what lies between may be leased.
func (b *broker) figures(at place) (committed, pulled int64) {
	p := b.progress[at]
	if p == nil {
		return 0, 0
	}
	committed = p.committed
	for key := range b.leases {
		if key.place == at {
			committed = min(committed, key.offset)
		}
	}
	return committed, max(p.next, committed)
}
