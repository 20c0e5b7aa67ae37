// SPDX-License-Identifier: Apache-2.0

package produce

import (
	"context"

	"github.com/causeway-mq/causeway/mq"
)

// Settle ends a transaction. An unknown outcome is not repeated here: where outcomes are not sticky a second verdict could
// deliver what was rolled back, so the engine's next check decides.
func (s *Service) Settle(ctx context.Context, topic mq.Topic, half mq.Half, verdict mq.Verdict, by mq.SettledBy) error {
	store, err := s.store(half.Cluster)
	if err != nil {
		return err
	}
	return store.Settle(ctx, topic, half, verdict, by)
}

// Recall cancels a scheduled message.
func (s *Service) Recall(ctx context.Context, topic mq.Topic, scheduled mq.Scheduled) error {
	store, err := s.store(scheduled.Cluster)
	if err != nil {
		return err
	}
	return store.Recall(ctx, topic, scheduled)
}
