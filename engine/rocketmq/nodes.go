// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"

	"github.com/causeway-mq/causeway/engine/rocketmq/inspect"
	"github.com/causeway-mq/causeway/mq"
)

// Nodes asks every process of every broker, and the controllers: see control.Inspector.
func (e *Engine) Nodes(ctx context.Context) (mq.Nodes, error) {
	brokers, err := e.routes.Brokers(ctx, e.opts.BrokersName)
	if err != nil {
		return mq.Nodes{}, err
	}
	return inspect.Nodes(ctx, brokers, inspect.Call(e.door())), nil
}
