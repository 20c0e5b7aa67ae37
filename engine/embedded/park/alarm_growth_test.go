// SPDX-License-Identifier: Apache-2.0

package park

import (
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/record"
)

// A long lease is held while messages come to those who wait: one ledger is looked at ten times a second, and each time the
// alarm goes back to the end of the lease.
func TestAlarmsDoNotPileUp(t *testing.T) {
	var a Alarms
	var ledger record.Ledger
	leaseEnd := int64(12 * time.Hour)
	a.Set(ledger, leaseEnd)
	for now := int64(0); now < int64(10*time.Minute); now += int64(100 * time.Millisecond) {
		a.Set(ledger, now+int64(100*time.Millisecond))
		if _, ok := a.Pop(now + int64(100*time.Millisecond)); !ok {
			t.Fatal("no alarm")
		}
		a.Set(ledger, leaseEnd)
	}
	if n := len(a.heap); n > 100 {
		t.Fatalf("%d alarms for one ledger after ten minutes", n)
	}
}
