// SPDX-License-Identifier: Apache-2.0

package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/test/crowd"
)

// traces asks where a message is; false when it is nowhere.
func traces(t *testing.T, p *played, topic, id string) (out wire.Trace, there bool) {
	t.Helper()
	answer, err := http.Get("http://" + p.HTTP + "/v1/tenants/default/topics/" + topic + "/messages/" + id + "/trace")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return out, false
	}
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("trace: %s, %v", answer.Status, err)
	}
	return out, true
}

// story is the events of a trace in words: those of a group and those of none.
func story(of wire.Trace, group string) string {
	var all []string
	for _, e := range of.Events {
		if e.Group != "" && e.Group != group {
			continue
		}
		word := e.Kind
		if e.Attempt > 0 {
			word = fmt.Sprintf("%s-%d", word, e.Attempt)
		}
		if e.Result != "" {
			word += "!"
		}
		all = append(all, word)
	}
	return strings.Join(all, " ")
}

// tells waits until a trace tells a story.
func tells(t *testing.T, p *played, m *v2.Message, group, want string) (out wire.Trace) {
	t.Helper()
	crowd.Eventually(t, "the trace tells: "+want, func() bool {
		var there bool
		out, there = traces(t, p, m.GetTopic().GetName(), m.GetSystemProperties().GetMessageId())
		if got := story(out, group); there && got != want {
			t.Logf("it tells: %s", got)
		}
		return there && story(out, group) == want
	})
	return out
}

// takes receives with a filter, and gives one message or none.
func takes(t *testing.T, c *crowd.Client, topic, group, tag string) *v2.Message {
	t.Helper()
	ctx, cancel := c.Context()
	defer cancel()
	stream, err := c.ReceiveMessage(ctx, &v2.ReceiveMessageRequest{
		Group: crowd.Resource(group), MessageQueue: &v2.MessageQueue{Topic: crowd.Resource(topic), Id: -1}, BatchSize: 1, InvisibleDuration: durationpb.New(time.Minute),
		LongPollingTimeout: durationpb.New(0), FilterExpression: &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: tag},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got *v2.Message
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		if m := part.GetMessage(); m != nil {
			got = m
		}
	}
}

// soon receives until there is a message.
func soon(t *testing.T, c *crowd.Client, topic, group string) (m *v2.Message) {
	t.Helper()
	crowd.Eventually(t, group+" gets a message of "+topic, func() bool { m = takes(t, c, topic, group, "*"); return m != nil })
	return m
}

func TestATraceTellsWhatHappenedInOrder(t *testing.T) {
	p := play(t)
	p.post(t, "/v1/tenants/default/topics", wire.NewTopic{Name: "orders"})
	p.post(t, "/v1/tenants/default/groups", map[string]any{"name": "billing", "maxAttempts": 2, "from": "earliest"})
	p.post(t, "/v1/tenants/default/groups", map[string]any{"name": "picky", "from": "earliest"})
	producer, consumer := crowd.Dial(t, crowd.Elsewhere{Address: p.GRPC}, "producer@1"), crowd.Dial(t, crowd.Elsewhere{Address: p.GRPC}, "consumer@1")
	m := crowd.Letter("orders", "0100000000000000000000000000000001", "hello")
	m.SystemProperties.Tag = new(string)
	*m.SystemProperties.Tag = "a"
	crowd.SendOK(t, producer, m)
	for attempt := range 2 {
		got := soon(t, consumer, "orders", "billing")
		if n := got.GetSystemProperties().GetDeliveryAttempt(); int(n) != attempt+1 {
			t.Fatalf("attempt %d, want %d", n, attempt+1)
		}
		crowd.Must(consumer.Change("orders", "billing", got, 0))
	}
	if got := takes(t, consumer, "orders", "picky", "b"); got != nil {
		t.Fatalf("the filter let it pass: %v", got)
	}
	crowd.Eventually(t, "it is a dead letter", func() bool {
		if got := takes(t, consumer, "orders", "billing", "*"); got != nil {
			t.Fatalf("a third attempt: %v", got)
		}
		return len(exchange[wire.Found](t, p, "GET", "/v1/tenants/default/groups/billing/dead-letters", nil).Items) == 1
	})
	tells(t, p, m, "billing", "produced stored delivered-1 changed-1 delivered-2 changed-2 dead-lettered-2")
	job := exchange[wire.Job](t, p, "POST", "/v1/tenants/default/groups/billing/dead-letters/redrive", wire.Redrive{})
	crowd.Eventually(t, "it is redriven", func() bool {
		return exchange[wire.Job](t, p, "GET", "/v1/tenants/default/jobs/"+job.ID, nil).State == "done"
	})
	got := soon(t, consumer, "orders", "billing")
	if err := consumer.Ack("orders", "billing", got); err != nil {
		t.Fatal(err)
	}
	if err := consumer.Ack("orders", "billing", got); err == nil {
		t.Log("a second acknowledgement is taken as well")
	}
	a := tells(t, p, m, "billing", "produced stored delivered-1 changed-1 delivered-2 changed-2 dead-lettered-2 redriven delivered-1 acked-1"+again(t, p, m))
	if len(a.Places) != 2 || len(a.Recorded) != 1 || a.Recorded[0].State != "answered" || a.Recorded[0].Proxy != p.GRPC || a.Recorded[0].Since == nil {
		t.Errorf("%+v, %+v", a.Places, a.Recorded)
	}
	first := a.Events[0]
	if first.Client != "producer@1" || first.Proxy != p.GRPC || first.Source != "proxy" || first.Queue != nil {
		t.Errorf("%+v", first)
	}
	if stored := a.Events[1]; stored.Offset == nil || *stored.Offset != a.Places[1].Offset && *stored.Offset != a.Places[0].Offset || stored.Client != "" {
		t.Errorf("%+v", stored)
	}
	at := slices.IndexFunc(a.Events, func(e wire.TraceEvent) bool { return e.Kind == "filtered" })
	if at < 2 || a.Events[at].Group != "picky" || a.Events[at].Source != "judged" || !strings.HasSuffix(a.Events[at].Detail, ": b") {
		t.Errorf("what was filtered is at %d of %+v", at, a.Events)
	}
	for _, e := range a.Events {
		if e.Kind == "delivered" && (e.Until == nil || e.Client != "consumer@1" || e.Group != "billing") {
			t.Errorf("%+v", e)
		}
	}
}

