// SPDX-License-Identifier: Apache-2.0

package twodoors_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/seal"
	"github.com/causeway-mq/causeway/test/crowd"
)

// pair is two doors over one engine with a client at each.
func pair(t *testing.T) (*house, *crowd.Client, *crowd.Client) {
	h := newHouse(t)
	return h, crowd.Dial(t, h.open(), "left"), crowd.Dial(t, h.open(), "right")
}

// nothingFor polls a door until so much time has gone by, for a door ends a poll after twenty seconds at the latest.
func (h *house) nothingFor(d time.Duration, c *crowd.Client, r crowd.Receiving, why string) {
	h.t.Helper()
	for end := h.clock.Now().Add(d); h.clock.Now().Before(end); {
		r.Poll = min(mq.MaxPoll, end.Sub(h.clock.Now()))
		crowd.Nothing(h.t, c, r, why)
	}
}

func TestAReceiptOfOneDoorSettlesAtTheOther(t *testing.T) {
	h, left, right := pair(t)
	n := &crowd.IDs{}
	crowd.SendOK(t, left, crowd.Letter("plain", n.Next(), "hello"))
	r := crowd.Receiving{Topic: "plain", Group: "billing", Max: 16, Hold: 40 * time.Second, Poll: 2 * time.Second} // two seconds of a test
	m := crowd.Gets(t, left, r)
	if err := right.Ack("plain", "billing", m); err != nil {
		t.Fatalf("ack at the other door: %v", err)
	}
	h.nothingFor(r.Hold+10*time.Second, left, r, "it was settled at the other door")
}

func TestALeaseOfOneDoorIsChangedAtTheOther(t *testing.T) {
	h, left, right := pair(t)
	n := &crowd.IDs{}
	crowd.SendOK(t, left, crowd.Letter("plain", n.Next(), "hello"))
	r := crowd.Receiving{Topic: "plain", Group: "billing", Max: 16, Hold: 40 * time.Second, Poll: 2 * time.Second}
	m := crowd.Gets(t, left, r)
	handle, err := right.Change("plain", "billing", m, 120*time.Second)
	if err != nil {
		t.Fatalf("change at the other door: %v", err)
	}
	h.nothingFor(r.Hold+10*time.Second, left, r, "its lease was made longer at the other door")
	if err := left.AckHandle("plain", "billing", m.SystemProperties.MessageId, handle); err != nil {
		t.Fatalf("ack with the other door's receipt: %v", err)
	}
	crowd.Nothing(t, right, r, "it is settled")
}

func TestARenewedLeaseOfOneDoorSettlesAtTheOther(t *testing.T) {
	h, left, right := pair(t)
	if err := left.Listen(crowd.PushConsumerOf("billing", "plain"), func(*v2.TelemetryCommand) {}); err != nil {
		t.Fatal(err)
	}
	n := &crowd.IDs{}
	crowd.SendOK(t, right, crowd.Letter("plain", n.Next(), "slow work"))
	r := crowd.Receiving{Topic: "plain", Group: "billing", Max: 1, Poll: 2 * time.Second} // the door renews
	m := crowd.Gets(t, left, r)
	other := crowd.Receiving{Topic: "plain", Group: "billing", Max: 1, Hold: time.Minute}
	h.nothingFor(150*time.Second, right, other, "the first door renews its lease") // two leases and a half
	if err := right.Ack("plain", "billing", m); err != nil {
		t.Fatalf("ack at the other door, with the receipt of the first delivery: %v", err)
	}
	h.nothingFor(90*time.Second, right, other, "it is settled, although the first door did not see it")
}

func TestATransactionOfOneDoorEndsAtTheOther(t *testing.T) {
	_, left, right := pair(t)
	n := &crowd.IDs{}
	half := func(body string) *v2.Message {
		m := crowd.Letter("pay", n.Next(), body)
		m.SystemProperties.MessageType = v2.MessageType_TRANSACTION
		return m
	}
	yes, no := half("yes"), half("no")
	a, b := crowd.SendOK(t, left, yes), crowd.SendOK(t, left, no)
	if err := right.Settle(crowd.Ending{Topic: "pay", ID: yes.SystemProperties.MessageId, Transaction: a.TransactionId, Commit: true, From: v2.TransactionSource_SOURCE_CLIENT}); err != nil {
		t.Fatalf("commit at the other door: %v", err)
	}
	if err := right.Settle(crowd.Ending{Topic: "pay", ID: no.SystemProperties.MessageId, Transaction: b.TransactionId, Commit: false, From: v2.TransactionSource_SOURCE_CLIENT}); err != nil {
		t.Fatalf("rollback at the other door: %v", err)
	}
	if err := left.Settle(crowd.Ending{Topic: "pay", ID: yes.SystemProperties.MessageId, Transaction: a.TransactionId, Commit: true, From: v2.TransactionSource_SOURCE_CLIENT}); err != nil {
		t.Fatalf("the same verdict again, at the first door: %v", err)
	}
	if err := left.Settle(crowd.Ending{Topic: "pay", ID: no.SystemProperties.MessageId, Transaction: b.TransactionId, Commit: true, From: v2.TransactionSource_SOURCE_CLIENT}); err == nil {
		t.Fatal("a commit after the rollback was taken")
	}
	r := crowd.Receiving{Topic: "pay", Group: "settling", Max: 16, Hold: time.Minute, Poll: 2 * time.Second}
	if m := crowd.Gets(t, left, r); string(m.Body) != "yes" {
		t.Fatalf("%q was delivered", m.Body)
	}
	crowd.Nothing(t, right, r, "the other one was rolled back")
}

