// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/causeway-mq/causeway/engine/embedded/lease"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/timer"
	"github.com/causeway-mq/causeway/engine/embedded/txn"
	"github.com/causeway-mq/causeway/mq"
)

const snapshotVersion = 1

var errSnapshot = errors.New("state: snapshot is damaged")

// Snapshot is the whole state; equal states give equal bytes.
func (s *State) Snapshot() []byte {
	core := s.Core()
	var b bytes.Buffer
	b.Grow(len(core) + 24*s.Timers.Len() + 96*s.Halves.Len() + 64)
	b.Write(binary.AppendUvarint(nil, snapshotVersion))
	b.Write(binary.AppendUvarint(nil, uint64(len(core))))
	b.Write(core)
	_ = s.Halves.Snapshot(&b) // a bytes.Buffer takes everything
	_ = s.Timers.Snapshot(&b)
	return b.Bytes()
}

// Restore makes a state of what Snapshot gave.
func Restore(b []byte, policy txn.Policy) (*State, error) {
	r := &decoder{b: b}
	if v := r.uvarint(); v != snapshotVersion {
		return nil, fmt.Errorf("state: snapshot of version %d, this program reads %d", v, snapshotVersion)
	}
	s := New(policy)
	core := r.take(r.uvarint())
	if err := s.setCore(core); err != nil {
		return nil, err
	}
	if r.bad {
		return nil, errSnapshot
	}
	var err error
	rest := bytes.NewReader(r.b)
	if s.Halves, err = txn.Restore(policy, rest); err != nil {
		return nil, err
	}
	if s.Timers, err = timer.Restore(rest); err != nil {
		return nil, err
	}
	if rest.Len() > 0 {
		return nil, errSnapshot
	}
	return s, nil
}

// Core is the state without scheduled messages and halves: what a log needs to know before its oldest segments go.
func (s *State) Core() []byte {
	b := appendString(nil, s.Cluster)
	b = binary.AppendUvarint(b, uint64(s.LastTopic))
	b = binary.AppendUvarint(b, uint64(s.LastGroup))
	b = binary.AppendUvarint(b, s.LastSeq)
	b = binary.AppendVarint(b, s.LastTime)
	b = binary.AppendUvarint(b, uint64(len(s.Topics)))
	for _, id := range slices.Sorted(maps.Keys(s.Topics)) {
		t := s.Topics[id]
		b = appendPart(b, record.Topic{ID: id, Spec: t.Spec})
		b = binary.AppendUvarint(b, uint64(len(t.Queues)))
		for _, q := range t.Queues {
			b = binary.AppendVarint(b, q.Lo)
			b = binary.AppendVarint(b, q.Next)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(s.Groups)))
	for _, id := range slices.Sorted(maps.Keys(s.Groups)) {
		g := s.Groups[id]
		b = appendPart(b, record.Group{ID: id, Spec: g.Spec})
		b = binary.AppendUvarint(b, uint64(len(g.Ledgers)))
		for _, q := range slices.SortedFunc(maps.Keys(g.Ledgers), compareQueues) {
			b = binary.AppendUvarint(b, uint64(q.Topic))
			b = binary.AppendUvarint(b, uint64(q.Queue))
			b = appendLedger(b, g.Ledgers[q])
		}
	}
	return b
}

func compareQueues(a, b record.Queue) int {
	if a.Topic != b.Topic {
		return int(int64(a.Topic) - int64(b.Topic))
	}
	return int(a.Queue - b.Queue)
}

func appendLedger(b []byte, l *lease.Ledger) []byte {
	b = binary.AppendVarint(b, l.Next())
	b = binary.AppendUvarint(b, uint64(l.Len()))
	for _, e := range l.Entries() {
		b = binary.AppendVarint(b, e.Offset)
		b = binary.AppendVarint(b, int64(e.Attempt))
		b = binary.AppendVarint(b, e.Until)
		b = binary.AppendUvarint(b, e.Seq)
		b = binary.AppendUvarint(b, e.Order)
	}
	attempts := l.Attempts()
	b = binary.AppendUvarint(b, uint64(len(attempts)))
	for _, a := range attempts {
		b = binary.AppendUvarint(b, a.Order)
		b = appendString(b, a.Name)
	}
	return b
}

