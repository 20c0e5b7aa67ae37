// SPDX-License-Identifier: Apache-2.0

package controltest

import (
	"context"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// Crash kills a process at one of its steps, as far as its store and its engine can tell: each call that changes something has a step
// before its effect and one after it. From the step of the death on, nothing of that process has any effect, and it hears nothing.
type Crash struct {
	at int // the step at which it dies, from 1; 0: never

	mu    sync.Mutex // guards all below
	steps int
	under int // calls that are on their way
	dead  bool
}

// CrashAt makes a death at a step.
func CrashAt(step int) *Crash { return &Crash{at: step} }

// Dead tells whether the process died.
func (c *Crash) Dead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

// Doing tells how many steps there were, and whether a call is on its way: a test lets no time pass while its process does something.
func (c *Crash) Doing() (steps int, busy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.steps, c.under > 0
}

func (c *Crash) call(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.under += n
}

func (c *Crash) step() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps++
	c.dead = c.dead || c.steps == c.at
	if c.dead {
		return mq.Doubt(mq.Unavailable, nil, "killed")
	}
	return nil
}

// around does an effect between two steps.
func (c *Crash) around(effect func() error) error {
	c.call(1)
	defer c.call(-1)
	if err := c.step(); err != nil {
		return err
	}
	err := effect()
	if dead := c.step(); dead != nil {
		return dead
	}
	return err
}

// alive gives an error once the process is dead. It is no step: a claim that is never given back ends by itself.
func (c *Crash) alive() error {
	if c.Dead() {
		return mq.Doubt(mq.Unavailable, nil, "killed")
	}
	return nil
}

// Store is the store of a process that dies.
func (c *Crash) Store(s control.Store) control.Store { return &dyingStore{s, c} }

type dyingStore struct {
	control.Store
	crash *Crash
}

func (s *dyingStore) change(do func() (control.Version, error)) (v control.Version, err error) {
	err = s.crash.around(func() (err error) { v, err = do(); return err })
	return v, err
}

func (s *dyingStore) Add(ctx context.Context, r control.Record, e control.Entry) (control.Version, error) {
	return s.change(func() (control.Version, error) { return s.Store.Add(ctx, r, e) })
}

func (s *dyingStore) Put(ctx context.Context, r control.Record, e control.Entry) (control.Version, error) {
	return s.change(func() (control.Version, error) { return s.Store.Put(ctx, r, e) })
}

func (s *dyingStore) Remove(ctx context.Context, r control.Record, e control.Entry) (control.Version, error) {
	return s.change(func() (control.Version, error) { return s.Store.Remove(ctx, r, e) })
}

func (s *dyingStore) Append(ctx context.Context, e control.Entry) error {
	return s.crash.around(func() error { return s.Store.Append(ctx, e) })
}

func (s *dyingStore) Claim(ctx context.Context, what, holder string, d time.Duration) (bool, error) {
	if err := s.crash.alive(); err != nil {
		return false, err
	}
	return s.Store.Claim(ctx, what, holder, d)
}

func (s *dyingStore) Unclaim(ctx context.Context, what, holder string) error {
	if err := s.crash.alive(); err != nil {
		return err
	}
	return s.Store.Unclaim(ctx, what, holder)
}

// Engine is the way of a process that dies to an engine.
func (c *Crash) Engine(e *Engine) control.Provisioner { return &dyingEngine{e, c} }

type dyingEngine struct {
	*Engine
	crash *Crash
}

func (e *dyingEngine) PutTopic(ctx context.Context, spec mq.TopicSpec) error {
	return e.crash.around(func() error { return e.Engine.PutTopic(ctx, spec) })
}

func (e *dyingEngine) DropTopic(ctx context.Context, name mq.Physical) error {
	return e.crash.around(func() error { return e.Engine.DropTopic(ctx, name) })
}

func (e *dyingEngine) PutGroup(ctx context.Context, spec mq.GroupSpec) error {
	return e.crash.around(func() error { return e.Engine.PutGroup(ctx, spec) })
}

func (e *dyingEngine) DropGroup(ctx context.Context, name mq.Physical) error {
	return e.crash.around(func() error { return e.Engine.DropGroup(ctx, name) })
}

// Mover is the way of a process that dies to the messages of an engine.
func (c *Crash) Mover(e *Engine) control.Mover { return &dyingMover{e, c} }

type dyingMover struct {
	engine *Engine
	crash  *Crash
}

func (m *dyingMover) Take(ctx context.Context, want mq.Want) (got []mq.Delivery, err error) {
	err = m.crash.around(func() (err error) { got, err = m.engine.Take(ctx, want); return err })
	if err != nil {
		return nil, err
	}
	return got, nil
}

func (m *dyingMover) Send(ctx context.Context, topic mq.Topic, batch []mq.Message) (sent []mq.Sent) {
	err := m.crash.around(func() error { sent = m.engine.Send(ctx, topic, batch); return nil })
	if err != nil {
		sent = make([]mq.Sent, len(batch))
		for i := range sent {
			sent[i].Err = err
		}
	}
	return sent
}

func (m *dyingMover) Ack(ctx context.Context, leases []mq.Lease) (errs []error) {
	err := m.crash.around(func() error { errs = m.engine.Ack(ctx, leases); return nil })
	if err != nil {
		errs = make([]error, len(leases))
		for i := range errs {
			errs[i] = err
		}
	}
	return errs
}
