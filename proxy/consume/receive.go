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
	Poll   time.Duration // how long to wait for the first message, 0 = not at all
	Client session.ID
}

// Receive grants messages, waiting up to req.Poll for the first one. Nothing within that time is an empty slice and no
// error. When ctx ends while it holds granted messages they are given back at once. With req.Want.Renew the leases are
// renewed from now on, until they are settled or the client is gone.
//
// The wait is: arm, look, sleep until woken or over. Arming before looking closes the gap between an empty look and a message
// that arrives right after it.
func (s *Service) Receive(ctx context.Context, req Request) ([]mq.Delivery, error) {
	engine, err := s.engine(req.Want.Topic.Cluster)
	if err != nil {
		return nil, err
	}
	granted, err := engine.Take(ctx, req.Want)
	if err == nil && len(granted) == 0 && req.Poll > 0 {
		granted, err = s.park(ctx, engine, req)
	}
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

func (s *Service) park(ctx context.Context, engine Leaser, req Request) ([]mq.Delivery, error) {
	over := s.clock.NewTimer(req.Poll)
	defer over.Stop()
	wake := make(chan struct{}, 1)
	for {
		disarm := engine.Arm(req.Want, func() {
			select {
			case wake <- struct{}{}:
			default:
			}
		})
		granted, err := engine.Take(ctx, req.Want)
		if err != nil || len(granted) > 0 {
			disarm()
			return granted, err
		}
		select {
		case <-wake:
			disarm()
		case <-over.C():
			disarm()
			return nil, nil
		case <-s.draining:
			disarm()
			return nil, nil
		case <-ctx.Done():
			disarm()
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
	engine, err := s.engine(leases[0].Cluster)
	if err != nil {
		return
	}
	// The caller's context is over, which is why we are here.
	ctx, cancel := context.WithTimeout(context.Background(), giveBackBound)
	defer cancel()
	engine.Extend(ctx, leases, 0, mq.Replace)
}

const giveBackBound = 3 * time.Second