// setCore replaces all that Core gives.
func (s *State) setCore(b []byte) error {
	s.clear()
	r := &decoder{b: b}
	s.Cluster = r.string()
	s.LastTopic, s.LastGroup = record.TopicID(r.uvarint()), record.GroupID(r.uvarint())
	s.LastSeq, s.LastTime = r.uvarint(), r.varint()
	for range r.count() {
		spec, ok := r.part().(record.Topic)
		if !ok {
			return errSnapshot
		}
		s.topic(spec)
		t := s.Topics[spec.ID]
		n := r.count()
		if n > mq.MaxQueues {
			return errSnapshot
		}
		t.Queues = make([]Queue, n)
		for i := range t.Queues {
			t.Queues[i].Lo, t.Queues[i].Next = r.varint(), r.varint()
		}
	}
	for range r.count() {
		spec, ok := r.part().(record.Group)
		if !ok {
			return errSnapshot
		}
		s.group(spec)
		for range r.count() {
			q := record.Queue{Topic: record.TopicID(r.uvarint()), Queue: mq.QueueID(r.uvarint())}
			l := r.ledger(spec.Spec.Ordered)
			t := s.Topics[q.Topic]
			if r.bad || t == nil {
				return errSnapshot
			}
			s.introduce(t, s.Groups[spec.ID], q, l)
		}
	}
	if r.bad || len(r.b) > 0 {
		return errSnapshot
	}
	s.whole = true
	return nil
}

// piece collects a snapshot that is spread over several records. One that never ends is forgotten.
func (s *State) piece(p record.State) error {
	if p.Piece == 0 {
		s.pieces, s.nextPiece = nil, 0
	}
	if p.Piece != s.nextPiece {
		s.pieces, s.nextPiece = nil, -1
		return nil
	}
	s.pieces = append(s.pieces, p.Data...)
	s.nextPiece++
	if !p.Last {
		return nil
	}
	core := s.pieces
	s.pieces, s.nextPiece = nil, 0
	return s.setCore(core)
}

func appendPart(b []byte, p record.Part) []byte {
	encoded := record.Encode(nil, p)
	b = binary.AppendUvarint(b, uint64(len(encoded)))
	return append(b, encoded...)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decoder takes values off the front of b; after the first that is not there, bad is set.
type decoder struct {
	b   []byte
	bad bool
}

func (r *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *decoder) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads a number of elements, each of which takes at least a byte.
func (r *decoder) count() int {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return 0
	}
	return int(n)
}

func (r *decoder) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *decoder) string() string { return string(r.take(r.uvarint())) }

func (r *decoder) physical() mq.Physical {
	p, err := mq.ParsePhysical(r.string())
	r.bad = r.bad || err != nil
	return p
}

func (r *decoder) part() (p record.Part) {
	payload := r.take(r.uvarint())
	err := record.Each(payload, func(one record.Part) error {
		if p != nil {
			return io.ErrUnexpectedEOF
		}
		p = one
		return nil
	})
	r.bad = r.bad || err != nil
	return p
}

func (r *decoder) ledger(ordered bool) *lease.Ledger {
	next := r.varint()
	entries := make([]lease.Entry, r.count())
	for i := range entries {
		entries[i] = lease.Entry{Offset: r.varint(), Attempt: int(r.varint()), Until: r.varint(), Seq: r.uvarint(), Order: r.uvarint()}
	}
	l := lease.New(ordered, next)
	l.Load(next, entries)
	for range r.count() {
		l.SetAttempt(r.uvarint(), r.string())
	}
	return l
}
