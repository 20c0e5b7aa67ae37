// SPDX-License-Identifier: Apache-2.0

// Package journal keeps the embedded engine's log together with the state that follows it.
//
// The simple story: who holds the lock decides from the state what shall happen, and Append writes a record that says so and
// follows it at once. Wait returns when the record is on disk and what it made visible can be seen. Everything else here is
// what that needs: recovery (recover.go), the index of what is durable (append.go, read.go, key.go), and the keeper, who writes
// index files and checkpoints and lets old segments go (keep.go, retention.go).
//
// What must hold:
//   - A record is appended and followed under one lock, so memory and log never disagree about what came first.
//   - Nothing is visible before it is durable: publish, run by whoever comes first, moves the queues' ends.
//   - No file is read or written, and nobody is waited for, under the lock. (An append copies into memory. It can wait for room
//     when the disk is far behind; Admit keeps callers out before that.)
//   - Time comes from one clock that never runs backwards, not even over a restart.
//
// Lock order: publishing, the journal's lock, then those inside log and index. The log's hooks only signal: they run on the syncer, and an
// appender that holds the lock may be waiting for that very syncer.
package journal

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/index"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/state"
	"github.com/causeway-mq/causeway/engine/embedded/txn"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
)

// Options configure a journal. All fields but MaxBytes are required.
type Options struct {
	FS     fsys.FS // its root is the data directory
	Clock  clock.Clock
	Logger *slog.Logger

	Cluster         mq.Cluster
	SegmentBytes    int64
	MaxBytes        int64 // of the log; 0 = as much as the volume holds
	CheckpointBytes int64
	Retention       time.Duration // of topics that name none
	HalfLife        time.Duration // how long a verdict is kept at least
	Policy          txn.Policy
	Hooks           Hooks
}

// Hooks tell the engine what happened. None may be nil.
type Hooks struct {
	// Visible tells that n messages of a queue became visible, up to end. It is called without the lock.
	Visible func(topic mq.Physical, q mq.QueueID, n int, end mq.Offset)
	// Due tells that something falls due at a time. It is called under the lock and must not wait.
	Due func(at int64)
	// Topics tells that the queues of some topic changed. It is called under the lock and must not wait.
	Topics func()
	// Expire tells that the beginning of a queue moves: what was concluded from its ledgers is void. It is called under the lock
	// and must not wait.
	Expire func(q record.Queue)
}

// Ended is how a half ended.
type Ended struct {
	At log.Position // of the record that says so
	record.Verdict
}

const logDir, indexDir = "log", "index"

// Journal is an open journal. Its methods are safe for concurrent use; those that need the lock say so.
type Journal struct {
	opts  Options
	files fsys.FS // the index's directory
	log   *log.Log
	index *index.Index
	reads sync.Pool // of *[smallRead]byte

	origin time.Time // clock reading that stands for base
	base   int64     // engine time at origin

	publishing sync.Mutex // held by the one who publishes; taken before mu, so that the others of a batch do not crowd mu

	mu      sync.Mutex // guards the fields below; never held across I/O or a wait
	st      *state.State
	pending arrivals               // appended, not yet published
	recent  map[log.Position]Ended // verdicts that are not published yet, by half
	damaged map[log.Position]bool  // segments whose index must be rebuilt
	scratch []byte                 // for records that are encoded under the lock
	last    log.Position           // of the newest record

	published atomic.Int64 // log.Position: everything below is visible
	admitted  atomic.Int64 // bytes that Admit let in and that are not appended yet
	appended  atomic.Int64 // log.Position: behind the newest record
	oldest    atomic.Int64 // log.Position: where the log begins
	lastShort atomic.Int64 // use at which the keeper was last told that space is short
	tail      atomic.Int64 // engine time at which the oldest unpublished record was appended, 0 = none
	failure   atomic.Pointer[mq.Error]
	full      atomic.Bool // the disk has no room for another segment

	toPublish chan struct{} // capacity 1: the log made something durable
	toKeep    chan struct{} // capacity 1: a segment was sealed, or space is short
	failed    chan struct{} // closed by Fail

	postponed    map[log.Position]int64 // when to judge a segment again; only the keeper touches it
	checkpointed log.Position           // where the newest checkpoint stands; only the keeper and Close touch it

	stop    context.CancelFunc
	stopped context.Context
	joined  sync.WaitGroup
	once    sync.Once
	closing error
}

// Lock takes the lock under which the state is read and records are appended. Never wait for anything while holding it.
func (j *Journal) Lock() { j.mu.Lock() }

