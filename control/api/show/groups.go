// SPDX-License-Identifier: Apache-2.0

package show

import (
	"time"

	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// Retry is how long a failed message rests.
func Retry(p mq.RetryPolicy) wire.Retry {
	if len(p.Steps) > 0 {
		return wire.Retry{Steps: texts(p.Steps)}
	}
	return wire.Retry{Initial: p.Initial.String(), Max: p.Max.String(), Multiplier: p.Multiplier}
}

// Start is where a group begins.
func Start(s mq.Start) string {
	switch s.Kind {
	case mq.StartEarliest:
		return "earliest"
	case mq.StartLatest:
		return "latest"
	case mq.StartByEngine:
		return "engine"
	}
	return s.Time.UTC().Format(time.RFC3339Nano)
}

// Queues is how far a group is in each queue.
func Queues(all []mq.QueueProgress) []wire.QueueProgress {
	shown := make([]wire.QueueProgress, 0, len(all))
	for _, q := range all {
		shown = append(shown, wire.QueueProgress{
			Broker: q.Broker, Queue: int32(q.Queue), Lo: int64(q.Lo), Hi: int64(q.Hi), Committed: int64(q.Committed),
			Ready: q.Ready, Leased: q.Leased, Retrying: q.Retrying, Oldest: at(q.Oldest),
		})
	}
	return shown
}
