// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// lateCommit is how long after a pop a broker stores the offset that it moved: beside, by a scan of what was popped.
const lateCommit = 25 * time.Millisecond

// deleteGroup is request 207. The offset that a pop moved a moment ago comes back when it is stored, as on a real broker.
func (b *broker) deleteGroup(r *call) *remoting.Frame {
	var h admin.DropGroup
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	delete(b.groups, h.Group)
	for at, p := range b.progress {
		if at.group == h.Group && h.CleanOffsets {
			b.clean(at, p)
		}
	}
	return done(nil)
}

func (b *broker) clean(at place, p *progress) {
	delete(b.progress, at)
	if late := p.popped.Add(lateCommit).Sub(b.now()); late > 0 {
		b.after(late, func() { b.commitLate(at, p.committed) })
	}
}

// commitLate stores an offset as a scan does: whether the group and the topic are there or not.
func (b *broker) commitLate(at place, offset int64) {
	p := b.progress[at]
	if p == nil {
		p = &progress{}
		b.progress[at] = p
	}
	p.next, p.committed = max(p.next, offset), max(p.committed, offset)
}
