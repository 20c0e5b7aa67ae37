// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/engine/embedded"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/seal"
)

// The same door over the engine that people run, on a disk in memory.

func newEmbedded(t *testing.T) *embedded.Engine {
	t.Helper()
	e, _, err := embedded.Open(t.Context(), embedded.Options{FS: memfs.New(), Cluster: must(mq.ParseCluster("c0")), CheckEvery: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return e
}

func handleOf(m *v2.Message) string { return m.SystemProperties.GetReceiptHandle() }

func poll(group, topic string, wait time.Duration) *v2.ReceiveMessageRequest {
	req := simpleReceive(group, topic)
	req.LongPollingTimeout = durationpb.New(wait)
	return req
}

func TestEmbeddedSettles(t *testing.T) {
	w := newWorld(t, worldOptions{store: newEmbedded(t)})
	for range 3 {
		want(t, w.send(w.as(), normal("orders", "x")).Status, v2.Code_OK)
	}
	var got []*v2.Message
	eventually(t, "all three are received", func() bool {
		_, more := w.receive(w.as(), poll("billing", "orders", time.Second))
		got = append(got, more...)
		return len(got) == 3
	})
	want(t, w.ack(w.as(), "billing", "orders", handleOf(got[0]), handleOf(got[1])).Status, v2.Code_OK)
	want(t, w.ack(w.as(), "billing", "orders", handleOf(got[0])).Status, v2.Code_INVALID_RECEIPT_HANDLE, "already_settled")
	changed := w.change(w.as(), handleOf(got[2]), time.Minute)
	want(t, changed.Status, v2.Code_OK)
	want(t, w.ack(w.as(), "billing", "orders", handleOf(got[2])).Status, v2.Code_INVALID_RECEIPT_HANDLE, "lease_expired")
	want(t, w.change(w.as(), changed.ReceiptHandle, 0).Status, v2.Code_OK)
	_, again := w.receive(w.as(), poll("billing", "orders", time.Second))
	if len(again) != 1 || again[0].SystemProperties.GetDeliveryAttempt() != 2 {
		t.Errorf("freed, it comes back as %v", again)
	}
}

func TestEmbeddedKeepsTheOrderOfAMessageGroup(t *testing.T) {
	w := newWorld(t, worldOptions{store: newEmbedded(t)})
	for i := range 4 {
		m := normal("sequence", fmt.Sprint(i))
		m.SystemProperties.MessageType, m.SystemProperties.MessageGroup = v2.MessageType_FIFO, proto.String("g")
		want(t, w.send(w.as(), m).Status, v2.Code_OK)
	}
	take := func(attempt string, size int32) []*v2.Message {
		var all []*v2.Message
		for q := range int32(4) { // a member of an ordered group polls each queue
			req := poll("ordered", "sequence", 0)
			req.MessageQueue, req.BatchSize, req.AttemptId = &v2.MessageQueue{Topic: res("sequence"), Id: q, Broker: &v2.Broker{Name: "c0"}}, size, proto.String(fmt.Sprint(attempt, q))
			_, got := w.receive(w.as(), req)
			all = append(all, got...)
		}
		return all
	}
	first := take("a", 2)
	if len(first) != 2 || string(first[0].Body) != "0" || string(first[1].Body) != "1" {
		t.Fatalf("the first run is %v", first)
	}
	if others := take("b", 2); len(others) != 0 {
		t.Errorf("somebody else got %v meanwhile", others)
	}
	if same := take("a", 2); len(same) != 2 || handleOf(same[0]) == "" || string(same[0].Body) != "0" || same[0].SystemProperties.GetDeliveryAttempt() != 1 {
		t.Errorf("the same attempt got %v", same)
	}
	want(t, w.ack(w.as(), "ordered", "sequence", handleOf(first[0])).Status, v2.Code_OK)
	w.free("ordered", "sequence", handleOf(first[1]))
	if next := take("c", 8); len(next) != 3 || string(next[0].Body) != "1" || string(next[2].Body) != "3" {
		t.Errorf("after one was settled and one freed comes %v", next)
	}
}

// free gives a message back at once.
func (w *world) free(group, topic, handle string) {
	w.t.Helper()
	out, err := w.client.ChangeInvisibleDuration(w.as(), &v2.ChangeInvisibleDurationRequest{
		Group: res(group), Topic: res(topic), ReceiptHandle: handle, InvisibleDuration: durationpb.New(0),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	want(w.t, out.Status, v2.Code_OK)
}

func TestEmbeddedDeliversWhenItIsTime(t *testing.T) {
	w := newWorld(t, worldOptions{store: newEmbedded(t)})
	due := time.Now().Add(1200 * time.Millisecond)
	delayed := func() *v2.Message {
		m := normal("later", "x")
		m.SystemProperties.MessageType, m.SystemProperties.DeliveryTimestamp = v2.MessageType_DELAY, timestamppb.New(due)
		return m
	}
	want(t, w.send(w.as(), delayed()).Status, v2.Code_OK)
	recalled := w.send(w.as(), delayed())
	out, err := w.client.RecallMessage(w.as(), &v2.RecallMessageRequest{Topic: res("later"), RecallHandle: recalled.Entries[0].RecallHandle})
	if err != nil {
		t.Fatal(err)
	}
	want(t, out.Status, v2.Code_OK)
	status, got := w.receive(w.as(), poll("billing", "later", 5*time.Second))
	want(t, status, v2.Code_OK)
	if len(got) != 1 || time.Now().Before(due) || !got[0].SystemProperties.DeliveryTimestamp.AsTime().Equal(due.Truncate(time.Millisecond)) && !got[0].SystemProperties.DeliveryTimestamp.AsTime().Equal(due) {
		t.Errorf("%d messages, %v before their time: %v", len(got), time.Until(due), got)
	}
	late, err := w.client.RecallMessage(w.as(), &v2.RecallMessageRequest{Topic: res("later"), RecallHandle: recalled.Entries[0].RecallHandle})
	if err != nil {
		t.Fatal(err)
	}
	want(t, late.Status, v2.Code_MESSAGE_NOT_FOUND)
}

func TestEmbeddedTransactions(t *testing.T) {
	const commit, rollback = v2.TransactionResolution_COMMIT, v2.TransactionResolution_ROLLBACK
	e, keys := newEmbedded(t), must(seal.New(seal.NewKey(time.Now())))
	w := newWorld(t, worldOptions{store: e, keys: keys})
	other := newWorld(t, worldOptions{store: e, keys: keys})
	back, _ := w.half(w.as())
	done, _ := w.half(w.as())
	want(t, other.end(other.as(), back, rollback), v2.Code_OK)
	want(t, other.end(other.as(), done, commit), v2.Code_OK)
	want(t, w.end(w.as(), done, commit), v2.Code_OK)
	want(t, w.end(w.as(), back, commit), v2.Code_INVALID_TRANSACTION_ID)
	_, got := w.receive(w.as(), poll("billing", "pay", 2*time.Second))
	if len(got) != 1 {
		t.Errorf("%d messages of one commit and one rollback", len(got))
	}
	// Now nobody says anything, and the platform asks.
	stream, reply := w.agree(w.as(), producerSettings("pay"))
	want(t, reply.Status, v2.Code_OK)
	m := normal("pay", "silent")
	m.SystemProperties.MessageType, m.SystemProperties.OrphanedTransactionRecoveryDuration = v2.MessageType_TRANSACTION, durationpb.New(time.Second)
	want(t, w.send(w.as(), m).Status, v2.Code_OK)
	command, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	asked := command.GetRecoverOrphanedTransactionCommand()
	if asked.GetMessage().GetSystemProperties().GetMessageId() != m.SystemProperties.MessageId || string(asked.GetMessage().GetBody()) != "silent" {
		t.Fatalf("asked about %v", command)
	}
	want(t, other.end(other.as(), asked.TransactionId, commit), v2.Code_OK)
	_, got = w.receive(w.as(), poll("billing", "pay", 5*time.Second))
	if len(got) != 1 || string(got[0].Body) != "silent" {
		t.Errorf("after the check comes %v", got)
	}
}

func TestEmbeddedGivesUpAfterTheLastAttempt(t *testing.T) {
	w := newWorld(t, worldOptions{store: newEmbedded(t)})
	m := normal("any", "broken")
	want(t, w.send(w.as(), m).Status, v2.Code_OK)
	for attempt := int32(1); attempt <= 3; attempt++ { // the group "ordered" has three
		var got []*v2.Message
		eventually(t, "it is delivered again", func() bool {
			_, got = w.receive(w.as(), anyQueue(poll("ordered", "any", 0)))
			return len(got) == 1
		})
		if n := got[0].SystemProperties.GetDeliveryAttempt(); n != attempt {
			t.Fatalf("attempt %d is called %d", attempt, n)
		}
		w.free("ordered", "any", handleOf(got[0]))
	}
	status, _ := w.receive(w.as(), anyQueue(poll("ordered", "any", 0)))
	want(t, status, v2.Code_MESSAGE_NOT_FOUND)
	_, dead := w.receive(w.as(), poll("other", "%DLQ%ordered", 2*time.Second))
	if len(dead) != 1 || dead[0].SystemProperties.DeadLetterQueue.GetTopic() != "any" || dead[0].SystemProperties.DeadLetterQueue.GetMessageId() != m.SystemProperties.MessageId {
		t.Errorf("the dead letters are %v", dead)
	}
}

// anyQueue makes a poll of an ordered group take from all queues.
func anyQueue(req *v2.ReceiveMessageRequest) *v2.ReceiveMessageRequest {
	req.MessageQueue.Id = -1
	return req
}

func TestEmbeddedFilters(t *testing.T) {
	w := newWorld(t, worldOptions{store: newEmbedded(t)})
	for i, tag := range []string{"a", "b", "c"} {
		m := normal("orders", tag)
		m.SystemProperties.Tag, m.UserProperties = proto.String(tag), map[string]string{"amount": fmt.Sprint(i)}
		want(t, w.send(w.as(), m).Status, v2.Code_OK)
	}
	for group, f := range map[string]*v2.FilterExpression{
		"billing": {Type: v2.FilterType_TAG, Expression: "a || c"},
		"other":   {Type: v2.FilterType_SQL, Expression: "amount <> 1 AND TAGS <> 'b'"},
	} {
		var got []string
		eventually(t, "both that match are received", func() bool {
			req := poll(group, "orders", 500*time.Millisecond)
			req.FilterExpression = f
			_, more := w.receive(w.as(), req)
			for _, m := range more {
				got = append(got, string(m.Body))
			}
			return len(got) >= 2
		})
		if len(got) != 2 || got[0] == "b" || got[1] == "b" {
			t.Errorf("%s got %v", group, got)
		}
	}
}

func TestEmbeddedPullers(t *testing.T) {
	w := newWorld(t, worldOptions{store: newEmbedded(t)})
	for range 6 {
		want(t, w.send(w.as(), normal("any", "x")).Status, v2.Code_OK)
	}
	total := 0
	for q := range int32(2) {
		queue := &v2.MessageQueue{Topic: res("any"), Id: q, Broker: &v2.Broker{Name: "c0"}}
		end, err := w.client.QueryOffset(w.as(), &v2.QueryOffsetRequest{MessageQueue: queue, QueryOffsetPolicy: v2.QueryOffsetPolicy_END})
		if err != nil {
			t.Fatal(err)
		}
		want(t, end.Status, v2.Code_OK)
		_, got, next := w.pull(&v2.PullMessageRequest{Group: res("puller"), MessageQueue: queue, BatchSize: 32, LongPollingTimeout: durationpb.New(0)})
		if total += len(got); next != end.Offset {
			t.Errorf("queue %d goes on at %d, its end is %d", q, next, end.Offset)
		}
		over := &v2.UpdateOffsetRequest{Group: res("puller"), MessageQueue: queue, Offset: end.Offset + 1}
		if out, err := w.client.UpdateOffset(w.as(), over); err != nil || out.Status.Code != v2.Code_ILLEGAL_OFFSET {
			t.Errorf("an offset beyond the end: %v, %v", out, err)
		}
		over.Offset = end.Offset
		if out, err := w.client.UpdateOffset(w.as(), over); err != nil || out.Status.Code != v2.Code_OK {
			t.Errorf("the end: %v, %v", out, err)
		}
		if out, err := w.client.GetOffset(w.as(), &v2.GetOffsetRequest{Group: res("puller"), MessageQueue: queue}); err != nil || out.Offset != end.Offset {
			t.Errorf("committed %d: %v, %v", end.Offset, out, err)
		}
	}
	if total != 6 {
		t.Errorf("%d of 6 messages", total)
	}
}
