// SPDX-License-Identifier: Apache-2.0

package reset

import (
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/wire"
)

func TestAPlaceThatCannotBeIsRefusedBeforeAnybodyConfirmsIt(t *testing.T) {
	now := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	is := wire.Progress{Ready: 20, Queues: []wire.QueueProgress{{Queue: 0, Lo: 5, Committed: 8, Hi: 28}, {Queue: 1, Lo: 0, Committed: 2, Hi: 10}}}
	at := func(offset int64, queue ...int32) wire.Reset {
		want := wire.Reset{Topic: "orders", Offset: &offset}
		if len(queue) > 0 {
			want.Queue = &queue[0]
		}
		return want
	}
	for _, c := range []struct {
		want wire.Reset
		says string // of the refusal
	}{
		{at(99999), "queue 0 has 5 to 28, and without --queue"},
		{at(11), "queue 1 has 0 to 10"},
		{at(3), "queue 0 has 5 to 28"},
		{at(29, 0), "queue 0 has 5 to 28"},
		{at(0, 7), "no such queue"},
		{wire.Reset{To: "2026-12-01T09:00:01Z"}, "lies in the future"},
	} {
		if text, err := Consequence(is, c.want, now); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %q, %v", c.want, text, err)
		}
	}
	for text, want := range map[string]wire.Reset{
		"20 messages would be skipped, 0 delivered again":               at(28, 0),
		"10 messages would be skipped, 0 delivered again":               at(10),
		"0 messages would be skipped, 3 delivered again":                at(5, 0),
		"those before 2026-12-01T08:00:00Z would be skipped":            {To: "2026-12-01T08:00:00Z"},
		"what is stored would be delivered again, from the first":       {To: "earliest"},
		"the messages that it has not had, 20 of them, would be skippe": {To: "latest"},
	} {
		if got, err := Consequence(is, want, now); err != nil || !strings.Contains(got, text) {
			t.Errorf("%q, %v: want %q", got, err, text)
		}
	}
}
