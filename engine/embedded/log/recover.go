// SPDX-License-Identifier: Apache-2.0

package log

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/causeway-mq/causeway/internal/fsys"
)

// How recovery tells a torn tail from damage. Every whole frame, every segment header, and the identity file say how
// far the log was durable when they were written. The highest of these is the floor. What is broken below the floor was on disk once
// and is damage: it is reported by file and range, never served, and nothing is cut. What is broken at or above the
// floor belongs to the one batch that was being written when the machine stopped: nobody was told that it is
// durable, and the log is cut at the first broken byte, also when whole frames of that batch lie behind it, so that
// what remains is a prefix. The cut region is zeroed, all is synced, and a mark is written behind it, so that the
// next crash has a floor that is no lower. Each step leaves a state from which the same result is found again.

// openSegments opens the files, checks that none is missing, and finishes an interrupted Drop.
func (r *recovery) openSegments(bases []Position) error {
	if r.report.Fresh {
		bases = []Position{0}
	}
	if len(bases) > 0 && bases[0] < r.identity.low {
		// The process may have been killed before the new low end was durable; it must be before files go.
		if err := r.identityFile.Sync(); err != nil {
			return fmt.Errorf("log: sync %s: %w", identityName, err)
		}
	}
	for len(bases) > 0 && bases[0] < r.identity.low {
		if err := r.opts.FS.Remove(segmentName(bases[0])); err != nil {
			return fmt.Errorf("log: remove the dropped %s: %w", segmentName(bases[0]), err)
		}
		r.note("removed the dropped %s", segmentName(bases[0]))
		bases = bases[1:]
	}
	expected := r.identity.low
	for i, base := range bases {
		if base != expected {
			return fmt.Errorf("log: %s, the segment before %s: %w", segmentName(expected), segmentName(base), ErrMissing)
		}
		var following Position
		if i+1 < len(bases) {
			following = bases[i+1]
		}
		s, synced, err := r.openSegment(base, following)
		if err != nil {
			return err
		}
		r.segs = append(r.segs, s)
		r.marks = append(r.marks, synced)
		expected = s.next()
	}
	if len(r.segs) == 0 {
		return fmt.Errorf("log: %s: %w", segmentName(expected), ErrMissing)
	}
	return nil
}

// openSegment opens one file. A header of which no copy is whole is rebuilt from the name and from where the
// following segment begins.
func (r *recovery) openSegment(base, following Position) (*segment, Position, error) {
	name := segmentName(base)
	f, err := r.opts.FS.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("log: open %s: %w", name, err)
	}
	h, err := r.checkHeader(f, base, following)
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return newSegment(f, h), h.synced, nil
}

func (r *recovery) checkHeader(f fsys.File, base, following Position) (header, error) {
	name := segmentName(base)
	block := make([]byte, segmentHeader)
	if _, err := f.ReadAt(block, 0); err != nil && !errors.Is(err, io.EOF) {
		return header{}, fmt.Errorf("log: read the header of %s: %w", name, err)
	}
	size, err := f.Size()
	if err != nil {
		return header{}, fmt.Errorf("log: size of %s: %w", name, err)
	}
	h, found, whole := decodeHeader(block)
	switch {
	case found && h.version > formatVersion:
		return header{}, fmt.Errorf("log: %s has format %d, this program knows up to %d: %w",
			name, h.version, formatVersion, ErrFormat)
	case found && (h.id != r.identity.id || h.base != base):
		return header{}, fmt.Errorf("log: %s belongs to another log or place: %w", name, ErrForeign)
	case !found:
		h = header{id: r.identity.id, base: base, capacity: size, created: r.opts.Clock.Now()}
		if following > 0 {
			h.capacity = int64(following - base)
		}
		if h.capacity < minSegmentSize { // the last file, cut to nearly nothing
			h.capacity = r.opts.SegmentSize
		}
	}
	if !whole {
		r.note("%s: repaired a damaged header", name)
		if _, err := f.WriteAt(h.encode(), 0); err != nil {
			return header{}, fmt.Errorf("log: repair the header of %s: %w", name, err)
		}
	}
	if size < h.capacity { // somebody cut the file; what is missing reads as zero and is judged like any other bytes
		r.note("%s: had %d bytes instead of %d", name, size, h.capacity)
		if err := f.Preallocate(h.capacity); err != nil {
			return header{}, fmt.Errorf("log: restore the size of %s: %w", name, err)
		}
	}
	return h, nil
}

