// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// Open reads the journal in its directory, or makes a new one there. A directory that somebody else has open, that is none of
// this product or that lacks a file is refused. What a crash left half done is finished or undone before Open returns. The
// journal then knows everything and does nothing until Begin and Start.
func Open(ctx context.Context, opts Options) (*Journal, Report, error) {
	var report Report
	j := &Journal{
		opts: opts, files: fsys.Sub(opts.FS, indexDir), st: state.New(opts.Policy),
		recent: map[log.Position]Ended{}, damaged: map[log.Position]bool{}, postponed: map[log.Position]int64{},
		toPublish: make(chan struct{}, 1), toKeep: make(chan struct{}, 1), failed: make(chan struct{}),
	}
	j.origin = opts.Clock.Now()
	j.base = j.origin.UnixNano()
	j.stopped, j.stop = context.WithCancel(context.Background())
	if err := makeDirs(opts.FS); err != nil {
		return nil, report, err
	}
	l, found, err := log.Open(j.logOptions())
	report.Log = found
	if err != nil {
		return nil, report, fmt.Errorf("journal: %w", err)
	}
	j.log = l
	if err := j.recover(ctx, &report); err != nil {
		return nil, report, errors.Join(fmt.Errorf("journal: %w", err), j.log.Close(), j.closeIndex())
	}
	report.Took = opts.Clock.Now().Sub(j.origin)
	return j, report, nil
}

func (j *Journal) closeIndex() error {
	if j.index == nil {
		return nil
	}
	return j.index.Close()
}

