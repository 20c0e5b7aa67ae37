// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/mapping"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/engine/rocketmq/token"
	"github.com/causeway-mq/causeway/mq"
)

const (
	liveLook     = time.Second // how often the live topics are looked at
	groupsAtOnce = 100         // producer groups in one heartbeat
)

// incomingCheck is a broker's question, taken off its connection.
type incomingCheck struct {
	header  request.Check
	message stored.Message
}

// incoming takes requests of brokers. It runs on a connection's reader and does not wait: a question that finds the queue full
// comes again.
func (e *Engine) incoming(in remoting.Incoming) {
	if in.Frame.Code != remoting.CheckTransaction {
		if !in.Frame.IsOneWay() {
			in.Reply(&remoting.Frame{Code: remoting.NotSupported, Remark: "not supported by this client"})
		}
		return
	}
	var c incomingCheck
	if err := in.Frame.Into(&c.header); err != nil {
		e.journal.Warn("a transaction check makes no sense", "from", in.Address, "error", err)
		return
	}
	m, _, ok, err := stored.Next(slices.Clone(in.Frame.Body))
	if err != nil || !ok {
		e.journal.Warn("a transaction check without its message", "from", in.Address, "error", err)
		return
	}
	c.message = m
	select {
	case e.checks <- c:
	default:
	}
}

// asker is one caller of Checks.
type asker struct {
	live func() []mq.Topic
	sink func(mq.Check) bool
}

// askers is all of them. A question goes to one whose producer is there.
type askers struct {
	mu      sync.Mutex // guards all below; no callback runs under it
	all     []*asker
	waiting []waitingCheck // nobody could be asked yet
}

type waitingCheck struct {
	incomingCheck
	until time.Time
}

const (
	maxWaiting  = 1024
	waitForLive = 5 * time.Second // a producer that is just starting is asked in the same round
)

// later keeps a question for a producer that is about to be there.
func (a *askers) later(c incomingCheck, until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) < maxWaiting {
		a.waiting = append(a.waiting, waitingCheck{c, until})
	}
}

func (a *askers) takeWaiting() []waitingCheck {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.waiting
	a.waiting = nil
	return w
}

func (a *askers) list() []*asker {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.all); n > 1 { // another one first each time
		a.all = append(a.all[1:], a.all[0])
	}
	return slices.Clone(a.all)
}

// poseChecks hands brokers' questions to callers of Checks.
func (e *Engine) poseChecks() {
	for {
		select {
		case <-e.ctx.Done():
			return
		case c := <-e.checks:
			if !e.poseToAny(c) {
				e.askers.later(c, e.clock.Now().Add(waitForLive))
			}
		}
	}
}

func (e *Engine) poseToAny(c incomingCheck) bool {
	for _, a := range e.askers.list() {
		if e.pose(c, a.live(), a.sink) {
			return true
		}
	}
	return false
}

// poseWaiting tries the questions that found nobody.
func (e *Engine) poseWaiting() {
	for _, w := range e.askers.takeWaiting() {
		if !e.poseToAny(w.incomingCheck) && e.clock.Now().Before(w.until) {
			e.askers.later(w.incomingCheck, w.until)
		}
	}
}

// Checks announces the live topics to every primary and hands its questions to sink: see produce.Store.
func (e *Engine) Checks(ctx context.Context, live func() []mq.Topic, sink func(mq.Check) bool) error {
	a := &asker{live, sink}
	e.askers.mu.Lock()
	e.askers.all = append(e.askers.all, a)
	e.askers.mu.Unlock()
	defer func() {
		e.askers.mu.Lock()
		e.askers.all = slices.DeleteFunc(e.askers.all, func(x *asker) bool { return x == a })
		e.askers.mu.Unlock()
	}()
	var announced []string
	var last time.Time
	timer := e.clock.NewTimer(liveLook)
	defer timer.Stop()
	for {
		names := topicNames(live())
		if now := e.clock.Now(); !slices.Equal(names, announced) || now.Sub(last) >= heartbeatRest {
			if err := e.announce(ctx, names); err != nil {
				e.journal.Warn("producers not announced", "error", err)
			} else {
				announced, last = names, now
			}
		}
		e.poseWaiting()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.ctx.Done():
			return mq.Refuse(mq.Unavailable, "the engine is closed")
		case <-timer.C():
			timer.Reset(liveLook)
		}
	}
}

func topicNames(topics []mq.Topic) []string {
	var names []string
	for _, t := range topics {
		names = append(names, t.Name.String())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// announce sends heartbeats whose producer groups are the topics: by them brokers choose whom to ask.
func (e *Engine) announce(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	r, err := e.primaries(ctx)
	if err != nil {
		return err
	}
	var failed error
	for broker := range r.addresses {
		for part := range slices.Chunk(names, groupsAtOnce) {
			q := remoting.Request{Code: remoting.HeartBeat, Body: request.AppendHeartbeat(nil, e.clientID(), part)}
			if err := e.ask(ctx, target{r, broker}, q, nil); err != nil {
				failed = err
			}
		}
	}
	return failed
}

func (e *Engine) clientID() string {
	if id := e.opts.Remoting.ClientID; id != "" {
		return id
	}
	return "causeway"
}

// pose turns a broker's question into the port's; false: this caller has nobody to ask.
func (e *Engine) pose(c incomingCheck, live []mq.Topic, sink func(mq.Check) bool) bool {
	i := slices.IndexFunc(live, func(t mq.Topic) bool { return t.Name.String() == c.message.Topic })
	if i < 0 {
		return false // its producer left in the meantime; the broker asks again
	}
	m := mapping.Message(&c.message, c.header.Broker, live[i].Name)
	round, _ := strconv.Atoi(c.message.Properties.Get(stored.CheckTimes))
	return sink(mq.Check{
		Topic: live[i], Message: m, Round: max(round, 1),
		Half: mq.Half{Cluster: e.opts.Cluster, Message: m.Message.ID, Token: token.Half{Broker: c.header.Broker, Offset: c.header.HalfOffset, Physical: c.header.Physical}.String()},
	})
}

// announced is what brokers were told about the topics for which somebody here can be asked. It is forgotten with time, because
// connections end without a word here.
type announced struct {
	mu    sync.Mutex // guards all; leaf
	until map[announcedAt]time.Time
}

type announcedAt struct{ address, topic string }

// announceHalf tells a broker, before it gets a half, that this connection can be asked about it.
func (e *Engine) announceHalf(ctx context.Context, address, topic string) error {
	key, now := announcedAt{address, topic}, e.clock.Now()
	e.announced.mu.Lock()
	known := e.announced.until[key].After(now)
	e.announced.mu.Unlock()
	if known {
		return nil
	}
	f, err := e.client.Call(ctx, address, remoting.Request{Code: remoting.HeartBeat, Body: request.AppendHeartbeat(nil, e.clientID(), []string{topic})})
	if err != nil {
		return mq.Refuse(mq.KindOf(err), "%v", err) // the half itself was not sent
	}
	defer f.Release()
	if err := f.Err(); err != nil {
		return mq.Refuse(mq.KindOf(err), "%v", err)
	}
	e.announced.mu.Lock()
	defer e.announced.mu.Unlock()
	if e.announced.until == nil || len(e.announced.until) > 1<<16 {
		e.announced.until = map[announcedAt]time.Time{}
	}
	e.announced.until[key] = now.Add(heartbeatRest)
	return nil
}
