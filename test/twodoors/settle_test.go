// SPDX-License-Identifier: Apache-2.0

package twodoors_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/proxy/seal"
)

// pair is two doors over one engine with a client at each.
func pair(t *testing.T) (*house, *client, *client) {
	h := newHouse(t)
	return h, dial(t, h.open(), "left"), dial(t, h.open(), "right")
}

func sendOK(t *testing.T, c *client, m *v2.Message) *v2.SendResultEntry {
	t.Helper()
	sent, err := c.send(m)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	return sent
}

// gets receives until one message came.
func gets(t *testing.T, c *client, r receiving) *v2.Message {
	t.Helper()
	var got []*v2.Message
	eventually(t, "a message is delivered", func() bool {
		some, err := c.receive(r)
		if err != nil {
			t.Fatalf("receive: %v", err)
		}
		got = some
		return len(got) > 0
	})
	if len(got) != 1 {
		t.Fatalf("%d messages, want one", len(got))
	}
	return got[0]
}

// nothing demands that a poll of that length at a door finds nothing.
func nothing(t *testing.T, c *client, r receiving, why string) {
	t.Helper()
	got, err := c.receive(r)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	if len(got) > 0 {
		t.Fatalf("%q came, attempt %d: %s", got[0].Body, got[0].GetSystemProperties().GetDeliveryAttempt(), why)
	}
}

func TestAReceiptOfOneDoorSettlesAtTheOther(t *testing.T) {
	_, left, right := pair(t)
	n := &ids{}
	sendOK(t, left, letter("plain", n.next(), "hello"))
	r := receiving{topic: "plain", group: "billing", max: 16, hold: 10 * time.Second, poll: 2 * time.Second}
	m := gets(t, left, r)
	if err := right.ack("plain", "billing", m); err != nil {
		t.Fatalf("ack at the other door: %v", err)
	}
	r.poll = 15 * time.Second // longer than the hold
	nothing(t, left, r, "it was settled at the other door")
}

func TestALeaseOfOneDoorIsChangedAtTheOther(t *testing.T) {
	_, left, right := pair(t)
	n := &ids{}
	sendOK(t, left, letter("plain", n.next(), "hello"))
	r := receiving{topic: "plain", group: "billing", max: 16, hold: 10 * time.Second, poll: 2 * time.Second}
	m := gets(t, left, r)
	handle, err := right.change("plain", "billing", m, 20*time.Second)
	if err != nil {
		t.Fatalf("change at the other door: %v", err)
	}
	r.poll = 14 * time.Second
	nothing(t, left, r, "its lease was made longer at the other door")
	if err := left.ackHandle("plain", "billing", m.SystemProperties.MessageId, handle); err != nil {
		t.Fatalf("ack with the other door's receipt: %v", err)
	}
	nothing(t, right, r, "it is settled")
}

func TestARenewedLeaseOfOneDoorSettlesAtTheOther(t *testing.T) {
	h, left, right := pair(t)
	if err := left.telemetry(pushConsumerOf("billing", "plain"), func(*v2.TelemetryCommand) {}); err != nil {
		t.Fatal(err)
	}
	n := &ids{}
	sendOK(t, right, letter("plain", n.next(), "slow work"))
	r := receiving{topic: "plain", group: "billing", max: 1, poll: 2 * time.Second} // the door renews
	m := gets(t, left, r)
	worked := h.clock.Now().Add(150 * time.Second) // two leases and a half
	other := receiving{topic: "plain", group: "billing", max: 1, hold: time.Minute, poll: 5 * time.Second}
	for h.clock.Now().Before(worked) {
		nothing(t, right, other, "the first door renews its lease")
	}
	if err := right.ack("plain", "billing", m); err != nil {
		t.Fatalf("ack at the other door, with the receipt of the first delivery: %v", err)
	}
	other.poll = 90 * time.Second
	nothing(t, right, other, "it is settled, although the first door did not see it")
}

func TestATransactionOfOneDoorEndsAtTheOther(t *testing.T) {
	_, left, right := pair(t)
	n := &ids{}
	half := func(body string) *v2.Message {
		m := letter("pay", n.next(), body)
		m.SystemProperties.MessageType = v2.MessageType_TRANSACTION
		return m
	}
	yes, no := half("yes"), half("no")
	a, b := sendOK(t, left, yes), sendOK(t, left, no)
	if err := right.endTransaction("pay", yes.SystemProperties.MessageId, a.TransactionId, true, v2.TransactionSource_SOURCE_CLIENT); err != nil {
		t.Fatalf("commit at the other door: %v", err)
	}
	if err := right.endTransaction("pay", no.SystemProperties.MessageId, b.TransactionId, false, v2.TransactionSource_SOURCE_CLIENT); err != nil {
		t.Fatalf("rollback at the other door: %v", err)
	}
	if err := left.endTransaction("pay", yes.SystemProperties.MessageId, a.TransactionId, true, v2.TransactionSource_SOURCE_CLIENT); err != nil {
		t.Fatalf("the same verdict again, at the first door: %v", err)
	}
	if err := left.endTransaction("pay", no.SystemProperties.MessageId, b.TransactionId, true, v2.TransactionSource_SOURCE_CLIENT); err == nil {
		t.Fatal("a commit after the rollback was taken")
	}
	r := receiving{topic: "pay", group: "settling", max: 16, hold: time.Minute, poll: 2 * time.Second}
	if m := gets(t, left, r); string(m.Body) != "yes" {
		t.Fatalf("%q was delivered", m.Body)
	}
	nothing(t, right, r, "the other one was rolled back")
}

