// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"encoding/binary"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
)

// The sorts of keys. What makes a record findable is hashed with its sort and its topic, so a key, an id and a verdict never
// meet by accident.
const (
	SortID      = 'i'
	SortKey     = 'k'
	sortVerdict = 'v'
)

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// Key hashes an id or a key of a topic's messages, for Index.Find.
func Key(sort byte, topic record.TopicID, text []byte) uint64 {
	h := (uint64(fnvOffset) ^ uint64(sort)) * fnvPrime
	for i := range 4 {
		h = (h ^ uint64(byte(topic>>(8*i)))) * fnvPrime
	}
	for _, c := range text {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

// VerdictKey hashes the name of a half, for Index.Find.
func VerdictKey(half log.Position) uint64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(half))
	return Key(sortVerdict, 0, b[:])
}

// keysOf hashes a message's id and keys.
func keysOf(topic record.TopicID, raw record.Raw) []uint64 {
	var brief record.Brief
	if raw.Brief(&brief) != nil {
		return nil
	}
	return briefKeys(topic, &brief)
}

func briefKeys(topic record.TopicID, b *record.Brief) []uint64 {
	keys := make([]uint64, 0, 1+len(b.Keys))
	if len(b.ID) > 0 {
		keys = append(keys, Key(SortID, topic, b.ID))
	}
	for _, k := range b.Keys {
		keys = append(keys, Key(SortKey, topic, k))
	}
	return keys
}
