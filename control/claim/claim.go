// SPDX-License-Identifier: Apache-2.0

// Package claim gives work to one of several planes at a time.
//
// A claim is a row in the database that all share: what, who holds it, and until when by the database's clock, which alone judges. Who holds a claim renews it
// as long as he works; the claims of a plane that died end by themselves, and another one takes them.
//
// A claim is no lock. A holder that was frozen may go on for a moment beside the one that came after him, so every effect must bear to be repeated, and what he
// writes down is checked against the revision that he saw.
//
// Who finds something held may wait for it, in a line of each plane: the first one in it is told when it is given back here, and asks the database again and again while
// another plane holds it; nobody else asks. A plane whose line is long would keep a claim for itself, since it knows at once when it is free and others do not: so many in
// a row, and it leaves the claim alone until others must have asked.
package claim

import (
	"context"
	"maps"
	"slices"
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

// poll is how often who waits for another plane's claim asks for it. After inARow that had a claim one after the other at one plane, those of others have two polls of
// time to take it.
const (
	poll   = 100 * time.Millisecond
	inARow = 8
)

// Keeper holds and renews the claims of one plane. Its methods are safe for concurrent use.
type Keeper struct {
	table  Table
	holder string
	lasts  time.Duration
	clock  clock.Clock

	mu     sync.Mutex // guards places and what is in them
	places map[string]*place
}

// place is something that is held here, or waited for.
type place struct {
	held *held           // nil: nobody here has it
	line []chan struct{} // who waits for it; the first one is told when it is given back, and he alone asks the database
	row  int             // how many had it one after the other
	rest time.Time       // until then it is left to other planes
}

// held is a claim in hand.
type held struct {
	until   time.Time // by our own clock, counted from before it was asked for: not later than the database's end of it
	lost    context.CancelFunc
	kept    bool          // by the database as well
	renewal chan struct{} // closed when the renewal that is under way is through, nil while none is
}

// New makes a keeper whose claims last so long without renewal. holder must be the plane's alone. t is nil for a plane without others: its claims keep its own callers
// apart.
func New(t Table, holder string, lasts time.Duration, c clock.Clock) *Keeper {
	return &Keeper{table: t, holder: holder, lasts: lasts, clock: c, places: map[string]*place{}}
}

// Take claims what. ok is false while another plane holds it, or somebody else on this one, who may wait for it as well. The context that comes back is ctx without
// its end, and ends when the claim is lost or given back.
func (k *Keeper) Take(ctx context.Context, what string) (work context.Context, ok bool, err error) {
	return k.take(ctx, what, nil)
}

// Way is how to wait for a claim: Wait or WaitFirst.
type Way func(ctx context.Context, what string, long time.Duration) (work context.Context, ok bool, err error)

// Wait is Take for whoever can wait so long until it is given back, behind all who wait for it on this plane. ok is false when that time is over; the end of ctx is an
// error, but for who need not wait.
func (k *Keeper) Wait(ctx context.Context, what string, long time.Duration) (work context.Context, ok bool, err error) {
	return k.wait(ctx, what, long, func(p *place, turn chan struct{}) { p.line = append(p.line, turn) })
}

// WaitFirst is Wait before all who wait for it on this plane. It is for work that comes by seldom, and would have to come again.
func (k *Keeper) WaitFirst(ctx context.Context, what string, long time.Duration) (work context.Context, ok bool, err error) {
	return k.wait(ctx, what, long, func(p *place, turn chan struct{}) { p.line = slices.Insert(p.line, 0, turn) })
}

func (k *Keeper) wait(ctx context.Context, what string, long time.Duration, stand func(*place, chan struct{})) (work context.Context, ok bool, err error) {
	turn := make(chan struct{}, 1)
	k.mu.Lock()
	stand(k.place(what), turn)
	k.mu.Unlock()
	defer k.leave(what, turn)
	for end := k.clock.Now().Add(long); ; {
		if work, ok, err = k.take(ctx, what, turn); ok || err != nil {
			return work, ok, err
		}
		left := end.Sub(k.clock.Now())
		if left <= 0 {
			return nil, false, nil
		}
		if k.asks(what, turn) {
			left = min(left, poll)
		}
		if err := k.pause(ctx, turn, left); err != nil {
			return nil, false, err
		}
	}
}

// pause waits until it may be one's turn.
func (k *Keeper) pause(ctx context.Context, turn chan struct{}, long time.Duration) error {
	rest := k.clock.NewTimer(long)
	defer rest.Stop()
	select {
	case <-turn:
	case <-rest.C():
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// asks tells whether it is up to him to ask the database: he is the first who waits, and nobody here holds it.
func (k *Keeper) asks(what string, turn chan struct{}) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.place(what)
	return p.held == nil && p.line[0] == turn
}

// leave is the end of waiting, with the claim or without it.
func (k *Keeper) leave(what string, turn chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.place(what)
	p.line = slices.DeleteFunc(p.line, func(one chan struct{}) bool { return one == turn })
	k.next(what, p, nil)
}

// place finds a place, or makes it. The caller holds the lock.
func (k *Keeper) place(what string) *place {
	p, there := k.places[what]
	if !there {
		p = &place{}
		k.places[what] = p
	}
	return p
}

// next tells the first one who waits, unless it is he who calls, and forgets a place where nobody is. The caller holds the lock.
func (k *Keeper) next(what string, p *place, caller chan struct{}) {
	switch {
	case p.held != nil:
	case len(p.line) == 0:
		delete(k.places, what)
	case p.line[0] != caller:
		select {
		case p.line[0] <- struct{}{}:
		default: // he was told already
		}
	}
}

// take is Take for who has a turn in line, nil for who does not wait.
func (k *Keeper) take(ctx context.Context, what string, turn chan struct{}) (work context.Context, ok bool, err error) {
	work, lost := context.WithCancel(context.WithoutCancel(ctx))
	h := &held{until: k.clock.Now().Add(k.lasts), lost: lost}
	if !k.mark(what, h, turn) {
		lost()
		return nil, false, nil
	}
	if k.table == nil {
		return work, true, nil
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	if ok, err = k.table.Claim(bound, what, k.holder, k.lasts); err != nil || !ok {
		k.forget(what, turn)
		return nil, false, err
	}
	k.mu.Lock()
	h.kept = true
	k.mu.Unlock()
	return work, true, nil
}

func (k *Keeper) mark(what string, h *held, turn chan struct{}) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.place(what)
	if p.held != nil || len(p.line) > 0 && p.line[0] != turn || k.clock.Now().Before(p.rest) {
		return false
	}
	p.held = h
	return true
}

// Drop gives a claim back, also one that was lost. One that cannot be given back now ends by itself.
func (k *Keeper) Drop(ctx context.Context, what string) error {
	defer k.handOver(what) // last, so that nobody here takes it between
	if k.table == nil {
		return nil
	}
	if renewal := k.giveUp(what); renewal != nil {
		<-renewal // it would put the row there again; it is as short as any call
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	return k.table.Unclaim(bound, what, k.holder)
}

// giveUp ends the renewals of a claim and gives the one that is under way.
func (k *Keeper) giveUp(what string) chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, there := k.places[what]
	if !there || p.held == nil {
		return nil
	}
	p.held.kept = false
	return p.held.renewal
}

// handOver ends what is held here, for whoever waits.
func (k *Keeper) handOver(what string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, there := k.places[what]
	if !there || p.held == nil {
		return
	}
	if p.row++; p.row == inARow && k.table != nil {
		p.row, p.rest = 0, k.clock.Now().Add(2*poll)
	}
	k.let(what, p, nil)
}

// forget ends what somebody marked and did not get.
func (k *Keeper) forget(what string, turn chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.let(what, k.place(what), turn)
}

// let lets go of what is held here. The caller holds the lock.
func (k *Keeper) let(what string, p *place, caller chan struct{}) {
	p.held.lost()
	p.held = nil
	k.next(what, p, caller)
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
	all := slices.Collect(maps.Keys(k.places))
	k.mu.Unlock()
	for _, what := range all {
		if ctx.Err() != nil {
			return
		}
		h := k.begin(what)
		if h == nil {
			continue
		}
		asked := k.clock.Now()
		bound, cancel := context.WithTimeout(ctx, min(callTime, k.lasts/renewals))
		ok, err := k.table.Claim(bound, what, k.holder, k.lasts)
		cancel()
		k.renewed(h, asked, ok && err == nil, err)
	}
}

// begin begins the renewal of a claim, nil for one that needs none.
func (k *Keeper) begin(what string) *held {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, there := k.places[what]
	if !there || p.held == nil || !p.held.kept {
		return nil
	}
	p.held.renewal = make(chan struct{})
	return p.held
}

func (k *Keeper) renewed(h *held, asked time.Time, ok bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	close(h.renewal)
	h.renewal = nil
	switch {
	case !h.kept: // given back, or about to be
	case ok:
		h.until = asked.Add(k.lasts)
	case err == nil || !k.clock.Now().Before(h.until): // another one has it, or may have it; nobody here begins before the work is over and gives it back
		h.kept = false
		h.lost()
	}
}
