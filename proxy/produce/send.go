// SPDX-License-Identifier: Apache-2.0

package produce

import (
	"context"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// Service is producing for one proxy. It holds no state: what a proxy knows of its producers is in the session registry.
type Service struct {
	stores   map[mq.Cluster]Store
	sessions *session.Registry
}

// New makes the service over the engines of each cluster.
func New(stores map[mq.Cluster]Store, sessions *session.Registry) *Service {
	return &Service{stores: stores, sessions: sessions}
}

func (s *Service) store(c mq.Cluster) (Store, error) {
	if store, ok := s.stores[c]; ok {
		return store, nil
	}
	return nil, mq.Refuse(mq.Unavailable, "cluster %q is not reachable from this proxy", c)
}

// Send stores each message of the batch and answers per message. from is the sender's session: it is asked first about the
// transactions that it opens.
func (s *Service) Send(ctx context.Context, from session.ID, topic mq.Topic, batch []mq.Message) []mq.Sent {
	store, err := s.store(topic.Cluster)
	if err != nil {
		return refuseAll(batch, err)
	}
	// The registry must know the sender before the half is stored: its check may become due at once.
	for i := range batch {
		if batch[i].Type == mq.Transaction {
			s.sessions.Sent(from, topic)
			break
		}
	}
	return store.Send(ctx, topic, batch)
}

func refuseAll(batch []mq.Message, err error) []mq.Sent {
	answers := make([]mq.Sent, len(batch))
	for i := range answers {
		answers[i] = mq.Sent{Offset: -1, Err: err}
	}
	return answers
}
