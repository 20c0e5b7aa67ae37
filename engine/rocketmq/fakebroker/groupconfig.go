// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// groupConfig is request 352.
func (b *broker) groupConfig(r *call) *remoting.Frame {
	var h admin.ByGroup
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	g, ok := b.groups[h.Group]
	if !ok {
		return fail(remoting.GroupNotExist, "No group in this broker. group: %s", h.Group)
	}
	return &remoting.Frame{Body: g.AppendJSON(nil)}
}
