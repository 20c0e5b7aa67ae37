// SPDX-License-Identifier: Apache-2.0

package enginetest_test

import (
	"testing"

	"github.com/causeway-mq/causeway/engine/enginetest"
)

func TestTheReferenceEngineKeepsEveryPromise(t *testing.T) {
	enginetest.Run(t, referenceTarget(""))
}

// Cases that a trait excludes have an inverse form, which must hold for an engine that lacks the trait.
func TestAnEngineThatCanDoLessPassesInverseCases(t *testing.T) {
	enginetest.Run(t, lesserTarget())
	inverse, missing := 0, 0
	for _, r := range enginetest.Check(lesserTarget(), "ack/a-second-time", "fifo/other-message-groups-go-on", "delay/recall", "restart/order") {
		switch r.Category {
		case enginetest.Inverse:
			inverse++
		case enginetest.NotOffered:
			missing++
		}
		if r.Reason == "" {
			t.Errorf("no reason is given: %s", r)
		}
	}
	if inverse != 3 || missing != 1 {
		t.Errorf("%d cases ran inversely and %d were not offered, want 3 and 1", inverse, missing)
	}
}
