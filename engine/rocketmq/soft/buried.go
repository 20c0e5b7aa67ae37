// SPDX-License-Identifier: Apache-2.0

package soft

import (
	"sync"
	"time"
)

const (
	buriedMemory = time.Minute // at least so long a delivery is known: brokers find its copy by its id long before
	buriedLimit  = 1 << 16     // beyond so many in a memory, it begins anew
)

// Buried remembers the deliveries whose dead letters were stored here. A broker finds a message by its id some milliseconds after it stored it, so a move that is repeated
// at once would store another copy. It is soft: at another proxy it does. The zero value is ready.
type Buried struct {
	mu    sync.Mutex // guards all; leaf
	young map[Delivery]struct{}
	old   map[Delivery]struct{} // those of the memory before
	began time.Time
}

// Has tells whether the copy of a delivery was stored here.
func (b *Buried) Has(d Delivery) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, young := b.young[d]
	_, old := b.old[d]
	return young || old
}

// Note remembers that it was.
func (b *Buried) Note(d Delivery, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.young == nil || now.Sub(b.began) > buriedMemory || len(b.young) >= buriedLimit {
		b.young, b.old, b.began = map[Delivery]struct{}{}, b.young, now
	}
	b.young[d] = struct{}{}
}
