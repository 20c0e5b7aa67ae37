// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"strings"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
)

// sendBatch is request 320: all messages to one queue, all or none.
func (b *broker) sendBatch(r *call) *remoting.Frame {
	var h request.Send
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	t, refused := b.sendable(&h, len(r.frame.Body))
	if refused != nil {
		return refused
	}
	if strings.HasPrefix(h.Topic, "%RETRY%") {
		return fail(remoting.MessageIllegal, "batch request does not support retry group %s", h.Topic)
	}
	entries, err := stored.Entries(r.frame.Body, stored.MaxBatch)
	if err != nil || len(entries) == 0 {
		return fail(remoting.MessageIllegal, "the message is illegal: %v", err)
	}
	queue := b.pick(t, h.Queue)
	a := &request.SendAnswer{Queue: queue, Offset: -1}
	var places []string
	for _, e := range entries {
		m := b.message(r, &h, e.Body, e.Properties)
		m.Queue = queue
		kept := b.storeLocked(m)
		if a.Offset < 0 {
			a.Offset = kept.Offset
		}
		places = append(places, b.placeID(kept.Physical))
	}
	a.PlaceID = strings.Join(places, ",")
	return done(a)
}
