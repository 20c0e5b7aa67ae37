// SPDX-License-Identifier: Apache-2.0

package v2client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Filter chooses messages: tags ("a || b"), or SQL92 where SQL is set. The zero value lets all pass.
type Filter struct {
	Expression string
	SQL        bool
}

// Consumer receives from one topic for one group.
type Consumer struct {
	*seat
	group  *v2.Resource
	topic  *v2.Resource
	filter *v2.FilterExpression
}

// Poll is how a receive waits.
type Poll struct {
	Max  int           // messages, 1 to 32
	Hold time.Duration // how long they stay with this consumer
	Wait time.Duration // for a first message
}

// Consumer opens a session of a simple consumer.
func (c *Client) Consumer(ctx context.Context, group, topic string, f Filter) (*Consumer, error) {
	k := &Consumer{group: c.resource(group), topic: c.resource(topic), filter: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"}}
	if f.SQL {
		k.filter = &v2.FilterExpression{Type: v2.FilterType_SQL, Expression: f.Expression}
	} else if f.Expression != "" {
		k.filter.Expression = f.Expression
	}
	settings := settingsOf(v2.ClientType_SIMPLE_CONSUMER)
	settings.PubSub = &v2.Settings_Subscription{Subscription: &v2.Subscription{
		Group: k.group, Subscriptions: []*v2.SubscriptionEntry{{Topic: k.topic, Expression: k.filter}},
	}}
	opened, err := c.open(ctx, settings, k.group)
	k.seat = newSeat(opened)
	return k, err
}

// Close ends the session; what it holds is freed.
func (k *Consumer) Close() { k.now().Close() }

// Receive waits for messages, at a proxy that hands them out where the one that was asked does not. None within the time is an empty slice.
func (k *Consumer) Receive(ctx context.Context, p Poll) ([]*v2.Message, error) {
	at := k.now()
	got, err := k.receive(ctx, at, p)
	if next := k.after(ctx, at, k.topic, v2.Permission_READ, err); next != nil {
		return k.receive(ctx, next, p)
	}
	return got, err
}

func (k *Consumer) receive(ctx context.Context, s *session, p Poll) ([]*v2.Message, error) {
	ctx, cancel := context.WithTimeout(s.client.headers(ctx), p.Wait+CallTime)
	defer cancel()
	stream, err := s.client.v2.ReceiveMessage(ctx, &v2.ReceiveMessageRequest{
		Group: k.group, MessageQueue: &v2.MessageQueue{Topic: k.topic, Id: -1}, FilterExpression: k.filter, BatchSize: int32(p.Max),
		InvisibleDuration: durationpb.New(p.Hold), LongPollingTimeout: durationpb.New(p.Wait),
	})
	if err != nil {
		return nil, s.client.outcome("receive", nil, err)
	}
	var got []*v2.Message
	var answered *v2.Status
	for {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, s.client.outcome("receive", nil, err)
		}
		switch content := resp.GetContent().(type) {
		case *v2.ReceiveMessageResponse_Status:
			answered = content.Status
		case *v2.ReceiveMessageResponse_Message:
			got = append(got, content.Message)
		}
	}
	if answered == nil {
		return nil, &Unreachable{"receive", s.client.opt.Endpoint, errClosedEarly}
	}
	if answered.GetCode() == v2.Code_MESSAGE_NOT_FOUND {
		return nil, nil
	}
	return got, s.client.outcome("receive", answered, nil)
}

// Ack settles messages; the error is that of the first one that was not.
func (k *Consumer) Ack(ctx context.Context, some ...*v2.Message) error {
	if len(some) == 0 {
		return nil
	}
	entries := make([]*v2.AckMessageEntry, len(some))
	for i, m := range some {
		entries[i] = &v2.AckMessageEntry{MessageId: m.GetSystemProperties().GetMessageId(), ReceiptHandle: m.GetSystemProperties().GetReceiptHandle()}
	}
	s := k.now()
	ctx, cancel := context.WithTimeout(s.client.headers(ctx), CallTime)
	defer cancel()
	resp, err := s.client.v2.AckMessage(ctx, &v2.AckMessageRequest{Group: k.group, Topic: k.topic, Entries: entries})
	if err == nil && resp.GetStatus().GetCode() == v2.Code_MULTIPLE_RESULTS {
		for _, e := range resp.GetEntries() {
			if err := s.client.outcome("ack "+e.GetMessageId(), e.GetStatus(), nil); err != nil {
				return err
			}
		}
		return nil
	}
	return s.client.outcome("ack", resp.GetStatus(), err)
}

// Free gives a message back at once, so that anybody may receive it.
func (k *Consumer) Free(ctx context.Context, m *v2.Message) error {
	s := k.now()
	ctx, cancel := context.WithTimeout(s.client.headers(ctx), CallTime)
	defer cancel()
	resp, err := s.client.v2.ChangeInvisibleDuration(ctx, &v2.ChangeInvisibleDurationRequest{
		Group: k.group, Topic: k.topic, ReceiptHandle: m.GetSystemProperties().GetReceiptHandle(), InvisibleDuration: durationpb.New(0),
		MessageId: m.GetSystemProperties().GetMessageId(),
	})
	if err := s.client.outcome("free", resp.GetStatus(), err); err != nil {
		return fmt.Errorf("message %s: %w", m.GetSystemProperties().GetMessageId(), err)
	}
	return nil
}
