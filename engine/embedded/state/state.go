// SPDX-License-Identifier: Apache-2.0

// Package state is what the embedded engine knows, as a pure function of its log's records.
//
// The live engine and its recovery go through the same Apply: the engine decides what a record shall say, appends it, and
// applies it; recovery applies what it reads. So whatever the live path can reach, recovery reaches too, and a test compares
// the two by their Snapshot, which is canonical: equal states give equal bytes.
//
// The complication is a log whose oldest segments were dropped: its first records speak of topics and groups that nobody
// introduced. Before segments go, the engine appends a snapshot of everything but scheduled messages and halves, whose
// records it carries one by one. Recovery of such a log applies what it understands, ignores the rest, and replaces all of it
// when it meets the snapshot; from then on it is strict. A log that begins with its genesis record is strict from the start.
//
// State has no lock; its owner locks.
package state

import (
	"errors"
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/lease"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/timer"
	"github.com/causeway-mq/causeway/engine/embedded/txn"
	"github.com/causeway-mq/causeway/mq"
)

// Topic is a topic with its queues.
type Topic struct {
	ID      record.TopicID
	Spec    mq.TopicSpec
	Queues  []Queue                   // as many as the topic ever had
	Readers map[record.GroupID]*Group // groups that have a ledger in one of the queues
	Spread  uint32                    // where the next message without an order goes; soft
}

// Queue is the bounds of one queue.
type Queue struct {
	Lo      int64 // the first offset that was not expired
	Next    int64 // the offset of the next message
	Visible int64 // what consumers see ends here: everything below is durable. Soft; Next after recovery
}

// Group is a group with what it knows of each queue.
type Group struct {
	ID      record.GroupID
	Spec    mq.GroupSpec
	Ledgers map[record.Queue]*lease.Ledger
	Turn    uint32 // the queue at which the next take begins to look; soft
}

// State is everything. Its fields may be read; they change through Apply alone.
type State struct {
	Cluster   string
	Topics    map[record.TopicID]*Topic
	Groups    map[record.GroupID]*Group
	Timers    *timer.Queue
	Halves    *txn.Table
	LastTopic record.TopicID
	LastGroup record.GroupID
	LastSeq   uint64 // of grants
	LastTime  int64  // the latest time in any record

	topicNames map[mq.Physical]*Topic
	groupNames map[mq.Physical]*Group
	policy     txn.Policy
	whole      bool   // nothing is missing: unknown numbers are errors
	pieces     []byte // of a snapshot that is being read
	nextPiece  int64
}

// New makes the state of an empty log.
func New(policy txn.Policy) *State {
	s := &State{policy: policy, Timers: &timer.Queue{}, Halves: txn.New(policy)}
	s.clear()
	return s
}

// clear forgets everything but scheduled messages and halves.
func (s *State) clear() {
	s.Cluster = ""
	s.Topics, s.topicNames = map[record.TopicID]*Topic{}, map[mq.Physical]*Topic{}
	s.Groups, s.groupNames = map[record.GroupID]*Group{}, map[mq.Physical]*Group{}
	s.LastTopic, s.LastGroup, s.LastSeq, s.LastTime = 0, 0, 0, 0
}

// Whole tells whether nothing is missing: the log was read from its genesis or past a snapshot.
func (s *State) Whole() bool { return s.whole }

// Topic finds a topic by its name.
func (s *State) Topic(name mq.Physical) *Topic { return s.topicNames[name] }

// Group finds a group by its name.
func (s *State) Group(name mq.Physical) *Group { return s.groupNames[name] }

// Ledger finds what a group knows of a queue, nil before their first contact.
func (s *State) Ledger(l record.Ledger) *lease.Ledger {
	if g := s.Groups[l.Group]; g != nil {
		return g.Ledgers[l.Queue]
	}
	return nil
}

// Queue finds a queue of a topic, nil when there is none.
func (t *Topic) Queue(q mq.QueueID) *Queue {
	if q < 0 || int(q) >= len(t.Queues) {
		return nil
	}
	return &t.Queues[q]
}

