// SPDX-License-Identifier: Apache-2.0

// Package token is the embedded engine's own names for what it handed out: deliveries, halves and scheduled messages.
//
// They are not secret and not signed: who carries them over a network seals them. A token that does not parse is refused here; one
// that speaks of another topic or group is for its reader to refuse.
package token

import (
	"encoding/binary"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
)

const (
	sortLease     = 1
	sortHalf      = 2
	sortScheduled = 3
)

// Lease names one delivery.
type Lease struct {
	Ledger record.Ledger
	Offset int64
	Seq    uint64
}

// String is the token.
func (t Lease) String() string {
	b := make([]byte, 0, 24)
	b = append(b, sortLease)
	b = binary.AppendUvarint(b, uint64(t.Ledger.Group))
	b = binary.AppendUvarint(b, uint64(t.Ledger.Queue.Topic))
	b = binary.AppendUvarint(b, uint64(t.Ledger.Queue.Queue))
	b = binary.AppendUvarint(b, uint64(t.Offset))
	b = binary.AppendUvarint(b, t.Seq)
	return string(b)
}

// ParseLease reads what String wrote.
func ParseLease(s string) (t Lease, ok bool) {
	var v [5]uint64
	if !parse(s, sortLease, v[:]) || v[0] > 1<<32-1 || v[1] > 1<<32-1 || v[2] >= mq.MaxQueues || v[3] > 1<<62 {
		return t, false
	}
	t.Ledger.Group = record.GroupID(v[0])
	t.Ledger.Queue = record.Queue{Topic: record.TopicID(v[1]), Queue: mq.QueueID(v[2])}
	t.Offset, t.Seq = int64(v[3]), v[4]
	return t, true
}

// Half names a half by where it was first written.
type Half struct {
	ID    log.Position
	Topic record.TopicID
}

// String is the token.
func (t Half) String() string {
	b := binary.AppendUvarint([]byte{sortHalf}, uint64(t.ID))
	return string(binary.AppendUvarint(b, uint64(t.Topic)))
}

// ParseHalf reads what String wrote.
func ParseHalf(s string) (t Half, ok bool) {
	var v [2]uint64
	if !parse(s, sortHalf, v[:]) || v[0] == 0 || v[0] > 1<<62 || v[1] > 1<<32-1 {
		return t, false
	}
	return Half{log.Position(v[0]), record.TopicID(v[1])}, true
}

// Scheduled names a scheduled message by its due time and where it was first written.
type Scheduled struct {
	Due   int64
	ID    log.Position
	Topic record.TopicID
}

// String is the token.
func (t Scheduled) String() string {
	b := binary.AppendUvarint([]byte{sortScheduled}, uint64(t.Due))
	b = binary.AppendUvarint(b, uint64(t.ID))
	return string(binary.AppendUvarint(b, uint64(t.Topic)))
}

// ParseScheduled reads what String wrote.
func ParseScheduled(s string) (t Scheduled, ok bool) {
	var v [3]uint64
	if !parse(s, sortScheduled, v[:]) || v[0] > 1<<62 || v[1] == 0 || v[1] > 1<<62 || v[2] > 1<<32-1 {
		return t, false
	}
	return Scheduled{int64(v[0]), log.Position(v[1]), record.TopicID(v[2])}, true
}

func parse(s string, sort byte, v []uint64) bool {
	if len(s) > 64 || len(s) == 0 || s[0] != sort {
		return false
	}
	b := []byte(s[1:])
	for i := range v {
		x, n := binary.Uvarint(b)
		if n <= 0 {
			return false
		}
		v[i] = x
		b = b[n:]
	}
	return len(b) == 0
}
