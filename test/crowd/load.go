// SPDX-License-Identifier: Apache-2.0

package crowd

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/engine/enginetest/history"
	"github.com/causeway-mq/causeway/mq"
)

// Entrance is a door as the crowd sees it.
type Entrance interface {
	At() string // HOST:PORT
	Kill()      // as the death of its process does
}

// Ground is what a crowd plays on: an engine, doors over it, time.
type Ground struct {
	Topics  map[string]mq.Topic // plain, lanes, pay, later
	Groups  map[string]mq.Group // billing, in-order, settling, and waiting where messages are delayed too
	Now     func() time.Time
	Pass    func(time.Duration) // waits until so much time went by
	Open    func() Entrance     // a fresh door with an empty memory
	Rest    time.Duration       // after which every lease of the load is over and every check was answered
	Emptied func(s *Seat, topic, group string) func() bool
	Breath  time.Duration // rest of a client after a call that failed; 0 = none
	Renews  bool          // one consumer lets its door renew
	Placed  bool          // a client can tell the queue of an ordered message
	Rules   history.Rules
	Least   Load
}

// Load is what a crowd must have done for its record to mean something.
type Load struct{ Sent, Settled int }

// Crowd is the clients of the load: each knows both doors and goes to the other one when a call fails. What they do and what
// they are told is written down, and judged at the end.
type Crowd struct {
	Ground
	t    *testing.T
	h    *history.History
	ids  IDs
	over atomic.Bool
	cut  atomic.Int64 // calls that ended without a proper answer
	sent atomic.Int64 // messages that a door acknowledged
	done atomic.Int64 // acknowledgements that a door confirmed

	mu       sync.Mutex // guards the rest
	doors    []Entrance // that are open now
	intended map[string]bool
	places   map[string][]string // of each id: where and when its deliveries lay, to tell a second copy from a second delivery
}

// Seat is one client of the crowd: it has a connection to each door that it used, and prefers one of them at a time.
type Seat struct {
	*Crowd
	name     string
	dice     *rand.Rand
	known    map[Entrance]*Client
	at       *Client      // the door of the moment; nil: any
	settings *v2.Settings // nil: it keeps no stream
	on       func(*Client, *v2.TelemetryCommand)
	Got      time.Time // when it was last given a message
}

// New opens two doors and writes down from now on.
func New(t *testing.T, on Ground) *Crowd {
	c := &Crowd{t: t, Ground: on, h: history.New(on.Now), intended: map[string]bool{}, places: map[string][]string{}}
	for group, topic := range c.readers() {
		g := on.Groups[group]
		c.h.Judging(history.Group{
			Name: g.Name, Topic: on.Topics[topic].Name, Ordered: g.Ordered, MaxAttempts: g.MaxAttempts,
			Uncounted: g.Ordered && !on.Placed, // brokers count by run, and a proxy leaves out what it alone knows that nobody saw
		})
	}
	c.doors = []Entrance{on.Open(), on.Open()}
	return c
}

// readers is which topic each group reads.
func (c *Crowd) readers() map[string]string {
	all := map[string]string{"billing": "plain", "in-order": "lanes", "settling": "pay"}
	if _, also := c.Groups["waiting"]; also {
		all["waiting"] = "later"
	}
	return all
}

func (c *Crowd) seat(name string, n uint64) *Seat {
	return &Seat{Crowd: c, name: name, dice: rand.New(rand.NewPCG(n, 7)), known: map[Entrance]*Client{}}
}

// client is the seat's connection of the moment; a seat without one takes any open door.
func (s *Seat) client() *Client {
	if s.at != nil {
		return s.at
	}
	s.mu.Lock()
	d := s.doors[s.dice.IntN(len(s.doors))]
	s.mu.Unlock()
	if s.at = s.known[d]; s.at != nil {
		return s.at
	}
	at := Dial(s.t, d, s.name)
	if s.settings == nil || at.Listen(s.settings, func(c *v2.TelemetryCommand) { s.on(at, c) }) == nil {
		s.known[d], s.at = at, at
	}
	return at // without a stream only if the door just died: then the next call takes another one
}

