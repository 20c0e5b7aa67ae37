// SPDX-License-Identifier: Apache-2.0

package v2client

import (
	"context"
	"os"
	"strings"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Message is what is sent.
type Message struct {
	Body       []byte
	Tag        string
	Keys       []string
	Group      string    // of FIFO messages
	DeliverAt  time.Time // of delayed messages
	Properties map[string]string
}

// Receipt says where a message went.
type Receipt struct {
	ID     string
	Offset int64  // in its queue; 0 for what has no place yet
	Recall string // handle to cancel a delayed message, "" for others
}

// Producer sends to one topic.
type Producer struct {
	*seat
	topic *v2.Resource
	host  string
}

// Producer opens a session that sends to a topic.
func (c *Client) Producer(ctx context.Context, topic string) (*Producer, error) {
	settings := settingsOf(v2.ClientType_PRODUCER)
	settings.PubSub = &v2.Settings_Publishing{Publishing: &v2.Publishing{Topics: []*v2.Resource{c.resource(topic)}}}
	s, err := c.open(ctx, settings, nil)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return &Producer{seat: newSeat(s), topic: c.resource(topic), host: host}, nil
}

// Close ends the session.
func (p *Producer) Close() { p.now().Close() }

// Send sends one message, at a proxy that takes messages where the one that was asked does not. The outcome of a call that got no answer is not known.
func (p *Producer) Send(ctx context.Context, m Message) (Receipt, error) {
	at := p.now()
	r, err := p.send(ctx, at, m)
	if next := p.after(ctx, at, p.topic, v2.Permission_WRITE, err); next != nil {
		return p.send(ctx, next, m)
	}
	return r, err
}

func (p *Producer) send(ctx context.Context, s *session, m Message) (Receipt, error) {
	ctx, cancel := context.WithTimeout(s.client.headers(ctx), CallTime)
	defer cancel()
	resp, err := s.client.v2.SendMessage(ctx, &v2.SendMessageRequest{Messages: []*v2.Message{p.wire(m)}})
	if err := s.client.outcome("send", resp.GetStatus(), err); err != nil {
		return Receipt{}, err
	}
	if len(resp.GetEntries()) != 1 {
		return Receipt{}, &Refused{"send", v2.Code_INTERNAL_SERVER_ERROR, "the answer has no receipt"}
	}
	e := resp.GetEntries()[0]
	return Receipt{ID: e.GetMessageId(), Offset: e.GetOffset(), Recall: e.GetRecallHandle()}, nil
}

func (p *Producer) wire(m Message) *v2.Message {
	system := &v2.SystemProperties{
		MessageId: "01" + strings.ToUpper(randomHex(16)), Keys: m.Keys, MessageType: v2.MessageType_NORMAL, BodyEncoding: v2.Encoding_IDENTITY,
		BornTimestamp: timestamppb.Now(), BornHost: p.host,
	}
	if m.Tag != "" {
		system.Tag = &m.Tag
	}
	switch {
	case m.Group != "":
		system.MessageType, system.MessageGroup = v2.MessageType_FIFO, &m.Group
	case !m.DeliverAt.IsZero():
		system.MessageType, system.DeliveryTimestamp = v2.MessageType_DELAY, timestamppb.New(m.DeliverAt)
	}
	return &v2.Message{Topic: p.topic, UserProperties: m.Properties, SystemProperties: system, Body: m.Body}
}
