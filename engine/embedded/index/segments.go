// SPDX-License-Identifier: Apache-2.0

package index

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
)

// Options say what to open. FS is the index's own directory; it is made if it is missing. Segments are the log's,
// ascending; the last of them usually takes appends.
type Options struct {
	FS       fsys.FS
	Segments []log.Segment
}

// Open takes over every sidecar that is whole and belongs to its segment, and removes all other files of the index.
// It returns the segments without a valid sidecar, ascending: the caller reads each of them through, gives every
// record to Add or Mark, and calls Install for those that are sealed. The segment that takes appends is always among
// them.
func Open(o Options) (*Index, []log.Segment, error) {
	x := &Index{fs: o.FS, queues: map[Queue]*queue{}}
	x.scratches.New = func() any { return &scratch{} }
	if err := o.FS.MkdirAll("."); err != nil {
		return nil, nil, fmt.Errorf("index: %w", err)
	}
	if err := removeStrays(o.FS, o.Segments); err != nil {
		return nil, nil, err
	}
	var read []log.Segment
	next := log.Position(0)
	for _, info := range o.Segments {
		s := &segment{base: info.Base}
		x.segments = append(x.segments, s)
		next = info.Base + log.Position(info.Bytes)
		if info.Sealed {
			s.info, s.end = info, info.End
			if side, shares, err := openSidecar(o.FS, info); err == nil {
				x.adopt(s, side, shares)
				continue
			}
		}
		s.mem = newMemory(s)
		read = append(read, info)
	}
	if n := len(x.segments); n == 0 || x.segments[n-1].end > 0 {
		s := &segment{base: next}
		s.mem = newMemory(s)
		x.segments = append(x.segments, s)
	}
	return x, read, nil
}

// removeStrays removes half-written files and sidecars of dropped segments. A stray that can't be removed does no
// harm: it is bound to a segment that will never come back.
func removeStrays(files fsys.FS, segments []log.Segment) error {
	entries, err := files.List(".")
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	for _, e := range entries {
		stray := strings.HasSuffix(e.Name, tempSuffix)
		if base, ok := parseSidecarName(e.Name); ok {
			stray = !slices.ContainsFunc(segments, func(s log.Segment) bool { return s.Base == base && s.Sealed })
		}
		if stray && !e.Dir {
			_ = files.Remove(e.Name)
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// adopt makes the sidecar answer for the segment.
func (x *Index) adopt(s *segment, side *sidecar, shares []share) {
	s.side, s.mem, s.rebuilt, s.frozen = side, nil, nil, true
	s.queues = make([]Queue, 0, len(shares))
	for _, sh := range shares {
		s.queues = append(s.queues, sh.queue)
		st := x.queueLocked(sh.queue)
		for _, r := range sh.runs {
			r.src = s
			st.add(r)
		}
	}
}

func (x *Index) segmentLocked(base log.Position) (*segment, error) {
	if x.closed {
		return nil, ErrClosed
	}
	i := sort.Search(len(x.segments), func(i int) bool { return x.segments[i].base >= base })
	if i == len(x.segments) || x.segments[i].base != base {
		return nil, fmt.Errorf("index: segment %d: %w", base, ErrUnknown)
	}
	return x.segments[i], nil
}

// Seal notes that the segment that took appends is full, and that positions behind it belong to the next. It touches
// memory only and may be called before the segment's last entries are added; a second call does nothing.
func (x *Index) Seal(info log.Segment) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	s, err := x.segmentLocked(info.Base)
	if err != nil || s.end > 0 {
		return err
	}
	s.info, s.end = info, info.End
	s.info.Sealed = true
	next := &segment{base: info.Base + log.Position(info.Bytes)}
	next.mem = newMemory(next)
	if s.mem != nil { // segments are alike: grow the table of keys once, not once more in each
		next.mem.keys.heads = make([]uint32, len(s.mem.keys.heads))
	}
	x.segments = append(x.segments, next)
	return nil
}

// Pending lists the sealed segments that have no sidecar yet, ascending. One that is read again after Rebuild is not
// among them: only its reader knows when it is complete.
func (x *Index) Pending() []log.Segment {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var list []log.Segment
	for _, s := range x.segments {
		if s.end > 0 && s.mem != nil {
			list = append(list, s.info)
		}
	}
	return list
}

// Install writes the sidecar of a sealed segment all of whose records were added, and frees its entries in memory. It
// blocks for as long as the disk takes. After an error the entries are served from memory; it may be called again.
// One call at a time for one segment.
func (x *Index) Install(base log.Position) error {
	x.mu.Lock()
	s, err := x.segmentLocked(base)
	if err != nil {
		x.mu.Unlock()
		return err
	}
	if s.end == 0 {
		x.mu.Unlock()
		return fmt.Errorf("index: segment %d is not sealed: %w", base, ErrRange)
	}
	if s.rebuilt != nil {
		x.swapLocked(s)
	}
	m := s.mem
	s.frozen = true
	x.mu.Unlock()
	if m == nil {
		return nil
	}
	if err := writeSidecar(x.fs, s.info, m); err != nil {
		return err
	}
	side, shares, err := openSidecar(x.fs, s.info)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if now, err := x.segmentLocked(base); err != nil || now != s || s.mem != m {
		side.release()
		return err // dropped meanwhile
	}
	for q, mine := range m.queues {
		if st := x.queues[q]; st != nil {
			for _, r := range mine.runs {
				st.runs.dropWithin(s, r.first, r.end())
			}
		}
	}
	x.adopt(s, side, shares)
	return nil
}

// swapLocked lets the entries that were read again answer instead of the damaged sidecar.
func (x *Index) swapLocked(s *segment) {
	x.withdrawLocked(s, s.queues)
	s.side.release()
	s.side, s.queues, s.mem, s.rebuilt = nil, nil, s.rebuilt, nil
	for q, m := range s.mem.queues {
		st := x.queueLocked(q)
		for _, r := range m.runs {
			st.add(r)
		}
	}
}

// withdrawLocked takes a segment's runs out of the queues it has.
func (x *Index) withdrawLocked(s *segment, queues []Queue) {
	for _, q := range queues {
		if st := x.queues[q]; st != nil {
			st.runs.drop(s)
		}
	}
}

// Rebuild begins to replace a sidecar that turned out to be damaged: the caller reads the segment through as after
// Open, then calls Install. Until then the damaged sidecar goes on answering what it can. A caller that could not read
// to the end calls Rebuild again later, which begins anew.
func (x *Index) Rebuild(base log.Position) (log.Segment, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s, err := x.segmentLocked(base)
	if err != nil {
		return log.Segment{}, err
	}
	if s.side != nil {
		s.rebuilt = newMemory(s)
	}
	return s.info, nil
}

// Drop forgets all segments that end at or before a position, with their sidecars; drop only from the front, and only
// after what lives in them was carried. A sidecar that can't be removed is reported and forgotten all the same.
func (x *Index) Drop(before log.Position) error {
	x.mu.Lock()
	n := 0
	for n < len(x.segments) && x.segments[n].end > 0 && x.segments[n].end <= before {
		n++
	}
	gone := slices.Clone(x.segments[:n])
	x.segments = slices.Delete(x.segments, 0, n)
	for _, s := range gone {
		x.withdrawLocked(s, s.queuesLocked())
	}
	x.mu.Unlock()
	var err error
	for _, s := range gone {
		if s.side != nil {
			s.side.release()
			err = errors.Join(err, ignoreMissing(x.fs.Remove(sidecarName(s.base))))
		}
	}
	return err
}

func (s *segment) queuesLocked() []Queue {
	if s.mem != nil {
		return s.mem.queueNumbers()
	}
	return s.queues
}

// Close closes the sidecars. Nothing is written: what has no sidecar is read again when the index is opened. A second
// call does nothing; other calls answer as for an empty index, or with ErrClosed.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.segments {
		if s.side != nil {
			s.side.release()
		}
	}
	x.segments, x.queues, x.closed = nil, map[Queue]*queue{}, true
	return nil
}

