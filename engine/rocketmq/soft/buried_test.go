// SPDX-License-Identifier: Apache-2.0

package soft

import (
	"testing"
	"time"
)

// What was buried is known for a minute at least, and not for ever.
func TestBuriedIsKnownForAMinute(t *testing.T) {
	var b Buried
	now := time.Unix(1764000000, 0)
	if b.Has("a") {
		t.Error("nothing was buried")
	}
	b.Note("a", now)
	for _, later := range []time.Duration{59 * time.Second, 61 * time.Second} {
		b.Note("b", now.Add(later))
		if !b.Has("a") {
			t.Errorf("forgotten after %v", later)
		}
	}
	b.Note("c", now.Add(3*time.Minute))
	b.Note("d", now.Add(5*time.Minute))
	if b.Has("a") || !b.Has("d") {
		t.Error("what is old stays, or what is young does not")
	}
}
