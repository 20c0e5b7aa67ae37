// SPDX-License-Identifier: Apache-2.0

// Package rocketmq is the message engine over a RocketMQ 5 cluster.
//
// The simple story: every verb is one or two requests to the broker that owns the queue; what the cluster cannot tell is kept
// nowhere. Tokens carry all that a later request needs (broker, queue, offsets, checkpoint), so any proxy settles what another one
// delivered. What is in memory are routes, refreshed by timer and after errors, and who waits for what; both are rebuilt from
// nothing within a round trip.
//
// What must hold:
//   - An outcome is as certain as the broker's words: remoting.Frame.Err decides between refused and unknown, and nobody makes an unknown
//     outcome a failure here. Only a refused send is sent to another queue, and never one of a message group.
//   - A verdict on a transaction is sent once: brokers carry out a second one as well.
//   - Dead letters are sent like any message and acknowledged afterwards, because the brokers' own move does not wait for the disk.
//   - A broker checks tags by hash and acknowledgements not at all: tags are compared again here.
//
// The files that carry the name of a verb hold that verb.
package rocketmq

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Options configure an engine. NameServers is required.
type Options struct {
	NameServers []string // host:port
	Cluster     mq.Cluster
	Clock       clock.Clock // default: the system's; brokers' clocks should not be off by more than half a second
	Logger      *slog.Logger
	Remoting    remoting.Options // Clock and Handle are set here
	MaxDelay    time.Duration    // the brokers' timerMaxDelaySec, default 3 days
	RouteEvery  time.Duration    // between two looks at a route that is in use, default 15 s
}

const (
	routeIdle     = 10 * time.Minute // a route that nobody asked for so long is forgotten
	renewHold     = 60 * time.Second // the lease of an ordered want with Renew
	renewEvery    = 20 * time.Second
	longHold      = 15 * time.Minute // the lease of any other want with Renew: the groups' default consumeTimeoutMinute
	heartbeatRest = 20 * time.Second
)

// Engine is an open engine. All methods are safe for concurrent use.
type Engine struct {
	opts      Options
	clock     clock.Clock
	journal   *slog.Logger
	client    *remoting.Client
	servers   servers
	routes    routes
	watches   watches
	begun     sync.Map // begunKey -> struct{}: groups whose first offsets were set
	renewed   renewed
	recalled  recalled
	askers    askers
	announced announced
	checks    chan incomingCheck
	changed   chan struct{} // capacity 1

	settled settledRuns

	stop   context.CancelFunc
	ctx    context.Context
	joined sync.WaitGroup
	once   sync.Once
}

// Open makes an engine. It connects when it is first asked.
func Open(o Options) (*Engine, error) {
	if len(o.NameServers) == 0 {
		return nil, errors.New("rocketmq: options need a name server")
	}
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxDelay <= 0 {
		o.MaxDelay = 72 * time.Hour
	}
	if o.RouteEvery <= 0 {
		o.RouteEvery = 15 * time.Second
	}
	ctx, stop := context.WithCancel(context.Background())
	e := &Engine{
		opts: o, clock: o.Clock, journal: o.Logger, servers: servers{all: o.NameServers}, checks: make(chan incomingCheck, 1024),
		changed: make(chan struct{}, 1), stop: stop, ctx: ctx,
	}
	r := o.Remoting
	r.Clock, r.Handle = o.Clock, e.incoming
	e.client = remoting.New(r)
	e.routes.init()
	e.watches.init(e)
	e.renewed.init()
	e.joined.Go(e.refreshRoutes)
	e.joined.Go(e.poseChecks)
	return e, nil
}

// Close ends every duty and connection. It is idempotent and waits.
func (e *Engine) Close() error {
	e.once.Do(func() {
		e.stop()
		e.client.Close()
		e.joined.Wait()
	})
	return nil
}

// Traits says what the engine can do.
func (e *Engine) Traits() mq.Traits { return Traits(e.opts.MaxDelay) }

// Traits says what a RocketMQ cluster whose brokers delay up to maxDelay can do.
func Traits(maxDelay time.Duration) mq.Traits {
	return mq.Traits{
		Name: "rocketmq", MaxDelay: min(maxDelay, mq.MaxDelay), MaxBatch: mq.MaxBatch, MaxHold: min(maxDelay, mq.MaxHold),
		FIFOBlocksQueue: true, Recall: true, AttemptsInEngine: true, ResetWhileLeased: true,
	}
}

// signal fills a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// call asks a broker by name and gives its answer if it is Success.
func (e *Engine) call(ctx context.Context, r *route, broker string, q remoting.Request) (*remoting.Frame, error) {
	address, err := r.address(broker)
	if err != nil {
		return nil, err
	}
	f, err := e.client.Call(ctx, address, q)
	if err != nil {
		return nil, err
	}
	if err := f.Err(); err != nil {
		f.Release()
		return nil, err
	}
	return f, nil
}

// target is a broker of a route.
type target struct {
	route  *route
	broker string
}

// ask is call with a typed answer; answer may be nil.
func (e *Engine) ask(ctx context.Context, at target, q remoting.Request, answer remoting.Header) error {
	f, err := e.call(ctx, at.route, at.broker, q)
	if err != nil {
		return err
	}
	defer f.Release()
	if answer == nil {
		return nil
	}
	if err := f.Into(answer); err != nil {
		return mq.Doubt(mq.Internal, err, "answer to request %d", q.Code)
	}
	return nil
}
