// SPDX-License-Identifier: Apache-2.0

package wire

import "time"

// NewMessage is a message to send: text or a body, not both.
type NewMessage struct {
	Text         string            `json:"text,omitempty"`
	Body         []byte            `json:"body,omitempty"` // 512 KiB at most
	Keys         []string          `json:"keys,omitempty"`
	Tag          string            `json:"tag,omitempty"`
	Properties   map[string]string `json:"properties,omitempty"`
	Delay        string            `json:"delay,omitempty"`        // after which it is delivered, "10s"
	DeliverAt    *time.Time        `json:"deliverAt,omitempty"`    // in the place of delay
	MessageGroup string            `json:"messageGroup,omitempty"` // messages of one group are delivered in order
}

// Resend sends a stored message again.
type Resend struct{}

// SentMessage is a message that was stored.
type SentMessage struct {
	ID       string     `json:"id"`
	Topic    string     `json:"topic"`
	Type     string     `json:"type"`
	Broker   string     `json:"broker,omitempty"`
	Queue    int32      `json:"queue"`
	Offset   int64      `json:"offset"` // -1 while it waits for its time
	Due      *time.Time `json:"due,omitempty"`
	ResentOf string     `json:"resentOf,omitempty"` // the message that was sent again as this one
}

// Waiting is a page of messages that nobody was given yet. A page may be short, even empty, though more follow: next says so.
type Waiting struct {
	Items []WaitingMessage `json:"items"`
	Next  string           `json:"next,omitempty"` // cursor to go on with
}

// WaitingMessage is a message that waits for its time, or for the end of its transaction.
type WaitingMessage struct {
	ID       string     `json:"id"`
	Topic    string     `json:"topic"`
	State    string     `json:"state"` // scheduled or half
	Tag      string     `json:"tag,omitempty"`
	Keys     []string   `json:"keys,omitempty"`
	BodySize int        `json:"bodySize"` // bytes
	Stored   time.Time  `json:"stored"`
	Due      *time.Time `json:"due,omitempty"`      // of a scheduled one
	Checks   int        `json:"checks,omitempty"`   // of a half: how often a producer was asked for its end
	Producer string     `json:"producer,omitempty"` // where it came from
}

// CancelScheduled recalls a scheduled message.
type CancelScheduled struct{}

// Resolve ends a transaction.
type Resolve struct {
	Verdict string `json:"verdict"`           // commit or rollback
	Confirm string `json:"confirm,omitempty"` // the message's id once more: it cannot be taken back
}
