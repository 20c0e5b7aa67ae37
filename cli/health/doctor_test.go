// SPDX-License-Identifier: Apache-2.0

package health

import (
	"strings"
	"testing"
	"time"
)

// A question takes its time: what lies within that is no difference.
func TestAClockIsOffByWhatTheRoundTripDoesNotExplain(t *testing.T) {
	asked := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		theirs, took   time.Duration
		status, detail string
	}{
		{0, 900 * time.Millisecond, "ok", "agrees"},
		{900 * time.Millisecond, 900 * time.Millisecond, "ok", "agrees"},
		{time.Second, 900 * time.Millisecond, "ok", "at least 100ms off"},
		{-30 * time.Second, time.Second, "warn", "at least -30s off"},
		{10 * time.Minute, time.Second, "fail", "at least 9m59s off"},
	} {
		f := clockFinding(asked.Add(c.theirs), asked, asked.Add(c.took))
		if f.Status != c.status || !strings.Contains(f.Detail, c.detail) {
			t.Errorf("%v within %v: %+v", c.theirs, c.took, f)
		}
	}
}