// heard takes another door after a call without a proper answer.
func (s *Seat) heard(err error) {
	var answered StatusError
	if mq.Outcome(VerdictOf(err)) == mq.Unknown {
		s.cut.Add(1)
	}
	if err != nil && !errors.As(err, &answered) {
		s.at = nil
	}
	if err != nil && s.Breath > 0 {
		s.Pass(s.Breath)
	}
}

func (s *Seat) count(err error) {
	if err == nil {
		s.sent.Add(1)
	}
}

// leave closes all connections, as an application that ends: what the doors hold for it comes free.
func (s *Seat) leave() {
	for _, at := range s.known {
		_ = at.Conn.Close()
	}
}

// Kill ends a door suddenly; routes do not name it any more.
func (c *Crowd) Kill() {
	c.mu.Lock()
	victim := c.doors[0]
	c.doors = c.doors[1:]
	c.mu.Unlock()
	victim.Kill()
}

// Join adds a fresh door.
func (c *Crowd) Join() {
	fresh := c.Open()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doors = append(c.doors, fresh)
}

func (c *Crowd) message(topic string) (*v2.Message, mq.Message) {
	id := c.ids.Next()
	m := Letter(topic, id, "body of "+id)
	return m, mq.Message{ID: Must(mq.ParseMessageID(id)), Type: mq.Normal, Body: m.Body}
}

// asDelivery reads a message that a client got. Its lease lasts at least from the beginning of the call on.
func (c *Crowd) asDelivery(m *v2.Message, r Receiving, began time.Time) mq.Delivery {
	sys := m.GetSystemProperties()
	hold := r.Hold
	if hold == 0 {
		hold = time.Minute
	}
	got := mq.Message{ID: Must(mq.ParseMessageID(sys.GetMessageId())), Body: m.GetBody()}
	if g := sys.GetMessageGroup(); g != "" {
		got.Group = Must(mq.ParseMessageGroup(g))
	}
	c.mu.Lock()
	c.places[sys.GetMessageId()] = append(c.places[sys.GetMessageId()], fmt.Sprintf("%s queue %d offset %d attempt %d", began.Format("04:05.000"), sys.GetQueueId(), sys.GetQueueOffset(), sys.GetDeliveryAttempt()))
	c.mu.Unlock()
	at := mq.Stored{Message: got, Topic: c.Topics[r.Topic].Name, Queue: mq.QueueID(sys.GetQueueId()), Offset: mq.Offset(sys.GetQueueOffset())}
	if !c.Placed { // of which broker is not told
		at.Offset = -1
	}
	return mq.Delivery{
		Stored:  at,
		Attempt: int(sys.GetDeliveryAttempt()),
		Lease:   mq.Lease{Group: c.Groups[r.Group], Token: sys.GetReceiptHandle(), Until: began.Add(hold)},
	}
}

// early is how long before its time brokers may deliver a message: they look at their timers once a second.
const early = time.Second

// delay makes a message one that comes after a while, where somebody reads such.
func (s *Seat) delay(wire *v2.Message, m *mq.Message) {
	due := s.Now().Add(time.Duration(1+s.dice.IntN(5)) * time.Second)
	wire.SystemProperties.MessageType, wire.SystemProperties.DeliveryTimestamp = v2.MessageType_DELAY, timestamppb.New(due)
	m.Type, m.DeliverAt = mq.Delay, due.Add(-early)
}

// produce sends plain, ordered and delayed messages. A lane has one producer, as order needs.
func (s *Seat) produce(lane string) {
	for !s.over.Load() {
		topic, shape := "plain", v2.MessageType_NORMAL
		if s.dice.IntN(2) == 0 {
			topic, shape = "lanes", v2.MessageType_FIFO
		} else if _, read := s.Groups["waiting"]; read && s.dice.IntN(4) == 0 {
			topic, shape = "later", v2.MessageType_DELAY
		}
		wire, m := s.message(topic)
		wire.SystemProperties.MessageType = shape
		if shape == v2.MessageType_DELAY {
			s.delay(wire, &m)
		}
		queue := mq.QueueID(0)
		if shape == v2.MessageType_FIFO {
			wire.SystemProperties.MessageGroup = &lane
			m.Group, m.Type = Must(mq.ParseMessageGroup(lane)), mq.FIFO
			queue = m.Group.QueueOf(s.Topics[topic].Queues)
		}
		span := s.h.Begin()
		sent, err := s.client().Send(wire)
		answer := mq.Sent{Err: VerdictOf(err), Queue: queue, Offset: -1}
		if err == nil && shape == v2.MessageType_FIFO && s.Placed { // only there does a client know the queue
			answer.Offset = mq.Offset(sent.Offset)
		}
		s.h.Sent(span, s.Topics[topic].Name, m, answer)
		s.heard(err)
		s.count(err)
	}
}

