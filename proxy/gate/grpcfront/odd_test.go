// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// The official clients differ. Each test here is one oddity that some of them has.

func TestAnUnsignedEmptyHeartbeatIsAnsweredWithOK(t *testing.T) {
	w := newWorld(t, worldOptions{signed: true})
	want(t, routeAs(w, w.as(), "orders"), v2.Code_UNAUTHORIZED)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// The Go client sends this after it lost its stream, without one header of its own.
	for _, c := range []context.Context{ctx, w.as()} {
		out, err := w.client.Heartbeat(c, &v2.HeartbeatRequest{})
		if err != nil {
			t.Fatal(err)
		}
		want(t, out.Status, v2.Code_OK)
	}
	group, err := w.client.Heartbeat(w.as(), &v2.HeartbeatRequest{ClientType: v2.ClientType_PUSH_CONSUMER, Group: res("billing")})
	if err != nil {
		t.Fatal(err)
	}
	want(t, group.Status, v2.Code_UNAUTHORIZED)
}

func TestHeadersOfEveryLanguage(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for name, pairs := range map[string][]string{
		"node":        {"x-mq-language", "HTTP", "x-mq-protocol", "v2"},
		"python":      {"x-mq-language", "PYTHON", "x-mq-protocol", "GRPC_V2", "authorization", "MQv2-HMAC-SHA1 Credential=, SignedHeaders=x-mq-date-time, Signature="},
		"c++":         {"x-mq-language", "CPP", "x-mq-protocol", "", "x-mq-protocol-version", "v2"},
		"rust":        {"x-mq-language", "RUST", "x-mq-protocol", "", "x-mq-protocol-version", "v2"},
		"of tomorrow": {"x-mq-language", "BRAINFUCK\t", "x-mq-protocol", "v9"},
		"nothing":     {"x-mq-language", "", "x-mq-protocol", "", "x-mq-client-version", "", "x-mq-request-id", ""},
		"a namespace": {"x-mq-namespace", "default"},
	} {
		if name == "of tomorrow" {
			pairs[1] = "BRAINFUCK"
		}
		t.Run(name, func(t *testing.T) { want(t, routeAs(w, w.as(pairs...), "orders"), v2.Code_OK) })
	}
}

func TestRoutesSayWhatEveryClientNeeds(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for _, topic := range []string{"orders", "sequence", "later", "pay", "any", "%DLQ%billing"} {
		out, err := w.client.QueryRoute(w.as(), &v2.QueryRouteRequest{Topic: res(topic), Endpoints: endpoints()})
		if err != nil {
			t.Fatal(err)
		}
		want(t, out.Status, v2.Code_OK)
		zero := false
		for _, q := range out.MessageQueues {
			zero = zero || q.Id == 0
			if len(q.AcceptMessageTypes) == 0 || slices.Contains(q.AcceptMessageTypes, v2.MessageType_MESSAGE_TYPE_UNSPECIFIED) {
				t.Errorf("%s accepts %v", topic, q.AcceptMessageTypes)
			}
			if q.Broker.Id != 0 || q.Broker.Name == "" || !proto.Equal(q.Broker.Endpoints, endpoints()) || q.Permission == v2.Permission_NONE {
				t.Errorf("%s has the queue %v", topic, q)
			}
			if strings.HasPrefix(topic, "%DLQ%") != (q.Permission == v2.Permission_READ) {
				t.Errorf("%s may be used for %v", topic, q.Permission)
			}
		}
		if !zero {
			t.Errorf("%s has no queue 0, the only one that the Node client sends to", topic)
		}
	}
	none, err := w.client.QueryRoute(w.as(), &v2.QueryRouteRequest{Topic: res("orders")})
	if err != nil {
		t.Fatal(err)
	}
	want(t, none.Status, v2.Code_BAD_REQUEST, "endpoints")
}

