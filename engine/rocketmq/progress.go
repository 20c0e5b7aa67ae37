// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/mq"
)

// Progress tells how far a group is: see control.Inspector. What waits for a retry's time is in no figure of the brokers.
func (e *Engine) Progress(ctx context.Context, g mq.Group, t mq.Topic) ([]mq.QueueProgress, error) {
	r, err := e.route(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	var all []mq.QueueProgress
	for _, broker := range r.readers {
		topic, group := t.Name.String(), g.Name.String()
		retries := []string{request.RetryTopicV1(topic, group), request.RetryTopicV2(topic, group)}
		h := &admin.ProgressOf{Group: group, Topics: strings.Join(append([]string{topic}, retries...), ";")}
		f, err := e.call(ctx, r, broker, remoting.Request{Code: remoting.ConsumeStats, Header: h})
		if err != nil {
			return nil, err
		}
		table, err := admin.ParseProgress(f.Body)
		f.Release()
		if err != nil {
			return nil, mq.Refuse(mq.Internal, "%v", err)
		}
		retrying := int64(0)
		for k, p := range table {
			if k.Topic != topic {
				retrying += p.End - p.Committed
			}
		}
		for _, at := range r.readable {
			if at.broker != broker {
				continue
			}
			p, known := table[admin.QueueKey{Topic: topic, Broker: broker, Queue: at.queue}]
			q, err := e.queueProgress(ctx, target{r, broker}, at, mq.QueueRef{Topic: t, Broker: broker, Queue: mq.QueueID(at.queue)})
			if err != nil {
				return nil, err
			}
			if known {
				q.Committed, q.Ready, q.Leased = mq.Offset(p.Committed), p.End-max(p.Pulled, p.Committed), max(p.Pulled-p.Committed, 0)
			}
			q.Retrying, retrying = retrying, 0 // told once, beside the first queue
			all = append(all, q)
		}
	}
	return all, nil
}

func (e *Engine) queueProgress(ctx context.Context, at target, p place, q mq.QueueRef) (mq.QueueProgress, error) {
	lo, hi, err := e.Bounds(ctx, q)
	if err != nil {
		return mq.QueueProgress{}, err
	}
	out := mq.QueueProgress{Broker: p.broker, Queue: q.Queue, Lo: lo, Hi: hi, Committed: -1, Ready: int64(hi - lo), Leased: -1, Retrying: -1}
	var a request.EarliestAnswer
	if hi > lo {
		h := &request.Bound{Topic: q.Topic.Name.String(), Queue: p.queue, Broker: p.broker}
		if err := e.ask(ctx, at, remoting.Request{Code: remoting.EarliestStoreTime, Header: h}, &a); err == nil && a.Millis > 0 {
			out.Oldest = time.UnixMilli(a.Millis)
		}
	}
	return out, nil
}

// Reset moves a group: see control.Inspector. Brokers void what is leased without a word.
func (e *Engine) Reset(ctx context.Context, g mq.Group, t mq.Topic, p mq.Position) (mq.ResetDone, error) {
	before, err := e.Progress(ctx, g, t)
	if err != nil {
		return mq.ResetDone{}, err
	}
	if !p.Force {
		for _, q := range before {
			if q.Leased > 0 {
				return mq.ResetDone{}, mq.Refuse(mq.Conflict, "group %s holds %d messages of queue %d: force voids them", g.Name, q.Leased, q.Queue)
			}
		}
	}
	r, err := e.route(ctx, t.Name)
	if err != nil {
		return mq.ResetDone{}, err
	}
	for _, at := range r.readable {
		if p.Kind == mq.ToOffset && (p.Queue != mq.AnyQueue && p.Queue != mq.QueueID(at.queue) || p.Broker != "" && p.Broker != at.broker) {
			continue
		}
		q := mq.QueueRef{Topic: t, Broker: at.broker, Queue: mq.QueueID(at.queue)}
		to, err := e.resetTo(ctx, q, p)
		if err != nil {
			return mq.ResetDone{}, err
		}
		h := &admin.Reset{Group: g.Name.String(), Topic: t.Name.String(), Queue: at.queue, Offset: int64(to), Force: true}
		if err := e.ask(ctx, target{r, at.broker}, remoting.Request{Code: remoting.ResetOffset, Header: h}, nil); err != nil {
			return mq.ResetDone{}, err
		}
	}
	e.settled.forget(t.Name, g.Name)
	e.begun.Store(begunKey{t.Name, g.Name, len(r.readable)}, struct{}{})
	after, err := e.Progress(ctx, g, t)
	return mq.ResetDone{Before: before, After: after}, err
}

func (e *Engine) resetTo(ctx context.Context, q mq.QueueRef, p mq.Position) (mq.Offset, error) {
	if p.Kind == mq.ToTime {
		return e.At(ctx, q, p.Time)
	}
	lo, hi, err := e.Bounds(ctx, q)
	switch {
	case err != nil:
		return 0, err
	case p.Kind == mq.ToEarliest:
		return lo, nil
	case p.Kind == mq.ToLatest:
		return hi, nil
	case p.Offset < lo || p.Offset > hi:
		return 0, mq.Refuse(mq.IllegalOffset, "%v: offset %d lies outside %d to %d", q, p.Offset, lo, hi)
	}
	return p.Offset, nil
}
