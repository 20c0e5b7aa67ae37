// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"context"
	"sync"
	"time"
)

// lifetime is a call's context but for its values. Most calls are over before anybody waits for their end: the channel and the timer are made when somebody does.
type lifetime struct {
	deadline time.Time // set before the call begins

	mu    sync.Mutex // guards all below
	done  chan struct{}
	timer *time.Timer
	then  map[int]func()
	count int
	err   error
}

// Deadline is the client's.
func (l *lifetime) Deadline() (time.Time, bool) { return l.deadline, !l.deadline.IsZero() }

// Done is closed when the call is over, cancelled or out of time.
func (l *lifetime) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done == nil {
		l.done = make(chan struct{})
		if l.err != nil {
			close(l.done)
		}
		l.armLocked()
	}
	return l.done
}

// Err tells why.
func (l *lifetime) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil && !l.deadline.IsZero() && !time.Now().Before(l.deadline) {
		l.cancelLocked(context.DeadlineExceeded)
	}
	return l.err
}

// AfterFunc has f called on a goroutine of its own when the call is over: package context asks for it, and so needs no goroutine that waits.
func (l *lifetime) AfterFunc(f func()) (stop func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		go f()
		return func() bool { return false }
	}
	if l.then == nil {
		l.then = map[int]func(){}
	}
	l.count++
	id := l.count
	l.then[id] = f
	l.armLocked()
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		_, was := l.then[id]
		delete(l.then, id)
		return was
	}
}

func (l *lifetime) armLocked() {
	if l.err == nil && l.timer == nil && !l.deadline.IsZero() {
		l.timer = time.AfterFunc(time.Until(l.deadline), func() { l.cancel(context.DeadlineExceeded) })
	}
}

// cancel ends it; the first reason stays.
func (l *lifetime) cancel(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancelLocked(why)
}

func (l *lifetime) cancelLocked(why error) {
	if l.err != nil {
		return
	}
	l.err = why
	if l.done != nil {
		close(l.done)
	}
	if l.timer != nil {
		l.timer.Stop()
	}
	for _, f := range l.then {
		go f()
	}
	l.then = nil
}
