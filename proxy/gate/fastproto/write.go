// SPDX-License-Identifier: Apache-2.0

package fastproto

import (
	"unicode/utf8"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/encoding/protowire"
)

// Append writes an answer of the hot calls. False: it is none, or the stock codec has to say what is wrong with it; b is then as it was.
// Unknown fields are not written: answers are made here and have none.
func Append(b []byte, m any) ([]byte, bool) {
	w := writer{b: b}
	switch m := m.(type) {
	case *v2.SendMessageResponse:
		w.send(m)
	case *v2.AckMessageResponse:
		w.ack(m)
	case *v2.ReceiveMessageResponse:
		w.receive(m)
	case *v2.ChangeInvisibleDurationResponse:
		w.status(1, m.Status)
		w.text(2, m.ReceiptHandle)
	default:
		return b, false
	}
	if w.bad {
		return b, false
	}
	return w.b, true
}

// Room is how many bytes Append needs for a message, roughly and rather too many. 0: the message is none of the hot answers.
func Room(m any) int {
	const little, much = 128, 512
	switch m := m.(type) {
	case *v2.SendMessageResponse:
		return little + little*len(m.Entries)
	case *v2.AckMessageResponse:
		return little + much*len(m.Entries)
	case *v2.ChangeInvisibleDurationResponse:
		return much
	case *v2.ReceiveMessageResponse:
		if in := m.GetMessage(); in != nil {
			return 2*much + len(in.Body) + little*len(in.UserProperties)
		}
		return little
	}
	return 0
}

// writer appends fields in the order of their numbers.
type writer struct {
	b   []byte
	bad bool // a text is no UTF-8
}

// text writes a text that is left out when it is empty.
func (w *writer) text(number protowire.Number, s string) {
	if s != "" {
		w.said(number, s)
	}
}

// maybe writes a text that may be absent, which is something else than empty.
func (w *writer) maybe(number protowire.Number, s *string) {
	if s != nil {
		w.said(number, *s)
	}
}

func (w *writer) said(number protowire.Number, s string) {
	w.bad = w.bad || !utf8.ValidString(s)
	w.b = protowire.AppendString(protowire.AppendTag(w.b, number, protowire.BytesType), s)
}

func (w *writer) number(number protowire.Number, v int64) {
	if v != 0 {
		w.b = protowire.AppendVarint(protowire.AppendTag(w.b, number, protowire.VarintType), uint64(v))
	}
}

// begin opens a message within the message; end gives it its length. Most are shorter than 128 bytes, so room for one byte is left, and
// what is longer moves up.
func (w *writer) begin(number protowire.Number) int {
	w.b = append(protowire.AppendTag(w.b, number, protowire.BytesType), 0)
	return len(w.b)
}

func (w *writer) end(from int) {
	size := len(w.b) - from
	if more := protowire.SizeVarint(uint64(size)) - 1; more > 0 {
		w.b = append(w.b, "\x00\x00\x00\x00\x00\x00\x00\x00\x00"[:more]...)
		copy(w.b[from+more:], w.b[from:from+size])
	}
	protowire.AppendVarint(w.b[:from-1], uint64(size))
}

func (w *writer) status(number protowire.Number, s *v2.Status) {
	if s == nil {
		return
	}
	at := w.begin(number)
	w.number(1, int64(s.Code))
	w.text(2, s.Message)
	w.end(at)
}

// seconds is what Timestamp and Duration have.
type seconds interface {
	GetSeconds() int64
	GetNanos() int32
}

func (w *writer) time(number protowire.Number, t seconds) {
	at := w.begin(number)
	w.number(1, t.GetSeconds())
	w.number(2, int64(t.GetNanos()))
	w.end(at)
}

func (w *writer) resource(number protowire.Number, r *v2.Resource) {
	if r == nil {
		return
	}
	at := w.begin(number)
	w.text(1, r.ResourceNamespace)
	w.text(2, r.Name)
	w.end(at)
}

func (w *writer) send(m *v2.SendMessageResponse) {
	w.status(1, m.Status)
	for _, e := range m.Entries {
		at := w.begin(2)
		w.status(1, e.Status)
		w.text(2, e.MessageId)
		w.text(3, e.TransactionId)
		w.number(4, e.Offset)
		w.text(5, e.RecallHandle)
		w.end(at)
	}
}

