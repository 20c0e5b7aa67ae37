// SPDX-License-Identifier: Apache-2.0

package durability_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/engine/enginetest/history"
	"github.com/causeway-mq/causeway/mq"
)

// wire is a client of the real process, which writes down all that it does. It waits for a server that is down.
type wire struct {
	name string
	v2.MessagingServiceClient
	h       *history.History
	numbers *atomic.Int64
	done    *atomic.Int64 // answers that were good
}

const wireHold = 3 * time.Second

func dial(t testing.TB, address, name string, h *history.History, numbers, done *atomic.Int64) *wire {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second,
			Backoff: backoff.Config{BaseDelay: 5 * time.Millisecond, Multiplier: 1.2, MaxDelay: 30 * time.Millisecond}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &wire{name: name, MessagingServiceClient: v2.NewMessagingServiceClient(conn), h: h, numbers: numbers, done: done}
}

func (c *wire) headers(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx,
		"x-mq-client-id", c.name, "x-mq-language", "GO", "x-mq-client-version", "5.1.4", "x-mq-protocol", "v2")
}

// verdict says in the nouns of mq what a client knows after an answer: only some codes refuse for certain.
func verdict(s *v2.Status, err error) error {
	switch {
	case err != nil:
		return mq.Doubt(mq.Unavailable, err, "no answer")
	case s.GetCode() == v2.Code_OK || s.GetCode() == v2.Code_MULTIPLE_RESULTS:
		return nil
	case s.GetCode() < 50000:
		return mq.Refuse(mq.Conflict, "%s: %s", s.GetCode(), s.GetMessage())
	}
	return mq.Doubt(mq.Unavailable, nil, "%s: %s", s.GetCode(), s.GetMessage())
}

func resource(name mq.Physical) *v2.Resource { return &v2.Resource{Name: name.String()} }

// send sends n messages in one call, of one message group if lane is not empty.
func (c *wire) send(ctx context.Context, topic mq.Physical, lane string, n int) error {
	batch := make([]mq.Message, n)
	req := &v2.SendMessageRequest{}
	for i := range batch {
		number := int(c.numbers.Add(1))
		m, err := letter(number, lane)
		if err != nil {
			return err
		}
		batch[i] = m
		props := &v2.SystemProperties{MessageId: m.ID.String(), MessageType: v2.MessageType_NORMAL, BodyEncoding: v2.Encoding_IDENTITY,
			BornHost: m.BornHost, BornTimestamp: timestamppb.New(m.Born)}
		if lane != "" {
			props.MessageType, props.MessageGroup = v2.MessageType_FIFO, &lane
		}
		req.Messages = append(req.Messages, &v2.Message{Topic: resource(topic), Body: m.Body, SystemProperties: props})
	}
	span := c.h.Begin()
	out, err := c.SendMessage(c.headers(ctx), req)
	whole := verdict(out.GetStatus(), err)
	for i := range batch {
		sent := mq.Sent{Offset: -1, Err: whole}
		if whole == nil {
			if i >= len(out.GetEntries()) {
				return fmt.Errorf("%d answers for %d messages", len(out.GetEntries()), n)
			}
			entry := out.Entries[i]
			sent.Offset, sent.Err = mq.Offset(entry.GetOffset()), verdict(entry.GetStatus(), nil)
		}
		if sent.Err == nil {
			c.done.Add(1)
		}
		c.h.Sent(span, topic, batch[i], sent)
	}
	return nil
}

// letter is the message of a number; its body follows from it.
func letter(number int, lane string) (m mq.Message, err error) {
	m = mq.Message{Type: mq.Normal, Encoding: mq.Identity, Born: epoch, BornHost: "192.0.2.8", Body: content(number, number*131%2000)}
	if m.ID, err = mq.ParseMessageID(fmt.Sprintf("01%032X", number)); err == nil && lane != "" {
		m.Type = mq.FIFO
		m.Group, err = mq.ParseMessageGroup(lane)
	}
	return m, err
}

// receive receives once and notes what came, also when the stream broke.
func (c *wire) receive(ctx context.Context, topic, group mq.Physical, attempt string, poll time.Duration) ([]mq.Lease, error) {
	want := mq.Want{Topic: mq.Topic{Name: topic}, Group: mq.Group{Name: group}, Attempt: mq.AttemptID(attempt)}
	span := c.h.Begin()
	got, err := c.stream(ctx, want, poll, span)
	c.h.Took(span, want, got, err)
	leases := make([]mq.Lease, len(got))
	for i, d := range got {
		leases[i] = d.Lease
	}
	return leases, err
}

func (c *wire) stream(ctx context.Context, want mq.Want, poll time.Duration, span history.Span) (got []mq.Delivery, err error) {
	attempt := string(want.Attempt)
	in, err := c.ReceiveMessage(c.headers(ctx), &v2.ReceiveMessageRequest{
		Group: resource(want.Group.Name), MessageQueue: &v2.MessageQueue{Topic: resource(want.Topic.Name), Id: -1}, BatchSize: 16,
		LongPollingTimeout: durationpb.New(poll), InvisibleDuration: durationpb.New(wireHold), AttemptId: &attempt,
		FilterExpression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"},
	})
	if err != nil {
		return nil, mq.Doubt(mq.Unavailable, err, "no answer")
	}
	var refused error
	for {
		part, err := in.Recv()
		if errors.Is(err, io.EOF) {
			return got, refused
		}
		if err != nil {
			return got, mq.Doubt(mq.Unavailable, err, "the answer broke off")
		}
		if s := part.GetStatus(); s != nil && s.GetCode() != v2.Code_MESSAGE_NOT_FOUND {
			refused = verdict(s, nil)
		}
		if m := part.GetMessage(); m != nil {
			d, err := delivered(m, want, span)
			if err != nil {
				return got, err
			}
			got = append(got, d)
		}
	}
}

// delivered reads a message off the wire. Its lease lasts at least for the hold that was asked for.
func delivered(m *v2.Message, want mq.Want, span history.Span) (d mq.Delivery, err error) {
	p := m.GetSystemProperties()
	d.Topic, d.Queue, d.Offset, d.Attempt = want.Topic.Name, mq.QueueID(p.GetQueueId()), mq.Offset(p.GetQueueOffset()), int(p.GetDeliveryAttempt())
	d.Lease = mq.Lease{Topic: want.Topic, Group: want.Group, Token: p.GetReceiptHandle() + " " + p.GetMessageId(), Until: span.From.Add(wireHold)}
	d.Message.Body = m.GetBody()
	if d.Message.ID, err = mq.ParseMessageID(p.GetMessageId()); err == nil && p.GetMessageGroup() != "" {
		d.Message.Group, err = mq.ParseMessageGroup(p.GetMessageGroup())
	}
	return d, err
}

func (c *wire) ack(ctx context.Context, l mq.Lease) error {
	var handle, id string
	if _, err := fmt.Sscan(l.Token, &handle, &id); err != nil {
		return err
	}
	span := c.h.Begin()
	out, err := c.AckMessage(c.headers(ctx), &v2.AckMessageRequest{
		Topic: resource(l.Topic.Name), Group: resource(l.Group.Name), Entries: []*v2.AckMessageEntry{{MessageId: id, ReceiptHandle: handle}}})
	answer := verdict(out.GetStatus(), err)
	if answer == nil && len(out.GetEntries()) == 1 {
		answer = verdict(out.Entries[0].GetStatus(), nil)
	}
	if answer == nil {
		c.done.Add(1)
	}
	c.h.Acked(span, l, answer)
	return nil
}
