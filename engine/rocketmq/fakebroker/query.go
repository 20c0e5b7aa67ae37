// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
)

// query is request 12, by key or by id. Brokers give 32 messages at most.
func (b *broker) query(r *call) *remoting.Frame {
	var h request.Query
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	t := b.topics[h.Topic]
	if t == nil {
		return fail(remoting.QueryNotFound, "can not find message, maybe time range not correct")
	}
	var body []byte
	found := int32(0)
	for _, q := range t.queues {
		for _, m := range q.messages {
			millis := m.Stored.UnixMilli()
			match := slices.Contains(strings.Fields(m.Properties.Get(stored.Keys)), h.Key)
			if h.Unique {
				match = m.Properties.Get(stored.UniqueKey) == h.Key
			}
			if match && millis >= h.BeginMillis && millis <= h.EndMillis && found < min(h.Max, 32) {
				body = stored.Append(body, m)
				found++
			}
		}
	}
	if found == 0 {
		return fail(remoting.QueryNotFound, "can not find message, maybe time range not correct")
	}
	return &remoting.Frame{Body: body}
}
