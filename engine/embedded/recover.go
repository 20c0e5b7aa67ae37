// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/index"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/state"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
)

// Recovery reads the log once, from the earlier of two places: where the newest good checkpoint stands, and where the first
// segment begins that has no index. What lies behind the checkpoint changes the state, what lies in segments without index
// is indexed. Without any checkpoint and without any index both begin at the front, and the result is the same.

// Report tells what Open found.
type Report struct {
	Log        log.Recovery
	Checkpoint log.Position  // where the state came from, 0 = from the log's beginning
	Replayed   int           // records that changed the state
	Indexed    int           // records that were indexed again
	Orphans    int           // records about what damage took away; they are without effect
	Took       time.Duration // by the engine's clock
	ClockAhead time.Duration // how far the newest record lies ahead of this machine's clock, 0 when it does not
	Notes      []string      // what was passed over or repaired, in words
}

// Open opens the engine in its directory, or makes a new one there. A directory that somebody else has open, that is none of
// this product or that lacks a file is refused. What a crash left half done is finished or undone before Open returns.
func Open(ctx context.Context, opts Options) (*Engine, Report, error) {
	e, report, err := restore(ctx, opts)
	if err != nil {
		return nil, report, err
	}
	e.start()
	if err := e.begin(ctx); err != nil {
		return nil, report, errors.Join(err, e.Close(ctx))
	}
	report.Took = e.clock.Now().Sub(e.origin)
	return e, report, nil
}

// restore makes an engine that knows everything and does nothing yet.
func restore(ctx context.Context, opts Options) (*Engine, Report, error) {
	var report Report
	if err := opts.complete(); err != nil {
		return nil, report, err
	}
	e := &Engine{
		opts: opts, clock: opts.Clock, journal: opts.Logger, files: fsys.Sub(opts.FS, indexDir),
		st: state.New(opts.policy()), busy: map[record.Ledger]*claim{}, recent: map[log.Position]settled{},
		asking: map[log.Position]bool{}, damaged: map[log.Position]bool{}, postponed: map[log.Position]int64{},
		changed: make(chan struct{}, 1), toPublish: make(chan struct{}, 1), toTick: make(chan struct{}, 1),
		toKeep: make(chan struct{}, 1), caughtUp: make(chan chan struct{}), failed: make(chan struct{}),
	}
	e.origin = e.clock.Now()
	e.base = e.origin.UnixNano()
	e.nextTick.Store(math.MaxInt64)
	e.stopped, e.stop = context.WithCancel(context.Background())
	if err := makeDirs(opts.FS); err != nil {
		return nil, report, err
	}
	l, found, err := log.Open(e.logOptions())
	report.Log = found
	if err != nil {
		return nil, report, fmt.Errorf("embedded: %w", err)
	}
	e.log = l
	if err := e.recover(ctx, &report); err != nil {
		return nil, report, errors.Join(fmt.Errorf("embedded: %w", err), e.log.Close(), e.closeIndex())
	}
	return e, report, nil
}

func (e *Engine) closeIndex() error {
	if e.index == nil {
		return nil
	}
	return e.index.Close()
}

func makeDirs(root fsys.FS) error {
	for _, dir := range []string{logDir, indexDir} {
		if err := root.MkdirAll(dir); err != nil {
			return fmt.Errorf("embedded: make directory %s: %w", dir, err)
		}
	}
	if err := root.SyncDir("."); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	return nil
}

func (e *Engine) logOptions() log.Options {
	return log.Options{
		FS: fsys.Sub(e.opts.FS, logDir), Clock: e.clock, SegmentSize: e.opts.SegmentBytes,
		OnDurable: func(log.Position) { signal(e.toPublish) },
		OnSeal: func(s log.Segment) {
			_ = e.index.Seal(s) // a segment that the index does not know is found again by the next Open
			signal(e.toKeep)
		},
		OnFailed: func(err error) {
			e.fail(mq.Refuse(mq.Unavailable, "the disk failed; the engine must be opened again: %v", err))
		},
		OnDamage: func(d log.Damage) {
			e.journal.Error("a range of the log is damaged and is not served", "where", d.String())
		},
		OnFull: func(full bool) {
			e.full.Store(full)
			signal(e.toKeep)
		},
	}
}

// recover rebuilds state and index.
func (e *Engine) recover(ctx context.Context, report *Report) error {
	segments := e.log.Segments()
	end := e.log.Durable()
	if err := index.DropCheckpoints(e.files, end); err != nil {
		report.Notes = append(report.Notes, err.Error())
	}
	from, refused := index.LoadCheckpoint(e.files, e.log.ID(), func(at log.Position, r io.Reader) error {
		if at > end || len(segments) > 0 && at < segments[0].Base {
			return fmt.Errorf("the log reaches from %d to %d", segments[0].Base, end)
		}
		saved, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		st, err := state.Restore(saved, e.opts.policy())
		if err == nil {
			e.st = st
		}
		return err
	})
	for _, err := range refused {
		report.Notes = append(report.Notes, err.Error())
	}
	report.Checkpoint = from
	x, missing, err := index.Open(index.Options{FS: e.files, Segments: segments})
	if err != nil {
		return err
	}
	e.index = x
	if err := e.replay(ctx, from, missing, report); err != nil {
		return err
	}
	if !e.st.Whole() && report.Replayed > 0 && len(e.log.Damage()) == 0 {
		return fmt.Errorf("the log begins at %d and holds no full state behind it: %w", segments[0].Base, log.ErrMissing)
	}
	for _, s := range e.index.Pending() {
		e.install(s, report)
	}
	e.settleIn(report)
	return nil
}

