// SPDX-License-Identifier: Apache-2.0

// Package embedded is a durable message engine on one machine's disk.
//
// The simple story: one segment log is the truth. Every verb takes the journal's lock, decides from the state what shall happen,
// appends one record that says so, and answers when the record is on disk. What is in memory is a pure function of the log's
// records (package state), so recovery is reading them again; the index over them is derived and may be deleted at any time.
//
// What must hold, beside what package journal promises:
//   - What a take, an acknowledgement or an extension changes holds for everybody at once, and is answered when durable.
//   - Nobody waits for anything under the journal's lock, and the engine's own fields that it guards are guarded by no other.
//   - No goroutine is held per waiter, lease, scheduled message or transaction: one ticker waits for time.
//
// Lock order: the journal's lock, then the parking lot's, which is never held while somebody is called.
//
// The walk of a message: send.go appends, journal publishes, receive.go grants, ack.go settles. The files that carry the name of a
// verb hold that verb.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/journal"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/park"
	"github.com/causeway-mq/causeway/engine/embedded/record"
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
	// Provisioned refuses calls that name a topic or a group which PutTopic and PutGroup did not make: a call that was let in
	// before a drop can then not bring back what was dropped. Without it the first call makes them from its own values.
	Provisioned bool
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

// Report tells what Open found.
type Report = journal.Report

// Engine is an open engine. All methods are safe for concurrent use.
type Engine struct {
	opts    Options
	clock   clock.Clock
	logger  *slog.Logger
	j       *journal.Journal
	lot     park.Lot
	filters filters
	buffers sync.Pool // of *[]byte, for records that are encoded before the lock is taken

	// Guarded by the journal's lock.
	busy      map[record.Ledger]*claim // ledgers in which a take reads before it grants
	asking    map[log.Position]bool    // halves that a caller of Checks asks about right now
	alarms    park.Alarms              // when to look at ledgers that somebody waits for
	nextStale int64                    // when the ticker looks for transactions that are too old

	nextTick atomic.Int64  // engine time at which the ticker looks next
	changed  chan struct{} // capacity 1: the queues of some topic changed
	toTick   chan struct{} // capacity 1: something is due earlier than the ticker thinks
	caughtUp chan chan struct{}

	stop    context.CancelFunc
	stopped context.Context
	joined  sync.WaitGroup
	once    sync.Once
	closing error
}

// Open opens the engine in its directory, or makes a new one there; see journal.Open for what is refused and repaired.
func Open(ctx context.Context, opts Options) (*Engine, Report, error) {
	e, report, err := restore(ctx, opts)
	if err != nil {
		return nil, report, fmt.Errorf("embedded: %w", err)
	}
	e.j.Start()
	e.joined.Add(1)
	go e.tickLoop()
	if err := e.j.Begin(ctx); err != nil {
		return nil, report, errors.Join(err, e.Close(ctx))
	}
	return e, report, nil
}

// restore makes an engine that knows everything and does nothing yet.
func restore(ctx context.Context, opts Options) (*Engine, Report, error) {
	if err := opts.complete(); err != nil {
		return nil, Report{}, err
	}
	e := &Engine{
		opts: opts, clock: opts.Clock, logger: opts.Logger, busy: map[record.Ledger]*claim{}, asking: map[log.Position]bool{},
		changed: make(chan struct{}, 1), toTick: make(chan struct{}, 1), caughtUp: make(chan chan struct{}),
	}
	e.nextTick.Store(math.MaxInt64)
	e.stopped, e.stop = context.WithCancel(context.Background())
	var report Report
	var err error
	e.j, report, err = journal.Open(ctx, journal.Options{
		FS: opts.FS, Clock: opts.Clock, Logger: opts.Logger, Cluster: opts.Cluster,
		SegmentBytes: opts.SegmentBytes, MaxBytes: opts.MaxBytes, CheckpointBytes: opts.CheckpointBytes,
		Retention: opts.Retention, HalfLife: opts.HalfLife, Policy: opts.policy(),
		Hooks: journal.Hooks{
			Visible: e.arrived,
			Due:     e.tickBy,
			Topics:  func() { signal(e.changed) },
			Expire: func(q record.Queue) {
				e.voidClaimsLocked(func(l record.Ledger) bool { return l.Queue == q })
			},
		},
	})
	return e, report, err
}

// Close ends every duty, makes all that was appended durable, saves a checkpoint, where there is room for one, and gives the directory back. It is idempotent
// and waits; ctx bounds the checkpoint only.
func (e *Engine) Close(ctx context.Context) error {
	e.once.Do(func() {
		e.stop()
		e.joined.Wait()
		e.closing = e.j.Close(ctx)
	})
	return e.closing
}

// Failed is closed when the engine stopped by itself, because the disk failed or the engine contradicted itself: every verb is
// refused from then on, and only opening the directory again tells what is really on disk. Failure says why.
func (e *Engine) Failed() <-chan struct{} { return e.j.Failed() }

// Failure is why the engine refuses every verb, nil while it does not.
func (e *Engine) Failure() error {
	if f := e.j.Failure(); f != nil {
		return f
	}
	return nil
}

// Now is the engine's time: the one that leases, due times and stored times go by.
func (e *Engine) Now() time.Time { return time.Unix(0, e.j.Now()) }

// Dump is the whole state in a canonical form: equal states give equal bytes. It is for tests and for people.
func (e *Engine) Dump() []byte { return e.j.Dump() }

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
		KnowsLeased:      true,
		ListsWaiting:     true,
		TopicRetention:   true,
		TopicDurability:  true,
		VirtualTime:      true,
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
