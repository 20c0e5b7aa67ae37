// SPDX-License-Identifier: Apache-2.0

// Package embedded is a durable message engine on one machine's disk.
//
// The simple story: one segment log is the truth. Every verb decides what shall happen, appends one record that says so, follows
// it in memory, and answers when the record is on disk. What is in memory is a pure function of the log's records
// (package state), so recovery is reading them again; the index over them is derived and may be deleted at any time.
//
// What must hold:
//   - Order: a record is appended and followed under one lock, so memory and log never disagree about what came first.
//   - Nothing is visible before it is durable. A message gets its offset when it is appended; consumers see it when
//     the log reported its position durable and publish moved the queue's end.
//   - What a take, an acknowledgement or an extension changes holds for everybody at once, and is answered when durable.
//   - No file is read or written, and nobody is waited for, under the state lock. (An append copies into memory. It can wait
//     for room when the disk is far behind; admit keeps callers out before that.)
//   - Time comes from one clock that never runs backwards, not even over a restart.
//
// Lock order: mu, then the locks inside log and index. The parking lot's lock is taken alone. The log's hooks only signal.
//
// The walk of a message: send.go appends, append.go publishes, receive.go grants, ack.go settles. The files that carry the
// name of a verb hold that verb.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/index"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/park"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/state"
	"github.com/causeway-mq/causeway/engine/embedded/txn"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
)

// Options configure an engine. Dir or FS is required, all else has defaults.
type Options struct {
	Dir    string      // the data directory; ignored when FS is set
	FS     fsys.FS     // its root is the data directory
	Clock  clock.Clock // default: the system's
	Logger *slog.Logger

	Cluster mq.Cluster // default "causeway"
	Broker  string     // the one broker's name in routes, default the cluster's

	SegmentBytes    int64         // of one log file, default 128 MiB
	MaxBytes        int64         // of the log; sends are refused near it; 0 = as much as the volume holds
	Retention       time.Duration // of topics that name none, default 72 h
	DeadLetters     time.Duration // retention of dead letters, default 30 days
	HalfLife        time.Duration // age at which an unanswered transaction is given up, default 72 h
	CheckEvery      time.Duration // between two checks of a transaction, default 30 s
	CheckRounds     int           // checks before a transaction is given up, default 15
	CheckpointBytes int64         // of log between two checkpoints, default 64 MiB
}

const (
	defaultCluster     = "causeway"
	defaultRetention   = 72 * time.Hour
	defaultDeadLetters = 30 * 24 * time.Hour
	defaultCheckpoint  = 64 << 20
	defaultSegment     = 128 << 20
	defaultQueues      = 8
	renewHold          = 60 * time.Second // the lease of a want with Renew
	renewEvery         = 20 * time.Second // how often its holder renews it
	logDir, indexDir   = "log", "index"
)

func (o *Options) complete() error {
	if o.FS == nil {
		if o.Dir == "" {
			return errors.New("embedded: options need a directory")
		}
		o.FS = fsys.OS(o.Dir)
	}
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Cluster == (mq.Cluster{}) {
		o.Cluster, _ = mq.ParseCluster(defaultCluster)
	}
	if o.Broker == "" {
		o.Broker = o.Cluster.String()
	}
	if o.MaxBytes < 0 {
		return errors.New("embedded: MaxBytes is negative")
	}
	for _, d := range []struct {
		at        *time.Duration
		otherwise time.Duration
	}{{&o.Retention, defaultRetention}, {&o.DeadLetters, defaultDeadLetters}, {&o.HalfLife, defaultRetention}, {&o.CheckEvery, txn.DefaultEvery}} {
		if *d.at <= 0 {
			*d.at = d.otherwise
		}
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = defaultSegment
	}
	if o.MaxBytes > 0 && o.MaxBytes < 4*o.SegmentBytes {
		return fmt.Errorf("embedded: MaxBytes %d is less than four segments of %d bytes", o.MaxBytes, o.SegmentBytes)
	}
	if o.CheckpointBytes <= 0 {
		o.CheckpointBytes = defaultCheckpoint
	}
	return nil
}

func (o *Options) policy() txn.Policy { return txn.Policy{Every: o.CheckEvery, Rounds: o.CheckRounds} }

