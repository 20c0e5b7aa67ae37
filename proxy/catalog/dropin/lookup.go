// SPDX-License-Identifier: Apache-2.0

package dropin

import (
	"context"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// Topic looks a topic up that the newest snapshot lacks.
func (s *Source) Topic(ctx context.Context, tenant mq.Tenant, name mq.TopicName) (*catalog.Topic, error) {
	refused := mq.Refuse(mq.TopicNotFound, "topic %q does not exist", name)
	physical, err := mq.ParsePhysical(name.String())
	if err != nil || tenant != s.tenant {
		return nil, refused
	}
	spec, err := lookup(ctx, s, question[mq.TopicSpec]{
		key: "topic " + name.String(), name: physical, held: s.topics, refused: refused, ask: s.opts.Cluster.FindTopic,
	})
	if err != nil {
		return nil, err
	}
	return &catalog.Topic{Tenant: tenant, Name: name, Topic: spec}, nil
}

// Group looks a group up that the newest snapshot lacks.
func (s *Source) Group(ctx context.Context, tenant mq.Tenant, name mq.GroupName) (*catalog.Group, error) {
	refused := mq.Refuse(mq.GroupNotFound, "consumer group %q does not exist", name)
	physical, err := mq.ParsePhysical(name.String())
	if err != nil || tenant != s.tenant {
		return nil, refused
	}
	spec, err := lookup(ctx, s, question[mq.GroupSpec]{
		key: "group " + name.String(), name: physical, held: s.groups, refused: refused,
		ask: func(ctx context.Context, name mq.Physical) (mq.GroupSpec, error) {
			g, err := s.opts.Cluster.FindGroup(ctx, name)
			return begun(g), err
		},
	})
	if err != nil {
		return nil, err
	}
	return &catalog.Group{Tenant: tenant, Name: name, Group: spec}, nil
}

// question is one look-up.
type question[T any] struct {
	key     string
	name    mq.Physical
	held    map[mq.Physical]entry[T] // guarded by the source's mu
	refused error                    // the answer for what does not exist
	ask     func(context.Context, mq.Physical) (T, error)
}

// lookup answers from memory or asks the cluster; all who ask the same at once share one question, which outlives who asked first.
func lookup[T any](ctx context.Context, s *Source, q question[T]) (spec T, err error) {
	s.mu.Lock()
	e, held := q.held[q.name]
	known := s.missing[q.key].After(s.opts.Clock.Now())
	s.mu.Unlock()
	switch {
	case held: // found since the caller took its snapshot
		return e.spec, nil
	case known:
		return spec, q.refused
	}
	answer := s.flights.DoChan(q.key, func() (any, error) { return fetch(s, q) })
	select {
	case a := <-answer:
		if a.Err != nil {
			return spec, a.Err
		}
		spec, _ = a.Val.(T)
		return spec, nil
	case <-ctx.Done():
		return spec, mq.Refuse(mq.Timeout, "the look-up of %s did not end in the caller's time", q.key)
	}
}

// fetch asks the cluster and remembers the answer.
func fetch[T any](s *Source, q question[T]) (spec T, err error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		return spec, mq.Refuse(mq.TooManyRequests, "%d unknown names are being looked up already", maxLookups)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupBound) // it is shared by callers who come and go
	defer cancel()
	spec, err = q.ask(ctx, q.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Clock.Now()
	switch mq.KindOf(err) {
	case 0:
		q.held[q.name] = entry[T]{spec, now.Add(every)}
		s.publish()
	case mq.TopicNotFound, mq.GroupNotFound:
		if len(s.missing) >= maxAbsent {
			clear(s.missing)
		}
		s.missing[q.key] = now.Add(absent)
		err = q.refused
	}
	return spec, err
}
