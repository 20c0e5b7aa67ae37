// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/park"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/engine/rocketmq/watch"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
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

// Arm asks for one call of wake when a Take may find something: see consume.Leaser.
func (e *Engine) Arm(want mq.Want, wake func()) (disarm func()) {
	if want.Group.Ordered {
		if !e.hasBegun(want) { // a Take sets the offsets at which the group starts
			return e.soon(wake)
		}
		return e.parks.Arm(want, wake)
	}
	return e.watches.Arm(watch.Of{Topic: want.Topic.Name, Group: want.Group.Name}, want.Until, wake)
}

// watching ties the notifications to the engine.
func (e *Engine) watching() watch.Options {
	return watch.Options{
		Clock: e.clock, Notify: e.notify,
		Route: func(topic mq.Physical) (*routes.Route, bool) { return e.routes.Known(topic) },
	}
}

func (e *Engine) notify(of watch.Of, at routes.Post, most time.Duration, done func(watch.Answer)) {
	h := &request.Notify{
		Group: of.Group.String(), Topic: of.Topic.String(), Queue: at.Queue, PollMillis: most.Milliseconds(), Broker: at.Broker,
	}
	ctx, cancel := context.WithCancel(e.ctx)
	r := remoting.Request{Code: remoting.Notification, Header: h, Timeout: most + 5*time.Second}
	e.client.Start(ctx, at.Address, r, func(f *remoting.Frame, err error) {
		cancel()
		var a request.NotifyAnswer
		if err == nil {
			if err = f.Err(); err == nil {
				err = f.Into(&a)
			}
			f.Release()
		}
		if e.ctx.Err() != nil {
			return
		}
		if err != nil {
			e.routes.Doubt(of.Topic, err)
		}
		done(watch.Answer{Has: a.Has, Full: a.Full, Err: err})
	})
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

func (e *Engine) parkPop(want mq.Want, at routes.Post, wait time.Duration, done func([]request.Popped, error)) {
	f, err := filter.Compile(want.Filter)
	if err != nil {
		done(nil, err)
		return
	}
	hide, _ := hold(want)
	h := popOf(want, popping{filter: f, most: want.Max, hide: hide + park.Spare}, at.Broker)
	h.PollMillis = wait.Milliseconds()
	ctx, cancel := context.WithCancel(e.ctx)
	r := remoting.Request{Code: remoting.PopMessage, Header: h, Timeout: wait + 5*time.Second}
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
