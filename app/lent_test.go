// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/control/wire"
)

// loan is a topic of a tenant that another one borrows under a name.
type loan struct{ owner, topic, borrower, as string }

// lend lets the borrower ask and the owner approve, and gives the grant's id.
func (p *played) lend(t *testing.T, l loan) (grant string) {
	t.Helper()
	asked := exchange[wire.Request](t, p, "POST", "/v1/tenants/"+l.borrower+"/requests",
		wire.NewRequest{Kind: "grant", To: l.owner, Reason: "test", Grant: &wire.GrantWish{Topic: l.topic, As: l.as, Publish: true, Subscribe: true}})
	done := exchange[wire.Request](t, p, "POST", "/v1/tenants/"+l.owner+"/requests/"+asked.ID+"/approval", wire.Decision{})
	if done.State != "approved" || done.Due || done.Failed != "" {
		t.Fatalf("approval: %+v", done)
	}
	for _, g := range exchange[wire.Page[wire.Grant]](t, p, "GET", "/v1/tenants/"+l.borrower+"/grants", nil).Items {
		if g.As == l.as {
			return g.ID
		}
	}
	t.Fatal("nothing is lent")
	return ""
}

// end ends a grant from one side.
func (p *played) end(t *testing.T, tenant, grant string) {
	t.Helper()
	exchange[struct{}](t, p, "DELETE", "/v1/tenants/"+tenant+"/grants/"+grant, nil)
}

