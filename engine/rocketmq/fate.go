// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"

	"github.com/causeway-mq/causeway/mq"
)

// Fate tells what became of a message for a group: see control.Inspector. Brokers tell no more than how far the group has taken.
func (e *Engine) Fate(ctx context.Context, g mq.Group, t mq.Topic, at mq.Place) (mq.Fate, error) {
	queues, err := e.Progress(ctx, g, t)
	return mq.FateIn(queues, at), err
}
