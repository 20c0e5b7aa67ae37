// SPDX-License-Identifier: Apache-2.0

// Package log is the segment log: one append-only sequence of records in which everything the embedded engine must
// not lose is written down.
//
// The story. Appenders copy their record into a batch in memory and get its position at once. One syncer takes the
// batch, writes it with one call and makes it durable with one fdatasync, tells OnDurable, and then lets the waiters
// go; what arrives meanwhile is the next batch. No timer is involved, so a single writer waits for exactly one sync
// and a thousand writers share one.
//
// What must hold:
//   - A position is given once and for ever, in order; after a crash the log is a prefix of what was appended and
//     contains everything whose Wait returned nil.
//   - Nothing is served that is not durable, and no byte is served whose CRC does not match.
//   - Durable moves only after a successful sync: first OnDurable, then the waiters.
//   - A batch is written only when all before it is durable, and a segment only when the one before it is sealed and
//     durable. Every frame says how far that was (frame.go), which lets recovery tell a torn tail from damage.
//   - A failed write or sync is final. The page cache may have dropped what it could not write, and a second sync
//     that succeeds proves nothing, so nothing is retried: waiters get ErrFailed, the log refuses all further
//     appends, the process opens it again and reads what is there.
//
// The complication is the end of space. The next segment is always prepared before it is needed; when that fails for
// want of space, ordinary records are refused (ErrFull) while half of a segment at least and a small reserve are left for
// control records, with which the engine settles, deletes and so frees space.
//
// Rejected: a sync thread per segment (order between segments would need a second protocol), a timer that collects
// larger batches (latency for nothing: a slow disk collects by itself), writes past the reserved blocks (the file
// size becomes part of each sync), a separate file for the synced mark (a second sync, or a mark nobody can trust).
package log

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
)

// Position is the global logical address of a record in bytes. It grows for ever, survives restarts and is never
// reused for another durable record. The zero Position lies before every record.
type Position int64

// Errors of the log. Match with errors.Is; the wrapping text names file, place and limit.
var (
	// ErrFailed means that a write or sync failed: the outcome of every record that was not durable before is
	// unknown, and the log must be opened again.
	ErrFailed = errors.New("log failed, outcome unknown")
	// ErrFull is a refusal for want of disk space: the record is certainly not stored. It ends by itself.
	ErrFull = errors.New("log is full")
	// ErrClosed means that the log was closed; for an append it is a refusal.
	ErrClosed = errors.New("log is closed")
	// ErrTooLarge refuses a record above Options.MaxRecord.
	ErrTooLarge = errors.New("record too large")
	// ErrNotDurable means that there is no durable record at a position yet.
	ErrNotDurable = errors.New("not durable")
	// ErrGone means that the segment of a position was dropped.
	ErrGone = errors.New("record is gone")
	// ErrDamaged means that the bytes at a position are not what was written; they are never served.
	ErrDamaged = errors.New("record is damaged")
	// ErrForeign refuses a directory that is not a log of this product, or holds files that do not belong there.
	ErrForeign = errors.New("not a log directory")
	// ErrFormat refuses a log of a format version that this program does not know.
	ErrFormat = errors.New("unknown log format")
	// ErrMissing refuses a log of which a file is missing.
	ErrMissing = errors.New("log file is missing")
)

// Options configure a log. FS and Clock are required, all else has defaults. Hooks are called from the log's own
// goroutines: they must be short and must not call methods that wait (Append, Wait, Flush, Close).
type Options struct {
	FS    fsys.FS     // its root is the log's directory
	Clock clock.Clock // for weaker levels, retries after a full disk, dates of segments

	SegmentSize int64 // bytes of a segment file, default 128 MiB
	MaxRecord   int   // bytes of the largest payload, default 8 MiB
	BufferSize  int   // bytes that each of the two batches in memory may grow to, default 8 MiB
	ReserveSize int64 // bytes kept back for control records on a full disk, default SegmentSize/8
	Verify      bool  // read all sealed segments while opening, not only the last

	// OnDurable tells that all records below upTo are durable; in order, before the waiters of those records return.
	OnDurable func(upTo Position)
	// OnSeal tells that a segment is full and durable.
	OnSeal func(Segment)
	// OnFailed tells once why the log failed.
	OnFailed func(error)
	// OnDamage tells of a damaged range that was found after Open, by a Read or a Scan; on the goroutine of the reader.
	OnDamage func(Damage)
	// OnFull tells that ordinary records are refused for want of space, and when that is over.
	OnFull func(full bool)
}

const (
	defaultSegmentSize = 128 << 20
	defaultMaxRecord   = 8 << 20
	defaultBufferSize  = 8 << 20
	minSegmentSize     = 8 << 10
	idleMarkAfter      = 20 * time.Millisecond
	fullRetryEvery     = time.Second
)

