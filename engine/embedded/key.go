// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"encoding/binary"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
)

// What makes a record findable is hashed with its sort and its topic, so a key, an id and a verdict never meet by accident.
const (
	sortID      = 'i'
	sortKey     = 'k'
	sortVerdict = 'v'
)

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func hashKey(sort byte, topic record.TopicID, text []byte) uint64 {
	h := (uint64(fnvOffset) ^ uint64(sort)) * fnvPrime
	for i := range 4 {
		h = (h ^ uint64(byte(topic>>(8*i)))) * fnvPrime
	}
	for _, c := range text {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

func verdictKey(half log.Position) uint64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(half))
	return hashKey(sortVerdict, 0, b[:])
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
		keys = append(keys, hashKey(sortID, topic, b.ID))
	}
	for _, k := range b.Keys {
		keys = append(keys, hashKey(sortKey, topic, k))
	}
	return keys
}
