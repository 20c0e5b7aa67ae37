// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/control/book"
	"github.com/causeway-mq/causeway/control/claim"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// Sharing says that other planes may work over the same store, see there.
type Sharing = claim.Sharing

// share sets up what a plane needs beside others.
func (p *Plane) share(life context.Context) {
	if p.opt.Sharing == nil {
		p.claims = claim.New(nil, "", 0, p.opt.Clock)
		return
	}
	s := p.opt.Sharing.OrDefaults()
	for _, at := range p.sites {
		at.Rest = min(at.Rest, s.Claim/2)
	}
	p.claims = claim.New(p.opt.Store, random(16), s.Claim, p.opt.Clock)
	p.done.Go(func() { p.claims.Run(life) })
	unsettled := map[Ref]Version{}
	p.done.Go(func() {
		s.Follow(life, p.opt.Clock, func() { unsettled = p.leftAlone(unsettled) }, func() error { return p.Refresh(life) }, p.followed)
	})
}

func (p *Plane) followed(err error) {
	p.opt.Log.Warn("following the other control planes", "failing", err != nil, "error", err)
}

// leftAlone stirs the clusters of what was unsettled at the last look and has not moved since: its plane may have died. It gives what is unsettled now.
func (p *Plane) leftAlone(before map[Ref]Version) map[Ref]Version {
	now := map[Ref]Version{}
	for _, r := range p.unsettled() {
		now[r.Ref()] = r.revision()
		if before[r.Ref()] == r.revision() {
			p.stir(r)
		}
	}
	return now
}

// inTurn does something while nobody writes.
func (p *Plane) inTurn(ctx context.Context, do func() error) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return mq.Refuse(mq.Timeout, "the caller went away before it was his turn")
	}
	defer func() { <-p.turn }()
	return do()
}

// catchUp brings the book to the store's newest version. It needs the turn.
func (p *Plane) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	c, err := p.opt.Store.Since(ctx, p.Version())
	switch {
	case err != nil:
		return err
	case !c.Lost:
		p.book.Apply(c.Version, c.forBook())
		return nil
	}
	kept, err := p.opt.Store.Load(ctx)
	if err == nil {
		p.book.Load(kept.Version, kept.records())
	}
	return err
}

func (c Changes) forBook() (all []book.Change[Record]) {
	for _, one := range c.Changed {
		all = append(all, book.Change[Record]{Ref: one.Ref, Record: one.Record, Left: one.Left, There: one.Record != nil})
	}
	return all
}

// Claims is what this plane is at work on, for rooms that have work of their own.
func (p *Plane) Claims() *claim.Keeper { return p.claims }

// Refresh catches up where there are others to catch up with.
func (p *Plane) Refresh(ctx context.Context) error {
	if p.opt.Sharing == nil {
		return nil
	}
	return p.inTurn(ctx, func() error { return p.catchUp(ctx) })
}

// patience is how long a change waits for another one of the same thing, which may be a look that mends it.
const patience = 5 * time.Second

// claimed does something with a record, which only one may do at a time, by the book as the one before left it. The context that it is done in goes on when the caller
// goes away, and ends when another plane may be at work on it.
func (p *Plane) claimed(ctx context.Context, ref Ref, wait claim.Way, do func(work context.Context) error) error {
	work, ok, err := wait(ctx, claimOn(ref), patience)
	switch {
	case err != nil && ctx.Err() != nil:
		return mq.Refuse(mq.Timeout, "the caller went away while another change of %s %q was under way", ref.Kind, ref.Name)
	case err != nil:
		return mq.Refuse(mq.Unavailable, "%s", mq.Said(err)).Because(mq.During("claim "+claimOn(ref), err))
	case !ok:
		return refuse(Busy, mq.Conflict, "another change of %s %q is under way, and was not through within %v: ask again when it is", ref.Kind, ref.Name, patience)
	}
	defer p.unclaim(ctx, claimOn(ref))
	if err := p.Refresh(ctx); err != nil {
		return err
	}
	return do(work)
}

func claimOn(ref Ref) string { return string(ref.Kind) + "/" + ref.Tenant + "/" + ref.Name }

func claimAt(s *site.Site) string { return "cluster/" + s.Name.String() }

func (p *Plane) unclaim(ctx context.Context, what string) {
	if err := p.claims.Drop(ctx, what); err != nil {
		p.opt.Log.Warn("a claim was not given back, it ends by itself", "what", what, "error", err)
	}
}

// alone lets one plane at a time mend a cluster, by the newest book.
func (p *Plane) alone(ctx context.Context, s *site.Site) bool {
	_, ok, err := p.claims.Take(ctx, claimAt(s))
	if err == nil && ok {
		if err = p.Refresh(ctx); err == nil {
			return true
		}
		p.unclaim(ctx, claimAt(s))
	}
	if err != nil && ctx.Err() == nil {
		p.opt.Log.Warn("a cluster cannot be mended without the store", "cluster", s.Name, "error", err)
		s.Stir()
	}
	return false
}
