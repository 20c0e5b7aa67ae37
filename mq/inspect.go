// SPDX-License-Identifier: Apache-2.0

package mq

import "time"

// Find is a search for messages. Exactly one of ID, Key, Place or the time window alone selects.
type Find struct {
	Topic  Topic
	ID     MessageID
	Key    Key
	Place  *Place
	Begin  time.Time // stored at or after; zero = the beginning
	End    time.Time // stored before; zero = now
	Limit  int       // 1 to 100
	Cursor string    // from the page before
	// Only lists messages that wait and nothing else: scheduled ones by their due time, or halves by their age; Unsupported where the engine does not list them. It stands
	// alone, and pages may be short though more follow.
	Only FoundState
}

// Place is one offset of one queue.
type Place struct {
	Broker string
	Queue  QueueID
	Offset Offset
}

// FoundState says in which state a found message is.
type FoundState string

// The states.
const (
	FoundStored    FoundState = "stored"
	FoundScheduled FoundState = "scheduled"
	FoundHalf      FoundState = "half"
)

// Found is one message of a page.
type Found struct {
	Stored
	State FoundState
	Due   time.Time // of a scheduled message
	// What settles a message that waits, where the engine lists those.
	Scheduled Scheduled
	Half      Half
	Round     int // of a half: checks that reached a producer
}

// Page is the answer to a Find.
type Page struct {
	Messages []Found
	Next     string    // cursor of the following page, "" at the end
	From, To time.Time // the window that was searched
}

// QueueProgress is how far a group is in one queue. A figure that the engine does not know is -1.
type QueueProgress struct {
	Broker    string
	Queue     QueueID
	Lo, Hi    Offset
	Committed Offset // every message below is settled
	Begun     bool   // the group took from this queue before; otherwise Committed is where it would begin
	Ready     int64  // waits for its first delivery
	Leased    int64
	Retrying  int64 // was delivered, and waits for another attempt; no message counts in two of the three
	Oldest    time.Time
}

// PositionKind is one of the ways to name a position.
type PositionKind uint8

// The ways to name a position.
const (
	ToTime PositionKind = iota
	ToEarliest
	ToLatest
	ToOffset
)

// Position is where a reset moves a group to.
type Position struct {
	Kind   PositionKind
	Time   time.Time
	Queue  QueueID // with ToOffset; AnyQueue = every queue
	Broker string
	Offset Offset
	Force  bool // also while leases live: they become void
}

// ResetDone is what a reset did.
type ResetDone struct{ Before, After []QueueProgress }

// RightVerb is what a right allows.
type RightVerb string

// The rights.
const (
	Publish   RightVerb = "publish"
	Subscribe RightVerb = "subscribe"
)

// Right lets a principal do one thing with one resource.
type Right struct {
	Verb  RightVerb
	Topic Physical // none for a right on a group
	Group Physical
}

// Principal is who an engine's own access control knows.
type Principal struct{ Name, Secret string }

// Inventory is what an engine has.
type Inventory struct {
	Topics []TopicSpec
	Groups []GroupSpec
	Coarse Coarse // what of a spec the engine does not keep as it was put
	// UnevenTopics and UnevenGroups are those that some primary lacks, or has otherwise than another one.
	UnevenTopics, UnevenGroups []Physical
	Own                        []Physical // topics that the engine keeps for itself, or that hold what comes with a group
}

// Coarse says what of a spec an engine does not keep as it was put, so that what it has can be held against what is wanted. The zero
// value keeps everything.
type Coarse struct {
	Primaries   int           // queues are spread evenly over so many; 0: there are as many as were asked for
	Plain       bool          // a topic takes one type of message or all of them, with no durability and no retention of its own; a group has neither mode nor start
	DefaultHold time.Duration // of a group that names none
	HoldUnit    time.Duration // holds are multiples of it; 0: any
	Whole       bool          // multipliers of retries are whole numbers
}

// Topic is how an engine would list a topic of that spec. It may list more queues than that.
func (c Coarse) Topic(spec TopicSpec) TopicSpec {
	if n := c.Primaries; n > 0 {
		spec.Queues = max((spec.Queues+n-1)/n, 1) * n
	}
	if c.Plain {
		spec.Durability, spec.Retention = Durability{}, 0
		if len(spec.Accepts.Types()) > 1 {
			spec.Accepts = AcceptsOf(Normal, FIFO, Delay, Transaction)
		}
	}
	return spec
}

