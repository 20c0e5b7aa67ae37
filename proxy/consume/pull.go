// SPDX-License-Identifier: Apache-2.0

package consume

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// PullRequest is one read by offset.
type PullRequest struct {
	Queue  mq.QueueRef
	From   mq.Offset
	Limit  mq.ReadLimit
	Filter mq.Filter
	Poll   time.Duration // how long to wait for the first message, 0 = not at all
}

// Pull reads from an offset, waiting up to req.Poll for the first message that passes the filter.
func (s *Service) Pull(ctx context.Context, req PullRequest) (mq.Read, error) {
	engine, err := s.engine(req.Queue.Topic.Cluster)
	if err != nil {
		return mq.Read{}, err
	}
	over := s.clock.NewTimer(req.Poll)
	defer over.Stop()
	wake := make(chan struct{}, 1)
	for {
		disarm := engine.ArmPull(req.Queue, req.From, func() {
			select {
			case wake <- struct{}{}:
			default:
			}
		})
		read, err := engine.Pull(ctx, req.Queue, req.From, req.Limit, req.Filter)
		if err != nil || len(read.Messages) > 0 || req.Poll <= 0 {
			disarm()
			return read, err
		}
		// Messages that the filter held back need not be read again.
		moved := read.Next > req.From
		req.From = read.Next
		if moved {
			disarm()
			continue
		}
		select {
		case <-wake:
			disarm()
		case <-over.C():
			disarm()
			return read, nil
		case <-s.draining:
			disarm()
			return read, nil
		case <-ctx.Done():
			disarm()
			return mq.Read{}, mq.Refuse(mq.Timeout, "the caller is gone")
		}
	}
}

// Positions gives the engine that keeps a queue's bounds and a pulling group's offsets.
func (s *Service) Positions(c mq.Cluster) (Positioner, error) { return s.engine(c) }
