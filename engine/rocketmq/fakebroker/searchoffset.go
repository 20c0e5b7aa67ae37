// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"sort"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// searchOffset is request 29.
func (b *broker) searchOffset(r *call) *remoting.Frame {
	var h request.OffsetAt
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	q, refused := b.queueAt(h.Topic, h.Queue)
	if refused != nil {
		return refused
	}
	at := time.UnixMilli(h.Millis)
	n := sort.Search(len(q.messages), func(i int) bool {
		kept := q.messages[i].Stored.Truncate(time.Millisecond)
		if h.Boundary == "UPPER" {
			return kept.After(at)
		}
		return !kept.Before(at)
	})
	return done(&request.OffsetAnswer{Offset: int64(n)})
}
