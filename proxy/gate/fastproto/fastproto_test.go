// SPDX-License-Identifier: Apache-2.0

package fastproto_test

import (
	"bytes"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/proxy/gate/fastproto"
)

func topicOf(name string) *v2.Resource { return &v2.Resource{ResourceNamespace: "ns", Name: name} }

// full is a producer's message with everything that producers say.
func full() *v2.Message {
	at := timestamppb.New(time.Unix(1_700_000_000, 123_000_000))
	return &v2.Message{
		Topic: topicOf("orders"), UserProperties: map[string]string{"region": "eu", "leer": "", "größe": "5"}, Body: bytes.Repeat([]byte{0, 0xff, 7}, 400),
		SystemProperties: &v2.SystemProperties{
			Tag: proto.String("paid"), Keys: []string{"a", "", "c"}, MessageId: "01000000000000000000000000000000AA",
			BodyDigest: &v2.Digest{Type: v2.DigestType_CRC32, Checksum: "1F"}, BodyEncoding: v2.Encoding_GZIP, MessageType: v2.MessageType_FIFO,
			BornTimestamp: at, BornHost: "here", DeliveryTimestamp: at, QueueId: 3, MessageGroup: proto.String("g"), TraceContext: proto.String(""),
			OrphanedTransactionRecoveryDuration: durationpb.New(time.Minute),
		},
	}
}

// delivered is a message with everything that the platform says as well.
func delivered() *v2.Message {
	m := full()
	p := m.SystemProperties
	p.StoreTimestamp, p.StoreHost, p.ReceiptHandle = timestamppb.New(time.Unix(5, 6)), "broker-a", proto.String("handle")
	p.QueueOffset, p.InvisibleDuration, p.DeliveryAttempt = proto.Int64(0), durationpb.New(-time.Second), proto.Int32(1<<30)
	p.DeadLetterQueue = &v2.DeadLetterQueue{Topic: "t", MessageId: "m"}
	p.LiteTopic, p.Priority, p.QueueId = proto.String("lite"), proto.Int32(-4), -1
	return m
}

func requests() []proto.Message {
	bare := &v2.Message{}
	return []proto.Message{
		&v2.SendMessageRequest{}, &v2.SendMessageRequest{Messages: []*v2.Message{bare}},
		&v2.SendMessageRequest{Messages: []*v2.Message{full()}}, &v2.SendMessageRequest{Messages: []*v2.Message{full(), bare, full()}},
		&v2.AckMessageRequest{},
		&v2.AckMessageRequest{Group: topicOf("g"), Topic: topicOf("t"), Entries: []*v2.AckMessageEntry{
			{MessageId: "1", ReceiptHandle: "h"}, {}, {LiteTopic: proto.String("x")},
		}},
		&v2.ReceiveMessageRequest{},
		&v2.ReceiveMessageRequest{
			Group: topicOf("g"), BatchSize: 32, InvisibleDuration: durationpb.New(time.Minute), AutoRenew: true, LongPollingTimeout: durationpb.New(20 * time.Second),
			AttemptId: proto.String("try"), FilterExpression: &v2.FilterExpression{Type: v2.FilterType_SQL, Expression: "a > 1"},
			MessageQueue: &v2.MessageQueue{
				Topic: topicOf("t"), Id: -1, Permission: v2.Permission_READ, AcceptMessageTypes: []v2.MessageType{v2.MessageType_NORMAL, v2.MessageType_FIFO},
				Broker: &v2.Broker{Name: "b", Id: 1, Endpoints: &v2.Endpoints{Scheme: v2.AddressScheme_IPv4, Addresses: []*v2.Address{{Host: "h", Port: 1}, {}}}},
			},
		},
		&v2.ChangeInvisibleDurationRequest{},
		&v2.ChangeInvisibleDurationRequest{
			Group: topicOf("g"), Topic: topicOf("t"), ReceiptHandle: "h", InvisibleDuration: durationpb.New(time.Second), MessageId: "m",
			LiteTopic: proto.String(""), Suspend: proto.Bool(true),
		},
	}
}

func wire(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatClientsSendIsReadAsTheStockCodecReadsIt(t *testing.T) {
	for _, m := range requests() {
		got := m.ProtoReflect().New().Interface()
		if !fastproto.Read(wire(t, m), got) {
			t.Errorf("%T was left to the stock codec: %v", m, m)
		} else if !proto.Equal(got, m) {
			t.Errorf("read %v, want %v", got, m)
		}
	}
}

// The body may stand anywhere, and the parts before and after it belong to one message.
func TestTheBodyMayStandBeforeTheRest(t *testing.T) {
	m := full()
	body := m.Body
	m.Body = nil
	one := protowire.AppendBytes(protowire.AppendTag(nil, 4, protowire.BytesType), body)
	one = append(one, wire(t, m)...)
	m.Body = body
	got := new(v2.SendMessageRequest)
	if !fastproto.Read(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), one), got) || !proto.Equal(got.Messages[0], m) {
		t.Errorf("read %v, want %v", got, m)
	}
}

func TestWhatWasReadSharesNoMemoryWithTheBytes(t *testing.T) {
	for _, m := range requests() {
		data := wire(t, m)
		got := m.ProtoReflect().New().Interface()
		if !fastproto.Read(data, got) {
			t.Fatal(m)
		}
		for i := range data {
			data[i] = 'x'
		}
		if !proto.Equal(got, m) {
			t.Errorf("%v changed with the bytes it was read from", got)
		}
	}
}

