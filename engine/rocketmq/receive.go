// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/mapping"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/engine/rocketmq/token"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

const popTimeout = 5 * time.Second

// Take pops from one broker after the other, from another one first each time, until it has enough: see consume.Leaser.
func (e *Engine) Take(ctx context.Context, want mq.Want) ([]mq.Delivery, error) {
	f, err := filter.Compile(want.Filter)
	if err != nil {
		return nil, err
	}
	if err := e.begin(ctx, want.Topic, want.Group); err != nil {
		return nil, err
	}
	r, err := e.route(ctx, want.Topic.Name)
	if err != nil {
		return nil, err
	}
	var all []mq.Delivery
	var failed error
	asked := 0
	for i, start := 0, rand.IntN(max(len(r.readers), 1)); i < len(r.readers) && len(all) < want.Max; i++ {
		broker := r.readers[(start+i)%len(r.readers)]
		if want.Broker != "" && want.Broker != broker {
			continue
		}
		asked++
		got, err := e.takeFrom(ctx, target{r, broker}, want, popping{filter: f, most: want.Max - len(all)})
		if err != nil {
			e.doubt(want.Topic.Name, err)
			failed = err
			continue
		}
		all = append(all, got...)
	}
	if len(all) == 0 && failed != nil {
		return nil, failed
	}
	if asked == 0 {
		return nil, mq.Refuse(mq.Unavailable, "topic %s: no queue can be read now", want.Topic.Name)
	}
	return all, nil
}

// popping is what one Take found out before it asks brokers.
type popping struct {
	filter *filter.Filter
	most   int
}

// hold is how long messages are hidden, and how often the holder renews.
func hold(want mq.Want) (hide, keep time.Duration) {
	switch {
	case want.Renew && want.Group.Ordered:
		return renewHold, renewEvery
	case want.Renew:
		return longHold, 0
	case want.Hold.Duration() > 0:
		return want.Hold.Duration(), 0
	case want.Group.Hold > 0:
		return want.Group.Hold, 0
	}
	return mq.DefaultHold, 0
}

func (e *Engine) takeFrom(ctx context.Context, at target, want mq.Want, p popping) ([]mq.Delivery, error) {
	hide, keep := hold(want)
	h := &request.Pop{
		Group: want.Group.Name.String(), Topic: want.Topic.Name.String(), Queue: int32(want.Queue), Max: int32(min(p.most, mq.MaxReceive)),
		InvisibleMillis: hide.Milliseconds(), Init: request.FromMin, ExpressionType: "TAG", Expression: p.filter.Written().Expression,
		Order: want.Group.Ordered, Attempt: string(want.Attempt), Broker: at.broker,
	}
	if p.filter.All() {
		h.Expression = "*"
	}
	if p.filter.SQL() {
		h.ExpressionType = "SQL92"
	}
	address, err := at.route.address(at.broker)
	if err != nil {
		return nil, err
	}
	f, err := e.client.Call(ctx, address, remoting.Request{Code: remoting.PopMessage, Header: h, Timeout: popTimeout})
	if err != nil {
		return nil, err
	}
	popped, err := e.popped(f, at.broker) // bodies are parts of the frame: it is not released
	if err != nil {
		return nil, err
	}
	var granted []mq.Delivery
	for i := range popped {
		d := e.delivery(want, &popped[i])
		d.Keep = keep
		switch {
		case len(p.filter.Tags()) > 0 && !p.filter.MatchTag(d.Message.Tag.String()):
			e.drop(ctx, d.Lease) // another tag with the same hash
		case want.Group.Ordered && popped[i].Reconsumed > 0 && e.settled.has(settledAt(d.Lease, popped[i].Handle), e.clock.Now()):
			e.drop(ctx, d.Lease) // its run came again because of an earlier message
		case d.Attempt > want.Group.MaxAttempts && want.Group.MaxAttempts > 0:
			e.bury(ctx, &popped[i], d)
		default:
			granted = append(granted, d)
		}
	}
	return granted, nil
}

// popped reads the answer to a pop; nothing there is no error.
func (e *Engine) popped(f *remoting.Frame, broker string) ([]request.Popped, error) {
	switch f.Code {
	case remoting.PullNotFound, remoting.PollingTimeout, remoting.PullRetryImmediately:
		return nil, nil
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	var a request.PopAnswer
	if err := f.Into(&a); err != nil {
		return nil, mq.Doubt(mq.Internal, err, "answer to a pop")
	}
	records, err := stored.All(f.Body, 4*mq.MaxReceive)
	if err != nil {
		return nil, mq.Doubt(mq.Internal, err, "answer to a pop")
	}
	var whole []stored.Message
	for i := range records {
		inner, err := stored.Unwrap(records[i], mq.MaxBatch)
		if err != nil {
			return nil, mq.Doubt(mq.Internal, err, "answer to a pop")
		}
		whole = append(whole, inner...)
	}
	all, err := a.Deliveries(whole, broker)
	if err != nil {
		return nil, mq.Doubt(mq.Internal, err, "answer to a pop")
	}
	return all, nil
}

func (e *Engine) delivery(want mq.Want, m *request.Popped) mq.Delivery {
	attempt := int(m.Reconsumed) + 1
	shown := mapping.Message(&m.Message, m.Handle.Broker, want.Topic.Name)
	if m.Handle.Retry != 0 { // it lies in the retry topic now, and where it lay before is not told
		shown.Offset = -1
	}
	return mq.Delivery{
		Stored: shown, Attempt: attempt,
		Lease: mq.Lease{
			Cluster: want.Topic.Cluster, Topic: want.Topic, Group: want.Group, Until: m.Handle.Visible(),
			Token: token.Lease{Handle: m.Handle, Physical: m.Physical, Attempt: int64(attempt)}.String(),
		},
	}
}

// drop acknowledges what the consumer did not ask for. If that fails it comes again and is dropped again.
func (e *Engine) drop(ctx context.Context, l mq.Lease) {
	if err := e.Ack(ctx, []mq.Lease{l})[0]; err != nil {
		e.journal.Debug("a message that the filter holds back was not acknowledged", "error", err)
	}
}

// bury moves a message that is out of attempts to the dead letters. If that fails it comes again.
func (e *Engine) bury(ctx context.Context, m *request.Popped, d mq.Delivery) {
	if err := e.sendDead(ctx, &m.Message, d.Lease, reason{"attempts", int64(d.Attempt - 1)}); err != nil {
		e.journal.Warn("dead letter not stored", "topic", d.Topic.String(), "message", d.Message.ID.String(), "error", err)
		return
	}
	e.drop(ctx, d.Lease)
}
