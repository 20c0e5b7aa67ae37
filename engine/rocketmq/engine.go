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
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/checks"
	"github.com/causeway-mq/causeway/engine/rocketmq/line"
	"github.com/causeway-mq/causeway/engine/rocketmq/park"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/engine/rocketmq/soft"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/engine/rocketmq/watch"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Options configure an engine. NameServers is required.
type Options struct {
	NameServers []string // host:port
	Cluster     mq.Cluster
	BrokersName string      // the brokers' brokerClusterName, default Cluster's
	Clock       clock.Clock // default: the system's; brokers' clocks should not be off by more than half a second
	Logger      *slog.Logger
	Remoting    remoting.Options    // Clock and Handle are set here
	MaxDelay    time.Duration       // the brokers' timerMaxDelaySec, default 3 days
	RouteEvery  time.Duration       // between two looks at a route that is in use, default 15 s
	BatchSends  bool                // let sends of many callers to one topic share a request while one is under way: it spares brokers, not the proxy
	Busy        func(remoting.Busy) // hears of each answer of a broker that is busy; must be quick
	OnDemand    bool                // send to topics that are not there yet where the brokers make them with the first message
}

const (
	renewHold     = 60 * time.Second // the lease of an ordered want with Renew
	renewEvery    = 20 * time.Second
	longHold      = 15 * time.Minute // the lease of any other want with Renew where the group's configuration cannot be had
	heartbeatRest = 20 * time.Second
	acksAtOnce    = 512 // in one request of acknowledgements
)

// Engine is an open engine. All methods are safe for concurrent use.
type Engine struct {
	opts      Options
	clock     clock.Clock
	journal   *slog.Logger
	client    *remoting.Client
	routes    *routes.Table
	moves     atomic.Int64 // how often a topic was found at another primary
	remade    soft.Remade
	watches   *watch.List
	parks     *park.Lot
	begun     sync.Map // begunKey -> struct{}: groups whose first offsets were set
	renewed   soft.Renewed
	lines     line.Lines[mq.Lease]  // by broker
	sends     line.Lines[*together] // by topic and broker
	holds     holds
	recalled  soft.Recalled
	buried    soft.Buried
	askers    checks.Askers
	announced checks.Announced
	questions chan checks.Question

	settled soft.Settled
	clocks  soft.Clocks

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
	if o.Busy == nil {
		o.Busy = func(remoting.Busy) {}
	}
	if o.BrokersName == "" {
		o.BrokersName = o.Cluster.String()
	}
	if o.MaxDelay <= 0 {
		o.MaxDelay = 72 * time.Hour
	}
	if o.RouteEvery <= 0 {
		o.RouteEvery = 15 * time.Second
	}
	ctx, stop := context.WithCancel(context.Background())
	e := &Engine{
		opts: o, clock: o.Clock, journal: o.Logger, questions: make(chan checks.Question, 1024), askers: checks.Askers{Cluster: o.Cluster},
		lines: line.Lines[mq.Lease]{Most: acksAtOnce}, sends: line.Lines[*together]{Most: stored.MaxBatch}, stop: stop, ctx: ctx,
	}
	r := o.Remoting
	r.Clock, r.Handle = o.Clock, e.incoming
	e.client = remoting.New(r)
	e.watches = watch.New(e.watching())
	e.parks = park.New(e.parking())
	e.routes = routes.Open(routes.Options{
		NameServers: o.NameServers, Client: e.client, Clock: o.Clock, Log: o.Logger, Every: o.RouteEvery, OnDemand: o.OnDemand, Moved: e.moved,
	})
	e.joined.Go(e.poseChecks)
	return e, nil
}

// Close ends every duty and connection. It is idempotent and waits.
func (e *Engine) Close() error {
	e.once.Do(func() {
		e.stop()
		e.client.Close()
		e.routes.Close()
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
		FIFOBlocksQueue: true, Recall: true, AttemptsInEngine: true, ResetWhileLeased: true, ShowsLater: true,
		RoundsAreLooks: true,
	}
}

// moved lets all who wait for a topic look again at the primaries that it has now.
func (e *Engine) moved(topic mq.Physical) {
	e.moves.Add(1)
	e.watches.Moved(topic)
	e.parks.Moved(topic)
}

// call asks a broker by name and gives its answer if it is Success.
func (e *Engine) call(ctx context.Context, r *routes.Route, broker string, q remoting.Request) (*remoting.Frame, error) {
	address, err := r.Address(broker)
	if err != nil {
		return nil, err
	}
	f, err := e.client.Call(ctx, address, q)
	if err != nil {
		return nil, err
	}
	if err := f.Err(); err != nil {
		if cause := f.BusyCause(); cause != remoting.NotBusy {
			e.opts.Busy(cause)
		}
		f.Release()
		return nil, err
	}
	return f, nil
}

// target is a broker of a route.
type target struct {
	route  *routes.Route
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