// again is what a second acknowledgement adds to a story, where the engine refuses it.
func again(t *testing.T, p *played, m *v2.Message) string {
	a, _ := traces(t, p, m.GetTopic().GetName(), m.GetSystemProperties().GetMessageId())
	if strings.HasSuffix(story(a, "billing"), "acked-1!") {
		return " acked-1!"
	}
	return " acked-1"
}

func TestATraceTellsOfTransactions(t *testing.T) {
	p := play(t)
	p.post(t, "/v1/tenants/default/topics", map[string]any{"name": "pay", "types": []string{"transaction"}})
	p.post(t, "/v1/tenants/default/groups", map[string]any{"name": "billing", "from": "earliest"})
	c := crowd.Dial(t, crowd.Elsewhere{Address: p.GRPC}, "payer@1")
	verdicts := make(chan *v2.RecoverOrphanedTransactionCommand, 4)
	if err := c.Listen(crowd.ProducerOf("pay"), func(told *v2.TelemetryCommand) {
		if check := told.GetRecoverOrphanedTransactionCommand(); check != nil {
			verdicts <- check
		}
	}); err != nil {
		t.Fatal(err)
	}
	half := func(id string, rest time.Duration) (*v2.Message, *v2.SendResultEntry) {
		m := crowd.Letter("pay", id, "money")
		m.SystemProperties.MessageType = v2.MessageType_TRANSACTION
		m.SystemProperties.OrphanedTransactionRecoveryDuration = durationpb.New(rest)
		return m, crowd.SendOK(t, c, m)
	}
	checked, _ := half("0100000000000000000000000000000001", time.Second)
	undone, sent := half("0100000000000000000000000000000002", time.Hour)
	tells(t, p, undone, "", "produced prepared")
	if err := c.Settle(crowd.Ending{Topic: "pay", ID: undone.SystemProperties.MessageId, Transaction: sent.GetTransactionId()}); err != nil {
		t.Fatal(err)
	}
	if a := tells(t, p, undone, "", "produced prepared rolled-back"); len(a.Places) != 0 || a.Events[2].Client != "payer@1" || a.Events[2].Detail != "" {
		t.Errorf("%+v", a)
	}
	check := <-verdicts
	err := c.Settle(crowd.Ending{Topic: "pay", ID: check.GetMessage().GetSystemProperties().GetMessageId(), Transaction: check.GetTransactionId(), Commit: true, From: v2.TransactionSource_SOURCE_SERVER_CHECK})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Ack("pay", "billing", soon(t, c, "pay", "billing")); err != nil {
		t.Fatal(err)
	}
	a, _ := traces(t, p, "pay", checked.SystemProperties.MessageId)
	got := story(a, "billing")
	for _, want := range []string{"produced prepared checked-1", "committed", "delivered-1 acked-1", "stored"} {
		if !strings.Contains(got, want) {
			t.Errorf("it tells: %s; nothing of %s", got, want)
		}
	}
	at := slices.IndexFunc(a.Events, func(e wire.TraceEvent) bool { return e.Kind == "committed" })
	if at < 0 || a.Events[at].Detail != "the answer to a check" {
		t.Errorf("%+v", a.Events)
	}
}