// Engine is an open engine. All methods are safe for concurrent use.
type Engine struct {
	opts    Options
	clock   clock.Clock
	journal *slog.Logger
	files   fsys.FS // the index's directory
	log     *log.Log
	index   *index.Index
	lot     park.Lot
	filters filters
	buffers sync.Pool // of *[]byte, for records that are encoded before the lock is taken
	reads   sync.Pool // of *[smallRead]byte

	origin time.Time // clock reading that stands for base
	base   int64     // engine time at origin

	mu                    sync.Mutex // guards the fields below; never held across I/O or a wait
	st                    *state.State
	pending               arrivals                 // appended, not yet published
	busy                  map[record.Ledger]*claim // ledgers in which a take reads before it grants
	recent                map[log.Position]settled // verdicts that are not published yet
	asking                map[log.Position]bool    // halves that a caller of Checks asks about right now
	damaged               map[log.Position]bool    // segments whose index must be rebuilt
	alarms                alarms                   // when to look at ledgers that somebody waits for
	scratch               []byte                   // for records that are encoded under the lock
	last                  log.Position             // of the newest record
	nextGiveUp, nextStale int64                    // when the ticker looks at transactions again

	oldest    atomic.Int64 // log.Position: where the log begins
	lastShort atomic.Int64 // use at which the keeper was last told that space is short
	nextTick  atomic.Int64 // engine time at which the ticker looks next
	published atomic.Int64 // log.Position: everything below is visible
	appended  atomic.Int64 // log.Position: behind the newest record
	failure   atomic.Pointer[mq.Error]
	full      atomic.Bool  // the disk has no room for another segment
	tail      atomic.Int64 // engine time at which the oldest unpublished record was appended, 0 = none

	changed   chan struct{} // capacity 1: the queues of some topic changed
	toPublish chan struct{} // capacity 1: the log made something durable
	toTick    chan struct{} // capacity 1: something is due earlier than the ticker thinks
	toKeep    chan struct{} // capacity 1: a segment was sealed, or space is short
	caughtUp  chan chan struct{}
	failed    chan struct{} // closed by fail

	postponed    map[log.Position]int64 // when to judge a segment again; only the keeper touches it
	checkpointed log.Position           // where the newest checkpoint stands; only the keeper and Close touch it

	stop    context.CancelFunc
	stopped context.Context
	joined  sync.WaitGroup
	once    sync.Once
	closing error
}

// Traits says what the engine can do.
func (e *Engine) Traits() mq.Traits { return Traits() }

// Traits says what every embedded engine can do.
func Traits() mq.Traits {
	return mq.Traits{
		Name:             "embedded",
		MaxDelay:         mq.MaxDelay,
		MaxBatch:         mq.MaxBatch,
		MaxHold:          mq.MaxHold,
		OutcomesSticky:   true,
		KnowsExpired:     true,
		KnowsSettled:     true,
		Recall:           true,
		AttemptsInEngine: true,
		ResetWhileLeased: true,
		VirtualTime:      true,
	}
}

// now is the engine's time in nanoseconds since the Unix epoch.
func (e *Engine) now() int64 { return e.base + int64(e.clock.Now().Sub(e.origin)) }

// Now is the engine's time: the one that leases, due times and stored times go by.
func (e *Engine) Now() time.Time { return time.Unix(0, e.now()) }

// alive refuses when the engine failed or was closed.
func (e *Engine) alive(ctx context.Context) error {
	if f := e.failure.Load(); f != nil {
		return f
	}
	if err := ctx.Err(); err != nil {
		return mq.Doubt(mq.Timeout, err, "the caller's time is over")
	}
	return nil
}

// Failed is closed when the engine stopped by itself, because the disk failed or the engine contradicted itself: every verb is
// refused from then on, and only opening the directory again tells what is really on disk. Failure says why.
func (e *Engine) Failed() <-chan struct{} { return e.failed }

// Failure is why the engine refuses every verb, nil while it does not.
func (e *Engine) Failure() error {
	if f := e.failure.Load(); f != nil {
		return f
	}
	return nil
}

// Close ends every duty, makes all that was appended durable, saves a checkpoint and gives the directory back. It is idempotent
// and waits; ctx bounds the checkpoint only.
func (e *Engine) Close(ctx context.Context) error {
	e.once.Do(func() {
		e.failure.CompareAndSwap(nil, mq.Refuse(mq.Unavailable, "the engine is closed"))
		e.stop()
		e.joined.Wait()
		var err error
		if !e.log.Stats().Failed && ctx.Err() == nil {
			if err = e.log.Flush(ctx); err == nil {
				e.publish()
				err = e.checkpoint(ctx)
			}
		}
		e.closing = errors.Join(err, e.log.Close(), e.index.Close())
	})
	return e.closing
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
