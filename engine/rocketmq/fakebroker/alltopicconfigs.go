// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"maps"
	"slices"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// allTopicConfigs is request 21, the whole table in one page.
func (b *broker) allTopicConfigs() *remoting.Frame {
	body := []byte(`{"dataVersion":{},"topicConfigTable":{`)
	for i, name := range slices.Sorted(maps.Keys(b.topics)) {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(fastjson.AppendString(body, name), ':')
		body = b.topics[name].config.AppendJSON(body)
	}
	f := done(&admin.PageAnswer{Topics: int32(len(b.topics)), Groups: -1})
	f.Body = append(body, "}}"...)
	return f
}
