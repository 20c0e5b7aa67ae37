// SPDX-License-Identifier: Apache-2.0

// Package watch is who waits for messages of groups without order; for the others see package park.
//
// A notification is a request that a broker answers when a group has something there. One per topic, group and broker is parked for all who
// wait, whatever their number.
//
// What must hold:
//   - A message that arrives answers one notification of its group at its broker, that which would wait longest. A parked notification cannot be
//     called off. So one that nobody waits behind any more swallows a wake that another proxy waits for, and a poll there ends empty while a
//     message lies at the broker.
//   - Therefore no notification is parked for longer than somebody waits (until), nor longer than Most; and who begins to wait parks a new one, which
//     waits longer than all that were left behind before, here or at other proxies. That is put off until the one before it is Settle old, so that
//     a group whose every message ends a wait does not fill the broker's list.
//   - What is left is a wait that began later elsewhere and ended early: it delays who waited before it by what it had left of Most.
//   - No goroutine waits, and no callback runs under the lock.
package watch

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/park"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

const (
	// Most is how long a broker parks a notification.
	Most = 5 * time.Second
	// Settle is how old a notification becomes before another one is parked beside it.
	Settle = 250 * time.Millisecond
	rest   = time.Second // after a notification that failed
)

// Answer is what became of a notification.
type Answer struct {
	Has  bool // the group has something there
	Full bool // the broker parks no more
	Err  error
}

// Options tie a list to its engine. All are required, and none of the functions may wait.
type Options struct {
	Clock clock.Clock
	// Route gives a topic's route from memory.
	Route func(topic mq.Physical) (*routes.Route, bool)
	// Notify parks a notification at a broker for at most a time, and calls done once with its end, unless the engine was closed.
	Notify func(of Of, at routes.Post, most time.Duration, done func(Answer))
}

// Of is what is waited for.
type Of struct{ Topic, Group mq.Physical }

// List holds who waits.
type List struct {
	opts  Options
	mu    sync.Mutex // guards all below
	all   map[Of]*watch
	named map[Of]string // the broker that last said it has something, until a Take asked it
}

// New makes an empty list.
func New(o Options) *List {
	return &List{opts: o, all: map[Of]*watch{}, named: map[Of]string{}}
}

type watch struct {
	armed  map[*park.Bell]time.Time // until when each waits; zero is not known
	since  time.Time                // from when on somebody waits without a gap
	parked map[string]parked        // by address; none is empty
	later  bool                     // a look is set for when the notifications are Settle old
}

// parked is when the notifications of a watch that are under way at one address were parked, in this order.
type parked []time.Time

// Arm asks for one call of wake when a Take may find something. Until is when the caller stops waiting, zero if that is not known.
func (l *List) Arm(of Of, until time.Time, wake func()) (disarm func()) {
	a, now := park.NewBell(wake), l.opts.Clock.Now()
	l.mu.Lock()
	x := l.all[of]
	if x == nil {
		x = &watch{armed: map[*park.Bell]time.Time{}, parked: map[string]parked{}}
		l.all[of] = x
	}
	if len(x.armed) == 0 {
		x.since = now
	}
	x.armed[a] = until
	l.mu.Unlock()
	l.park(of)
	return func() {
		a.Silence()
		l.mu.Lock()
		delete(x.armed, a)
		l.forgetLocked(of, x)
		l.mu.Unlock()
	}
}

// forgetLocked drops a watch that nobody waits at and nothing is parked for.
func (l *List) forgetLocked(of Of, x *watch) {
	if len(x.armed) == 0 && !x.later && len(x.parked) == 0 && l.all[of] == x {
		delete(l.all, of)
	}
}

// First is the index of the reader that a Take asks first: the one that was named, or any.
func (l *List) First(r *routes.Route, of Of) int {
	l.mu.Lock()
	broker, ok := l.named[of]
	delete(l.named, of)
	l.mu.Unlock()
	if i := slices.Index(r.Readers, broker); ok && i >= 0 {
		return i
	}
	return rand.IntN(max(len(r.Readers), 1))
}

