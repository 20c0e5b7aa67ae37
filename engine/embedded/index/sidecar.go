// SPDX-License-Identifier: Apache-2.0

package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
)

// A sidecar is the index of one sealed segment: a file of pages (pages.go) that carries
//
//	header     96 bytes
//	entries    24 bytes each, by queue and offset: position, stored, size, tag
//	keys       16 bytes each, by mixed hash and position
//	fan        uint32 for each value of the hash's top bits, and one more: number of the first key
//	directory  for each queue: number, runs uint32, oldest, newest int64; for each of its runs: first int64, count uint32
//
// All little endian. The bytes follow from the segment's records alone: a sidecar that is rebuilt is the same file.
const (
	sidecarMagic   = "CWINDEX\n"
	sidecarVersion = 1
	sidecarSuffix  = ".idx"
	tempSuffix     = ".tmp"

	headerLen   = 96
	entryLen    = 24
	keyLen      = 16
	fanLen      = 4
	dirQueueLen = 24
	dirRunLen   = 12

	keysPerBucket = 64
	maxFanBits    = 22
)

type sidecarHeader struct {
	fanBits        uint32
	oldest, newest int64
	entries, keys  uint32
	queues, runs   uint32
}

func (h sidecarHeader) keysAt() int64 { return headerLen + int64(h.entries)*entryLen }
func (h sidecarHeader) fanAt() int64  { return h.keysAt() + int64(h.keys)*keyLen }
func (h sidecarHeader) dirAt() int64  { return h.fanAt() + (int64(1)<<h.fanBits+1)*fanLen }
func (h sidecarHeader) size() int64 {
	return h.dirAt() + int64(h.queues)*dirQueueLen + int64(h.runs)*dirRunLen
}

func fanBitsFor(keys int) uint32 {
	return min(uint32(bits.Len(uint(keys/keysPerBucket))), maxFanBits)
}

func sidecarName(base log.Position) string {
	return fmt.Sprintf("%016x%s", uint64(base), sidecarSuffix)
}

func parseSidecarName(name string) (log.Position, bool) {
	hex, ok := strings.CutSuffix(name, sidecarSuffix)
	if !ok || len(hex) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(hex, 16, 63)
	return log.Position(n), err == nil && sidecarName(log.Position(n)) == name
}

// bindingOf is what ties a sidecar to its segment; it opens every page's checksum.
func bindingOf(s log.Segment) (b [32]byte, seed uint32) {
	binary.LittleEndian.PutUint64(b[:], uint64(s.Base))
	binary.LittleEndian.PutUint64(b[8:], uint64(s.End))
	binary.LittleEndian.PutUint64(b[16:], uint64(s.Bytes))
	binary.LittleEndian.PutUint64(b[24:], uint64(s.Created.UnixNano()))
	return b, crc32.Checksum(b[:], castagnoli)
}

func (h sidecarHeader) encode(s log.Segment) []byte {
	b := make([]byte, 0, headerLen)
	b = append(b, sidecarMagic...)
	b = binary.LittleEndian.AppendUint32(b, sidecarVersion)
	b = binary.LittleEndian.AppendUint32(b, h.fanBits)
	binding, _ := bindingOf(s)
	b = append(b, binding[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.oldest))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.newest))
	for _, n := range []uint32{h.entries, h.keys, h.queues, h.runs} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return b[:headerLen]
}

var errForeign = errors.New("belongs to another segment or version")

func decodeHeader(b []byte, s log.Segment) (sidecarHeader, error) {
	binding, _ := bindingOf(s)
	if string(b[:8]) != sidecarMagic || binary.LittleEndian.Uint32(b[8:]) != sidecarVersion ||
		string(b[16:48]) != string(binding[:]) {
		return sidecarHeader{}, errForeign
	}
	h := sidecarHeader{
		fanBits: binary.LittleEndian.Uint32(b[12:]),
		oldest:  int64(binary.LittleEndian.Uint64(b[48:])),
		newest:  int64(binary.LittleEndian.Uint64(b[56:])),
		entries: binary.LittleEndian.Uint32(b[64:]),
		keys:    binary.LittleEndian.Uint32(b[68:]),
		queues:  binary.LittleEndian.Uint32(b[72:]),
		runs:    binary.LittleEndian.Uint32(b[76:]),
	}
	if h.fanBits > maxFanBits {
		return sidecarHeader{}, fmt.Errorf("%d bits of fan, the limit is %d", h.fanBits, maxFanBits)
	}
	return h, nil
}

