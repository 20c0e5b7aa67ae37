// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/lease"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
)

// Fate tells what became of the message at a place for a group: see control.Inspector.
func (e *Engine) Fate(ctx context.Context, g mq.Group, topic mq.Topic, at mq.Place) (mq.Fate, error) {
	if err := e.j.Alive(ctx); err != nil {
		return mq.Fate{}, err
	}
	e.j.Lock()
	defer e.j.Unlock()
	t, group, err := e.bothLocked(g.Name, topic.Name)
	if err != nil {
		return mq.Fate{}, err
	}
	if at.Queue < 0 || int(at.Queue) >= len(t.Queues) || int64(at.Offset) >= t.Queues[at.Queue].Visible {
		return mq.Fate{State: mq.FateUnknown}, nil
	}
	id := record.Queue{Topic: t.ID, Queue: at.Queue}
	l := group.Ledgers[id]
	if l == nil {
		begin, known := e.beginLocked(group.Spec.Start, id)
		switch {
		case !known:
			return mq.Fate{State: mq.FateUnknown}, nil
		case int64(at.Offset) < begin:
			return mq.Fate{State: mq.FateSettled}, nil
		}
		return mq.Fate{State: mq.FateUnread, Ahead: int64(at.Offset) - begin}, nil
	}
	return fateIn(l, int64(at.Offset), e.j.Now()), nil
}

func fateIn(l *lease.Ledger, offset, now int64) mq.Fate {
	if offset >= l.Next() {
		return mq.Fate{State: mq.FateUnread, Ahead: offset - l.Next()}
	}
	x, open := l.Get(offset)
	switch {
	case !open:
		return mq.Fate{State: mq.FateSettled}
	case x.Attempt == 0:
		return mq.Fate{State: mq.FateWaiting}
	case x.Until > now:
		return mq.Fate{State: mq.FateLeased, Attempt: x.Attempt, Until: time.Unix(0, x.Until).UTC()}
	}
	return mq.Fate{State: mq.FateRetrying, Attempt: x.Attempt}
}
