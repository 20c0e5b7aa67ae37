// SPDX-License-Identifier: Apache-2.0

package mq

import "time"

// Traits is what an engine can and cannot do, as data: the door asks it before it promises, the conformance suite runs the
// inverse of a case that a trait excludes, and the engine's README table is made from it.
type Traits struct {
	Name             string
	MaxDelay         time.Duration // longest delay
	MaxBatch         int           // messages in one send
	MaxHold          time.Duration
	FIFOBlocksQueue  bool // an open message group blocks its whole queue, not just itself
	OutcomesSticky   bool // a second verdict on a transaction is recognized
	KnowsExpired     bool // a lease that is over is refused
	KnowsSettled     bool // a second acknowledgement is recognized
	Recall           bool
	AttemptsInEngine bool // messages out of attempts become dead letters inside Take
	ResetWhileLeased bool // Reset with force works while leases live
	KnowsLeased      bool // it tells how many messages are leased, and Reset without force refuses while some are
	ShowsLater       bool // a message shows, and figures follow, a moment after a call was answered
	RoundsAreLooks   bool // a check's round also counts the looks at a half that was not due yet
	ListsWaiting     bool // Find lists scheduled messages and halves, and gives what settles them
	TopicRetention   bool // messages are kept for as long as their topic says; otherwise as the brokers are set, for all topics alike
	TopicDurability  bool // a send waits for the disk as its topic says; otherwise as the brokers are set, for all topics alike
	VirtualTime      bool // the conformance suite may move the clock
}
