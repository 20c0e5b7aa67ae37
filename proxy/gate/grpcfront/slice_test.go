// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/durationpb"
)

func simpleReceive(group, topic string) *v2.ReceiveMessageRequest {
	return &v2.ReceiveMessageRequest{
		Group: res(group), MessageQueue: &v2.MessageQueue{Topic: res(topic)}, BatchSize: 16,
		InvisibleDuration: durationpb.New(30 * time.Second), LongPollingTimeout: durationpb.New(2 * time.Second),
	}
}

func TestAMessageGoesThrough(t *testing.T) {
	w := newWorld(t, worldOptions{})
	route, err := w.client.QueryRoute(w.as(), &v2.QueryRouteRequest{Topic: res("orders"), Endpoints: endpoints()})
	if err != nil {
		t.Fatal(err)
	}
	want(t, route.Status, v2.Code_OK)
	if len(route.MessageQueues) != 4 {
		t.Fatalf("%d queues", len(route.MessageQueues))
	}
	stream, err := w.client.Telemetry(w.as())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(producerSettings("orders")); err != nil {
		t.Fatal(err)
	}
	reply, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	want(t, reply.Status, v2.Code_OK)
	beat, err := w.client.Heartbeat(w.as(), &v2.HeartbeatRequest{ClientType: v2.ClientType_PRODUCER})
	if err != nil {
		t.Fatal(err)
	}
	want(t, beat.Status, v2.Code_OK)
	sent := w.send(w.as(), normal("orders", "hello"))
	want(t, sent.Status, v2.Code_OK)
	status, messages := w.receive(w.as(), simpleReceive("billing", "orders"))
	want(t, status, v2.Code_OK)
	if len(messages) != 1 || string(messages[0].Body) != "hello" {
		t.Fatalf("received %v", messages)
	}
	ack := &v2.AckMessageRequest{Group: res("billing"), Topic: res("orders"), Entries: []*v2.AckMessageEntry{{
		MessageId: messages[0].SystemProperties.MessageId, ReceiptHandle: messages[0].SystemProperties.GetReceiptHandle(),
	}}}
	acked, err := w.client.AckMessage(w.as(), ack)
	if err != nil {
		t.Fatal(err)
	}
	want(t, acked.Status, v2.Code_OK)
	again, err := w.client.AckMessage(w.as(), ack)
	if err != nil {
		t.Fatal(err)
	}
	want(t, again.Status, v2.Code_INVALID_RECEIPT_HANDLE, "already_settled")
	eventually(t, "all calls are counted", func() bool { return w.counts.of(&w.counts.called) >= 6 })
}

func producerSettings(topics ...string) *v2.TelemetryCommand {
	publishing := &v2.Publishing{}
	for _, name := range topics {
		publishing.Topics = append(publishing.Topics, res(name))
	}
	return &v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: &v2.Settings{
		ClientType: v2.ClientType_PRODUCER.Enum(), PubSub: &v2.Settings_Publishing{Publishing: publishing},
		RequestTimeout: durationpb.New(3 * time.Second), UserAgent: &v2.UA{Language: v2.Language_GOLANG, Version: "5.1.4"},
	}}}
}
