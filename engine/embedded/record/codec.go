// SPDX-License-Identifier: Apache-2.0

package record

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/mq"
)

func putString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func putTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendVarint(b, noTime)
	}
	return binary.AppendVarint(b, t.UnixNano())
}

func putBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func putLedger(b []byte, l Ledger) []byte {
	b = binary.AppendUvarint(b, uint64(l.Group))
	return putQueue(b, l.Queue)
}

func putQueue(b []byte, q Queue) []byte {
	b = binary.AppendUvarint(b, uint64(q.Topic))
	return binary.AppendUvarint(b, uint64(q.Queue))
}

// putOffsets writes offsets as differences: neighbours cost one byte.
func putOffsets(b []byte, offsets []int64) []byte {
	b = binary.AppendUvarint(b, uint64(len(offsets)))
	last := int64(0)
	for _, o := range offsets {
		b = binary.AppendVarint(b, o-last)
		last = o
	}
	return b
}

func putTaken(b []byte, taken []Taken) []byte {
	b = binary.AppendUvarint(b, uint64(len(taken)))
	last := Taken{}
	for _, t := range taken {
		b = binary.AppendVarint(b, t.Offset-last.Offset)
		b = binary.AppendUvarint(b, t.Order^last.Order) // one byte inside a run, and where there is no order
		last = t
	}
	return b
}

func (p Genesis) appendTo(b []byte) []byte {
	return binary.AppendVarint(putString(b, p.Cluster), p.At)
}

func (p Topic) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(p.ID))
	b = binary.AppendVarint(b, p.At)
	return AppendTopicSpec(b, p.Spec)
}

// AppendTopicSpec appends a topic's spec.
func AppendTopicSpec(b []byte, s mq.TopicSpec) []byte {
	b = putString(b, s.Name.String())
	b = putString(b, s.Cluster.String())
	b = append(b, byte(s.Accepts))
	b = binary.AppendUvarint(b, uint64(s.Queues))
	b = binary.AppendVarint(b, int64(s.Durability.Window()))
	return binary.AppendVarint(b, int64(s.Retention))
}

func (r *reader) topicSpec() (s mq.TopicSpec) {
	s.Name = parsed(r, mq.ParsePhysical)
	s.Cluster = parsed(r, mq.ParseCluster)
	s.Accepts = mq.Accepts(r.byte())
	s.Queues = int(r.uvarint())
	if w := time.Duration(r.varint()); w != 0 {
		d, err := mq.Window(w)
		r.bad = r.bad || err != nil
		s.Durability = d
	}
	s.Retention = time.Duration(r.varint())
	r.bad = r.bad || s.Queues < 0 || s.Queues > mq.MaxQueues
	return s
}

func (p Group) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(p.ID))
	b = binary.AppendVarint(b, p.At)
	return AppendGroupSpec(b, p.Spec)
}

// AppendGroupSpec appends a group's spec.
func AppendGroupSpec(b []byte, s mq.GroupSpec) []byte {
	b = putString(b, s.Name.String())
	b = putString(b, s.Cluster.String())
	b = append(b, byte(s.Mode))
	b = putBool(b, s.Ordered)
	b = binary.AppendVarint(b, int64(s.MaxAttempts))
	b = binary.AppendUvarint(b, uint64(len(s.Retry.Steps)))
	for _, d := range s.Retry.Steps {
		b = binary.AppendVarint(b, int64(d))
	}
	b = binary.AppendVarint(b, int64(s.Retry.Initial))
	b = binary.AppendVarint(b, int64(s.Retry.Max))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(s.Retry.Multiplier))
	b = append(b, byte(s.Start.Kind))
	b = putTime(b, s.Start.Time)
	return binary.AppendVarint(b, int64(s.Hold))
}