func TestWhatIsUnusualIsLeftToTheStockCodec(t *testing.T) {
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1)
	group := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), nil)
	for name, data := range map[string][]byte{
		"an unknown field": unknown,
		"a part twice":     append(append([]byte{}, group...), group...),
		"no UTF-8":         protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte{0x12, 1, 0xff}),
		"beyond the end":   {0x0a, 5, 1},
		"a wrong type":     protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1),
		"a group's end":    protowire.AppendTag(nil, 1, protowire.EndGroupType),
	} {
		if fastproto.Read(data, new(v2.AckMessageRequest)) {
			t.Errorf("%s was read", name)
		}
	}
	if fastproto.Read(nil, new(v2.QueryRouteRequest)) {
		t.Error("a request that is not hot was read")
	}
}

func answers() []proto.Message {
	ok := &v2.Status{Code: v2.Code_OK, Message: "OK"}
	received := func(m *v2.Message) proto.Message {
		return &v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Message{Message: m}}
	}
	large := delivered()
	large.Body = bytes.Repeat([]byte("b"), 3<<20)
	large.UserProperties["long"] = string(bytes.Repeat([]byte("v"), 20_000))
	return []proto.Message{
		&v2.SendMessageResponse{}, &v2.SendMessageResponse{Status: ok, Entries: []*v2.SendResultEntry{
			{Status: ok, MessageId: "m", TransactionId: "tx", Offset: 1 << 40, RecallHandle: string(bytes.Repeat([]byte("r"), 300))}, {}, {Offset: -1},
		}},
		&v2.AckMessageResponse{}, &v2.AckMessageResponse{Status: ok, Entries: []*v2.AckMessageResultEntry{
			{MessageId: "m", ReceiptHandle: string(bytes.Repeat([]byte("h"), 130)), Status: ok}, {Status: &v2.Status{}},
		}},
		&v2.ChangeInvisibleDurationResponse{Status: ok, ReceiptHandle: "h"},
		&v2.ReceiveMessageResponse{}, &v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Status{Status: ok}},
		&v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_DeliveryTimestamp{DeliveryTimestamp: timestamppb.New(time.Unix(9, 8))}},
		received(&v2.Message{}), received(full()), received(delivered()), received(large),
	}
}

func TestAnswersReadTheSame(t *testing.T) {
	for _, m := range answers() {
		b, ok := fastproto.Append([]byte("before"), m)
		if !ok {
			t.Errorf("%T was not written", m)
			continue
		}
		got := m.ProtoReflect().New().Interface()
		if err := proto.Unmarshal(bytes.TrimPrefix(b, []byte("before")), got); err != nil {
			t.Errorf("%T: %v", m, err)
		} else if !proto.Equal(got, m) {
			t.Errorf("wrote %.300v, want %.300v", got, m)
		}
	}
}

func TestATextThatIsNoUTF8IsLeftToTheStockCodec(t *testing.T) {
	m := delivered()
	m.UserProperties["k"] = "\xff"
	b, ok := fastproto.Append([]byte("before"), &v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Message{Message: m}})
	if ok || string(b) != "before" {
		t.Errorf("%v %q", ok, b)
	}
}

// FuzzRead holds the reader against the stock codec: what it reads, it reads the same.
func FuzzRead(f *testing.F) {
	for i, m := range requests() {
		f.Add(uint8(i), wire(f, m))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		kinds := requests()
		got := kinds[int(which)%len(kinds)].ProtoReflect().New().Interface()
		if !fastproto.Read(data, got) {
			return
		}
		want := got.ProtoReflect().New().Interface()
		if err := proto.Unmarshal(data, want); err != nil {
			t.Fatalf("%x was read as %v, the stock codec refuses it: %v", data, got, err)
		}
		if !proto.Equal(got, want) {
			t.Fatalf("%x was read as %v, the stock codec reads %v", data, got, want)
		}
	})
}

// FuzzAppend reads a message with the stock codec, writes it here and reads it again.
func FuzzAppend(f *testing.F) {
	for i, m := range answers() {
		if b := wire(f, m); len(b) < 10_000 {
			f.Add(uint8(i), b)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		kinds := answers()
		m := kinds[int(which)%len(kinds)].ProtoReflect().New().Interface()
		if (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, m) != nil {
			return
		}
		b, ok := fastproto.Append(nil, m)
		if !ok {
			t.Fatalf("%v was not written", m)
		}
		got := m.ProtoReflect().New().Interface()
		if err := proto.Unmarshal(b, got); err != nil || !proto.Equal(got, m) {
			t.Fatalf("wrote %v (%v), want %v", got, err, m)
		}
	})
}

func BenchmarkReadSend(b *testing.B) {
	m := full()
	m.Body = make([]byte, 1024)
	data := wire(b, &v2.SendMessageRequest{Messages: []*v2.Message{m}})
	b.Run("fast", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			fastproto.Read(data, new(v2.SendMessageRequest))
		}
	})
	b.Run("stock", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = proto.Unmarshal(data, new(v2.SendMessageRequest))
		}
	})
}

func BenchmarkAppendMessage(b *testing.B) {
	m := delivered()
	m.Body = make([]byte, 1024)
	r := &v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Message{Message: m}}
	b.Run("fast", func(b *testing.B) {
		b.ReportAllocs()
		var out []byte
		for b.Loop() {
			out, _ = fastproto.Append(out[:0], r)
		}
	})
	b.Run("stock", func(b *testing.B) {
		b.ReportAllocs()
		var out []byte
		for b.Loop() {
			out, _ = proto.MarshalOptions{}.MarshalAppend(out[:0], r)
		}
	})
}
