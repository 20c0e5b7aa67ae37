// SPDX-License-Identifier: Apache-2.0

// Package crowd is clients of proxies that speak the wire protocol by hand, one by one or as a load whose every answer is written down and judged.
package crowd

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what RocketMQ's clients sign with
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

// Client is one client of one door, over its own connection.
type Client struct {
	t    testing.TB
	Name string
	Conn *grpc.ClientConn
	Key  [2]string // access key and secret, empty: it does not sign
	v2.MessagingServiceClient
}

// IDs makes message ids that are unique in this process.
type IDs struct{ n atomic.Int64 }

// Next is another one.
func (i *IDs) Next() string { return fmt.Sprintf("01%032X", i.n.Add(1)) }

// Dial connects a client of a name to a door, in clear. The connection ends with the test.
func Dial(t testing.TB, d Entrance, name string) *Client {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+d.At(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &Client{t: t, Name: name, Conn: conn, MessagingServiceClient: v2.NewMessagingServiceClient(conn)}
}

// patience is how long a call may take.
const patience = 10 * time.Second

// Context carries the headers of an official client.
func (c *Client) Context() (context.Context, context.CancelFunc) { return c.within(patience) }

func (c *Client) within(bound time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	return c.headed(ctx), cancel
}

// headed puts the headers of an official client on a call, signed where it has a key.
func (c *Client) headed(ctx context.Context) context.Context {
	ctx = metadata.AppendToOutgoingContext(ctx,
		"x-mq-client-id", c.Name, "x-mq-language", "GO", "x-mq-client-version", "5.1.4", "x-mq-protocol", "v2")
	if c.Key[0] == "" {
		return ctx
	}
	date := time.Now().UTC().Format("20060102T150405Z")
	mac := hmac.New(sha1.New, []byte(c.Key[1]))
	mac.Write([]byte(date))
	return metadata.AppendToOutgoingContext(ctx, "x-mq-date-time", date,
		"authorization", fmt.Sprintf("MQv2-HMAC-SHA1 Credential=%s, SignedHeaders=x-mq-date-time, Signature=%X", c.Key[0], mac.Sum(nil)))
}

// Resource is a name on the wire.
func Resource(name string) *v2.Resource { return &v2.Resource{Name: name} }

// Letter builds a message; its id says what it is about.
func Letter(topic, id, body string) *v2.Message {
	return &v2.Message{Topic: Resource(topic), Body: []byte(body), SystemProperties: &v2.SystemProperties{
		MessageId: id, MessageType: v2.MessageType_NORMAL, BodyEncoding: v2.Encoding_IDENTITY, BornHost: "laptop", BornTimestamp: timestamppb.Now(),
	}}
}

// StatusError is an answer that is not OK.
type StatusError struct{ *v2.Status }

// Error is code and message.
func (s StatusError) Error() string { return s.GetCode().String() + ": " + s.GetMessage() }

// AsError is nil for OK.
func AsError(s *v2.Status) error {
	if s.GetCode() == v2.Code_OK {
		return nil
	}
	return StatusError{s}
}

// VerdictOf says in the nouns of mq what a client knows after an answer: the codes that refuse for certain, and the rest.
func VerdictOf(err error) error {
	var s StatusError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &s) && s.GetCode() < 50000 && s.GetCode() != v2.Code_PROXY_TIMEOUT:
		return mq.Refuse(mq.Conflict, "%s", s.Error())
	default:
		return mq.Doubt(mq.Timeout, err, "no certain answer")
	}
}

// Send sends one message and gives its entry of the answer.
func (c *Client) Send(m *v2.Message) (*v2.SendResultEntry, error) {
	ctx, cancel := c.Context()
	defer cancel()
	out, err := c.SendMessage(ctx, &v2.SendMessageRequest{Messages: []*v2.Message{m}})
	if err != nil {
		return nil, err
	}
	if err := AsError(out.GetStatus()); err != nil || len(out.GetEntries()) != 1 {
		return nil, errors.Join(err, asErrorOfEntries(out))
	}
	return out.Entries[0], AsError(out.Entries[0].GetStatus())
}

func asErrorOfEntries(out *v2.SendMessageResponse) error {
	for _, e := range out.GetEntries() {
		if err := AsError(e.GetStatus()); err != nil {
			return err
		}
	}
	return nil
}

// Receiving is what a receive asks for.
type Receiving struct {
	Topic, Group string
	Max          int32
	Hold         time.Duration // 0: the door renews
	Poll         time.Duration
	Attempt      string
}

// Receive reads one whole answer. Messages that came before a failure are given too. A door polls for no longer than its caller waits, so a long poll is waited for longer than others,
// and longer still where the door's clock is a test's and stands still while the machine is busy.
func (c *Client) Receive(r Receiving) ([]*v2.Message, error) {
	bound := patience
	if r.Poll > patience/2 {
		bound += r.Poll + patience
	}
	ctx, cancel := c.within(bound)
	defer cancel()
	req := &v2.ReceiveMessageRequest{
		Group: Resource(r.Group), MessageQueue: &v2.MessageQueue{Topic: Resource(r.Topic), Id: -1}, BatchSize: r.Max,
		LongPollingTimeout: durationpb.New(r.Poll), AutoRenew: r.Hold == 0,
		FilterExpression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"},
	}
	if r.Hold > 0 {
		req.InvisibleDuration = durationpb.New(r.Hold)
	}
	if r.Attempt != "" {
		req.AttemptId = &r.Attempt
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
			refused = AsError(s)
		}
	}
}