func TestATraceTellsOfSchedules(t *testing.T) {
	p := play(t)
	p.post(t, "/v1/tenants/default/topics", map[string]any{"name": "later", "types": []string{"delay"}})
	p.post(t, "/v1/tenants/default/groups", map[string]any{"name": "billing", "from": "earliest"})
	c := crowd.Dial(t, crowd.Elsewhere{Address: p.GRPC}, "planner@1")
	plan := func(id string, at time.Time) (*v2.Message, *v2.SendResultEntry) {
		m := crowd.Letter("later", id, "body")
		m.SystemProperties.MessageType, m.SystemProperties.DeliveryTimestamp = v2.MessageType_DELAY, timestamppb.New(at)
		return m, crowd.SendOK(t, c, m)
	}
	due := time.Now().Add(time.Hour)
	off, sent := plan("0100000000000000000000000000000001", due)
	soonDue, _ := plan("0100000000000000000000000000000002", time.Now().Add(time.Second))
	a := tells(t, p, off, "", "produced scheduled")
	if until := a.Events[1].Until; until == nil || until.Sub(due).Abs() > time.Second {
		t.Errorf("scheduled until %v, want %v", until, due)
	}
	ctx, cancel := c.Context()
	defer cancel()
	recalled, err := c.RecallMessage(ctx, &v2.RecallMessageRequest{Topic: crowd.Resource("later"), RecallHandle: sent.GetRecallHandle()})
	if err != nil || recalled.GetStatus().GetCode() != v2.Code_OK {
		t.Fatalf("%v, %v", recalled, err)
	}
	if a := tells(t, p, off, "", "produced scheduled recalled"); len(a.Places) != 0 {
		t.Errorf("%+v", a.Places)
	}
	if err := c.Ack("later", "billing", soon(t, c, "later", "billing")); err != nil {
		t.Fatal(err)
	}
	tells(t, p, soonDue, "billing", "produced scheduled stored delivered-1 acked-1")
	if _, there := traces(t, p, "later", "0100000000000000000000000000000009"); there {
		t.Error("a message that nobody sent has a trace")
	}
}

// A borrower's names are nowhere in what the owner of a topic is told, and the borrower is told nothing of it.
func TestATraceKeepsTenantsApart(t *testing.T) {
	p := play(t)
	victim := p.tenant(t, "shop")
	p.tenant(t, "bank")
	defer p.end(t, "bank", p.lend(t, loan{"shop", victim.topic, "bank", "lent"}))
	owner, canary := p.app(t, "shop", wire.NewApplication{Name: "till", Owner: true}), p.app(t, "bank", wire.NewApplication{Name: "canary-app", Owner: true})
	p.post(t, "/v1/tenants/bank/groups", map[string]any{"name": "canary-group", "from": "earliest"})
	const theirs, own = "0100000000000000000000000000000001", "0100000000000000000000000000000002"
	send := func(s signer, client, topic, id string) {
		t.Helper()
		if code := p.sends(s.context(t, client), t, topic, &v2.SystemProperties{MessageId: id, MessageType: v2.MessageType_NORMAL}); code != v2.Code_OK {
			t.Fatalf("%s: %v", id, code)
		}
	}
	send(canary, "canary-client@1", "lent", theirs)
	send(owner, "till@1", victim.topic, own)
	crowd.Eventually(t, "the borrower has both", func() bool {
		bodies, _ := p.receives(canary.context(t, "canary-client@2"), t, poll{topic: "lent", group: "canary-group", wait: time.Second})
		return len(bodies) > 0
	})
	asked := func(tenant, topic, id string) (string, wire.Trace) {
		answer, err := http.Get("http://" + p.HTTP + "/v1/tenants/" + tenant + "/topics/" + topic + "/messages/" + id + "/trace")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text := crowd.Must(io.ReadAll(answer.Body))
		var out wire.Trace
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(answer.StatusCode, " ", string(text)), out
	}
	for _, id := range []string{theirs, own} {
		text, a := asked("shop", victim.topic, id)
		if strings.Contains(text, "canary") || strings.Contains(text, "bank") || story(a, "") != "produced stored" {
			t.Errorf("the owner: %s", text)
		}
	}
	if _, a := asked("shop", victim.topic, own); a.Events[0].Client != "till@1" || a.Events[0].Application != "till" {
		t.Errorf("%+v", a.Events)
	}
	if _, a := asked("shop", victim.topic, theirs); a.Events[0].Detail != "by a tenant that borrows the topic" {
		t.Errorf("%+v", a.Events)
	}
	missing, _ := asked("bank", "nothing", theirs)
	for _, topic := range []string{"lent", victim.topic} {
		if got, _ := asked("bank", topic, theirs); !strings.HasPrefix(got, "404") || strings.ReplaceAll(got, topic, "nothing") != missing && !strings.Contains(got, "topic_not_found") {
			t.Errorf("the borrower: %s; of a missing topic: %s", got, missing)
		}
	}
}
