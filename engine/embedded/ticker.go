// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"math"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/journal"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/timer"
	"github.com/causeway-mq/causeway/engine/embedded/txn"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// The ticker is the one goroutine that waits for time: scheduled messages that fall due, leases that end while somebody waits,
// transactions that nobody answered for. It sleeps until the first of them.

const (
	fireBatch  = 256
	staleEvery = int64(time.Minute)
	retryAfter = int64(time.Second) // after something due could not be done
)

// giveUpTopic takes the messages of transactions that nobody answered for.
func giveUpTopic() mq.Physical {
	p, _ := mq.ParsePhysical("TRANS_CHECK_MAX_TIME_TOPIC")
	return p
}

// tickBy makes the ticker look no later than at.
func (e *Engine) tickBy(at int64) {
	if e.lowerTick(at) {
		signal(e.toTick)
	}
}

// lowerTick reports whether the ticker's next look is now earlier.
func (e *Engine) lowerTick(at int64) bool {
	for {
		next := e.nextTick.Load()
		if next <= at {
			return false
		}
		if e.nextTick.CompareAndSwap(next, at) {
			return true
		}
	}
}

func (e *Engine) tickLoop() {
	defer e.joined.Done()
	alarm := e.clock.NewTimer(time.Hour)
	defer alarm.Stop()
	for {
		e.nextTick.Store(math.MaxInt64)
		e.lowerTick(e.tick())
		var reply chan struct{}
		if next := e.nextTick.Load(); next == math.MaxInt64 {
			alarm.Stop()
		} else {
			e.setAlarm(alarm, next)
		}
		select {
		case <-e.stopped.Done():
			return
		case <-e.toTick:
		case <-alarm.C():
		case reply = <-e.caughtUp:
			for e.stopped.Err() == nil && e.tick() <= e.j.Now() {
			}
			close(reply)
		}
	}
}

// setAlarm lets the alarm ring at next. An alarm counts from when it is set: if the time went on since it was read, as it does under a process that is stopped
// or a clock that a test moves, it would ring so much too late, and is set once more.
func (e *Engine) setAlarm(alarm clock.Timer, next int64) {
	for {
		now := e.j.Now()
		alarm.Reset(time.Duration(next - now))
		if e.j.Now()-now < int64(50*time.Microsecond) {
			return
		}
	}
}

// CatchUp returns when everything that is due by now has been done. It is for whoever moves the clock by hand.
func (e *Engine) CatchUp(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case e.caughtUp <- done:
	case <-e.stopped.Done():
		return mq.Refuse(mq.Unavailable, "the engine is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
	case <-e.stopped.Done():
		return mq.Refuse(mq.Unavailable, "the engine is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
	return e.j.Flush(ctx)
}

// tick does what is due and tells when the next thing is.
func (e *Engine) tick() (next int64) {
	next = e.fireDue()
	next = min(next, e.giveUpDue())
	e.j.Lock()
	rung := e.ringLocked(e.j.Now())
	if at, ok := e.alarms.Next(); ok {
		next = min(next, at)
	}
	e.j.Unlock()
	e.wakeAll(rung)
	return next
}

// fireDue delivers scheduled messages whose time has come. An entry stays scheduled until the record that delivers it is
// appended, so neither a recall nor a crash finds it nowhere.
func (e *Engine) fireDue() (next int64) {
	var due []timer.Entry
	for e.j.Failure() == nil {
		e.j.Lock()
		now := e.j.Now()
		due = e.j.State().Timers.Due(now, fireBatch, due[:0])
		next = math.MaxInt64
		if at, ok := e.j.State().Timers.Next(); ok {
			next = at
		}
		e.j.Unlock()
		if len(due) == 0 {
			return next
		}
		for _, t := range due {
			if err := e.fire(t); err != nil {
				e.logger.Error("a scheduled message cannot be delivered now", "position", t.At, "why", err)
				return e.j.Now() + retryAfter
			}
		}
		if e.j.Crowded() {
			_ = e.j.Flush(e.stopped)
		}
	}
	return math.MaxInt64
}

// fire delivers one scheduled message, unless it was recalled meanwhile.
func (e *Engine) fire(t timer.Entry) error {
	var s record.Scheduled
	err := e.j.OnDisk(t.At) // it may fall due before it is on disk
	if err == nil {
		err = e.j.ReadRecord(t.At, 2048, func(p record.Part) error {
			if one, ok := p.(record.Scheduled); ok {
				s = one
			}
			return nil
		})
	}
	lost := err == nil && s.Raw == nil || journal.IsLost(err)
	if err != nil && !lost {
		return err
	}
	e.j.Lock()
	defer e.j.Unlock()
	if now, waits := e.j.State().Timers.Get(t.Due, t.ID); !waits || now.At != t.At {
		return nil // recalled, or carried to a newer segment while it was read: then it is due there
	}
	end := record.Cancel{ID: t.ID, Due: t.Due}
	switch {
	case lost:
		e.logger.Error("a scheduled message cannot be read and is given up", "position", t.At, "why", err)
		_, err = e.j.Append(true, end)
	case e.j.State().Topics[s.Topic] == nil:
		_, err = e.j.Append(true, end)
	default:
		_, err = e.j.Append(false, e.messageLocked(s.Topic, s.Raw), record.Fire(end)) // a new message: the reserve is for what settles
	}
	return err
}

// giveUpDue ends the transactions whose checks stayed without an answer, and once a minute those that are too old.
func (e *Engine) giveUpDue() (next int64) {
	e.j.Lock()
	if e.j.State().Halves.Len() == 0 {
		e.j.Unlock()
		return math.MaxInt64
	}
	now := e.j.Now()
	over := e.j.State().Halves.GivenUp(now, fireBatch, nil)
	if now >= e.nextStale {
		e.nextStale = now + staleEvery
		over = e.j.State().Halves.Stale(now-int64(e.opts.HalfLife), over)
	}
	next = e.nextStale
	if at, ok := e.j.State().Halves.NextGivenUp(); ok {
		next = min(next, max(at, now+retryAfter*int64(min(len(over), 1))))
	}
	e.j.Unlock()
	for _, h := range over {
		if err := e.giveUp(h); err != nil {
			e.logger.Error("a transaction cannot be given up now", "topic", h.Topic, "position", h.At, "why", err)
		}
	}
	return next
}

// giveUp ends a transaction without its producer: its message goes to a topic of its own, where people find it.
func (e *Engine) giveUp(h txn.Half) error {
	raw, err := e.rawOfHalf(h)
	if err != nil && !journal.IsLost(err) {
		return err
	}
	e.j.Lock()
	defer e.j.Unlock()
	t := e.j.State().Topic(h.Topic)
	if _, lives := e.j.State().Halves.Get(h.ID); !lives || t == nil {
		return nil
	}
	end := record.Verdict{Topic: t.ID, ID: h.ID, Verdict: mq.Rollback, GivenUp: true, At: e.j.Now()}
	if err != nil {
		_, err = e.j.Append(true, end)
		return err
	}
	to, err := e.topicLocked(mq.Topic{Name: giveUpTopic(), Cluster: e.opts.Cluster, Queues: 1, Accepts: mq.AcceptsOf(mq.Transaction), Retention: e.opts.DeadLetters})
	if err != nil {
		return err
	}
	e.logger.Warn("a transaction was given up: its producer never answered", "topic", h.Topic, "checks", h.Round)
	_, err = e.j.Append(false, e.messageLocked(to.ID, raw), end)
	return err
}
