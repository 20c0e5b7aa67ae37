// SPDX-License-Identifier: Apache-2.0

package consume

import (
	"context"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// A topic that moves has messages on two clusters for a while (docs/adr/0009).
//
// What must hold:
//   - An ordered group takes nothing of the new cluster before everything that was left on the old one is acknowledged.
//   - That is found out by each proxy for itself, and once found stays: the old cluster takes no message of the topic any more.

// relook is how often an ordered group's rest on the old cluster is looked at; nothing wakes a poll when it is gone.
const relook = time.Second

// progress is what an engine that can be moved from tells.
type progress interface {
	Progress(ctx context.Context, g mq.Group, t mq.Topic) ([]mq.QueueProgress, error)
}

// moved is what is known of ordered groups whose topic moves. Soft: it is found out again.
type moved struct {
	mu    sync.Mutex // guards all below; leaf
	gone  map[rest]bool
	asked map[rest]time.Time
}

// rest is what a group has left of a topic on the cluster where it was.
type rest struct {
	cluster      mq.Cluster
	topic, group mq.Physical
}

// taken tells whether a group has nothing left on the old cluster. What cannot be told is not gone.
func (s *Service) taken(ctx context.Context, engine Engine, want mq.Want) bool {
	key, now := rest{want.Topic.Cluster, want.Topic.Name, want.Group.Name}, s.clock.Now()
	s.moved.mu.Lock()
	if s.moved.gone[key] || now.Sub(s.moved.asked[key]) < relook/2 && !s.moved.asked[key].IsZero() {
		defer s.moved.mu.Unlock()
		return s.moved.gone[key]
	}
	if s.moved.asked == nil {
		s.moved.asked, s.moved.gone = map[rest]time.Time{}, map[rest]bool{}
	}
	s.moved.asked[key] = now
	s.moved.mu.Unlock()
	p, ok := engine.(progress)
	if !ok {
		return false
	}
	queues, err := p.Progress(ctx, want.Group, want.Topic)
	if err != nil || len(queues) == 0 {
		return false
	}
	for _, q := range queues {
		if q.Hi > q.Lo && q.Committed < q.Hi || q.Leased > 0 || q.Retrying > 0 {
			return false
		}
	}
	s.moved.mu.Lock()
	defer s.moved.mu.Unlock()
	s.moved.gone[key] = true
	return true
}

// side is one of the clusters that a poll looks at.
type side struct {
	engine Engine
	want   mq.Want
}

// sides are where a poll may take from now, the old cluster first.
func (s *Service) sides(ctx context.Context, req Request) ([]side, error) {
	before := req.Want
	before.Topic.Cluster = req.From
	before.Queue, before.Broker = mq.AnyQueue, "" // what the client named is a queue of the new cluster
	old, oldErr := s.engine(req.From)
	now, err := s.engine(req.Want.Topic.Cluster)
	switch {
	case !req.Want.Group.Ordered && oldErr == nil && err == nil:
		return []side{{old, before}, {now, req.Want}}, nil
	case !req.Want.Group.Ordered && oldErr == nil:
		return []side{{old, before}}, nil
	case !req.Want.Group.Ordered && err == nil:
		return []side{{now, req.Want}}, nil
	case oldErr != nil:
		return nil, oldErr
	case !s.taken(ctx, old, before):
		return []side{{old, before}}, nil
	case err != nil:
		return nil, err
	}
	return []side{{now, req.Want}}, nil
}

// grantOfTwo is grant for a topic that moves. A cluster that fails is no failure while the other one answers.
func (s *Service) grantOfTwo(ctx context.Context, req Request) ([]mq.Delivery, error) {
	over := s.clock.NewTimer(req.Poll)
	defer over.Stop()
	wake := make(chan struct{}, 1)
	ring := func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	disarm := func() {}
	defer func() { disarm() }()
	for {
		all, err := s.sides(ctx, req)
		if err != nil {
			return nil, err
		}
		var armed []func()
		for _, at := range all {
			armed = append(armed, at.engine.Arm(at.want, ring))
		}
		granted, err := takeOf(ctx, all)
		disarm()
		disarm = func() {
			for _, off := range armed {
				off()
			}
		}
		if err != nil || len(granted) > 0 || req.Poll <= 0 {
			return granted, err
		}
		again := s.clock.NewTimer(relook)
		select {
		case <-wake:
		case <-again.C():
		case <-over.C():
			again.Stop()
			return nil, nil
		case <-s.draining:
			again.Stop()
			return nil, nil
		case <-ctx.Done():
			again.Stop()
			return nil, mq.Refuse(mq.Timeout, "the caller is gone")
		}
		again.Stop()
	}
}

// takeOf takes from the first side that has something.
func takeOf(ctx context.Context, all []side) ([]mq.Delivery, error) {
	var failed error
	answered := false
	for _, at := range all {
		granted, err := at.engine.Take(ctx, at.want)
		if err != nil {
			failed = err
			continue
		}
		answered = true
		if len(granted) > 0 {
			return granted, nil
		}
	}
	if answered {
		return nil, nil
	}
	return nil, failed
}
