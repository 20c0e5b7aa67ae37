// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"sync"
	"time"
)

// mostAnnounced bounds the memory of an Announced, in topics times brokers; beyond it everything is announced anew.
const mostAnnounced = 1 << 16

// Announced is for which topics brokers know that this process can be asked. It is forgotten with time, because connections end without a
// word here. The zero value is ready.
type Announced struct {
	mu    sync.Mutex // guards until; leaf
	until map[announcedAt]time.Time
}

type announcedAt struct{ address, topic string }

// Known tells whether the broker at an address still knows.
func (a *Announced) Known(address, topic string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.until[announcedAt{address, topic}].After(now)
}

// Keep notes that it knows until then.
func (a *Announced) Keep(address, topic string, until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.until == nil || len(a.until) > mostAnnounced {
		a.until = map[announcedAt]time.Time{}
	}
	a.until[announcedAt{address, topic}] = until
}

// Forget lets the next half be announced anew.
func (a *Announced) Forget(address, topic string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.until, announcedAt{address, topic})
}