func (r *reader) groupSpec() (s mq.GroupSpec) {
	s.Name = parsed(r, mq.ParsePhysical)
	s.Cluster = parsed(r, mq.ParseCluster)
	s.Mode = mq.GroupMode(r.byte())
	s.Ordered = r.bool()
	s.MaxAttempts = int(r.varint())
	if n := r.count(1); n > 0 {
		s.Retry.Steps = make([]time.Duration, n)
		for i := range s.Retry.Steps {
			s.Retry.Steps[i] = time.Duration(r.varint())
		}
	}
	s.Retry.Initial = time.Duration(r.varint())
	s.Retry.Max = time.Duration(r.varint())
	s.Retry.Multiplier = math.Float64frombits(r.uint64())
	s.Start.Kind = mq.StartKind(r.byte())
	s.Start.Time = r.time()
	s.Hold = time.Duration(r.varint())
	return s
}

func (p DropTopic) appendTo(b []byte) []byte {
	return putString(binary.AppendUvarint(b, uint64(p.ID)), p.Name.String())
}

func (p DropGroup) appendTo(b []byte) []byte { return binary.AppendUvarint(b, uint64(p.ID)) }

func (p Scheduled) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(p.Topic))
	b = binary.AppendVarint(b, int64(p.ID))
	b = binary.AppendVarint(b, p.Due)
	b = binary.AppendVarint(b, p.At)
	return append(b, p.Raw...)
}

func (p Half) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(p.Topic))
	b = putString(b, p.Name.String())
	b = binary.AppendVarint(b, int64(p.ID))
	b = binary.AppendVarint(b, p.At)
	b = binary.AppendVarint(b, p.Next)
	b = binary.AppendVarint(b, p.Round)
	return append(b, p.Raw...)
}

func (p Fire) appendTo(b []byte) []byte {
	return binary.AppendVarint(binary.AppendVarint(b, int64(p.ID)), p.Due)
}

func (p Cancel) appendTo(b []byte) []byte {
	return binary.AppendVarint(binary.AppendVarint(b, int64(p.ID)), p.Due)
}

func (p Verdict) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(p.Topic))
	b = binary.AppendVarint(b, int64(p.ID))
	b = append(b, byte(p.Verdict))
	b = putBool(b, p.GivenUp)
	return binary.AppendVarint(b, p.At)
}

func (p Checked) appendTo(b []byte) []byte {
	return binary.AppendVarint(binary.AppendVarint(b, int64(p.ID)), p.At)
}

func (p *Grant) appendTo(b []byte) []byte {
	b = putLedger(b, p.Ledger)
	b = binary.AppendVarint(b, p.Next)
	b = binary.AppendVarint(b, p.Until)
	b = binary.AppendUvarint(b, p.Seq)
	b = putString(b, p.Attempt)
	b = putTaken(b, p.Taken)
	b = putTaken(b, p.Waiting)
	return putOffsets(b, p.Settled)
}

func (p Settle) appendTo(b []byte) []byte { return putOffsets(putLedger(b, p.Ledger), p.Offsets) }

func (p Extend) appendTo(b []byte) []byte {
	b = putLedger(b, p.Ledger)
	b = binary.AppendVarint(b, p.Until)
	b = binary.AppendUvarint(b, p.Seq)
	return putOffsets(b, p.Offsets)
}

func (p Position) appendTo(b []byte) []byte {
	return binary.AppendVarint(putLedger(b, p.Ledger), p.Next)
}

func (p Expire) appendTo(b []byte) []byte {
	b = binary.AppendVarint(putQueue(b, p.Queue), p.Lo)
	return putOffsets(b, p.Keep)
}

func (p State) appendTo(b []byte) []byte {
	b = binary.AppendVarint(b, p.Piece)
	b = putBool(b, p.Last)
	return append(b, p.Data...)
}

func (p Probe) appendTo(b []byte) []byte { return binary.AppendVarint(b, p.At) }

