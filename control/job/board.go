// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Bounds of jobs.
const (
	MaxLive    = 16 // in the whole installation
	MaxLiveOf  = 4  // in one place: a tenant, or the installation's own
	Remembered = 50 // that have ended, in one place
	// RememberedFor is how long a job that has ended is remembered.
	RememberedFor = 30 * 24 * time.Hour
)

// Options is what a board is made of. Plane is required.
type Options struct {
	Plane *control.Plane
	Clock clock.Clock  // the system's by default
	Log   *slog.Logger // none by default
	// Look is between two looks for jobs that run nowhere, 5 s by default; what others cancel is seen more often.
	Look time.Duration
}

// Board runs jobs. It is safe for concurrent use.
type Board struct {
	plane *control.Plane
	clock clock.Clock
	log   *slog.Logger
	look  time.Duration
	kinds map[Kind]kind

	life context.Context
	stop context.CancelFunc
	done sync.WaitGroup

	mu    sync.Mutex      // guards turns; never held across a wait
	turns map[string]*Run // by job: what this plane is at work on
}

// kind is how a job of a kind is done.
type kind struct {
	// work goes on from the run's position until everything is done. It ends soon when ctx does. It may be asked to do again what it did before.
	work func(ctx context.Context, r *Run) error
	// forGood: who asked for it cannot take it back.
	forGood bool
}

// Open goes on with the jobs that run nowhere, and takes new ones. It must be closed before its plane is.
func Open(o Options) *Board {
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Look <= 0 {
		o.Look = 5 * time.Second
	}
	b := &Board{plane: o.Plane, clock: o.Clock, log: o.Log, look: o.Look, turns: map[string]*Run{}}
	b.kinds = map[Kind]kind{Redrive: {work: b.redrive}, DeleteTenant: {work: b.deleteTenant, forGood: true}}
	b.life, b.stop = context.WithCancel(context.Background())
	b.done.Go(b.attend)
	return b
}

// Close stops the work of this plane, which goes on where another one takes it, or with the next start. It may be called twice.
func (b *Board) Close() {
	b.stop()
	b.done.Wait()
}

// attend looks after the jobs of this plane, of those that died, and of long ago.
func (b *Board) attend() {
	const hour = time.Hour // between two sweeps
	swept := b.clock.Now()
	b.adopt()
	b.sweep(b.everything())
	for n := 1; ; n++ {
		if b.pause(b.life, b.beat()) != nil {
			return
		}
		b.hearken()
		if n%beats == 0 {
			b.adopt()
		}
		if now := b.clock.Now(); now.Sub(swept) >= hour {
			swept = now
			b.sweep(b.everything())
		}
	}
}

// beats is how often what was cancelled is looked for in the time of one look.
const beats = 5

func (b *Board) beat() time.Duration { return b.look / beats }

// pause waits, and gives an error where ctx ends before, or the board's life.
func (b *Board) pause(ctx context.Context, d time.Duration) error {
	timer := b.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-b.life.Done():
		return b.life.Err()
	}
}

// hearken stops what somebody cancelled at another plane.
func (b *Board) hearken() {
	for _, r := range b.mine() {
		if j, err := b.kept(r.ref); err == nil && j.State == Cancelling {
			r.cancel()
		}
	}
}

// adopt goes on with what is live and runs nowhere.
func (b *Board) adopt() {
	for _, j := range b.everything() {
		if _, mine := b.turn(j.ID); mine || !j.State.Live() || b.life.Err() != nil {
			continue
		}
		held, ok, err := b.plane.Claims().Take(b.life, claimOn(j))
		if err != nil || !ok {
			continue
		}
		if err := b.resume(held, j); err != nil {
			b.log.Warn("a job that nobody does cannot be gone on with now", "job", j.ID, "kind", string(j.Kind), "error", err)
			b.drop(j)
		}
	}
}

// resume begins a job's next turn, as it stands in the store by now.
func (b *Board) resume(held context.Context, j Job) error {
	if err := b.plane.Refresh(held); err != nil {
		return err
	}
	j, err := b.kept(j.ref())
	if err != nil || !j.State.Live() {
		b.drop(j)
		return err
	}
	j.Turn++
	d, err := b.plane.ChangeDocument(held, itself(), "resume", j.document())
	if err != nil {
		return err
	}
	j.Revision = d.Revision
	b.log.Info("going on with a job", "job", j.ID, "kind", string(j.Kind), "tenant", j.Place.String(), "target", j.Target, "turn", j.Turn)
	b.run(held, j)
	return nil
}

// start keeps a new job and begins it. check is asked when no other change can come between.
func (b *Board) start(ctx context.Context, by control.Actor, j Job, check func() error) (Job, error) {
	now := b.now()
	j.ID, j.State, j.By, j.Turn, j.Begun, j.Told = newID(), Running, by.Name, 1, now, now
	held, ok, err := b.plane.Claims().Take(ctx, claimOn(j))
	if err != nil {
		return j, mq.Refuse(mq.Unavailable, "%s", mq.Said(err)).Because(err)
	}
	if !ok { // nobody else has drawn its id
		return j, mq.Refuse(mq.Internal, "the job %s is somebody's", j.ID)
	}
	d, err := b.plane.AddDocument(ctx, by, j.document(), func() error {
		if err := check(); err != nil {
			return err
		}
		return b.room(j)
	})
	if err != nil {
		b.drop(j)
		return j, err
	}
	j.Revision = d.Revision
	b.run(held, j)
	b.sweep(jobsOf(b.plane.Documents(Record, j.Place.String())))
	return j, nil
}

