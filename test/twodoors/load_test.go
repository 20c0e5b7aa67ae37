// SPDX-License-Identifier: Apache-2.0

package twodoors_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/engine/enginetest/history"
	"github.com/causeway-mq/causeway/mq"
)

// crowd is the clients of the load: each knows both doors and goes to the other one when a call fails. What they do and what
// they are told is written down, and judged at the end.
type crowd struct {
	t     *testing.T
	house *house
	h     *history.History
	ids   ids
	over  atomic.Bool
	cut   atomic.Int64 // calls that ended without a proper answer

	mu       sync.Mutex // guards the rest
	doors    []*door    // that are open now
	intended map[string]bool
}

// seat is one client of the crowd: it has a connection to each door that it used, and prefers one of them at a time.
type seat struct {
	*crowd
	name     string
	dice     *rand.Rand
	known    map[*door]*client
	at       *client      // the door of the moment; nil: any
	settings *v2.Settings // nil: it keeps no stream
	on       func(*client, *v2.TelemetryCommand)
}

func newCrowd(t *testing.T) *crowd {
	h := newHouse(t)
	c := &crowd{t: t, house: h, h: history.New(h.engine.Now), intended: map[string]bool{}}
	for group, topic := range map[string]string{"billing": "plain", "in-order": "lanes", "settling": "pay"} {
		g := h.groups[group]
		c.h.Judging(history.Group{Name: g.Name, Topic: h.topics[topic].Name, Ordered: g.Ordered, MaxAttempts: g.MaxAttempts})
	}
	c.doors = []*door{h.open(), h.open()}
	return c
}

func (c *crowd) seat(name string, n uint64) *seat {
	return &seat{crowd: c, name: name, dice: rand.New(rand.NewPCG(n, 7)), known: map[*door]*client{}}
}

// client is the seat's connection of the moment; a seat without one takes any open door.
func (s *seat) client() *client {
	if s.at != nil {
		return s.at
	}
	s.mu.Lock()
	d := s.doors[s.dice.IntN(len(s.doors))]
	s.mu.Unlock()
	if s.at = s.known[d]; s.at != nil {
		return s.at
	}
	at := dial(s.t, d, s.name)
	if s.settings == nil || at.telemetry(s.settings, func(c *v2.TelemetryCommand) { s.on(at, c) }) == nil {
		s.known[d], s.at = at, at
	}
	return at // without a stream only if the door just died: then the next call takes another one
}

// heard takes another door after a call without a proper answer.
func (s *seat) heard(err error) {
	var answered statusError
	if mq.Outcome(verdictOf(err)) == mq.Unknown {
		s.cut.Add(1)
	}
	if err != nil && !errors.As(err, &answered) {
		s.at = nil
	}
}

// leave closes all connections, as an application that ends: what the doors hold for it comes free.
func (s *seat) leave() {
	for _, at := range s.known {
		_ = at.conn.Close()
	}
}

// kill ends a door suddenly; routes do not name it any more.
func (c *crowd) kill() {
	c.mu.Lock()
	victim := c.doors[0]
	c.doors = c.doors[1:]
	c.mu.Unlock()
	victim.kill()
}

// join adds a fresh door.
func (c *crowd) join() {
	fresh := c.house.open()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doors = append(c.doors, fresh)
}

func (c *crowd) message(topic string) (*v2.Message, mq.Message) {
	id := c.ids.next()
	m := letter(topic, id, "body of "+id)
	return m, mq.Message{ID: must(mq.ParseMessageID(id)), Type: mq.Normal, Body: m.Body}
}

// asDelivery reads a message that a client got. Its lease lasts at least from the beginning of the call on.
func (c *crowd) asDelivery(m *v2.Message, r receiving, began time.Time) mq.Delivery {
	sys := m.GetSystemProperties()
	hold := r.hold
	if hold == 0 {
		hold = time.Minute
	}
	got := mq.Message{ID: must(mq.ParseMessageID(sys.GetMessageId())), Body: m.GetBody()}
	if g := sys.GetMessageGroup(); g != "" {
		got.Group = must(mq.ParseMessageGroup(g))
	}
	return mq.Delivery{
		Stored: mq.Stored{
			Message: got, Topic: c.house.topics[r.topic].Name, Queue: mq.QueueID(sys.GetQueueId()), Offset: mq.Offset(sys.GetQueueOffset()),
		},
		Attempt: int(sys.GetDeliveryAttempt()),
		Lease:   mq.Lease{Group: c.house.groups[r.group], Token: sys.GetReceiptHandle(), Until: began.Add(hold)},
	}
}

