// SPDX-License-Identifier: Apache-2.0

// Package soft is what an engine remembers of its own doing, to answer better than brokers can. Any of it can be lost with the process: nothing
// breaks then, a message comes once more or an answer is less exact.
package soft

import (
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/mq"
)

// Settled remembers which messages of orderly runs were acknowledged here. A broker forgets them: it keeps one offset per
// queue, the first that is not acknowledged, and when that message comes again the run comes again from there. What is known
// here to be settled is acknowledged once more instead of delivered.
//
// It is soft (another proxy delivers such messages a second time) and careful: only a message that the broker itself calls a redelivery of
// a run is held back. After a reset of the group the broker has no run, so nothing is held back.
type Settled struct {
	mu    sync.Mutex // guards all; leaf
	until map[Place]time.Time
}

// Place is where a message of a run lies.
type Place struct {
	topic, group mq.Physical
	broker       string
	queue        int32
	offset       int64
}

const (
	settledMemory = time.Hour
	maxSettled    = 1 << 16
)

// PlaceOf is the place of a lease, whose checkpoint is h.
func PlaceOf(l mq.Lease, h request.Handle) Place {
	return Place{l.Topic.Name, l.Group.Name, h.Broker, h.Queue, h.Offset}
}

// Note remembers an acknowledgement. When there are too many, all are forgotten: what they prevent is a second delivery.
func (s *Settled) Note(at Place, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil || len(s.until) >= maxSettled {
		s.until = map[Place]time.Time{}
	}
	s.until[at] = now.Add(settledMemory)
}

// Has tells whether the message there was acknowledged.
func (s *Settled) Has(at Place, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.until[at].After(now)
}

// Forget drops what is known of a group in a topic.
func (s *Settled) Forget(topic, group mq.Physical) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := range s.until {
		if at.topic == topic && at.group == group {
			delete(s.until, at)
		}
	}
}
