// SPDX-License-Identifier: Apache-2.0

// Package procpace paces the number of processors that run Go code by how many are needed.
//
// The simple story: a proxy's work is many short steps, each of which ends by waking another goroutine. With idle processors around, every
// wake-up also wakes a thread, which spins, finds little and sleeps again; the socket that it read would have had more to read a moment later.
// Measured on two cores before a real broker: one processor instead of two takes 12 to 27 % less CPU per message, at no cost in latency or
// throughput, for as long as one is enough. So a process begins with one, gets more as soon as those it has are nearly used up, twice as
// many every time, and gives one back when it could have done without it for a while.
//
// What must hold:
//   - Never more than Go had chosen by itself (the machine's, or the container's limit).
//   - Whoever sets GOMAXPROCS has decided: nothing is changed.
//   - A burst waits for one tick, not longer: growing looks at the last tick alone, shrinking at many.
//
// It is for processes that wait for sockets. A system call that blocks, such as a sync of a file, keeps its processor for up to
// milliseconds before the runtime takes it away, so an engine that owns a disk must not be run on one.
//
// Rejected: a fixed small number (a burst must find the whole machine); the runtime's own scheduling latencies as the sign (they grow with
// whatever else runs on the machine, where more threads are no help).
package procpace

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
)

const (
	every = 100 * time.Millisecond
	// full is the part of the processors in use at which more are taken.
	full = 0.75
	// spare is the part of one processor fewer that may be in use for one to be given back.
	spare = 0.5
	// calm is how many ticks in a row must say so.
	calm = 50
)

// pace is the number of processors and how it came about.
type pace struct {
	now, most int
	quiet     int // ticks in a row that one processor fewer would have done for
}

// next gives the number for a process that used so many processors in the last tick.
func (p *pace) next(used float64) int {
	switch {
	case used > full*float64(p.now):
		p.now, p.quiet = min(2*p.now, p.most), 0
	case p.now > 1 && used < spare*float64(p.now-1):
		if p.quiet++; p.quiet >= calm {
			p.now, p.quiet = p.now-1, 0
		}
	default:
		p.quiet = 0
	}
	return p.now
}

// Run keeps the number of processors at what is used until ctx ends, then restores what was set before.
func Run(ctx context.Context, c clock.Clock) error {
	return run(ctx, c, spent)
}

// run is Run for any measure of the CPU time that the process spent; false means that there is none.
func run(ctx context.Context, c clock.Clock, spent func() (time.Duration, bool)) error {
	before, ok := spent()
	p := pace{now: 1, most: runtime.GOMAXPROCS(0)}
	if _, chosen := os.LookupEnv("GOMAXPROCS"); chosen || !ok || p.most == 1 {
		<-ctx.Done()
		return ctx.Err()
	}
	set := runtime.GOMAXPROCS(p.now)
	defer runtime.GOMAXPROCS(set)
	at := c.Now()
	tick := c.NewTimer(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C():
		}
		now := c.Now()
		total, _ := spent()
		if passed := now.Sub(at); passed > 0 {
			had := p.now
			if n := p.next(float64(total-before) / float64(passed)); n != had {
				runtime.GOMAXPROCS(n)
			}
		}
		before, at = total, now
		tick.Reset(every)
	}
}
