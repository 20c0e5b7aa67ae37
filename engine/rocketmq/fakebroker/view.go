// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
)

// view is request 33.
func (b *broker) view(r *call) *remoting.Frame {
	var h request.View
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	m := b.log[h.Physical]
	if m == nil {
		return fail(remoting.SystemError, "can not find message by the offset, %d", h.Physical)
	}
	return &remoting.Frame{Body: stored.Append(nil, m)}
}
