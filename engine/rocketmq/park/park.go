// SPDX-License-Identifier: Apache-2.0

// Package park is who waits for runs of ordered groups.
//
// An orderly acknowledgement wakes no notification and no pop that waits at any queue, only a pop that is parked at its very queue. So for
// all who wait for the same, one pop per queue is parked at the brokers, and what it brings is kept for them.
//
// What must hold:
//   - A parked pop carries an attempt of its own, new each time. With that of a caller it would come again to the run that the caller
//     holds by now, and void its tokens.
//   - A run is kept only for somebody who was woken for it and neither took nor disarmed yet. Whatever else comes is given back at once.
//   - A lease lasts from the call on that got it, and a run was popped before the call that takes it, perhaps before the call began. So a parked pop hides its
//     run for Spare longer than was asked, and a run that was kept too long for that is given back.
//   - A parked pop cannot be called off, and one that nobody waits behind any more takes a run from who waits at another proxy, which costs it one of
//     the broker's attempts. So none is parked for longer than somebody waits, and one for who came just now is short: as long as somebody waited already.
//   - A run that was given back was delivered to nobody, but brokers count it: the count is corrected here (Undelivered). That is
//     soft: another proxy sees the broker's count.
//   - No goroutine waits, and no callback runs under the lock.
package park

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Options tie a lot to its engine. All are required, and none of the functions may wait.
type Options struct {
	Clock clock.Clock
	// Queues gives the readable queues of a topic from memory.
	Queues func(topic mq.Physical) ([]routes.Post, bool)
	// Pop parks a pop at one queue for a time and calls done once with its end, unless the engine was closed. The want names the queue
	// and carries the pop's own attempt.
	Pop func(want mq.Want, at routes.Post, wait time.Duration, done func([]request.Popped, error))
	// Free lets a message show again.
	Free func(want mq.Want, m *request.Popped)
}

// A broker parks a pop for Least to Wait. What it brings later than its last waiter is given back.
const (
	Least = 500 * time.Millisecond
	Wait  = 10 * time.Second
)

// Grace is what a broker takes off the time for which it parks a request.
const Grace = 50 * time.Millisecond

// Spare is what a parked pop adds to the time for which its run is hidden: a second for its answer's way from the broker, and stale.
const Spare = stale + time.Second

const (
	stale     = 2 * time.Second // a run that was kept for longer is not handed out any more
	keptLimit = time.Second     // a run that nobody took by then wakes everybody
	rest      = time.Second     // after a pop that failed
	memory    = time.Hour       // of deliveries that reached nobody
)

// Lot holds who waits.
type Lot struct {
	opts  Options
	mu    sync.Mutex // guards all below and the parks; leaf
	all   map[key]*park
	alias map[aliasKey][]Alias
	sweep time.Time
	back  map[place]returned
}

// New makes an empty lot.
func New(o Options) *Lot {
	return &Lot{opts: o, all: map[key]*park{}, alias: map[aliasKey][]Alias{}, back: map[place]returned{}}
}

// place is where a message lies, as a group sees it.
type place struct {
	topic, group mq.Physical
	at           routes.Place
	offset       int64
}

// key is all in which two wants must agree to wait for the same pops: everything but their attempts.
type key struct {
	topic, group mq.Physical
	broker       string
	queue        mq.QueueID
	filter       mq.Filter
	most         int
	hold         time.Duration
	renew        bool
}

func keyOf(w mq.Want) key {
	return key{w.Topic.Name, w.Group.Name, w.Broker, w.Queue, w.Filter, w.Max, w.Hold.Duration(), w.Renew}
}

type park struct {
	want    mq.Want              // of the one who came first
	waiting []*waiter            // not woken yet, in the order in which they came
	since   time.Time            // from when on somebody is in waiting without a gap
	woken   int                  // woken, and not disarmed yet
	under   map[routes.Post]bool // where a pop is parked
	kept    []Run                // what pops brought and nobody took
}

// waiter is one armed call. It is in park.waiting, or woken, or over.
type waiter struct {
	Bell
	until time.Time // when it stops waiting; zero is not known
	woken bool
	over  bool
}

// Run is what one parked pop brought.
type Run struct {
	At      routes.Place
	Attempt mq.AttemptID
	Popped  []request.Popped
	came    time.Time
}

func (r *Run) shown() time.Time { return r.Popped[0].Handle.Visible() }

type aliasKey struct {
	topic, group mq.Physical
	attempt      mq.AttemptID
}

