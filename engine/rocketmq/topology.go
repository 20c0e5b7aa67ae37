// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"

	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/mq"
)

// Queues answers from memory; false when nothing is known of the topic yet.
func (e *Engine) Queues(topic mq.Topic) (mq.QueueSet, bool) {
	r, ok := e.routes.Known(topic.Name)
	if !ok {
		return nil, false
	}
	return r.Set, true
}

// Refresh asks the name servers.
func (e *Engine) Refresh(ctx context.Context, topic mq.Topic) (mq.QueueSet, error) {
	r, err := e.routes.LookUp(ctx, topic.Name)
	if err != nil {
		return nil, err
	}
	return r.Set, nil
}

// Changed receives when an answer of Queues may have changed.
func (e *Engine) Changed() <-chan struct{} { return e.routes.Changed() }

// Probe asks the primaries for a sign of life; one is enough: see routes.Canary.
func (e *Engine) Probe(ctx context.Context) error { return e.routes.Canary(ctx, e.opts.BrokersName) }

// primaries is every primary of the cluster, as a route without queues.
func (e *Engine) primaries(ctx context.Context) (*routes.Route, error) {
	return e.routes.Primaries(ctx, e.opts.BrokersName)
}

// Copies is how many processes of each broker name the name servers know, the primary among them: fewer than were started are missing.
func (e *Engine) Copies(ctx context.Context) (map[string]int, error) {
	return e.routes.Copies(ctx, e.opts.BrokersName)
}

// NameServers tells which of the name servers answer: nil for one that does.
func (e *Engine) NameServers(ctx context.Context) map[string]error {
	return e.routes.EachNameServer(ctx)
}
