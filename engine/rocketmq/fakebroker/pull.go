// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

// pull is request 11. It never parks here: a caller that asks to wait is told at once that nothing is there.
func (b *broker) pull(r *call) *remoting.Frame {
	var h request.Pull
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	if _, _, refused := b.readable(h.Topic, h.Group); refused != nil {
		return refused
	}
	q, refused := b.queueAt(h.Topic, h.Queue)
	if refused != nil {
		return refused
	}
	f, err := filter.Compile(mq.Filter{SQL: h.ExpressionType == "SQL92", Expression: h.Expression})
	if err != nil {
		return fail(remoting.SubscriptionParse, "parse the consumer's subscription failed: %v", err)
	}
	if h.SysFlag&request.PullCommit != 0 {
		b.progressAt(place{h.Group, h.Topic, h.Queue}, request.FromMin).committed = h.CommitOffset
	}
	end := int64(len(q.messages))
	a := &request.PullAnswer{Next: h.Offset, Max: end}
	if h.Offset < 0 || h.Offset > end {
		a.Next = min(max(h.Offset, 0), end)
		out := done(a)
		out.Code = remoting.PullOffsetMoved
		return out
	}
	x := &popping{filter: f}
	most := int(h.MaxBytes)
	if most <= 0 {
		most = logBytes
	}
	var body []byte
	for n := int32(0); a.Next < end && n < h.Max && len(body) < most; a.Next++ {
		if m := q.messages[a.Next]; x.wanted(m) {
			body = stored.Append(body, m)
			n++
		}
	}
	out := done(a)
	out.Body = body
	switch {
	case len(body) > 0:
		out.Remark = "FOUND"
	case a.Next > h.Offset:
		out.Code = remoting.PullRetryImmediately
	default:
		out.Code = remoting.PullNotFound
	}
	return out
}