// exchange calls the control plane, which has to do it.
func exchange[T any](t *testing.T, p *played, method, path string, body any) (out T) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if body == nil {
		raw = nil
	}
	req, err := http.NewRequest(method, "http://"+p.HTTP+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %s, %v", method, path, answer.Status, text, err)
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// sends sends one message and gives the code of the answer.
func (p *played) sends(ctx context.Context, t *testing.T, topic string, m *v2.SystemProperties) v2.Code {
	t.Helper()
	answer, err := v2.NewMessagingServiceClient(p.conn).SendMessage(ctx, &v2.SendMessageRequest{Messages: []*v2.Message{{Topic: &v2.Resource{Name: topic}, SystemProperties: m, Body: []byte(m.MessageId)}}})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetStatus().GetCode()
}

// poll is a receive that waits.
type poll struct {
	topic, group string
	wait         time.Duration
}

// receives takes messages, acknowledges them and gives their bodies, with the code of the answer.
func (p *played) receives(ctx context.Context, t *testing.T, ask poll) (bodies []string, code v2.Code) {
	c := v2.NewMessagingServiceClient(p.conn)
	stream, err := c.ReceiveMessage(ctx, &v2.ReceiveMessageRequest{
		Group: &v2.Resource{Name: ask.group}, MessageQueue: &v2.MessageQueue{Topic: &v2.Resource{Name: ask.topic}, Id: -1},
		FilterExpression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: "*"},
		BatchSize:        16, InvisibleDuration: durationpb.New(30 * time.Second), LongPollingTimeout: durationpb.New(ask.wait),
	})
	for err == nil {
		var part *v2.ReceiveMessageResponse
		if part, err = stream.Recv(); err != nil {
			break
		}
		if s := part.GetStatus(); s != nil {
			code = s.GetCode()
		}
		m := part.GetMessage()
		if m == nil {
			continue
		}
		if m.GetTopic().GetName() != ask.topic {
			t.Errorf("the message comes from %q", m.GetTopic().GetName())
		}
		bodies = append(bodies, string(m.GetBody()))
		acked, ackErr := c.AckMessage(ctx, &v2.AckMessageRequest{
			Group: &v2.Resource{Name: ask.group}, Topic: &v2.Resource{Name: ask.topic},
			Entries: []*v2.AckMessageEntry{{MessageId: m.GetSystemProperties().GetMessageId(), ReceiptHandle: m.GetSystemProperties().GetReceiptHandle()}},
		})
		if ackErr != nil || acked.GetStatus().GetCode() != v2.Code_OK {
			t.Errorf("ack: %v, %v", acked.GetStatus(), ackErr)
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("receive: %v", err)
	}
	return bodies, code
}

// A borrower's application, with its own key, rights and groups, uses another tenant's topic under the borrower's name for it, until the grant ends: then the next
// call finds no topic, and a call that waits for messages is answered.
func TestABorrowerSendsAndReceivesUntilTheGrantEnds(t *testing.T) {
	for _, side := range []string{"shop", "bank"} {
		t.Run("ended by "+side, func(t *testing.T) { borrowed(t, side) })
	}
}

func borrowed(t *testing.T, side string) {
	p := play(t)
	shop := p.tenant(t, "shop")
	p.tenant(t, "bank")
	owner := p.app(t, "shop", wire.NewApplication{Name: "till", Owner: true}).context(t, "till@1")
	risk := p.app(t, "bank", wire.NewApplication{Name: "risk", Publish: []string{"lent"}, Read: []string{"lent"}, Consume: []string{"billing-bank"}}).context(t, "risk@1")
	normal := func(id string) *v2.SystemProperties {
		return &v2.SystemProperties{MessageId: id, MessageType: v2.MessageType_NORMAL}
	}
	if code := p.sends(risk, t, "lent", normal("too-early")); code != v2.Code_TOPIC_NOT_FOUND {
		t.Fatalf("before the grant: %v", code)
	}
	grant := p.lend(t, loan{"shop", shop.topic, "bank", "lent"})
	if a, b := p.sends(owner, t, shop.topic, normal("of-shop")), p.sends(risk, t, "lent", normal("of-bank")); a != v2.Code_OK || b != v2.Code_OK {
		t.Fatalf("sent: %v, %v", a, b)
	}
	for who, ask := range map[string]poll{"the owner": {shop.topic, shop.group, 5 * time.Second}, "the borrower": {"lent", "billing-bank", 5 * time.Second}} {
		ctx, got := map[string]context.Context{"the owner": owner, "the borrower": risk}[who], map[string]bool{}
		for range 10 {
			bodies, _ := p.receives(ctx, t, ask)
			for _, b := range bodies {
				got[b] = true
			}
			if len(got) == 2 {
				break
			}
		}
		if !got["of-shop"] || !got["of-bank"] || len(got) != 2 {
			t.Errorf("%s received %v", who, got)
		}
	}
	ended := make(chan v2.Code, 1)
	go func() {
		_, code := p.receives(risk, t, poll{"lent", "billing-bank", 20 * time.Second})
		ended <- code
	}()
	p.end(t, side, grant)
	if code := <-ended; code != v2.Code_TOPIC_NOT_FOUND {
		t.Errorf("who waits, or comes by then, is told %v", code)
	}
	if code := p.sends(risk, t, "lent", normal("too-late")); code != v2.Code_TOPIC_NOT_FOUND {
		t.Errorf("after the end: %v", code)
	}
	if code := p.sends(owner, t, shop.topic, normal("on")); code != v2.Code_OK {
		t.Errorf("the owner's own: %v", code)
	}
}

func TestWhatATopicTakesABorrowerMaySendButTransactions(t *testing.T) {
	p := play(t)
	p.tenant(t, "shop")
	p.tenant(t, "bank")
	p.post(t, "/v1/tenants/shop/topics", wire.NewTopic{Name: "every", Types: []string{"normal", "fifo", "delay", "transaction"}})
	p.post(t, "/v1/tenants/bank/groups", wire.NewGroup{Name: "in-order", Fifo: true})
	p.lend(t, loan{"shop", "every", "bank", "lent"})
	risk := p.app(t, "bank", wire.NewApplication{Name: "risk", Owner: true}).context(t, "risk@1")
	group := "one"
	for i := range 3 {
		m := &v2.SystemProperties{MessageId: fmt.Sprint("fifo-", i), MessageType: v2.MessageType_FIFO, MessageGroup: &group}
		if code := p.sends(risk, t, "lent", m); code != v2.Code_OK {
			t.Fatalf("in order: %v", code)
		}
	}
	m := &v2.SystemProperties{MessageId: "later", MessageType: v2.MessageType_DELAY, DeliveryTimestamp: timestamppb.New(time.Now().Add(time.Second))}
	if code := p.sends(risk, t, "lent", m); code != v2.Code_OK {
		t.Errorf("later: %v", code)
	}
	m = &v2.SystemProperties{MessageId: "half", MessageType: v2.MessageType_TRANSACTION}
	if code := p.sends(risk, t, "lent", m); code != v2.Code_MESSAGE_PROPERTY_CONFLICT_WITH_TYPE && code != v2.Code_BAD_REQUEST {
		t.Errorf("a transaction: %v", code)
	}
	var got []string
	for bound := time.Now().Add(30 * time.Second); len(got) < 4 && time.Now().Before(bound); {
		bodies, _ := p.receives(risk, t, poll{"lent", "in-order", 2 * time.Second})
		got = append(got, bodies...)
	}
	if fmt.Sprint(got) != "[fifo-0 fifo-1 fifo-2 later]" {
		t.Errorf("received %v", got)
	}
}
