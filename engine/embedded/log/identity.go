// SPDX-License-Identifier: Apache-2.0

package log

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/causeway-mq/causeway/internal/fsys"
)

// The identity file says whose directory this is, in which format, where the log begins (without that a segment that
// vanished from the front could not be told from one that was dropped), and how far it was durable when it was last
// opened or closed (which shows a tail that the disk lost together with the marks in it). It holds two equal copies,
// so one damaged sector does not cost the log.
const (
	identityName   = "causeway.log"
	identityMagic  = "CWLOGID\n"
	identityBytes  = 64
	identityCopyAt = 2048
	identityLimit  = 4096

	lockName    = "LOCK"
	reserveName = "reserve"
)

// identity: 0 magic, 8 version uint32, 16 log id, 24 low, 32 synced, 60 crc of 0..60.
type identity struct {
	version uint32
	id      logID
	low     Position // base of the oldest segment
	synced  Position // everything below was durable
}

func newLogID() logID {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return logID(binary.LittleEndian.Uint64(b[:]))
}

func (i identity) encode() []byte {
	block := make([]byte, identityLimit)
	b := block[:identityBytes]
	copy(b, identityMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint64(b[16:], uint64(i.id))
	binary.LittleEndian.PutUint64(b[24:], uint64(i.low))
	binary.LittleEndian.PutUint64(b[32:], uint64(i.synced))
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	copy(block[identityCopyAt:], b)
	return block
}

func decodeIdentity(block []byte) (i identity, found, whole bool) {
	if len(block) < identityCopyAt+identityBytes {
		return identity{}, false, false
	}
	first, ok1 := decodeIdentityCopy(block[:identityBytes])
	second, ok2 := decodeIdentityCopy(block[identityCopyAt : identityCopyAt+identityBytes])
	if !ok1 || ok2 && second.newer(first) {
		first = second
	}
	return first, ok1 || ok2, ok1 && ok2 && first == second
}

func decodeIdentityCopy(b []byte) (identity, bool) {
	if string(b[:8]) != identityMagic || crc32.Checksum(b[:60], castagnoli) != binary.LittleEndian.Uint32(b[60:]) {
		return identity{}, false
	}
	return identity{
		version: binary.LittleEndian.Uint32(b[8:]),
		id:      logID(binary.LittleEndian.Uint64(b[16:])),
		low:     Position(binary.LittleEndian.Uint64(b[24:])),
		synced:  Position(binary.LittleEndian.Uint64(b[32:])),
	}, true
}

// newer compares two copies of which a crash may have left one behind.
func (i identity) newer(than identity) bool {
	return i.low > than.low || i.low == than.low && i.synced > than.synced
}

func (i identity) install(files fsys.FS) error {
	if err := fsys.Install(files, identityName, i.encode()); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	return nil
}

// ID is the random number that this log was given when it was made: what is derived from the log is bound to it.
func (l *Log) ID() uint64 { return uint64(l.id) }