// sidecar is an open sidecar file. It closes with its last user.
type sidecar struct {
	sidecarHeader
	pages
	info  log.Segment
	users atomic.Int32 // the segment itself counts as one
}

// share is a queue's part of a sidecar. The runs' src is not set.
type share struct {
	queue          Queue
	oldest, newest int64
	runs           runs
}

func (s *sidecar) acquire() { s.users.Add(1) }

// release closes the file with the last user. It was only read, so a failing close loses nothing.
func (s *sidecar) release() {
	if s.users.Add(-1) == 0 {
		s.file.Close()
	}
}

func (s *sidecar) damaged(err error) error {
	return &DamagedError{Base: s.info.Base, File: sidecarName(s.info.Base), Why: err.Error()}
}

// openSidecar opens the sidecar of a segment and verifies everything but entries and keys, which are verified
// whenever they are read. Any error means that the sidecar must be rebuilt.
func openSidecar(files fsys.FS, info log.Segment) (*sidecar, []share, error) {
	f, err := files.Open(sidecarName(info.Base))
	if err != nil {
		return nil, nil, err
	}
	s, shares, err := readSidecar(f, info)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("index: %s: %w", sidecarName(info.Base), err), f.Close())
	}
	return s, shares, nil
}

func readSidecar(f fsys.File, info log.Segment) (*sidecar, []share, error) {
	_, seed := bindingOf(info)
	s := &sidecar{info: info, pages: pages{f, seed}}
	s.users.Store(1)
	var b [headerLen]byte
	if err := s.pages.read(b[:], 0, new([]byte)); err != nil {
		return nil, nil, err
	}
	var err error
	if s.sidecarHeader, err = decodeHeader(b[:], info); err != nil {
		return nil, nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, nil, err
	}
	if want := pagesFor(s.size()); size != want { // also bounds what the directory may ask for
		return nil, nil, fmt.Errorf("%d bytes, the header asks for %d", size, want)
	}
	shares, err := s.directory()
	return s, shares, err
}

// directory reads and checks what the sidecar holds of each queue.
func (s *sidecar) directory() ([]share, error) {
	b := make([]byte, s.size()-s.dirAt())
	if err := s.pages.read(b, s.dirAt(), new([]byte)); err != nil {
		return nil, err
	}
	shares := make([]share, 0, s.queues)
	all := make(runs, 0, s.runs)
	var at uint64
	for len(b) > 0 {
		if len(b) < dirQueueLen {
			return nil, errors.New("directory: cut off")
		}
		sh := share{
			queue:  Queue(binary.LittleEndian.Uint32(b)),
			oldest: int64(binary.LittleEndian.Uint64(b[8:])),
			newest: int64(binary.LittleEndian.Uint64(b[16:])),
		}
		n := int64(binary.LittleEndian.Uint32(b[4:]))
		b = b[dirQueueLen:]
		if k := len(shares); n == 0 || n*dirRunLen > int64(len(b)) || k > 0 && shares[k-1].queue >= sh.queue {
			return nil, fmt.Errorf("directory: queue %d is out of order or has %d runs", sh.queue, n)
		}
		from := len(all)
		for ; n > 0; n-- {
			r := run{first: mq.Offset(binary.LittleEndian.Uint64(b)), count: binary.LittleEndian.Uint32(b[8:]), at: uint32(at)}
			b = b[dirRunLen:]
			at += uint64(r.count)
			if r.first < 0 || r.count == 0 || r.end() < r.first || at > uint64(s.entries) ||
				len(all) > from && all[len(all)-1].end() > r.first {
				return nil, fmt.Errorf("directory: queue %d has a run of %d at %d", sh.queue, r.count, r.first)
			}
			all = append(all, r)
		}
		sh.runs = all[from:len(all):len(all)]
		shares = append(shares, sh)
	}
	if at != uint64(s.entries) || len(shares) != int(s.queues) || len(all) != int(s.runs) {
		return nil, errors.New("directory: does not add up")
	}
	return shares, nil
}

