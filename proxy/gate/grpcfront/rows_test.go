// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// row is one line of the table of bad input: what a stranger sends, and the code that he gets.
type row struct {
	name  string
	call  func(w *world) *v2.Status
	code  v2.Code
	words []string
}

func runRows(t *testing.T, w *world, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			want(t, r.call(w), r.code, r.words...)
		})
	}
}

// sends makes a row of a message to a topic, changed in one point.
func sends(topic string, change func(m *v2.Message)) func(w *world) *v2.Status {
	return func(w *world) *v2.Status {
		m := normal(topic, "body")
		change(m)
		before := w.engine.count("send")
		out := w.send(w.as(), m)
		if out.Status.Code != v2.Code_OK && w.engine.count("send") != before {
			w.t.Error("a refused message reached the engine")
		}
		if out.Entries[0].Status.Code != out.Status.Code {
			w.t.Error("the entry has another status than the answer")
		}
		return out.Status
	}
}

func sendsBatch(messages func() []*v2.Message) func(w *world) *v2.Status {
	return func(w *world) *v2.Status {
		before := w.engine.count("send")
		out, err := w.client.SendMessage(w.as(), &v2.SendMessageRequest{Messages: messages()})
		if err != nil {
			w.t.Fatal(err)
		}
		if out.Status.Code != v2.Code_OK && w.engine.count("send") != before {
			w.t.Error("a refused batch reached the engine")
		}
		return out.Status
	}
}

func routes(topic string) func(w *world) *v2.Status {
	return func(w *world) *v2.Status { return routeAs(w, w.as(), topic) }
}

func routeAs(w *world, ctx context.Context, topic string) *v2.Status {
	out, err := w.client.QueryRoute(ctx, &v2.QueryRouteRequest{Topic: res(topic), Endpoints: endpoints()})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Status
}

func receives(change func(r *v2.ReceiveMessageRequest)) func(w *world) *v2.Status {
	return func(w *world) *v2.Status {
		req := simpleReceive("other", "later")
		req.LongPollingTimeout = durationpb.New(0)
		change(req)
		status, _ := w.receive(w.as(), req)
		return status
	}
}

func TestRowsOfCallers(t *testing.T) {
	w := newWorld(t, worldOptions{})
	date := func(at time.Time) string { return at.Format("20060102T150405Z") }
	now := time.Now()
	none := func(ctx context.Context) func(w *world) *v2.Status {
		return func(w *world) *v2.Status { return routeAs(w, ctx, "orders") }
	}
	rival := routeAs(w, w.signed("bank-owner", "secret-owner", "x-mq-namespace", "rival"), "orders")
	nowhere := routeAs(w, w.signed("bank-owner", "secret-owner", "x-mq-namespace", "nowhr"), "orders")
	if strings.ReplaceAll(rival.Message, "rival", "nowhr") != nowhere.Message || rival.Code != nowhere.Code {
		t.Errorf("row 19: %v and %v differ", rival, nowhere)
	}
	unknown := routeAs(w, w.signed("nobody", "secret"), "orders")
	wrong := routeAs(w, w.signed("bank-owner", "wrong"), "orders")
	if unknown.Message != wrong.Message || unknown.Code != v2.Code_UNAUTHORIZED {
		t.Errorf("row 11: %v and %v differ", unknown, wrong)
	}
	runRows(t, w, []row{
		{"6 no client id", none(w.as("x-mq-client-id", "")), v2.Code_CLIENT_ID_REQUIRED, nil},
		{"6 blank client id", none(w.as("x-mq-client-id", "  ")), v2.Code_CLIENT_ID_REQUIRED, nil},
		{"7 client type 99", func(w *world) *v2.Status {
			out, err := w.client.Heartbeat(w.as(), &v2.HeartbeatRequest{ClientType: 99})
			if err != nil {
				t.Fatal(err)
			}
			return out.Status
		}, v2.Code_UNRECOGNIZED_CLIENT_TYPE, nil},
		{"8 unsigned into a tenant that wants a signature", none(w.as("x-mq-namespace", "bank")), v2.Code_NOT_FOUND, nil},
		{"9 header without credential", none(w.as("authorization", "MQv2-HMAC-SHA1 Signature=00")), v2.Code_UNAUTHORIZED, []string{"auth_malformed"}},
		{"10 signature is no hexadecimal", none(w.as("authorization", "MQv2-HMAC-SHA1 Credential=a, Signature="+strings.Repeat("z", 40))), v2.Code_UNAUTHORIZED, []string{"auth_malformed"}},
		{"12 a date six minutes off", none(w.signedAt("bank-owner", "secret-owner", date(now.UTC().Add(6*time.Minute+30*time.Second)))), v2.Code_UNAUTHORIZED, []string{"clock_skew"}},
		{"13 RFC 3339 six minutes off", none(w.signedAt("bank-owner", "secret-owner", now.Add(-6*time.Minute-30*time.Second).Format(time.RFC3339))), v2.Code_UNAUTHORIZED, []string{"clock_skew"}},
		{"14 a date that is none", none(w.signedAt("bank-owner", "secret-owner", "yesterday")), v2.Code_UNAUTHORIZED, []string{"auth_malformed"}},
		{"good: signed with local time", none(w.owner("bank")), v2.Code_OK, nil},
		{"16 good, then garbage on the same connection", none(w.signed("bank-owner", "garbage")), v2.Code_UNAUTHORIZED, nil},
		{"good: Python's empty credentials", none(w.as("authorization", "MQv2-HMAC-SHA1 Credential=, SignedHeaders=x-mq-date-time, Signature=")), v2.Code_OK, nil},
		{"73 no right to publish", func(w *world) *v2.Status {
			out, _ := w.client.SendMessage(w.signed("bank-reader", "secret-reader"), one(normal("orders", "x")))
			return out.GetStatus()
		}, v2.Code_FORBIDDEN, []string{"publish", "orders"}},
		{"74 no right to subscribe", func(w *world) *v2.Status {
			s, _ := w.receive(w.signed("bank-sender", "secret-sender"), simpleReceive("billing", "orders"))
			return s
		}, v2.Code_FORBIDDEN, []string{"subscribe", "billing"}},
		{"74 another group", func(w *world) *v2.Status {
			s, _ := w.receive(w.signed("bank-reader", "secret-reader"), simpleReceive("other", "orders"))
			return s
		}, v2.Code_FORBIDDEN, []string{"other"}},
	})
}

