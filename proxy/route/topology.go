// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"

	"github.com/causeway-mq/causeway/mq"
)

// Topology is what routing asks of an engine. Queues come and go without any change of the catalog.
type Topology interface {
	// Queues answers from memory; false when nothing is known of the topic yet.
	Queues(topic mq.Topic) (mq.QueueSet, bool)

	// Refresh asks the engine itself. TopicNotFound when it has no such topic.
	Refresh(ctx context.Context, topic mq.Topic) (mq.QueueSet, error)

	// Changed is closed or receives when any answer of Queues may have changed.
	Changed() <-chan struct{}

	// Traits says what the engine can and cannot do.
	Traits() mq.Traits

	// Probe sends a canary down the real path.
	Probe(ctx context.Context) error
}
