// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/mq"
)

// How often a run's figures are written down: not sooner than after tellEvery, nor than after a part of the job's age, so that a job of
// an hour makes about a hundred rows and one of a day about two hundred.
const (
	tellEvery = 2 * time.Second
	tellPart  = 20
)

// again is the rest before something is tried again that is to go through.
const again = 5 * time.Second

// Run is one turn of a job at this plane. Its methods are safe for concurrent use.
type Run struct {
	board  *Board
	ref    control.Ref
	place  mq.Tenant // of the job, with what else never changes of it
	target string
	turn   int
	cancel context.CancelFunc // because somebody wants the job to end

	mu    sync.Mutex // guards all below; never held across a wait
	job   Job
	meter meter
	told  time.Time
}

// run does a job under its claim in the background.
func (b *Board) run(held context.Context, j Job) {
	wanted, cancel := context.WithCancel(held)
	r := &Run{board: b, ref: j.ref(), place: j.Place, target: j.Target, turn: j.Turn, cancel: cancel, job: j, told: b.now()}
	r.meter.at(r.told, j.Moved+j.Skipped)
	if j.State == Cancelling {
		cancel()
	}
	b.mu.Lock()
	b.turns[j.ID] = r
	b.mu.Unlock()
	b.done.Go(func() {
		defer b.drop(j)
		defer b.leave(j.ID)
		defer cancel()
		work, stop := context.WithCancel(wanted)
		defer stop()
		defer context.AfterFunc(b.life, stop)()
		err := b.kinds[j.Kind].do(work, r)
		switch {
		case held.Err() != nil: // another plane has it, or may have it
		case err != nil && wanted.Err() != nil:
			r.end(held, Cancelled, "")
		case err != nil && b.life.Err() != nil: // it goes on elsewhere, or with the next start
			_ = r.tell(held, "progress")
		case err != nil:
			b.log.Warn("a job failed", "job", j.ID, "kind", string(j.Kind), "error", err)
			r.end(held, Failed, mq.Said(err))
		default:
			r.end(held, Done, "")
		}
	})
}

func (b *Board) leave(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.turns, id)
}

// do works, unless nobody knows how: a newer program may have begun it.
func (k kind) do(ctx context.Context, r *Run) error {
	if k.work == nil {
		return mq.Refuse(mq.Unsupported, "this program does not know such jobs")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return k.work(ctx, r)
}

// Job is how far it is.
func (r *Run) Job() Job {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.job
}

// update changes figures and detail in memory, and writes them down where that is due.
func (r *Run) update(ctx context.Context, change func(*Job)) {
	now := r.board.now()
	r.mu.Lock()
	change(&r.job)
	r.job.Rate = r.meter.at(now, r.job.Moved+r.job.Skipped)
	due := now.Sub(r.told) >= max(tellEvery, now.Sub(r.job.Begun)/tellPart)
	r.mu.Unlock()
	if due {
		if err := r.tell(ctx, "progress"); err != nil {
			r.board.log.Warn("how far a job is could not be written down", "job", r.ref.Name, "error", err)
		}
	}
}

// end writes down how it ended, for as long as this is ours to say.
func (r *Run) end(held context.Context, s State, why string) {
	r.mu.Lock()
	if s == Done && r.job.Skipped > 0 {
		s = Partial
	}
	r.job.State, r.job.Ended = s, r.board.now()
	if why != "" {
		r.job.Detail = why
	}
	r.mu.Unlock()
	for {
		err := r.tell(held, "end")
		if err == nil || refusal.Because(err, outOfTurn) || mq.KindOf(err) == mq.NotFound {
			return
		}
		r.board.log.Warn("the end of a job could not be written down, this is tried again", "job", r.ref.Name, "state", string(s), "error", err)
		if r.board.pause(held, again) != nil {
			return
		}
	}
}

// outOfTurn says that another plane goes on with the job.
const outOfTurn control.Reason = "out_of_turn"

// tell writes the job down as it is in memory, unless another turn has begun.
func (r *Run) tell(ctx context.Context, action string) error {
	for {
		kept, err := r.board.kept(r.ref)
		if err != nil {
			return err
		}
		if kept.Turn != r.turn {
			return refusal.New(outOfTurn, mq.Conflict, "turn %d of the job has begun, this was %d", kept.Turn, r.turn)
		}
		now := r.board.now()
		j := r.Job()
		j.Told, j.Revision = now, kept.Revision
		if j.State.Live() {
			j.State = kept.State
		}
		_, err = r.board.plane.ChangeDocument(ctx, itself(), action, j.document())
		if refusal.Because(err, control.Stale) { // somebody cancelled it meanwhile
			continue
		}
		if err == nil {
			r.mu.Lock()
			r.told, r.job.Told = now, now
			r.mu.Unlock()
		}
		return err
	}
}