func (o *Options) complete() error {
	if o.FS == nil || o.Clock == nil {
		return errors.New("log: options need a file system and a clock")
	}
	if o.SegmentSize == 0 {
		o.SegmentSize = defaultSegmentSize
	}
	o.SegmentSize = o.SegmentSize &^ 4095
	if o.SegmentSize < minSegmentSize {
		return fmt.Errorf("log: segment size below %d bytes", minSegmentSize)
	}
	room := o.SegmentSize - segmentHeader - footerSize - frameHeader
	if o.MaxRecord == 0 {
		o.MaxRecord = int(min(defaultMaxRecord, room))
	}
	if o.MaxRecord < 0 || o.MaxRecord > MaxPayload || int64(o.MaxRecord) > room {
		return fmt.Errorf("log: largest record of %d bytes does not fit a segment of %d or the limit of %d",
			o.MaxRecord, o.SegmentSize, MaxPayload)
	}
	if o.BufferSize == 0 {
		o.BufferSize = defaultBufferSize
	}
	o.BufferSize = max(o.BufferSize, int(frameSize(o.MaxRecord)))
	if o.ReserveSize == 0 {
		o.ReserveSize = o.SegmentSize / 8
	}
	o.ReserveSize = max(o.ReserveSize&^4095, minSegmentSize)
	return nil
}

// Log is an open log. All methods are safe for concurrent use.
type Log struct {
	opts Options
	id   logID
	seed uint32
	lock interface{ Close() error }

	durable atomic.Int64                // Position: everything below is durable
	segs    atomic.Pointer[[]*segment]  // ascending by base; replaced, never changed in place
	damage  atomic.Pointer[[]Damage]    // ascending; ranges that are never served
	chain   uint32                      // crc of the last frame written; only the syncer touches it after Open
	newest  atomic.Pointer[syncerState] // what the syncer is doing, for Stats

	mu       sync.Mutex // guards the fields below
	work     *sync.Cond // the syncer waits here for something to do
	room     *sync.Cond // appenders wait here for room in the batch or for the next segment
	filling  *batch     // takes appends
	flushing *batch     // being written, nil when the syncer is idle
	free     []byte     // the buffer that is in neither of them
	active   *segment   // takes appends
	offset   int64      // where the next frame goes in active
	next     *segment   // prepared, nil until it is
	full     bool       // the next segment or the reserve could not be had for want of space
	reserve  bool       // the reserve file is there
	dip      bool       // a control record waits for the reserve to become a segment
	markable bool       // the log was idle long enough to write a mark
	failure  error      // why the log failed, nil while it works
	closing  bool

	prepare  chan struct{} // capacity 1: wakes the preparer
	stop     chan struct{} // closed by Close
	idle     clock.Timer   // fires when the log has been idle for a while
	lazy     clock.Timer   // fires when a record of a weaker level is due
	retry    clock.Timer   // fires when a full disk may have space again
	joined   sync.WaitGroup
	closeErr error
	once     sync.Once
	drops    sync.Mutex // serialises Drop, guards low
	low      fsys.File  // the identity file
}

// syncerState is kept for Stats.
type syncerState struct {
	batches, records, bytes uint64
}

// Stats are counters since the log was opened.
type Stats struct {
	Batches uint64 // syncs that carried records
	Records uint64 // records made durable
	Bytes   uint64 // bytes of frames made durable
	Full    bool   // ordinary records are refused for want of space
	Failed  bool   // the log failed and must be opened again
}

// Stats returns the counters.
func (l *Log) Stats() Stats {
	st := l.newest.Load()
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{Batches: st.batches, Records: st.records, Bytes: st.bytes, Full: l.full, Failed: l.failure != nil}
}

// Durable returns the position below which every record is durable and can be read.
func (l *Log) Durable() Position { return Position(l.durable.Load()) }

// Close makes all appended records durable, writes a last mark, stops the log's goroutines and gives the lock back.
// It returns why records could not be made durable. Later calls return the same.
func (l *Log) Close() error {
	l.once.Do(func() {
		l.mu.Lock()
		l.closing = true
		l.work.Broadcast()
		l.room.Broadcast()
		l.mu.Unlock()
		close(l.stop)
		l.joined.Wait()
		l.idle.Stop()
		l.lazy.Stop()
		l.retry.Stop()
		l.mu.Lock()
		err, next := l.failure, l.next
		l.mu.Unlock()
		l.drops.Lock()
		defer l.drops.Unlock()
		if err == nil {
			err = l.writeIdentityHeld((*l.segs.Load())[0].base)
		}
		for _, s := range *l.segs.Load() {
			err = errors.Join(err, s.file.Close())
		}
		if next != nil {
			err = errors.Join(err, next.file.Close())
		}
		l.closeErr = errors.Join(err, l.low.Close(), l.lock.Close())
	})
	return l.closeErr
}
