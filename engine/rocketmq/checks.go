// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/checks"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/mq"
)

const (
	liveLook     = time.Second // how often the live topics are looked at
	groupsAtOnce = 100         // producer groups in one heartbeat
)

// incoming takes requests of brokers. It runs on a connection's reader and does not wait: a question that finds the queue full
// comes again.
func (e *Engine) incoming(in remoting.Incoming) {
	if in.Frame.Code != remoting.CheckTransaction {
		if !in.Frame.IsOneWay() {
			in.Reply(&remoting.Frame{Code: remoting.NotSupported, Remark: "not supported by this client"})
		}
		return
	}
	q := checks.Question{Address: in.Address}
	if err := in.Frame.Into(&q.Header); err != nil {
		e.journal.Warn("a transaction check makes no sense", "from", in.Address, "error", err)
		return
	}
	m, _, ok, err := stored.Next(slices.Clone(in.Frame.Body))
	if err != nil || !ok {
		e.journal.Warn("a transaction check without its message", "from", in.Address, "error", err)
		return
	}
	q.Message = m
	select {
	case e.questions <- q:
	default:
	}
}

// poseChecks hands brokers' questions to callers of Checks.
func (e *Engine) poseChecks() {
	for {
		select {
		case <-e.ctx.Done():
			return
		case q := <-e.questions:
			e.askers.Pose(q, e.clock.Now())
		}
	}
}

// Checks announces the live topics to every primary and hands its questions to sink: see produce.Store.
func (e *Engine) Checks(ctx context.Context, live func() []mq.Topic, sink func(mq.Check) bool) error {
	a := &checks.Asker{Live: live, Sink: sink}
	e.askers.Add(a)
	defer e.askers.Remove(a)
	var announced []string
	var last time.Time
	var withdrawn int
	var moves int64
	timer := e.clock.NewTimer(liveLook)
	defer timer.Stop()
	for {
		names := topicNames(live())
		now, taken, moved := e.clock.Now(), e.askers.Withdrawals(), e.moves.Load() // a new primary knows no producer
		if !slices.Equal(names, announced) || now.Sub(last) >= heartbeatRest || taken != withdrawn || moved != moves {
			if err := e.announce(ctx, names); err != nil {
				e.journal.Warn("producers not announced", "error", err)
			} else {
				announced, last, withdrawn, moves = names, now, taken, moved
			}
		}
		for _, q := range e.askers.PoseWaiting(e.clock.Now()) {
			e.withdraw(ctx, q)
		}
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
	r, err := e.routes.LastPrimaries(ctx, e.opts.BrokersName)
	if err != nil {
		return err
	}
	var failed error
	for broker := range r.Addresses {
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

// announceHalf tells a broker, before it gets a half, that this connection can be asked about it.
func (e *Engine) announceHalf(ctx context.Context, address, topic string) error {
	now := e.clock.Now()
	if e.announced.Known(address, topic, now) {
		return nil
	}
	f, err := e.client.Call(ctx, address, remoting.Request{Code: remoting.HeartBeat, Body: request.AppendHeartbeat(nil, e.clientID(), []string{topic})})
	if err != nil {
		return request.NotAnnounced(err) // the half itself was not sent
	}
	defer f.Release()
	if err := f.Err(); err != nil {
		return request.NotAnnounced(err)
	}
	e.announced.Keep(address, topic, now.Add(heartbeatRest))
	return nil
}

// withdraw takes an announcement back at a broker that asked in vain. A broker asks one of all connections that announced the topic, by one count
// for all topics: the one behind which nobody is may be the one that it hits each time, while the producer waits at another proxy.
func (e *Engine) withdraw(ctx context.Context, q checks.Question) {
	topic := q.Message.Topic
	e.announced.Forget(q.Address, topic)
	defer e.askers.AnnounceAgain() // one that was under way meanwhile may have come first
	f, err := e.client.Call(ctx, q.Address, remoting.Request{Code: remoting.UnregisterClient, Header: &request.Unregister{Client: e.clientID(), ProducerGroup: topic}})
	if err == nil {
		err = f.Err()
		f.Release()
	}
	if err != nil {
		e.journal.Warn("a broker goes on asking here about transactions of a topic without a producer", "topic", topic, "broker", q.Address, "error", err)
	}
}
