// SPDX-License-Identifier: Apache-2.0

package log

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// A record on disk is a frame: a header of 24 bytes, the payload, and zeros up to the next multiple of eight.
//
//	 0  crc   uint32  CRC-32C over bytes 4 to the end of the payload, seeded with the id of the log
//	 4  prev  uint32  crc of the frame before, footers included; 0 for the first of a log
//	 8  pos   uint64  the frame's own position
//	16  back  uint32  (pos - synced) / 8, synced being the position below which all was durable at the write
//	20  len   uint24  bytes of payload
//	23  kind  uint8   never 0, so zeros are no frame
//
// All little endian. A frame can be judged alone: a bit flip breaks crc, a misdirected or stale write breaks pos, a
// frame of another log breaks the seed. prev joins the frames to a chain, so that a frame which is whole but does not
// belong between its neighbours shows too. back is the synced mark that survives a crash without a sync of its own:
// whatever lies before pos-8*back was on disk before this frame was written, so if that is broken now, the disk did
// it and not a crash.
const (
	frameHeader = 24
	frameAlign  = 8

	// MaxPayload is the largest payload in bytes that a frame can hold; Options.MaxRecord may only lower it.
	MaxPayload = 1<<24 - 1
)

type frameKind uint8

const (
	kindData frameKind = 1 + iota
	kindMark           // no payload: says only how far the log was durable
	kindSeal           // the footer of a full segment; the payload is the position where its records end
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frameSize is the number of bytes on disk for a payload of n bytes.
func frameSize(n int) int64 {
	return (int64(frameHeader+n) + frameAlign - 1) &^ (frameAlign - 1)
}

// putHeader writes what is known while the batch fills; sealFrame adds the rest at the write.
func putHeader(dst []byte, kind frameKind, pos Position, payload int) {
	binary.LittleEndian.PutUint64(dst[8:], uint64(pos))
	binary.LittleEndian.PutUint32(dst[20:], uint32(payload)|uint32(kind)<<24)
}

// sealFrame completes the frame at the start of b, and returns its crc and its size on disk.
func sealFrame(b []byte, seed, prev uint32, synced Position) (crc uint32, size int64) {
	pos := Position(binary.LittleEndian.Uint64(b[8:]))
	n := int(binary.LittleEndian.Uint32(b[20:]) & MaxPayload)
	binary.LittleEndian.PutUint32(b[4:], prev)
	binary.LittleEndian.PutUint32(b[16:], uint32(min(int64(pos-synced)/frameAlign, math.MaxUint32)))
	crc = crc32.Update(seed, castagnoli, b[4:frameHeader+n])
	binary.LittleEndian.PutUint32(b, crc)
	return crc, frameSize(n)
}

// frame is a decoded header.
type frame struct {
	crc, prev uint32
	pos       Position
	synced    Position
	payload   int
	kind      frameKind
}

func (f frame) size() int64 { return frameSize(f.payload) }

// parseHeader decodes a header that claims to stand at pos. It checks all but the CRC: nothing here is larger than
// MaxPayload, so a caller may allocate by it.
func parseHeader(b []byte, pos Position) (frame, bool) {
	if len(b) < frameHeader || Position(binary.LittleEndian.Uint64(b[8:])) != pos {
		return frame{}, false
	}
	tail := binary.LittleEndian.Uint32(b[20:])
	f := frame{
		crc:     binary.LittleEndian.Uint32(b),
		prev:    binary.LittleEndian.Uint32(b[4:]),
		pos:     pos,
		synced:  pos - Position(binary.LittleEndian.Uint32(b[16:]))*frameAlign,
		payload: int(tail & MaxPayload),
		kind:    frameKind(tail >> 24),
	}
	return f, f.kind >= kindData && f.kind <= kindSeal && f.synced >= 0
}

// intact reports whether b, which starts with the header of f and holds the whole payload, carries the CRC of f.
func (f frame) intact(b []byte, seed uint32) bool {
	return crc32.Update(seed, castagnoli, b[4:frameHeader+f.payload]) == f.crc
}
