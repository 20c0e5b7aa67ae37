// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"strings"
	"testing"
)

// The ports of a cluster whose first one is said follow it, each time the same; where one is taken nothing is chosen in its place.
func TestFixedPortsFollowTheFirstOne(t *testing.T) {
	open := func(first int) *Cluster {
		t.Helper()
		c, err := New(Options{Dir: t.TempDir(), Jars: t.TempDir(), FirstPort: first})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Kill() })
		return c
	}
	finder := open(0)
	first, err := finder.port(10) // twenty-one in a row, given back
	if err != nil {
		t.Fatal(err)
	}
	if err := finder.Kill(); err != nil {
		t.Fatal(err)
	}
	first -= 10
	for range 2 {
		c := open(first)
		for i, around := range []int{0, 2, 2} { // a name server and two brokers
			if p, err := c.port(around); err != nil || p != first+[]int{0, 3, 8}[i] {
				t.Errorf("%d: port %d, %v, first %d", i, p, err, first)
			}
		}
		if _, err := open(first + 3).port(0); err == nil || !strings.Contains(err.Error(), "is taken") {
			t.Errorf("a taken port is given out: %v", err)
		}
		if err := c.Kill(); err != nil {
			t.Error(err)
		}
	}
}
