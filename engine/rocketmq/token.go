// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"encoding/binary"

	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// Tokens are the engine's own names for what it handed out. They are not secret and not signed: who carries them over a network
// seals them. Signed numbers are kept as varints, the broker's name or a text comes last.

const (
	tokenLease     = 1
	tokenHalf      = 2
	tokenScheduled = 3
	maxToken       = 1024
)

// leaseToken names one delivery and where its message lies.
type leaseToken struct {
	handle   request.Handle
	physical int64
	attempt  int64
}

func (t leaseToken) String() string {
	h := t.handle
	return token(tokenLease, h.Broker, h.Start, h.PopMillis, h.InvisibleMillis, int64(h.ReviveQueue), int64(h.Retry), int64(h.Queue), h.Offset, t.physical, t.attempt)
}

func parseLease(s string) (t leaseToken, ok bool) {
	var v [9]int64
	if t.handle.Broker, ok = parseToken(s, tokenLease, v[:]); !ok {
		return t, false
	}
	h := &t.handle
	h.Start, h.PopMillis, h.InvisibleMillis, h.ReviveQueue, h.Retry = v[0], v[1], v[2], int32(v[3]), int32(v[4])
	h.Queue, h.Offset, t.physical, t.attempt = int32(v[5]), v[6], v[7], v[8]
	return t, h.Retry >= 0 && h.Retry <= 2
}

// ordered tells whether the lease belongs to an orderly run.
func (t leaseToken) ordered() bool { return t.handle.ReviveQueue == request.OrderRevive }

// halfToken names a half by its places.
type halfToken struct {
	broker           string
	offset, physical int64
}

func (t halfToken) String() string { return token(tokenHalf, t.broker, t.offset, t.physical) }

func parseHalf(s string) (t halfToken, ok bool) {
	var v [2]int64
	t.broker, ok = parseToken(s, tokenHalf, v[:])
	t.offset, t.physical = v[0], v[1]
	return t, ok
}

// scheduledToken is a broker's recall handle.
type scheduledToken struct{ broker, handle string }

func (t scheduledToken) String() string {
	return token(tokenScheduled, t.broker+t.handle, int64(len(t.broker)))
}

func parseScheduled(s string) (t scheduledToken, ok bool) {
	var v [1]int64
	both, ok := parseToken(s, tokenScheduled, v[:])
	if !ok || v[0] < 0 || v[0] > int64(len(both)) {
		return t, false
	}
	return scheduledToken{both[:v[0]], both[v[0]:]}, true
}

func token(sort byte, text string, numbers ...int64) string {
	b := append(make([]byte, 0, 64+len(text)), sort)
	for _, n := range numbers {
		b = binary.AppendVarint(b, n)
	}
	return string(append(b, text...))
}

func parseToken(s string, sort byte, numbers []int64) (text string, ok bool) {
	if len(s) == 0 || len(s) > maxToken || s[0] != sort {
		return "", false
	}
	b := []byte(s[1:])
	for i := range numbers {
		v, n := binary.Varint(b)
		if n <= 0 {
			return "", false
		}
		numbers[i], b = v, b[n:]
	}
	return string(b), len(b) > 0
}
