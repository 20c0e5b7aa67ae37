// SPDX-License-Identifier: Apache-2.0

// Package record is the format of what the embedded engine writes to its log.
//
// A record is one version byte and then parts, each with its kind, its length and its content. One record is one operation of
// the engine: the log stores it whole or not at all, so parts that belong together (a lease and the dead letter that it made)
// never come apart.
//
// What must hold: a decoder never allocates more than the bytes it was given justify, never reads past them, and refuses
// what it does not know by name. A part's layout never changes; a new layout is a new kind. Decoded byte slices and
// messages point into the payload that they were decoded from.
package record

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/mq"
)

// Version is the first byte of every record.
const Version = 1

// ErrMalformed is matched by every refusal of a decoder.
var ErrMalformed = errors.New("malformed record")

// Kind is the first byte of a part.
type Kind uint8

// The kinds of parts. A number is never given to another meaning.
const (
	KindGenesis   Kind = 1
	KindTopic     Kind = 2
	KindGroup     Kind = 3
	KindDropTopic Kind = 4
	KindDropGroup Kind = 5
	KindMessage   Kind = 6
	KindScheduled Kind = 7
	KindHalf      Kind = 8
	KindFire      Kind = 9
	KindCancel    Kind = 10
	KindVerdict   Kind = 11
	KindChecked   Kind = 12
	KindGrant     Kind = 13
	KindSettle    Kind = 14
	KindExtend    Kind = 15
	KindPosition  Kind = 16
	KindExpire    Kind = 17
	KindState     Kind = 18
	KindProbe     Kind = 19
)

// TopicID numbers a topic within one log: a topic that is dropped and made again has another one.
type TopicID uint32

// GroupID numbers a group within one log.
type GroupID uint32

// Queue names one queue.
type Queue struct {
	Topic TopicID
	Queue mq.QueueID
}

// Ledger names what one group knows of one queue.
type Ledger struct {
	Group GroupID
	Queue Queue
}

// Part is one of the types below.
type Part interface {
	// Kind tells them apart.
	Kind() Kind
	// appendTo adds the content, without kind and length.
	appendTo(b []byte) []byte
}

// Genesis is the first part of a log.
type Genesis struct {
	Cluster string
	At      int64 // nanoseconds since the Unix epoch, as all times here
}

// Topic gives a topic its number and its spec, or a known number another spec.
type Topic struct {
	ID   TopicID
	At   int64
	Spec mq.TopicSpec
}

// Group gives a group its number and its spec, or a known number another spec.
type Group struct {
	ID   GroupID
	At   int64
	Spec mq.GroupSpec
}

// DropTopic ends a topic with all its messages. Its name stands beside its number for readers who never met the number.
type DropTopic struct {
	ID   TopicID
	Name mq.Physical
}

// DropGroup ends a group with all it knew.
type DropGroup struct{ ID GroupID }

// Message is a message at its place.
type Message struct {
	Queue   Queue
	Offset  int64
	At      int64 // when it was stored at this place
	Carried bool  // written again from an older segment: its place is not new
	Raw     Raw
}

// Scheduled is a message that waits for its time.
type Scheduled struct {
	Topic TopicID
	ID    log.Position // 0 = the record's own position; set when it was carried
	Due   int64
	At    int64
	Raw   Raw
}

// Half is a message of an open transaction.
type Half struct {
	Topic TopicID
	Name  mq.Physical  // of the topic, for readers who never met the number
	ID    log.Position // 0 = the record's own position; set when it was carried
	At    int64
	Next  int64 // the next check
	Round int64 // checks so far
	Raw   Raw
}

// Fire ends a scheduled message: it became the message that stands in the same record.
type Fire struct {
	ID  log.Position
	Due int64
}

// Cancel ends a scheduled message: it was recalled, or its topic is gone.
type Cancel struct {
	ID  log.Position
	Due int64
}

// Verdict ends a half. A committed one became the message that stands in the same record.
type Verdict struct {
	Topic   TopicID
	ID      log.Position
	Verdict mq.Verdict
	GivenUp bool  // nobody answered: the message went to the give-up topic
	At      int64 // when it was given; a carried one keeps its time
}

// Checked notes that a producer was asked about a half.
type Checked struct {
	ID log.Position
	At int64
}

// Taken is one offset that a grant touches.
type Taken struct {
	Offset int64
	Order  uint64 // hash of the message group, for ordered groups
}

// Grant is what a take did to one ledger. What lies between the old and the new Next and is named nowhere is settled: it did
// not pass the filter.
type Grant struct {
	Ledger  Ledger
	Next    int64 // everything at or above is still unseen
	Until   int64
	Seq     uint64 // names this delivery in its tokens
	Attempt string // for ordered groups: the attempt that may ask again
	Taken   []Taken
	Waiting []Taken // seen and held back by order
	Settled []int64 // known before, and settled by this take: dead letters and filter misses
}

