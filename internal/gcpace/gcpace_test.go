// SPDX-License-Identifier: Apache-2.0

package gcpace

import (
	"context"
	"errors"
	"runtime/debug"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
)

func TestPercentFollowsTheLiveHeap(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 1000}, {1 << 20, 1000}, {8 << 20, 300}, {12 << 20, 200}, {24 << 20, 100}, {1 << 30, 100}} {
		if got := Percent(c.live); got != c.want {
			t.Errorf("%d bytes live: %d %%, want %d %%", c.live, got, c.want)
		}
	}
}

func TestRunRestoresWhatWasSet(t *testing.T) {
	before := debug.SetGCPercent(123)
	defer debug.SetGCPercent(before)
	c := clock.NewVirtual(time.Unix(0, 0))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, c) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	bound := time.After(5 * time.Second)
	for c.Pending() == 0 {
		select {
		case <-tick.C:
		case <-bound:
			t.Fatal("it did not start within 5 s")
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if got := debug.SetGCPercent(123); got != 123 {
		t.Errorf("left at %d %%", got)
	}
}
