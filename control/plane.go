// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/control/book"
	"github.com/causeway-mq/causeway/control/claim"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Limits of one installation, see there.
type Limits = book.Limits

// Options is what a Plane is made of. Store, Engine, Inspector and Cluster are required.
type Options struct {
	Store Store
	// Cluster is where topics and groups are made that name none. Engine, Inspector, Mover, Courier, Guard, Traits, Kind, Note and Zone are its Engine: with one
	// cluster nothing else is needed.
	Cluster   mq.Cluster
	Engine    Provisioner
	Inspector Inspector
	Mover     Mover
	Courier   Courier
	Guard     site.Guard
	Traits    mq.Traits
	Kind      string
	Note      string
	Zone      string
	Others    map[mq.Cluster]Engine // the further clusters
	Clock     clock.Clock           // the system's by default
	Log       *slog.Logger
	Limits    Limits
	Reconcile time.Duration // between two looks at what a cluster has, 60 s by default
	// LoopbackUnsigned is what the default tenant is made with where there is none yet: callers from the loopback interface
	// need no signature.
	LoopbackUnsigned bool
	// Await, if not nil, returns when the proxies of this process serve from at least that version; a change that was made is
	// answered after it. It is called with a bounded context, and a change stands whatever it returns.
	Await func(ctx context.Context, v Version) error
	// Sharing, if not nil, says that other planes may work over the same store.
	Sharing *Sharing
	// Checks, if not nil, adds findings of other rooms to the doctor's.
	Checks func(ctx context.Context) []Finding
}

// Bounds of waiting for others while a change is made.
const (
	storeTime = 10 * time.Second
	awaitTime = 3 * time.Second
	// startTime is how long a start waits for clusters to answer; those that have not by then are followed up in the background.
	startTime = 5 * time.Second
)

// Plane is a running control plane. Every method is safe for concurrent use.
type Plane struct {
	opt  Options
	book *bookOfRecords
	turn chan struct{} // holds one token: whoever writes to the store has it, so that memory follows in the store's order

	sites  map[mq.Cluster]*site.Site
	claims *claim.Keeper // what this plane is at work on

	stop context.CancelFunc
	done sync.WaitGroup
	open atomic.Bool // Open is through: from now on proxies are waited for
}

