// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/mq"
)

// servers is the name servers. They know the same and do not talk to each other: any will do, the one that answered last comes first.
type servers struct {
	all  []string
	last atomic.Int64
}

// askServers asks one name server after the other until one answers.
func (e *Engine) askServers(ctx context.Context, q remoting.Request) (*remoting.Frame, error) {
	var failed error
	first := int(e.servers.last.Load())
	for i := range e.servers.all {
		at := (first + i) % len(e.servers.all)
		f, err := e.client.Call(ctx, e.servers.all[at], q)
		if err != nil {
			failed = err
			continue
		}
		e.servers.last.Store(int64(at))
		if err := f.Err(); err != nil {
			f.Release()
			return nil, err
		}
		return f, nil
	}
	return nil, failed
}

// route is a topic's queues at one moment. It is never changed.
type route struct {
	set       mq.QueueSet
	writable  []place
	readable  []place
	readers   []string          // names of brokers with readable queues
	addresses map[string]string // primaries by broker name
}

// place is one queue.
type place struct {
	broker string
	queue  int32
}

func (r *route) address(broker string) (string, error) {
	if a := r.addresses[broker]; a != "" {
		return a, nil
	}
	return "", mq.Refuse(mq.Unavailable, "no primary of broker %s is known", broker)
}

func newRoute(from request.Route) *route {
	r := &route{addresses: map[string]string{}}
	for _, b := range from.Brokers {
		r.addresses[b.Name] = b.Addresses[request.PrimaryID]
	}
	for _, q := range from.Queues {
		if r.addresses[q.Broker] == "" {
			continue
		}
		read, write := q.Permission&request.MayRead != 0, q.Permission&request.MayWrite != 0
		for id := range max(q.Read, q.Write) {
			x := mq.Queue{Broker: q.Broker, ID: mq.QueueID(id), Readable: read && id < q.Read, Writable: write && id < q.Write}
			if x.Readable || x.Writable {
				r.set = append(r.set, x)
			}
		}
	}
	slices.SortFunc(r.set, func(a, b mq.Queue) int { return cmp.Or(cmp.Compare(a.Broker, b.Broker), cmp.Compare(a.ID, b.ID)) })
	for _, q := range r.set {
		at := place{q.Broker, int32(q.ID)}
		if q.Writable {
			r.writable = append(r.writable, at)
		}
		if q.Readable {
			r.readable = append(r.readable, at)
			if !slices.Contains(r.readers, q.Broker) {
				r.readers = append(r.readers, q.Broker)
			}
		}
	}
	return r
}

// routes is what is known of topics.
type routes struct {
	mu  sync.Mutex // guards all; leaf
	all map[mq.Physical]*known
}

type known struct {
	route   *route // nil: never found
	stale   bool   // ask again before the next use
	used    time.Time
	looking *look
}

// look is one question to the name servers, shared by all who wait for it.
type look struct {
	done  chan struct{}
	route *route
	err   error
}

func (r *routes) init() { r.all = map[mq.Physical]*known{} }

// route gives a topic's route, from memory if it is there and no error spoke against it.
func (e *Engine) route(ctx context.Context, topic mq.Physical) (*route, error) {
	e.routes.mu.Lock()
	k := e.routes.all[topic]
	if k != nil {
		k.used = e.clock.Now()
		if k.route != nil && !k.stale {
			defer e.routes.mu.Unlock()
			return k.route, nil
		}
	}
	e.routes.mu.Unlock()
	return e.lookUp(ctx, topic)
}

// lookUp asks the name servers. The question outlives who asked first.
func (e *Engine) lookUp(ctx context.Context, topic mq.Physical) (*route, error) {
	e.routes.mu.Lock()
	k := e.routes.all[topic]
	if k == nil {
		k = &known{}
		e.routes.all[topic] = k
	}
	k.used = e.clock.Now()
	l := k.looking
	if l == nil {
		l = &look{done: make(chan struct{})}
		k.looking = l
		e.joined.Go(func() { e.look(topic, k, l) })
	}
	e.routes.mu.Unlock()
	select {
	case <-l.done:
		return l.route, l.err
	case <-ctx.Done():
		return nil, mq.Refuse(mq.Timeout, "the route of %s did not come in the caller's time", topic)
	}
}

