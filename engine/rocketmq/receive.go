// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/mapping"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/engine/rocketmq/soft"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/engine/rocketmq/token"
	"github.com/causeway-mq/causeway/engine/rocketmq/watch"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

const popTimeout = 5 * time.Second

// Take asks one broker after the other until one has something, first the one that a notification named, or else another one each time:
// see consume.Leaser. What the next broker holds is there for the next Take; a round trip to each would cost every small one.
func (e *Engine) Take(ctx context.Context, want mq.Want) ([]mq.Delivery, error) {
	f, err := filter.Compile(want.Filter)
	if err != nil {
		return nil, err
	}
	if err := e.begin(ctx, want.Topic, want.Group); err != nil {
		return nil, err
	}
	r, err := e.routes.Route(ctx, want.Topic.Name)
	if err != nil {
		return nil, err
	}
	hide, keep := hold(want)
	if hide == 0 {
		hide = e.wholeHold(ctx, r, want.Group.Name)
	}
	p := popping{filter: f, most: want.Max, hide: hide, keep: keep}
	all, failed := e.takeRuns(ctx, r, want, p)
	if len(all) > 0 {
		return all, nil
	}
	asked := 0
	for i, start := 0, e.watches.First(r, watch.Of{Topic: want.Topic.Name, Group: want.Group.Name}); i < len(r.Readers) && len(all) == 0; i++ {
		broker := r.Readers[(start+i)%len(r.Readers)]
		if want.Broker != "" && want.Broker != broker {
			continue
		}
		asked++
		if all, err = e.takeFrom(ctx, target{r, broker}, want, p); err != nil {
			e.routes.Doubt(want.Topic.Name, err)
			e.remake(ctx, want.Topic, target{r, broker}, err) // for the next one who asks
			failed = err
		}
	}
	if len(all) == 0 && failed != nil {
		return nil, failed
	}
	if asked == 0 {
		return nil, mq.Refuse(mq.Unavailable, "no queue of the topic can be read now").Because(fmt.Errorf("topic %s", want.Topic.Name))
	}
	return all, nil
}

// takeRuns gives an ordered want what the pops that were parked for it brought, and a repeated attempt the runs that it got in this way
// before.
func (e *Engine) takeRuns(ctx context.Context, r *routes.Route, want mq.Want, p popping) (all []mq.Delivery, failed error) {
	if !want.Group.Ordered {
		return nil, nil
	}
	again := e.parks.Aliases(want)
	for _, kept := range e.parks.Take(want) {
		all = append(all, e.grant(ctx, want, kept.Popped, p)...)
	}
	for _, a := range again {
		if len(all) >= want.Max {
			break
		}
		w := want
		w.Attempt, w.Queue, p.most = a.Attempt, mq.QueueID(a.At.Queue), want.Max-len(all)
		got, err := e.takeFrom(ctx, target{r, a.At.Broker}, w, p)
		if err != nil {
			e.routes.Doubt(want.Topic.Name, err)
			failed = err
		}
		all = append(all, got...)
	}
	return all, failed
}

// popping is what one Take found out before it asks brokers.
type popping struct {
	filter     *filter.Filter
	most       int
	hide, keep time.Duration
}

// popOf is the request for a want. It does not wait.
func popOf(want mq.Want, p popping, broker string) *request.Pop {
	h := &request.Pop{
		Group: want.Group.Name.String(), Topic: want.Topic.Name.String(), Queue: int32(want.Queue), Max: int32(min(p.most, mq.MaxReceive)),
		InvisibleMillis: p.hide.Milliseconds(), Init: request.FromMin, ExpressionType: "TAG", Expression: p.filter.Written().Expression,
		Order: want.Group.Ordered, Attempt: string(want.Attempt), Broker: broker,
	}
	if want.Group.Start.Kind == mq.StartByEngine {
		h.Init = request.FromMax
	}
	if p.filter.All() {
		h.Expression = "*"
	}
	if p.filter.SQL() {
		h.ExpressionType = "SQL92"
	}
	return h
}

func (e *Engine) takeFrom(ctx context.Context, at target, want mq.Want, p popping) ([]mq.Delivery, error) {
	address, err := at.route.Address(at.broker)
	if err != nil {
		return nil, err
	}
	r := remoting.Request{Code: remoting.PopMessage, Header: popOf(want, p, at.broker), Timeout: popTimeout}
	f, err := e.client.Call(ctx, address, r)
	if err != nil {
		return nil, err
	}
	popped, err := e.popped(f, at.broker) // bodies are parts of the frame: it is not released
	if err != nil {
		return nil, err
	}
	return e.grant(ctx, want, popped, p), nil
}

// grant makes deliveries of what was popped, but for what the want does not ask for and what is out of attempts.
func (e *Engine) grant(ctx context.Context, want mq.Want, popped []request.Popped, p popping) []mq.Delivery {
	granted := make([]mq.Delivery, 0, len(popped))
	for i := range popped {
		d := e.delivery(want, &popped[i])
		d.Keep = p.keep
		switch {
		case len(p.filter.Tags()) > 0 && !p.filter.MatchTag(d.Message.Tag.String()):
			e.drop(ctx, d.Lease) // another tag with the same hash
		case want.Group.Ordered && e.settledBefore(d.Lease, &popped[i]):
			e.drop(ctx, d.Lease) // its run came again because of an earlier message
		case d.Attempt > want.Group.MaxAttempts && want.Group.MaxAttempts > 0:
			e.bury(ctx, &popped[i], d)
		default:
			granted = append(granted, d)
		}
	}
	return granted
}

// settledBefore tells whether a message of a run was acknowledged here before the run came again.
func (e *Engine) settledBefore(l mq.Lease, m *request.Popped) bool {
	return e.settled.Again(soft.PlaceOf(l, m.Handle, m.Physical), m.Reconsumed == 0, e.clock.Now())
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
	e.clocks.Note(broker, time.UnixMilli(a.PopMillis), e.clock.Now())
	records, err := stored.All(f.Body, 4*mq.MaxReceive)
	if err != nil {
		return nil, mq.Doubt(mq.Internal, err, "answer to a pop")
	}
	whole, err := unwrapped(records)
	if err != nil {
		return nil, mq.Doubt(mq.Internal, err, "answer to a pop")
	}
	all, err := a.Deliveries(whole, broker)
	if err != nil {
		return nil, mq.Doubt(mq.Internal, err, "answer to a pop")
	}
	return all, nil
}

// unwrapped takes inner batches apart; without any, which is usual, nothing is copied.
func unwrapped(records []stored.Message) ([]stored.Message, error) {
	if !slices.ContainsFunc(records, func(m stored.Message) bool { return m.Sys&stored.InnerBatch != 0 }) {
		return records, nil
	}
	whole := make([]stored.Message, 0, 2*len(records))
	for i := range records {
		inner, err := stored.Unwrap(records[i], mq.MaxBatch)
		if err != nil {
			return nil, err
		}
		whole = append(whole, inner...)
	}
	return whole, nil
}

func (e *Engine) delivery(want mq.Want, m *request.Popped) mq.Delivery {
	attempt := int(m.Reconsumed) + 1
	if want.Group.Ordered && attempt > 1 {
		attempt = max(attempt-e.parks.Undelivered(&want, m), 1)
	}
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
