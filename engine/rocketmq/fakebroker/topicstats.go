// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"fmt"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// topicStats is request 202.
func (b *broker) topicStats(r *call) *remoting.Frame {
	var h admin.ByTopic
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	t := b.topics[h.Topic]
	if t == nil {
		return fail(remoting.TopicNotExist, "topic[%s] not exist", h.Topic)
	}
	body := []byte(`{"offsetTable":{`)
	for i, q := range t.queues {
		if i > 0 {
			body = append(body, ',')
		}
		last := int64(0)
		if n := len(q.messages); n > 0 {
			last = q.messages[n-1].Stored.UnixMilli()
		}
		body = b.appendQueue(body, h.Topic, i)
		body = fmt.Appendf(body, `:{"lastUpdateTimestamp":%d,"maxOffset":%d,"minOffset":0}`, last, len(q.messages))
	}
	return &remoting.Frame{Body: append(body, `},"topicPutTps":0.0}`...)}
}

// appendQueue appends a queue as brokers name one in tables: an object in the place of a name.
func (b *broker) appendQueue(body []byte, topic string, queue int) []byte {
	body = fastjson.AppendString(append(body, `{"brokerName":`...), b.name)
	body = fastjson.AppendString(fmt.Appendf(body, `,"queueId":%d,"topic":`, queue), topic)
	return append(body, '}')
}
