// SPDX-License-Identifier: Apache-2.0

package mq

// Half names a message of an unsettled transaction. Token is opaque engine bytes.
type Half struct {
	Cluster Cluster
	Message MessageID
	Token   string
}

// IsZero tells whether there is none.
func (h Half) IsZero() bool { return h.Token == "" }

// Verdict is how a transaction ends.
type Verdict uint8

// The verdicts.
const (
	Commit   Verdict = 1 // deliver
	Rollback Verdict = 2 // forget
)

// String is "commit" or "rollback".
func (v Verdict) String() string {
	if v == Commit {
		return "commit"
	}
	return "rollback"
}

// SettledBy says who brought the verdict.
type SettledBy uint8

// The two ways a verdict arrives.
const (
	ByProducer SettledBy = iota // the producer, right after its local transaction
	ByCheck                     // the answer to a check-back
)

// Check is the engine's question to a live producer: how did this transaction end?
type Check struct {
	Topic   Topic
	Half    Half
	Message Stored
	Round   int // 1 for the first
}

// Scheduled names a message that waits for its time. Token is opaque engine bytes.
type Scheduled struct {
	Cluster Cluster
	Message MessageID
	Token   string
}

// IsZero tells whether there is none.
func (s Scheduled) IsZero() bool { return s.Token == "" }

// Sent is the answer for one message of a send.
type Sent struct {
	Broker    string
	Queue     QueueID
	Offset    Offset    // -1 for halves and scheduled messages, which have no place yet
	Half      Half      // set for a transaction
	Scheduled Scheduled // set for a delay that can be recalled
	Err       error     // nil: stored, at the topic's durability
}
