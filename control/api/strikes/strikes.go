// SPDX-License-Identifier: Apache-2.0

// Package strikes slows down who guesses credentials.
package strikes

import (
	"net/netip"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
)

// Bounds of guessing.
const (
	Span        = time.Minute
	maxStrikers = 10_000 // addresses that are remembered
)

// Strikes counts who shows what is no credential, by address: an IPv6 network of 64 bits counts as one. Over the limit an address is
// heard again when its minute is over; whoever shows a valid token of 200 random bits is let in all the same, since that cannot be
// guessed. Memory is bounded: with too many addresses the ones whose minute is over are forgotten first, then any.
type Strikes struct {
	clock clock.Clock

	most int // failures within Span

	mu   sync.Mutex // guards seen
	seen map[string]strike
}

type strike struct {
	count int
	begun time.Time
}

// New counts by a clock; most failures are let pass within Span.
func New(c clock.Clock, most int) *Strikes {
	return &Strikes{clock: c, most: most, seen: map[string]strike{}}
}

// Wait is how long an address has to wait until it is heard again; 0 for one that did not fail too often.
func (s *Strikes) Wait(remote string) time.Duration { return s.WaitFor(networkOf(remote).String()) }

// WaitFor is Wait for something else than an address.
func (s *Strikes) WaitFor(key string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.seen[key]
	if one.count < s.most {
		return 0
	}
	return max(0, Span-s.clock.Now().Sub(one.begun))
}

// Note counts a failure.
func (s *Strikes) Note(remote string) { s.NoteFor(networkOf(remote).String()) }

// NoteFor is Note for something else than an address.
func (s *Strikes) NoteFor(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	one, ok := s.seen[key]
	if !ok || now.Sub(one.begun) >= Span {
		one = strike{begun: now}
	}
	one.count++
	if !ok && len(s.seen) >= maxStrikers {
		s.forget(now)
	}
	s.seen[key] = one
}

// forget makes room for a tenth of all, so that a flood of new addresses looks through them once in a thousand and not each time.
func (s *Strikes) forget(now time.Time) {
	for key, one := range s.seen {
		if now.Sub(one.begun) >= Span {
			delete(s.seen, key)
		}
	}
	for key := range s.seen {
		if len(s.seen) <= maxStrikers-maxStrikers/10 {
			return
		}
		delete(s.seen, key)
	}
}

func networkOf(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	ip, bits := at.Addr().Unmap(), 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits) // both are possible
	return p
}
