// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"maps"
	"slices"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// allTopicConfigs is request 21: the whole table, or the first page of it for who asks for pages.
func (b *broker) allTopicConfigs(r *call) *remoting.Frame {
	body := []byte(`{"dataVersion":{},"topicConfigTable":{`)
	for i, name := range page(r, slices.Sorted(maps.Keys(b.topics))) {
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

// pageSize is what brokers give at once to who asks for pages, in topics or groups.
const pageSize = 2000

// paged is whether somebody asked for a page.
type paged struct{ topics, groups int32 }

// Walk visits the fields.
func (h *paged) Walk(w *remoting.Walker) {
	w.Int32If("maxTopicNum", &h.topics, -1)
	w.Int32If("maxGroupNum", &h.groups, -1)
}

// page is the names that an answer holds.
func page(r *call, names []string) []string {
	var h paged
	if err := r.frame.Into(&h); err == nil && (h.topics >= 0 || h.groups >= 0) {
		return names[:min(len(names), pageSize)]
	}
	return names
}
