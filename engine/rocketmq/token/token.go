// SPDX-License-Identifier: Apache-2.0

// Package token holds the engine's own names for what it handed out.
//
// They are not secret and not signed: who carries them over a network seals them. Signed numbers are kept as varints, the broker's name or
// a text comes last. A token that does not parse, or is of another sort, is refused.
package token

import (
	"encoding/binary"

	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

const (
	sortLease     = 1
	sortHalf      = 2
	sortScheduled = 3
	maxToken      = 1024
	usual         = 128 // bytes that most tokens do not exceed
)

// Lease names one delivery and where its message lies.
type Lease struct {
	Handle   request.Handle
	Physical int64 // of the message in the broker's log
	Attempt  int64 // 1 for the first delivery
}

// String is the token.
func (t Lease) String() string {
	h := t.Handle
	return encode(sortLease, h.Broker, h.Start, h.PopMillis, h.InvisibleMillis, int64(h.ReviveQueue), int64(h.Retry), int64(h.Queue), h.Offset, t.Physical, t.Attempt)
}

// ParseLease reads a token.
func ParseLease(s string) (t Lease, ok bool) {
	var v [9]int64
	if t.Handle.Broker, ok = decode(s, sortLease, v[:]); !ok {
		return t, false
	}
	h := &t.Handle
	h.Start, h.PopMillis, h.InvisibleMillis, h.ReviveQueue, h.Retry = v[0], v[1], v[2], int32(v[3]), int32(v[4])
	h.Queue, h.Offset, t.Physical, t.Attempt = int32(v[5]), v[6], v[7], v[8]
	return t, h.Retry >= 0 && h.Retry <= 2
}

// Ordered tells whether the lease belongs to an orderly run.
func (t Lease) Ordered() bool { return t.Handle.ReviveQueue == request.OrderRevive }

// Half names a half by its places.
type Half struct {
	Broker           string
	Offset, Physical int64 // in the topic of halves, in the broker's log
}

// String is the token.
func (t Half) String() string { return encode(sortHalf, t.Broker, t.Offset, t.Physical) }

// ParseHalf reads a token.
func ParseHalf(s string) (t Half, ok bool) {
	var v [2]int64
	t.Broker, ok = decode(s, sortHalf, v[:])
	t.Offset, t.Physical = v[0], v[1]
	return t, ok
}

// Scheduled is a broker's recall handle.
type Scheduled struct{ Broker, Handle string }

// String is the token.
func (t Scheduled) String() string {
	return encode(sortScheduled, t.Broker+t.Handle, int64(len(t.Broker)))
}

// ParseScheduled reads a token.
func ParseScheduled(s string) (t Scheduled, ok bool) {
	var v [1]int64
	both, ok := decode(s, sortScheduled, v[:])
	if !ok || v[0] < 0 || v[0] > int64(len(both)) {
		return t, false
	}
	return Scheduled{both[:v[0]], both[v[0]:]}, true
}

func encode(sort byte, text string, numbers ...int64) string {
	b := append(make([]byte, 0, usual), sort) // of a known size: it stays off the heap
	for _, n := range numbers {
		b = binary.AppendVarint(b, n)
	}
	return string(append(b, text...))
}

func decode(s string, sort byte, numbers []int64) (text string, ok bool) {
	if len(s) == 0 || len(s) > maxToken || s[0] != sort {
		return "", false
	}
	b := append(make([]byte, 0, usual), s[1:]...)
	for i := range numbers {
		v, n := binary.Varint(b)
		if n <= 0 {
			return "", false
		}
		numbers[i], b = v, b[n:]
	}
	return s[len(s)-len(b):], len(b) > 0
}
