// SPDX-License-Identifier: Apache-2.0

// Package routes knows where the topics of a cluster are, from its name servers.
//
// A route is asked for when it is first needed, again when an error spoke against it, and by timer for as long as it is in use. A look that brought
// nothing new is not repeated at once, however many errors follow: name servers need their time to learn of a new primary, and every proxy asks. What was known
// goes on while no name server answers: brokers may be well. Name servers know the same and do not talk to each other: any will do, and the one that
// answered last comes first.
package routes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

const (
	idle = 10 * time.Minute       // a route that nobody asked for so long is forgotten
	rest = 100 * time.Millisecond // after a look that brought nothing new; all that a fail-over takes longer for it
)

// TemplateTopic is the topic from which brokers make topics on demand; it is routed where they do.
const TemplateTopic = "TBW102"

// TemplateQueues is how many queues of the template a topic made on demand gets at the most: what a send asks for.
const TemplateQueues = 4

// Options configure a table. All are required but Moved and OnDemand.
type Options struct {
	NameServers []string // host:port
	Client      *remoting.Client
	Clock       clock.Clock
	Log         *slog.Logger
	Every       time.Duration           // between two looks at a route that is in use
	Moved       func(topic mq.Physical) // told when a topic's queues have another primary; it must not wait
	OnDemand    bool                    // give the template's queues for a topic that is not there yet, where brokers make topics on demand
}

// Table is what is known of topics. All methods are safe for concurrent use.
type Table struct {
	opts    Options
	last    atomic.Int64          // the name server that answered last
	told    atomic.Pointer[Route] // the primaries as they were last told
	changed chan struct{}         // capacity 1
	ctx     context.Context
	stop    context.CancelFunc
	joined  sync.WaitGroup

	mu  sync.Mutex // guards all; leaf
	all map[mq.Physical]*known
}

type known struct {
	route   *Route              // nil: never found
	lanes   map[Place]time.Time // when each queue was last writable
	stale   bool                // ask again before the next use, but not while it rests
	resting time.Time           // until then a doubt asks nobody
	lost    time.Time           // since when the name servers know neither the topic nor a broker of its route
	moved   time.Time           // when a primary was last seen to have been replaced
	used    time.Time
	looking *look
}

// look is one question to the name servers, shared by all who wait for it.
type look struct {
	done  chan struct{}
	route *Route
	err   error
}