func TestEndpointsComeBackInTheirScheme(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for _, e := range []*v2.Endpoints{
		{Scheme: v2.AddressScheme_DOMAIN_NAME, Addresses: []*v2.Address{{Host: "mq.example.com", Port: 443}}},
		{Scheme: v2.AddressScheme_IPv6, Addresses: []*v2.Address{{Host: "::1", Port: 8081}, {Host: "fe80::1", Port: 8081}}},
		{Scheme: v2.AddressScheme_IPv4, Addresses: []*v2.Address{{Host: "10.0.0.1", Port: 1}, {Host: "10.0.0.2", Port: 65535}}},
	} {
		out, err := w.client.QueryRoute(w.as(), &v2.QueryRouteRequest{Topic: res("orders"), Endpoints: e})
		if err != nil {
			t.Fatal(err)
		}
		want(t, out.Status, v2.Code_OK)
		if got := out.MessageQueues[0].Broker.Endpoints; !proto.Equal(got, e) {
			t.Errorf("asked through %v, sent to %v", e, got)
		}
	}
}

func TestAssignments(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for group, queues := range map[string][]int32{"billing": {-1}, "ordered": {0, 1, 2, 3}} {
		out, err := w.client.QueryAssignment(w.as(), &v2.QueryAssignmentRequest{Topic: res("orders"), Group: res(group), Endpoints: endpoints()})
		if err != nil {
			t.Fatal(err)
		}
		want(t, out.Status, v2.Code_OK)
		var got []int32
		for _, a := range out.Assignments {
			got = append(got, a.MessageQueue.Id)
		}
		if !slices.Equal(got, queues) {
			t.Errorf("%s polls %v, not %v", group, got, queues)
		}
	}
}

// A simple consumer of an ordered group that got only the queue it happens to rotate to would wait one poll for each empty
// queue: the official Go client needed 43 s for fifteen messages over eight queues.
func TestAQueueIsAHintToAllButThePushConsumersOfAnOrderedGroup(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for _, one := range []struct {
		group string
		push  bool
		queue mq.QueueID
	}{{"billing", false, mq.AnyQueue}, {"billing", true, mq.AnyQueue}, {"ordered", false, mq.AnyQueue}, {"ordered", true, 2}} {
		req := simpleReceive(one.group, "orders")
		req.MessageQueue = &v2.MessageQueue{Topic: res("orders"), Id: 2, Broker: &v2.Broker{Name: "b0"}}
		req.AutoRenew, req.LongPollingTimeout = one.push, durationpb.New(0)
		w.receive(w.as(), req)
		if w.engine.last.Queue != one.queue {
			t.Errorf("%s (push %t) takes from queue %d, not %d", one.group, one.push, w.engine.last.Queue, one.queue)
		}
	}
}

func settingsOf(kind v2.ClientType, group string, topics ...*v2.SubscriptionEntry) *v2.TelemetryCommand {
	return &v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: &v2.Settings{
		ClientType: kind.Enum(), PubSub: &v2.Settings_Subscription{Subscription: &v2.Subscription{Group: res(group), Subscriptions: topics}},
	}}}
}

