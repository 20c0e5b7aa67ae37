// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-clients/golang/v5"
)

// fifoGroups and fifoDepth shape the ordered scenario: how many message groups, how many messages in each.
const (
	fifoGroups = 3
	fifoDepth  = 5
)

// order holds the next number that each message group has to deliver.
type order struct {
	mu   sync.Mutex // guards next
	next map[string]int
	left int
}

func newOrder() *order { return &order{next: map[string]int{}, left: fifoGroups * fifoDepth} }

// settled says that one more delivery is done with, and whether it was the last.
func (o *order) settled(v *rocketmq.MessageView) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	group := text(v.GetMessageGroup())
	if want := fmt.Sprint(o.next[group]); v.GetProperties()["seq"] != want {
		return false, fmt.Errorf("group %s delivered number %s, want %s", group, v.GetProperties()["seq"], want)
	}
	o.next[group]++
	o.left--
	return o.left == 0, nil
}

// fifo: each message group keeps its order; a message that failed comes again before any later one of its group.
// A simple consumer meets the failure, because this client's push consumer goes on behind a failed message; a push
// consumer of a second group then reads everything without failures.
func fifo(s *stage) error {
	p, err := s.producer()
	if err != nil {
		return err
	}
	c, err := s.simple(s.scenario.Group, s.scenario.Topic, rocketmq.SUB_ALL)
	if err != nil {
		return err
	}
	bag := newMailbag(s)
	for seq := range fifoDepth {
		for g := range fifoGroups {
			m := s.letter(seq*fifoGroups + g)
			m.SetMessageGroup(fmt.Sprintf("group-%d", g))
			m.AddProperty("seq", fmt.Sprint(seq))
			if _, err := bag.send(s, p, m); err != nil {
				return err
			}
		}
	}
	if err := fifoWithFailure(s, c, bag); err != nil {
		return err
	}
	return fifoPush(s, bag)
}

// fifoWithFailure reads one at a time until the failed message has come again, then in batches.
func fifoWithFailure(s *stage, c rocketmq.SimpleConsumer, bag *mailbag) error {
	o, failed := newOrder(), ""
	for most := int32(1); ; {
		if s.ctx.Err() != nil {
			return errors.New("deadline passed while ordered messages were still missing")
		}
		got, err := receive(s, c, most, hold)
		if err != nil {
			return err
		}
		for _, v := range got {
			if err := bag.check(v); err != nil {
				return err
			}
			if failed == "" {
				failed = v.GetMessageId()
				if err := c.ChangeInvisibleDuration(v, time.Second); err != nil {
					return fmt.Errorf("change invisible duration: %w", err)
				}
				continue
			}
			if v.GetMessageId() == failed {
				if v.GetDeliveryAttempt() != 2 {
					return fmt.Errorf("the failed message came again as attempt %d, want 2", v.GetDeliveryAttempt())
				}
				most = 16
			}
			last, err := o.settled(v)
			if err != nil {
				return fmt.Errorf("simple consumer: %w", err)
			}
			if err := c.Ack(s.ctx, v); err != nil {
				return fmt.Errorf("ack: %w", err)
			}
			if last {
				return nil
			}
		}
	}
}

func fifoPush(s *stage, bag *mailbag) error {
	o, done := newOrder(), make(chan error, 1)
	_, err := s.push(s.scenario.Watch, func(v *rocketmq.MessageView) rocketmq.ConsumerResult {
		last, err := o.settled(v)
		if err = errors.Join(err, bag.check(v)); err != nil || last {
			select {
			case done <- err:
			default:
			}
		}
		return rocketmq.SUCCESS
	})
	if err != nil {
		return err
	}
	select {
	case err = <-done:
	case <-s.ctx.Done():
		return errors.New("deadline passed while the push consumer still missed ordered messages")
	}
	if err != nil {
		return fmt.Errorf("push consumer: %w", err)
	}
	return nil
}

// simpleConsumer: an empty poll ends in time, a parked poll is woken by a send, a batch is no larger than asked, and what
// was acknowledged is gone.
func simpleConsumer(s *stage) error {
	p, err := s.producer()
	if err != nil {
		return err
	}
	c, err := s.simple(s.scenario.Group, s.scenario.Topic, rocketmq.SUB_ALL)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := nothing(s, c, "the topic is empty"); err != nil {
		return err
	}
	if took := time.Since(start); took > s.await()+patience {
		return fmt.Errorf("an empty poll took %v, asked were %v", took, s.await())
	}
	bag, sentErr := newMailbag(s), make(chan error, 1)
	first := s.letter(0)
	start = time.Now()
	time.AfterFunc(s.await()/4, func() { _, err := bag.send(s, p, first); sentErr <- err })
	got, err := receive(s, c, 3, hold)
	if err = errors.Join(err, <-sentErr); err != nil {
		return err
	}
	if len(got) != 1 {
		return fmt.Errorf("a parked poll got %d messages, want the one that was sent meanwhile", len(got))
	}
	s.note("parked poll answered %d ms after the send began", (time.Since(start) - s.await()/4).Milliseconds())
	if err := errors.Join(bag.check(got[0]), c.Ack(s.ctx, got[0])); err != nil {
		return err
	}
	for n := 1; n <= 10; n++ {
		if _, err := bag.send(s, p, s.letter(n)); err != nil {
			return err
		}
	}
	if err := drainSmall(s, c, bag); err != nil {
		return err
	}
	if err := bag.onceEach(); err != nil {
		return err
	}
	return nothing(s, c, "everything was acknowledged")
}

