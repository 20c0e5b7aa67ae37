// SPDX-License-Identifier: Apache-2.0

package trail

import (
	"math"
	"time"
	"unsafe"

	"github.com/causeway-mq/causeway/mq"
)

// record is one event. It has no pointer, so that the garbage collector never looks through the records.
type record struct {
	id      key
	at      int64  // microseconds since 1970
	place   uint64 // offset plus one, and queue
	until   uint32 // milliseconds after at; 0: none
	took    uint32 // microseconds
	scope   scopeRef
	attempt uint16
	kind    uint8 // with the flags below
	result  uint8 // mq.Kind
}

const (
	recordBytes = int64(unsafe.Sizeof(record{}))
	unknownFlag = 1 << 7
	byCheckFlag = 1 << 6
	kindMask    = byCheckFlag - 1
	queueBits   = 16
	maxOffset   = 1<<(64-queueBits) - 2
)

// pack rounds what does not fit to the nearest that does.
func pack(id key, e *Event) record {
	r := record{
		id: id, at: e.At.UnixMicro(), place: uint64(min(max(int64(e.Offset), -1), maxOffset)+1)<<queueBits | uint64(clamp[uint16](int64(e.Queue), math.MaxUint16)),
		took: clamp[uint32](e.Took.Microseconds(), math.MaxUint32), attempt: clamp[uint16](int64(e.Attempt), math.MaxUint16), kind: uint8(e.Kind), result: uint8(e.Result),
	}
	if !e.Until.IsZero() {
		r.until = max(1, clamp[uint32](e.Until.Sub(e.At).Milliseconds(), math.MaxUint32))
	}
	if e.Unknown {
		r.kind |= unknownFlag
	}
	if e.ByCheck {
		r.kind |= byCheckFlag
	}
	return r
}

func clamp[N uint16 | uint32](n, most int64) N { return N(min(max(n, 0), most)) }

func (r *record) event() Event {
	e := Event{
		Kind: Kind(r.kind & kindMask), At: micros(r.at), Took: time.Duration(r.took) * time.Microsecond, Queue: mq.QueueID(r.place & (1<<queueBits - 1)),
		Offset: mq.Offset(r.place>>queueBits) - 1, Attempt: int(r.attempt), ByCheck: r.kind&byCheckFlag != 0, Unknown: r.kind&unknownFlag != 0, Result: mq.Kind(r.result),
	}
	if r.until != 0 {
		e.Until = e.At.Add(time.Duration(r.until) * time.Millisecond)
	}
	return e
}

// chunkBytes bounds a chunk, which is what goes at a time, and what a reader looks through while those who note wait.
const chunkBytes = 128 << 10

type chunk struct {
	number  uint64 // of its ring
	last    int64  // microseconds since 1970: when the last event was over
	records []record
}

// ring is chunks in the order in which they were begun. They are made when they are needed; when there are as many as may be, the oldest is filled anew.
type ring struct {
	chunks []chunk // the one of a number stands at the rest of the division by limit
	limit  uint64
	each   int    // records of a chunk
	next   uint64 // number of the next chunk
	whole  int64  // microseconds since 1970: what came later is all here
}

// init makes a ring of at least eight chunks.
func (r *ring) init(bytes int64, began time.Time) {
	r.each = int(min(bytes/8, chunkBytes) / recordBytes)
	r.limit = uint64(bytes / (int64(r.each) * recordBytes))
	r.whole = began.UnixMicro()
}

// add puts a record behind the others.
func (r *ring) add(one *record) {
	c := r.filling()
	c.records = append(c.records, *one)
	c.last = max(c.last, one.at+int64(one.took))
}

// filling is the chunk that has room.
func (r *ring) filling() *chunk {
	if r.next > 0 {
		if c := &r.chunks[(r.next-1)%r.limit]; len(c.records) < r.each {
			return c
		}
	}
	if r.next < r.limit {
		r.chunks = append(r.chunks, chunk{records: make([]record, 0, r.each)})
	}
	c := &r.chunks[r.next%r.limit]
	if len(c.records) > 0 {
		r.whole = max(r.whole, c.last)
	}
	c.number, c.last, c.records = r.next, math.MinInt64, c.records[:0]
	r.next++
	return c
}

// oldest is the number of the oldest chunk that is there.
func (r *ring) oldest() uint64 {
	if r.next > r.limit {
		return r.next - r.limit
	}
	return 0
}

func (r *ring) bytes() int64 { return int64(len(r.chunks)) * int64(r.each) * recordBytes }
