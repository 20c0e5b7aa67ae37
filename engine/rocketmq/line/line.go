// SPDX-License-Identifier: Apache-2.0

// Package line lets single requests to one broker share one when there are many at once.
//
// An idle line carries a request at once. What arrives while one is under way forms the next one together, however long that takes: no timer,
// and the busier a broker, the larger its requests. A request is sent by one of those who wait for it, so there is no goroutine to own.
package line

import (
	"context"
	"slices"
	"sync"

	"github.com/causeway-mq/causeway/mq"
)

// Lines holds a line for each place that requests go to.
type Lines[T any] struct {
	Most int      // how many share one request at the most, at least 1
	all  sync.Map // key -> *Line[T]
}

// Of gives the line of a place.
func (l *Lines[T]) Of(key string) *Line[T] {
	if x, ok := l.all.Load(key); ok {
		return x.(*Line[T])
	}
	x, _ := l.all.LoadOrStore(key, &Line[T]{most: l.Most})
	return x.(*Line[T])
}

// Line is one place's.
type Line[T any] struct {
	most int

	mu      sync.Mutex // guards busy and waiting; leaf
	busy    bool
	waiting []*item[T]
}

// item waits in a line. turn receives once: nil means that it is over, sent by another one; otherwise the receiver sends all of these.
type item[T any] struct {
	value T
	turn  chan []*item[T]
	err   error // valid after turn received nil
}

// Do carries out one value alone, or together with others, and gives its outcome. Whoever sends for others goes on when its own time is
// over: send must bound itself. It gets one value or up to Lines.Most, and gives an outcome for each.
func (l *Line[T]) Do(ctx context.Context, value T, send func(context.Context, []T) []error) error {
	l.mu.Lock()
	if !l.busy {
		l.busy = true
		l.mu.Unlock()
		defer l.next()
		return send(ctx, []T{value})[0]
	}
	a := &item[T]{value: value, turn: make(chan []*item[T], 1)}
	l.waiting = append(l.waiting, a)
	l.mu.Unlock()
	select {
	case some := <-a.turn:
		return l.finish(ctx, a, some, send)
	case <-ctx.Done():
	}
	if l.leave(a) {
		return mq.Refuse(mq.Timeout, "the caller's time was over before the request was sent")
	}
	select {
	case some := <-a.turn: // it came at the same moment: others count on this one
		return l.finish(ctx, a, some, send)
	default:
		return mq.Doubt(mq.Timeout, ctx.Err(), "the request is under way")
	}
}

// finish sends for all if that falls to this one.
func (l *Line[T]) finish(ctx context.Context, own *item[T], some []*item[T], send func(context.Context, []T) []error) error {
	if some == nil {
		return own.err
	}
	defer l.next()
	values := make([]T, len(some))
	for i, a := range some {
		values[i] = a.value
	}
	for i, err := range send(context.WithoutCancel(ctx), values) {
		some[i].err = err
		if some[i] != own {
			some[i].turn <- nil
		}
	}
	return own.err
}

// Waiting is how many are in the line, with those who are being sent counted as one.
func (l *Line[T]) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy {
		return len(l.waiting) + 1
	}
	return 0
}

// next lets those who wait go on: the first of them sends for all.
func (l *Line[T]) next() {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), l.most)
	if n == 0 {
		l.busy = false
		return
	}
	some := slices.Clone(l.waiting[:n])
	l.waiting = slices.Delete(l.waiting, 0, n)
	some[0].turn <- some
}

// leave takes one out of the line; false: it is being sent.
func (l *Line[T]) leave(a *item[T]) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.waiting, a)
	if i < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	return true
}
