// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	rocketmq "github.com/apache/rocketmq-clients/golang/v5"
)

// retryToDeadLetter: a message that always fails comes three times, then lies in the group's dead letters as it was sent.
func retryToDeadLetter(s *stage) error {
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
		return rocketmq.FAILURE
	})
	if err != nil {
		return err
	}
	m := s.letter(0)
	receipt, err := bag.send(s, p, m)
	if err != nil {
		return err
	}
	close(ready)
	dead, err := firstDeadLetter(s)
	if err != nil {
		return fmt.Errorf("%w; attempts so far %v", err, bag.attempts(receipt.MessageID))
	}
	if len(trouble) > 0 {
		return <-trouble
	}
	if got := bag.attempts(receipt.MessageID); !slices.Equal(got, []int32{1, 2, 3}) {
		return fmt.Errorf("dead-lettered after attempts %v, want [1 2 3]", got)
	}
	if !bytes.Equal(dead.GetBody(), m.Body) || text(dead.GetTag()) != text(m.GetTag()) || !slices.Equal(dead.GetKeys(), m.GetKeys()) {
		return fmt.Errorf("dead letter has tag %q, keys %q and %d bytes, want %q, %q, %d",
			text(dead.GetTag()), dead.GetKeys(), len(dead.GetBody()), text(m.GetTag()), m.GetKeys(), len(m.Body))
	}
	for key, want := range m.GetProperties() {
		if dead.GetProperties()[key] != want {
			return fmt.Errorf("dead letter has property %s = %q, want %q", key, dead.GetProperties()[key], want)
		}
	}
	return nil
}

// firstDeadLetter reads the group's dead letters with another group. The topic may appear only with its first message.
func firstDeadLetter(s *stage) (*rocketmq.MessageView, error) {
	topic := "%DLQ%" + s.scenario.Group
	var c rocketmq.SimpleConsumer
	var last error
	err := until(s, "the dead-letter topic could be read", time.Second, func() bool {
		c, last = s.simple(s.scenario.Watch, topic, rocketmq.SUB_ALL)
		return last == nil
	})
	if err != nil {
		return nil, errors.Join(err, last)
	}
	var dead *rocketmq.MessageView
	err = untilDone(s, c, 16, func(v *rocketmq.MessageView) (bool, error) {
		dead = v
		return true, c.Ack(s.ctx, v)
	})
	return dead, err
}

// invisibleTimeChange: shortened, a message comes again at once; prolonged, it stays away for longer than it was first
// held; its newest handle acknowledges it.
func invisibleTimeChange(s *stage) error {
	p, err := s.producer()
	if err != nil {
		return err
	}
	c, err := s.simple(s.scenario.Group, s.scenario.Topic, rocketmq.SUB_ALL)
	if err != nil {
		return err
	}
	bag := newMailbag(s)
	if _, err := bag.send(s, p, s.letter(0)); err != nil {
		return err
	}
	v, err := nextOne(s, c, bag, awaited{held: hold, attempt: 1})
	if err != nil {
		return err
	}
	if err := c.ChangeInvisibleDuration(v, time.Second); err != nil {
		return fmt.Errorf("shorten: %w", err)
	}
	start := time.Now()
	if v, err = nextOne(s, c, bag, awaited{held: s.shortHold(), attempt: 2}); err != nil {
		return err
	}
	if took := time.Since(start); took > hold/2 {
		return fmt.Errorf("shortened to 1 s, came again only after %v", took)
	}
	s.note("back after %d ms", time.Since(start).Milliseconds())
	if err := c.ChangeInvisibleDuration(v, hold); err != nil {
		return fmt.Errorf("prolong: %w", err)
	}
	for prolonged := time.Now(); time.Since(prolonged) < s.shortHold()+2*time.Second; {
		if err := nothing(s, c, "its invisible time was prolonged"); err != nil {
			return err
		}
	}
	if err := c.Ack(s.ctx, v); err != nil {
		return fmt.Errorf("ack: %w", err)
	}
	return nothing(s, c, "it was acknowledged")
}

// awaited is a delivery that has to come: as which attempt, and for how long it is then held.
type awaited struct {
	held    time.Duration
	attempt int32
}

// nextOne waits for the only message there is.
func nextOne(s *stage, c rocketmq.SimpleConsumer, bag *mailbag, a awaited) (*rocketmq.MessageView, error) {
	for s.ctx.Err() == nil {
		got, err := receive(s, c, 1, a.held)
		if err != nil {
			return nil, err
		}
		if len(got) == 0 {
			continue
		}
		if err := bag.check(got[0]); err != nil {
			return nil, err
		}
		if got[0].GetDeliveryAttempt() != a.attempt {
			return nil, fmt.Errorf("came as attempt %d, want %d", got[0].GetDeliveryAttempt(), a.attempt)
		}
		return got[0], nil
	}
	return nil, fmt.Errorf("deadline passed before attempt %d came", a.attempt)
}

// sharedGroup: two push consumers of one group share the messages; each message comes once in all.
func sharedGroup(s *stage) error {
	p, err := s.producer()
	if err != nil {
		return err
	}
	bag, trouble := newMailbag(s), make(chan error, 64)
	shares := [2]*mailbag{newMailbag(s), newMailbag(s)}
	ready := make(chan struct{}, 1)
	ready <- struct{}{} // held while a send is under way, so that no delivery is checked before its id is known
	for _, mine := range shares {
		_, err := s.push(s.scenario.Group, func(v *rocketmq.MessageView) rocketmq.ConsumerResult {
			<-ready
			err := bag.check(v)
			ready <- struct{}{}
			if err != nil {
				trouble <- err
			}
			mine.mu.Lock()
			defer mine.mu.Unlock()
			mine.seen[v.GetMessageId()] = append(mine.seen[v.GetMessageId()], v.GetDeliveryAttempt())
			return rocketmq.SUCCESS
		})
		if err != nil {
			return err
		}
	}
	sent := 0
	err = until(s, "both consumers had a share", 50*time.Millisecond, func() bool {
		if sent < 40 || shares[0].count() < 3 || shares[1].count() < 3 {
			<-ready
			_, err := bag.send(s, p, s.letter(sent))
			ready <- struct{}{}
			if err != nil {
				trouble <- err
			}
			sent++
			return false
		}
		return len(trouble) > 0 || bag.count() == sent
	})
	if len(trouble) > 0 {
		return <-trouble
	}
	s.note("%d and %d of %d", shares[0].count(), shares[1].count(), sent)
	if err != nil {
		return fmt.Errorf("%w (%s)", err, s.noted())
	}
	return bag.onceEach()
}