// sends plain and ordered messages. A lane has one producer, as order needs.
func (s *seat) produce(lane string) {
	for !s.over.Load() {
		topic, shape := "plain", v2.MessageType_NORMAL
		if s.dice.IntN(2) == 0 {
			topic, shape = "lanes", v2.MessageType_FIFO
		}
		wire, m := s.message(topic)
		wire.SystemProperties.MessageType = shape
		queue := mq.QueueID(0)
		if shape == v2.MessageType_FIFO {
			wire.SystemProperties.MessageGroup = &lane
			m.Group, m.Type = must(mq.ParseMessageGroup(lane)), mq.FIFO
			queue = m.Group.QueueOf(s.house.topics[topic].Queues)
		}
		span := s.h.Begin()
		sent, err := s.client().send(wire)
		answer := mq.Sent{Err: verdictOf(err), Queue: queue, Offset: -1}
		if err == nil && shape == v2.MessageType_FIFO { // only there does a client know the queue
			answer.Offset = mq.Offset(sent.Offset)
		}
		s.h.Sent(span, s.house.topics[topic].Name, m, answer)
		s.heard(err)
	}
}

// transact sends halves and settles them at whatever door it has then.
func (s *seat) transact() {
	for !s.over.Load() {
		wire, m := s.message("pay")
		wire.SystemProperties.MessageType, m.Type = v2.MessageType_TRANSACTION, mq.Transaction
		commit := s.dice.IntN(2) == 0
		s.mu.Lock()
		s.intended[m.ID.String()] = commit
		s.mu.Unlock()
		span := s.h.Begin()
		sent, err := s.client().send(wire)
		s.h.Sent(span, s.house.topics["pay"].Name, m, mq.Sent{Err: verdictOf(err), Offset: -1})
		s.heard(err)
		if err != nil || s.dice.IntN(8) == 0 {
			continue // left to the check
		}
		s.at = nil // settle at any door
		s.verdict(s.client(), m.ID.String(), sent.TransactionId, v2.TransactionSource_SOURCE_CLIENT)
	}
}

func (s *seat) verdict(at *client, id, transaction string, from v2.TransactionSource) {
	s.mu.Lock()
	commit := s.intended[id]
	s.mu.Unlock()
	v := mq.Rollback
	if commit {
		v = mq.Commit
	}
	span := s.h.Begin()
	err := at.endTransaction("pay", id, transaction, commit, from)
	s.h.Settled(span, must(mq.ParseMessageID(id)), v, verdictOf(err))
	var answered statusError
	if errors.As(err, &answered) && answered.GetCode() < 50000 {
		s.t.Errorf("%s of %s was refused: %v", v, id, err)
	}
	if from == v2.TransactionSource_SOURCE_CLIENT {
		s.heard(err)
	}
}

