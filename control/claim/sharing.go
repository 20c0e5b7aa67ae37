// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
)

// Several planes over one store. Each has the whole book in memory and follows the others by the store's log of changes. A change is taken only at the version that
// its plane has seen: what was checked in memory (a limit, a name) holds in the transaction as well, and a plane that was outrun catches up and judges anew. What
// happens at a cluster belongs to who holds the claim on its record; when a plane dies its claims end, and another one finishes what stands in the book as unsettled.

// Sharing says that other planes may work over the same store. The zero value of a field is its default.
type Sharing struct {
	Poll  time.Duration // between two looks at what the others changed; 500 ms
	Claim time.Duration // how long the work of a plane that died is left alone; 10 s
}

// OrDefaults fills in what is zero.
func (s Sharing) OrDefaults() Sharing {
	if s.Poll <= 0 {
		s.Poll = 500 * time.Millisecond
	}
	if s.Claim <= 0 {
		s.Claim = 10 * time.Second
	}
	return s
}

// Follow catches up at every poll and looks twice in the time of a claim at what others may have left, until ctx ends. tell hears when catching up begins to
// fail, and nil when it goes on.
func (s Sharing) Follow(ctx context.Context, c clock.Clock, look func(), catchUp func() error, tell func(error)) {
	failing, looked := false, c.Now()
	for {
		if clock.Rest(ctx, c, s.Poll) != nil {
			return
		}
		err := catchUp()
		if ctx.Err() != nil {
			return
		}
		if (err != nil) != failing {
			failing = err != nil
			tell(err)
		}
		if c.Now().Sub(looked) >= s.Claim/2 {
			look()
			looked = c.Now()
		}
	}
}
