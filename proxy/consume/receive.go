// SPDX-License-Identifier: Apache-2.0

package consume

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// Request is one receive.
type Request struct {
	Want   mq.Want
	From   mq.Cluster    // where the topic was, while messages are left there; zero when it is at rest
	Poll   time.Duration // how long to wait for the first message, 0 = not at all
	Client session.ID
}

// Receive grants messages, waiting up to req.Poll for the first one. Nothing within that time is an empty slice and no
// error. When ctx ends while it holds granted messages they are given back at once. With req.Want.Renew the leases are
// renewed from now on, until they are settled or the client is gone.
//
// The wait is: arm, look, sleep until woken or over. Arming before looking closes the gap between an empty look and a message
// that arrives right after it. A wait is disarmed after the look that it woke, because an engine may keep what it woke for until then.
func (s *Service) Receive(ctx context.Context, req Request) ([]mq.Delivery, error) {
	if req.Poll > 0 {
		req.Want.Until = s.clock.Now().Add(req.Poll)
	}
	granted, err := s.grant(ctx, req)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		s.GiveBack(granted)
		return nil, mq.Refuse(mq.Timeout, "the caller is gone")
	}
	if req.Want.Renew {
		s.renewals.hold(req.Client, granted)
	}
	return granted, nil
}

func (s *Service) grant(ctx context.Context, req Request) ([]mq.Delivery, error) {
	if req.From != (mq.Cluster{}) {
		return s.grantOfTwo(ctx, req)
	}
	engine, err := s.engine(req.Want.Topic.Cluster)
	if err != nil {
		return nil, err
	}
	granted, err := engine.Take(ctx, req.Want)
	if err == nil && len(granted) == 0 && req.Poll > 0 {
		granted, err = s.park(ctx, engine, req)
	}
	return granted, err
}

func (s *Service) park(ctx context.Context, engine Leaser, req Request) ([]mq.Delivery, error) {
	over := s.clock.NewTimer(req.Poll)
	defer over.Stop()
	wake := make(chan struct{}, 1)
	disarm := func() {}
	defer func() { disarm() }()
	for {
		next := engine.Arm(req.Want, func() {
			select {
			case wake <- struct{}{}:
			default:
			}
		})
		granted, err := engine.Take(ctx, req.Want)
		disarm() // after the look: what woke us may be kept for us until then
		disarm = next
		if err != nil || len(granted) > 0 {
			return granted, err
		}
		select {
		case <-wake:
		case <-over.C():
			return nil, nil
		case <-s.draining:
			return nil, nil
		case <-ctx.Done():
			return nil, mq.Refuse(mq.Timeout, "the caller is gone")
		}
	}
}

// GiveBack frees messages whose delivery failed, so that another consumer gets them at once. It does not wait for the
// engine's answer longer than giveBackBound; what it cannot free returns when its lease is over.
func (s *Service) GiveBack(granted []mq.Delivery) {
	if len(granted) == 0 {
		return
	}
	leases := make([]mq.Lease, len(granted))
	for i := range granted {
		leases[i] = granted[i].Lease
	}
	s.renewals.drop(leases)
	// The caller's context is over, which is why we are here.
	ctx, cancel := context.WithTimeout(context.Background(), giveBackBound)
	defer cancel()
	s.each(leases, func(engine Engine, some []mq.Lease) []error {
		engine.Extend(ctx, some, 0, mq.Replace)
		return make([]error, len(some))
	})
}

const giveBackBound = 3 * time.Second
