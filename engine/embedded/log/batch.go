// SPDX-License-Identifier: Apache-2.0

package log

import "time"

// firstBuffer is what a buffer begins with; it grows when the load asks for it.
const firstBuffer = 64 << 10

// batch is what one sync makes durable: frames one after the other, in one or more chunks by segment.
type batch struct {
	buf    []byte
	most   int // bytes that buf may grow to
	chunks []chunk
	count  uint64 // records
	end    Position
	urgent bool      // the syncer may take it now
	due    time.Time // when a lazy record makes it urgent, zero if none
	bare   bool      // a mark alone: written, not synced
	out    *outcome
}

// chunk is a run of frames that goes to one place of one segment.
type chunk struct {
	seg      *segment
	off      int64 // where it goes
	from, to int   // where it stands in the buffer
	seal     bool  // the segment ends behind it
}

// outcome tells the waiters of a batch how it went; err may be read when done is closed.
type outcome struct {
	done chan struct{}
	err  error
}

func newBatch(buf []byte, most int) *batch {
	return &batch{buf: buf[:0], most: most, out: &outcome{done: make(chan struct{})}}
}

func (b *batch) empty() bool { return len(b.chunks) == 0 }

// fits reports whether size more bytes can be taken.
func (b *batch) fits(size int64) bool { return int64(b.most-len(b.buf)) >= size }

// grow returns the next size bytes of the buffer, with whatever an earlier batch left in them. They must fit.
func (b *batch) grow(size int64) []byte {
	n := len(b.buf)
	if cap(b.buf)-n < int(size) {
		larger := make([]byte, n, min(b.most, max(2*cap(b.buf), n+int(size), firstBuffer)))
		copy(larger, b.buf)
		b.buf = larger
	}
	b.buf = b.buf[:n+int(size)]
	return b.buf[n:]
}

// add books the last size bytes of the buffer as a frame at off of seg.
func (b *batch) add(seg *segment, off, size int64) {
	n := len(b.chunks)
	if n == 0 || b.chunks[n-1].seg != seg {
		from := len(b.buf) - int(size)
		b.chunks = append(b.chunks, chunk{seg: seg, off: off, from: from, to: from})
		n++
	}
	b.chunks[n-1].to = len(b.buf)
	b.count++
	b.end = seg.base + Position(off+size)
}

// seal books the end of seg at off. A batch that has nothing for seg yet gets an empty chunk for it.
func (b *batch) seal(seg *segment, off int64) {
	n := len(b.chunks)
	if n == 0 || b.chunks[n-1].seg != seg {
		b.chunks = append(b.chunks, chunk{seg: seg, off: off, from: len(b.buf), to: len(b.buf)})
		n++
	}
	b.chunks[n-1].seal = true
	b.end = seg.base + Position(off)
}