// signedAt signs whatever date it is given.
func (w *world) signedAt(key, secret, date string) context.Context {
	return w.as("x-mq-date-time", date, "authorization", authorization(key, secret, date))
}

func TestRowsOfRevokedKeys(t *testing.T) {
	w := newWorld(t, worldOptions{})
	stream, err := w.client.Telemetry(w.owner("bank"))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(producerSettings("orders")); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	revoked := contents(2, false)
	for i := range revoked.Keys {
		revoked.Keys[i].Revoked = true
	}
	w.holder.Put(catalog.Build(revoked))
	want(t, routeAs(w, w.owner("bank"), "orders"), v2.Code_UNAUTHORIZED, "auth_revoked") // rows 17 and 18
	if n := w.door.Recheck(); n != 1 {
		t.Fatalf("%d streams were told", n)
	}
	last, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	want(t, last.Status, v2.Code_UNAUTHORIZED)
	if _, err := stream.Recv(); err == nil {
		t.Fatal("the stream stays open")
	}
}

func TestRowsOfNames(t *testing.T) {
	w := newWorld(t, worldOptions{})
	foreign := func(ns string) func(w *world) *v2.Status {
		return func(w *world) *v2.Status {
			out, err := w.client.QueryRoute(w.owner("bank"), &v2.QueryRouteRequest{Topic: &v2.Resource{ResourceNamespace: ns, Name: "orders"}, Endpoints: endpoints()})
			if err != nil {
				t.Fatal(err)
			}
			return out.Status
		}
	}
	beat := func(group string) func(w *world) *v2.Status {
		return func(w *world) *v2.Status {
			out, err := w.client.Heartbeat(w.as(), &v2.HeartbeatRequest{ClientType: v2.ClientType_PUSH_CONSUMER, Group: res(group)})
			if err != nil {
				t.Fatal(err)
			}
			return out.Status
		}
	}
	runRows(t, w, []row{
		{"27 empty", routes(""), v2.Code_ILLEGAL_TOPIC, nil},
		{"28 128 characters", routes(strings.Repeat("a", 128)), v2.Code_ILLEGAL_TOPIC, []string{"100"}},
		{"29 a path", routes("../x"), v2.Code_ILLEGAL_TOPIC, nil},
		{"30 a retry topic", routes("%RETRY%billing"), v2.Code_ILLEGAL_TOPIC, nil},
		{"30 a system topic", routes("RMQ_SYS_TRANS_HALF_TOPIC"), v2.Code_ILLEGAL_TOPIC, nil},
		{"31 NUL", routes("ord\x00ers"), v2.Code_ILLEGAL_TOPIC, nil},
		{"31 look-alike", routes("оrders"), v2.Code_ILLEGAL_TOPIC, nil},
		{"31 trailing space", routes("orders "), v2.Code_ILLEGAL_TOPIC, nil},
		{"32 the joiner in a name", routes("bank%orders"), v2.Code_ILLEGAL_TOPIC, nil},
		{"33 a system group", beat("CID_RMQ_SYS_x"), v2.Code_ILLEGAL_CONSUMER_GROUP, nil},
		{"33 121 characters", beat(strings.Repeat("g", 121)), v2.Code_ILLEGAL_CONSUMER_GROUP, nil},
		{"not there", routes("absent"), v2.Code_TOPIC_NOT_FOUND, nil},
		{"group not there", beat("absent"), v2.Code_CONSUMER_GROUP_NOT_FOUND, nil},
		{"not mine", foreign("rival"), v2.Code_TOPIC_NOT_FOUND, nil},
		{"mine", foreign("bank"), v2.Code_OK, nil},
		{"75 write dead letters", sends("%DLQ%billing", func(*v2.Message) {}), v2.Code_FORBIDDEN, nil},
		{"75 write dead letters of nobody", sends("%DLQ%absent", func(*v2.Message) {}), v2.Code_FORBIDDEN, nil},
		{"75 write a retry topic", sends("%RETRY%billing", func(*v2.Message) {}), v2.Code_ILLEGAL_TOPIC, nil},
		{"75 with the field of dead letters", sends("orders", func(m *v2.Message) {
			m.SystemProperties.DeadLetterQueue = &v2.DeadLetterQueue{Topic: "pay", MessageId: "x"}
		}), v2.Code_OK, nil},
	})
	_, messages := w.receive(w.as(), simpleReceive("billing", "orders"))
	if len(messages) != 1 || messages[0].SystemProperties.DeadLetterQueue != nil {
		t.Errorf("a client can write the origin of a dead letter: %v", messages)
	}
}