// recoverRecords finds the last segment with records, judges all of them, and makes the end of the log durable.
func (r *recovery) recoverRecords() error {
	r.floor = r.identity.synced
	for _, mark := range r.marks {
		r.floor = max(r.floor, mark)
	}
	last := 0
	for i := len(r.segs) - 1; i >= 0; i-- {
		if r.segs[i].base+segmentHeader < r.floor { // it held records, whatever it holds now
			last = i
			break
		}
		off, err := r.walker(i).search(segmentHeader)
		if err != nil {
			return fmt.Errorf("log: read %s: %w", r.segs[i].name, err)
		}
		if off < r.segs[i].limit() || r.hasFooter(i) {
			last = i
			break
		}
	}
	for i := range last {
		if err := r.checkSealed(i); err != nil {
			return err
		}
	}
	end, err := r.judgeLast(last)
	if err != nil {
		return err
	}
	return r.settle(last, end)
}

func (r *recovery) walker(i int) *walker {
	s := r.segs[i]
	return &walker{window: window{file: s.file}, seed: r.identity.id.seed(), base: s.base, limit: s.limit()}
}

// footer reads the footer of a segment: where its records end, and the frame itself.
func (r *recovery) footer(i int) (end int64, f frame, ok bool, err error) {
	w := r.walker(i)
	w.limit = r.segs[i].capacity
	f, payload, ok, err := w.frameAt(w.limit - footerSize)
	if err != nil || !ok || f.kind != kindSeal {
		return 0, frame{}, false, err
	}
	end = int64(binary.LittleEndian.Uint64(payload)) - int64(w.base)
	return end, f, end >= segmentHeader && end <= r.segs[i].limit(), nil
}

func (r *recovery) hasFooter(i int) bool {
	_, _, ok, err := r.footer(i)
	return ok && err == nil
}

// checkSealed judges a segment that is known to have been durable as a whole: whatever is broken in it is damage. A
// segment whose footer is whole is read through only if Verify asks for it; Read and Scan check every record again.
func (r *recovery) checkSealed(i int) error {
	s := r.segs[i]
	end, _, ok, err := r.footer(i)
	if err != nil {
		return fmt.Errorf("log: read the footer of %s: %w", s.name, err)
	}
	s.sealed.Store(true)
	s.end.Store(end)
	if ok && !r.opts.Verify {
		return nil
	}
	t, err := r.walker(i).walk(segmentHeader, nil)
	if err != nil {
		return fmt.Errorf("log: read %s: %w", s.name, err)
	}
	r.report.Records += t.records
	for _, g := range t.gaps {
		r.damaged(s, g.suspect, g.to, g.reason)
	}
	switch {
	case !ok:
		r.damaged(s, t.end, s.capacity, "the footer is damaged; records may be missing before it")
		s.end.Store(t.end)
	case t.end != end:
		r.damaged(s, t.end, end, "records are missing before the footer")
	}
	return nil
}