// install writes the index file of a segment that was read through. Without it the entries stay in memory.
func (e *Engine) install(s log.Segment, report *Report) {
	if err := e.index.Install(s.Base); err != nil {
		report.Notes = append(report.Notes, err.Error())
	}
}

// replay reads the log from the first position that state or index need.
func (e *Engine) replay(ctx context.Context, from log.Position, missing []log.Segment, report *Report) error {
	first := max(from-behindStart, 0)
	e.last = first
	if len(missing) > 0 {
		first = min(first, missing[0].Base)
	}
	return e.log.Scan(first, func(pos log.Position, payload []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		for len(missing) > 0 && missing[0].Sealed && pos >= missing[0].End {
			e.install(missing[0], report) // now, or a log without any index would not fit into memory
			missing = missing[1:]
		}
		applies, indexes := pos >= from, within(missing, pos)
		e.last = max(e.last, pos)
		if !applies && !indexes {
			return nil
		}
		if applies {
			report.Replayed++
		}
		if indexes {
			report.Indexed++
		}
		err := record.Each(payload, func(p record.Part) error {
			if applies {
				if err := e.st.Apply(pos, p); errors.Is(err, state.ErrMissing) {
					report.Orphans++
				} else if err != nil {
					return err
				}
			}
			if indexes {
				return e.indexPart(pos, len(payload), p)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("record at %d: %w", pos, err)
		}
		return nil
	})
}

// within tells whether a position lies in one of the segments, which ascend.
func within(segments []log.Segment, pos log.Position) bool {
	for i := len(segments) - 1; i >= 0; i-- {
		if s := segments[i]; pos >= s.Base {
			return pos < s.Base+log.Position(s.Bytes)
		}
	}
	return false
}

// indexPart indexes what a part of a durable record makes findable.
func (e *Engine) indexPart(pos log.Position, size int, p record.Part) error {
	switch p := p.(type) {
	case record.Message:
		entry, keys := entryOf(pos, size, p)
		return e.index.Add(number(p.Queue), entry, keys...)
	case record.Scheduled:
		return e.index.Mark(pos, p.At, keysOf(p.Topic, p.Raw)...)
	case record.Half:
		return e.index.Mark(pos, p.At, keysOf(p.Topic, p.Raw)...)
	case record.Verdict:
		return e.index.Mark(pos, p.At, verdictKey(p.ID))
	}
	return nil
}

// settleIn sets what is not in records: what is visible, and the time.
func (e *Engine) settleIn(report *Report) {
	for _, t := range e.st.Topics {
		for i := range t.Queues {
			t.Queues[i].Visible = t.Queues[i].Next
			e.index.RaiseEnd(number(record.Queue{Topic: t.ID, Queue: mq.QueueID(i)}), mq.Offset(t.Queues[i].Next))
		}
	}
	for _, q := range e.index.Queues() {
		id := record.TopicID(q / mq.MaxQueues)
		if e.st.Topics[id] == nil {
			e.index.Forget(q)
		}
	}
	if ahead := e.st.LastTime - e.base; ahead > 0 {
		e.base = e.st.LastTime
		report.ClockAhead = time.Duration(ahead)
	}
	e.published.Store(int64(e.log.Durable()))
	e.appended.Store(int64(e.log.Durable()))
	e.checkpointed = report.Checkpoint
	e.oldest.Store(int64(e.log.Segments()[0].Base))
}

// start runs the duties.
func (e *Engine) start() {
	e.joined.Add(3)
	go e.publishLoop()
	go e.tickLoop()
	go e.keepLoop()
}

// begin writes the first record of a new log.
func (e *Engine) begin(ctx context.Context) error {
	e.mu.Lock()
	if e.st.Whole() {
		e.mu.Unlock()
		return nil
	}
	pos, err := e.appendLocked(true, record.Genesis{Cluster: e.opts.Cluster.String(), At: e.now()})
	e.mu.Unlock()
	if err != nil {
		return err
	}
	return e.wait(ctx, pos)
}

// behindStart is how far behind the start of the last record in it a checkpoint stands: inside that record, so that a scan can
// begin at its start, which is known, and pass it over.
const behindStart = 8

// checkpoint saves the state. All that it holds is durable first.
func (e *Engine) checkpoint(ctx context.Context) error {
	e.mu.Lock()
	saved := e.st.Snapshot()
	last := e.last
	e.mu.Unlock()
	at := last + behindStart
	if last == 0 || at <= e.checkpointed {
		return nil
	}
	if err := e.log.Wait(ctx, last); err != nil {
		return err
	}
	err := index.Checkpoint{At: at, Log: e.log.ID()}.Save(e.files, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(saved))
		return err
	})
	if err == nil {
		e.checkpointed = at
	}
	return err
}

// Dump is the whole state in a canonical form: equal states give equal bytes. It is for tests and for people.
func (e *Engine) Dump() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.st.Snapshot()
}
