// SPDX-License-Identifier: Apache-2.0

// Package reset says what becomes of messages when a group is moved to another place in a topic.
package reset

import (
	"fmt"
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// Consequence says what a move would do, given how far the group is. A place that cannot be is refused here as the move itself would refuse it: nobody is to confirm
// what then does not come about. Which messages lie before a time, only the engine knows.
func Consequence(is wire.Progress, want wire.Reset, now time.Time) (string, error) {
	unread := call.Number(is.Ready)
	switch {
	case want.To == "latest":
		return "the messages that it has not had, " + unread + " of them, would be skipped", nil
	case want.To == "earliest":
		return "what is stored would be delivered again, from the first message on", nil
	case want.Offset == nil:
		if t, err := time.Parse(time.RFC3339Nano, want.To); err == nil && t.After(now) {
			return "", call.Usage("--to: %s lies in the future", want.To)
		}
		return "of the messages that it has not had, " + unread + " of them, those before " + want.To + " would be skipped; of those that it had, those after it would be delivered again", nil
	}
	var skipped, again int64
	met := false
	for _, q := range is.Queues {
		if want.Queue != nil && *want.Queue != q.Queue {
			continue
		}
		met = true
		if *want.Offset < q.Lo || *want.Offset > q.Hi {
			return "", call.Usage("--offset %d: queue %d has %d to %d%s", *want.Offset, q.Queue, q.Lo, q.Hi, oneQueue(want))
		}
		skipped += max(0, *want.Offset-max(q.Lo, q.Committed))
		again += max(0, q.Committed-max(q.Lo, *want.Offset))
	}
	if !met && want.Queue != nil && len(is.Queues) > 0 {
		return "", call.Usage("--queue %d: the topic has no such queue", *want.Queue)
	}
	return fmt.Sprintf("%d messages would be skipped, %d delivered again", skipped, again), nil
}

// oneQueue reminds that an offset without a queue is meant for each of them.
func oneQueue(want wire.Reset) string {
	if want.Queue != nil {
		return ""
	}
	return ", and without --queue all queues are moved there"
}

// Table is where each queue was and is.
func Table(done wire.ResetDone) call.Table {
	before := map[int32]int64{}
	for _, q := range done.Before {
		before[q.Queue] = q.Committed
	}
	t := call.Table{Head: []string{"QUEUE", "FROM", "TO"}}
	for _, q := range done.After {
		was, ok := before[q.Queue]
		if !ok {
			was = -1
		}
		t.Add(strconv.Itoa(int(q.Queue)), call.Number(was), call.Number(q.Committed))
	}
	return t
}