func (w *writer) ack(m *v2.AckMessageResponse) {
	w.status(1, m.Status)
	for _, e := range m.Entries {
		at := w.begin(2)
		w.text(1, e.MessageId)
		w.text(2, e.ReceiptHandle)
		w.status(3, e.Status)
		w.end(at)
	}
}

func (w *writer) receive(m *v2.ReceiveMessageResponse) {
	switch c := m.Content.(type) {
	case *v2.ReceiveMessageResponse_Status:
		w.status(1, c.Status)
	case *v2.ReceiveMessageResponse_Message:
		w.message(2, c.Message)
	case *v2.ReceiveMessageResponse_DeliveryTimestamp:
		w.time(3, c.DeliveryTimestamp)
	}
}

// message writes a message with its body last. Its length is known before the body is written, so the body never moves.
func (w *writer) message(number protowire.Number, m *v2.Message) {
	const most = 1 + 5 // tag and length of what is shorter than 4 GiB
	from := len(w.b)
	w.b = append(w.b, "\x00\x00\x00\x00\x00\x00"[:most]...)
	w.resource(1, m.Topic)
	for name, value := range m.UserProperties {
		at := w.begin(2)
		w.said(1, name)
		w.said(2, value)
		w.end(at)
	}
	if m.SystemProperties != nil {
		at := w.begin(3)
		w.system(m.SystemProperties)
		w.end(at)
	}
	if len(m.Body) > 0 {
		w.b = protowire.AppendVarint(protowire.AppendTag(w.b, 4, protowire.BytesType), uint64(len(m.Body)))
	}
	head := w.b[from+most:]
	b := protowire.AppendTag(w.b[:from], number, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(head)+len(m.Body)))
	b = append(b, head...) // moves down, over what was left free
	w.b = append(b, m.Body...)
}

func (w *writer) system(s *v2.SystemProperties) {
	w.maybe(1, s.Tag)
	for _, k := range s.Keys {
		w.said(2, k)
	}
	w.text(3, s.MessageId)
	if d := s.BodyDigest; d != nil {
		at := w.begin(4)
		w.number(1, int64(d.Type))
		w.text(2, d.Checksum)
		w.end(at)
	}
	w.number(5, int64(s.BodyEncoding))
	w.number(6, int64(s.MessageType))
	if s.BornTimestamp != nil {
		w.time(7, s.BornTimestamp)
	}
	w.text(8, s.BornHost)
	if s.StoreTimestamp != nil {
		w.time(9, s.StoreTimestamp)
	}
	w.text(10, s.StoreHost)
	if s.DeliveryTimestamp != nil {
		w.time(11, s.DeliveryTimestamp)
	}
	w.maybe(12, s.ReceiptHandle)
	w.number(13, int64(s.QueueId))
	if s.QueueOffset != nil {
		w.present(14, *s.QueueOffset)
	}
	if s.InvisibleDuration != nil {
		w.time(15, s.InvisibleDuration)
	}
	if s.DeliveryAttempt != nil {
		w.present(16, int64(*s.DeliveryAttempt))
	}
	w.maybe(17, s.MessageGroup)
	w.maybe(18, s.TraceContext)
	w.rare(s)
}

// rare is what few messages have.
func (w *writer) rare(s *v2.SystemProperties) {
	if s.OrphanedTransactionRecoveryDuration != nil {
		w.time(19, s.OrphanedTransactionRecoveryDuration)
	}
	if d := s.DeadLetterQueue; d != nil {
		at := w.begin(20)
		w.text(1, d.Topic)
		w.text(2, d.MessageId)
		w.end(at)
	}
	w.maybe(21, s.LiteTopic)
	if s.Priority != nil {
		w.present(22, int64(*s.Priority))
	}
}

// present writes a number that may be absent, which is something else than 0.
func (w *writer) present(number protowire.Number, v int64) {
	w.b = protowire.AppendVarint(protowire.AppendTag(w.b, number, protowire.VarintType), uint64(v))
}
