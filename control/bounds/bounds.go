// SPDX-License-Identifier: Apache-2.0

// Package bounds refuses what lies outside the limits of topics, groups and searches.
package bounds

import (
	"slices"
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/mq"
)

// Limits of topics, groups and retry policies.
const (
	MinRetention = time.Minute
	MaxRetention = 365 * 24 * time.Hour
	MaxAttempts  = 1000

	MaxRetrySteps = 100
	MaxRetryRest  = mq.MaxHold // the longest rest between two attempts
)

// Topic refuses what is wanted of a topic outside the limits; a retention of 0 is the cluster's own.
func Topic(s mq.TopicSpec) error {
	if q := s.Queues; q < 1 || q > mq.MaxQueues {
		return refusal.New(refusal.OutOfRange, mq.BadRequest, "queues: %d, from 1 to %d are possible", q, mq.MaxQueues).On("queues").Beyond("1..256")
	}
	if r := s.Retention; r != 0 && (r < MinRetention || r > MaxRetention) {
		return refusal.New(refusal.OutOfRange, mq.BadRequest, "retention: %v, from %v to %v are possible", r, MinRetention, MaxRetention).On("retention").Beyond("1m..8760h")
	}
	return nil
}

// Growth refuses fewer queues than a topic has, and more where that would move message groups to other queues.
func Growth(name mq.TopicName, s mq.TopicSpec, queues int) error {
	if queues < s.Queues {
		return refusal.New(refusal.OutOfRange, mq.BadRequest, "queues: %d, the topic has %d, which may only grow", queues, s.Queues).On("queues").Beyond(strconv.Itoa(s.Queues) + "..256")
	}
	if queues != s.Queues && s.Accepts.Has(mq.FIFO) {
		return refusal.New(refusal.OutOfRange, mq.BadRequest, "queues: topic %q takes ordered messages, whose groups would move to other queues and lose their order: make a new topic", name).On("queues")
	}
	return nil
}

// Group refuses what is wanted of a group outside the limits.
func Group(s mq.GroupSpec) error {
	if n := s.MaxAttempts; n < 1 || n > MaxAttempts {
		return refusal.New(refusal.OutOfRange, mq.BadRequest, "maxAttempts: %d, from 1 to %d are possible", n, MaxAttempts).On("maxAttempts").Beyond("1..1000")
	}
	if h := s.Hold; h != 0 && (h < mq.MinHold || h > mq.MaxHold) {
		return refusal.New(refusal.OutOfRange, mq.BadRequest, "hold: %v, from %v to %v are possible", h, mq.MinHold, mq.MaxHold).On("hold").Beyond("1s..12h")
	}
	if s.Ordered && s.Mode == mq.Pulls {
		return refusal.New(refusal.OutOfRange, mq.BadRequest, "ordered: a group that pulls reads in order as it is").On("ordered")
	}
	return Retry(s.Retry)
}

// Retry refuses a retry policy whose pauses are outside the limits.
func Retry(r mq.RetryPolicy) error {
	bad := func(d time.Duration) bool { return d < 0 || d > MaxRetryRest }
	if len(r.Steps) > MaxRetrySteps {
		return refusal.New(refusal.OutOfRange, mq.BadRequest, "retry: %d steps, the limit is %d", len(r.Steps), MaxRetrySteps).On("retry.steps").Beyond(strconv.Itoa(MaxRetrySteps))
	}
	if i := slices.IndexFunc(r.Steps, bad); i >= 0 {
		return refusal.New(refusal.OutOfRange, mq.BadRequest, "retry: step %v, from 0s to %v are possible", r.Steps[i], MaxRetryRest).On("retry.steps").Beyond("0s..12h")
	}
	if len(r.Steps) > 0 {
		return nil
	}
	if r.Initial <= 0 || bad(r.Initial) || bad(r.Max) || r.Max < r.Initial || r.Multiplier < 1 || r.Multiplier > 100 {
		return refusal.New(refusal.OutOfRange, mq.BadRequest, "retry: 0s < initial <= max <= %v with a multiplier from 1 to 100 is possible", MaxRetryRest).On("retry")
	}
	return nil
}

// NoQueue refuses a queue that a topic does not have.
func NoQueue(q mq.QueueID, spec mq.Topic) error {
	last := strconv.Itoa(spec.Queues - 1)
	return refusal.New(refusal.OutOfRange, mq.BadRequest, "queue: no queue %d, the topic has 0 to %s", q, last).On("queue").Beyond("0.." + last)
}

// Window fills in the time window of a search and refuses one that is longer than most. Where time alone selects, the last span of that length is searched.
func Window(f *mq.Find, most time.Duration, now time.Time) error {
	chosen := 0
	for _, is := range []bool{f.ID != mq.MessageID{}, f.Key != mq.Key{}, f.Place != nil} {
		if is {
			chosen++
		}
	}
	if chosen > 1 {
		return refusal.New("", mq.BadRequest, "choose one of id, key, or queue with offset")
	}
	if chosen == 1 && f.Begin.IsZero() && f.End.IsZero() {
		return nil
	}
	if f.End.IsZero() {
		f.End = now
	}
	if f.Begin.IsZero() {
		f.Begin = f.End.Add(-most)
	}
	if !f.Begin.Before(f.End) {
		return refusal.New(refusal.NoWindow, mq.BadRequest, "begin: must lie before end").On("begin")
	}
	if f.End.Sub(f.Begin) > most {
		return refusal.New(refusal.NoWindow, mq.BadRequest, "the window has %v, the limit is %v: search piece by piece", f.End.Sub(f.Begin), most).On("begin").Beyond("168h")
	}
	return nil
}

// Position refuses a place in a topic that lies in the future or cannot be.
func Position(to mq.Position, spec mq.Topic, now time.Time) error {
	switch {
	case to.Kind == mq.ToTime && to.Time.After(now):
		return refusal.New(refusal.OutOfRange, mq.BadRequest, "to: %v lies in the future", to.Time.Format(time.RFC3339)).On("to")
	case to.Kind == mq.ToOffset && to.Offset < 0:
		return refusal.New(refusal.OutOfRange, mq.IllegalOffset, "offset: %d is negative", to.Offset).On("offset")
	case to.Kind == mq.ToOffset && to.Queue != mq.AnyQueue && (to.Queue < 0 || int(to.Queue) >= spec.Queues):
		return NoQueue(to.Queue, spec)
	}
	return nil
}
