// SPDX-License-Identifier: Apache-2.0

// Package trail remembers what a proxy did with each message, so that somebody who asks where a message is can be told.
//
// Records lie in memory, within a number of bytes, and the oldest go first. Nobody is told of them until he asks: messages pass a hundred thousand times a second, and a
// trace is looked at now and then.
//
// What must hold:
//
//   - Noting costs a hundred nanoseconds and no allocation, and waits for no reader for longer than it takes to look through one chunk.
//   - The bytes are a bound, names of clients included, whatever clients call themselves.
//   - A trail knows from when on it is whole. What lies before is not known, which is not the same as "it did not happen".
//   - The rare does not drown in the ordinary: what tells why a message had trouble has records of its own.
//   - Who asks is told what is his: see Ask.
//
// All records of one message lie in one shard, chosen by its id, so a question looks through one shard alone and no index is kept. A record has a fixed size and no pointer; the
// names that many records share stand in tables of their own.
//
// Rejected: an index by message, which costs more than the records and is asked now and then; names in each chunk of records, which go when the chunk goes, but of a thousand clients
// take more than the records, and more time than all the rest.
package trail

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// MinBytes is the smallest memory of a trail.
const MinBytes = 4 << 20

// DefaultBytes is what a proxy remembers in when nothing is said.
const DefaultBytes = 64 << 20

const (
	shards = 16
	// scopeShare is the part of the memory for names, rareShare the part of the rest that what is rare has for itself.
	scopeShare, rareShare = 8, 4
)

// Kind is what happened to a message.
type Kind uint8

// The kinds. Those of a send stand for the send and for where the message went with it.
const (
	Stored     Kind = iota + 1 // sent, and stored in its queue
	Scheduled                  // sent, and kept until its time
	Prepared                   // sent, and kept until its transaction ends
	Delivered                  // handed to a consumer, which has it for itself until a time
	Pulled                     // read by a consumer of a group that reads by offset
	Returned                   // freed at once, since its consumer went away before it had the message
	Acked                      // acknowledged
	Changed                    // the consumer moved the time until which it has the message: it comes back then
	Forwarded                  // given up by its consumer: moved to the group's dead letters
	Checked                    // its producer was asked how the transaction ended
	Committed                  // its transaction ended: it is delivered
	RolledBack                 // its transaction ended: it is forgotten
	Recalled                   // it was scheduled, and is cancelled
	kinds
)

// words are the kinds on their way to a control plane.
func words() [kinds]string {
	return [kinds]string{
		Stored: "stored", Scheduled: "scheduled", Prepared: "prepared", Delivered: "delivered", Pulled: "pulled", Returned: "returned", Acked: "acked", Changed: "changed",
		Forwarded: "forwarded", Checked: "checked", Committed: "committed", RolledBack: "rolled-back", Recalled: "recalled",
	}
}

// String is the kind in a word.
func (k Kind) String() string {
	if k == 0 || k >= kinds {
		return "unknown"
	}
	return words()[k]
}

// Sent tells whether the kind is a send.
func (k Kind) Sent() bool { return k == Stored || k == Scheduled || k == Prepared }

// Scope is who did something, and with what: what the events of one call have in common. It is one call's, and is not shared.
type Scope struct {
	Owner  mq.Tenant // whose topic it is
	Tenant mq.Tenant // who called
	App    string    // "" for an unsigned caller
	Client mq.ClientID
	Topic  mq.Physical
	Group  mq.GroupName // of a consumer

	known  bool // the rest holds what was found out with the last event
	broker string
	ref    scopeRef
}

// Event is one thing that happened to one message. At is when it began; what is not known of an event is zero.
type Event struct {
	Kind    Kind
	ID      mq.MessageID
	At      time.Time
	Took    time.Duration
	Until   time.Time // the end of a lease, the time of a scheduled message
	Broker  string
	Queue   mq.QueueID
	Offset  mq.Offset // -1: it has no place
	Attempt int       // of a delivery; of a check, which one it is
	ByCheck bool      // a verdict that answers a check
	Result  mq.Kind   // what it was refused with
	Unknown bool      // it may have happened all the same
}

// Failed notes how an event ended, from an error of the engine.
func (e *Event) Failed(err error) {
	e.Result, e.Unknown = mq.KindOf(err), mq.Outcome(err) == mq.Unknown
}

// rare tells what has records of its own: what went on after a first attempt, what was decided about a message, and what nobody knows the end of.
func (e *Event) rare() bool {
	switch e.Kind {
	case Stored, Scheduled, Prepared:
		return e.Unknown
	case Delivered, Acked:
		return e.Attempt > 1 || e.Result != 0
	case Pulled:
		return false
	}
	return true
}

// Trail is safe for concurrent use. A nil Trail remembers nothing.
type Trail struct {
	clock  clock.Clock
	began  time.Time
	seeds  [2]maphash.Seed
	shards [shards]shard
	scopes scopes
	wants  wants
}

type shard struct {
	mu    sync.Mutex // guards all below; held while one chunk is looked through, never for longer
	usual ring
	rare  ring
	_     [64]byte // neighbours do not share a line of the processor's cache
}

// New makes a trail of so many bytes; fewer than MinBytes are none, and give nil.
func New(bytes int64, c clock.Clock) *Trail {
	if bytes < MinBytes {
		return nil
	}
	t := &Trail{clock: c, began: c.Now(), seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	t.wants.all = map[want]*span{}
	t.scopes.init(bytes/scopeShare, maphash.MakeSeed())
	each := (bytes - bytes/scopeShare - wantBytes) / shards
	for i := range t.shards {
		s := &t.shards[i]
		s.rare.init(each/rareShare, t.began)
		s.usual.init(each-each/rareShare, t.began)
	}
	return t
}

// Note remembers an event. Its strings are copied where they are kept.
func (t *Trail) Note(s *Scope, e *Event) {
	if t == nil {
		return
	}
	id := t.key(e.ID)
	if id == (key{}) {
		return
	}
	r := pack(id, e)
	if !s.known || s.broker != e.Broker {
		n := namesOf(s, e.Broker)
		s.known, s.broker, s.ref = true, e.Broker, t.scopes.ref(&n, r.at+int64(r.took))
	}
	r.scope = s.ref
	at := &t.shards[id[0]%shards]
	at.mu.Lock()
	if e.rare() {
		at.rare.add(&r)
	} else {
		at.usual.add(&r)
	}
	at.mu.Unlock()
}

// On tells whether anything is remembered.
func (t *Trail) On() bool { return t != nil }

// Bytes is what is taken now, with all that filters may take.
func (t *Trail) Bytes() int64 {
	if t == nil {
		return 0
	}
	sum := t.scopes.bytes() + wantBytes
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		sum += s.usual.bytes() + s.rare.bytes()
		s.mu.Unlock()
	}
	return sum
}

// key is a message's id in sixteen bytes. Two ids of one key are never seen: nobody knows the seeds.
type key [2]uint64

// key is zero for no id.
func (t *Trail) key(id mq.MessageID) key {
	text := id.String()
	if text == "" {
		return key{}
	}
	return key{maphash.String(t.seeds[0], text), maphash.String(t.seeds[1], text) | 1}
}
