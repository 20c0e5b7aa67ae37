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
// a run is held back. A group that is reset, or made anew, begins another life, at whatever process that is done; what was settled in the one before does not count. It tells itself by a
// message that is delivered for the first time. A topic that is made anew has its messages elsewhere in the log. A run that begins with a settled message is no sign of another life: brokers pass over an acknowledgement
// with the handle of an earlier delivery of the run and answer it with success, and hold on to the message.
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
	physical     int64
}

const (
	settledMemory = time.Hour
	maxSettled    = 1 << 16
)

// PlaceOf is the place of a lease, whose checkpoint is h, of a message at a place in the broker's log.
func PlaceOf(l mq.Lease, h request.Handle, physical int64) Place {
	return Place{l.Topic.Name, l.Group.Name, h.Broker, h.Queue, h.Offset, physical}
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

// Again tells whether the message there, which was popped, was acknowledged. fresh: the broker delivers it for the first time.
func (s *Settled) Again(at Place, fresh bool, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fresh {
		delete(s.until, at)
		return false
	}
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
