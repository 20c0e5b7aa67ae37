// SPDX-License-Identifier: Apache-2.0

// Package timer keeps the due times of scheduled messages in memory.
//
// Invariants:
//   - blocks hold all entries, ascending by (Due, ID) within and across blocks; no block is empty, none exceeds blockLen.
//   - An (Due, ID) pair is there at most once.
//   - blocks hold no pointers, so a million entries cost the garbage collector nothing.
//
// Rejected: a binary heap, since Cancel would need a search or leave tombstones that hide whether a message was still
// waiting; a timer wheel, since 40 days at exact times need several levels, with an order within each slot; a B-tree,
// since two levels of plain slices are enough up to tens of millions.
package timer

import (
	"sort"

	"github.com/causeway-mq/causeway/engine/embedded/log"
)

// Entry is one scheduled message. Due orders first, ID second; both never change while the message waits.
type Entry struct {
	Due int64        // nanoseconds since the Unix epoch; never deliver before
	ID  log.Position // where the message was first written: its name in recall tokens
	At  log.Position // where its record lies now: differs from ID after the record was carried to a newer segment
}

func (e Entry) before(due int64, id log.Position) bool {
	return e.Due < due || e.Due == due && e.ID < id
}

const blockLen = 256 // entries: 6 KiB, small enough to shift, large enough that few blocks are needed

// Queue is the set of scheduled messages. The zero value is empty and ready. It is not safe for concurrent use; its
// owner locks.
type Queue struct {
	blocks [][]Entry
	n      int
}

// Len is the number of scheduled messages.
func (q *Queue) Len() int { return q.n }

// Next is the earliest due time in nanoseconds since the Unix epoch; false when nothing is scheduled.
func (q *Queue) Next() (due int64, ok bool) {
	if q.n == 0 {
		return 0, false
	}
	return q.blocks[0][0].Due, true
}

// Add schedules e. An entry of the same Due and ID is replaced, so that a record may be applied twice.
func (q *Queue) Add(e Entry) {
	if q.n == 0 {
		q.blocks = append(q.blocks, newBlock(e))
		q.n = 1
		return
	}
	b := q.blockOf(e.Due, e.ID)
	block := q.blocks[b]
	i := search(block, e.Due, e.ID)
	if i < len(block) && block[i].Due == e.Due && block[i].ID == e.ID {
		block[i].At = e.At
		return
	}
	q.n++
	if len(block) == blockLen {
		// Times that only grow fill the last block and open a new one: splitting would leave every block half empty.
		if b == len(q.blocks)-1 && i == blockLen {
			q.blocks = append(q.blocks, newBlock(e))
			return
		}
		block, i, b = q.split(b, i)
	}
	block = append(block, Entry{})
	copy(block[i+1:], block[i:])
	block[i] = e
	q.blocks[b] = block
}

// Get finds the entry of a due time and name.
func (q *Queue) Get(due int64, id log.Position) (Entry, bool) {
	if q.n == 0 {
		return Entry{}, false
	}
	block := q.blocks[q.blockOf(due, id)]
	i := search(block, due, id)
	if i == len(block) || block[i].Due != due || block[i].ID != id {
		return Entry{}, false
	}
	return block[i], true
}

// Cancel removes the entry and reports whether it was still scheduled.
func (q *Queue) Cancel(due int64, id log.Position) bool {
	if q.n == 0 {
		return false
	}
	b := q.blockOf(due, id)
	block := q.blocks[b]
	i := search(block, due, id)
	if i == len(block) || block[i].Due != due || block[i].ID != id {
		return false
	}
	q.n--
	copy(block[i:], block[i+1:])
	block = block[:len(block)-1]
	q.blocks[b] = block
	switch {
	case len(block) == 0:
		q.cut(b, b+1)
	case b+1 < len(q.blocks) && len(block)+len(q.blocks[b+1]) <= blockLen/2: // so that cancelled room is given back
		q.blocks[b] = append(block, q.blocks[b+1]...)
		q.cut(b+1, b+2)
	}
	return true
}

// Due appends to dst what is due at now, nanoseconds since the Unix epoch, in order of (Due, ID), at most limit entries.
// It changes nothing: an entry leaves with Cancel when the record that delivers it is written, so that no message is
// ever neither scheduled nor delivered.
func (q *Queue) Due(now int64, limit int, dst []Entry) []Entry {
	for _, block := range q.blocks {
		k := sort.Search(min(limit, len(block)), func(i int) bool { return block[i].Due > now })
		dst = append(dst, block[:k]...)
		if limit -= k; limit == 0 || k < len(block) {
			break
		}
	}
	return dst
}

// Each calls f for every entry in order of (Due, ID) until f returns false. f must not change the queue.
func (q *Queue) Each(f func(Entry) bool) {
	for _, block := range q.blocks {
		for _, e := range block {
			if !f(e) {
				return
			}
		}
	}
}

func newBlock(e Entry) []Entry {
	return append(make([]Entry, 0, blockLen), e)
}

// blockOf is the last block whose first entry is not after (due, id), or the first block.
func (q *Queue) blockOf(due int64, id log.Position) int {
	b := sort.Search(len(q.blocks), func(b int) bool {
		first := q.blocks[b][0]
		return first.Due > due || first.Due == due && first.ID > id
	})
	return max(b-1, 0)
}

// search is the first index of block that is not before (due, id).
func search(block []Entry, due int64, id log.Position) int {
	lo, hi := 0, len(block)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if block[mid].before(due, id) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// split halves block b and returns the half, the place within it and its number for an entry that belongs at i.
func (q *Queue) split(b, i int) (block []Entry, at, number int) {
	left := q.blocks[b]
	right := append(make([]Entry, 0, blockLen), left[blockLen/2:]...)
	left = left[:blockLen/2]
	q.blocks[b] = left
	q.blocks = append(q.blocks, nil)
	copy(q.blocks[b+2:], q.blocks[b+1:])
	q.blocks[b+1] = right
	if i <= len(left) {
		return left, i, b
	}
	return right, i - len(left), b + 1
}

// cut drops blocks from to to. Dropping at the front only moves the slice's start: Add's append reclaims that room.
func (q *Queue) cut(from, to int) {
	if from == 0 {
		clear(q.blocks[:to])
		q.blocks = q.blocks[to:]
		return
	}
	n := copy(q.blocks[from:], q.blocks[to:]) + from
	clear(q.blocks[n:])
	q.blocks = q.blocks[:n]
}
