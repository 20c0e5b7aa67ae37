// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

const (
	watchWait  = 15 * time.Second       // how long a broker parks a notification
	watchRest  = time.Second            // after one that failed
	orderPulse = 500 * time.Millisecond // an orderly acknowledgement wakes no notification: look again so often
)

// watches is who waits for messages. One notification per topic, group and broker is parked for all of them, whatever their number;
// no goroutine waits.
type watches struct {
	engine *Engine
	mu     sync.Mutex // guards all below; no callback runs under it
	all    map[watchKey]*watch
}

type watchKey struct{ topic, group mq.Physical }

type watch struct {
	armed  map[*armed]struct{}
	parked map[string]bool // by broker: a notification is under way
}

type armed struct {
	wake  func()
	pulse clock.Timer
}

func (w *watches) init(e *Engine) {
	w.engine, w.all = e, map[watchKey]*watch{}
}

// Arm asks for one call of wake when a Take may find something: see consume.Leaser.
func (e *Engine) Arm(want mq.Want, wake func()) (disarm func()) {
	w := &e.watches
	key := watchKey{want.Topic.Name, want.Group.Name}
	a := &armed{wake: wake}
	if want.Group.Ordered {
		a.pulse = e.clock.AfterFunc(orderPulse, func() { w.fire(key, a) })
	}
	w.mu.Lock()
	x := w.all[key]
	if x == nil {
		x = &watch{armed: map[*armed]struct{}{}, parked: map[string]bool{}}
		w.all[key] = x
	}
	x.armed[a] = struct{}{}
	w.mu.Unlock()
	w.park(key, want.Group.Ordered)
	return func() {
		w.mu.Lock()
		delete(x.armed, a)
		if len(x.armed) == 0 && !anyParked(x) && w.all[key] == x {
			delete(w.all, key)
		}
		w.mu.Unlock()
		if a.pulse != nil {
			a.pulse.Stop()
		}
	}
}

// fire wakes one, if it is still armed.
func (w *watches) fire(key watchKey, a *armed) {
	w.mu.Lock()
	x := w.all[key]
	var ok bool
	if x != nil {
		_, ok = x.armed[a]
		delete(x.armed, a)
	}
	w.mu.Unlock()
	if ok {
		a.wake()
	}
}

// wakeAll wakes everybody who waits for a topic and group.
func (w *watches) wakeAll(key watchKey) {
	w.mu.Lock()
	var all []*armed
	if x := w.all[key]; x != nil {
		for a := range x.armed {
			all = append(all, a)
		}
		clear(x.armed)
	}
	w.mu.Unlock()
	for _, a := range all {
		if a.pulse != nil {
			a.pulse.Stop()
		}
		a.wake()
	}
}

// park sees to it that every broker of the topic has a notification while somebody is armed.
func (w *watches) park(key watchKey, order bool) {
	e := w.engine
	var route *route
	e.routes.mu.Lock()
	if k := e.routes.all[key.topic]; k != nil {
		route = k.route
	}
	e.routes.mu.Unlock()
	if route == nil { // a Take before this one looked it up; now it is gone
		w.wakeAll(key)
		return
	}
	for _, broker := range route.readers {
		w.mu.Lock()
		x := w.all[key]
		start := x != nil && len(x.armed) > 0 && !x.parked[broker]
		if start {
			x.parked[broker] = true
		}
		w.mu.Unlock()
		if start {
			w.notify(key, x, target{route, broker}, order)
		}
	}
}

func (w *watches) notify(key watchKey, x *watch, at target, order bool) {
	e, broker, address := w.engine, at.broker, at.route.addresses[at.broker]
	h := &request.Notify{
		Group: key.group.String(), Topic: key.topic.String(), Queue: request.AnyQueue, PollMillis: watchWait.Milliseconds(), Order: order, Broker: broker,
	}
	ctx, cancel := context.WithCancel(e.ctx)
	r := remoting.Request{Code: remoting.Notification, Header: h, Timeout: watchWait + 5*time.Second}
	e.client.Start(ctx, address, r, func(f *remoting.Frame, err error) {
		cancel()
		var a request.NotifyAnswer
		if err == nil {
			if err = f.Err(); err == nil {
				err = f.Into(&a)
			}
			f.Release()
		}
		w.mu.Lock()
		x.parked[broker] = false
		idle := len(x.armed) == 0 && !anyParked(x)
		if idle && w.all[key] == x {
			delete(w.all, key)
		}
		w.mu.Unlock()
		switch {
		case idle || e.ctx.Err() != nil:
		case err != nil || a.Full: // somebody must look: the topic may have moved
			if err != nil {
				e.doubt(key.topic, err)
			}
			e.clock.AfterFunc(watchRest, func() { w.wakeAll(key) })
		case a.Has:
			w.wakeAll(key)
		default:
			e.clock.AfterFunc(0, func() { w.park(key, order) })
		}
	})
}

func anyParked(x *watch) bool {
	for _, p := range x.parked {
		if p {
			return true
		}
	}
	return false
}
