// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

const (
	probeEvery = time.Second     // rest between two canaries
	probeBound = 3 * time.Second // after which one has failed
	probesLost = 2               // in a row until the breaker opens
	// MostUnderWay is how many calls may be under way to one cluster at a time. A cluster that hangs holds them until their time is
	// over; this many is what the others can spare.
	MostUnderWay = 4096
)

// Breaker keeps a cluster that does not answer from holding up what has nothing to do with it. While it is open, calls are refused at once
// instead of waiting for their time to pass; whoever is parked stays parked. Run must be running.
//
// What must hold:
//   - Canaries open it (Probe), not calls: those fail for reasons of their own, a topic without a writable queue for example, and a tenant's bad topic
//     must not close a cluster for the others. But a cluster that gave any call a good answer between two lost canaries is slow, not dead.
//   - A refusal of the breaker is certain: the call did not reach the engine.
//   - Nothing waits for the breaker, and it takes no lock on the way of a message.
type Breaker struct {
	opts     BreakerOptions
	underWay atomic.Int64
	refused  atomic.Int64
	answered atomic.Int64           // calls that had a good answer
	why      atomic.Pointer[string] // why it is open, nil when it is closed
}

// BreakerOptions are what a breaker needs. Log may be nil; it is the cluster's own, whose lines name it.
type BreakerOptions struct {
	Engine  Engine
	Cluster mq.Cluster // for words
	Clock   clock.Clock
	Most    int // calls under way, default MostUnderWay
	Log     *slog.Logger
}

// NewBreaker makes a closed one.
func NewBreaker(o BreakerOptions) *Breaker {
	if o.Most <= 0 {
		o.Most = MostUnderWay
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Breaker{opts: o}
}

// Guarded is the engine behind the breaker.
func (b *Breaker) Guarded() Engine { return calls{b.opts.Engine, b.around} }

// Open is why calls are refused at once; "" when they are not.
func (b *Breaker) Open() string {
	if why := b.why.Load(); why != nil {
		return *why
	}
	return ""
}

// Refused is how many calls were refused so far, because it was open or too much was under way.
func (b *Breaker) Refused() int64 { return b.refused.Load() }

// UnderWay is how many calls are under way.
func (b *Breaker) UnderWay() int64 { return b.underWay.Load() }

func (b *Breaker) around(_ context.Context, verb Verb, do func() error) error {
	if why := b.why.Load(); why != nil && verb != Probe {
		b.refused.Add(1)
		return mq.Refuse(mq.Unavailable, "cluster %s does not answer, it is tried again every %v", b.opts.Cluster, probeEvery).Because(errors.New(*why))
	}
	if n := b.underWay.Add(1); n > int64(b.opts.Most) {
		b.underWay.Add(-1)
		b.refused.Add(1)
		return mq.Refuse(mq.TooManyRequests, "cluster %s: %d calls are under way, the limit is %d", b.opts.Cluster, n-1, b.opts.Most)
	}
	defer b.underWay.Add(-1)
	if do() == nil { // an error is the caller's answer
		b.answered.Add(1)
	}
	return nil
}

// Run sends canaries until ctx ends.
func (b *Breaker) Run(ctx context.Context) error {
	timer := b.opts.Clock.NewTimer(probeEvery)
	defer timer.Stop()
	lost, answered := 0, int64(0)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C():
		}
		err := b.probe(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			lost = 0
			if b.why.Swap(nil) != nil {
				b.opts.Log.Info("the cluster answers again")
			}
		default:
			now := b.answered.Load()
			if lost++; lost < probesLost || now != answered && b.why.Load() == nil {
				answered = now // from now on it has to be silent
				break
			}
			why := err.Error()
			if b.why.Swap(&why) == nil {
				b.opts.Log.Error("the cluster does not answer: calls are refused until it does", "error", err)
			}
		}
		timer.Reset(probeEvery)
	}
}

// probe is one canary. One that hangs beyond its bound has failed; it is waited for all the same, since canaries must not pile up.
func (b *Breaker) probe(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := mq.Doubt(mq.Timeout, nil, "no answer within %v", probeBound)
	bound := b.opts.Clock.AfterFunc(probeBound, func() { cancel(late) })
	defer bound.Stop()
	err := b.opts.Engine.Probe(ctx)
	if err != nil && context.Cause(ctx) == late {
		return late
	}
	return err
}
