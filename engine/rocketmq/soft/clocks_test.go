// SPDX-License-Identifier: Apache-2.0

package soft

import (
	"testing"
	"time"
)

func TestABrokersClockIsReadOffItsAnswers(t *testing.T) {
	var c Clocks
	now := time.Unix(1_800_000_000, 0)
	if _, ok := c.Ahead("a", now); ok {
		t.Error("a clock that nobody read is known")
	}
	c.Note("a", now.Add(-5*time.Second), now) // an answer that was under way for three seconds
	c.Note("a", now.Add(-2*time.Second), now)
	c.Note("a", now.Add(-9*time.Second), now)
	if ahead, ok := c.Ahead("a", now); !ok || ahead != -2*time.Second {
		t.Errorf("%v, %v", ahead, ok)
	}
	now = now.Add(2 * time.Minute) // the clock was set back meanwhile
	c.Note("a", now.Add(-30*time.Second), now)
	if ahead, ok := c.Ahead("a", now); !ok || ahead != -30*time.Second {
		t.Errorf("%v, %v", ahead, ok)
	}
	if _, ok := c.Ahead("a", now.Add(time.Hour)); ok {
		t.Error("a reading of an hour ago counts")
	}
}
