// SPDX-License-Identifier: Apache-2.0

package soft

import (
	"sync"
	"time"
)

// recallMemory is how long this engine knows what it recalled. It is soft: a second recall elsewhere is answered with success, and
// changes nothing.
const recallMemory = 10 * time.Minute

// Recalled is handles of messages that were recalled. The zero value is ready.
type Recalled struct {
	mu    sync.Mutex // guards all; leaf
	until map[string]time.Time
}

// Has tells whether the message of a handle was recalled.
func (r *Recalled) Has(handle string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.until[handle].After(now)
}

// Note remembers that it was.
func (r *Recalled) Note(handle string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = map[string]time.Time{}
	}
	for h, t := range r.until {
		if t.Before(now) {
			delete(r.until, h)
		}
	}
	r.until[handle] = now.Add(recallMemory)
}
