// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"

	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
)

// Recall cancels a scheduled message; see produce.Store. From its due time on it is too late, even if it was not delivered yet.
func (e *Engine) Recall(ctx context.Context, topic mq.Topic, s mq.Scheduled) error {
	if err := e.alive(ctx); err != nil {
		return err
	}
	token, ok := parseScheduled(s.Token)
	if !ok {
		return mq.Refuse(mq.InvalidReceipt, "not a scheduled message of this engine")
	}
	e.mu.Lock()
	t := e.st.Topic(topic.Name)
	if t == nil || t.ID != token.topic {
		e.mu.Unlock()
		return mq.Refuse(mq.InvalidReceipt, "the scheduled message belongs to another topic")
	}
	if _, waits := e.st.Timers.Get(token.due, token.id); !waits || token.due <= e.now() {
		e.mu.Unlock()
		return mq.Refuse(mq.MessageNotFound, "message %s waits no more: it was delivered or recalled", s.Message)
	}
	pos, err := e.appendLocked(true, record.Cancel{ID: token.id, Due: token.due})
	e.mu.Unlock()
	if err != nil {
		return err
	}
	return e.wait(ctx, pos)
}
