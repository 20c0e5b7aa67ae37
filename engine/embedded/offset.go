// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
)

// At gives the offset of the first message stored at or after a time.
func (e *Engine) At(ctx context.Context, ref mq.QueueRef, at time.Time) (mq.Offset, error) {
	if err := e.j.Alive(ctx); err != nil {
		return 0, err
	}
	q, lo, hi, err := e.bounds(ref)
	if err != nil {
		return 0, err
	}
	o, err := e.j.OffsetAt(q, at, lo, hi)
	return mq.Offset(o), err
}

// Committed gives a group's committed offset. For a group that leases that is the offset below which all is settled.
func (e *Engine) Committed(ctx context.Context, g mq.Group, ref mq.QueueRef) (mq.Offset, error) {
	if err := e.j.Alive(ctx); err != nil {
		return 0, err
	}
	q, _, _, err := e.bounds(ref)
	if err != nil {
		return 0, err
	}
	e.j.Lock()
	defer e.j.Unlock()
	if group := e.j.State().Group(g.Name); group != nil {
		if l := group.Ledgers[q]; l != nil {
			return mq.Offset(l.Floor()), nil
		}
	}
	return 0, mq.Refuse(mq.OffsetNotFound, "group %s has no offset in %s", g.Name, ref)
}

// Commit stores a pulling group's offset.
func (e *Engine) Commit(ctx context.Context, g mq.Group, ref mq.QueueRef, at mq.Offset) error {
	if err := e.j.Alive(ctx); err != nil {
		return err
	}
	q, lo, hi, err := e.bounds(ref)
	if err != nil {
		return err
	}
	if int64(at) < lo || int64(at) > hi {
		return mq.Refuse(mq.IllegalOffset, "offset %d of %s: from %d to %d", at, ref, lo, hi)
	}
	return e.put(ctx, func() (log.Position, error) {
		group, err := e.calledGroupLocked(g)
		if err != nil {
			return 0, err
		}
		if group.Spec.Mode != mq.Pulls {
			return 0, mq.Refuse(mq.Conflict, "group %s leases: it does not commit offsets", g.Name)
		}
		if e.j.State().Queue(q) == nil {
			return 0, mq.Refuse(mq.TopicNotFound, "no topic %s", ref.Topic.Name)
		}
		return e.j.Append(true, record.Position{Ledger: record.Ledger{Group: group.ID, Queue: q}, Next: int64(at)})
	})
}
