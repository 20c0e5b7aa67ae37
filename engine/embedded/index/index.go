// SPDX-License-Identifier: Apache-2.0

// Package index keeps what can be derived from the segment log, so that it need not be derived again.
//
// The index says where each message of a queue lies, which records carry a key, and up to which position a saved
// state reaches. All of it follows from the log's records alone: whatever is missing, torn or foreign in its
// directory is thrown away and rebuilt by reading the log, never trusted.
//
// What must hold:
//   - A segment of the log is indexed in memory until it is sealed and Install wrote its sidecar file; from then on
//     memory holds only runs: (queue, first offset, count, where in the sidecar).
//   - A queue's runs are disjoint and ascending. Where two segments hold the same offset (a message that retention
//     carried), the newer segment wins; within a segment the later record wins. So the runs do not depend on the
//     order in which segments were read, only on what they hold.
//   - Segments are dropped oldest first, after what lives in them was carried: a dropped newer copy would uncover an
//     older one.
//   - A sidecar is bound to base, end, size and date of its segment; its front is verified while opening, each page
//     again whenever it is read. A page that fails the check gives ErrDamaged, not data: Rebuild replaces the file.
//
// Locks: one mutex guards the structures in memory and is never held across file access. A reader takes references
// to the sidecars it needs under the mutex and reads them after; Drop closes a file with its last reader.
package index

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
)

// Queue is the engine's own number of one queue of one topic. It is never used again for another queue.
type Queue uint32

// Entry says where one message lies.
type Entry struct {
	Offset   mq.Offset
	Position log.Position
	Stored   int64  // nanoseconds since the Unix epoch
	Size     uint32 // bytes of the record's payload
	Tag      uint32 // hash of the tag, 0 for none; the caller chooses the hash
}

// Errors of the index. Match with errors.Is.
var (
	// ErrDamaged means that a sidecar does not hold what was written; Rebuild makes a new one.
	ErrDamaged = errors.New("index is damaged")
	// ErrUnknown means that there is no such segment.
	ErrUnknown = errors.New("no such segment")
	// ErrRange refuses an entry that no log of this product can give.
	ErrRange = errors.New("out of range")
	// ErrLate refuses an entry that comes after Install of its segment and is not in the sidecar: a mistake of the
	// caller that would otherwise lose a message.
	ErrLate = errors.New("segment was installed before")
	// ErrClosed means that the index was closed.
	ErrClosed = errors.New("index is closed")
)

// DamagedError says which segment's sidecar must be rebuilt. It matches ErrDamaged.
type DamagedError struct {
	Base log.Position // of the segment
	File string
	Why  string
}

// Error names file and reason.
func (e *DamagedError) Error() string { return fmt.Sprintf("index: %s: %s", e.File, e.Why) }

// Is makes the error match ErrDamaged.
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

// Index is the index of one log. Its methods are safe for concurrent use.
type Index struct {
	fs        fsys.FS
	scratches sync.Pool // of *scratch

	mu       sync.RWMutex // guards the fields below and everything that hangs on them
	segments []*segment   // ascending by base; the last takes what is appended now
	queues   map[Queue]*queue
	closed   bool
}

// segment is one segment of the log as the index sees it: in memory, in a sidecar, or both while it is rebuilt.
type segment struct {
	base, end log.Position // end is 0 until the segment is sealed
	info      log.Segment  // valid once sealed
	mem       *memory      // nil when the sidecar answers
	side      *sidecar     // nil while there is no sidecar
	queues    []Queue      // of the sidecar, ascending
	rebuilt   *memory      // collects entries again while a damaged sidecar still answers
	frozen    bool         // Install began: mem does not change any more
}

// queue is one queue's runs over all segments.
type queue struct {
	runs runs
	end  mq.Offset // one past the highest offset ever seen
}

// newer orders two copies of one offset.
func (s *segment) newer(o *segment) bool { return s.base > o.base }