// Alias is the attempt by which a broker knows a run that was brought for a caller's attempt.
type Alias struct {
	At      routes.Place
	Attempt mq.AttemptID
	until   time.Time
}

// returned is how often a message was given back without having been delivered.
type returned struct {
	times int
	until time.Time
}

// Arm asks for one call of wake when a run may be kept for such a want. It fires spuriously where a Take must look for itself.
func (l *Lot) Arm(want mq.Want, wake func()) (disarm func()) {
	k, a, now := keyOf(want), &waiter{Bell: Bell{wake: wake}, until: want.Until}, l.opts.Clock.Now()
	l.mu.Lock()
	x := l.all[k]
	if x == nil {
		x = &park{want: want, under: map[routes.Post]bool{}}
		l.all[k] = x
	}
	if len(x.waiting) == 0 {
		x.since = now
	}
	x.waiting = append(x.waiting, a)
	l.mu.Unlock()
	l.tend(k, x)
	return func() {
		a.Silence()
		l.mu.Lock()
		again := a.over
		a.over = true
		if !again && a.woken {
			x.woken--
		} else if !again {
			x.waiting = slices.DeleteFunc(x.waiting, func(other *waiter) bool { return other == a })
		}
		l.mu.Unlock()
		if !again {
			l.tend(k, x)
		}
	}
}

// tend brings a park into order after any change: wakes one waiter for each run that is kept, gives back what nobody comes for, parks
// pops where none is under way as long as somebody waits, and forgets the park when nothing is left.
func (l *Lot) tend(k key, x *park) {
	queues, known := l.opts.Queues(k.topic)
	var wake []*waiter
	var back []Run
	var start []routes.Post
	now, wait := l.opts.Clock.Now(), time.Duration(0)
	l.mu.Lock()
	for len(x.waiting) > 0 && (x.woken < len(x.kept) || !known) {
		wake = append(wake, x.wakeFirst())
	}
	for len(x.kept) > x.woken {
		last := len(x.kept) - 1
		back, x.kept = append(back, x.kept[last]), x.kept[:last]
	}
	if len(x.waiting) > 0 {
		for _, at := range queues {
			if !x.under[at] && (k.broker == "" || k.broker == at.Broker) && (k.queue == mq.AnyQueue || int32(k.queue) == at.Queue) {
				start = append(start, at)
			}
		}
		if len(start) > 0 {
			wait = x.wait(now)
		}
		if wait == 0 {
			start = nil
		}
		for _, at := range start {
			x.under[at] = true
		}
	}
	if len(x.waiting)+x.woken+len(x.under)+len(x.kept) == 0 && l.all[k] == x {
		delete(l.all, k)
	}
	l.mu.Unlock()
	for _, a := range wake {
		a.Ring()
	}
	for i := range back {
		l.giveBack(&x.want, &back[i])
	}
	for _, at := range start {
		l.pop(k, x, at, wait)
	}
}

// wait is for how long a pop is parked now: 0 if all who wait are about to go.
func (x *park) wait(now time.Time) time.Duration {
	wait := min(max(now.Sub(x.since), Least), Wait)
	last := now
	for _, a := range x.waiting {
		if a.until.IsZero() {
			return wait
		}
		if a.until.After(last) {
			last = a.until
		}
	}
	if left := last.Sub(now) + Grace; left > Grace {
		return min(wait, left)
	}
	return 0
}

// wakeFirst takes the first waiter out: the caller rings it without the lock.
func (x *park) wakeFirst() *waiter {
	a := x.waiting[0]
	x.waiting, a.woken = x.waiting[1:], true
	x.woken++
	return a
}

// wakeAll wakes everybody who waits in a park.
func (l *Lot) wakeAll(x *park) {
	var all []*waiter
	l.mu.Lock()
	for len(x.waiting) > 0 {
		all = append(all, x.wakeFirst())
	}
	l.mu.Unlock()
	for _, a := range all {
		a.Ring()
	}
}

// Moved wakes all who wait for a topic whose queues have another primary: what is parked at the old one may hear nothing for as long as it waits.
func (l *Lot) Moved(topic mq.Physical) {
	var all []*park
	l.mu.Lock()
	for k, x := range l.all {
		if k.topic == topic {
			all = append(all, x)
		}
	}
	l.mu.Unlock()
	for _, x := range all {
		l.wakeAll(x)
	}
}

