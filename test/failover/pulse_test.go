// SPDX-License-Identifier: Apache-2.0

package failover_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/test/crowd"
)

const (
	senders = 4
	beat    = 20 * time.Millisecond // rest of a sender between two messages
)

// pulse is a steady load on one topic through one door: it knows what was acknowledged, what came, and how long nothing did.
type pulse struct {
	t            *testing.T
	name         string
	door         crowd.Entrance
	topic, group string
	kind         mq.MessageType
	ids          *crowd.IDs

	stopped, ended atomic.Bool
	under          sync.WaitGroup

	mu       sync.Mutex // guards all below
	acked    map[string]bool
	first    []string // bodies in the order of their first coming
	came     map[string]int
	refused  map[string]int // failed sends by their answer
	sentGaps gaps
	gotGaps  gaps
}

// gaps finds the longest time between two successes.
type gaps struct {
	last    time.Time
	longest time.Duration
}

func (g *gaps) beat(now time.Time) {
	if !g.last.IsZero() {
		g.longest = max(g.longest, now.Sub(g.last))
	}
	g.last = now
}

// start begins the load. An ordered one has one sender, since order is the sender's; so have the rarer kinds.
func start(t *testing.T, p *pulse) *pulse {
	p.t, p.acked, p.came, p.refused = t, map[string]bool{}, map[string]int{}, map[string]int{}
	n := senders
	if p.kind != mq.Normal {
		n = 1
	}
	for i := range n {
		p.under.Go(func() { p.send(crowd.Dial(t, p.door, fmt.Sprint(p.name, "-sender-", i)), i) })
	}
	p.under.Go(p.receive)
	return p
}

func (p *pulse) send(c *crowd.Client, lane int) {
	if p.kind == mq.Transaction {
		p.settles(c)
	}
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for n := 0; !p.stopped.Load(); n++ {
		body := fmt.Sprintf("%s-%d-%07d", p.name, lane, n)
		err := p.sendOne(c, crowd.Letter(p.topic, p.ids.Next(), body))
		p.mu.Lock()
		if err == nil {
			p.acked[body] = true
			p.sentGaps.beat(time.Now())
		} else {
			p.refused[word(err)]++
		}
		p.mu.Unlock()
		<-tick.C
	}
}

// sendOne sends a message of the load's kind. One in a transaction counts when its commit was acknowledged, at the door that took the half: Apache's proxy
// settles no other's. One whose commit failed is left to the check, which commits it.
func (p *pulse) sendOne(c *crowd.Client, m *v2.Message) error {
	s := m.SystemProperties
	switch p.kind {
	case mq.FIFO:
		lane := "lane"
		s.MessageType, s.MessageGroup = v2.MessageType_FIFO, &lane
	case mq.Delay:
		s.MessageType, s.DeliveryTimestamp = v2.MessageType_DELAY, timestamppb.New(time.Now().Add(2*time.Second))
	case mq.Transaction:
		s.MessageType = v2.MessageType_TRANSACTION
	}
	sent, err := c.Send(m)
	if err != nil || p.kind != mq.Transaction {
		return err
	}
	return c.Settle(crowd.Ending{Topic: p.topic, ID: s.MessageId, Transaction: sent.TransactionId, Commit: true, From: v2.TransactionSource_SOURCE_CLIENT})
}

// settles keeps the stream by which a door asks about transactions, and commits each.
func (p *pulse) settles(c *crowd.Client) {
	err := c.Listen(crowd.ProducerOf(p.topic), func(command *v2.TelemetryCommand) {
		if r := command.GetRecoverOrphanedTransactionCommand(); r != nil {
			id := r.GetMessage().GetSystemProperties().GetMessageId()
			_ = c.Settle(crowd.Ending{Topic: p.topic, ID: id, Transaction: r.TransactionId, Commit: true, From: v2.TransactionSource_SOURCE_SERVER_CHECK}) // it is asked again
		}
	})
	if err != nil {
		p.t.Error(err)
	}
}

// word is the short form of a failure.
func word(err error) string {
	text := err.Error()
	return text[:min(len(text), 60)]
}

func (p *pulse) receive() {
	c := p.consumer()
	for !p.ended.Load() {
		got, err := c.Receive(crowd.Receiving{Topic: p.topic, Group: p.group, Max: 16, Hold: 30 * time.Second, Poll: 5 * time.Second})
		if err != nil {
			<-time.After(beat) // the pace of an application that tries again
		}
		now := time.Now()
		for _, m := range got {
			p.mu.Lock()
			body := string(m.GetBody())
			if p.came[body]++; p.came[body] == 1 {
				p.first = append(p.first, body)
			}
			p.gotGaps.beat(now)
			p.mu.Unlock()
			for range 3 {
				if c.Ack(p.topic, p.group, m) == nil {
					break
				}
			}
		}
	}
}

// consumer is a client that says what it is, as Apache's proxy demands.
func (p *pulse) consumer() *crowd.Client {
	c := crowd.Dial(p.t, p.door, p.name+"-receiver")
	settings := crowd.PushConsumerOf(p.group, p.topic)
	settings.ClientType = v2.ClientType_SIMPLE_CONSUMER.Enum()
	if err := c.Listen(settings, func(*v2.TelemetryCommand) {}); err != nil {
		p.t.Error(err)
	}
	return c
}

func (p *pulse) sent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.acked)
}

// missing is what was acknowledged and has not come.
func (p *pulse) missing() (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for body := range p.acked {
		if p.came[body] == 0 {
			all = append(all, body)
		}
	}
	return all
}

// finish stops the senders, waits until all that was acknowledged came, and judges. A backlog takes as long as it takes; nothing new for a minute is a loss.
func (p *pulse) finish() {
	p.t.Helper()
	p.stopped.Store(true)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	least, since := len(p.missing()), time.Now()
	for least > 0 && time.Since(since) < time.Minute {
		<-tick.C
		if now := len(p.missing()); now < least {
			least, since = now, time.Now()
		}
	}
	p.ended.Store(true)
	p.under.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	repeats, lost := 0, 0
	for _, n := range p.came {
		repeats += n - 1
	}
	for body := range p.acked {
		if p.came[body] == 0 {
			lost++
		}
	}
	p.t.Logf("%-22s %5d acknowledged, %5d came, %d again, lost %d; longest without a send %v, without a message %v; refused: %v",
		p.name, len(p.acked), len(p.came), repeats, lost, p.sentGaps.longest.Round(10*time.Millisecond), p.gotGaps.longest.Round(10*time.Millisecond), p.refused)
	if p.kind == mq.FIFO && !slices.IsSorted(p.first) {
		p.t.Errorf("%s: out of order", p.name)
	}
	if lost > 0 {
		p.t.Errorf("%s: %d acknowledged messages did not come", p.name, lost)
	}
}