// Settle ends offsets for a group.
type Settle struct {
	Ledger  Ledger
	Offsets []int64
}

// Extend moves the end of leases. A Seq of 0 leaves their tokens valid.
type Extend struct {
	Ledger  Ledger
	Until   int64
	Seq     uint64
	Offsets []int64
}

// Position puts a group at an offset of a queue and forgets what it knew there: first contact, commit of a pulling group, or
// reset.
type Position struct {
	Ledger Ledger
	Next   int64
}

// Expire moves the beginning of a queue. Keep lists the offsets below that stay readable because they are leased.
type Expire struct {
	Queue Queue
	Lo    int64
	Keep  []int64
}

// State is a piece of the engine's whole state, written before the records that it came from are dropped. The pieces of one
// state stand in consecutive records.
type State struct {
	Piece int64 // from 0
	Last  bool
	Data  []byte
}

// Probe is a canary.
type Probe struct{ At int64 }

// Kind tells what it is.
func (Genesis) Kind() Kind { return KindGenesis }

// Kind tells what it is.
func (Topic) Kind() Kind { return KindTopic }

// Kind tells what it is.
func (Group) Kind() Kind { return KindGroup }

// Kind tells what it is.
func (DropTopic) Kind() Kind { return KindDropTopic }

// Kind tells what it is.
func (DropGroup) Kind() Kind { return KindDropGroup }

// Kind tells what it is.
func (Message) Kind() Kind { return KindMessage }

// Kind tells what it is.
func (Scheduled) Kind() Kind { return KindScheduled }

// Kind tells what it is.
func (Half) Kind() Kind { return KindHalf }

// Kind tells what it is.
func (Fire) Kind() Kind { return KindFire }

// Kind tells what it is.
func (Cancel) Kind() Kind { return KindCancel }

// Kind tells what it is.
func (Verdict) Kind() Kind { return KindVerdict }

// Kind tells what it is.
func (Checked) Kind() Kind { return KindChecked }

// Kind tells what it is.
func (*Grant) Kind() Kind { return KindGrant }

// Kind tells what it is.
func (Settle) Kind() Kind { return KindSettle }

// Kind tells what it is.
func (Extend) Kind() Kind { return KindExtend }

// Kind tells what it is.
func (Position) Kind() Kind { return KindPosition }

// Kind tells what it is.
func (Expire) Kind() Kind { return KindExpire }

// Kind tells what it is.
func (State) Kind() Kind { return KindState }

// Kind tells what it is.
func (Probe) Kind() Kind { return KindProbe }

const partHeader = 5 // kind, length

// Encode appends a record of the given parts to b.
func Encode(b []byte, parts ...Part) []byte {
	b = append(b, Version)
	for _, p := range parts {
		b = appendPart(b, p)
	}
	return b
}

func appendPart(b []byte, p Part) []byte {
	at := len(b)
	b = append(b, byte(p.Kind()), 0, 0, 0, 0)
	b = p.appendTo(b)
	binary.LittleEndian.PutUint32(b[at+1:], uint32(len(b)-at-partHeader))
	return b
}

// Each decodes a record and calls f for every part until f returns an error, which is returned.
func Each(payload []byte, f func(Part) error) error {
	if len(payload) == 0 || payload[0] != Version {
		return fmt.Errorf("record: version byte missing or not %d: %w", Version, ErrMalformed)
	}
	for rest := payload[1:]; len(rest) > 0; {
		if len(rest) < partHeader {
			return fmt.Errorf("record: %d bytes where a part should begin: %w", len(rest), ErrMalformed)
		}
		kind := Kind(rest[0])
		size := binary.LittleEndian.Uint32(rest[1:])
		rest = rest[partHeader:]
		if uint64(size) > uint64(len(rest)) {
			return fmt.Errorf("record: part %d of %d bytes, %d are left: %w", kind, size, len(rest), ErrMalformed)
		}
		p, err := decodePart(kind, rest[:size:size])
		if err != nil {
			return err
		}
		if err := f(p); err != nil {
			return err
		}
		rest = rest[size:]
	}
	return nil
}

func decodePart(kind Kind, b []byte) (Part, error) {
	r := reader{b: b}
	p := r.part(kind)
	if p == nil {
		return nil, fmt.Errorf("record: unknown part %d: %w", kind, ErrMalformed)
	}
	if r.bad || len(r.b) > 0 {
		return nil, fmt.Errorf("record: part %d of %d bytes is damaged: %w", kind, len(b), ErrMalformed)
	}
	return p, nil
}