func TestRowsOfMessages(t *testing.T) {
	w := newWorld(t, worldOptions{})
	set := func(f func(p *v2.SystemProperties)) func(w *world) *v2.Status {
		return sends("any", func(m *v2.Message) { f(m.SystemProperties) })
	}
	user := func(props map[string]string) func(w *world) *v2.Status {
		return sends("orders", func(m *v2.Message) { m.UserProperties = props })
	}
	many := map[string]string{}
	for i := range 129 {
		many[fmt.Sprint("p", i)] = "v"
	}
	delay := func(topic string, ts *timestamppb.Timestamp) func(w *world) *v2.Status {
		return sends(topic, func(m *v2.Message) {
			m.SystemProperties.MessageType, m.SystemProperties.DeliveryTimestamp = v2.MessageType_DELAY, ts
		})
	}
	runRows(t, w, []row{
		{"23 empty body", sends("orders", func(m *v2.Message) { m.Body = nil }), v2.Code_MESSAGE_BODY_EMPTY, nil},
		{"24 the limit itself", sends("orders", func(m *v2.Message) { m.Body = make([]byte, mq.MaxBody) }), v2.Code_OK, nil},
		{"24 the limit and a byte", sends("orders", func(m *v2.Message) { m.Body = make([]byte, mq.MaxBody+1) }), v2.Code_MESSAGE_BODY_TOO_LARGE, []string{"4194304"}},
		{"24 far beyond the limit", func(w *world) *v2.Status {
			m := normal("orders", "")
			m.Body = make([]byte, 6<<20)
			out, err := w.client.SendMessage(w.as(), one(m))
			if err != nil {
				t.Fatal(err)
			}
			return out.Status
		}, v2.Code_PAYLOAD_TOO_LARGE, nil},
		{"25 CRC32", set(func(p *v2.SystemProperties) { p.BodyDigest = &v2.Digest{Type: v2.DigestType_CRC32, Checksum: "0"} }), v2.Code_MESSAGE_CORRUPTED, nil},
		{"25 MD5", set(func(p *v2.SystemProperties) { p.BodyDigest = &v2.Digest{Type: v2.DigestType_MD5, Checksum: "0"} }), v2.Code_MESSAGE_CORRUPTED, nil},
		{"25 SHA1", set(func(p *v2.SystemProperties) { p.BodyDigest = &v2.Digest{Type: v2.DigestType_SHA1, Checksum: "0"} }), v2.Code_MESSAGE_CORRUPTED, nil},
		{"34 tag with bar", set(func(p *v2.SystemProperties) { p.Tag = proto.String("a|b") }), v2.Code_ILLEGAL_MESSAGE_TAG, nil},
		{"34 blank tag", set(func(p *v2.SystemProperties) { p.Tag = proto.String(" ") }), v2.Code_ILLEGAL_MESSAGE_TAG, nil},
		{"35 key with control character", set(func(p *v2.SystemProperties) { p.Keys = []string{"a\nb"} }), v2.Code_ILLEGAL_MESSAGE_KEY, nil},
		{"36 message group of 64 bytes", set(func(p *v2.SystemProperties) {
			p.MessageType, p.MessageGroup = v2.MessageType_FIFO, proto.String(strings.Repeat("g", 64))
		}), v2.Code_ILLEGAL_MESSAGE_GROUP, nil},
		{"36 of 63 bytes", set(func(p *v2.SystemProperties) {
			p.MessageType, p.MessageGroup = v2.MessageType_FIFO, proto.String(strings.Repeat("g", 63))
		}), v2.Code_OK, nil},
		{"37 FIFO without group", sends("sequence", func(m *v2.Message) { m.SystemProperties.MessageType = v2.MessageType_FIFO }), v2.Code_MESSAGE_PROPERTY_CONFLICT_WITH_TYPE, nil},
		{"37 normal to a FIFO topic", sends("sequence", func(*v2.Message) {}), v2.Code_MESSAGE_PROPERTY_CONFLICT_WITH_TYPE, []string{"fifo"}},
		{"38 reserved property", user(map[string]string{"UNIQ_KEY": "x"}), v2.Code_ILLEGAL_MESSAGE_PROPERTY_KEY, []string{"UNIQ_KEY"}},
		{"38 control character in a value", user(map[string]string{"a": "b\x01"}), v2.Code_ILLEGAL_MESSAGE_PROPERTY_KEY, nil},
		{"39 129 properties", user(many), v2.Code_MESSAGE_PROPERTIES_TOO_LARGE, []string{"128"}},
		{"40 16 KiB of properties", user(map[string]string{"k": strings.Repeat("v", mq.MaxPropertyBytes-1)}), v2.Code_OK, nil},
		{"40 16 KiB and a byte", user(map[string]string{"k": strings.Repeat("v", mq.MaxPropertyBytes)}), v2.Code_MESSAGE_PROPERTIES_TOO_LARGE, nil},
		{"41 41 days", delay("later", timestamppb.New(time.Now().Add(41*24*time.Hour))), v2.Code_ILLEGAL_DELIVERY_TIME, []string{"960h"}},
		{"41 year 9999", delay("later", &timestamppb.Timestamp{Seconds: 253402300799}), v2.Code_ILLEGAL_DELIVERY_TIME, nil},
		{"41 negative", delay("later", &timestamppb.Timestamp{Seconds: -1}), v2.Code_ILLEGAL_DELIVERY_TIME, nil},
		{"41 no time at all", delay("later", &timestamppb.Timestamp{Seconds: 1 << 62, Nanos: -5}), v2.Code_ILLEGAL_DELIVERY_TIME, nil},
		{"good: 39 days", delay("later", timestamppb.New(time.Now().Add(39*24*time.Hour))), v2.Code_OK, nil},
		{"good: a minute ago", delay("later", timestamppb.New(time.Now().Add(-time.Minute))), v2.Code_OK, nil},
		{"42 delay on a FIFO topic", delay("sequence", timestamppb.Now()), v2.Code_MESSAGE_PROPERTY_CONFLICT_WITH_TYPE, nil},
		{"42 delay and group", sends("any", func(m *v2.Message) {
			p := m.SystemProperties
			p.MessageType, p.DeliveryTimestamp, p.MessageGroup = v2.MessageType_DELAY, timestamppb.Now(), proto.String("g")
		}), v2.Code_MESSAGE_PROPERTY_CONFLICT_WITH_TYPE, nil},
		{"43 no id", set(func(p *v2.SystemProperties) { p.MessageId = "" }), v2.Code_ILLEGAL_MESSAGE_ID, nil},
		{"43 10 KiB of id", set(func(p *v2.SystemProperties) { p.MessageId = strings.Repeat("i", 10<<10) }), v2.Code_ILLEGAL_MESSAGE_ID, nil},
		{"no system properties", sends("orders", func(m *v2.Message) { m.SystemProperties = nil }), v2.Code_ILLEGAL_MESSAGE_ID, nil},
		{"priority by field", set(func(p *v2.SystemProperties) { p.Priority = proto.Int32(3) }), v2.Code_UNSUPPORTED, []string{"priority"}},
		{"priority by type", set(func(p *v2.SystemProperties) { p.MessageType = v2.MessageType_PRIORITY }), v2.Code_UNSUPPORTED, []string{"priority"}},
		{"lite topic by field", set(func(p *v2.SystemProperties) { p.LiteTopic = proto.String("l") }), v2.Code_UNSUPPORTED, []string{"lite"}},
		{"lite topic by type", set(func(p *v2.SystemProperties) { p.MessageType = v2.MessageType_LITE }), v2.Code_UNSUPPORTED, []string{"lite"}},
		{"a type of the future", set(func(p *v2.SystemProperties) { p.MessageType = 77 }), v2.Code_BAD_REQUEST, nil},
		{"an encoding of the future", set(func(p *v2.SystemProperties) { p.BodyEncoding = 77 }), v2.Code_BAD_REQUEST, nil},
		{"a first check after a day", set(func(p *v2.SystemProperties) {
			p.MessageType, p.OrphanedTransactionRecoveryDuration = v2.MessageType_TRANSACTION, durationpb.New(24*time.Hour)
		}), v2.Code_BAD_REQUEST, nil},
	})
}