// Ack acknowledges a message with the receipt that it came with.
func (c *Client) Ack(topic, group string, m *v2.Message) error {
	return c.AckHandle(topic, group, m.GetSystemProperties().GetMessageId(), m.GetSystemProperties().GetReceiptHandle())
}

// AckHandle acknowledges with any receipt.
func (c *Client) AckHandle(topic, group, id, handle string) error {
	ctx, cancel := c.Context()
	defer cancel()
	out, err := c.AckMessage(ctx, &v2.AckMessageRequest{Topic: Resource(topic), Group: Resource(group), Entries: []*v2.AckMessageEntry{{MessageId: id, ReceiptHandle: handle}}})
	switch {
	case err != nil:
		return err
	case len(out.GetEntries()) == 1:
		return AsError(out.Entries[0].GetStatus())
	default:
		return AsError(out.GetStatus())
	}
}

// Change moves the end of a lease and gives the new receipt handle.
func (c *Client) Change(topic, group string, m *v2.Message, d time.Duration) (string, error) {
	ctx, cancel := c.Context()
	defer cancel()
	out, err := c.ChangeInvisibleDuration(ctx, &v2.ChangeInvisibleDurationRequest{
		Topic: Resource(topic), Group: Resource(group), MessageId: m.GetSystemProperties().GetMessageId(),
		ReceiptHandle: m.GetSystemProperties().GetReceiptHandle(), InvisibleDuration: durationpb.New(d),
	})
	if err != nil {
		return "", err
	}
	return out.GetReceiptHandle(), AsError(out.GetStatus())
}

// Ending is how a transaction ends.
type Ending struct {
	Topic, ID, Transaction string
	Commit                 bool
	From                   v2.TransactionSource
}

// Settle ends a transaction.
func (c *Client) Settle(e Ending) error {
	ctx, cancel := c.Context()
	defer cancel()
	how := v2.TransactionResolution_ROLLBACK
	if e.Commit {
		how = v2.TransactionResolution_COMMIT
	}
	out, err := c.EndTransaction(ctx, &v2.EndTransactionRequest{Topic: Resource(e.Topic), MessageId: e.ID, TransactionId: e.Transaction, Resolution: how, Source: e.From})
	if err != nil {
		return err
	}
	return AsError(out.GetStatus())
}

// Listen opens the client's stream, says what it is and hands every command to on until the stream ends.
func (c *Client) Listen(settings *v2.Settings, on func(*v2.TelemetryCommand)) error {
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := c.Telemetry(c.headed(ctx))
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

// ProducerOf is what a producer of topics says of itself.
func ProducerOf(topics ...string) *v2.Settings {
	publishing := &v2.Publishing{}
	for _, name := range topics {
		publishing.Topics = append(publishing.Topics, Resource(name))
	}
	return &v2.Settings{
		ClientType: v2.ClientType_PRODUCER.Enum(), PubSub: &v2.Settings_Publishing{Publishing: publishing},
		RequestTimeout: durationpb.New(3 * time.Second), UserAgent: &v2.UA{Language: v2.Language_GOLANG, Version: "5.1.4"},
	}
}

// PushConsumerOf is what a push consumer says of itself.
func PushConsumerOf(group, topic string) *v2.Settings {
	return &v2.Settings{
		ClientType: v2.ClientType_PUSH_CONSUMER.Enum(), PubSub: &v2.Settings_Subscription{Subscription: &v2.Subscription{
			Group: Resource(group), Subscriptions: []*v2.SubscriptionEntry{{
				Topic: Resource(topic), Expression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"},
			}},
		}},
		RequestTimeout: durationpb.New(3 * time.Second), UserAgent: &v2.UA{Language: v2.Language_GOLANG, Version: "5.1.4"},
	}
}

// SendOK sends what must be taken.
func SendOK(t *testing.T, c *Client, m *v2.Message) *v2.SendResultEntry {
	t.Helper()
	sent, err := c.Send(m)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	return sent
}

// Gets receives until one message came.
func Gets(t *testing.T, c *Client, r Receiving) *v2.Message {
	t.Helper()
	var got []*v2.Message
	Eventually(t, "a message is delivered", func() bool {
		some, err := c.Receive(r)
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

// Nothing demands that a poll of that length at a door finds nothing.
func Nothing(t testing.TB, c *Client, r Receiving, why string) {
	t.Helper()
	got, err := c.Receive(r)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	if len(got) > 0 {
		t.Fatalf("%q came, attempt %d: %s", got[0].Body, got[0].GetSystemProperties().GetDeliveryAttempt(), why)
	}
}

// Elsewhere is a door that somebody else keeps.
type Elsewhere struct{ Address string }

// At is where clients dial.
func (e Elsewhere) At() string { return e.Address }

// Kill does nothing: somebody else keeps it.
func (e Elsewhere) Kill() {}

// Must is for what cannot fail in a test; it panics otherwise.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Eventually waits for a condition with a bound.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
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