// judgeLast walks the last segment that has records, and returns the offset where the log goes on in it; the
// capacity of the segment means that it is sealed.
func (r *recovery) judgeLast(i int) (int64, error) {
	s := r.segs[i]
	t, err := r.walker(i).walk(segmentHeader, nil)
	if err != nil {
		return 0, fmt.Errorf("log: read %s: %w", s.name, err)
	}
	sealEnd, seal, sealed, err := r.footer(i)
	if err != nil {
		return 0, fmt.Errorf("log: read the footer of %s: %w", s.name, err)
	}
	floor := max(t.synced, r.floor)
	if sealed {
		floor = max(floor, seal.synced)
		if t.end < sealEnd {
			t.gaps = append(t.gaps, gap{from: t.end, to: sealEnd, suspect: t.end, records: t.records, last: t.last,
				reason: "records are missing before the footer"})
			t.end, t.last = sealEnd, seal.crc
		}
	}
	low := min(int64(floor-s.base), s.limit())
	for _, g := range t.gaps {
		if g.from < low {
			r.damaged(s, g.suspect, min(g.to, max(low, g.from)), g.reason)
		}
		if g.to > low { // above the floor nothing was durable: the log ends here
			r.report.Records += g.records
			r.chain = g.last
			return max(g.from, low), nil
		}
	}
	r.report.Records += t.records
	r.chain = t.last
	if sealed {
		s.end.Store(sealEnd)
		r.chain = seal.crc
		return s.capacity, nil
	}
	if t.end < low {
		r.damaged(s, t.end, low, "records are missing that were durable")
		return low, nil
	}
	return t.end, nil
}

// settle clears what is broken behind the end, syncs, and writes the closing mark.
func (r *recovery) settle(last int, end int64) error {
	s := r.segs[last]
	if end == s.capacity {
		if err := s.file.Sync(); err != nil {
			return fmt.Errorf("log: sync %s: %w", s.name, err)
		}
		s.sealed.Store(true)
		last, end = last+1, segmentHeader
		if last == len(r.segs) {
			return fmt.Errorf("log: %s, the segment behind %s: %w", segmentName(s.next()), s.name, ErrMissing)
		}
		s = r.segs[last]
	}
	r.active = last
	if err := r.cut(s, end); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("log: sync %s: %w", s.name, err)
	}
	r.report.End = s.base + Position(end)
	if err := r.closingMark(s, end); err != nil {
		return err
	}
	if err := r.trim(); err != nil || r.report.Fresh {
		return err
	}
	r.identity.synced = r.report.End
	return writeIdentity(r.identityFile, r.identity)
}

// cut zeroes what lies behind end. Zeros are written rather than the file truncated: that needs no space.
func (r *recovery) cut(s *segment, end int64) error {
	used, err := usedUpTo(s.file, end)
	defer fsys.Forget(s.file, end) // zeros that were read would count as data at the next Open
	if err != nil || used == end {
		return err
	}
	r.report.Torn = &Torn{File: s.name, At: s.base + Position(end), Bytes: used - end}
	zeros := make([]byte, min(used-end, windowSize))
	for off := end; off < used; off += int64(len(zeros)) {
		if _, err := s.file.WriteAt(zeros[:min(int64(len(zeros)), used-off)], off); err != nil {
			return fmt.Errorf("log: clear the torn tail of %s: %w", s.name, err)
		}
	}
	return nil
}

// closingMark writes durably that all before end is durable, unless it stands there already.
func (r *recovery) closingMark(s *segment, end int64) error {
	if r.report.Fresh || end+frameHeader > s.limit() {
		return nil
	}
	var b [frameHeader]byte
	pos := s.base + Position(end)
	putHeader(b[:], kindMark, pos, 0)
	crc, size := sealFrame(b[:], r.identity.id.seed(), r.chain, pos)
	if _, err := s.file.WriteAt(b[:], end); err != nil {
		return fmt.Errorf("log: mark the end of %s: %w", s.name, err)
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("log: sync %s: %w", s.name, err)
	}
	r.chain = crc
	r.report.End = pos + Position(size)
	return nil
}

// trim removes prepared segments beyond the next one, and makes the directory durable as it was found: a process that
// was killed may have left names in it that are not.
func (r *recovery) trim() error {
	for len(r.segs) > r.active+2 {
		s := r.segs[len(r.segs)-1]
		if err := errors.Join(s.file.Close(), r.opts.FS.Remove(s.name)); err != nil {
			return fmt.Errorf("log: remove the unused %s: %w", s.name, err)
		}
		r.segs = r.segs[:len(r.segs)-1]
	}
	if err := r.opts.FS.SyncDir("."); err != nil {
		return fmt.Errorf("log: sync the directory: %w", err)
	}
	return nil
}
