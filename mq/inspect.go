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