func TestACheckBackFindsTheDoorWithTheProducer(t *testing.T) {
	_, left, right := pair(t)
	n := &ids{}
	m := letter("pay", n.next(), "orphan")
	m.SystemProperties.MessageType = v2.MessageType_TRANSACTION
	sendOK(t, left, m) // and then this producer is gone
	asked := make(chan *v2.RecoverOrphanedTransactionCommand, 8)
	if err := right.telemetry(producerOf("pay"), func(c *v2.TelemetryCommand) {
		if r := c.GetRecoverOrphanedTransactionCommand(); r != nil {
			asked <- r
		}
	}); err != nil {
		t.Fatal(err)
	}
	var check *v2.RecoverOrphanedTransactionCommand
	eventually(t, "the producer at the other door is asked", func() bool {
		select {
		case check = <-asked:
			return true
		default:
			return false
		}
	})
	if string(check.GetMessage().GetBody()) != "orphan" {
		t.Fatalf("asked about %q", check.GetMessage().GetBody())
	}
	if err := right.endTransaction("pay", m.SystemProperties.MessageId, check.TransactionId, true, v2.TransactionSource_SOURCE_SERVER_CHECK); err != nil {
		t.Fatalf("the check's answer: %v", err)
	}
	gets(t, left, receiving{topic: "pay", group: "settling", max: 16, hold: time.Minute, poll: 2 * time.Second})
}

func TestAMessageThatOneDoorScheduledIsRecalledAtTheOther(t *testing.T) {
	h, left, right := pair(t)
	n := &ids{}
	m := letter("later", n.next(), "never mind")
	m.SystemProperties.MessageType = v2.MessageType_DELAY
	m.SystemProperties.DeliveryTimestamp = timestamppb.New(h.clock.Now().Add(30 * time.Second))
	sent := sendOK(t, left, m)
	ctx, cancel := right.ctx()
	defer cancel()
	out, err := right.RecallMessage(ctx, &v2.RecallMessageRequest{Topic: res("later"), RecallHandle: sent.RecallHandle})
	if err != nil || asError(out.GetStatus()) != nil {
		t.Fatalf("recall at the other door: %v, %v", err, out.GetStatus())
	}
	nothing(t, left, receiving{topic: "later", group: "billing", max: 16, hold: time.Minute, poll: 35 * time.Second}, "it was recalled")
}

func TestAnOrderHoldsOverBothDoors(t *testing.T) {
	_, left, right := pair(t)
	n := &ids{}
	lane := "order-7"
	for _, body := range []string{"first", "second", "third"} {
		m := letter("lanes", n.next(), body)
		m.SystemProperties.MessageType = v2.MessageType_FIFO
		m.SystemProperties.MessageGroup = &lane
		sendOK(t, left, m)
	}
	r := receiving{topic: "lanes", group: "in-order", max: 1, hold: time.Minute, poll: 2 * time.Second, attempt: "a"}
	doors := []*client{left, right}
	for i, body := range []string{"first", "second", "third"} {
		at, other := doors[i%2], doors[(i+1)%2]
		r.attempt = body
		m := gets(t, at, r)
		if string(m.Body) != body {
			t.Fatalf("%q came, want %q", m.Body, body)
		}
		r.attempt = "not " + body
		nothing(t, other, r, "its message group has a live lease at the other door")
		if err := other.ack("lanes", "in-order", m); err != nil {
			t.Fatalf("ack at the other door: %v", err)
		}
	}
}

func TestAPollAtOneDoorIsWokenByASendAtTheOther(t *testing.T) {
	_, left, right := pair(t)
	n := &ids{}
	var woken atomic.Bool
	var waiting sync.WaitGroup
	waiting.Go(func() {
		got, err := right.receive(receiving{topic: "plain", group: "billing", max: 1, hold: time.Minute, poll: 20 * time.Second})
		woken.Store(err == nil && len(got) == 1)
	})
	sendOK(t, left, letter("plain", n.next(), "wake up"))
	waiting.Wait()
	if !woken.Load() {
		t.Fatal("the parked poll came back without the message")
	}
}

func TestADoorWithOtherKeysSettlesNothing(t *testing.T) {
	h := newHouse(t)
	left := dial(t, h.open(), "left")
	h.keys = must(seal.New(seal.NewKey(h.clock.Now())))
	stranger := dial(t, h.open(), "stranger")
	n := &ids{}
	sendOK(t, left, letter("plain", n.next(), "hello"))
	m := gets(t, left, receiving{topic: "plain", group: "billing", max: 16, hold: time.Minute, poll: 2 * time.Second})
	err := stranger.ack("plain", "billing", m)
	s, refused := err.(statusError)
	if !refused || s.GetCode() != v2.Code_INVALID_RECEIPT_HANDLE {
		t.Fatalf("a door with other keys answered %v", err)
	}
	if err := left.ack("plain", "billing", m); err != nil {
		t.Fatal(err)
	}
}