// transact sends halves and settles them at whatever door it has then.
func (s *Seat) transact() {
	for !s.over.Load() {
		wire, m := s.message("pay")
		wire.SystemProperties.MessageType, m.Type = v2.MessageType_TRANSACTION, mq.Transaction
		commit := s.dice.IntN(2) == 0
		s.mu.Lock()
		s.intended[m.ID.String()] = commit
		s.mu.Unlock()
		span := s.h.Begin()
		sent, err := s.client().Send(wire)
		s.h.Sent(span, s.Topics["pay"].Name, m, mq.Sent{Err: VerdictOf(err), Offset: -1})
		s.heard(err)
		s.count(err)
		if err != nil || s.dice.IntN(8) == 0 {
			continue // left to the check
		}
		s.at = nil // settle at any door
		s.verdict(s.client(), m.ID.String(), sent.TransactionId, v2.TransactionSource_SOURCE_CLIENT)
	}
}

func (s *Seat) verdict(at *Client, id, transaction string, from v2.TransactionSource) {
	s.mu.Lock()
	commit := s.intended[id]
	s.mu.Unlock()
	v := mq.Rollback
	if commit {
		v = mq.Commit
	}
	span := s.h.Begin()
	err := at.Settle(Ending{Topic: "pay", ID: id, Transaction: transaction, Commit: commit, From: from})
	s.h.Settled(span, Must(mq.ParseMessageID(id)), v, VerdictOf(err))
	var answered StatusError
	if errors.As(err, &answered) && answered.GetCode() < 50000 {
		s.t.Errorf("%s of %s was refused: %v", v, id, err)
	}
	if from == v2.TransactionSource_SOURCE_CLIENT {
		s.heard(err)
	}
}

