// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"

	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/token"
	"github.com/causeway-mq/causeway/mq"
)

// Recall cancels a scheduled message; see produce.Store. From its due time on it is too late, even if it was not delivered yet.
func (e *Engine) Recall(ctx context.Context, topic mq.Topic, s mq.Scheduled) error {
	if err := e.j.Alive(ctx); err != nil {
		return err
	}
	name, ok := token.ParseScheduled(s.Token)
	if !ok {
		return mq.Refuse(mq.InvalidReceipt, "not a scheduled message of this engine")
	}
	e.j.Lock()
	t := e.j.State().Topic(topic.Name)
	if t == nil || t.ID != name.Topic {
		e.j.Unlock()
		return mq.Refuse(mq.InvalidReceipt, "the scheduled message belongs to another topic")
	}
	if _, waits := e.j.State().Timers.Get(name.Due, name.ID); !waits || name.Due <= e.j.Now() {
		e.j.Unlock()
		return mq.Refuse(mq.MessageNotFound, "message %s waits no more: it was delivered or recalled", s.Message)
	}
	pos, err := e.j.Append(true, record.Cancel{ID: name.ID, Due: name.Due})
	e.j.Unlock()
	if err != nil {
		return err
	}
	return e.j.Wait(ctx, pos)
}