// drainSmall drains in batches of three and wants none larger.
func drainSmall(s *stage, c rocketmq.SimpleConsumer, bag *mailbag) error {
	for bag.count() < 11 {
		if s.ctx.Err() != nil {
			return fmt.Errorf("deadline passed after %d of 11 messages", bag.count())
		}
		got, err := receive(s, c, 3, hold)
		if err != nil {
			return err
		}
		if len(got) > 3 {
			return fmt.Errorf("asked for 3 messages, got %d", len(got))
		}
		for _, v := range got {
			if err := errors.Join(bag.check(v), c.Ack(s.ctx, v)); err != nil {
				return err
			}
		}
	}
	return nil
}

// pushConsumer: everything comes once, but for one message that failed and comes again; then nothing is left.
func pushConsumer(s *stage) error {
	p, err := s.producer()
	if err != nil {
		return err
	}
	bag, trouble := newMailbag(s), make(chan error, 64)
	ready := make(chan struct{})
	_, err = s.push(s.scenario.Group, func(v *rocketmq.MessageView) rocketmq.ConsumerResult {
		<-ready
		if err := bag.check(v); err != nil {
			trouble <- err
		}
		if v.GetProperties()["n"] == "5" && v.GetDeliveryAttempt() == 1 {
			return rocketmq.FAILURE
		}
		return rocketmq.SUCCESS
	})
	if err != nil {
		return err
	}
	const count = 24
	failing := ""
	for n := range count {
		r, err := bag.send(s, p, s.letter(n))
		if err != nil {
			return err
		}
		if n == 5 {
			failing = r.MessageID
		}
	}
	close(ready)
	err = until(s, "all messages and the failed one's second attempt came", 20*time.Millisecond, func() bool {
		return len(trouble) > 0 || bag.count() == count && len(bag.attempts(failing)) >= 2
	})
	if len(trouble) > 0 {
		return <-trouble
	}
	if err != nil {
		return fmt.Errorf("%w: %d of %d messages, attempts of the failed one %v", err, bag.count(), count, bag.attempts(failing))
	}
	left, err := s.simple(s.scenario.Group, s.scenario.Topic, rocketmq.SUB_ALL)
	if err != nil {
		return err
	}
	if err := nothing(s, left, "the push consumer took everything"); err != nil {
		return err
	}
	if got := bag.attempts(failing); !slices.Equal(got, []int32{1, 2}) {
		return fmt.Errorf("the failed message came as attempts %v, want [1 2]", got)
	}
	return nil
}

func tagFilter(s *stage) error {
	return filtered(s, rocketmq.NewFilterExpression("red || blue"), func(n int, m *rocketmq.Message) bool {
		tag := []string{"red", "green", "blue"}[n%3]
		m.SetTag(tag)
		return tag != "green"
	})
}

func sqlFilter(s *stage) error {
	where := "price > 5 AND region IN ('north', 'east') AND note IS NOT NULL"
	return filtered(s, rocketmq.NewFilterExpressionWithType(where, rocketmq.SQL92), func(n int, m *rocketmq.Message) bool {
		region := []string{"north", "south", "east"}[n%3]
		m.AddProperty("price", fmt.Sprint(n))
		m.AddProperty("region", region)
		return n > 5 && region != "south"
	})
}

// filtered sends twelve messages and wants exactly those that match; the last one sent matches.
func filtered(s *stage, filter *rocketmq.FilterExpression, shape func(int, *rocketmq.Message) bool) error {
	p, err := s.producer()
	if err != nil {
		return err
	}
	c, err := s.simple(s.scenario.Group, s.scenario.Topic, filter)
	if err != nil {
		return err
	}
	bag, other := newMailbag(s), newMailbag(s)
	for n := range 12 {
		m, to := s.letter(n), other
		if shape(n, m) {
			to = bag
		}
		if _, err := to.send(s, p, m); err != nil {
			return err
		}
	}
	if err := drain(s, c, bag, 16); err != nil {
		return err
	}
	return nothing(s, c, "all matching messages have come")
}