func (e *Engine) look(topic mq.Physical, k *known, l *look) {
	defer close(l.done)
	e.routes.mu.Lock()
	before := k.route
	e.routes.mu.Unlock()
	l.route, l.err = e.fetch(e.ctx, topic)
	e.routes.mu.Lock()
	defer e.routes.mu.Unlock()
	k.looking = nil
	switch {
	case l.err == nil:
		if k.route == nil || !slices.Equal(k.route.set, l.route.set) {
			signal(e.changed)
		}
		k.route, k.stale = l.route, false
	case k.route != before: // somebody made the topic in the meantime
		l.route, l.err = k.route, nil
	case mq.KindOf(l.err) == mq.TopicNotFound:
		if k.route != nil {
			signal(e.changed)
		}
		delete(e.routes.all, topic)
	case k.route != nil: // no name server answers: what was known goes on, brokers may be well
		l.route, l.err = k.route, nil
	}
}

// learn puts a route that was just fetched in the place of what was known.
func (e *Engine) learn(topic mq.Physical, r *route) {
	e.routes.mu.Lock()
	defer e.routes.mu.Unlock()
	k := e.routes.all[topic]
	if k == nil {
		k = &known{}
		e.routes.all[topic] = k
	}
	if k.route == nil || !slices.Equal(k.route.set, r.set) {
		signal(e.changed)
	}
	k.route, k.stale, k.used = r, false, e.clock.Now()
}

func (e *Engine) fetch(ctx context.Context, topic mq.Physical) (*route, error) {
	f, err := e.askServers(ctx, remoting.Request{Code: remoting.TopicRoute, Header: &request.RouteOf{Topic: topic.String(), Standard: true}})
	if err != nil {
		return nil, err
	}
	defer f.Release()
	r, err := request.ParseRoute(f.Body)
	if err != nil {
		return nil, mq.Refuse(mq.Internal, "route of %s: %v", topic, err)
	}
	return newRoute(r), nil
}

// doubt makes the next use of a topic ask the name servers again: a broker's answer spoke against what is known.
func (e *Engine) doubt(topic mq.Physical, err error) {
	switch mq.KindOf(err) {
	case mq.Unavailable, mq.TopicNotFound, mq.Forbidden, mq.BadRequest:
		e.routes.mu.Lock()
		if k := e.routes.all[topic]; k != nil {
			k.stale = true
		}
		e.routes.mu.Unlock()
	}
}

// refreshRoutes looks at the routes in use again and again, and forgets the others.
func (e *Engine) refreshRoutes() {
	timer := e.clock.NewTimer(e.opts.RouteEvery)
	defer timer.Stop()
	for {
		select {
		case <-e.ctx.Done():
			return
		case <-timer.C():
		}
		now := e.clock.Now()
		var due []mq.Physical
		e.routes.mu.Lock()
		for topic, k := range e.routes.all {
			if now.Sub(k.used) > routeIdle {
				delete(e.routes.all, topic)
			} else {
				due = append(due, topic)
			}
		}
		e.routes.mu.Unlock()
		for _, topic := range due {
			used := e.usedAt(topic)
			if _, err := e.lookUp(e.ctx, topic); err != nil && e.ctx.Err() == nil {
				e.journal.Warn("route not refreshed", "topic", topic.String(), "error", err)
			}
			e.touch(topic, used)
		}
		timer.Reset(e.opts.RouteEvery)
	}
}

// usedAt and touch keep the refresher's own look from counting as use.
func (e *Engine) usedAt(topic mq.Physical) time.Time {
	e.routes.mu.Lock()
	defer e.routes.mu.Unlock()
	if k := e.routes.all[topic]; k != nil {
		return k.used
	}
	return e.clock.Now()
}

func (e *Engine) touch(topic mq.Physical, used time.Time) {
	e.routes.mu.Lock()
	defer e.routes.mu.Unlock()
	if k := e.routes.all[topic]; k != nil {
		k.used = used
	}
}
