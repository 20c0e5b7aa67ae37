// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/mq"
)

// Progress tells how far a group is: see control.Inspector. What waits for a retry's time is in no figure of the brokers.
func (e *Engine) Progress(ctx context.Context, g mq.Group, t mq.Topic) ([]mq.QueueProgress, error) {
	r, err := e.routes.Route(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	var all []mq.QueueProgress
	for _, broker := range r.Readers {
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
		for _, at := range r.Readable {
			if at.Broker != broker {
				continue
			}
			p, known := table[admin.QueueKey{Topic: topic, Broker: broker, Queue: at.Queue}]
			q, err := e.queueProgress(ctx, target{r, broker}, at, mq.QueueRef{Topic: t, Broker: broker, Queue: mq.QueueID(at.Queue)})
			if err != nil {
				return nil, err
			}
			if known {
				q.Committed, q.Ready = mq.Offset(p.Committed), p.End-max(p.Pulled, p.Committed)
			}
			if q.Begun = max(p.Pulled, p.Committed) > 0; !q.Begun {
				if q.Begun, err = e.tookFrom(ctx, target{r, broker}, at.Queue, begunAs{t, g}); err != nil {
					return nil, err
				}
			}
			if q.Oldest, err = e.storedAt(ctx, mq.QueueRef{Topic: t, Broker: broker, Queue: q.Queue}, q); err != nil {
				return nil, err
			}
			q.Retrying, retrying = retrying, 0 // told once, beside the first queue
			all = append(all, q)
		}
	}
	return all, nil
}

func (e *Engine) queueProgress(ctx context.Context, at target, p routes.Place, q mq.QueueRef) (mq.QueueProgress, error) {
	lo, hi, err := e.Bounds(ctx, q)
	if err != nil {
		return mq.QueueProgress{}, err
	}
	out := mq.QueueProgress{Broker: p.Broker, Queue: q.Queue, Lo: lo, Hi: hi, Committed: -1, Ready: int64(hi - lo), Leased: -1, Retrying: -1}
	return out, nil
}

// tookFrom tells whether a group has an offset in a queue: figures say 0 for one that has none as well.
func (e *Engine) tookFrom(ctx context.Context, at target, queue int32, as begunAs) (bool, error) {
	h := &request.Committed{Group: as.group.Name.String(), Topic: as.topic.Name.String(), Queue: queue, Broker: at.broker}
	_, err := e.offset(ctx, at, remoting.QueryConsumerOffset, h)
	if mq.KindOf(err) == mq.MessageNotFound {
		return false, nil
	}
	return err == nil, err
}

// storedAt is when the first message that is not settled was stored, zero when there is none.
func (e *Engine) storedAt(ctx context.Context, q mq.QueueRef, p mq.QueueProgress) (time.Time, error) {
	from := max(p.Committed, p.Lo)
	if from >= p.Hi {
		return time.Time{}, nil
	}
	read, err := e.Pull(ctx, q, from, mq.ReadLimit{Messages: 1, Bytes: 1}, mq.Filter{})
	if err != nil || len(read.Messages) == 0 {
		return time.Time{}, err
	}
	return read.Messages[0].StoredAt, nil
}

// Reset moves a group: see control.Inspector. Brokers void what is leased without a word, and do not tell whether anything is: force or not
// is the same here (Traits.KnowsLeased).
func (e *Engine) Reset(ctx context.Context, g mq.Group, t mq.Topic, p mq.Position) (mq.ResetDone, error) {
	before, err := e.Progress(ctx, g, t)
	if err != nil {
		return mq.ResetDone{}, err
	}
	r, err := e.routes.Route(ctx, t.Name)
	if err != nil {
		return mq.ResetDone{}, err
	}
	for _, at := range r.Readable {
		if p.Kind == mq.ToOffset && (p.Queue != mq.AnyQueue && p.Queue != mq.QueueID(at.Queue) || p.Broker != "" && p.Broker != at.Broker) {
			continue
		}
		q := mq.QueueRef{Topic: t, Broker: at.Broker, Queue: mq.QueueID(at.Queue)}
		to, err := e.resetTo(ctx, q, p)
		if err != nil {
			return mq.ResetDone{}, err
		}
		h := &admin.Reset{Group: g.Name.String(), Topic: t.Name.String(), Queue: at.Queue, Offset: int64(to), Force: true}
		if err := e.ask(ctx, target{r, at.Broker}, remoting.Request{Code: remoting.ResetOffset, Header: h}, nil); err != nil {
			return mq.ResetDone{}, err
		}
	}
	e.settled.Forget(t.Name, g.Name)
	e.parks.Forget(t.Name, g.Name)
	e.begun.Store(begunKey{t.Name, g.Name, len(r.Readable)}, struct{}{})
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
		return 0, routes.Outside(q, p.Offset, lo, hi)
	}
	return p.Offset, nil
}