// Unlock gives the lock back.
func (j *Journal) Unlock() { j.mu.Unlock() }

// State is what the records say. Read it under the lock; it changes through Append alone.
func (j *Journal) State() *state.State { return j.st }

// Index is where durable messages lie.
func (j *Journal) Index() *index.Index { return j.index }

// Now is the engine's time in nanoseconds since the Unix epoch. It follows the monotonic clock alone: a date that is set while the
// engine runs, forward or back, ends no lease and delivers nothing early.
func (j *Journal) Now() int64 { return j.base + int64(j.opts.Clock.Now().Sub(j.origin)) }

// Durable is the position below which everything is on disk.
func (j *Journal) Durable() log.Position { return j.log.Durable() }

// Behind is how many bytes were appended that are not on disk yet.
func (j *Journal) Behind() int64 { return max(j.appended.Load()-int64(j.log.Durable()), 0) }

// LateBy is how long the oldest record waits for the disk, 0 when none does.
func (j *Journal) LateBy() time.Duration {
	if since := j.tail.Load(); since != 0 {
		return time.Duration(max(j.Now()-since, 0))
	}
	return 0
}

// Published tells whether what the record at pos made visible can be seen.
func (j *Journal) Published(pos log.Position) bool { return j.published.Load() > int64(pos) }

// Recent finds the verdict on a half while it is not published. It needs the lock.
func (j *Journal) Recent(half log.Position) (Ended, bool) {
	ended, ok := j.recent[half]
	return ended, ok
}

// LastOrNone is the newest record while it may not be durable yet, otherwise 0: a call that finds its work done must not answer
// before the one that did it. It needs the lock.
func (j *Journal) LastOrNone() log.Position {
	if j.last >= j.log.Durable() {
		return j.last
	}
	return 0
}

// OnDisk waits until the record at pos is on disk or the journal is closed.
func (j *Journal) OnDisk(pos log.Position) error { return j.log.Wait(j.stopped, pos) }

// Flush waits until everything that was appended is on disk and visible.
func (j *Journal) Flush(ctx context.Context) error {
	if err := j.log.Flush(ctx); err != nil {
		return err
	}
	j.publish()
	return nil
}

// Failed is closed when the journal stopped by itself, because the disk failed or memory contradicted the log.
func (j *Journal) Failed() <-chan struct{} { return j.failed }

// Failure is why the journal refuses everything, nil while it does not.
func (j *Journal) Failure() *mq.Error { return j.failure.Load() }

// Health says what is wrong: why is "" when nothing is.
func (j *Journal) Health() (healthy, writable bool, why string) {
	switch f := j.failure.Load(); {
	case f != nil:
		return false, false, f.Error()
	case j.LateBy() > stallSheds:
		return false, false, "the disk does not answer"
	case j.full.Load() || j.spaceLeft() != nil:
		return true, false, "no space for new messages"
	}
	return true, true, ""
}

// Segments lists the log's segments.
func (j *Journal) Segments() []log.Segment { return j.log.Segments() }

// Alive refuses when the journal failed or was closed, and when ctx is over.
func (j *Journal) Alive(ctx context.Context) error {
	if f := j.failure.Load(); f != nil {
		return f
	}
	if err := ctx.Err(); err != nil {
		return mq.Doubt(mq.Timeout, err, "the caller's time is over")
	}
	return nil
}

// Close ends the duties, makes all that was appended durable, saves a checkpoint, where there is room for one, and gives the directory back. It is
// idempotent and waits; ctx bounds the checkpoint only.
func (j *Journal) Close(ctx context.Context) error {
	j.once.Do(func() {
		j.failure.CompareAndSwap(nil, mq.Refuse(mq.Unavailable, "the engine is closed"))
		j.stop()
		j.joined.Wait()
		var err error
		if !j.log.Stats().Failed && ctx.Err() == nil {
			if err = j.Flush(ctx); err == nil {
				err = j.checkpoint(ctx)
			}
			if fsys.IsNoSpace(err) { // nothing is lost by it: the next start reads the log from the checkpoint before
				j.opts.Logger.Warn("there is no room for a checkpoint; the next start takes longer", "why", err)
				err = nil
			}
		}
		j.closing = errors.Join(err, j.log.Close(), j.index.Close())
	})
	return j.closing
}

// Abandon closes the files and writes nothing. It is for a journal that was never started.
func (j *Journal) Abandon() error {
	j.once.Do(func() {
		j.stop()
		j.closing = errors.Join(j.log.Close(), j.index.Close())
	})
	return j.closing
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