// Open makes a table and keeps it fresh until Close.
func Open(o Options) *Table {
	t := &Table{opts: o, changed: make(chan struct{}, 1), all: map[mq.Physical]*known{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.joined.Go(t.refresh)
	return t
}

// Close ends every question. It waits, and may be called twice.
func (t *Table) Close() {
	t.stop()
	t.joined.Wait()
}

// NameServers lists the addresses that are asked.
func (t *Table) NameServers() []string { return t.opts.NameServers }

// Changed receives when a route may have changed.
func (t *Table) Changed() <-chan struct{} { return t.changed }

func (t *Table) signal() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// Ask asks one name server after the other until one answers, and gives its answer if it is Success.
func (t *Table) Ask(ctx context.Context, q remoting.Request) (*remoting.Frame, error) {
	failed := errors.New("no name server is configured")
	first := int(t.last.Load())
	for i := range t.opts.NameServers {
		at := (first + i) % len(t.opts.NameServers)
		f, err := t.opts.Client.Call(ctx, t.opts.NameServers[at], q)
		if err != nil {
			failed = err
			continue
		}
		if err := f.Err(); mq.KindOf(err) == mq.Unsupported { // brokers speak the same protocol
			f.Release()
			failed = mq.Refuse(mq.Unavailable, "no name server of the cluster answers").Because(fmt.Errorf("%s is not a name server: %w", t.opts.NameServers[at], err))
			continue
		} else if err != nil {
			t.last.Store(int64(at))
			f.Release()
			return nil, err
		}
		t.last.Store(int64(at))
		return f, nil
	}
	return nil, failed
}

// Route gives a topic's route, from memory if it is there and no error spoke against it.
func (t *Table) Route(ctx context.Context, topic mq.Physical) (*Route, error) {
	t.mu.Lock()
	k := t.all[topic]
	if k != nil {
		k.used = t.opts.Clock.Now()
		if k.route != nil && (!k.stale || k.used.Before(k.resting)) {
			defer t.mu.Unlock()
			return k.route, nil
		}
	}
	t.mu.Unlock()
	return t.LookUp(ctx, topic)
}

// Known answers from memory, whatever spoke against it; false when nothing is known of the topic yet.
func (t *Table) Known(topic mq.Physical) (*Route, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.all[topic]
	if k == nil || k.route == nil {
		return nil, false
	}
	k.used = t.opts.Clock.Now()
	return k.route, true
}

// at gives a topic's entry and makes it where there is none. It needs mu.
func (t *Table) at(topic mq.Physical) *known {
	k := t.all[topic]
	if k == nil {
		k = &known{}
		t.all[topic] = k
	}
	return k
}

// LookUp asks the name servers. The question outlives who asked first.
func (t *Table) LookUp(ctx context.Context, topic mq.Physical) (*Route, error) {
	t.mu.Lock()
	k := t.at(topic)
	k.used = t.opts.Clock.Now()
	l := k.looking
	if l == nil {
		l = &look{done: make(chan struct{})}
		k.looking = l
		t.joined.Go(func() { t.look(topic, k, l) })
	}
	t.mu.Unlock()
	select {
	case <-l.done:
		return l.route, l.err
	case <-ctx.Done():
		return nil, mq.Refuse(mq.Timeout, "the route of %s did not come in the caller's time", topic)
	}
}

func (t *Table) look(topic mq.Physical, k *known, l *look) {
	defer close(l.done)
	t.mu.Lock()
	before := k.route
	t.mu.Unlock()
	l.route, l.err = t.Fetch(t.ctx, topic)
	lost := false
	if before != nil && mq.KindOf(l.err) == mq.TopicNotFound {
		if lost = t.lost(before); !lost { // it may have come round between the two answers
			l.route, l.err = t.Fetch(t.ctx, topic)
		}
	}
	var moved bool
	t.mu.Lock()
	k.looking = nil
	switch {
	case l.err == nil:
		moved = t.putLocked(k, l.route)
	case k.route != before: // somebody made the topic in the meantime
		l.route, l.err = k.route, nil
	case mq.KindOf(l.err) == mq.TopicNotFound && !(lost && k.staysLocked(t.opts.Clock.Now())):
		if k.route != nil {
			t.signal()
		}
		delete(t.all, topic)
	case k.route != nil: // no name server answers, or they lost its broker: what was known goes on, brokers may be well
		l.route, l.err = k.route, nil
		k.resting = t.opts.Clock.Now().Add(rest)
	}
	t.mu.Unlock()
	if moved {
		t.moved(topic)
	}
}

// lostFor is how long a route stays of which the name servers know neither the topic nor a broker: each broker comes round within a minute.
const lostFor = 2 * time.Minute

// staysLocked tells whether a route whose broker the name servers lost goes on, for now.
func (k *known) staysLocked(now time.Time) bool {
	if k.lost.IsZero() {
		k.lost = now
	}
	return now.Sub(k.lost) < lostFor
}

// lost tells whether the name servers do not know a broker of a route: one that was restarted, or whose connection to the broker was closed, knows nothing of it
// until it comes round, and says that its topics are not there. A topic that is gone is one that its brokers do not have.
func (t *Table) lost(r *Route) bool {
	known, err := t.brokers(t.ctx)
	if err != nil {
		return true
	}
	for name := range r.Addresses {
		if _, ok := known[name]; !ok {
			return true
		}
	}
	return false
}

// putLocked puts a route that was just fetched in the place of what was known, and tells whether a primary listens elsewhere now.
func (t *Table) putLocked(k *known, r *Route) (moved bool) {
	same := k.route != nil && slices.Equal(k.route.Set, r.Set)
	moved = k.route != nil && !maps.Equal(k.route.Addresses, r.Addresses)
	if !same {
		t.signal()
	}
	k.resting, k.lost = time.Time{}, time.Time{}
	if moved {
		k.moved = t.opts.Clock.Now()
	}
	if k.stale && same && !moved {
		k.resting = t.opts.Clock.Now().Add(rest)
	}
	k.lanes = lanesOf(r, k.lanes, t.opts.Clock.Now())
	k.route, k.stale = r, false
	return moved
}

// LaneMemory is how long the queues of a broker that is gone, or takes no messages, still count where message groups are spread. A broker that restarts is
// back sooner. If its lanes went to other queues meanwhile, what lies in its own would come after what was sent later.
const LaneMemory = 3 * time.Minute

// lanesOf notes when each queue was last writable, and spreads a route's lanes over those that are or were a moment ago. A broker that is there says itself
// how many queues it has.
func lanesOf(r *Route, was map[Place]time.Time, now time.Time) map[Place]time.Time {
	seen, there := map[Place]time.Time{}, map[string]bool{}
	for _, at := range r.Writable {
		seen[at], there[at.Broker] = now, true
	}
	for at, last := range was {
		if !there[at.Broker] && now.Sub(last) < LaneMemory {
			seen[at] = last
		}
	}
	r.Lanes = slices.SortedFunc(maps.Keys(seen), func(a, b Place) int { return cmp.Or(cmp.Compare(a.Broker, b.Broker), cmp.Compare(a.Queue, b.Queue)) })
	if len(seen) == len(r.Writable) {
		r.Lanes = r.Writable // in the very order that Apache's proxy hashes over
	}
	return seen
}

// MovedSince tells whether a primary of the topic was seen to be replaced since a time.
func (t *Table) MovedSince(topic mq.Physical, at time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.all[topic]
	return k != nil && k.moved.After(at)
}

func (t *Table) moved(topic mq.Physical) {
	if t.opts.Moved != nil {
		t.opts.Moved(topic)
	}
}

// Learn puts a route that was just fetched in the place of what was known.
func (t *Table) Learn(topic mq.Physical, r *Route) {
	t.mu.Lock()
	k := t.at(topic)
	k.used = t.opts.Clock.Now()
	moved := t.putLocked(k, r)
	t.mu.Unlock()
	if moved {
		t.moved(topic)
	}
}

// Forget drops what is known of a topic.
func (t *Table) Forget(topic mq.Physical) {
	t.mu.Lock()
	delete(t.all, topic)
	t.mu.Unlock()
	t.signal()
}

// Doubt makes the next use of a topic ask the name servers again: a broker's answer spoke against what is known, or its silence. A primary that was
// frozen while another one was elected is a secondary when it wakes: it says that it is busy to sends, and nothing wrong to others.
func (t *Table) Doubt(topic mq.Physical, err error) {
	switch mq.KindOf(err) {
	case mq.Unavailable, mq.Timeout, mq.TooManyRequests, mq.TopicNotFound, mq.Forbidden, mq.BadRequest:
		t.mu.Lock()
		if k := t.all[topic]; k != nil {
			k.stale = true
		}
		t.mu.Unlock()
	}
}

// Fetch asks the name servers and remembers nothing.
func (t *Table) Fetch(ctx context.Context, topic mq.Physical) (*Route, error) {
	r, err := t.fetch(ctx, topic.String())
	if mq.KindOf(err) != mq.TopicNotFound || !t.opts.OnDemand {
		return r, err
	}
	template, templateErr := t.fetch(ctx, TemplateTopic)
	if templateErr != nil { // brokers make no topics on demand
		return nil, err
	}
	return template.onDemand(), nil
}

func (t *Table) fetch(ctx context.Context, topic string) (*Route, error) {
	f, err := t.Ask(ctx, remoting.Request{Code: remoting.TopicRoute, Header: &request.RouteOf{Topic: topic, Standard: true}})
	if err != nil {
		return nil, err
	}
	defer f.Release()
	r, err := request.ParseRoute(f.Body)
	if err != nil {
		return nil, mq.Refuse(mq.Internal, "route of %s: %v", topic, err)
	}
	return New(r), nil
}

// refresh looks at the routes in use again and again, and forgets the others.
func (t *Table) refresh() {
	timer := t.opts.Clock.NewTimer(t.opts.Every)
	defer timer.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-timer.C():
		}
		for topic, used := range t.inUse() {
			if _, err := t.LookUp(t.ctx, topic); err != nil && t.ctx.Err() == nil {
				t.opts.Log.Warn("route not refreshed", "topic", topic.String(), "error", err)
			}
			t.touch(topic, used)
		}
		timer.Reset(t.opts.Every)
	}
}

// inUse gives the topics in use with the time of their last use, and forgets the others.
func (t *Table) inUse() map[mq.Physical]time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, due := t.opts.Clock.Now(), make(map[mq.Physical]time.Time, len(t.all))
	for topic, k := range t.all {
		if now.Sub(k.used) > idle {
			delete(t.all, topic)
		} else {
			due[topic] = k.used
		}
	}
	return due
}

// touch keeps the refresher's own look from counting as use. A use in the meantime is not lost for longer than one refresh, which is far
// below idle.
func (t *Table) touch(topic mq.Physical, used time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := t.all[topic]; k != nil {
		k.used = used
	}
}
