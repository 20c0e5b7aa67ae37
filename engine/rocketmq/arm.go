// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/park"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

const (
	watchWait = 15 * time.Second // how long a broker parks a notification
	watchRest = time.Second      // after one that failed
)

// soon wakes in a moment, from another goroutine.
func (e *Engine) soon(wake func()) (disarm func()) {
	b := park.NewBell(wake)
	t := e.clock.AfterFunc(0, b.Ring)
	return func() {
		t.Stop()
		b.Silence()
	}
}

// watches is who waits for messages of groups without order; for the others see package park. One notification per topic, group and broker is parked for all of them, whatever their number;
// no goroutine waits.
type watches struct {
	engine *Engine
	mu     sync.Mutex // guards all below; no callback runs under it
	all    map[watchKey]*watch
	named  map[watchKey]string // the broker that last said it has something, until a Take asked it
}

type watchKey struct{ topic, group mq.Physical }

type watch struct {
	armed  map[*park.Bell]struct{}
	parked map[string]bool // by address: a notification is under way
}

func (w *watches) init(e *Engine) {
	w.engine, w.all, w.named = e, map[watchKey]*watch{}, map[watchKey]string{}
}

// Arm asks for one call of wake when a Take may find something: see consume.Leaser.
func (e *Engine) Arm(want mq.Want, wake func()) (disarm func()) {
	if want.Group.Ordered {
		if !e.hasBegun(want) { // a Take sets the offsets at which the group starts
			return e.soon(wake)
		}
		return e.parks.Arm(want, wake)
	}
	w := &e.watches
	key := watchKey{want.Topic.Name, want.Group.Name}
	a := park.NewBell(wake)
	w.mu.Lock()
	x := w.all[key]
	if x == nil {
		x = &watch{armed: map[*park.Bell]struct{}{}, parked: map[string]bool{}}
		w.all[key] = x
	}
	x.armed[a] = struct{}{}
	w.mu.Unlock()
	w.park(key)
	return func() {
		a.Silence()
		w.mu.Lock()
		delete(x.armed, a)
		if len(x.armed) == 0 && !anyParked(x) && w.all[key] == x {
			delete(w.all, key)
		}
		w.mu.Unlock()
	}
}

// first is the index of the reader that a Take asks first.
func (w *watches) first(r *routes.Route, key watchKey) int {
	w.mu.Lock()
	broker, ok := w.named[key]
	delete(w.named, key)
	w.mu.Unlock()
	if i := slices.Index(r.Readers, broker); ok && i >= 0 {
		return i
	}
	return rand.IntN(max(len(r.Readers), 1))
}

// wakeAll wakes everybody who waits for a topic and group.
func (w *watches) wakeAll(key watchKey) {
	w.mu.Lock()
	var all []*park.Bell
	if x := w.all[key]; x != nil {
		for a := range x.armed {
			all = append(all, a)
		}
		clear(x.armed)
	}
	w.mu.Unlock()
	for _, a := range all {
		a.Ring()
	}
}

// moved wakes all who wait for a topic of which a primary was replaced. A notification that is parked at the old one stays there, but no longer counts.
func (w *watches) moved(topic mq.Physical) {
	var all []watchKey
	w.mu.Lock()
	for key := range w.all {
		if key.topic == topic {
			all = append(all, key)
		}
	}
	w.mu.Unlock()
	for _, key := range all {
		w.wakeAll(key)
	}
}

// park sees to it that every broker of the topic has a notification while somebody is armed.
func (w *watches) park(key watchKey) {
	e := w.engine
	route, known := e.routes.Known(key.topic)
	if !known { // a Take before this one looked it up; now it is gone
		w.wakeAll(key)
		return
	}
	for _, broker := range route.Readers {
		w.mu.Lock()
		x := w.all[key]
		address := route.Addresses[broker]
		start := x != nil && len(x.armed) > 0 && !x.parked[address]
		if start {
			x.parked[address] = true
		}
		w.mu.Unlock()
		if start {
			w.notify(key, x, target{route, broker})
		}
	}
}

func (w *watches) notify(key watchKey, x *watch, at target) {
	e, broker, address := w.engine, at.broker, at.route.Addresses[at.broker]
	h := &request.Notify{
		Group: key.group.String(), Topic: key.topic.String(), Queue: request.AnyQueue, PollMillis: watchWait.Milliseconds(), Broker: broker,
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
		x.parked[address] = false
		idle := len(x.armed) == 0 && !anyParked(x)
		if idle && w.all[key] == x {
			delete(w.all, key)
		}
		w.mu.Unlock()
		switch {
		case idle || e.ctx.Err() != nil:
		case err != nil || a.Full: // somebody must look: the topic may have moved
			if err != nil {
				e.routes.Doubt(key.topic, err)
			}
			e.clock.AfterFunc(watchRest, func() { w.wakeAll(key) })
		case a.Has:
			w.mu.Lock()
			w.named[key] = broker
			w.mu.Unlock()
			w.wakeAll(key)
		default:
			e.clock.AfterFunc(0, func() { w.park(key) })
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

// parking ties the parked pops of ordered groups to the engine.
func (e *Engine) parking() park.Options {
	return park.Options{
		Clock: e.clock, Pop: e.parkPop, Free: e.free,
		Queues: func(topic mq.Physical) ([]routes.Post, bool) {
			r, known := e.routes.Known(topic)
			if !known {
				return nil, false
			}
			return r.Posts, true
		},
	}
}

func (e *Engine) parkPop(want mq.Want, at routes.Post, done func([]request.Popped, error)) {
	f, err := filter.Compile(want.Filter)
	if err != nil {
		done(nil, err)
		return
	}
	hide, _ := hold(want)
	h := popOf(want, popping{filter: f, most: want.Max, hide: hide + park.Spare}, at.Broker)
	h.PollMillis = park.Wait.Milliseconds()
	ctx, cancel := context.WithCancel(e.ctx)
	r := remoting.Request{Code: remoting.PopMessage, Header: h, Timeout: park.Wait + 5*time.Second}
	e.client.Start(ctx, at.Address, r, func(f *remoting.Frame, err error) {
		cancel()
		var popped []request.Popped
		if err == nil {
			popped, err = e.popped(f, at.Broker)
		}
		if e.ctx.Err() != nil {
			return
		}
		if err != nil {
			e.routes.Doubt(want.Topic.Name, err)
		}
		done(popped, err)
	})
}

// free lets a message of an orderly run that nobody waits for show again, without waiting for the answer.
func (e *Engine) free(want mq.Want, m *request.Popped) {
	route, known := e.routes.Known(want.Topic.Name)
	if !known {
		return
	}
	h := &request.ChangeInvisible{Ack: request.AckOf(want.Topic.Name.String(), want.Group.Name.String(), m.Handle)}
	e.client.Start(e.ctx, route.Addresses[m.Handle.Broker], remoting.Request{Code: remoting.ChangeInvisible, Header: h}, func(f *remoting.Frame, err error) {
		if err == nil {
			err = f.Err()
			f.Release()
		}
		if err != nil { // it shows again when its lease is over
			e.journal.Debug("a run that nobody waits for was not given back", "topic", h.Topic, "group", h.Group, "error", err)
		}
	})
}
