// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/mq"
)

// settledRuns remembers which messages of orderly runs were acknowledged here. A broker forgets them: it keeps one offset per
// queue, the first that is not acknowledged, and when that message comes again the run comes again from there. What is known
// here to be settled is acknowledged once more instead of delivered.
//
// It is soft (another proxy delivers such messages a second time) and careful: only a message that the broker itself calls a redelivery of
// a run is held back. After a reset of the group the broker has no run, so nothing is held back.
type settledRuns struct {
	mu    sync.Mutex // guards all; leaf
	until map[settledPlace]time.Time
}

type settledPlace struct {
	topic, group mq.Physical
	broker       string
	queue        int32
	offset       int64
}

const (
	settledMemory = time.Hour
	maxSettled    = 1 << 16
)

func settledAt(l mq.Lease, h request.Handle) settledPlace {
	return settledPlace{l.Topic.Name, l.Group.Name, h.Broker, h.Queue, h.Offset}
}

// note remembers an acknowledgement. When there are too many, all are forgotten: what they prevent is a second delivery.
func (s *settledRuns) note(at settledPlace, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil || len(s.until) >= maxSettled {
		s.until = map[settledPlace]time.Time{}
	}
	s.until[at] = now.Add(settledMemory)
}

func (s *settledRuns) has(at settledPlace, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.until[at].After(now)
}

// forget drops what is known of a group in a topic.
func (s *settledRuns) forget(topic, group mq.Physical) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := range s.until {
		if at.topic == topic && at.group == group {
			delete(s.until, at)
		}
	}
}
