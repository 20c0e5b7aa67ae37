// SPDX-License-Identifier: Apache-2.0

package consume

import (
	"context"
	"log/slog"
	"sync"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// Engine is all that consuming asks of an engine.
type Engine interface {
	Leaser
	Positioner
}

// Service is consuming for one proxy. What it remembers, the leases under renewal, is soft: after a crash they run out and
// their messages are delivered again.
type Service struct {
	engines  map[mq.Cluster]Engine
	clock    clock.Clock
	renewals *renewals
	moved    moved
	draining chan struct{}
	drain    sync.Once
}

// New makes the service over the engines of each cluster. alive tells whether a client is still there: the leases of one that
// is not are no longer renewed. Run must be running for leases to be renewed.
func New(engines map[mq.Cluster]Engine, c clock.Clock, alive func(session.ID) bool, log *slog.Logger) *Service {
	return &Service{
		engines:  engines,
		clock:    c,
		renewals: newRenewals(c, alive, log),
		draining: make(chan struct{}),
	}
}

func (s *Service) engine(c mq.Cluster) (Engine, error) {
	if e, ok := s.engines[c]; ok {
		return e, nil
	}
	return nil, mq.Refuse(mq.Unavailable, "cluster %q is not reachable from this proxy", c)
}

// Run renews leases until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.renewals.run(ctx, s.engine) }

// Drain lets every parked poll answer now and every later one at once. It may be called twice.
func (s *Service) Drain() { s.drain.Do(func() { close(s.draining) }) }

// ClientGone releases what a client held under renewal: its messages go to others at once. The registry of sessions calls it
// when a client left, never when this proxy does.
func (s *Service) ClientGone(id session.ID) { s.renewals.release(id) }

// Renewing is the number of leases under renewal.
func (s *Service) Renewing() int { return s.renewals.len() }