func TestRowsOfBatches(t *testing.T) {
	w := newWorld(t, worldOptions{})
	two := func(a, b *v2.Message) func(w *world) *v2.Status {
		return sendsBatch(func() []*v2.Message { return []*v2.Message{a, b} })
	}
	same := normal("orders", "a")
	runRows(t, w, []row{
		{"20 two topics", two(normal("orders", "a"), normal("any", "b")), v2.Code_MESSAGE_CORRUPTED, nil},
		{"21 empty batch", sendsBatch(func() []*v2.Message { return nil }), v2.Code_MESSAGE_CORRUPTED, nil},
		{"22 1,001 messages", sendsBatch(func() []*v2.Message {
			batch := make([]*v2.Message, mq.MaxBatch+1)
			for i := range batch {
				batch[i] = normal("orders", "x")
			}
			return batch
		}), v2.Code_PAYLOAD_TOO_LARGE, []string{"1000"}},
		{"22 more than 4 MiB", sendsBatch(func() []*v2.Message {
			a, b := normal("orders", ""), normal("orders", "")
			a.Body, b.Body = make([]byte, 2<<20), make([]byte, 2<<20+1)
			return []*v2.Message{a, b}
		}), v2.Code_PAYLOAD_TOO_LARGE, nil},
		{"43 one id twice", two(same, same), v2.Code_ILLEGAL_MESSAGE_ID, nil},
		{"one of two is bad", two(normal("orders", "a"), normal("orders", "")), v2.Code_MESSAGE_BODY_EMPTY, nil},
		{"good", two(normal("orders", "a"), normal("orders", "b")), v2.Code_OK, nil},
	})
	w.engine.failNext("send", mq.Refuse(mq.StorageFull, "the disk is full"))
	out := w.send(w.as(), normal("orders", "a"), normal("orders", "b"))
	want(t, out.Status, v2.Code_MULTIPLE_RESULTS)
	want(t, out.Entries[0].Status, v2.Code_TOO_MANY_REQUESTS, "storage_full")
	want(t, out.Entries[1].Status, v2.Code_OK)
}

