// SPDX-License-Identifier: Apache-2.0

// The race detector makes sync.Pool forget at random, so there is nothing to
// measure under it.

//go:build !race

package access

import "testing"

func TestAGoodCallAllocatesNothing(t *testing.T) {
	g, snap, call := guard(t, Config{}), world(), signed("AK1", "secret-1", noon().Format(short))
	if n := testing.AllocsPerRun(1000, func() { _, _ = g.Identify(snap, call) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
