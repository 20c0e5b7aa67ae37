// SPDX-License-Identifier: Apache-2.0

package wire

import "time"

// LiveReady follows the state of things when a stream begins: what comes behind it has changed since.
type LiveReady struct {
	Time  time.Time `json:"time"`
	Watch []string  `json:"watch"`          // the kinds that are told of
	Tail  string    `json:"tail,omitempty"` // the topic whose messages are
	// Present is the ids of all that there is of each watched kind of jobs, requests and grants: what a reader has and this does not list is gone.
	Present map[string][]string `json:"present,omitempty"`
	// Incomplete says that there is more of some kind than a stream tells of.
	Incomplete bool `json:"incomplete,omitempty"`
}

// LiveRates is what passed in one step of ten seconds.
type LiveRates struct {
	Time time.Time `json:"time"` // when the step begins
	Step string    `json:"step"`
	// Known says that some proxy told of the step: what is not listed saw nothing. Otherwise nobody knows.
	Known  bool            `json:"known"`
	In     *Rate           `json:"in,omitempty"`   // sent to the tenant's topics
	Out    *Rate           `json:"out,omitempty"`  // handed out to the tenant's groups
	Topics []LiveTopicRate `json:"topics"`         // that saw something, those with most messages
	Groups []LiveGroupRate `json:"groups"`         // that were given something
	More   int             `json:"more,omitempty"` // topics and groups that saw something and are not listed
	// Incomplete says that the control plane had no room for figures of everything.
	Incomplete bool `json:"incomplete,omitempty"`
}

// LiveTopicRate is what was stored in a topic and handed out of it.
type LiveTopicRate struct {
	Topic string `json:"topic"`
	In    Rate   `json:"in"`
	Out   Rate   `json:"out"`
}

// LiveGroupRate is what a group was given out of a topic.
type LiveGroupRate struct {
	Group string `json:"group"`
	Topic string `json:"topic"`
	Out   Rate   `json:"out"`
}

// LiveLag is how far the tenant's groups are behind.
type LiveLag struct {
	Time   time.Time      `json:"time"`
	Groups []LiveGroupLag `json:"groups"` // those that are behind most
	More   int            `json:"more,omitempty"`
}

// LiveGroupLag is how far a group is behind in a topic. What nobody saw within a minute is left out.
type LiveGroupLag struct {
	Group      string     `json:"group"`
	Topic      string     `json:"topic"`
	Lag        *int64     `json:"lag,omitempty"`        // messages that are not settled; on RocketMQ without those that consumers hold
	LagSeconds *float64   `json:"lagSeconds,omitempty"` // age of the oldest of them
	Seen       *time.Time `json:"seen,omitempty"`       // when somebody looked last
}

// LiveGone is a job, a request or a grant that is not there any more.
type LiveGone struct {
	Kind string `json:"kind"` // jobs, requests, grants
	ID   string `json:"id"`
}

// LiveTail is a sample of what was stored in a topic since the last look, oldest first. Nothing of it is consumed.
type LiveTail struct {
	Topic    string    `json:"topic"`
	Messages []Message `json:"messages"`
	More     bool      `json:"more,omitempty"` // more was stored than is shown
	// Trouble is why the topic could not be looked at, "" when it could.
	Trouble string `json:"trouble,omitempty"`
}

// LiveTailEnd says that no more messages of the topic come; the stream goes on.
type LiveTailEnd struct {
	Topic  string `json:"topic"`
	Reason string `json:"reason"` // bytes or time: its budget is spent; elsewhere: the same caller follows the topic in another stream; gone: there is no such topic any more
}

// LiveEnd is the last event of a stream.
type LiveEnd struct {
	Reason string `json:"reason"` // stopping: go on at another control plane; credential: it is not valid any more; tenant: it was switched off or is gone
}