// wakeAll wakes everybody who waits for a topic and group.
func (l *List) wakeAll(of Of) {
	l.mu.Lock()
	var all []*park.Bell
	if x := l.all[of]; x != nil {
		for a := range x.armed {
			all = append(all, a)
		}
		clear(x.armed)
		l.forgetLocked(of, x)
	}
	l.mu.Unlock()
	for _, a := range all {
		a.Ring()
	}
}

// Moved wakes all who wait for a topic of which a primary was replaced. A notification that is parked at the old one stays there, but no longer counts.
func (l *List) Moved(topic mq.Physical) {
	var all []Of
	l.mu.Lock()
	for of := range l.all {
		if of.Topic == topic {
			all = append(all, of)
		}
	}
	l.mu.Unlock()
	for _, of := range all {
		l.wakeAll(of)
	}
}

// start is a notification that is to be parked.
type start struct {
	at    routes.Post
	began time.Time
	most  time.Duration
}

// park sees to it that every broker of the topic has a notification while somebody waits, parked since the wait began.
func (l *List) park(of Of) {
	route, known := l.opts.Route(of.Topic)
	if !known { // a Take before this one looked it up; now it is gone
		l.wakeAll(of)
		return
	}
	l.mu.Lock()
	x := l.all[of]
	if x == nil || len(x.armed) == 0 {
		l.mu.Unlock()
		return
	}
	all, wait := l.dueLocked(x, route)
	if wait > 0 && !x.later {
		x.later = true
		l.opts.Clock.AfterFunc(wait, func() {
			l.mu.Lock()
			x.later = false
			l.forgetLocked(of, x)
			l.mu.Unlock()
			l.park(of)
		})
	}
	l.mu.Unlock()
	for _, s := range all {
		l.notify(of, x, s)
	}
}

// dueLocked notes what is to be parked now as parked, and tells in which time to look again for what is not yet.
func (l *List) dueLocked(x *watch, route *routes.Route) (all []start, wait time.Duration) {
	now := l.opts.Clock.Now()
	for _, broker := range route.Readers {
		address := route.Addresses[broker]
		if under := x.parked[address]; len(under) > 0 {
			last := under[len(under)-1]
			if !last.Before(x.since) {
				continue
			}
			if young := Settle - now.Sub(last); young > 0 {
				wait = max(wait, young)
				continue
			}
		}
		all = append(all, start{at: routes.Post{Place: routes.Place{Broker: broker, Queue: request.AnyQueue}, Address: address}, began: now})
	}
	if len(all) == 0 {
		return nil, wait
	}
	most := Most
	if last, known := lastOf(x.armed); known {
		most = min(most, last.Sub(now)+park.Grace)
	}
	if most <= park.Grace {
		return nil, 0 // all who wait are about to go
	}
	for i := range all {
		all[i].most = most
		x.parked[all[i].at.Address] = append(x.parked[all[i].at.Address], now)
	}
	return all, wait
}

// lastOf is when the last of those who wait stops; known is false if one does not tell.
func lastOf(armed map[*park.Bell]time.Time) (last time.Time, known bool) {
	for _, until := range armed {
		if until.IsZero() {
			return time.Time{}, false
		}
		if until.After(last) {
			last = until
		}
	}
	return last, true
}

func (l *List) notify(of Of, x *watch, s start) {
	l.opts.Notify(of, s.at, s.most, func(a Answer) {
		l.mu.Lock()
		under := x.parked[s.at.Address]
		if i := slices.Index(under, s.began); i >= 0 {
			under = slices.Delete(under, i, i+1)
		}
		if x.parked[s.at.Address] = under; len(under) == 0 {
			delete(x.parked, s.at.Address)
		}
		if a.Has {
			l.named[of] = s.at.Broker
		}
		idle := len(x.armed) == 0
		l.forgetLocked(of, x)
		l.mu.Unlock()
		switch {
		case idle:
		case a.Err != nil || a.Full: // somebody must look: the topic may have moved
			l.opts.Clock.AfterFunc(rest, func() { l.wakeAll(of) })
		case a.Has:
			l.wakeAll(of)
		default: // not from here: the answer of a broker that parks nothing would call itself
			l.opts.Clock.AfterFunc(0, func() { l.park(of) })
		}
	})
}