// room refuses a job of which one is live already, and one too many.
func (b *Board) room(j Job) error {
	live, here := 0, 0
	for _, other := range b.everything() {
		if !other.State.Live() {
			continue
		}
		live++
		if other.Place != j.Place {
			continue
		}
		here++
		if other.Kind == j.Kind && other.Target == j.Target {
			return refusal.New(control.Busy, mq.Conflict, "job %s does this already", other.ID)
		}
	}
	switch {
	case here >= MaxLiveOf:
		return tooMany(here, MaxLiveOf)
	case live >= MaxLive:
		return tooMany(live, MaxLive)
	}
	return nil
}

func tooMany(n, limit int) error {
	return refusal.New(refusal.TooManyRun, mq.TooManyRequests, "%d jobs run, the limit is %d: wait for one to end", n, limit).Beyond(strconv.Itoa(limit))
}

// Cancel makes a job end; what it did stays done. One that is ending or has ended stays as it is. It is refused for a job that cannot be taken back.
func (b *Board) Cancel(ctx context.Context, by control.Actor, place mq.Tenant, id string) (Job, error) {
	for {
		j, err := b.Job(place, id)
		switch {
		case err != nil:
			return j, err
		case !j.State.Live():
			return j, nil
		case b.kinds[j.Kind].forGood:
			return j, refusal.New(refusal.Immutable, mq.Conflict, "a %s cannot be taken back once it is begun", j.Kind)
		}
		kept, err := b.kept(j.ref())
		if err != nil {
			return j, err
		}
		if kept.State == Running {
			kept.State = Cancelling
			_, err = b.plane.ChangeDocument(ctx, by, "cancel", kept.document())
		}
		if refusal.Because(err, control.Stale) { // its figures were written down meanwhile
			continue
		}
		if err != nil {
			return j, err
		}
		if r, mine := b.turn(id); mine {
			r.cancel()
		}
		return b.Job(place, id)
	}
}

// Job finds a job of a place, the zero tenant being the installation.
func (b *Board) Job(place mq.Tenant, id string) (Job, error) {
	j, err := b.kept(Job{ID: id, Place: place}.ref())
	if err != nil {
		return j, mq.Refuse(mq.NotFound, "no such job: those that have ended are forgotten after a while")
	}
	return b.fresh(j), nil
}

// Jobs lists a place's jobs, the oldest first.
func (b *Board) Jobs(place mq.Tenant) ([]Job, error) {
	if place != (mq.Tenant{}) {
		if _, err := b.plane.Tenant(place); err != nil {
			return nil, err
		}
	}
	all := jobsOf(b.plane.Documents(Record, place.String()))
	for i := range all {
		all[i] = b.fresh(all[i])
	}
	return all, nil
}

// fresh is a job with the figures that this plane has in memory.
func (b *Board) fresh(kept Job) Job {
	r, mine := b.turn(kept.ID)
	if !mine || !kept.State.Live() {
		return kept
	}
	j := r.Job()
	j.State, j.Revision = kept.State, kept.Revision
	return j
}

// sweep forgets what ended long ago, and the oldest of what is too much in its place.
func (b *Board) sweep(all []Job) {
	ended := map[mq.Tenant][]Job{}
	for _, j := range all {
		if !j.State.Live() {
			ended[j.Place] = append(ended[j.Place], j)
		}
	}
	for _, some := range ended {
		for i, j := range some {
			if len(some)-i <= Remembered && b.now().Sub(j.Ended) < RememberedFor {
				continue
			}
			if err := b.plane.RemoveDocument(b.life, itself(), j.document()); err != nil && mq.KindOf(err) != mq.NotFound && b.life.Err() == nil {
				b.log.Warn("an old job was not forgotten", "job", j.ID, "error", err)
			}
		}
	}
}

func (b *Board) everything() []Job { return jobsOf(b.plane.EveryDocument(Record)) }

func (b *Board) kept(ref control.Ref) (Job, error) {
	d, err := b.plane.Document(ref)
	if err != nil {
		return Job{}, err
	}
	return jobOf(d)
}

func (b *Board) turn(id string) (*Run, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok := b.turns[id]
	return r, ok
}

func (b *Board) mine() (all []*Run) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.turns {
		all = append(all, r)
	}
	return all
}

// drop gives the claim on a job back.
func (b *Board) drop(j Job) {
	if err := b.plane.Claims().Drop(b.life, claimOn(j)); err != nil {
		b.log.Warn("a claim was not given back, it ends by itself", "job", j.ID, "error", err)
	}
}

func (b *Board) now() time.Time { return b.clock.Now().UTC().Truncate(time.Microsecond) }

func claimOn(j Job) string { return "job/" + j.ID }

func itself() control.Actor { return control.Itself("jobs") }

// newID is 60 random bits.
func newID() string { return strings.ToLower(rand.Text()[:12]) }
