// SPDX-License-Identifier: Apache-2.0

// Package claim gives work to one of several planes at a time.
//
// A claim is a row in the database that all share: what, who holds it, and until when by the database's clock, which alone judges. Who holds a claim renews it
// as long as he works; the claims of a plane that died end by themselves, and another one takes them.
//
// A claim is no lock. A holder that was frozen may go on for a moment beside the one that came after him, so every effect must bear to be repeated, and what he
// writes down is checked against the revision that he saw.
package claim

import (
	"context"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
)

// Table is the claims in the database.
type Table interface {
	// Claim takes what for a holder, or renews it, for d from now. It gives false while another one holds it.
	Claim(ctx context.Context, what, holder string, d time.Duration) (bool, error)
	// Unclaim gives back what a holder holds; what he does not hold stays.
	Unclaim(ctx context.Context, what, holder string) error
}

// renewals is how often a claim is renewed while it lasts, and callTime how long one call to the database may take.
const (
	renewals = 4
	callTime = 5 * time.Second
)

// Keeper holds and renews the claims of one plane. Its methods are safe for concurrent use.
type Keeper struct {
	table  Table
	holder string
	lasts  time.Duration
	clock  clock.Clock

	mu   sync.Mutex // guards held
	held map[string]*held
}

// held is a claim in hand.
type held struct {
	until time.Time // by our own clock, counted from before it was asked for: not later than the database's end of it
	lost  context.CancelFunc
}

// New makes a keeper whose claims last so long without renewal. holder must be the plane's alone. t is nil for a plane without others: its claims keep its own callers
// apart.
func New(t Table, holder string, lasts time.Duration, c clock.Clock) *Keeper {
	return &Keeper{table: t, holder: holder, lasts: lasts, clock: c, held: map[string]*held{}}
}

// Take claims what. ok is false while another plane holds it, or somebody else on this one. The context that comes back is ctx without its end, and ends when the
// claim is lost or given back.
func (k *Keeper) Take(ctx context.Context, what string) (work context.Context, ok bool, err error) {
	work, lost := context.WithCancel(context.WithoutCancel(ctx))
	asked := k.clock.Now()
	if !k.mark(what, &held{until: asked.Add(k.lasts), lost: lost}) {
		lost()
		return nil, false, nil
	}
	if k.table == nil {
		return work, true, nil
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	if ok, err = k.table.Claim(bound, what, k.holder, k.lasts); err != nil || !ok {
		k.forget(what)
		return nil, false, err
	}
	return work, true, nil
}

func (k *Keeper) mark(what string, h *held) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, there := k.held[what]; there {
		return false
	}
	k.held[what] = h
	return true
}

// Drop gives a claim back. One that cannot be given back now ends by itself.
func (k *Keeper) Drop(ctx context.Context, what string) error {
	defer k.forget(what) // last, so that nobody here takes it between
	if k.table == nil {
		return nil
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	return k.table.Unclaim(bound, what, k.holder)
}

func (k *Keeper) forget(what string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if h, ok := k.held[what]; ok {
		h.lost()
		delete(k.held, what)
	}
}

// Run renews what is held until ctx ends. A keeper without a table needs none.
func (k *Keeper) Run(ctx context.Context) {
	for {
		rest := k.clock.NewTimer(k.lasts / renewals)
		select {
		case <-rest.C():
			k.renew(ctx)
		case <-ctx.Done():
			rest.Stop()
			return
		}
	}
}

func (k *Keeper) renew(ctx context.Context) {
	k.mu.Lock()
	var all []string
	for what := range k.held {
		all = append(all, what)
	}
	k.mu.Unlock()
	for _, what := range all {
		if ctx.Err() != nil {
			return
		}
		asked := k.clock.Now()
		bound, cancel := context.WithTimeout(ctx, min(callTime, k.lasts/renewals))
		ok, err := k.table.Claim(bound, what, k.holder, k.lasts)
		cancel()
		k.renewed(what, asked, ok, err)
	}
}

func (k *Keeper) renewed(what string, asked time.Time, ok bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h, there := k.held[what]
	switch {
	case !there: // given back meanwhile; the row that this renewed ends by itself
	case err == nil && ok:
		h.until = asked.Add(k.lasts)
	case err == nil || !k.clock.Now().Before(h.until): // another one has it, or may have it
		h.lost()
		delete(k.held, what)
	}
}
