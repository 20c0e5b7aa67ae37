// SPDX-License-Identifier: Apache-2.0

// Package lifecycle starts the parts of a process in order, joins their goroutines, stops them in reverse order.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Group owns the goroutines and the closers of a process. The zero value is not usable; see New.
type Group struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup

	mu      sync.Mutex // guards closers, stopped
	closers []closer
	stopped bool
}

type closer struct {
	name  string
	close func(context.Context) error
}

// New makes a group whose tasks end when ctx does.
func New(ctx context.Context) *Group {
	c, cancel := context.WithCancelCause(ctx)
	return &Group{ctx: c, cancel: cancel}
}

// Context ends when the group's first task fails or when the group is stopped.
func (g *Group) Context() context.Context { return g.ctx }

// Go runs a task until the group's context ends. A task that returns an error before that ends the group.
func (g *Group) Go(name string, task func(context.Context) error) {
	g.tasks.Go(func() {
		if err := task(g.ctx); err != nil && g.ctx.Err() == nil {
			g.cancel(fmt.Errorf("%s: %w", name, err))
		}
	})
}

// OnStop adds what Stop closes; the last one added is closed first.
func (g *Group) OnStop(name string, close func(context.Context) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closers = append(g.closers, closer{name, close})
}

// Wait blocks until the group's context ends and gives the failure that ended it, nil for an ordinary end.
func (g *Group) Wait() error {
	<-g.ctx.Done()
	if cause := context.Cause(g.ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// Stop closes everything in reverse order, ends the tasks and joins them. ctx bounds the closers, which get it. It may be
// called twice.
func (g *Group) Stop(ctx context.Context) error {
	g.mu.Lock()
	closers := g.closers
	g.closers = nil
	first := !g.stopped
	g.stopped = true
	g.mu.Unlock()
	if !first {
		g.tasks.Wait()
		return nil
	}
	var errs []error
	for i := len(closers) - 1; i >= 0; i-- {
		if err := closers[i].close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", closers[i].name, err))
		}
	}
	g.cancel(nil)
	g.tasks.Wait()
	return errors.Join(errs...)
}
