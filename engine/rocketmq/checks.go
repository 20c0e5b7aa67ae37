// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
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

// Checks announces the live topics to every primary and hands its questions to sink: see produce.Store.
func (e *Engine) Checks(ctx context.Context, live func() []mq.Topic, sink func(mq.Check) bool) error {
	timer := e.clock.NewTimer(0)
	defer timer.Stop()
	var announced []string
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.ctx.Done():
			return mq.Refuse(mq.Unavailable, "the engine is closed")
		case c := <-e.checks:
			e.pose(c, live(), sink)
		case <-timer.C():
			names := topicNames(live())
			if now := e.clock.Now(); !slices.Equal(names, announced) || now.Sub(last) >= heartbeatRest {
				if err := e.announce(ctx, names); err != nil {
					e.journal.Warn("producers not announced", "error", err)
				} else {
					announced, last = names, now
				}
			}
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

// pose turns a broker's question into the port's.
func (e *Engine) pose(c incomingCheck, live []mq.Topic, sink func(mq.Check) bool) {
	i := slices.IndexFunc(live, func(t mq.Topic) bool { return t.Name.String() == c.message.Topic })
	if i < 0 {
		return // its producer left in the meantime; the broker asks again
	}
	m := message(&c.message, c.header.Broker, live[i].Name)
	round, _ := strconv.Atoi(c.message.Properties.Get(stored.CheckTimes))
	sink(mq.Check{
		Topic: live[i], Message: m, Round: max(round, 1),
		Half: mq.Half{Cluster: e.opts.Cluster, Message: m.Message.ID, Token: halfToken{c.header.Broker, c.header.HalfOffset, c.header.Physical}.String()},
	})
}