// Queue finds a queue, nil when there is none.
func (s *State) Queue(q record.Queue) *Queue {
	if t := s.Topics[q.Topic]; t != nil {
		return t.Queue(q.Queue)
	}
	return nil
}

// ErrMissing means that a record speaks of something that does not exist: part of the log is missing.
var ErrMissing = errors.New("a record speaks of what does not exist")

func (s *State) missing(what string, id any) error {
	if !s.whole {
		return nil
	}
	return fmt.Errorf("state: %s %v: %w", what, id, ErrMissing)
}

// Apply makes the state follow one part of the record at pos.
func (s *State) Apply(pos log.Position, p record.Part) error {
	if piece, ok := p.(record.State); ok {
		return s.piece(piece)
	}
	s.pieces, s.nextPiece = nil, 0
	switch p := p.(type) {
	case record.Message:
		return s.Stored(p)
	case *record.Grant:
		return s.grant(p)
	case record.Settle:
		return s.settle(p)
	case record.Extend:
		return s.extend(p)
	case record.Position:
		return s.position(p)
	case record.Scheduled:
		s.scheduled(pos, p)
	case record.Half:
		s.half(pos, p)
	case record.Fire:
		s.Timers.Cancel(p.Due, p.ID)
	case record.Cancel:
		s.Timers.Cancel(p.Due, p.ID)
	case record.Verdict:
		s.time(p.At)
		s.Halves.Settle(p.ID)
	case record.Checked:
		s.time(p.At)
		s.Halves.Asked(p.ID, p.At)
	case record.Topic:
		s.topic(p)
	case record.Group:
		s.group(p)
	case record.DropTopic:
		s.dropTopic(p)
	case record.DropGroup:
		s.dropGroup(p.ID)
	case record.Expire:
		return s.expire(p)
	case record.Genesis:
		s.Cluster, s.whole = p.Cluster, true
		s.time(p.At)
	case record.Probe:
		s.time(p.At)
	default:
		return fmt.Errorf("state: part %d is none that a state can follow", p.Kind())
	}
	return nil
}

func (s *State) time(at int64) { s.LastTime = max(s.LastTime, at) }

// Stored books a message at its place.
func (s *State) Stored(m record.Message) error {
	s.time(m.At)
	q := s.Queue(m.Queue)
	if q == nil {
		return s.missing("queue", m.Queue)
	}
	if !m.Carried {
		q.Next = max(q.Next, m.Offset+1)
	}
	return nil
}

func (s *State) scheduled(pos log.Position, p record.Scheduled) {
	s.time(p.At)
	id := p.ID
	if id == 0 {
		id = pos
	}
	s.Timers.Add(timer.Entry{Due: p.Due, ID: id, At: pos})
}

func (s *State) half(pos log.Position, p record.Half) {
	s.time(p.At)
	id := p.ID
	if id == 0 {
		id = pos
	}
	s.Halves.Put(txn.Half{ID: id, At: pos, Topic: p.Name, Born: p.At, Next: p.Next, Round: int(p.Round)})
}

func (s *State) grant(p *record.Grant) error {
	l := s.Ledger(p.Ledger)
	if l == nil {
		return s.missing("ledger", p.Ledger)
	}
	s.LastSeq = max(s.LastSeq, p.Seq)
	for _, o := range p.Settled {
		l.Settle(o)
	}
	for _, t := range p.Taken {
		l.Grant(t.Offset, t.Order, p.Until, p.Seq)
	}
	for _, t := range p.Waiting {
		l.Wait(t.Offset, t.Order)
	}
	l.Skip(p.Next)
	if l.Ordered() && len(p.Taken) > 0 {
		l.SetAttempt(p.Taken[0].Order, p.Attempt)
	}
	return nil
}

func (s *State) settle(p record.Settle) error {
	l := s.Ledger(p.Ledger)
	if l == nil {
		return s.missing("ledger", p.Ledger)
	}
	for _, o := range p.Offsets {
		l.Settle(o)
	}
	return nil
}