// answerChecks keeps a producer's stream at one of the doors and answers as was intended.
func (s *seat) answerChecks() {
	s.settings = producerOf("pay")
	s.on = func(at *client, c *v2.TelemetryCommand) {
		if r := c.GetRecoverOrphanedTransactionCommand(); r != nil {
			s.verdict(at, r.GetMessage().GetSystemProperties().GetMessageId(), r.TransactionId, v2.TransactionSource_SOURCE_SERVER_CHECK)
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !s.over.Load() {
		ctx, cancel := s.client().ctx()
		_, err := s.client().Heartbeat(ctx, &v2.HeartbeatRequest{ClientType: v2.ClientType_PRODUCER})
		cancel()
		s.heard(err)
		<-tick.C
	}
}

// consume receives and acknowledges, each at whatever door it has then; some messages it drops, as a failing application does.
func (s *seat) consume(r receiving, until func() bool) {
	for n := 0; !until(); n++ {
		r.attempt = fmt.Sprint(s.name, "-", n)
		ask := mq.Want{Topic: s.house.topics[r.topic], Group: s.house.groups[r.group], Attempt: mq.AttemptID(r.attempt)}
		span := s.h.Begin()
		wire, err := s.client().receive(r)
		var got []mq.Delivery
		for _, m := range wire {
			got = append(got, s.asDelivery(m, r, span.From))
		}
		s.h.Took(span, ask, got, verdictOf(err))
		s.heard(err)
		for i := range got {
			if s.dice.IntN(20) == 0 && !s.over.Load() {
				continue
			}
			if s.dice.IntN(4) == 0 {
				s.at = nil // the other door settles as well
			}
			s.settle(r, wire[i], got[i].Lease)
		}
	}
}

// settle acknowledges until some door answered, as official clients do.
func (s *seat) settle(r receiving, m *v2.Message, l mq.Lease) {
	for range 4 {
		span := s.h.Begin()
		err := s.client().ack(r.topic, r.group, m)
		s.h.Acked(span, l, verdictOf(err))
		s.heard(err)
		if mq.Outcome(verdictOf(err)) != mq.Unknown {
			return
		}
		s.at = nil
	}
}

// play lets the crowd work at the doors while disturb happens, drains everything and judges the record.
func (c *crowd) play(disturb func()) {
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() { c.seat(fmt.Sprint("producer-", i), uint64(i)).produce(fmt.Sprint("lane-", i)) })
	}
	for i := range 2 {
		all.Go(func() { c.seat(fmt.Sprint("payer-", i), uint64(10+i)).transact() })
		all.Go(func() { c.seat(fmt.Sprint("checked-", i), uint64(20+i)).answerChecks() })
	}
	for i := range 2 {
		for group, topic := range map[string]string{"billing": "plain", "in-order": "lanes", "settling": "pay"} {
			all.Go(func() {
				s := c.seat(fmt.Sprint(group, "-", i), uint64(30+i))
				r := receiving{topic: topic, group: group, max: 16, hold: 10 * time.Second, poll: 3 * time.Second}
				if i == 0 && group == "billing" {
					s.settings, s.on, r.hold = pushConsumerOf(group, topic), func(*client, *v2.TelemetryCommand) {}, 0 // the door renews
				}
				s.consume(r, c.over.Load)
				s.leave()
			})
		}
	}
	disturb()
	c.over.Store(true)
	all.Wait()
	c.drain()
	v := c.h.Judge(history.Rules{})
	c.t.Log(v)
	if !v.Innocent() {
		c.t.Fatal("the record holds what must not happen")
	}
	if c.cut.Load() == 0 {
		c.t.Fatal("no call was without a proper answer: nothing was disturbed")
	}
	if v.Sent < 500 || v.Settled < 500 {
		c.t.Fatalf("that was no load: %d sent, %d settled", v.Sent, v.Settled)
	}
}

// virtually waits until so much time went by on the house's clock.
func (c *crowd) virtually(d time.Duration) {
	end := c.house.clock.Now().Add(d)
	eventually(c.t, "time goes by", func() bool { return !c.house.clock.Now().Before(end) })
}

// drain lets every lease run out and every check be answered, and receives until each topic stays empty.
func (c *crowd) drain() {
	c.over.Store(false)
	var checks sync.WaitGroup
	checks.Go(func() { c.seat("last-checked", 40).answerChecks() })
	c.virtually(80 * time.Second) // longer than a renewed lease and than two checks are apart
	c.over.Store(true)
	checks.Wait()
	var all sync.WaitGroup
	for group, topic := range map[string]string{"billing": "plain", "in-order": "lanes", "settling": "pay"} {
		all.Go(func() {
			s := c.seat("drain-"+group, 50)
			empty := c.emptied(topic, group)
			s.consume(receiving{topic: topic, group: group, max: 32, hold: time.Minute, poll: time.Second}, empty)
		})
	}
	all.Wait()
}

// emptied tells whether nothing of the topic is left for the group.
func (c *crowd) emptied(topic, group string) func() bool {
	return func() bool {
		queues, err := c.house.engine.Progress(c.t.Context(), c.house.groups[group], c.house.topics[topic])
		if err != nil {
			c.t.Errorf("progress: %v", err)
			return true
		}
		for _, q := range queues {
			if q.Committed < q.Hi {
				return false
			}
		}
		return true
	}
}