// agree opens a stream, sends a command and gives what came back.
func (w *world) agree(ctx context.Context, c *v2.TelemetryCommand) (v2.MessagingService_TelemetryClient, *v2.TelemetryCommand) {
	w.t.Helper()
	stream, err := w.client.Telemetry(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := stream.Send(c); err != nil {
		w.t.Fatal(err)
	}
	reply, err := stream.Recv()
	if err != nil {
		w.t.Fatal(err)
	}
	return stream, reply
}

func TestAProducerThatAnnouncesNothingGetsItsSettings(t *testing.T) {
	w := newWorld(t, worldOptions{})
	_, reply := w.agree(w.as(), producerSettings())
	want(t, reply.Status, v2.Code_OK)
	s := reply.GetSettings()
	if s.GetPublishing().GetMaxBodySize() != mq.MaxBody || !s.GetPublishing().GetValidateMessageType() {
		t.Errorf("publishing is %v", s.GetPublishing())
	}
	backoff := s.GetBackoffPolicy()
	if backoff.GetMaxAttempts() != 3 || backoff.GetExponentialBackoff().GetMultiplier() != 2 {
		t.Errorf("the Go client panics on %v", backoff)
	}
	if s.GetClientType() != v2.ClientType_PRODUCER || s.GetUserAgent().GetVersion() != "5.1.4" || s.GetRequestTimeout().AsDuration() != 3*time.Second {
		t.Errorf("not the client's own: %v", s)
	}
	if s.Metric == nil || s.Metric.On {
		t.Error("metrics are not switched off")
	}
}

func TestConsumersGetTheirGroupsPolicy(t *testing.T) {
	w := newWorld(t, worldOptions{})
	entry := &v2.SubscriptionEntry{Topic: res("orders"), Expression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "a || b"}}
	for group, check := range map[string]func(s *v2.Settings) bool{
		"billing": func(s *v2.Settings) bool {
			next := s.GetBackoffPolicy().GetCustomizedBackoff().GetNext()
			return !s.GetSubscription().GetFifo() && s.GetBackoffPolicy().GetMaxAttempts() == 17 && len(next) == 16 && next[0].AsDuration() == time.Second
		},
		"ordered": func(s *v2.Settings) bool {
			next := s.GetBackoffPolicy().GetCustomizedBackoff().GetNext()
			return s.GetSubscription().GetFifo() && s.GetBackoffPolicy().GetMaxAttempts() == 3 && len(next) == 2 && next[1].AsDuration() == 3*time.Second
		},
	} {
		for _, kind := range []v2.ClientType{v2.ClientType_PUSH_CONSUMER, v2.ClientType_SIMPLE_CONSUMER} {
			ctx := w.as("x-mq-client-id", fmt.Sprint(group, kind))
			_, reply := w.agree(ctx, settingsOf(kind, group, entry))
			want(t, reply.Status, v2.Code_OK)
			s := reply.GetSettings()
			if !check(s) {
				t.Errorf("%s: %v", group, s)
			}
			sub := s.GetSubscription()
			if sub.GetReceiveBatchSize() != 32 || sub.GetLongPollingTimeout().AsDuration() != 20*time.Second || len(sub.Subscriptions) != 1 || sub.GetGroup().GetName() != group {
				t.Errorf("%s: %v", group, sub)
			}
		}
	}
}

func TestRowsOfTelemetry(t *testing.T) {
	w := newWorld(t, worldOptions{})
	refused := func(c ...*v2.TelemetryCommand) func(w *world) *v2.Status {
		return func(w *world) *v2.Status {
			stream, err := w.client.Telemetry(w.as("x-mq-client-id", nextID()))
			if err != nil {
				t.Fatal(err)
			}
			var last *v2.TelemetryCommand
			for _, command := range c {
				if err := stream.Send(command); err != nil {
					t.Fatal(err)
				}
				if last, err = stream.Recv(); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := stream.Recv(); err == nil || err.Error() == "EOF" {
				t.Errorf("the stream ended with %v", err)
			}
			return last.GetStatus()
		}
	}
	none := &v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: &v2.Settings{}}}
	wrongHalf := settingsOf(v2.ClientType_PRODUCER, "billing")
	badFilter := &v2.SubscriptionEntry{Topic: res("orders"), Expression: &v2.FilterExpression{Type: v2.FilterType_SQL, Expression: "("}}
	runRows(t, w, []row{
		{"64 something before settings", refused(&v2.TelemetryCommand{Command: &v2.TelemetryCommand_ThreadStackTrace{ThreadStackTrace: &v2.ThreadStackTrace{}}}), v2.Code_PRECONDITION_FAILED, nil},
		{"64 nothing at all", refused(&v2.TelemetryCommand{}), v2.Code_PRECONDITION_FAILED, nil},
		{"65 another type", refused(producerSettings("orders"), settingsOf(v2.ClientType_PUSH_CONSUMER, "billing")), v2.Code_PRECONDITION_FAILED, nil},
		{"65 another group", refused(settingsOf(v2.ClientType_PUSH_CONSUMER, "billing"), settingsOf(v2.ClientType_PUSH_CONSUMER, "other")), v2.Code_PRECONDITION_FAILED, nil},
		{"neither half", refused(none), v2.Code_BAD_REQUEST, nil},
		{"the wrong half", refused(wrongHalf), v2.Code_BAD_REQUEST, nil},
		{"type 99", refused(settingsOf(99, "billing")), v2.Code_UNRECOGNIZED_CLIENT_TYPE, nil},
		{"a lite consumer", refused(settingsOf(v2.ClientType_LITE_PUSH_CONSUMER, "billing")), v2.Code_UNSUPPORTED, nil},
		{"no such group", refused(settingsOf(v2.ClientType_PUSH_CONSUMER, "absent")), v2.Code_CONSUMER_GROUP_NOT_FOUND, nil},
		{"a bad filter", refused(settingsOf(v2.ClientType_PUSH_CONSUMER, "billing", badFilter)), v2.Code_ILLEGAL_FILTER_EXPRESSION, nil},
	})
}