func TestACheckBackFindsTheDoorWithTheProducer(t *testing.T) {
	_, left, right := pair(t)
	n := &crowd.IDs{}
	m := crowd.Letter("pay", n.Next(), "orphan")
	m.SystemProperties.MessageType = v2.MessageType_TRANSACTION
	crowd.SendOK(t, left, m) // and then this producer is gone
	asked := make(chan *v2.RecoverOrphanedTransactionCommand, 8)
	if err := right.Listen(crowd.ProducerOf("pay"), func(c *v2.TelemetryCommand) {
		if r := c.GetRecoverOrphanedTransactionCommand(); r != nil {
			asked <- r
		}
	}); err != nil {
		t.Fatal(err)
	}
	var check *v2.RecoverOrphanedTransactionCommand
	crowd.Eventually(t, "the producer at the other door is asked", func() bool {
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
	if err := right.Settle(crowd.Ending{Topic: "pay", ID: m.SystemProperties.MessageId, Transaction: check.TransactionId, Commit: true, From: v2.TransactionSource_SOURCE_SERVER_CHECK}); err != nil {
		t.Fatalf("the check's answer: %v", err)
	}
	crowd.Gets(t, left, crowd.Receiving{Topic: "pay", Group: "settling", Max: 16, Hold: time.Minute, Poll: 2 * time.Second})
}

func TestAMessageThatOneDoorScheduledIsRecalledAtTheOther(t *testing.T) {
	h, left, right := pair(t)
	n := &crowd.IDs{}
	m := crowd.Letter("later", n.Next(), "never mind")
	m.SystemProperties.MessageType = v2.MessageType_DELAY
	m.SystemProperties.DeliveryTimestamp = timestamppb.New(h.clock.Now().Add(30 * time.Second))
	sent := crowd.SendOK(t, left, m)
	ctx, cancel := right.Context()
	defer cancel()
	out, err := right.RecallMessage(ctx, &v2.RecallMessageRequest{Topic: crowd.Resource("later"), RecallHandle: sent.RecallHandle})
	if err != nil || crowd.AsError(out.GetStatus()) != nil {
		t.Fatalf("recall at the other door: %v, %v", err, out.GetStatus())
	}
	h.nothingFor(35*time.Second, left, crowd.Receiving{Topic: "later", Group: "billing", Max: 16, Hold: time.Minute}, "it was recalled")
}

func TestAnOrderHoldsOverBothDoors(t *testing.T) {
	_, left, right := pair(t)
	n := &crowd.IDs{}
	lane := "order-7"
	for _, body := range []string{"first", "second", "third"} {
		m := crowd.Letter("lanes", n.Next(), body)
		m.SystemProperties.MessageType = v2.MessageType_FIFO
		m.SystemProperties.MessageGroup = &lane
		crowd.SendOK(t, left, m)
	}
	r := crowd.Receiving{Topic: "lanes", Group: "in-order", Max: 1, Hold: time.Minute, Poll: 2 * time.Second, Attempt: "a"}
	doors := []*crowd.Client{left, right}
	for i, body := range []string{"first", "second", "third"} {
		at, other := doors[i%2], doors[(i+1)%2]
		r.Attempt = body
		m := crowd.Gets(t, at, r)
		if string(m.Body) != body {
			t.Fatalf("%q came, want %q", m.Body, body)
		}
		r.Attempt = "not " + body
		crowd.Nothing(t, other, r, "its message group has a live lease at the other door")
		if err := other.Ack("lanes", "in-order", m); err != nil {
			t.Fatalf("ack at the other door: %v", err)
		}
	}
}

func TestAPollAtOneDoorIsWokenByASendAtTheOther(t *testing.T) {
	_, left, right := pair(t)
	n := &crowd.IDs{}
	var woken atomic.Bool
	var waiting sync.WaitGroup
	waiting.Go(func() {
		got, err := right.Receive(crowd.Receiving{Topic: "plain", Group: "billing", Max: 1, Hold: time.Minute, Poll: 20 * time.Second})
		woken.Store(err == nil && len(got) == 1)
	})
	crowd.SendOK(t, left, crowd.Letter("plain", n.Next(), "wake up"))
	waiting.Wait()
	if !woken.Load() {
		t.Fatal("the parked poll came back without the message")
	}
}

func TestADoorWithOtherKeysSettlesNothing(t *testing.T) {
	h := newHouse(t)
	left := crowd.Dial(t, h.open(), "left")
	h.keys = crowd.Must(seal.New(seal.NewKey(h.clock.Now())))
	stranger := crowd.Dial(t, h.open(), "stranger")
	n := &crowd.IDs{}
	crowd.SendOK(t, left, crowd.Letter("plain", n.Next(), "hello"))
	m := crowd.Gets(t, left, crowd.Receiving{Topic: "plain", Group: "billing", Max: 16, Hold: time.Minute, Poll: 2 * time.Second})
	err := stranger.Ack("plain", "billing", m)
	s, refused := err.(crowd.StatusError)
	if !refused || s.GetCode() != v2.Code_INVALID_RECEIPT_HANDLE {
		t.Fatalf("a door with other keys answered %v", err)
	}
	if err := left.Ack("plain", "billing", m); err != nil {
		t.Fatal(err)
	}
}
