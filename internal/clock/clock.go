// SPDX-License-Identifier: Apache-2.0

// Package clock is the port through which everything in Causeway reads and waits for time.
//
// Code that must be tested without waiting takes a [Clock]; the process gives it [System], a test gives it a
// [Virtual]. There is no Sleep on purpose: what sleeps can neither be stopped nor tested.
// [Rest] waits on a clock, and no longer than its context.
package clock

import (
	"context"
	"time"
)

// Clock tells the time and calls back later. Every method is safe for concurrent use and none of them blocks.
type Clock interface {
	// Now returns the current time. The system clock's value carries Go's monotonic reading, so a difference of two
	// values is immune to a change of the wall clock.
	Now() time.Time
	// AfterFunc calls f once, d after now, on a goroutine of the clock's choosing: f must be short and must not wait.
	// A d of zero or less means as soon as possible.
	AfterFunc(d time.Duration, f func()) Timer
	// NewTimer returns a timer that puts the time on C once, d after now.
	NewTimer(d time.Duration) Timer
}

// Timer is one pending call or tick.
type Timer interface {
	// C is where a timer of NewTimer delivers; it is nil for a timer of AfterFunc.
	C() <-chan time.Time
	// Stop cancels. It reports whether the call or tick was still pending; it does not wait for a running call.
	Stop() bool
	// Reset makes the timer fire d after now, whether it was pending or not, and reports whether it was pending.
	Reset(d time.Duration) bool
}

// System returns the clock of this machine.
func System() Clock { return system{} }

type system struct{}

type systemTimer struct{ t *time.Timer }

func (system) Now() time.Time { return time.Now() }

func (system) AfterFunc(d time.Duration, f func()) Timer {
	return systemTimer{time.AfterFunc(d, f)}
}

func (system) NewTimer(d time.Duration) Timer { return systemTimer{time.NewTimer(d)} }

func (s systemTimer) C() <-chan time.Time        { return s.t.C }
func (s systemTimer) Stop() bool                 { return s.t.Stop() }
func (s systemTimer) Reset(d time.Duration) bool { return s.t.Reset(d) }

// Rest waits until d has gone by on a clock, or gives ctx's error where that ends before.
func Rest(ctx context.Context, c Clock, d time.Duration) error {
	timer := c.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
