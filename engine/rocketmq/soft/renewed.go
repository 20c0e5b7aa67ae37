// SPDX-License-Identifier: Apache-2.0

package soft

import (
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/token"
)

// Renewed remembers, for leases that were renewed here and are no orderly ones, which checkpoint is the newest. It is soft: without it
// an acknowledgement with the first token does not stop one redelivery.
type Renewed struct {
	mu    sync.Mutex // guards all; leaf
	newer map[Delivery]token.Lease
	sweep time.Time
}

// Newest is the newest checkpoint of a delivery, t where there is none newer.
func (r *Renewed) Newest(first Delivery, t token.Lease) token.Lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n, ok := r.newer[first]; ok {
		return n
	}
	return t
}

// Note remembers a newer one.
func (r *Renewed) Note(first Delivery, t token.Lease, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.newer == nil {
		r.newer = map[Delivery]token.Lease{}
	}
	r.newer[first] = t
	if now.Before(r.sweep) {
		return
	}
	r.sweep = now.Add(time.Minute)
	for k, x := range r.newer {
		if x.Handle.Visible().Before(now) {
			delete(r.newer, k)
		}
	}
}

// Forget drops what is known of a delivery.
func (r *Renewed) Forget(first Delivery) {
	r.mu.Lock()
	delete(r.newer, first)
	r.mu.Unlock()
}
