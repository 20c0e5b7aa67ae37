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
	if b.Has(Delivery{Token: "a"}) {
		t.Error("nothing was buried")
	}
	b.Note(Delivery{Token: "a"}, now)
	for _, later := range []time.Duration{59 * time.Second, 61 * time.Second} {
		b.Note(Delivery{Token: "b"}, now.Add(later))
		if !b.Has(Delivery{Token: "a"}) {
			t.Errorf("forgotten after %v", later)
		}
	}
	b.Note(Delivery{Token: "c"}, now.Add(3*time.Minute))
	b.Note(Delivery{Token: "d"}, now.Add(5*time.Minute))
	if b.Has(Delivery{Token: "a"}) || !b.Has(Delivery{Token: "d"}) {
		t.Error("what is old stays, or what is young does not")
	}
}
