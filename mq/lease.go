// SPDX-License-Identifier: Apache-2.0

package mq

import "time"

// Limits of receiving.
const (
	MaxReceive  = 32 // messages in one receive or pull
	MinHold     = time.Second
	MaxHold     = 12 * time.Hour
	MaxPoll     = 20 * time.Second
	DefaultHold = time.Minute
)

// Hold is how long a taken message stays invisible to others. The zero value is "the group's default".
type Hold struct{ d time.Duration }

// ParseHold accepts MinHold to MaxHold or refuses with IllegalInvisibleTime.
func ParseHold(d time.Duration) (Hold, error) {
	if d < MinHold || d > MaxHold {
		return Hold{}, Refuse(IllegalInvisibleTime, "invisible time %v: from %v to %v", d, MinHold, MaxHold)
	}
	return Hold{d}, nil
}

// Duration is the length, 0 for the group's default.
func (h Hold) Duration() time.Duration { return h.d }

// AttemptID names one attempt to receive; a FIFO attempt that is repeated with the same id gets the same run again.
type AttemptID string

// Want is what a receive asks of the engine.
type Want struct {
	Topic   Topic
	Group   Group
	Broker  string  // "" = any
	Queue   QueueID // AnyQueue = any
	Filter  Filter
	Max     int // 1 to MaxReceive
	Hold    Hold
	Renew   bool // the proxy renews the leases until they are settled
	Attempt AttemptID
	Until   time.Time // when the caller stops waiting for it; zero = not known. An engine leaves nothing behind at brokers for longer
}

// Lease is the right to settle one message until a time. Token is opaque engine bytes, unique per delivery within a group.
type Lease struct {
	Cluster Cluster
	Topic   Topic
	Group   Group
	Token   string
	Until   time.Time // by the engine's clock
}

// Delivery is a message that was granted.
type Delivery struct {
	Stored
	Attempt int // >= 1
	Lease   Lease
	Keep    time.Duration // renew the lease this often; 0 = all granted at once, nothing to renew
}

// KeepOrReplace says what an extension does to the lease's token.
type KeepOrReplace bool

// The two ways to extend.
const (
	Keep    KeepOrReplace = false // renewal: the first token goes on settling
	Replace KeepOrReplace = true  // the client's change or nack: the old token is void
)

// Extended is the answer for one lease.
type Extended struct {
	Lease Lease // the one to use from now on; the old one where Err is not nil
	Err   error
}