func (s *State) extend(p record.Extend) error {
	l := s.Ledger(p.Ledger)
	if l == nil {
		return s.missing("ledger", p.Ledger)
	}
	s.LastSeq = max(s.LastSeq, p.Seq)
	for _, o := range p.Offsets {
		l.Extend(o, p.Until, p.Seq)
	}
	return nil
}

func (s *State) position(p record.Position) error {
	t, g := s.Topics[p.Ledger.Queue.Topic], s.Groups[p.Ledger.Group]
	if t == nil || t.Queue(p.Ledger.Queue.Queue) == nil || g == nil {
		return s.missing("ledger", p.Ledger)
	}
	if l := g.Ledgers[p.Ledger.Queue]; l != nil {
		l.Reset(p.Next)
		return nil
	}
	s.introduce(t, g, p.Ledger.Queue, lease.New(g.Spec.Ordered, p.Next))
	return nil
}

func (s *State) introduce(t *Topic, g *Group, q record.Queue, l *lease.Ledger) {
	g.Ledgers[q] = l
	t.Readers[g.ID] = g
}

func (s *State) expire(p record.Expire) error {
	t := s.Topics[p.Queue.Topic]
	if t == nil || t.Queue(p.Queue.Queue) == nil {
		return s.missing("queue", p.Queue)
	}
	q := t.Queue(p.Queue.Queue)
	q.Lo = max(q.Lo, p.Lo)
	for _, g := range t.Readers {
		if l := g.Ledgers[p.Queue]; l != nil {
			l.Expire(p.Lo, p.Keep)
		}
	}
	return nil
}

func (s *State) topic(p record.Topic) {
	s.time(p.At)
	s.LastTopic = max(s.LastTopic, p.ID)
	t := s.Topics[p.ID]
	if t == nil {
		t = &Topic{ID: p.ID, Readers: map[record.GroupID]*Group{}}
		s.Topics[p.ID] = t
		s.topicNames[p.Spec.Name] = t
	}
	t.Spec = p.Spec
	for len(t.Queues) < p.Spec.Queues {
		t.Queues = append(t.Queues, Queue{})
	}
}

func (s *State) group(p record.Group) {
	s.time(p.At)
	s.LastGroup = max(s.LastGroup, p.ID)
	g := s.Groups[p.ID]
	if g == nil {
		g = &Group{ID: p.ID, Ledgers: map[record.Queue]*lease.Ledger{}}
		s.Groups[p.ID] = g
		s.groupNames[p.Spec.Name] = g
	}
	g.Spec = p.Spec
	for _, l := range g.Ledgers {
		l.SetOrdered(p.Spec.Ordered)
	}
}

func (s *State) dropTopic(p record.DropTopic) {
	var gone []log.Position
	s.Halves.Each(func(h txn.Half) bool {
		if h.Topic == p.Name {
			gone = append(gone, h.ID)
		}
		return true
	})
	for _, id := range gone {
		s.Halves.Settle(id)
	}
	t := s.Topics[p.ID]
	if t == nil {
		return
	}
	delete(s.Topics, p.ID)
	delete(s.topicNames, p.Name)
	for _, g := range t.Readers {
		for q := range t.Queues {
			delete(g.Ledgers, record.Queue{Topic: p.ID, Queue: mq.QueueID(q)})
		}
	}
}

func (s *State) dropGroup(id record.GroupID) {
	g := s.Groups[id]
	if g == nil {
		return
	}
	delete(s.Groups, id)
	delete(s.groupNames, g.Spec.Name)
	for q := range g.Ledgers {
		if t := s.Topics[q.Topic]; t != nil {
			delete(t.Readers, id)
		}
	}
}

// Retention is how long a topic's messages are kept at least.
func (t *Topic) Retention(otherwise time.Duration) time.Duration {
	if t.Spec.Retention > 0 {
		return t.Spec.Retention
	}
	return otherwise
}