// answerChecks keeps a producer's stream at one of the doors and answers as was intended.
func (s *Seat) answerChecks() {
	s.settings = ProducerOf("pay")
	s.on = func(at *Client, c *v2.TelemetryCommand) {
		if r := c.GetRecoverOrphanedTransactionCommand(); r != nil {
			s.verdict(at, r.GetMessage().GetSystemProperties().GetMessageId(), r.TransactionId, v2.TransactionSource_SOURCE_SERVER_CHECK)
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !s.over.Load() {
		ctx, cancel := s.client().Context()
		_, err := s.client().Heartbeat(ctx, &v2.HeartbeatRequest{ClientType: v2.ClientType_PRODUCER})
		cancel()
		s.heard(err)
		<-tick.C
	}
}

// consume receives and acknowledges, each at whatever door it has then; some messages it drops, as a failing application does.
func (s *Seat) consume(r Receiving, until func() bool) {
	s.Got = s.Now()
	for n := 0; !until(); n++ {
		r.Attempt = fmt.Sprint(s.name, "-", n)
		ask := mq.Want{Topic: s.Topics[r.Topic], Group: s.Groups[r.Group], Attempt: mq.AttemptID(r.Attempt)}
		span := s.h.Begin()
		wire, err := s.client().Receive(r)
		var got []mq.Delivery
		for _, m := range wire {
			got = append(got, s.asDelivery(m, r, span.From))
		}
		s.h.Took(span, ask, got, VerdictOf(err))
		s.heard(err)
		if len(got) > 0 {
			s.Got = s.Now()
		}
		for i := range got {
			if s.dice.IntN(20) == 0 && !s.over.Load() {
				if ask.Group.Ordered {
					break // who fails at one message of an order does not go on with the next
				}
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
func (s *Seat) settle(r Receiving, m *v2.Message, l mq.Lease) {
	for range 4 {
		span := s.h.Begin()
		err := s.client().Ack(r.Topic, r.Group, m)
		s.h.Acked(span, l, VerdictOf(err))
		s.heard(err)
		if err == nil {
			s.done.Add(1)
		}
		if mq.Outcome(VerdictOf(err)) != mq.Unknown {
			return
		}
		s.at = nil
	}
}

// Play lets the crowd work at the doors while disturb happens, drains everything and judges the record.
func (c *Crowd) Play(disturb func()) {
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() { c.seat(fmt.Sprint("producer-", i), uint64(i)).produce(fmt.Sprint("lane-", i)) })
	}
	for i := range 2 {
		all.Go(func() { c.seat(fmt.Sprint("payer-", i), uint64(10+i)).transact() })
		all.Go(func() { c.seat(fmt.Sprint("checked-", i), uint64(20+i)).answerChecks() })
	}
	for i := range 2 {
		for group, topic := range c.readers() {
			all.Go(func() {
				s := c.seat(fmt.Sprint(group, "-", i), uint64(30+i))
				r := Receiving{Topic: topic, Group: group, Max: 16, Hold: 10 * time.Second, Poll: 3 * time.Second}
				if i == 0 && group == "billing" && c.Renews {
					s.settings, s.on, r.Hold = PushConsumerOf(group, topic), func(*Client, *v2.TelemetryCommand) {}, 0 // the door renews
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
	v := c.h.Judge(c.Rules)
	c.t.Log(v)
	if !v.Innocent() {
		for _, line := range v.Violations {
			for _, word := range strings.Fields(line) {
				if where := c.places[strings.TrimSuffix(word, ";")]; len(where) > 0 {
					c.t.Logf("%s: %s", word, strings.Join(where, "; "))
				}
			}
		}
		c.t.Fatal("the record holds what must not happen")
	}
	if c.cut.Load() == 0 {
		c.t.Fatal("no call was without a proper answer: nothing was disturbed")
	}
	if v.Sent < c.Least.Sent || v.Settled < c.Least.Settled {
		c.t.Fatalf("that was no load: %d sent, %d settled", v.Sent, v.Settled)
	}
}

// drain lets every lease run out and every check be answered, and receives until each topic stays empty.
func (c *Crowd) drain() {
	c.over.Store(false)
	var checks sync.WaitGroup
	checks.Go(func() { c.seat("last-checked", 40).answerChecks() })
	c.Pass(c.Rest)
	c.over.Store(true)
	checks.Wait()
	var all sync.WaitGroup
	for group, topic := range c.readers() {
		all.Go(func() {
			s := c.seat("drain-"+group, 50)
			empty := c.Emptied(s, topic, group)
			s.consume(Receiving{Topic: topic, Group: group, Max: 32, Hold: time.Minute, Poll: time.Second}, empty)
		})
	}
	all.Wait()
}

// KillAndReplace plays in so many parts; at the end of each a proxy is killed or a fresh one comes, in turn.
func (c *Crowd) KillAndReplace(parts int64) {
	c.Play(func() {
		for part := int64(1); part <= parts; part++ {
			c.Until(part * int64(c.Least.Sent) / parts)
			if part%2 == 1 {
				c.Kill()
			} else {
				c.Join()
			}
		}
	})
}

// FailOver lets something happen to the cluster, from the death of a primary until all its copies are in sync again. What is read again because of it is
// excused as the rules say.
func (c *Crowd) FailOver(happens func()) {
	span := c.h.Begin()
	happens()
	c.h.FailedOver(span)
}

// Again does something so many times, and then again until the load was one, however slow the machine is: ten times as often at most.
func (c *Crowd) Again(times int, do func()) {
	for n := 0; n < times || n < 10*times && !c.enough(); n++ {
		do()
	}
}

func (c *Crowd) enough() bool {
	return c.sent.Load() >= int64(c.Least.Sent) && c.done.Load() >= int64(c.Least.Settled)
}

// Until waits until so many messages were acknowledged to producers.
func (c *Crowd) Until(sent int64) {
	c.t.Helper()
	const bound = 3 * time.Minute
	over := time.NewTimer(bound)
	defer over.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for c.sent.Load() < sent {
		select {
		case <-tick.C:
		case <-over.C:
			c.t.Error(errors.New("the load is too slow"))
			return
		}
	}
}
