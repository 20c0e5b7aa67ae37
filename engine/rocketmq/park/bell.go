// SPDX-License-Identifier: Apache-2.0

package park

import "sync"

// Bell is an armed call's wake: rung at most once, and never after Silence returned.
type Bell struct {
	mu   sync.Mutex // guards wake, also while it runs
	wake func()
}

// NewBell makes a bell that calls wake, which must not wait and not silence the bell.
func NewBell(wake func()) *Bell { return &Bell{wake: wake} }

// Ring calls wake if that was not done before.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if wake := b.wake; wake != nil {
		b.wake = nil
		wake()
	}
}

// Silence ends the bell, and waits for a wake that runs.
func (b *Bell) Silence() {
	b.mu.Lock()
	b.wake = nil
	b.mu.Unlock()
}
