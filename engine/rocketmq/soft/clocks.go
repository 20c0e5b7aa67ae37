// SPDX-License-Identifier: Apache-2.0

package soft

import (
	"sync"
	"sync/atomic"
	"time"
)

// Clocks is how far the clocks of brokers are from this machine's, as far as answers to receives tell. An answer tells when the broker took the
// messages; it was under way since then, so what is read is the true distance or less, and of the last readings the largest is kept.
//
// Answers come with every receive, so a reading that tells nothing new costs no lock and no allocation.
type Clocks struct{ seen sync.Map } // of broker: *atomic.Pointer[reading]

type reading struct {
	ahead time.Duration
	at    time.Time
}

// fresh is how long a reading counts: long enough for one undisturbed answer, short enough to see a clock that was set.
const fresh = time.Minute

// Note reads a broker's time off an answer that came now.
func (c *Clocks) Note(broker string, its, now time.Time) {
	ahead := its.Sub(now)
	kept, ok := c.seen.Load(broker)
	if !ok {
		kept, _ = c.seen.LoadOrStore(broker, new(atomic.Pointer[reading]))
	}
	last := kept.(*atomic.Pointer[reading])
	if r := last.Load(); r == nil || ahead > r.ahead || now.Sub(r.at) > fresh {
		last.Store(&reading{ahead, now}) // of two at once either will do
	}
}

// Ahead is how far a broker's clock is before this machine's, negative behind it. False when nothing was received from it lately.
func (c *Clocks) Ahead(broker string, now time.Time) (time.Duration, bool) {
	kept, ok := c.seen.Load(broker)
	if !ok {
		return 0, false
	}
	r := kept.(*atomic.Pointer[reading]).Load()
	if r == nil || now.Sub(r.at) > 10*fresh {
		return 0, false
	}
	return r.ahead, true
}
