// SPDX-License-Identifier: Apache-2.0

package mq_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/causeway-mq/causeway/mq"
)

func TestSaidLeavesCausesOut(t *testing.T) {
	broker := errors.New("10.0.1.1:10911: connection refused")
	refused := mq.Refuse(mq.Unavailable, "the cluster cannot be reached now").Because(broker)
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("a stranger"), "a stranger"},
		{mq.Refuse(mq.BadRequest, "no name"), "no name"},
		{refused, "the cluster cannot be reached now"},
		{mq.During("create topic", refused), "create topic: the cluster cannot be reached now"},
		{mq.Doubt(mq.Timeout, broker, "no answer in time"), "no answer in time"},
		{mq.During("look", broker), "look: internal"},
		{mq.Refuse(mq.Conflict, "it is away").Because(fmt.Errorf("as x: %w", refused)), "it is away"},
		{fmt.Errorf("two things: %w", errors.Join(refused, mq.Refuse(mq.Conflict, "and this"))), "two things: the cluster cannot be reached now\nand this"},
	} {
		if got := mq.Said(c.err); got != c.want {
			t.Errorf("of %v: %q, want %q", c.err, got, c.want)
		}
	}
}