// pop parks a pop at one queue.
func (l *Lot) pop(k key, x *park, at routes.Post, wait time.Duration) {
	want := x.want
	want.Attempt, want.Queue = mq.AttemptID(rand.Text()), mq.QueueID(at.Queue)
	again := func() {
		l.mu.Lock()
		delete(x.under, at)
		l.mu.Unlock()
		l.tend(k, x)
	}
	l.opts.Pop(want, at, wait, func(popped []request.Popped, err error) {
		switch {
		case err != nil: // somebody must look: the queue may have moved
			l.opts.Clock.AfterFunc(rest, func() { l.wakeAll(x); again() })
		case len(popped) == 0: // not from here: the answer of a broker that parks nothing would call itself
			l.opts.Clock.AfterFunc(0, again)
		default:
			l.keep(k, x, at, Run{at.Place, want.Attempt, popped, l.opts.Clock.Now()})
		}
	})
}

// keep holds a run for the first who waits.
func (l *Lot) keep(k key, x *park, from routes.Post, r Run) {
	l.mu.Lock()
	delete(x.under, from)
	x.kept = append(x.kept, r)
	l.mu.Unlock()
	l.tend(k, x)
	l.opts.Clock.AfterFunc(keptLimit, func() {
		l.mu.Lock()
		still := slices.ContainsFunc(x.kept, func(other Run) bool { return other.Attempt == r.Attempt })
		l.mu.Unlock()
		if still { // who was woken for it does not come
			l.wakeAll(x)
		}
	})
}

// Take gives the runs that are kept for such a want, as many as fit, and notes by which attempt the brokers know them.
func (l *Lot) Take(want mq.Want) []Run {
	all, old := l.take(want)
	for i := range old {
		l.giveBack(&want, &old[i])
	}
	return all
}

// take gives what fits, and what is too old for anybody.
func (l *Lot) take(want mq.Want) (all, old []Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.all[keyOf(want)]
	if x == nil || len(x.kept) == 0 {
		return nil, nil
	}
	n, now := 0, l.opts.Clock.Now()
	x.kept = slices.DeleteFunc(x.kept, func(r Run) bool {
		switch {
		case now.Sub(r.came) > stale:
			old = append(old, r)
			return true
		case n > 0 && n+len(r.Popped) > want.Max:
			return false
		}
		n += len(r.Popped)
		all = append(all, r)
		return true
	})
	if want.Attempt != "" {
		k := aliasKey{want.Topic.Name, want.Group.Name, want.Attempt}
		for i := range all {
			l.alias[k] = append(l.alias[k], Alias{all[i].At, all[i].Attempt, all[i].shown()})
		}
	}
	l.sweepLocked(now)
	return all, old
}

// Aliases tells by which attempts brokers know the runs that Take gave to a caller's attempt.
func (l *Lot) Aliases(want mq.Want) []Alias {
	if want.Attempt == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.opts.Clock.Now()
	return slices.DeleteFunc(slices.Clone(l.alias[aliasKey{want.Topic.Name, want.Group.Name, want.Attempt}]), func(a Alias) bool {
		return !a.until.After(now)
	})
}

// sweepLocked forgets now and then what is over.
func (l *Lot) sweepLocked(now time.Time) {
	if now.Before(l.sweep) {
		return
	}
	l.sweep = now.Add(time.Minute)
	for k, all := range l.alias {
		if !slices.ContainsFunc(all, func(a Alias) bool { return a.until.After(now) }) {
			delete(l.alias, k)
		}
	}
	for k, r := range l.back {
		if !r.until.After(now) {
			delete(l.back, k)
		}
	}
}

// giveBack frees a run that nobody saw. If that fails, it shows again when its lease is over.
func (l *Lot) giveBack(want *mq.Want, r *Run) {
	now := l.opts.Clock.Now()
	l.mu.Lock()
	for i := range r.Popped {
		at := placeOf(want, &r.Popped[i])
		l.back[at] = returned{l.back[at].times + 1, now.Add(memory)}
	}
	l.sweepLocked(now)
	l.mu.Unlock()
	for i := range r.Popped {
		l.opts.Free(*want, &r.Popped[i])
	}
}

// Undelivered is how many of the deliveries that a broker counts reached nobody.
func (l *Lot) Undelivered(want *mq.Want, m *request.Popped) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.back[placeOf(want, m)].times
}

func placeOf(want *mq.Want, m *request.Popped) place {
	return place{want.Topic.Name, want.Group.Name, routes.Place{Broker: m.Handle.Broker, Queue: m.Handle.Queue}, m.Handle.Offset}
}

// Forget drops what is known of a group's deliveries in a topic, after a reset.
func (l *Lot) Forget(topic, group mq.Physical) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at := range l.back {
		if at.topic == topic && at.group == group {
			delete(l.back, at)
		}
	}
}