// Open loads the store, makes the default tenant where there is none, and brings each cluster to follow what was left half done. It fails when the store
// does; a cluster that does not answer is asked again in the background. The Plane owns the store from then on, also when Open fails.
func Open(ctx context.Context, opt Options) (*Plane, error) {
	if opt.Clock == nil {
		opt.Clock = clock.System()
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	opt.Limits = opt.Limits.OrDefaults()
	if opt.Reconcile <= 0 {
		opt.Reconcile = time.Minute
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &Plane{opt: opt, book: newBook(), turn: make(chan struct{}, 1), stop: stop, sites: sitesOf(opt)}
	if err := p.start(ctx, life); err != nil {
		stop()
		p.done.Wait()
		return nil, errors.Join(During("open control plane", err), opt.Store.Close())
	}
	p.open.Store(true)
	return p, nil
}

func (p *Plane) start(ctx, life context.Context) error {
	kept, err := p.opt.Store.Load(ctx)
	if err != nil {
		return err
	}
	p.book.Load(kept.Version, kept.records())
	p.share(life)
	id, err := mq.ParseTenant(mq.DefaultTenant)
	if err != nil {
		return err
	}
	if _, ok := lookup[Tenant](p.book, Tenant{ID: id}.Ref()); !ok {
		err = p.add(ctx, Itself("start"), Tenant{ID: id, LoopbackUnsigned: p.opt.LoopbackUnsigned, Note: "made at the first start", Created: p.now()})
	}
	if err != nil && !refusal.Because(err, Exists) { // another plane that starts at the same time makes it as well
		return err
	}
	return p.startSites(ctx, life)
}

// startSites puts every cluster to work, and waits a while for those that answer.
func (p *Plane) startSites(ctx, life context.Context) error {
	var first sync.WaitGroup // each cluster's first look
	for _, s := range p.sites {
		first.Add(1)
		p.done.Go(func() {
			p.look(life, s)
			first.Done()
			s.Attend(life, p.opt.Clock, p.opt.Reconcile, func() { p.look(life, s) })
		})
	}
	looked := make(chan struct{})
	p.done.Go(func() { first.Wait(); close(looked) })
	bound, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	select {
	case <-looked:
	case <-bound.Done():
		if ctx.Err() == nil {
			p.opt.Log.Warn("a cluster has not answered yet; the start goes on without it")
		}
	}
	return During("bring the clusters up to date", ctx.Err())
}

// Close stops the background work, waits for it and closes the store. It may be called twice.
func (p *Plane) Close() error {
	p.stop()
	p.done.Wait()
	return p.opt.Store.Close()
}

// Shelf is what this plane shares with others for a while.
func (p *Plane) Shelf() *shelf.Shelf { return shelf.New(p.opt.Store.Shelf(), p.opt.Clock.Now) }

func (p *Plane) now() time.Time { return p.opt.Clock.Now().UTC().Truncate(time.Microsecond) }

// deed is a change of one record with who makes it.
type deed struct {
	by     Actor
	action Verb
	record Record
}

// what is the deed of an actor on a record.
func what(by Actor, action string, r Record) deed { return deed{by, verb(r.Ref().Kind, action), r} }

func (p *Plane) add(ctx context.Context, by Actor, r Record) error {
	return p.addIf(ctx, by, r, func() error { return nil })
}

// addIf is add after a check that no other change can come between.
func (p *Plane) addIf(ctx context.Context, by Actor, r Record, check func() error) error {
	return p.write(ctx, what(by, "create", r), write{judged(check, p.opt.Store.Add), p.keep, true})
}

func (p *Plane) put(ctx context.Context, d deed) error {
	return p.write(ctx, d, write{p.opt.Store.Put, p.keep, true})
}

func (p *Plane) remove(ctx context.Context, d deed) error {
	return p.write(ctx, d, write{p.opt.Store.Remove, p.forget, false})
}

// change is one way to change the store.
type change func(context.Context, Record, Entry) (Version, error)

// judged is a change after a check that no other change can come between.
func judged(check func() error, do change) change {
	return func(ctx context.Context, r Record, e Entry) (Version, error) {
		if err := check(); err != nil {
			return 0, err
		}
		return do(ctx, r, e)
	}
}

func (p *Plane) keep(r Record, v Version)   { p.book.Put(r.at(v), v) }
func (p *Plane) forget(r Record, v Version) { p.book.Remove(r.Ref(), v) }

// write is how a change is made: in the store, then in memory.
type write struct {
	store change
	book  func(Record, Version)
	stays bool // the record is there afterwards
}

// write changes the store, then the memory, one change at a time. Once begun, a write is not abandoned with its caller:
// its outcome would be unknown for no reason. Where it is unknown all the same, memory is loaded again.
func (p *Plane) write(ctx context.Context, d deed, w write) error {
	if err := d.by.Check(); err != nil {
		return err
	}
	return p.inTurn(ctx, func() error {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
		defer cancel()
		v, err := w.store(bounded, d.record, p.entry(d, w.stays))
		for refusal.Because(err, refusal.Outrun) { // by another plane: it is judged anew by what is there now
			if err := p.catchUp(bounded); err != nil {
				return mq.Refuse(mq.Unavailable, "another control plane was faster, and what it changed cannot be read: %v", err)
			}
			v, err = w.store(bounded, d.record, p.entry(d, w.stays))
		}
		if err == nil {
			w.book(d.record, v)
			p.guard(d.record)
			return nil
		}
		if mq.Outcome(err) == mq.Unknown {
			if kept, again := p.opt.Store.Load(bounded); again == nil {
				p.book.Load(kept.Version, kept.records())
			}
			if r, ok := d.record.(provisioned); ok {
				p.stir(r) // it may be kept, and its caller does not go on
			}
		}
		return err
	})
}

// entry is the row of audit that goes with a deed.
func (p *Plane) entry(d deed, stays bool) Entry {
	e := Entry{Time: p.now(), Actor: d.by, Action: d.action, Target: d.record.Ref(), Outcome: Done, Seen: p.Version()}
	if was, ok := lookup[Record](p.book, e.Target); ok {
		e.Before = p.viewOf(was)
	}
	if stays {
		e.After = p.viewOf(d.record)
	}
	return e.Tidy()
}

// Visible waits until proxies have what was changed.
func (p *Plane) Visible(ctx context.Context) {
	if p.opt.Await == nil || !p.open.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), awaitTime)
	defer cancel()
	v := p.Version()
	if err := p.opt.Await(ctx, v); err != nil {
		p.opt.Log.Warn("proxies do not serve from the newest catalog yet", "version", uint64(v), "error", err)
	}
}

// random gives n characters of a-z and 2-7 that nobody can guess, 5 bits each.
func random(n int) string {
	var text string
	for len(text) < n {
		text += strings.ToLower(rand.Text())
	}
	return text[:n]
}