func makeDirs(root fsys.FS) error {
	for _, dir := range []string{logDir, indexDir} {
		if err := root.MkdirAll(dir); err != nil {
			return fmt.Errorf("journal: make directory %s: %w", dir, err)
		}
	}
	if err := root.SyncDir("."); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

func (j *Journal) logOptions() log.Options {
	return log.Options{
		FS: fsys.Sub(j.opts.FS, logDir), Clock: j.opts.Clock, SegmentSize: j.opts.SegmentBytes,
		OnDurable: func(log.Position) { signal(j.toPublish) },
		OnSeal: func(s log.Segment) {
			_ = j.index.Seal(s) // a segment that the index does not know is found again by the next Open
			signal(j.toKeep)
		},
		OnFailed: func(err error) {
			j.Fail(mq.Refuse(mq.Unavailable, "the disk failed; the engine must be opened again: %v", err))
		},
		OnDamage: func(d log.Damage) {
			j.opts.Logger.Error("a range of the log is damaged and is not served", "where", d.String())
		},
		OnFull: func(full bool) {
			j.full.Store(full)
			signal(j.toKeep)
		},
	}
}

// recover rebuilds state and index.
func (j *Journal) recover(ctx context.Context, report *Report) error {
	segments := j.log.Segments()
	end := j.log.Durable()
	if err := index.DropCheckpoints(j.files, end); err != nil {
		report.Notes = append(report.Notes, err.Error())
	}
	from, refused := index.LoadCheckpoint(j.files, j.log.ID(), func(at log.Position, r io.Reader) error {
		if at > end || len(segments) > 0 && at < segments[0].Base {
			return fmt.Errorf("the log reaches from %d to %d", segments[0].Base, end)
		}
		saved, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		st, err := state.Restore(saved, j.opts.Policy)
		if err == nil {
			j.st = st
		}
		return err
	})
	for _, err := range refused {
		report.Notes = append(report.Notes, err.Error())
	}
	report.Checkpoint = from
	x, missing, err := index.Open(index.Options{FS: j.files, Segments: segments})
	if err != nil {
		return err
	}
	j.index = x
	if err := j.replay(ctx, from, missing, report); err != nil {
		return err
	}
	if !j.st.Whole() && report.Replayed > 0 && len(j.log.Damage()) == 0 {
		return fmt.Errorf("the log begins at %d and holds no full state behind it: %w", segments[0].Base, log.ErrMissing)
	}
	for _, s := range j.index.Pending() {
		j.install(s, report)
	}
	j.settleIn(report)
	return nil
}

// install writes the index file of a segment that was read through. Without it the entries stay in memory.
func (j *Journal) install(s log.Segment, report *Report) {
	if err := j.index.Install(s.Base); err != nil {
		report.Notes = append(report.Notes, err.Error())
	}
}

// replay reads the log from the first position that state or index need.
func (j *Journal) replay(ctx context.Context, from log.Position, missing []log.Segment, report *Report) error {
	first := max(from-behindStart, 0)
	j.last = first
	if len(missing) > 0 {
		first = min(first, missing[0].Base)
	}
	return j.log.Scan(first, func(pos log.Position, payload []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		for len(missing) > 0 && missing[0].Sealed && pos >= missing[0].End {
			j.install(missing[0], report) // now, or a log without any index would not fit into memory
			missing = missing[1:]
		}
		applies, indexes := pos >= from, within(missing, pos)
		j.last = max(j.last, pos)
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
				if err := j.st.Apply(pos, p); errors.Is(err, state.ErrMissing) {
					report.Orphans++
				} else if err != nil {
					return err
				}
			}
			if indexes {
				return j.indexPart(pos, len(payload), p)
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
func (j *Journal) indexPart(pos log.Position, size int, p record.Part) error {
	switch p := p.(type) {
	case record.Message:
		entry, keys := entryOf(pos, size, p)
		return j.index.Add(Number(p.Queue), entry, keys...)
	case record.Scheduled:
		return j.index.Mark(pos, p.At, keysOf(p.Topic, p.Raw)...)
	case record.Half:
		return j.index.Mark(pos, p.At, keysOf(p.Topic, p.Raw)...)
	case record.Verdict:
		return j.index.Mark(pos, p.At, VerdictKey(p.ID))
	}
	return nil
}

// settleIn sets what is not in records: what is visible, and the time.
func (j *Journal) settleIn(report *Report) {
	for _, t := range j.st.Topics {
		for i := range t.Queues {
			t.Queues[i].Visible = t.Queues[i].Next
			j.index.RaiseEnd(Number(record.Queue{Topic: t.ID, Queue: mq.QueueID(i)}), mq.Offset(t.Queues[i].Next))
		}
	}
	for _, q := range j.index.Queues() {
		id := record.TopicID(q / mq.MaxQueues)
		if j.st.Topics[id] == nil {
			j.index.Forget(q)
		}
	}
	if ahead := j.st.LastTime - j.base; ahead > 0 {
		j.base = j.st.LastTime
		report.ClockAhead = time.Duration(ahead)
	}
	j.published.Store(int64(j.log.Durable()))
	j.appended.Store(int64(j.log.Durable()))
	j.checkpointed = report.Checkpoint
	j.oldest.Store(int64(j.log.Segments()[0].Base))
}

// Begin writes the first record of a new log.
func (j *Journal) Begin(ctx context.Context) error {
	j.mu.Lock()
	if j.st.Whole() {
		j.mu.Unlock()
		return nil
	}
	pos, err := j.Append(true, record.Genesis{Cluster: j.opts.Cluster.String(), At: j.Now()})
	j.mu.Unlock()
	if err != nil {
		return err
	}
	return j.Wait(ctx, pos)
}

// Start runs the duties until Close: publishing for those who do not wait, and keeping.
func (j *Journal) Start() {
	j.joined.Add(2)
	go j.publishLoop()
	go j.keepLoop()
}

// behindStart is how far behind the start of the last record in it a checkpoint stands: inside that record, so that a scan can
// begin at its start, which is known, and pass it over.
const behindStart = 8

// checkpoint saves the state. All that it holds is durable first.
func (j *Journal) checkpoint(ctx context.Context) error {
	j.mu.Lock()
	saved := j.st.Snapshot()
	last := j.last
	j.mu.Unlock()
	at := last + behindStart
	if last == 0 || at <= j.checkpointed {
		return nil
	}
	if err := j.log.Wait(ctx, last); err != nil {
		return err
	}
	err := index.Checkpoint{At: at, Log: j.log.ID()}.Save(j.files, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(saved))
		return err
	})
	if err == nil {
		j.checkpointed = at
	}
	return err
}

// Dump is the whole state in a canonical form: equal states give equal bytes.
func (j *Journal) Dump() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.st.Snapshot()
}