// Group is how an engine would list a group of that spec, or of one that it lists without naming a default.
func (c Coarse) Group(spec GroupSpec) GroupSpec {
	if c.Plain {
		spec.Mode, spec.Start = Leases, Start{}
	}
	if spec.Hold == 0 {
		spec.Hold = c.DefaultHold
	} else if c.HoldUnit > 0 {
		spec.Hold = max(spec.Hold.Round(c.HoldUnit), c.HoldUnit)
	}
	if spec.MaxAttempts == 0 {
		spec.MaxAttempts = DefaultMaxAttempts
	}
	if spec.Retry.IsZero() {
		spec.Retry = DefaultRetry()
	}
	if c.Whole && len(spec.Retry.Steps) == 0 {
		spec.Retry.Multiplier = max(float64(int64(spec.Retry.Multiplier)), 1)
	}
	return spec
}

// ClusterState is an engine's own view of itself.
type ClusterState struct {
	Cluster   Cluster
	Engine    string
	Healthy   bool
	Why       string // what is wrong, "" when healthy
	Writable  bool
	DiskUsed  int64 // bytes of this engine's own files
	DiskLimit int64 // bytes; 0 = the volume
	Topics    int
	Groups    int
	Scheduled int64
	Halves    int64
	Leased    int64
}

// FateState is what became of a message for one group, as far as its engine knows.
type FateState string

// The fates.
const (
	FateUnread   FateState = "unread"   // the group has not come this far
	FateWaiting  FateState = "waiting"  // seen, and held back behind another message of its message group
	FateLeased   FateState = "leased"   // delivered: a consumer has it, or it rests until its next attempt
	FateRetrying FateState = "retrying" // delivered before, and free for its next attempt
	FateTaken    FateState = "taken"    // delivered; whether it is settled is more than the engine tells
	FateSettled  FateState = "settled"  // acknowledged, made a dead letter, or passed over by a filter or a reset
	FateUnknown  FateState = "unknown"  // no such queue, or nothing is known of the group there
)

// Fate is what became of one message for one group.
type Fate struct {
	State   FateState
	Attempt int       // deliveries so far; 0 where the engine does not tell
	Until   time.Time // the end of a lease or of a rest; zero where there is none, or the engine does not tell
	Ahead   int64     // of an unread message: how many before it in its queue the group has not taken either
}

// FateIn is what a group's progress alone tells of the message at a place: for engines that know no more. What waits for its first delivery
// lies at the queue's end.
func FateIn(queues []QueueProgress, at Place) Fate {
	for _, q := range queues {
		if q.Queue != at.Queue || at.Broker != "" && q.Broker != at.Broker {
			continue
		}
		unread := q.Committed
		if q.Ready >= 0 {
			unread = max(unread, q.Hi-Offset(q.Ready))
		}
		switch {
		case q.Committed < 0 || at.Offset >= q.Hi:
			return Fate{State: FateUnknown}
		case at.Offset >= unread:
			return Fate{State: FateUnread, Ahead: int64(at.Offset - unread)}
		}
		return Fate{State: FateTaken}
	}
	return Fate{State: FateUnknown}
}

// TopicProgress is how far a group is in one topic.
type TopicProgress struct {
	Topic  TopicName
	Queues []QueueProgress
}

// ProgressSum is a group's figures over several queues. A figure that one queue does not know is not known: -1.
type ProgressSum struct {
	Ready, Leased, Retrying int64
	Oldest                  time.Time
}

// Sum adds up the queues.
func (t TopicProgress) Sum() ProgressSum {
	var s ProgressSum
	plus := func(to *int64, n int64) {
		if n < 0 || *to < 0 {
			*to = -1
			return
		}
		*to += n
	}
	for _, q := range t.Queues {
		plus(&s.Ready, q.Ready)
		plus(&s.Leased, q.Leased)
		plus(&s.Retrying, q.Retrying)
		if !q.Oldest.IsZero() && (s.Oldest.IsZero() || q.Oldest.Before(s.Oldest)) {
			s.Oldest = q.Oldest
		}
	}
	return s
}
