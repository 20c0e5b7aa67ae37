// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"encoding/binary"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
)

// Tokens are the engine's own names for what it handed out. They are not secret and not signed: who carries them over a
// network seals them. A token that does not parse, or that speaks of another topic or group, is refused.

const (
	tokenLease     = 1
	tokenHalf      = 2
	tokenScheduled = 3
)

// leaseToken names one delivery.
type leaseToken struct {
	ledger record.Ledger
	offset int64
	seq    uint64
}

func (t leaseToken) String() string {
	b := make([]byte, 0, 24)
	b = append(b, tokenLease)
	b = binary.AppendUvarint(b, uint64(t.ledger.Group))
	b = binary.AppendUvarint(b, uint64(t.ledger.Queue.Topic))
	b = binary.AppendUvarint(b, uint64(t.ledger.Queue.Queue))
	b = binary.AppendUvarint(b, uint64(t.offset))
	b = binary.AppendUvarint(b, t.seq)
	return string(b)
}

func parseLease(s string) (t leaseToken, ok bool) {
	var v [5]uint64
	if !parseToken(s, tokenLease, v[:]) || v[0] > 1<<32-1 || v[1] > 1<<32-1 || v[2] >= mq.MaxQueues || v[3] > 1<<62 {
		return t, false
	}
	t.ledger.Group = record.GroupID(v[0])
	t.ledger.Queue = record.Queue{Topic: record.TopicID(v[1]), Queue: mq.QueueID(v[2])}
	t.offset, t.seq = int64(v[3]), v[4]
	return t, true
}

// halfToken names a half by where it was first written.
type halfToken struct {
	id    log.Position
	topic record.TopicID
}

func (t halfToken) String() string {
	b := binary.AppendUvarint([]byte{tokenHalf}, uint64(t.id))
	return string(binary.AppendUvarint(b, uint64(t.topic)))
}

func parseHalf(s string) (t halfToken, ok bool) {
	var v [2]uint64
	if !parseToken(s, tokenHalf, v[:]) || v[0] == 0 || v[0] > 1<<62 || v[1] > 1<<32-1 {
		return t, false
	}
	return halfToken{log.Position(v[0]), record.TopicID(v[1])}, true
}

// scheduledToken names a scheduled message by its due time and where it was first written.
type scheduledToken struct {
	due   int64
	id    log.Position
	topic record.TopicID
}

func (t scheduledToken) String() string {
	b := binary.AppendUvarint([]byte{tokenScheduled}, uint64(t.due))
	b = binary.AppendUvarint(b, uint64(t.id))
	return string(binary.AppendUvarint(b, uint64(t.topic)))
}

func parseScheduled(s string) (t scheduledToken, ok bool) {
	var v [3]uint64
	if !parseToken(s, tokenScheduled, v[:]) || v[0] > 1<<62 || v[1] == 0 || v[1] > 1<<62 || v[2] > 1<<32-1 {
		return t, false
	}
	return scheduledToken{int64(v[0]), log.Position(v[1]), record.TopicID(v[2])}, true
}

func parseToken(s string, sort byte, v []uint64) bool {
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
