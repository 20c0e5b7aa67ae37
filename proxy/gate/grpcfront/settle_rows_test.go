// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"context"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// handle sends a message and receives it: the receipt of a message that nobody settled.
func (w *world) handle(ctx context.Context, hold time.Duration, renew bool) string {
	w.t.Helper()
	want(w.t, w.send(ctx, normal("orders", "x")).Status, v2.Code_OK)
	req := simpleReceive("billing", "orders")
	req.InvisibleDuration, req.AutoRenew = durationpb.New(hold), renew
	status, messages := w.receive(ctx, req)
	want(w.t, status, v2.Code_OK)
	return messages[0].SystemProperties.GetReceiptHandle()
}

func (w *world) ack(ctx context.Context, group, topic string, handles ...string) *v2.AckMessageResponse {
	w.t.Helper()
	req := &v2.AckMessageRequest{Group: res(group), Topic: res(topic)}
	for _, h := range handles {
		req.Entries = append(req.Entries, &v2.AckMessageEntry{ReceiptHandle: h})
	}
	out, err := w.client.AckMessage(ctx, req)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) change(ctx context.Context, handle string, d time.Duration) *v2.ChangeInvisibleDurationResponse {
	w.t.Helper()
	out, err := w.client.ChangeInvisibleDuration(ctx, &v2.ChangeInvisibleDurationRequest{
		Group: res("billing"), Topic: res("orders"), ReceiptHandle: handle, InvisibleDuration: durationpb.New(d),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func flip(s string) string {
	b := []byte(s)
	b[len(b)/2] ^= 1
	return string(b)
}

func TestRowsOfReceipts(t *testing.T) {
	w := newWorld(t, worldOptions{})
	good := w.handle(w.as(), time.Minute, false)
	theirs := w.handle(w.owner("bank"), time.Minute, false)
	acks := func(ctx context.Context, group, topic, handle string) func(w *world) *v2.Status {
		return func(w *world) *v2.Status { return w.ack(ctx, group, topic, handle).Status }
	}
	runRows(t, w, []row{
		{"51 truncated", acks(w.as(), "billing", "orders", good[:len(good)-3]), v2.Code_INVALID_RECEIPT_HANDLE, nil},
		{"51 empty", acks(w.as(), "billing", "orders", ""), v2.Code_INVALID_RECEIPT_HANDLE, nil},
		{"52 one bit flipped", acks(w.as(), "billing", "orders", flip(good)), v2.Code_INVALID_RECEIPT_HANDLE, nil},
		{"53 another tenant's", acks(w.as(), "billing", "orders", theirs), v2.Code_INVALID_RECEIPT_HANDLE, nil},
		{"54 another group's", acks(w.as(), "other", "orders", good), v2.Code_INVALID_RECEIPT_HANDLE, nil},
		{"54 another topic's", acks(w.as(), "billing", "any", good), v2.Code_INVALID_RECEIPT_HANDLE, nil},
		{"no entries", func(w *world) *v2.Status { return w.ack(w.as(), "billing", "orders").Status }, v2.Code_BAD_REQUEST, nil},
		{"change: negative", func(w *world) *v2.Status { return w.change(w.as(), good, -1).Status }, v2.Code_ILLEGAL_INVISIBLE_TIME, nil},
		{"change: 13 hours", func(w *world) *v2.Status { return w.change(w.as(), good, 13*time.Hour).Status }, v2.Code_ILLEGAL_INVISIBLE_TIME, nil},
		{"change: forged", func(w *world) *v2.Status { return w.change(w.as(), flip(good), time.Minute).Status }, v2.Code_INVALID_RECEIPT_HANDLE, nil},
		{"good: another's receipt for himself", acks(w.owner("bank"), "billing", "orders", theirs), v2.Code_OK, nil},
		{"good", acks(w.as(), "billing", "orders", good), v2.Code_OK, nil},
		{"56 already acknowledged", acks(w.as(), "billing", "orders", good), v2.Code_INVALID_RECEIPT_HANDLE, []string{"already_settled"}},
	})
	forged := w.ack(w.as(), "billing", "orders", flip(good)).Status
	foreign := w.ack(w.as(), "billing", "orders", theirs).Status
	if forged.Message != foreign.Message {
		t.Errorf("a foreign receipt answers %q, a forged one %q", foreign.Message, forged.Message)
	}
	mixed := w.ack(w.as(), "billing", "orders", w.handle(w.as(), time.Minute, false), "forged")
	want(t, mixed.Status, v2.Code_MULTIPLE_RESULTS)
	want(t, mixed.Entries[0].Status, v2.Code_OK)
	want(t, mixed.Entries[1].Status, v2.Code_INVALID_RECEIPT_HANDLE)
}

func TestRow55AnExpiredReceiptIsRefused(t *testing.T) {
	w := newWorld(t, worldOptions{})
	handle := w.handle(w.as(), time.Second, false)
	eventually(t, "the lease is over", func() bool {
		_, again := w.receive(w.as(), simpleReceive("billing", "orders"))
		return len(again) == 1 && again[0].SystemProperties.GetDeliveryAttempt() == 2
	})
	want(t, w.ack(w.as(), "billing", "orders", handle).Status, v2.Code_INVALID_RECEIPT_HANDLE, "lease_expired")
}

func TestChangeAlwaysGivesAReceipt(t *testing.T) {
	w := newWorld(t, worldOptions{})
	first := w.handle(w.as(), time.Minute, false)
	refused := w.change(w.as(), first, -1)
	if refused.ReceiptHandle != first {
		t.Error("a refused change loses the receipt")
	}
	changed := w.change(w.as(), first, 2*time.Minute)
	want(t, changed.Status, v2.Code_OK)
	if changed.ReceiptHandle == "" || changed.ReceiptHandle == first {
		t.Errorf("the new receipt is %q", changed.ReceiptHandle)
	}
	want(t, w.ack(w.as(), "billing", "orders", first).Status, v2.Code_INVALID_RECEIPT_HANDLE)
	freed := w.change(w.as(), changed.ReceiptHandle, 0)
	want(t, freed.Status, v2.Code_OK)
	_, again := w.receive(w.as(), simpleReceive("billing", "orders"))
	if len(again) != 1 {
		t.Error("0 does not free the message now")
	}
}

func (w *world) half(ctx context.Context) (string, *v2.Message) {
	w.t.Helper()
	m := normal("pay", "x")
	m.SystemProperties.MessageType = v2.MessageType_TRANSACTION
	out := w.send(ctx, m)
	want(w.t, out.Status, v2.Code_OK)
	if out.Entries[0].TransactionId == "" {
		w.t.Fatal("no transaction id")
	}
	return out.Entries[0].TransactionId, m
}

func (w *world) end(ctx context.Context, id string, how v2.TransactionResolution) *v2.Status {
	w.t.Helper()
	out, err := w.client.EndTransaction(ctx, &v2.EndTransactionRequest{Topic: res("pay"), TransactionId: id, Resolution: how})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Status
}

func TestRowsOfTransactions(t *testing.T) {
	w := newWorld(t, worldOptions{})
	const commit, rollback = v2.TransactionResolution_COMMIT, v2.TransactionResolution_ROLLBACK
	back, _ := w.half(w.as())
	done, _ := w.half(w.as())
	theirs, _ := w.half(w.owner("bank"))
	ends := func(id string, how v2.TransactionResolution) func(w *world) *v2.Status {
		return func(w *world) *v2.Status { return w.end(w.as(), id, how) }
	}
	runRows(t, w, []row{
		{"57 unknown id", ends("nothing", commit), v2.Code_INVALID_TRANSACTION_ID, nil},
		{"57 flipped", ends(flip(back), commit), v2.Code_INVALID_TRANSACTION_ID, nil},
		{"58 another tenant's", ends(theirs, commit), v2.Code_INVALID_TRANSACTION_ID, nil},
		{"no resolution", ends(back, 0), v2.Code_BAD_REQUEST, nil},
		{"rollback", ends(back, rollback), v2.Code_OK, nil},
		{"59 commit after rollback", ends(back, commit), v2.Code_INVALID_TRANSACTION_ID, nil},
		{"commit", ends(done, commit), v2.Code_OK, nil},
		{"60 commit twice", ends(done, commit), v2.Code_OK, nil},
	})
	_, got := w.receive(w.as(), simpleReceive("billing", "pay"))
	if len(got) != 1 {
		t.Errorf("%d messages of one commit", len(got))
	}
}

func TestRowsOfRecall(t *testing.T) {
	w := newWorld(t, worldOptions{})
	m := normal("later", "x")
	m.SystemProperties.MessageType, m.SystemProperties.DeliveryTimestamp = v2.MessageType_DELAY, timestamppb.New(time.Now().Add(time.Hour))
	out := w.send(w.as(), m)
	want(t, out.Status, v2.Code_OK)
	handle := out.Entries[0].RecallHandle
	recall := func(ctx context.Context, h string) func(w *world) *v2.Status {
		return func(w *world) *v2.Status {
			out, err := w.client.RecallMessage(ctx, &v2.RecallMessageRequest{Topic: res("later"), RecallHandle: h})
			if err != nil {
				t.Fatal(err)
			}
			if out.Status.Code == v2.Code_OK && out.MessageId != m.SystemProperties.MessageId {
				t.Errorf("recalled %q", out.MessageId)
			}
			return out.Status
		}
	}
	runRows(t, w, []row{
		{"61 forged", recall(w.as(), flip(handle)), v2.Code_INVALID_RECEIPT_HANDLE, nil},
		{"61 another tenant's", recall(w.owner("bank"), handle), v2.Code_INVALID_RECEIPT_HANDLE, nil},
		{"good", recall(w.as(), handle), v2.Code_OK, nil},
		{"62 a second time", recall(w.as(), handle), v2.Code_MESSAGE_NOT_FOUND, nil},
	})
}

func TestRowsOfOffsets(t *testing.T) {
	w := newWorld(t, worldOptions{})
	queue := &v2.MessageQueue{Topic: res("orders"), Id: 0, Broker: &v2.Broker{Name: "b0"}}
	update := func(o int64) func(w *world) *v2.Status {
		return func(w *world) *v2.Status {
			out, err := w.client.UpdateOffset(w.as(), &v2.UpdateOffsetRequest{Group: res("puller"), MessageQueue: queue, Offset: o})
			if err != nil {
				t.Fatal(err)
			}
			return out.Status
		}
	}
	pull := func(o int64) func(w *world) *v2.Status {
		return func(w *world) *v2.Status {
			status, _, _ := w.pull(&v2.PullMessageRequest{Group: res("puller"), MessageQueue: queue, Offset: o, BatchSize: 8, LongPollingTimeout: durationpb.New(0)})
			return status
		}
	}
	runRows(t, w, []row{
		{"63 pull: negative", pull(-1), v2.Code_ILLEGAL_OFFSET, nil},
		{"63 pull: beyond the end", pull(7), v2.Code_ILLEGAL_OFFSET, nil},
		{"63 pull: 2^63-1", pull(1<<63 - 1), v2.Code_ILLEGAL_OFFSET, nil},
		{"63 update: negative", update(-1), v2.Code_ILLEGAL_OFFSET, nil},
		{"63 update: beyond the end", update(7), v2.Code_ILLEGAL_OFFSET, nil},
		{"63 update: 2^63-1", update(1<<63 - 1), v2.Code_ILLEGAL_OFFSET, nil},
		{"never committed", func(w *world) *v2.Status {
			out, err := w.client.GetOffset(w.as(), &v2.GetOffsetRequest{Group: res("puller"), MessageQueue: queue})
			if err != nil {
				t.Fatal(err)
			}
			return out.Status
		}, v2.Code_OFFSET_NOT_FOUND, nil},
		{"nothing to pull", pull(0), v2.Code_MESSAGE_NOT_FOUND, nil},
		{"a group that leases", func(w *world) *v2.Status {
			out, err := w.client.UpdateOffset(w.as(), &v2.UpdateOffsetRequest{Group: res("billing"), MessageQueue: queue})
			if err != nil {
				t.Fatal(err)
			}
			return out.Status
		}, v2.Code_PRECONDITION_FAILED, nil},
	})
}

func (w *world) pull(req *v2.PullMessageRequest) (status *v2.Status, messages []*v2.Message, next int64) {
	w.t.Helper()
	stream, err := w.client.PullMessage(w.as(), req)
	if err != nil {
		w.t.Fatal(err)
	}
	next = -1
	for {
		m, err := stream.Recv()
		if err != nil {
			if err.Error() != "EOF" {
				w.t.Fatal(err)
			}
			return status, messages, next
		}
		switch c := m.Content.(type) {
		case *v2.PullMessageResponse_Status:
			status = c.Status
		case *v2.PullMessageResponse_Message:
			messages = append(messages, c.Message)
		case *v2.PullMessageResponse_NextOffset:
			next = c.NextOffset
		}
	}
}

func TestAPullerReadsAndCommits(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for range 8 { // of four queues
		want(t, w.send(w.as(), normal("orders", "x")).Status, v2.Code_OK)
	}
	queue := &v2.MessageQueue{Topic: res("orders"), Id: 1, Broker: &v2.Broker{Name: "b0"}}
	end, err := w.client.QueryOffset(w.as(), &v2.QueryOffsetRequest{MessageQueue: queue, QueryOffsetPolicy: v2.QueryOffsetPolicy_END})
	if err != nil {
		t.Fatal(err)
	}
	status, messages, next := w.pull(&v2.PullMessageRequest{Group: res("puller"), MessageQueue: queue, BatchSize: 32})
	want(t, status, v2.Code_OK)
	if int64(len(messages)) != end.Offset || next != end.Offset || end.Offset == 0 {
		t.Fatalf("%d messages, next %d, end %d", len(messages), next, end.Offset)
	}
	if p := messages[0].SystemProperties; p.ReceiptHandle != nil || p.GetQueueOffset() != 0 || p.QueueId != 1 {
		t.Errorf("a pulled message says %v", p)
	}
	updated, err := w.client.UpdateOffset(w.as(), &v2.UpdateOffsetRequest{Group: res("puller"), MessageQueue: queue, Offset: next})
	if err != nil {
		t.Fatal(err)
	}
	want(t, updated.Status, v2.Code_OK)
	got, err := w.client.GetOffset(w.as(), &v2.GetOffsetRequest{Group: res("puller"), MessageQueue: queue})
	if err != nil {
		t.Fatal(err)
	}
	if got.Offset != next {
		t.Errorf("committed %d, got %d", next, got.Offset)
	}
	at, err := w.client.QueryOffset(w.as(), &v2.QueryOffsetRequest{MessageQueue: queue, QueryOffsetPolicy: v2.QueryOffsetPolicy_TIMESTAMP, Timestamp: timestamppb.New(time.Now().Add(-time.Hour))})
	if err != nil {
		t.Fatal(err)
	}
	if at.Offset != 0 {
		t.Errorf("the first message of the last hour is %d", at.Offset)
	}
}
