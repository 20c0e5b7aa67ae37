// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"maps"
	"slices"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// allGroupConfigs is request 201: the whole table, or the first page of it for who asks for pages.
func (b *broker) allGroupConfigs(r *call) *remoting.Frame {
	body := []byte(`{"dataVersion":{},"forbiddenTable":{},"subscriptionGroupTable":{`)
	for i, name := range page(r, slices.Sorted(maps.Keys(b.groups))) {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(fastjson.AppendString(body, name), ':')
		body = b.groups[name].AppendJSON(body)
	}
	f := done(&admin.PageAnswer{Topics: -1, Groups: int32(len(b.groups))})
	f.Body = append(body, "}}"...)
	return f
}
