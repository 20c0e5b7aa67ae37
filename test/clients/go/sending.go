// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-clients/golang/v5"
)

// normal: bodies, tags, keys and properties arrive as they were sent, the largest one being 256 KiB.
func normal(s *stage) error {
	p, err := s.producer()
	if err != nil {
		return err
	}
	c, err := s.simple(s.scenario.Group, s.scenario.Topic, rocketmq.SUB_ALL)
	if err != nil {
		return err
	}
	bag := newMailbag(s)
	for n := range 12 {
		m := s.letter(n)
		if n == 11 {
			m.Body = append(m.Body, make([]byte, 256<<10)...)
		}
		if _, err := bag.send(s, p, m); err != nil {
			return err
		}
	}
	if err := drain(s, c, bag, 16); err != nil {
		return err
	}
	return bag.onceEach()
}

// delay: a message stays away until its time.
func delay(s *stage) error {
	p, err := s.producer()
	if err != nil {
		return err
	}
	c, err := s.simple(s.scenario.Group, s.scenario.Topic, rocketmq.SUB_ALL)
	if err != nil {
		return err
	}
	bag, due := newMailbag(s), time.Now().Add(4*time.Second).Truncate(time.Millisecond)
	m := s.letter(0)
	m.SetDelayTimestamp(due)
	if _, err := bag.send(s, p, m); err != nil {
		return err
	}
	return untilDone(s, c, 16, func(v *rocketmq.MessageView) (bool, error) {
		late := time.Since(due)
		if late < -s.early() {
			return false, fmt.Errorf("came %v before its time", -late)
		}
		if at := v.GetDeliveryTimestamp(); at == nil || !at.Equal(due) {
			return false, fmt.Errorf("delivery timestamp %v, want %v", at, due)
		}
		s.note("%d ms after its time", late.Milliseconds())
		return true, errors.Join(bag.check(v), c.Ack(s.ctx, v))
	})
}

// recall: a recalled message never comes, one that was due after it does.
func recall(s *stage) error {
	p, err := s.producer()
	if err != nil {
		return err
	}
	c, err := s.simple(s.scenario.Group, s.scenario.Topic, rocketmq.SUB_ALL)
	if err != nil {
		return err
	}
	start := time.Now()
	gone, stays := s.letter(0), s.letter(1)
	gone.SetDelayTimestamp(start.Add(20 * time.Second))
	stays.SetDelayTimestamp(start.Add(22 * time.Second))
	receipts, err := p.Send(s.ctx, gone)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if receipts[0].RecallHandle == "" {
		return errors.New("the receipt of a delayed message has no recall handle")
	}
	bag := newMailbag(s)
	if _, err := bag.send(s, p, stays); err != nil {
		return err
	}
	id, err := p.Recall(s.ctx, s.scenario.Topic, receipts[0].RecallHandle)
	if err != nil {
		return fmt.Errorf("recall: %w", err)
	}
	if id != receipts[0].MessageID {
		return fmt.Errorf("recall answered id %s, want %s", id, receipts[0].MessageID)
	}
	if err := drain(s, c, bag, 16); err != nil {
		return err
	}
	return nothing(s, c, "all that was left has come")
}

// transactional opens a producer with a checker, and a consumer of the topic.
func transactional(s *stage, answer func(*rocketmq.MessageView) rocketmq.TransactionResolution) (rocketmq.Producer, rocketmq.SimpleConsumer, error) {
	p, err := s.producer(rocketmq.WithTransactionChecker(&rocketmq.TransactionChecker{Check: answer}))
	if err != nil {
		return nil, nil, err
	}
	c, err := s.simple(s.scenario.Group, s.scenario.Topic, rocketmq.SUB_ALL)
	return p, c, err
}

// undecided answers a check as an application does that is still at work.
func undecided(*rocketmq.MessageView) rocketmq.TransactionResolution { return rocketmq.UNKNOWN }

// half sends a message under a transaction that is still open.
func half(s *stage, p rocketmq.Producer, bag *mailbag, n int) (rocketmq.Transaction, error) {
	m, t := s.letter(n), p.BeginTransaction()
	receipts, err := p.SendWithTransaction(s.ctx, m, t)
	if err != nil {
		return nil, fmt.Errorf("send half message: %w", err)
	}
	bag.mu.Lock()
	defer bag.mu.Unlock()
	bag.sent[receipts[0].MessageID] = m
	return t, nil
}

func transactionCommit(s *stage) error {
	p, c, err := transactional(s, undecided)
	if err != nil {
		return err
	}
	bag := newMailbag(s)
	t, err := half(s, p, bag, 0)
	if err != nil {
		return err
	}
	if err := nothing(s, c, "the transaction is open"); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return drain(s, c, bag, 16)
}

// transactionRollback: the rolled back message never comes, one that was committed after it does.
func transactionRollback(s *stage) error {
	p, c, err := transactional(s, undecided)
	if err != nil {
		return err
	}
	t, err := half(s, p, newMailbag(s), 0)
	if err != nil {
		return err
	}
	if err := t.RollBack(); err != nil {
		return fmt.Errorf("rollback: %w", err)
	}
	bag := newMailbag(s)
	if t, err = half(s, p, bag, 1); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := drain(s, c, bag, 16); err != nil {
		return err
	}
	return nothing(s, c, "the other transaction was rolled back")
}

// transactionCheckback: nobody ends the transaction, so the server asks, and the checker's answer counts.
func transactionCheckback(s *stage) error {
	bag := newMailbag(s)
	var mu sync.Mutex // guards asked and wrong
	var asked int
	var wrong error
	start := time.Now()
	p, c, err := transactional(s, func(v *rocketmq.MessageView) rocketmq.TransactionResolution {
		bag.mu.Lock()
		m := bag.sent[v.GetMessageId()]
		bag.mu.Unlock()
		mu.Lock()
		defer mu.Unlock()
		if asked++; m != nil {
			wrong = same(v, m, s.run.Loose)
		}
		return rocketmq.COMMIT
	})
	if err != nil {
		return err
	}
	if _, err := half(s, p, bag, 0); err != nil {
		return err
	}
	if err := drain(s, c, bag, 16); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	if asked == 0 {
		return errors.New("the message came though the checker was never asked")
	}
	s.note("asked %d times, delivered after %d ms", asked, time.Since(start).Milliseconds())
	return wrong
}

// wrongSecret: a known key with another secret is turned away by name.
func wrongSecret(s *stage) error {
	s.run.SecretKey += "x"
	p, err := s.producer()
	if err == nil {
		_, err = p.Send(s.ctx, s.letter(0))
	}
	if err == nil {
		return errors.New("a message signed with a wrong secret was accepted")
	}
	if text := err.Error(); !strings.Contains(text, "UNAUTHORIZED") && !strings.Contains(text, "40100") {
		return fmt.Errorf("refused, but not as UNAUTHORIZED: %w", err)
	}
	return nil
}
