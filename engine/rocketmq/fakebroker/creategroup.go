// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// createGroup is request 200; it also changes a group.
func (b *broker) createGroup(r *call) *remoting.Frame {
	g, err := admin.ParseGroup(r.frame.Body)
	if err != nil || g.Name == "" {
		return malformed(err)
	}
	b.groups[g.Name] = g
	return done(nil)
}
