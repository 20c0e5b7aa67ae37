// SPDX-License-Identifier: Apache-2.0

package twodoors_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/mq"
)

// client is one client of one door, over its own connection.
type client struct {
	t    testing.TB
	name string
	conn *grpc.ClientConn
	v2.MessagingServiceClient
}

// ids makes message ids that are unique in this process.
type ids struct{ n atomic.Int64 }

func (i *ids) next() string { return fmt.Sprintf("01%032X", i.n.Add(1)) }

func dial(t testing.TB, d *door, name string) *client {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+d.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{t: t, name: name, conn: conn, MessagingServiceClient: v2.NewMessagingServiceClient(conn)}
}

// ctx carries the headers of an official client.
func (c *client) ctx() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	return metadata.AppendToOutgoingContext(ctx,
		"x-mq-client-id", c.name, "x-mq-language", "GO", "x-mq-client-version", "5.1.4", "x-mq-protocol", "v2"), cancel
}

func res(name string) *v2.Resource { return &v2.Resource{Name: name} }

// letter builds a message; its id says what it is about.
func letter(topic, id, body string) *v2.Message {
	return &v2.Message{Topic: res(topic), Body: []byte(body), SystemProperties: &v2.SystemProperties{
		MessageId: id, MessageType: v2.MessageType_NORMAL, BodyEncoding: v2.Encoding_IDENTITY, BornHost: "laptop", BornTimestamp: timestamppb.Now(),
	}}
}

// statusError is an answer that is not OK.
type statusError struct{ *v2.Status }

func (s statusError) Error() string { return s.GetCode().String() + ": " + s.GetMessage() }

func asError(s *v2.Status) error {
	if s.GetCode() == v2.Code_OK {
		return nil
	}
	return statusError{s}
}

// verdictOf says in the nouns of mq what a client knows after an answer: the codes that refuse for certain, and the rest.
func verdictOf(err error) error {
	var s statusError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &s) && s.GetCode() < 50000 && s.GetCode() != v2.Code_PROXY_TIMEOUT:
		return mq.Refuse(mq.Conflict, "%s", s.Error())
	default:
		return mq.Doubt(mq.Timeout, err, "no certain answer")
	}
}

func (c *client) send(m *v2.Message) (*v2.SendResultEntry, error) {
	ctx, cancel := c.ctx()
	defer cancel()
	out, err := c.SendMessage(ctx, &v2.SendMessageRequest{Messages: []*v2.Message{m}})
	if err != nil {
		return nil, err
	}
	if err := asError(out.GetStatus()); err != nil || len(out.GetEntries()) != 1 {
		return nil, errors.Join(err, asErrorOfEntries(out))
	}
	return out.Entries[0], asError(out.Entries[0].GetStatus())
}

func asErrorOfEntries(out *v2.SendMessageResponse) error {
	for _, e := range out.GetEntries() {
		if err := asError(e.GetStatus()); err != nil {
			return err
		}
	}
	return nil
}

// receiving is what a receive asks for.
type receiving struct {
	topic, group string
	max          int32
	hold         time.Duration // 0: the door renews
	poll         time.Duration
	attempt      string
}

// receive reads one whole answer. Messages that came before a failure are given too.
func (c *client) receive(r receiving) ([]*v2.Message, error) {
	ctx, cancel := c.ctx()
	defer cancel()
	req := &v2.ReceiveMessageRequest{
		Group: res(r.group), MessageQueue: &v2.MessageQueue{Topic: res(r.topic), Id: -1}, BatchSize: r.max,
		LongPollingTimeout: durationpb.New(r.poll), AutoRenew: r.hold == 0,
		FilterExpression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"},
	}
	if r.hold > 0 {
		req.InvisibleDuration = durationpb.New(r.hold)
	}
	if r.attempt != "" {
		req.AttemptId = &r.attempt
	}
	stream, err := c.ReceiveMessage(ctx, req)
	if err != nil {
		return nil, err
	}
	var got []*v2.Message
	var refused error
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return got, refused
		}
		if err != nil {
			return got, err
		}
		if m := part.GetMessage(); m != nil {
			got = append(got, m)
		}
		if s := part.GetStatus(); s != nil && s.GetCode() != v2.Code_MESSAGE_NOT_FOUND {
			refused = asError(s)
		}
	}
}