// Share is a queue's part of a segment.
type Share struct {
	Queue      Queue
	First, End mq.Offset // of what counts here: newer segments hold none of it; equal when nothing counts
	Count      int       // of what counts here; less than End-First when there are gaps
	Oldest     int64     // stored times of all that the segment holds of the queue, nanoseconds since the Unix epoch
	Newest     int64
}

// Shares tells what a segment holds, by queue, ascending. It reads the sidecar's directory: meant for retention.
func (x *Index) Shares(base log.Position) ([]Share, error) {
	x.mu.RLock()
	s, err := x.segmentLocked(base)
	if err != nil {
		x.mu.RUnlock()
		return nil, err
	}
	var list []Share
	side := s.side
	if s.mem != nil {
		side = nil
		for _, q := range s.mem.queueNumbers() {
			oldest, newest := s.mem.queues[q].times()
			list = append(list, Share{Queue: q, Oldest: oldest, Newest: newest})
		}
	} else {
		side.acquire()
	}
	x.mu.RUnlock()
	if side != nil {
		defer side.release()
		shares, err := side.directory()
		if err != nil {
			return nil, side.damaged(err)
		}
		for _, sh := range shares {
			list = append(list, Share{Queue: sh.queue, Oldest: sh.oldest, Newest: sh.newest})
		}
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	for i := range list {
		x.countLocked(s, &list[i])
	}
	return list, nil
}

func (x *Index) countLocked(s *segment, sh *Share) {
	st := x.queues[sh.Queue]
	if st == nil {
		return
	}
	for _, r := range st.runs {
		if r.src != s {
			continue
		}
		if sh.Count == 0 {
			sh.First = r.first
		}
		sh.Count += int(r.count)
		sh.End = r.end()
	}
}
