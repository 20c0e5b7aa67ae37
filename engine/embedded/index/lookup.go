// SPDX-License-Identifier: Apache-2.0

package index

import (
	"slices"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/mq"
)

const keptScratch = 64 << 10 // bytes

// piece is a part of an answer that lies in a sidecar.
type piece struct {
	side  *sidecar
	at    uint32
	first mq.Offset
	dst   int // where it belongs in the answer
	count int
}

// Range appends to dst the entries of a queue from an offset on, ascending, at most limit. Offsets that retention took
// are passed over; fewer than limit means that the queue ends there. It may read sidecars: not for use under a lock.
func (x *Index) Range(q Queue, from mq.Offset, limit int, dst []Entry) ([]Entry, error) {
	start := len(dst)
	x.mu.RLock()
	if x.closed {
		x.mu.RUnlock()
		return dst, ErrClosed
	}
	dst, pieces := x.collectLocked(q, from, limit, dst)
	x.mu.RUnlock()
	if len(pieces) == 0 {
		return dst, nil
	}
	sc := x.scratches.Get().(*scratch)
	defer x.giveBack(sc)
	var err error
	for _, p := range pieces {
		if err == nil {
			err = p.side.list(dst[p.dst:p.dst+p.count], p.at, p.first, sc)
		}
		p.side.release()
	}
	if err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// giveBack keeps room for ordinary reads; what one long read needed goes to the garbage collector.
func (x *Index) giveBack(sc *scratch) {
	if cap(sc.raw) <= keptScratch && cap(sc.data) <= keptScratch {
		x.scratches.Put(sc)
	}
}

// collectLocked copies what is in memory and leaves room for what is in sidecars, each of which it acquires.
func (x *Index) collectLocked(q Queue, from mq.Offset, limit int, dst []Entry) ([]Entry, []piece) {
	st := x.queues[q]
	if st == nil {
		return dst, nil
	}
	var pieces []piece
	for i := st.runs.from(from); i < len(st.runs) && limit > 0; i++ {
		r := st.runs[i]
		if r.first < from {
			r = r.tail(from)
		}
		n := min(int(r.count), limit)
		limit -= n
		if m := r.src.mem; m != nil {
			dst = append(dst, m.queues[q].entries[r.at:int(r.at)+n]...)
			continue
		}
		r.src.side.acquire()
		pieces = append(pieces, piece{side: r.src.side, at: r.at, first: r.first, dst: len(dst), count: n})
		dst = slices.Grow(dst, n)[:len(dst)+n]
	}
	return dst, pieces
}

// Get finds the entry of one offset. It may read a sidecar.
func (x *Index) Get(q Queue, o mq.Offset) (Entry, bool, error) {
	list, err := x.Range(q, o, 1, make([]Entry, 0, 1))
	if err != nil || len(list) == 0 || list[0].Offset != o {
		return Entry{}, false, err
	}
	return list[0], true, nil
}

// FirstAt finds the first offset whose message was stored at or after a time, in nanoseconds since the Unix epoch;
// the queue's end if there is none. It relies on stored times that never fall within a queue, and may read sidecars.
func (x *Index) FirstAt(q Queue, stored int64) (mq.Offset, error) {
	lo, hi := x.Bounds(q)
	one := make([]Entry, 0, 1)
	for lo < hi {
		mid := lo + (hi-lo)/2
		list, err := x.Range(q, mid, 1, one)
		if err != nil {
			return 0, err
		}
		if len(list) == 0 || list[0].Stored >= stored {
			hi = mid
		} else {
			lo = list[0].Offset + 1
		}
	}
	// lo may stand in a gap: the first kept message at or after it is meant.
	list, err := x.Range(q, lo, 1, one)
	if err != nil || len(list) == 0 {
		return lo, err
	}
	return list[0].Offset, nil
}

// Search is a look-up by key. Zero fields do not restrict.
type Search struct {
	Hash     uint64       // as given to Add or Mark
	From, To int64        // only segments with a record stored in [From, To), nanoseconds since the Unix epoch; To 0 = open
	Before   log.Position // only records before this one: the last position of the page before
	Limit    int          // of positions
}

// Find appends to dst the positions of records that were added with the hash, newest first. A hash may be shared, a
// record may lie outside the time window, and a carried message has several records: the caller reads each record and
// decides. It may read sidecars.
func (x *Index) Find(f Search, dst []log.Position) ([]log.Position, error) {
	limit := len(dst) + f.Limit
	hash := mix(f.Hash)
	if f.Before == 0 {
		f.Before = maxPosition
	}
	sources, err := x.sourcesOf(hash, f)
	sc := x.scratches.Get().(*scratch)
	defer x.giveBack(sc)
	for _, src := range sources {
		if src.side == nil {
			dst = append(dst, src.found...)
			continue
		}
		if err == nil && len(dst) < limit {
			dst, err = src.side.find(hash, f.Before, dst, sc)
		}
		src.side.release()
	}
	if err != nil {
		return dst[:limit-f.Limit], err
	}
	return dst[:min(len(dst), limit)], nil
}

const maxPosition = log.Position(1<<63 - 1)

// source is what one segment has to say: an answer from memory, or a sidecar to ask.
type source struct {
	found []log.Position
	side  *sidecar
}

func (x *Index) sourcesOf(hash uint64, f Search) ([]source, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.closed {
		return nil, ErrClosed
	}
	var list []source
	for i := len(x.segments) - 1; i >= 0; i-- {
		s := x.segments[i]
		if s.base >= f.Before {
			continue
		}
		if m := s.mem; m != nil {
			if within(m.oldest, m.newest, f) {
				list = append(list, source{found: m.keys.find(hash, f.Before, nil)})
			}
		} else if s.side != nil && within(s.side.oldest, s.side.newest, f) {
			s.side.acquire()
			list = append(list, source{side: s.side})
		}
	}
	return list, nil
}

func within(oldest, newest int64, f Search) bool {
	return newest >= f.From && (f.To == 0 || oldest < f.To)
}