// Add indexes one durable message. Positions come in ascending order, except while segments are read again. What lies
// in a segment that a valid sidecar covers is ignored, and the same item may be added twice: replay needs no care.
func (x *Index) Add(q Queue, e Entry, keys ...uint64) error {
	if e.Offset < 0 || e.Position <= 0 {
		return fmt.Errorf("index: queue %d offset %d at position %d: %w", q, e.Offset, e.Position, ErrRange)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s, m, err := x.collectorLocked(e.Position)
	if err != nil {
		return err
	}
	if m == nil {
		return x.coveredLocked(s, q, e)
	}
	at := m.add(q, e)
	m.mark(e.Position, e.Stored, keys)
	if m == s.mem {
		x.queueLocked(q).add(run{first: e.Offset, count: 1, at: at, src: s})
	}
	return nil
}

// Mark makes a durable record that is no message of a queue findable by its keys: a half, a scheduled message, a
// verdict. stored is in nanoseconds since the Unix epoch. As for Add, repeats do no harm.
func (x *Index) Mark(pos log.Position, stored int64, keys ...uint64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, m, err := x.collectorLocked(pos)
	if m != nil {
		m.mark(pos, stored, keys)
	}
	return err
}

// collectorLocked finds the segment of a position and the memory that takes its entries, nil if it has them all.
func (x *Index) collectorLocked(pos log.Position) (*segment, *memory, error) {
	if x.closed {
		return nil, nil, ErrClosed
	}
	s := x.segments[len(x.segments)-1]
	if pos < s.base {
		i := sort.Search(len(x.segments), func(i int) bool { return x.segments[i].base > pos }) - 1
		if i < 0 {
			return nil, nil, fmt.Errorf("index: position %d, the index begins at %d: %w", pos, x.segments[0].base, ErrUnknown)
		}
		s = x.segments[i]
	}
	switch {
	case s.end > 0 && pos >= s.end:
		return nil, nil, fmt.Errorf("index: position %d, its segment ends at %d: %w", pos, s.end, ErrRange)
	case s.rebuilt != nil:
		return s, s.rebuilt, nil
	case s.frozen:
		return s, nil, nil
	}
	return s, s.mem, nil
}

// coveredLocked refuses an entry that a complete segment does not have.
func (x *Index) coveredLocked(s *segment, q Queue, e Entry) error {
	if s.mem != nil && s.mem.has(q, e.Offset) {
		return nil
	}
	if _, found := slices.BinarySearch(s.queues, q); found && s.mem == nil {
		st := x.queues[q]
		if st == nil {
			return nil // forgotten
		}
		if i := st.runs.from(e.Offset); i < len(st.runs) && st.runs[i].first <= e.Offset && !s.newer(st.runs[i].src) {
			return nil
		}
	}
	return fmt.Errorf("index: queue %d offset %d at position %d: %w", q, e.Offset, e.Position, ErrLate)
}

func (x *Index) queueLocked(q Queue) *queue {
	st := x.queues[q]
	if st == nil {
		st = &queue{}
		x.queues[q] = st
	}
	return st
}

func (q *queue) add(r run) {
	q.end = max(q.end, r.end())
	q.runs.insert(r)
}

// Bounds are a queue's first indexed offset and one past the last that was ever seen; equal when nothing is kept.
func (x *Index) Bounds(q Queue) (lo, hi mq.Offset) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	st := x.queues[q]
	if st == nil {
		return 0, 0
	}
	if len(st.runs) == 0 {
		return st.end, st.end
	}
	return st.runs[0].first, st.end
}

// RaiseEnd makes hi at least end: a queue's end outlives its last message.
func (x *Index) RaiseEnd(q Queue, end mq.Offset) {
	x.mu.Lock()
	defer x.mu.Unlock()
	st := x.queueLocked(q)
	st.end = max(st.end, end)
}

// Queues lists all queues that have or had messages, ascending.
func (x *Index) Queues() []Queue {
	x.mu.RLock()
	defer x.mu.RUnlock()
	list := make([]Queue, 0, len(x.queues))
	for q := range x.queues {
		list = append(list, q)
	}
	slices.Sort(list)
	return list
}

// Forget removes a queue of a dropped topic from memory. Its entries go from disk with their segments, and until then
// a later Open brings them back: who opens forgets again what it does not know.
func (x *Index) Forget(q Queue) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.queues, q)
}
