// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// recall is request 370. A message that was recalled before, or never was, is recalled with success: the broker stores the wish
// and looks for the message later.
func (b *broker) recall(r *call) *remoting.Frame {
	var h request.Recall
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	if b.cluster.opts.NoRecall {
		return fail(remoting.NoPermission, "recall failed, operation is forbidden")
	}
	topic, key, due, ok := parseRecall(h.Handle)
	switch {
	case !ok || topic != h.Topic:
		return fail(remoting.IllegalOperation, "recall failed, topic not match")
	case !due.After(b.now()), due.Sub(b.now()) >= b.cluster.opts.MaxDelay:
		return fail(remoting.IllegalOperation, "recall failed, timestamp invalid")
	}
	if x := b.timers[key]; x != nil && x.message.Topic == topic {
		x.timer.Stop()
		delete(b.timers, key)
	}
	return done(&request.RecallAnswer{MessageID: key})
}
