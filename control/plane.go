// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Limits of one installation. The zero value of a field is its default.
type Limits struct {
	Tenants      int // 1,000
	Applications int // per tenant, 1,000
	Topics       int // per tenant, 10,000
	Groups       int // per tenant, 10,000
}

func (l Limits) orDefaults() Limits {
	fill := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	fill(&l.Tenants, 1_000)
	fill(&l.Applications, 1_000)
	fill(&l.Topics, 10_000)
	fill(&l.Groups, 10_000)
	return l
}

// Options is what a Plane is made of. Store, Engine, Inspector and Cluster are required.
type Options struct {
	Store     Store
	Engine    Provisioner
	Inspector Inspector
	Mover     Mover // moves dead letters; nil: redrive is Unsupported
	Cluster   mq.Cluster
	Clock     clock.Clock // the system's by default
	Log       *slog.Logger
	Limits    Limits
	// LoopbackUnsigned is what the default tenant is made with where there is none yet: callers from the loopback interface
	// need no signature.
	LoopbackUnsigned bool
	// Await, if not nil, returns when the proxies of this process serve from at least that version; a change that was made is
	// answered after it. It is called with a bounded context, and a change stands whatever it returns.
	Await func(ctx context.Context, v Version) error
	// Checks, if not nil, adds findings of other rooms to the doctor's.
	Checks func(ctx context.Context) []Finding
}

// Bounds of waiting for others while a change is made.
const (
	storeTime  = 10 * time.Second
	engineTime = 15 * time.Second
	awaitTime  = 3 * time.Second
	// repairPause is the rest between attempts to bring an engine to follow.
	repairPause = 5 * time.Second
)

// Plane is a running control plane. Every method is safe for concurrent use.
type Plane struct {
	opt  Options
	book *book
	turn chan struct{} // holds one token: whoever writes to the store has it, so that memory follows in the store's order
	jobs *jobs

	stop   context.CancelFunc
	done   sync.WaitGroup
	repair chan struct{} // wakes the repair loop; holds at most one
	open   atomic.Bool   // Open is through: from now on proxies are waited for

	mu   sync.Mutex   // guards busy
	busy map[Ref]bool // a request is at work on it: the repair loop keeps away
}

// Open loads the store, makes the default tenant where there is none, and brings the engine to follow what was left half
// done. It fails when the store does; an engine that does not answer is asked again in the background. The Plane owns
// the store from then on, also when Open fails.
func Open(ctx context.Context, opt Options) (*Plane, error) {
	if opt.Clock == nil {
		opt.Clock = clock.System()
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	opt.Limits = opt.Limits.orDefaults()
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &Plane{opt: opt, book: newBook(), turn: make(chan struct{}, 1), stop: stop, repair: make(chan struct{}, 1), busy: map[Ref]bool{}}
	p.jobs = newJobs(life, &p.done, opt.Clock)
	if err := p.start(ctx); err != nil {
		stop()
		return nil, errors.Join(During("open control plane", err), opt.Store.Close())
	}
	p.open.Store(true)
	p.done.Go(func() { p.repairLoop(life) })
	return p, nil
}

func (p *Plane) start(ctx context.Context) error {
	kept, err := p.opt.Store.Load(ctx)
	if err != nil {
		return err
	}
	p.book.load(kept)
	id, err := mq.ParseTenant(mq.DefaultTenant)
	if err != nil {
		return err
	}
	if _, ok := lookup[Tenant](p.book, Tenant{ID: id}.Ref()); !ok {
		err = p.add(ctx, Tenant{ID: id, LoopbackUnsigned: p.opt.LoopbackUnsigned, Note: "made at the first start", Created: p.now()})
	}
	if err != nil {
		return err
	}
	return p.followAll(ctx)
}

// Close stops the background work, waits for it and closes the store. It may be called twice.
func (p *Plane) Close() error {
	p.stop()
	p.done.Wait()
	return p.opt.Store.Close()
}

func (p *Plane) now() time.Time { return p.opt.Clock.Now().UTC().Truncate(time.Microsecond) }

type write func(context.Context, Record) (Version, error)

func (p *Plane) add(ctx context.Context, r Record) error {
	return p.write(ctx, p.opt.Store.Add, r, p.book.put)
}

// addIf is add after a check that no other change can come between.
func (p *Plane) addIf(ctx context.Context, r Record, check func() error) error {
	checked := func(ctx context.Context, r Record) (Version, error) {
		if err := check(); err != nil {
			return 0, err
		}
		return p.opt.Store.Add(ctx, r)
	}
	return p.write(ctx, checked, r, p.book.put)
}

func (p *Plane) put(ctx context.Context, r Record) error {
	return p.write(ctx, p.opt.Store.Put, r, p.book.put)
}

func (p *Plane) remove(ctx context.Context, r Record) error {
	return p.write(ctx, p.opt.Store.Remove, r, p.book.remove)
}

// write changes the store, then the memory, one change at a time. Once begun, a write is not abandoned with its caller:
// its outcome would be unknown for no reason. Where it is unknown all the same, memory is loaded again.
func (p *Plane) write(ctx context.Context, do write, r Record, after func(Record, Version)) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return mq.Refuse(mq.Timeout, "the caller went away before the change began")
	}
	defer func() { <-p.turn }()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	v, err := do(bounded, r)
	if err == nil {
		after(r, v)
		return nil
	}
	if mq.Outcome(err) == mq.Unknown {
		if kept, again := p.opt.Store.Load(bounded); again == nil {
			p.book.load(kept)
		}
	}
	return err
}

// visible waits until proxies have what was changed.
func (p *Plane) visible(ctx context.Context) {
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
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: the process ends first
	for i := range b {
		b[i] = letters[b[i]&31]
	}
	return string(b)
}