func (c *client) ack(topic, group string, m *v2.Message) error {
	return c.ackHandle(topic, group, m.GetSystemProperties().GetMessageId(), m.GetSystemProperties().GetReceiptHandle())
}

func (c *client) ackHandle(topic, group, id, handle string) error {
	ctx, cancel := c.ctx()
	defer cancel()
	out, err := c.AckMessage(ctx, &v2.AckMessageRequest{Topic: res(topic), Group: res(group), Entries: []*v2.AckMessageEntry{{MessageId: id, ReceiptHandle: handle}}})
	switch {
	case err != nil:
		return err
	case len(out.GetEntries()) == 1:
		return asError(out.Entries[0].GetStatus())
	default:
		return asError(out.GetStatus())
	}
}

// change moves the end of a lease and gives the new receipt handle.
func (c *client) change(topic, group string, m *v2.Message, d time.Duration) (string, error) {
	ctx, cancel := c.ctx()
	defer cancel()
	out, err := c.ChangeInvisibleDuration(ctx, &v2.ChangeInvisibleDurationRequest{
		Topic: res(topic), Group: res(group), MessageId: m.GetSystemProperties().GetMessageId(),
		ReceiptHandle: m.GetSystemProperties().GetReceiptHandle(), InvisibleDuration: durationpb.New(d),
	})
	if err != nil {
		return "", err
	}
	return out.GetReceiptHandle(), asError(out.GetStatus())
}

func (c *client) endTransaction(topic, id, transaction string, commit bool, from v2.TransactionSource) error {
	ctx, cancel := c.ctx()
	defer cancel()
	how := v2.TransactionResolution_ROLLBACK
	if commit {
		how = v2.TransactionResolution_COMMIT
	}
	out, err := c.EndTransaction(ctx, &v2.EndTransactionRequest{Topic: res(topic), MessageId: id, TransactionId: transaction, Resolution: how, Source: from})
	if err != nil {
		return err
	}
	return asError(out.GetStatus())
}

// telemetry opens the client's stream, says what it is and hands every command to on until the stream ends.
func (c *client) telemetry(settings *v2.Settings, on func(*v2.TelemetryCommand)) error {
	ctx, cancel := context.WithCancel(context.Background())
	ctx = metadata.AppendToOutgoingContext(ctx,
		"x-mq-client-id", c.name, "x-mq-language", "GO", "x-mq-client-version", "5.1.4", "x-mq-protocol", "v2")
	stream, err := c.Telemetry(ctx)
	if err != nil {
		cancel()
		return err
	}
	if err := stream.Send(&v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: settings}}); err != nil {
		cancel()
		return err
	}
	if _, err := stream.Recv(); err != nil { // the settings' answer: from now on the door knows this client
		cancel()
		return err
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			command, err := stream.Recv()
			if err != nil {
				return
			}
			on(command)
		}
	})
	c.t.Cleanup(func() {
		cancel()
		reading.Wait()
	})
	return nil
}

func producerOf(topics ...string) *v2.Settings {
	publishing := &v2.Publishing{}
	for _, name := range topics {
		publishing.Topics = append(publishing.Topics, res(name))
	}
	return &v2.Settings{
		ClientType: v2.ClientType_PRODUCER.Enum(), PubSub: &v2.Settings_Publishing{Publishing: publishing},
		RequestTimeout: durationpb.New(3 * time.Second), UserAgent: &v2.UA{Language: v2.Language_GOLANG, Version: "5.1.4"},
	}
}

func pushConsumerOf(group, topic string) *v2.Settings {
	return &v2.Settings{
		ClientType: v2.ClientType_PUSH_CONSUMER.Enum(), PubSub: &v2.Settings_Subscription{Subscription: &v2.Subscription{
			Group: res(group), Subscriptions: []*v2.SubscriptionEntry{{
				Topic: res(topic), Expression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"},
			}},
		}},
		RequestTimeout: durationpb.New(3 * time.Second), UserAgent: &v2.UA{Language: v2.Language_GOLANG, Version: "5.1.4"},
	}
}

// eventually waits for a condition with a bound.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("never: " + what)
		}
	}
}
