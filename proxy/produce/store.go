// SPDX-License-Identifier: Apache-2.0

package produce

import (
	"context"

	"github.com/causeway-mq/causeway/mq"
)

// Store is what producing asks of an engine. Calls block until the outcome is known or ctx ends; an ended ctx is an Unknown
// outcome. Every error is an mq.Error: a refusal (certainly not done) or unknown.
type Store interface {
	// Send stores each message and answers per message, in the same order; it is not atomic over the batch. A nil Err means
	// durable at the topic's level. Bodies are only read, and only until Send returns. The engine picks the queue: a message
	// group has one queue. The same message id may come again and is stored again.
	Send(ctx context.Context, topic mq.Topic, batch []mq.Message) []mq.Sent

	// Settle ends a transaction. Where Traits.OutcomesSticky, the first verdict stays: its repeat is nil, the other one is
	// Conflict, an unknown half is InvalidTransaction. Elsewhere the caller sends it once and leaves an unknown outcome to the
	// check.
	Settle(ctx context.Context, topic mq.Topic, half mq.Half, verdict mq.Verdict, by mq.SettledBy) error

	// Checks asks sink about halves whose verdict is overdue until ctx ends; it returns ctx's error. live lists the topics for
	// which a producer is connected now. A sink that returns false has nobody to ask: the engine asks again later, here or at
	// another caller. The sink must not block.
	Checks(ctx context.Context, live func() []mq.Topic, sink func(mq.Check) bool) error

	// Recall cancels a scheduled message: MessageNotFound after its time or a second time, Unsupported where the engine can't.
	Recall(ctx context.Context, topic mq.Topic, s mq.Scheduled) error
}
