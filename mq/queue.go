// SPDX-License-Identifier: Apache-2.0

package mq

import (
	"fmt"
	"time"
)

// QueueID is a queue's number within its topic on one broker, from 0.
type QueueID int32

// AnyQueue in a Want lets the engine choose.
const AnyQueue QueueID = -1

// Offset is a message's place in its queue: 0 for the first, one more for each.
type Offset int64

// QueueRef names one queue.
type QueueRef struct {
	Topic  Topic
	Broker string // "" where the engine has one only
	Queue  QueueID
}

// String is "topic/broker/queue".
func (q QueueRef) String() string {
	return fmt.Sprintf("%s/%s/%d", q.Topic.Name, q.Broker, q.Queue)
}

// Queue is what can be done with one queue at present.
type Queue struct {
	Broker   string
	ID       QueueID
	Readable bool
	Writable bool
}

// QueueSet is the queues of a topic, sorted by broker and number.
type QueueSet []Queue

// Stored is a message at its place.
type Stored struct {
	Message  Message
	Topic    Physical
	Broker   string
	Queue    QueueID
	Offset   Offset
	StoredAt time.Time // by the engine's clock; never falls within a queue
}

// ReadLimit bounds one pull.
type ReadLimit struct {
	Messages int // 1 to MaxReceive
	Bytes    int // of bodies; at least one message is given whatever its size
}

// Read is what a pull gives. Next is where the following pull goes on, also past messages that the filter held back.
type Read struct {
	Messages []Stored
	Next     Offset
	Lo, Hi   Offset // the queue's bounds at that moment: first kept, one past the last visible
}
