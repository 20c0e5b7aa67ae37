// SPDX-License-Identifier: Apache-2.0

// Package gcpace paces the garbage collector by the size of the live heap.
//
// A proxy under load has a small live heap and allocates much, so Go's default (collect when the heap has doubled) collects
// up to a hundred times a second and takes a third of the CPU. Allowing a fixed amount of garbage between two collections instead costs that
// much memory and no more: the percentage follows from the live heap. With many idle clients the live heap is hundreds of MiB,
// and the default comes back by itself.
//
// Rejected: a constant percentage (it multiplies the memory of many idle clients), and a memory limit with the collector off
// (measured: nothing gained, since the program then walks through fresh pages all the time).
package gcpace

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
)

const (
	// garbage is what may gather between two collections, in bytes.
	garbage = 24 << 20
	lowest  = 100
	highest = 1000
	every   = 2 * time.Second
)

// Percent is the collector's percentage for a live heap of that many bytes.
func Percent(live uint64) int {
	if live == 0 {
		return highest
	}
	return int(min(max(garbage*100/live, lowest), highest))
}

// Run keeps the percentage at what the live heap asks for until ctx ends, then restores what was set before.
func Run(ctx context.Context, c clock.Clock) error {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	now := Percent(sample[0].Value.Uint64())
	before := debug.SetGCPercent(now)
	defer debug.SetGCPercent(before)
	tick := c.NewTimer(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C():
		}
		metrics.Read(sample)
		if p := Percent(sample[0].Value.Uint64()); p != now {
			now = p
			debug.SetGCPercent(p)
		}
		tick.Reset(every)
	}
}