func TestATopicThatIsGoneDoesNotCutAProducerOff(t *testing.T) {
	w := newWorld(t, worldOptions{})
	stream, reply := w.agree(w.as(), producerSettings("gone", "pay"))
	want(t, reply.Status, v2.Code_OK)
	if live := w.sessions.Live(); len(live) != 1 || live[0].Name.String() != "pay" {
		t.Errorf("live for %v", live)
	}
	// Clients repeat their settings every few minutes.
	if err := stream.Send(producerSettings("pay", "any")); err != nil {
		t.Fatal(err)
	}
	again, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	want(t, again.Status, v2.Code_OK)
	if live := w.sessions.Live(); len(live) != 2 {
		t.Errorf("live for %v", live)
	}
}

func TestRow76AnotherFilterIsServedAndNoticed(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for i, tag := range []string{"a", "a", "b"} {
		entry := &v2.SubscriptionEntry{Topic: res("orders"), Expression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: tag}}
		_, reply := w.agree(w.as("x-mq-client-id", fmt.Sprint("c", i)), settingsOf(v2.ClientType_PUSH_CONSUMER, "billing", entry))
		want(t, reply.Status, v2.Code_OK)
	}
	if n := w.counts.of(&w.counts.differed); n != 1 {
		t.Errorf("%d differences were counted", n)
	}
	if !w.log.has("filter=b before=a") {
		t.Error("the log does not show both filters")
	}
}

func TestRow77ClientIDsAreBounded(t *testing.T) {
	w := newWorld(t, worldOptions{sessions: 3})
	for i := range 3 {
		w.agree(w.as("x-mq-client-id", fmt.Sprint("c", i)), producerSettings())
	}
	_, reply := w.agree(w.as("x-mq-client-id", "one too many"), producerSettings())
	want(t, reply.Status, v2.Code_TOO_MANY_REQUESTS, "3")
	if n := len(w.sessions.Clients()); n != 3 {
		t.Errorf("%d clients are known", n)
	}
	for i := range 50 { // heartbeats are answered, and not remembered without end
		out, err := w.client.Heartbeat(w.as("x-mq-client-id", fmt.Sprint("h", i)), &v2.HeartbeatRequest{ClientType: v2.ClientType_PRODUCER})
		if err != nil {
			t.Fatal(err)
		}
		want(t, out.Status, v2.Code_OK)
	}
}

func TestReceivingNeedsNoSettings(t *testing.T) {
	w := newWorld(t, worldOptions{})
	want(t, w.send(w.as(), normal("orders", "x")).Status, v2.Code_OK)
	status, messages := w.receive(w.as("x-mq-client-id", "never seen"), simpleReceive("billing", "orders"))
	want(t, status, v2.Code_OK)
	if len(messages) != 1 {
		t.Errorf("%d messages", len(messages))
	}
}

