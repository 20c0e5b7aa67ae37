// SPDX-License-Identifier: Apache-2.0

package log

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/causeway-mq/causeway/internal/fsys"
)

// identify reads the identity file, or founds a new log where there is none and nothing that needs one. A new log
// gets its first segment before its identity: an identity without segments then always means that they were lost.
func (r *recovery) identify(bases []Position) error {
	block, err := fsys.ReadFile(r.opts.FS, identityName, identityLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return r.found(bases)
	}
	if errors.Is(err, fsys.ErrTooLong) {
		return fmt.Errorf("log: %s was not written by this product: %w: %w", identityName, err, ErrForeign)
	}
	if err != nil {
		return fmt.Errorf("log: read %s: %w", identityName, err)
	}
	id, found, whole := decodeIdentity(block)
	switch {
	case !found && len(block) >= len(identityMagic) && string(block[:len(identityMagic)]) != identityMagic:
		return fmt.Errorf("log: %s was not written by this product: %w", identityName, ErrForeign)
	case !found:
		return fmt.Errorf("log: %s: both copies are damaged: %w", identityName, ErrDamaged)
	case id.version > formatVersion:
		return fmt.Errorf("log: %s has format %d, this program knows up to %d: %w",
			identityName, id.version, formatVersion, ErrFormat)
	case len(bases) == 0:
		return fmt.Errorf("log: %s: %w", segmentName(id.low), ErrMissing)
	}
	r.identity = id
	if r.identityFile, err = r.opts.FS.Open(identityName); err != nil {
		return fmt.Errorf("log: open %s: %w", identityName, err)
	}
	if !whole {
		r.note("%s: repaired a damaged copy", identityName)
		return writeIdentity(r.identityFile, id)
	}
	return nil
}

func (r *recovery) found(bases []Position) error {
	if len(bases) > 0 {
		if err := r.unfound(bases); err != nil {
			return err
		}
	}
	r.identity = identity{version: formatVersion, id: newLogID()}
	s, err := createSegment(r.opts.FS, header{id: r.identity.id, capacity: r.opts.SegmentSize, created: r.opts.Clock.Now()})
	if err != nil {
		return err
	}
	if err := s.file.Close(); err != nil {
		return fmt.Errorf("log: close %s: %w", s.name, err)
	}
	if err := r.identity.install(r.opts.FS); err != nil {
		return err
	}
	if r.identityFile, err = r.opts.FS.Open(identityName); err != nil {
		return fmt.Errorf("log: open %s: %w", identityName, err)
	}
	r.report.Fresh = true
	return nil
}

// unfound removes what a crash left of an earlier founding: one first segment in which nothing was ever written.
// Anything more means that the identity file was lost.
func (r *recovery) unfound(bases []Position) error {
	missing := fmt.Errorf("log: %s, while %s is there: %w", identityName, segmentName(bases[0]), ErrMissing)
	if len(bases) > 1 || bases[0] != 0 {
		return missing
	}
	f, err := r.opts.FS.Open(segmentName(0))
	if err != nil {
		return fmt.Errorf("log: open %s: %w", segmentName(0), err)
	}
	defer f.Close()
	used, err := usedUpTo(f, segmentHeader)
	if err != nil {
		return err
	}
	if used > segmentHeader {
		return missing
	}
	if err := r.opts.FS.Remove(segmentName(0)); err != nil {
		return fmt.Errorf("log: remove %s of an unfinished founding: %w", segmentName(0), err)
	}
	r.note("founded the log again: the first attempt was cut short")
	return nil
}

// writeIdentity changes the identity in place, one copy after the other, so that a crash leaves one whole copy and
// a full disk does not matter. Of two whole copies the newer one counts.
func writeIdentity(f fsys.File, id identity) error {
	block := id.encode()
	for _, at := range []int64{0, identityCopyAt} {
		if _, err := f.WriteAt(block[at:at+identityBytes], at); err != nil {
			return fmt.Errorf("log: write %s: %w", identityName, err)
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("log: sync %s: %w", identityName, err)
		}
	}
	return nil
}

// usedUpTo returns the offset behind the last byte of f, from from on, that is not zero; from if there is none.
func usedUpTo(f fsys.File, from int64) (int64, error) {
	ranges, err := fsys.DataRanges(f, from)
	if err != nil {
		return 0, fmt.Errorf("log: look for data at %d: %w", from, err)
	}
	buf, used := make([]byte, windowSize), from
	for _, r := range ranges {
		for off := r.From; off < r.To; {
			n, err := f.ReadAt(buf[:min(windowSize, r.To-off)], off)
			if n == 0 || err != nil && !errors.Is(err, io.EOF) {
				return 0, fmt.Errorf("log: read at %d: %w", off, err)
			}
			if piece := bytes.TrimRight(buf[:n], "\x00"); len(piece) > 0 {
				used = off + int64(len(piece))
			}
			off += int64(n)
		}
	}
	return used, nil
}
