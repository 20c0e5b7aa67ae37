// SPDX-License-Identifier: Apache-2.0

package log

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/internal/fsys"
)

// A segment is one file: a header block of 4 KiB with two equal copies of the header, frames, zeros, and at its very
// end the footer, a frame that is written when the segment is full. The file is preallocated to its whole size, so a
// write inside it needs neither space nor a change of size. A file gets its final name only when its header is
// durable.
const (
	segmentHeader = 4096
	headerCopyAt  = 2048
	headerBytes   = 64
	footerSize    = frameHeader + 8

	formatVersion = 1
	segmentMagic  = "CWSEGMT\n"

	segmentSuffix = ".seg"
	tempSuffix    = ".tmp"
)

type logID uint64

// seed starts every CRC of the log, so that a frame of another log is no frame here.
func (id logID) seed() uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(id))
	return crc32.Checksum(b[:], castagnoli)
}

// segment is one open segment file. Its size and place never change.
type segment struct {
	name     string
	base     Position
	capacity int64 // bytes of the file
	created  time.Time
	file     fsys.File
	end      atomic.Int64 // offset behind the last frame, known once the segment is sealed
	sealed   atomic.Bool  // full and durable
}

// Segment describes one segment file.
type Segment struct {
	Base    Position  // where it begins; its name says the same
	End     Position  // behind its last record; the end of the log for the one that takes appends
	Bytes   int64     // bytes of the file
	Created time.Time // when it was prepared, by the clock of that time
	Sealed  bool      // full and durable: can be dropped
}

func (s *segment) next() Position { return s.base + Position(s.capacity) }
func (s *segment) limit() int64   { return s.capacity - footerSize }

func (s *segment) describe() Segment {
	return Segment{Base: s.base, End: s.base + Position(s.end.Load()), Bytes: s.capacity, Created: s.created,
		Sealed: s.sealed.Load()}
}

func segmentName(base Position) string { return fmt.Sprintf("%016x%s", uint64(base), segmentSuffix) }

// parseSegmentName is the inverse of segmentName, and knows no other spelling.
func parseSegmentName(name string) (Position, bool) {
	hex, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(hex) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(hex, 16, 63)
	return Position(n), err == nil && segmentName(Position(n)) == name
}

// header is what stands at the start of a segment file.
//
//	0 magic, 8 version uint32, 16 log id, 24 base, 32 capacity, 40 created (unix ns), 48 synced, 60 crc of 0..60
type header struct {
	version  uint32
	id       logID
	base     Position
	capacity int64
	created  time.Time
	synced   Position // how far the log was durable when the segment was prepared
}

func (h header) encode() []byte {
	block := make([]byte, segmentHeader)
	b := block[:headerBytes]
	copy(b, segmentMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint64(b[16:], uint64(h.id))
	binary.LittleEndian.PutUint64(b[24:], uint64(h.base))
	binary.LittleEndian.PutUint64(b[32:], uint64(h.capacity))
	binary.LittleEndian.PutUint64(b[40:], uint64(h.created.UnixNano()))
	binary.LittleEndian.PutUint64(b[48:], uint64(h.synced))
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	copy(block[headerCopyAt:], b)
	return block
}

// decodeHeader reads whichever copy is whole; whole tells whether both are.
func decodeHeader(block []byte) (h header, found, whole bool) {
	first, ok1 := decodeHeaderCopy(block[:headerBytes])
	second, ok2 := decodeHeaderCopy(block[headerCopyAt : headerCopyAt+headerBytes])
	if !ok1 {
		first = second
	}
	return first, ok1 || ok2, ok1 && ok2
}

func decodeHeaderCopy(b []byte) (header, bool) {
	if string(b[:8]) != segmentMagic || crc32.Checksum(b[:60], castagnoli) != binary.LittleEndian.Uint32(b[60:]) {
		return header{}, false
	}
	capacity := binary.LittleEndian.Uint64(b[32:])
	h := header{
		version:  binary.LittleEndian.Uint32(b[8:]),
		id:       logID(binary.LittleEndian.Uint64(b[16:])),
		base:     Position(binary.LittleEndian.Uint64(b[24:])),
		capacity: int64(capacity),
		created:  time.Unix(0, int64(binary.LittleEndian.Uint64(b[40:]))),
		synced:   Position(binary.LittleEndian.Uint64(b[48:])),
	}
	return h, capacity <= math.MaxInt64 && h.base >= 0
}

// createSegment prepares a segment under its final name. Nothing of that name exists before the header is durable,
// and a file left under the temporary name by a crash or a full disk is removed while opening.
func createSegment(files fsys.FS, h header) (*segment, error) {
	name := segmentName(h.base)
	f, err := files.Create(name + tempSuffix)
	if err != nil {
		return nil, fmt.Errorf("log: create %s: %w", name, err)
	}
	if err = f.Preallocate(h.capacity); err == nil {
		err = installSegment(files, f, h, name+tempSuffix)
	}
	if err != nil {
		f.Close()
		if fsys.IsNoSpace(err) {
			files.Remove(name + tempSuffix) // gives the blocks back; if it fails, the next attempt truncates the file
		}
		return nil, fmt.Errorf("log: prepare %s: %w", name, err)
	}
	return newSegment(f, h), nil
}

func newSegment(f fsys.File, h header) *segment {
	return &segment{name: segmentName(h.base), base: h.base, capacity: h.capacity, created: h.created, file: f}
}

// installSegment writes the header into a preallocated file and gives it its name, durably.
func installSegment(files fsys.FS, f fsys.File, h header, from string) error {
	if _, err := f.WriteAt(h.encode(), 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := files.Rename(from, segmentName(h.base)); err != nil {
		return err
	}
	return files.SyncDir(".")
}