func TestRow26AGzipBombIsStoredAsItIs(t *testing.T) {
	w := newWorld(t, worldOptions{})
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	m := normal("orders", "")
	m.Body, m.SystemProperties.BodyEncoding = bomb.Bytes(), v2.Encoding_GZIP
	want(t, w.send(w.as(), m).Status, v2.Code_OK)
	_, got := w.receive(w.as(), simpleReceive("billing", "orders"))
	if len(got) != 1 || !bytes.Equal(got[0].Body, bomb.Bytes()) || got[0].SystemProperties.BodyEncoding != v2.Encoding_GZIP {
		t.Error("the body was touched")
	}
}

func TestRowsOfReceiving(t *testing.T) {
	w := newWorld(t, worldOptions{})
	sql := func(e string) func(w *world) *v2.Status {
		return receives(func(r *v2.ReceiveMessageRequest) {
			r.FilterExpression = &v2.FilterExpression{Type: v2.FilterType_SQL, Expression: e}
		})
	}
	hold := func(d *durationpb.Duration, renew bool) func(w *world) *v2.Status {
		return receives(func(r *v2.ReceiveMessageRequest) { r.InvisibleDuration, r.AutoRenew = d, renew })
	}
	in := "a IN ('" + strings.Repeat("x','", 9999) + "x')"
	runRows(t, w, []row{
		{"44 syntax error", sql("a = = 1"), v2.Code_ILLEGAL_FILTER_EXPRESSION, []string{"offset"}},
		{"45 nested parentheses", sql(strings.Repeat("(", 900) + "a = 1" + strings.Repeat(")", 900)), v2.Code_ILLEGAL_FILTER_EXPRESSION, []string{"16"}},
		{"46 1 MiB", sql(strings.Repeat("a", 1<<20)), v2.Code_ILLEGAL_FILTER_EXPRESSION, []string{"2048"}},
		{"47 IN with 10,000", sql(in), v2.Code_ILLEGAL_FILTER_EXPRESSION, nil},
		{"48 LIKE", sql("a LIKE '%%%%%%%%%%x'"), v2.Code_ILLEGAL_FILTER_EXPRESSION, nil},
		{"a language of the future", receives(func(r *v2.ReceiveMessageRequest) { r.FilterExpression = &v2.FilterExpression{Type: 9} }), v2.Code_ILLEGAL_FILTER_EXPRESSION, nil},
		{"a blank tag in a tag filter", receives(func(r *v2.ReceiveMessageRequest) {
			r.FilterExpression = &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "a || "}
		}), v2.Code_ILLEGAL_FILTER_EXPRESSION, nil},
		{"49 negative lease", hold(durationpb.New(-time.Second), false), v2.Code_ILLEGAL_INVISIBLE_TIME, nil},
		{"49 negative lease, renewed", hold(durationpb.New(-time.Second), true), v2.Code_ILLEGAL_INVISIBLE_TIME, nil},
		{"49 13 hours", hold(durationpb.New(13*time.Hour), false), v2.Code_ILLEGAL_INVISIBLE_TIME, nil},
		{"49 no lease, not renewed", hold(nil, false), v2.Code_ILLEGAL_INVISIBLE_TIME, nil},
		{"49 0, not renewed", hold(durationpb.New(0), false), v2.Code_ILLEGAL_INVISIBLE_TIME, nil},
		{"49 no duration", hold(&durationpb.Duration{Seconds: 1, Nanos: -1}, false), v2.Code_ILLEGAL_INVISIBLE_TIME, nil},
		{"good: absent and renewed", hold(nil, true), v2.Code_MESSAGE_NOT_FOUND, nil},
		{"good: 0 and renewed", hold(durationpb.New(0), true), v2.Code_MESSAGE_NOT_FOUND, nil},
		{"good: a second", hold(durationpb.New(time.Second), false), v2.Code_MESSAGE_NOT_FOUND, nil},
		{"50 negative poll", receives(func(r *v2.ReceiveMessageRequest) { r.LongPollingTimeout = durationpb.New(-1) }), v2.Code_ILLEGAL_POLLING_TIME, nil},
		{"a group that pulls", receives(func(r *v2.ReceiveMessageRequest) { r.Group = res("puller") }), v2.Code_PRECONDITION_FAILED, nil},
		{"no group", receives(func(r *v2.ReceiveMessageRequest) { r.Group = nil }), v2.Code_ILLEGAL_CONSUMER_GROUP, nil},
		{"no queue", receives(func(r *v2.ReceiveMessageRequest) { r.MessageQueue = nil }), v2.Code_ILLEGAL_TOPIC, nil},
	})
}

// A client that is told that it is nobody gives up; one that hears that the proxy cannot serve tries again.
func TestBeforeTheFirstCatalogNobodyIsUnknown(t *testing.T) {
	w := newWorld(t, worldOptions{signed: true, holder: &catalog.Holder{}})
	try := func(ctx context.Context) *v2.Status {
		out, err := w.client.SendMessage(ctx, one(normal("orders", "m")))
		if err != nil {
			t.Fatal(err)
		}
		return out.GetStatus()
	}
	want(t, try(w.owner(tenantBank)), v2.Code_HA_NOT_AVAILABLE, "catalog")
	w.holder.Put(catalog.Build(contents(1, true)))
	want(t, try(w.owner(tenantBank)), v2.Code_OK)
	want(t, try(w.signed("stranger", "secret")), v2.Code_UNAUTHORIZED)
}
