// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	rocketmq "github.com/apache/rocketmq-clients/golang/v5"
	"github.com/apache/rocketmq-clients/golang/v5/credentials"
	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// hold is how long a received message stays with its consumer unless a scenario is about that time.
const hold = 30 * time.Second

// patience is what a poll may take beyond its time on a machine that starves its client, so that no scenario is about the machine.
const patience = 20 * time.Second

// stage is one scenario under way: where it talks to, what it opened, what it noted for the report.
type stage struct {
	ctx      context.Context
	run      run
	scenario scenario
	late     atomic.Int32 // polls that ran into the client's deadline

	mu    sync.Mutex // guards stops and notes
	stops []func() error
	notes []string
}

func (s *stage) await() time.Duration { return time.Duration(s.run.AwaitMillis) * time.Millisecond }
func (s *stage) early() time.Duration { return time.Duration(s.run.EarlyMillis) * time.Millisecond }

func (s *stage) shortHold() time.Duration {
	return time.Duration(s.run.HoldMillis) * time.Millisecond
}

func (s *stage) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func (s *stage) noted() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.notes, ", ")
}

func (s *stage) opened(stop func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stops = append(s.stops, stop)
}

// close stops every client of the scenario.
func (s *stage) close() {
	s.mu.Lock()
	stops := s.stops
	s.mu.Unlock()
	var all sync.WaitGroup
	for _, stop := range stops {
		all.Go(func() { _ = stop() })
	}
	all.Wait()
}

// config points a client at its access point. This client looks at no permission of a route, so where production and consumption are apart each is
// pointed at its own kind of proxy.
func (s *stage) config(group string) *rocketmq.Config {
	endpoint := s.run.Endpoint
	if group != "" && s.run.Consume != "" {
		endpoint = s.run.Consume
	}
	return &rocketmq.Config{
		Endpoint:      endpoint,
		ConsumerGroup: group,
		Credentials:   &credentials.SessionCredentials{AccessKey: s.run.AccessKey, AccessSecret: s.run.SecretKey},
	}
}

// starting is what every client of this SDK has.
type starting interface {
	Start() error
	GracefulStop() error
}

// started makes a client and starts it. Version 5.1.4 changes its settings while another goroutine of it writes them to a stream: now and then a start fails in
// the client's own marshaling, before anything was sent. An application would start it again; so does this, with a new client, and notes it.
func started[C starting](s *stage, what string, create func() (C, error)) (C, error) {
	for tries := 1; ; tries++ {
		c, err := create()
		if err != nil {
			return c, fmt.Errorf("new %s: %w", what, err)
		}
		err = c.Start()
		if err == nil {
			s.opened(c.GracefulStop)
			return c, nil
		}
		if tries == 3 || !strings.Contains(err.Error(), "error while marshaling") {
			return c, fmt.Errorf("start %s: %w", what, err)
		}
		s.note("%s started once more, since the client failed in its own marshaling", what)
	}
}

// producer opens a producer that announces its topic. Without one this client has no route when it starts, so it opens no
// telemetry stream, and its Start waits for settings for ever.
func (s *stage) producer(opts ...rocketmq.ProducerOption) (rocketmq.Producer, error) {
	return started(s, "producer", func() (rocketmq.Producer, error) {
		return rocketmq.NewProducer(s.config(""), append(opts, rocketmq.WithTopics(s.scenario.Topic))...)
	})
}

func (s *stage) simple(group, topic string, filter *rocketmq.FilterExpression) (rocketmq.SimpleConsumer, error) {
	return started(s, "simple consumer", func() (rocketmq.SimpleConsumer, error) {
		return rocketmq.NewSimpleConsumer(s.config(group),
			rocketmq.WithSimpleAwaitDuration(s.await()),
			rocketmq.WithSimpleSubscriptionExpressions(map[string]*rocketmq.FilterExpression{topic: filter}))
	})
}

func (s *stage) push(group string, listen func(*rocketmq.MessageView) rocketmq.ConsumerResult) (rocketmq.PushConsumer, error) {
	return started(s, "push consumer", func() (rocketmq.PushConsumer, error) {
		return rocketmq.NewPushConsumer(s.config(group),
			rocketmq.WithPushAwaitDuration(s.await()),
			rocketmq.WithPushSubscriptionExpressions(map[string]*rocketmq.FilterExpression{s.scenario.Topic: rocketmq.SUB_ALL}),
			rocketmq.WithPushMessageListener(&rocketmq.FuncMessageListener{Consume: listen}))
	})
}

// letter builds message number n of a scenario: a body that is no text, two keys, a tag and two properties.
func (s *stage) letter(n int) *rocketmq.Message {
	body := fmt.Appendf(nil, "%s %s %d\n", s.run.Name, s.scenario.Name, n)
	m := &rocketmq.Message{Topic: s.scenario.Topic, Body: append(body, 0x00, 0xff, 0xfe, byte(n))}
	m.SetTag("tag" + strconv.Itoa(n%3))
	m.SetKeys("key-"+strconv.Itoa(n), "shared")
	m.AddProperty("n", strconv.Itoa(n))
	m.AddProperty("note", "grüße ✓ 日本")
	return m
}

// mailbag remembers what was sent under which id, and which deliveries of it were seen.
type mailbag struct {
	loose bool

	mu   sync.Mutex // guards sent and seen
	sent map[string]*rocketmq.Message
	seen map[string][]int32
}

func newMailbag(s *stage) *mailbag {
	return &mailbag{loose: s.run.Loose, sent: map[string]*rocketmq.Message{}, seen: map[string][]int32{}}
}

