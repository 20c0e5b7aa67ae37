// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// View is what a row shows of a record: plain values under the names of the API, no secrets.
type View map[string]any

// Retry is a retry policy.
func Retry(r mq.RetryPolicy) View {
	if len(r.Steps) > 0 {
		return View{"steps": Texts(r.Steps)}
	}
	return View{"initial": r.Initial.String(), "max": r.Max.String(), "multiplier": r.Multiplier}
}

// Start is where a group begins.
func Start(s mq.Start) any {
	switch s.Kind {
	case mq.StartEarliest:
		return "earliest"
	case mq.StartLatest:
		return "latest"
	case mq.StartByEngine:
		return "engine"
	}
	return s.Time
}

// Moment is a time that may be none.
func Moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// Texts is names.
func Texts[T interface{ String() string }](some []T) []string {
	all := make([]string, len(some))
	for i, s := range some {
		all[i] = s.String()
	}
	return all
}

// Places is how far a group is in some queues.
func Places(queues []mq.QueueProgress) []View {
	all := make([]View, len(queues))
	for i, q := range queues {
		all[i] = View{"broker": q.Broker, "queue": q.Queue, "committed": q.Committed}
	}
	return all
}
