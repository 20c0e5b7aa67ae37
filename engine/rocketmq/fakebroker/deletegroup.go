// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// deleteGroup is request 207.
func (b *broker) deleteGroup(r *call) *remoting.Frame {
	var h admin.DropGroup
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	delete(b.groups, h.Group)
	for at := range b.progress {
		if at.group == h.Group && h.CleanOffsets {
			delete(b.progress, at)
		}
	}
	return done(nil)
}
