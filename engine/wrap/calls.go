// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// calls is an engine whose verbs all pass one place. around may do the call, which gives the first failed answer's error; what
// it returns instead of nil becomes the answer, of every entry where there are several.
type calls struct {
	Engine
	around func(ctx context.Context, verb Verb, do func() error) (instead error)
}

// one passes a call with a single answer.
func (c calls) one(ctx context.Context, verb Verb, do func() error) error {
	var err error
	if instead := c.around(ctx, verb, func() error { err = do(); return err }); instead != nil {
		return instead
	}
	return err
}

// many passes a call with an answer for each of n entries.
func many[T any](ctx context.Context, c calls, verb Verb, n int, does answers[T]) []T {
	var got []T
	instead := c.around(ctx, verb, func() error {
		got = does.call()
		for _, one := range got {
			if err := does.err(one); err != nil {
				return err
			}
		}
		return nil
	})
	if instead == nil {
		return got
	}
	got = make([]T, n)
	for i := range got {
		got[i] = does.failed(i, instead)
	}
	return got
}

// answers is how a call is made, how its answers fail and how a failed answer looks.
type answers[T any] struct {
	call   func() []T
	err    func(T) error
	failed func(i int, err error) T
}

func plainAnswers(call func() []error) answers[error] {
	return answers[error]{call, func(e error) error { return e }, func(_ int, e error) error { return e }}
}

// Send passes through.
func (c calls) Send(ctx context.Context, t mq.Topic, batch []mq.Message) []mq.Sent {
	return many(ctx, c, Send, len(batch), answers[mq.Sent]{
		call:   func() []mq.Sent { return c.Engine.Send(ctx, t, batch) },
		err:    func(s mq.Sent) error { return s.Err },
		failed: func(_ int, err error) mq.Sent { return mq.Sent{Offset: -1, Err: err} },
	})
}

// Settle passes through.
func (c calls) Settle(ctx context.Context, t mq.Topic, h mq.Half, v mq.Verdict, by mq.SettledBy) error {
	return c.one(ctx, Settle, func() error { return c.Engine.Settle(ctx, t, h, v, by) })
}

// Recall passes through.
func (c calls) Recall(ctx context.Context, t mq.Topic, s mq.Scheduled) error {
	return c.one(ctx, Recall, func() error { return c.Engine.Recall(ctx, t, s) })
}

// Take passes through.
func (c calls) Take(ctx context.Context, w mq.Want) (got []mq.Delivery, err error) {
	err = c.one(ctx, Take, func() (err error) { got, err = c.Engine.Take(ctx, w); return err })
	if err != nil {
		return nil, err
	}
	return got, nil
}

// Ack passes through.
func (c calls) Ack(ctx context.Context, leases []mq.Lease) []error {
	return many(ctx, c, Ack, len(leases), plainAnswers(func() []error { return c.Engine.Ack(ctx, leases) }))
}

// Extend passes through.
func (c calls) Extend(ctx context.Context, leases []mq.Lease, d time.Duration, how mq.KeepOrReplace) []mq.Extended {
	return many(ctx, c, Extend, len(leases), answers[mq.Extended]{
		call:   func() []mq.Extended { return c.Engine.Extend(ctx, leases, d, how) },
		err:    func(x mq.Extended) error { return x.Err },
		failed: func(i int, err error) mq.Extended { return mq.Extended{Lease: leases[i], Err: err} },
	})
}

// DeadLetter passes through.
func (c calls) DeadLetter(ctx context.Context, leases []mq.Lease, why string) []error {
	return many(ctx, c, DeadLetter, len(leases), plainAnswers(func() []error { return c.Engine.DeadLetter(ctx, leases, why) }))
}

// Pull passes through.
func (c calls) Pull(ctx context.Context, q mq.QueueRef, from mq.Offset, limit mq.ReadLimit, f mq.Filter) (read mq.Read, err error) {
	err = c.one(ctx, Pull, func() (err error) { read, err = c.Engine.Pull(ctx, q, from, limit, f); return err })
	return read, err
}

// Commit passes through.
func (c calls) Commit(ctx context.Context, g mq.Group, q mq.QueueRef, at mq.Offset) error {
	return c.one(ctx, Commit, func() error { return c.Engine.Commit(ctx, g, q, at) })
}

// Probe passes through.
func (c calls) Probe(ctx context.Context) error {
	return c.one(ctx, Probe, func() error { return c.Engine.Probe(ctx) })
}