func TestADeadlineEqualToThePollIsAnsweredBeforeIt(t *testing.T) {
	w := newWorld(t, worldOptions{})
	began := time.Now()
	const poll = 1500 * time.Millisecond
	ctx, cancel := context.WithTimeout(w.as(), poll)
	defer cancel()
	req := simpleReceive("billing", "orders")
	req.LongPollingTimeout = durationpb.New(poll)
	status, _ := w.receive(ctx, req)
	want(t, status, v2.Code_MESSAGE_NOT_FOUND)
	if took := time.Since(began); took < poll-time.Second || took >= poll {
		t.Errorf("answered after %v of %v", took, poll)
	}
}

func TestPollsAreClampedAndWokenByAMessage(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for name, poll := range map[string]*durationpb.Duration{"absent": nil, "ten minutes": durationpb.New(10 * time.Minute)} {
		parked := w.engine.count("arm")
		done := make(chan *v2.Status, 1)
		go func() {
			req := simpleReceive("billing", "orders")
			req.LongPollingTimeout = poll
			status, _ := w.receive(w.as("x-mq-client-id", name), req)
			done <- status
		}()
		eventually(t, "the poll is parked", func() bool { return w.engine.count("arm") > parked })
		want(t, w.send(w.as(), normal("orders", name)).Status, v2.Code_OK)
		want(t, <-done, v2.Code_OK)
	}
	began := time.Now()
	req := simpleReceive("other", "later")
	req.LongPollingTimeout = durationpb.New(0)
	status, _ := w.receive(w.as(), req)
	want(t, status, v2.Code_MESSAGE_NOT_FOUND)
	if took := time.Since(began); took > time.Second {
		t.Errorf("a poll of 0 took %v", took)
	}
}

