// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/engine/wrap"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// subscriptions is which groups read which topics: what the engine knew at the start, then what is delivered. Only these pairs
// are asked about when the lag is scraped, so that the thousands of pairs that never met cost nothing.
type subscriptions struct {
	mu   sync.RWMutex // guards seen
	seen map[pair]wrap.Subscription
}

type pair struct {
	tenant       mq.Tenant
	group, topic mq.Physical
}

// seedBound keeps the first look cheap on installations with very many groups and topics.
const seedBound = 20_000

func (s *subscriptions) seed(ctx context.Context, plane *control.Plane) {
	c := plane.Contents()
	if len(c.Groups)*len(c.Topics) > seedBound {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	topics := make(map[control.Ref]control.Topic, len(c.Topics))
	for _, t := range c.Topics {
		topics[t.Ref()] = t
	}
	for _, g := range c.Groups {
		progress, err := plane.Progress(ctx, g.Tenant, g.Name, nil)
		if err != nil {
			continue // it is added with its next delivery
		}
		for _, p := range progress {
			if t, ok := topics[control.Topic{Tenant: g.Tenant, Name: p.Topic}.Ref()]; ok {
				s.add(g, catalog.Topic{Name: t.Name, Topic: t.Spec})
			}
		}
	}
}

func (s *subscriptions) met(g *catalog.Group, t *catalog.Topic) {
	s.mu.RLock()
	_, known := s.seen[pair{g.Tenant, g.Group.Name, t.Topic.Name}]
	s.mu.RUnlock()
	if !known {
		s.add(control.Group{Tenant: g.Tenant, Name: g.Name, Spec: g.Group}, *t)
	}
}

func (s *subscriptions) add(g control.Group, t catalog.Topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = make(map[pair]wrap.Subscription)
	}
	s.seen[pair{g.Tenant, g.Spec.Name, t.Topic.Name}] = wrap.Subscription{
		Group: g.Spec, Topic: t.Topic, Tenant: g.Tenant.String(), ConsumerGroup: g.Name.String(), TopicName: t.Name.String(),
	}
}

// list gives the pairs whose group and topic still exist.
func (s *subscriptions) list(now *catalog.Snapshot) []wrap.Subscription {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]wrap.Subscription, 0, len(s.seen))
	for p, sub := range s.seen {
		if _, ok := now.PhysicalGroup(p.tenant, p.group); !ok {
			continue
		}
		if _, ok := now.PhysicalTopic(p.tenant, p.topic); ok {
			all = append(all, sub)
		}
	}
	return all
}