func (b *mailbag) send(s *stage, p rocketmq.Producer, m *rocketmq.Message) (*rocketmq.SendReceipt, error) {
	receipts, err := p.Send(s.ctx, m)
	if err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	if len(receipts) != 1 || receipts[0].MessageID == "" {
		return nil, fmt.Errorf("send: %d receipts, want one with a message id", len(receipts))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent[receipts[0].MessageID] = m
	return receipts[0], nil
}

// check compares a delivery with what was sent under its id and counts it.
func (b *mailbag) check(v *rocketmq.MessageView) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	m, known := b.sent[v.GetMessageId()]
	if !known {
		return fmt.Errorf("message %s was never sent", v.GetMessageId())
	}
	b.seen[v.GetMessageId()] = append(b.seen[v.GetMessageId()], v.GetDeliveryAttempt())
	return same(v, m, b.loose)
}

func (b *mailbag) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.seen)
}

func (b *mailbag) attempts(id string) []int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.seen[id])
}

// onceEach holds when every message that was sent came exactly once, as attempt 1.
func (b *mailbag) onceEach() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range b.sent {
		if got := b.seen[id]; !slices.Equal(got, []int32{1}) {
			return fmt.Errorf("message %s came with attempts %v, want [1]", id, got)
		}
	}
	return nil
}

// same compares all that a sender may set. A loose target may add properties of its own.
func same(v *rocketmq.MessageView, m *rocketmq.Message, loose bool) error {
	properties := maps.Clone(v.GetProperties())
	maps.DeleteFunc(properties, func(key, _ string) bool { return loose && m.GetProperties()[key] == "" })
	switch {
	case !bytes.Equal(v.GetBody(), m.Body):
		return fmt.Errorf("body of %s: got %d bytes %.40q, want %d bytes %.40q", v.GetMessageId(), len(v.GetBody()), v.GetBody(), len(m.Body), m.Body)
	case text(v.GetTag()) != text(m.GetTag()):
		return fmt.Errorf("tag %q, want %q", text(v.GetTag()), text(m.GetTag()))
	case !slices.Equal(v.GetKeys(), m.GetKeys()):
		return fmt.Errorf("keys %q, want %q", v.GetKeys(), m.GetKeys())
	case !maps.Equal(properties, m.GetProperties()):
		return fmt.Errorf("properties %q, want %q", properties, m.GetProperties())
	case text(v.GetMessageGroup()) != text(m.GetMessageGroup()):
		return fmt.Errorf("message group %q, want %q", text(v.GetMessageGroup()), text(m.GetMessageGroup()))
	case v.GetBornTimestamp() == nil || time.Since(*v.GetBornTimestamp()).Abs() > 10*time.Minute:
		return fmt.Errorf("born timestamp %v is not of this run", v.GetBornTimestamp())
	}
	return nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// latePolls is how many polls of a scenario may run into the client's own deadline: on a machine with more work than cores,
// a second and a half may pass without anybody running. Each is noted.
const latePolls = 2

// receive is one poll; this client reports an empty poll as the error MESSAGE_NOT_FOUND.
func receive(s *stage, c rocketmq.SimpleConsumer, most int32, held time.Duration) ([]*rocketmq.MessageView, error) {
	got, err := c.Receive(s.ctx, most, held)
	var status *rocketmq.ErrRpcStatus
	if errors.As(err, &status) && status.Code == int32(v2.Code_MESSAGE_NOT_FOUND) {
		return nil, nil
	}
	if err != nil && s.ctx.Err() == nil && strings.Contains(err.Error(), "DEADLINE_EXCEEDED") && s.late.Add(1) <= latePolls {
		s.note("a poll came too late")
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	return got, nil
}

// untilDone polls and hands each delivery to take, until take says that it has all or the deadline passes.
func untilDone(s *stage, c rocketmq.SimpleConsumer, most int32, take func(*rocketmq.MessageView) (bool, error)) error {
	for {
		if s.ctx.Err() != nil {
			return errors.New("deadline passed while messages were still missing")
		}
		got, err := receive(s, c, most, hold)
		if err != nil {
			return err
		}
		done := false
		for _, v := range got {
			over, err := take(v)
			if err != nil {
				return err
			}
			done = done || over
		}
		if done {
			return nil
		}
	}
}

// drain receives, checks and acknowledges until everything in the bag has come.
func drain(s *stage, c rocketmq.SimpleConsumer, b *mailbag, most int32) error {
	return untilDone(s, c, most, func(v *rocketmq.MessageView) (bool, error) {
		if err := b.check(v); err != nil {
			return false, err
		}
		if err := c.Ack(s.ctx, v); err != nil {
			return false, fmt.Errorf("ack: %w", err)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.seen) == len(b.sent), nil
	})
}

// nothing polls once and wants it empty.
func nothing(s *stage, c rocketmq.SimpleConsumer, why string) error {
	got, err := receive(s, c, 16, hold)
	if err != nil {
		return err
	}
	if len(got) > 0 {
		return fmt.Errorf("%s, yet %s came as attempt %d", why, got[0].GetMessageId(), got[0].GetDeliveryAttempt())
	}
	return nil
}

// until checks a condition every so often while the scenario has time.
func until(s *stage, what string, every time.Duration, ready func() bool) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !ready() {
		select {
		case <-s.ctx.Done():
			return fmt.Errorf("deadline passed before %s", what)
		case <-tick.C:
		}
	}
	return nil
}