func TestAConsumerSeesAllOfAMessage(t *testing.T) {
	w := newWorld(t, worldOptions{})
	body := []byte("hello \x00 world")
	m := &v2.Message{
		Topic: res("sequence"), Body: body,
		UserProperties: map[string]string{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=b,c=d", "Größe": "ß"},
		SystemProperties: &v2.SystemProperties{
			MessageId: nextID(), Tag: proto.String("t"), Keys: []string{"k1", "k2"}, MessageGroup: proto.String("g"), MessageType: v2.MessageType_FIFO,
			BodyDigest:   &v2.Digest{Type: v2.DigestType_CRC32, Checksum: fmt.Sprintf("%08x", crc32.ChecksumIEEE(body))},
			BodyEncoding: v2.Encoding_IDENTITY, BornTimestamp: timestamppb.New(time.UnixMilli(1700000000123)), BornHost: "laptop", TraceContext: proto.String("00-abc"),
		},
	}
	want(t, w.send(w.as(), m).Status, v2.Code_OK)
	_, got := w.receive(w.as(), simpleReceive("billing", "sequence"))
	if len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
	p, q := got[0].SystemProperties, m.SystemProperties
	for what, holds := range map[string]bool{
		"body":        slices.Equal(got[0].Body, body),
		"properties":  proto.Equal(&v2.Message{UserProperties: got[0].UserProperties}, &v2.Message{UserProperties: m.UserProperties}),
		"topic":       got[0].Topic.Name == "sequence",
		"id":          p.MessageId == q.MessageId,
		"tag":         p.GetTag() == "t",
		"keys":        slices.Equal(p.Keys, q.Keys),
		"group":       p.GetMessageGroup() == "g",
		"type":        p.MessageType == v2.MessageType_FIFO,
		"encoding":    p.BodyEncoding == v2.Encoding_IDENTITY,
		"digest":      p.BodyDigest.Type == v2.DigestType_CRC32 && p.BodyDigest.Checksum == strings.ToUpper(fmt.Sprintf("%x", crc32.ChecksumIEEE(body))),
		"born":        p.BornTimestamp.AsTime().Equal(q.BornTimestamp.AsTime()) && p.BornHost == "laptop",
		"stored":      time.Since(p.StoreTimestamp.AsTime()) < time.Minute && p.StoreHost != "",
		"trace":       p.GetTraceContext() == "00-abc",
		"receipt":     p.GetReceiptHandle() != "",
		"place":       p.QueueOffset != nil && p.GetQueueOffset() == 0,
		"attempt":     p.GetDeliveryAttempt() == 1,
		"lease":       p.InvisibleDuration.AsDuration() > 20*time.Second,
		"no delivery": p.DeliveryTimestamp == nil,
		"no origin":   p.DeadLetterQueue == nil,
	} {
		if !holds {
			t.Errorf("%s: %v", what, got[0])
		}
	}
}

func TestADeadLetterKeepsItsOrigin(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ctx := w.owner("bank")
	m := normal("orders", "broken")
	want(t, w.send(ctx, m).Status, v2.Code_OK)
	_, got := w.receive(ctx, simpleReceive("billing", "orders"))
	forward := &v2.ForwardMessageToDeadLetterQueueRequest{
		Group: res("billing"), Topic: res("orders"), ReceiptHandle: got[0].SystemProperties.GetReceiptHandle(), MessageId: m.SystemProperties.MessageId, DeliveryAttempt: 1, MaxDeliveryAttempts: 1,
	}
	out, err := w.client.ForwardMessageToDeadLetterQueue(ctx, forward)
	if err != nil {
		t.Fatal(err)
	}
	want(t, out.Status, v2.Code_OK)
	_, dead := w.receive(ctx, simpleReceive("other", "%DLQ%billing"))
	if len(dead) != 1 {
		t.Fatalf("%d dead letters", len(dead))
	}
	origin := dead[0].SystemProperties.DeadLetterQueue
	if origin.GetTopic() != "orders" || origin.GetMessageId() != m.SystemProperties.MessageId || string(dead[0].Body) != "broken" {
		t.Errorf("the origin is %v", origin)
	}
}

func TestTheTypeIsInferredWhereItIsNotSaid(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for name, c := range map[string]struct {
		set  func(p *v2.SystemProperties)
		kind mq.MessageType
	}{
		"normal":      {func(*v2.SystemProperties) {}, mq.Normal},
		"fifo":        {func(p *v2.SystemProperties) { p.MessageGroup = proto.String("g") }, mq.FIFO},
		"delay":       {func(p *v2.SystemProperties) { p.DeliveryTimestamp = timestamppb.New(time.Now().Add(time.Hour)) }, mq.Delay},
		"transaction": {func(p *v2.SystemProperties) { p.OrphanedTransactionRecoveryDuration = durationpb.New(time.Minute) }, mq.Transaction},
	} {
		m := normal("any", name)
		m.SystemProperties.MessageType = v2.MessageType_MESSAGE_TYPE_UNSPECIFIED
		m.SystemProperties.BodyEncoding = v2.Encoding_ENCODING_UNSPECIFIED
		c.set(m.SystemProperties)
		out := w.send(w.as(), m)
		want(t, out.Status, v2.Code_OK)
		if (out.Entries[0].TransactionId != "") != (c.kind == mq.Transaction) || (out.Entries[0].RecallHandle != "") != (c.kind == mq.Delay) {
			t.Errorf("%s was stored as something else: %v", name, out.Entries[0])
		}
	}
}

func TestLiteCallsAreRefusedByName(t *testing.T) {
	w := newWorld(t, worldOptions{})
	out, err := w.client.SyncLiteSubscription(w.as(), &v2.SyncLiteSubscriptionRequest{})
	if err != nil {
		t.Fatal(err)
	}
	want(t, out.Status, v2.Code_UNSUPPORTED, "lite")
	handle := w.handle(w.as(), time.Minute, false)
	ack, err := w.client.AckMessage(w.as(), &v2.AckMessageRequest{Group: res("billing"), Topic: res("orders"), Entries: []*v2.AckMessageEntry{{ReceiptHandle: handle, LiteTopic: proto.String("l")}}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, ack.Status, v2.Code_UNSUPPORTED, "lite")
}

// A producer sends a half and is asked about it on its stream; the answer may come through any proxy.
func TestACheckBackReachesTheProducer(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ctx := w.signed("bank-owner", "secret-owner", "x-mq-namespace", "bank")
	stream, reply := w.agree(ctx, producerSettings()) // announces nothing: the half alone tells
	want(t, reply.Status, v2.Code_OK)
	_, m := w.half(ctx)
	topic, _ := w.holder.Now().PhysicalTopic(must(mq.ParseTenant("bank")), must(mq.ParsePhysical("bank%pay")))
	check := mq.Check{Topic: topic.Topic, Half: mq.Half{Cluster: topic.Cluster, Token: "t1", Message: must(mq.ParseMessageID(m.SystemProperties.MessageId))}, Round: 1}
	check.Half.Token = w.engine.onlyHalf(t)
	check.Message = mq.Stored{Message: mq.Message{ID: check.Half.Message, Type: mq.Transaction, Body: []byte("x")}, Topic: topic.Topic.Name}
	if !w.sessions.Ask(check) {
		t.Fatal("nobody was found to ask")
	}
	command, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	asked := command.GetRecoverOrphanedTransactionCommand()
	if asked.GetMessage().GetTopic().GetName() != "pay" || asked.GetMessage().GetTopic().GetResourceNamespace() != "bank" || string(asked.GetMessage().GetBody()) != "x" {
		t.Fatalf("asked about %v", asked)
	}
	other := newWorld(t, worldOptions{engine: w.engine, keys: w.keys})
	out, err := other.client.EndTransaction(other.owner("bank"), &v2.EndTransactionRequest{
		Topic: res("pay"), MessageId: asked.Message.SystemProperties.MessageId, TransactionId: asked.TransactionId,
		Resolution: v2.TransactionResolution_COMMIT, Source: v2.TransactionSource_SOURCE_SERVER_CHECK,
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, out.Status, v2.Code_OK)
}

func (m *memory) onlyHalf(t *testing.T) string {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.halves) != 1 {
		t.Fatalf("%d halves", len(m.halves))
	}
	for token := range m.halves {
		return token
	}
	return ""
}

func TestAReceiptSettlesAtAnyProxy(t *testing.T) {
	w := newWorld(t, worldOptions{})
	other := newWorld(t, worldOptions{engine: w.engine, keys: w.keys})
	handle := w.handle(w.as(), time.Minute, true)
	want(t, other.ack(other.as(), "billing", "orders", handle).Status, v2.Code_OK)
}

func TestTerminationReleasesWhatAClientHolds(t *testing.T) {
	gone := make(chan session.Client, 1)
	w := newWorld(t, worldOptions{clients: func(c session.Client) { gone <- c }})
	for _, group := range []*v2.Resource{nil, res(""), res("billing")} {
		w.agree(w.as(), producerSettings())
		out, err := w.client.NotifyClientTermination(w.as(), &v2.NotifyClientTerminationRequest{Group: group})
		if err != nil {
			t.Fatal(err)
		}
		want(t, out.Status, v2.Code_OK)
		if c := <-gone; c.Client.String() != "host@1@0@abc" {
			t.Errorf("gone is %v", c)
		}
	}
}

func TestWhatCouldNotBeDeliveredIsGivenBack(t *testing.T) {
	w := newWorld(t, worldOptions{})
	big := normal("orders", "")
	big.Body = make([]byte, 1<<20)
	for range 4 {
		want(t, w.send(w.as(), big).Status, v2.Code_OK)
		big.SystemProperties.MessageId = nextID()
	}
	ctx, cancel := context.WithCancel(w.as())
	stream, err := w.client.ReceiveMessage(ctx, simpleReceive("billing", "orders"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil { // the status is here, the messages are not read
		t.Fatal(err)
	}
	cancel()
	eventually(t, "the messages come back", func() bool {
		_, again := w.receive(w.as(), simpleReceive("billing", "orders"))
		return len(again) > 0
	})
}

func TestAnswersNameTheRequest(t *testing.T) {
	w := newWorld(t, worldOptions{})
	status := routeAs(w, metadata.AppendToOutgoingContext(w.as("x-mq-request-id", "abc-123")), "absent")
	want(t, status, v2.Code_TOPIC_NOT_FOUND, "[abc-123]", "topic_not_found: ")
	if !w.log.has("request=abc-123") {
		t.Error("the log has no line with the request id")
	}
}