// scratch is room for reading, used again from one read to the next.
type scratch struct{ raw, data []byte }

// take gives n bytes, valid until the next take.
func (sc *scratch) take(n int) []byte {
	sc.data = slices.Grow(sc.data[:0], n)[:n]
	return sc.data
}

// list fills dst with the entries from number at on; the first has offset first.
func (s *sidecar) list(dst []Entry, at uint32, first mq.Offset, sc *scratch) error {
	b := sc.take(len(dst) * entryLen)
	if err := s.readAt(b, headerLen+int64(at)*entryLen, sc); err != nil {
		return err
	}
	for i := range dst {
		p := b[i*entryLen:]
		e := Entry{
			Offset:   first + mq.Offset(i),
			Position: log.Position(binary.LittleEndian.Uint64(p)),
			Stored:   int64(binary.LittleEndian.Uint64(p[8:])),
			Size:     binary.LittleEndian.Uint32(p[16:]),
			Tag:      binary.LittleEndian.Uint32(p[20:]),
		}
		if e.Position < s.info.Base || e.Position >= s.info.End {
			return s.damaged(fmt.Errorf("entry %d points to %d, outside its segment", int(at)+i, e.Position))
		}
		dst[i] = e
	}
	return nil
}

// find appends the positions below before that have the mixed hash, newest first.
func (s *sidecar) find(hash uint64, before log.Position, dst []log.Position, sc *scratch) ([]log.Position, error) {
	if s.keys == 0 {
		return dst, nil
	}
	bucket := int64(hash >> (64 - s.fanBits)) // a shift by 64 gives 0
	fan := sc.take(2 * fanLen)
	if err := s.readAt(fan, s.fanAt()+bucket*fanLen, sc); err != nil {
		return dst, err
	}
	lo, hi := binary.LittleEndian.Uint32(fan), binary.LittleEndian.Uint32(fan[fanLen:])
	if lo > hi || hi > s.keys {
		return dst, s.damaged(fmt.Errorf("fan: bucket %d from %d to %d", bucket, lo, hi))
	}
	from := len(dst)
	for lo < hi {
		n := min(int(hi-lo), 16*keysPerBucket)
		chunk := sc.take(n * keyLen)
		if err := s.readAt(chunk, s.keysAt()+int64(lo)*keyLen, sc); err != nil {
			return dst[:from], err
		}
		for i := range n {
			k := keyEntry{binary.LittleEndian.Uint64(chunk[i*keyLen:]), log.Position(binary.LittleEndian.Uint64(chunk[i*keyLen+8:]))}
			if k.pos < s.info.Base || k.pos >= s.info.End {
				return dst[:from], s.damaged(fmt.Errorf("key %d points to %d, outside its segment", int(lo)+i, k.pos))
			}
			if k.hash == hash && k.pos < before {
				dst = append(dst, k.pos)
			}
		}
		lo += uint32(n)
	}
	return descending(dst, from), nil
}

// readAt reads part of the stream; what is not as written is a DamagedError.
func (s *sidecar) readAt(b []byte, off int64, sc *scratch) error {
	err := s.pages.read(b, off, &sc.raw)
	if errors.Is(err, errPage) || errors.Is(err, io.ErrUnexpectedEOF) {
		return s.damaged(err)
	}
	if err != nil {
		return fmt.Errorf("index: read %s: %w", sidecarName(s.info.Base), err)
	}
	return nil
}
