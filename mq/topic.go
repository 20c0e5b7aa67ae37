// SPDX-License-Identifier: Apache-2.0

package mq

import (
	"strings"
	"time"
)

// MessageType is what a message asks of the platform. A topic accepts a set of types.
type MessageType uint8

// The message types, numbered as in apache.rocketmq.v2.
const (
	Normal      MessageType = 1
	FIFO        MessageType = 2
	Delay       MessageType = 3
	Transaction MessageType = 4
)

// String is the type in lower case: "normal", "fifo", "delay" or "transaction".
func (t MessageType) String() string {
	switch t {
	case Normal:
		return "normal"
	case FIFO:
		return "fifo"
	case Delay:
		return "delay"
	case Transaction:
		return "transaction"
	}
	return "unknown"
}

// ParseMessageType accepts "normal", "fifo", "delay" or "transaction", in any case.
func ParseMessageType(s string) (MessageType, error) {
	for _, t := range []MessageType{Normal, FIFO, Delay, Transaction} {
		if strings.EqualFold(s, t.String()) {
			return t, nil
		}
	}
	return 0, Refuse(BadRequest, "message type %q: normal, fifo, delay or transaction", clip(s))
}

// Accepts is the set of message types that a topic takes.
type Accepts uint8

// AcceptsOf builds a set.
func AcceptsOf(types ...MessageType) Accepts {
	var a Accepts
	for _, t := range types {
		a |= 1 << t
	}
	return a
}

// Has tells whether messages of the type are taken.
func (a Accepts) Has(t MessageType) bool { return a&(1<<t) != 0 }

// Lendable is what of the set a tenant may send that borrows a topic: all but transactions, since an engine asks whoever publishes to a topic how
// one ended, and the owner's producers know nothing of a borrower's.
func (a Accepts) Lendable() Accepts { return a &^ AcceptsOf(Transaction) }

// Types lists the set in the order of the types' numbers.
func (a Accepts) Types() []MessageType {
	var ts []MessageType
	for t := Normal; t <= Transaction; t++ {
		if a.Has(t) {
			ts = append(ts, t)
		}
	}
	return ts
}

// Durability is what "acknowledged" means for a topic. The zero value is the strongest: on disk before the answer.
type Durability struct{ window time.Duration }

// MaxWindow bounds the loss window of the weaker level.
const MaxWindow = 10 * time.Second

// Window is the weaker level: an acknowledged message may be lost if the machine dies within d. 0 < d <= MaxWindow.
func Window(d time.Duration) (Durability, error) {
	if d <= 0 || d > MaxWindow {
		return Durability{}, Refuse(BadRequest, "durability window %v: more than 0 and at most %v", d, MaxWindow)
	}
	return Durability{d}, nil
}

// Synced tells whether acknowledged means on disk.
func (d Durability) Synced() bool { return d.window == 0 }

// Window is the stated loss window, 0 for the strongest level.
func (d Durability) Window() time.Duration { return d.window }

// String is "sync" or "window=20ms".
func (d Durability) String() string {
	if d.Synced() {
		return "sync"
	}
	return "window=" + d.window.String()
}

// ParseDurability reads what String writes.
func ParseDurability(s string) (Durability, error) {
	if s == "" || s == "sync" {
		return Durability{}, nil
	}
	if w, ok := strings.CutPrefix(s, "window="); ok {
		if d, err := time.ParseDuration(w); err == nil {
			return Window(d)
		}
	}
	return Durability{}, Refuse(BadRequest, "durability %q: sync, or window=DURATION up to %v", clip(s), MaxWindow)
}

// MaxQueues bounds the queues of one topic on one engine.
const MaxQueues = 256

// Topic is a topic as an engine sees it, resolved from one catalog snapshot.
type Topic struct {
	Name       Physical
	Cluster    Cluster
	Accepts    Accepts
	Queues     int // wanted number of queues, 1 to MaxQueues
	Durability Durability
	Retention  time.Duration // age after which a message may go; 0 means the engine's default
}

// TopicSpec is what provisioning asks of an engine: the whole of it, so that the same call twice is one change.
type TopicSpec = Topic

// GroupMode says how a group consumes. It is set when the group is made and never changes.
type GroupMode uint8

// The modes of a group.
const (
	Leases GroupMode = iota // receive, lease, acknowledge: push and simple consumers
	Pulls                   // read by offset, commit: pull consumers
)

// String is "leases" or "pulls".
func (m GroupMode) String() string {
	if m == Pulls {
		return "pulls"
	}
	return "leases"
}

// Group is a consumer group as an engine sees it, resolved from one catalog snapshot.
type Group struct {
	Name        Physical
	Cluster     Cluster
	Mode        GroupMode
	Ordered     bool // FIFO: message groups are delivered in order
	MaxAttempts int  // deliveries before a message becomes a dead letter, >= 1
	Retry       RetryPolicy
	Start       Start
	Hold        time.Duration // lease for consumers that name none, 0 means the engine's default
}

// GroupSpec is what provisioning asks of an engine.
type GroupSpec = Group

// StartKind is one of the ways to choose a start.
type StartKind uint8

// The ways to choose a start.
const (
	StartAt StartKind = iota // the first message stored at or after Start.Time
	StartEarliest
	StartLatest   // behind the last message at the moment of the first contact with a queue
	StartByEngine // where the engine itself begins a group that it does not know; brokers of RocketMQ: at the newest message, which is read once more
)

// Start says where a new group begins to read a topic.
type Start struct {
	Kind StartKind
	Time time.Time // for StartAt
}

// RetryPolicy says how long a failed message rests before its next attempt. The zero value is DefaultRetry.
type RetryPolicy struct {
	Steps []time.Duration // customized: step n-1 after attempt n, the last one repeats
	// exponential when Steps is empty: Initial * Multiplier^(attempt-1), at most Max
	Initial    time.Duration
	Max        time.Duration
	Multiplier float64
}

// DefaultMaxAttempts is the number of deliveries of a message before it becomes a dead letter: one, then 16 retries.
const DefaultMaxAttempts = 17

// DefaultRetry is RocketMQ's own series: 1s 5s 10s 30s, 1 to 10 minutes, 20m 30m 1h 2h.
func DefaultRetry() RetryPolicy {
	const s, m, h = time.Second, time.Minute, time.Hour
	return RetryPolicy{Steps: []time.Duration{
		s, 5 * s, 10 * s, 30 * s, m, 2 * m, 3 * m, 4 * m, 5 * m, 6 * m, 7 * m, 8 * m, 9 * m, 10 * m, 20 * m, 30 * m, h, 2 * h,
	}}
}

// IsZero tells whether no policy was chosen.
func (p RetryPolicy) IsZero() bool { return len(p.Steps) == 0 && p.Initial == 0 }

// After is the rest after the given attempt (1 for the first delivery).
func (p RetryPolicy) After(attempt int) time.Duration {
	if p.IsZero() {
		p = DefaultRetry()
	}
	if attempt < 1 {
		attempt = 1
	}
	if n := len(p.Steps); n > 0 {
		return p.Steps[min(attempt, n)-1]
	}
	rest := float64(p.Initial)
	for range attempt - 1 {
		rest *= p.Multiplier
		if rest >= float64(p.Max) {
			return p.Max
		}
	}
	return min(time.Duration(rest), p.Max)
}