// part decodes the content of one part; nil for a kind that nobody knows.
func (r *reader) part(kind Kind) Part {
	switch kind {
	case KindGenesis:
		return Genesis{Cluster: r.string(), At: r.varint()}
	case KindTopic:
		return Topic{ID: TopicID(r.uint32()), At: r.varint(), Spec: r.topicSpec()}
	case KindGroup:
		return Group{ID: GroupID(r.uint32()), At: r.varint(), Spec: r.groupSpec()}
	case KindDropTopic:
		return DropTopic{ID: TopicID(r.uint32()), Name: parsed(r, mq.ParsePhysical)}
	case KindDropGroup:
		return DropGroup{ID: GroupID(r.uint32())}
	case KindMessage:
		return r.message()
	case KindScheduled:
		return Scheduled{Topic: TopicID(r.uint32()), ID: r.position(), Due: r.varint(), At: r.varint(), Raw: r.rest()}
	case KindHalf:
		return Half{Topic: TopicID(r.uint32()), Name: parsed(r, mq.ParsePhysical), ID: r.position(), At: r.varint(), Next: r.varint(), Round: r.varint(), Raw: r.rest()}
	case KindFire:
		return Fire{ID: r.position(), Due: r.varint()}
	case KindCancel:
		return Cancel{ID: r.position(), Due: r.varint()}
	case KindVerdict:
		return Verdict{Topic: TopicID(r.uint32()), ID: r.position(), Verdict: mq.Verdict(r.byte()), GivenUp: r.bool(), At: r.varint()}
	case KindChecked:
		return Checked{ID: r.position(), At: r.varint()}
	case KindGrant:
		return &Grant{Ledger: r.ledger(), Next: r.varint(), Until: r.varint(), Seq: r.uvarint(), Attempt: r.string(),
			Taken: r.taken(), Waiting: r.taken(), Settled: r.offsets()}
	case KindSettle:
		return Settle{Ledger: r.ledger(), Offsets: r.offsets()}
	case KindExtend:
		return Extend{Ledger: r.ledger(), Until: r.varint(), Seq: r.uvarint(), Offsets: r.offsets()}
	case KindPosition:
		return Position{Ledger: r.ledger(), Next: r.varint()}
	case KindExpire:
		return Expire{Queue: r.queue(), Lo: r.varint(), Keep: r.offsets()}
	case KindState:
		return State{Piece: r.varint(), Last: r.bool(), Data: r.rest()}
	case KindProbe:
		return Probe{At: r.varint()}
	}
	return nil
}

// reader takes values off the front of b. After the first thing that is not there, bad is set and every further value is zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() {
	r.bad = true
	r.b = nil
}

func (r *reader) byte() byte {
	if len(r.b) < 1 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) bool() bool {
	v := r.byte()
	if v > 1 {
		r.fail()
	}
	return v == 1
}

func (r *reader) uint64() uint64 {
	if len(r.b) < 8 {
		r.fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) uint32() uint32 {
	v := r.uvarint()
	if v > math.MaxUint32 {
		r.fail()
		return 0
	}
	return uint32(v)
}

// count reads the number of elements of at least size bytes each, and refuses one that the rest cannot hold.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.b)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte {
	n := r.count(1)
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) string() string { return string(r.bytes()) }

func (r *reader) rest() []byte {
	v := r.b
	r.b = nil
	return v
}

func (r *reader) time() time.Time {
	v := r.varint()
	if v == noTime {
		return time.Time{}
	}
	return time.Unix(0, v)
}

func (r *reader) position() log.Position {
	v := r.varint()
	if v < 0 {
		r.fail()
	}
	return log.Position(v)
}

func (r *reader) queue() Queue {
	q := Queue{Topic: TopicID(r.uint32())}
	n := r.uvarint()
	if n >= mq.MaxQueues {
		r.fail()
		return q
	}
	q.Queue = mq.QueueID(n)
	return q
}

func (r *reader) ledger() Ledger { return Ledger{Group: GroupID(r.uint32()), Queue: r.queue()} }

func (r *reader) offsets() []int64 {
	n := r.count(1)
	if n == 0 {
		return nil
	}
	offsets := make([]int64, n)
	last := int64(0)
	for i := range offsets {
		last += r.varint()
		offsets[i] = last
	}
	return offsets
}

func (r *reader) taken() []Taken {
	n := r.count(2)
	if n == 0 {
		return nil
	}
	all := make([]Taken, n)
	last := Taken{}
	for i := range all {
		last.Offset += r.varint()
		last.Order ^= r.uvarint()
		all[i] = last
	}
	return all
}
