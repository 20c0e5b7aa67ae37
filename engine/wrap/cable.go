// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"context"
	"sync"

	"github.com/causeway-mq/causeway/mq"
)

// Cable is what ties a caller to an engine, for tests of a caller's sudden death: once it is cut, no call reaches the engine
// any more, replies under way are lost and nobody is woken or asked. What the caller still does in its last moments, such as
// giving back what it could not deliver, then goes nowhere, as if its process had been killed.
type Cable struct {
	once sync.Once
	cut  chan struct{}
}

// NewCable is whole.
func NewCable() *Cable { return &Cable{cut: make(chan struct{})} }

// Cut ends it for ever. It may be called twice.
func (c *Cable) Cut() { c.once.Do(func() { close(c.cut) }) }

// Wrap ties an engine to its caller.
func (c *Cable) Wrap(e Engine) Engine { return tied{calls{e, c.around}, c} }

func (c *Cable) isCut() bool {
	select {
	case <-c.cut:
		return true
	default:
		return false
	}
}

func (c *Cable) around(_ context.Context, verb Verb, do func() error) error {
	if !c.isCut() {
		_ = do() // its error is the caller's answer, unless the cable was cut meanwhile
	}
	if c.isCut() {
		return mq.Doubt(mq.Unavailable, nil, "%s: the cable to the engine is cut", verb)
	}
	return nil
}

type tied struct {
	calls
	cable *Cable
}

// Arm passes through until the cable is cut.
func (t tied) Arm(w mq.Want, wake func()) (disarm func()) {
	return t.Engine.Arm(w, t.unlessCut(wake))
}

// ArmPull passes through until the cable is cut.
func (t tied) ArmPull(q mq.QueueRef, from mq.Offset, wake func()) (disarm func()) {
	return t.Engine.ArmPull(q, from, t.unlessCut(wake))
}

func (t tied) unlessCut(wake func()) func() {
	return func() {
		if !t.cable.isCut() {
			wake()
		}
	}
}

// Checks passes through until the cable is cut.
func (t tied) Checks(ctx context.Context, live func() []mq.Topic, sink func(mq.Check) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait() // after cancel, which ends it
	defer cancel()
	watch.Go(func() {
		select {
		case <-t.cable.cut:
			cancel()
		case <-ctx.Done():
		}
	})
	return t.Engine.Checks(ctx, live, func(c mq.Check) bool { return !t.cable.isCut() && sink(c) })
}
