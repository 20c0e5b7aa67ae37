// SPDX-License-Identifier: Apache-2.0

// Package wire holds the JSON of the control plane's HTTP interface, as both of its ends see it.
//
// Times are RFC 3339 in UTC, left out when there is none. Durations are text with units ("72h0m0s"). A figure that is not
// known is -1. Fields are only ever added.
package wire

import "time"

// Tenant is a namespace with an owner.
type Tenant struct {
	ID               string    `json:"id"`
	Note             string    `json:"note,omitempty"`
	Disabled         bool      `json:"disabled"`
	LoopbackUnsigned bool      `json:"loopbackUnsigned"`
	Created          time.Time `json:"created"`
	Revision         uint64    `json:"revision"`
}

// NewTenant makes a tenant.
type NewTenant struct {
	ID   string `json:"id"`
	Note string `json:"note,omitempty"`
}

// Application acts for a tenant.
type Application struct {
	Name     string    `json:"name"`
	Owner    bool      `json:"owner"`
	Publish  []string  `json:"publish"` // topics it may send to
	Read     []string  `json:"read"`    // topics it may receive from, under the groups of Consume
	Consume  []string  `json:"consume"`
	Note     string    `json:"note,omitempty"`
	Disabled bool      `json:"disabled"`
	Created  time.Time `json:"created"`
	Revision uint64    `json:"revision"`
	// Key is the first key with its secret; only in the answer to the application's creation.
	Key *Key `json:"key,omitempty"`
}

// NewApplication makes an application with a first key.
type NewApplication struct {
	Name    string   `json:"name"`
	Owner   bool     `json:"owner,omitempty"`
	Publish []string `json:"publish,omitempty"`
	Read    []string `json:"read,omitempty"`
	Consume []string `json:"consume,omitempty"`
	Note    string   `json:"note,omitempty"`
}

// ApplicationChange changes an application; what is left out stays.
type ApplicationChange struct {
	Owner    *bool     `json:"owner,omitempty"`
	Publish  *[]string `json:"publish,omitempty"`
	Read     *[]string `json:"read,omitempty"`
	Consume  *[]string `json:"consume,omitempty"`
	Note     *string   `json:"note,omitempty"`
	Disabled *bool     `json:"disabled,omitempty"`
	Revision uint64    `json:"revision,omitempty"` // refused when it is another one by now
}

// Key is an access key.
type Key struct {
	ID      string     `json:"id"`
	Secret  string     `json:"secret,omitempty"` // only in the answer to its creation
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"`
	Revoked *time.Time `json:"revoked,omitempty"`
}

// NewKey makes a key.
type NewKey struct {
	Expires *time.Time `json:"expires,omitempty"`
}

// Topic is a topic with how far the engine follows.
type Topic struct {
	Name       string    `json:"name"`
	Types      []string  `json:"types"` // of messages: normal, fifo, delay, transaction
	Queues     int       `json:"queues"`
	Durability string    `json:"durability"` // "sync" or "window=20ms"
	Retention  string    `json:"retention"`
	Note       string    `json:"note,omitempty"`
	State      string    `json:"state"` // creating, ready, updating, deleting
	Created    time.Time `json:"created"`
	Updated    time.Time `json:"updated"`
	Revision   uint64    `json:"revision"`
}

// NewTopic makes a topic; what is left out is a default.
type NewTopic struct {
	Name       string   `json:"name"`
	Types      []string `json:"types,omitempty"`
	Queues     int      `json:"queues,omitempty"`
	Durability string   `json:"durability,omitempty"`
	Retention  string   `json:"retention,omitempty"`
	Note       string   `json:"note,omitempty"`
}

// TopicChange changes a topic; what is left out stays.
type TopicChange struct {
	Queues     *int    `json:"queues,omitempty"`
	Durability *string `json:"durability,omitempty"`
	Retention  *string `json:"retention,omitempty"`
	Note       *string `json:"note,omitempty"`
	Revision   uint64  `json:"revision,omitempty"`
}

// Retry is how long a failed message rests: Steps, or exponential growth.
type Retry struct {
	Steps      []string `json:"steps,omitempty"`
	Initial    string   `json:"initial,omitempty"`
	Max        string   `json:"max,omitempty"`
	Multiplier float64  `json:"multiplier,omitempty"`
}

// Group is a consumer group with how far the engine follows.
type Group struct {
	Name        string    `json:"name"`
	Mode        string    `json:"mode"` // leases or pulls
	Fifo        bool      `json:"fifo"`
	MaxAttempts int       `json:"maxAttempts"`
	Retry       Retry     `json:"retry"`
	From        string    `json:"from"` // earliest, latest or a time
	Hold        string    `json:"hold,omitempty"`
	Note        string    `json:"note,omitempty"`
	State       string    `json:"state"`
	Created     time.Time `json:"created"`
	Updated     time.Time `json:"updated"`
	Revision    uint64    `json:"revision"`
}

// NewGroup makes a group; what is left out is a default.
type NewGroup struct {
	Name        string `json:"name"`
	Mode        string `json:"mode,omitempty"`
	Fifo        bool   `json:"fifo,omitempty"`
	MaxAttempts int    `json:"maxAttempts,omitempty"`
	Retry       *Retry `json:"retry,omitempty"`
	From        string `json:"from,omitempty"`
	Hold        string `json:"hold,omitempty"`
	Note        string `json:"note,omitempty"`
}

// GroupChange changes a group; what is left out stays.
type GroupChange struct {
	MaxAttempts *int    `json:"maxAttempts,omitempty"`
	Retry       *Retry  `json:"retry,omitempty"`
	Hold        *string `json:"hold,omitempty"`
	Note        *string `json:"note,omitempty"`
	Revision    uint64  `json:"revision,omitempty"`
}

// Page is one piece of a listing.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // cursor of the following piece
}

// Progress is how far a group is in one topic.
type Progress struct {
	Topic    string          `json:"topic"`
	Ready    int64           `json:"ready"`
	Leased   int64           `json:"leased"`
	Retrying int64           `json:"retrying"`
	Oldest   *time.Time      `json:"oldest,omitempty"`
	Queues   []QueueProgress `json:"queues"`
}

// QueueProgress is how far a group is in one queue.
type QueueProgress struct {
	Broker    string     `json:"broker,omitempty"`
	Queue     int32      `json:"queue"`
	Lo        int64      `json:"lo"`
	Hi        int64      `json:"hi"`
	Committed int64      `json:"committed"`
	Ready     int64      `json:"ready"`
	Leased    int64      `json:"leased"`
	Retrying  int64      `json:"retrying"`
	Oldest    *time.Time `json:"oldest,omitempty"`
}

// Reset moves a group.
type Reset struct {
	Topic  string `json:"topic"`
	To     string `json:"to,omitempty"`     // earliest, latest or a time
	Offset *int64 `json:"offset,omitempty"` // instead of To
	Queue  *int32 `json:"queue,omitempty"`  // with Offset; every queue when left out
	Broker string `json:"broker,omitempty"`
	Force  bool   `json:"force,omitempty"` // also while consumers hold messages
}

// ResetDone is what a reset did.
type ResetDone struct {
	Before []QueueProgress `json:"before"`
	After  []QueueProgress `json:"after"`
}

// Message is a message that was found.
type Message struct {
	ID            string            `json:"id"`
	Topic         string            `json:"topic"`
	State         string            `json:"state"` // stored, scheduled or half
	Type          string            `json:"type"`
	Broker        string            `json:"broker,omitempty"`
	Queue         int32             `json:"queue"`
	Offset        int64             `json:"offset"` // -1 while it has no place
	Stored        time.Time         `json:"stored"`
	Born          *time.Time        `json:"born,omitempty"`
	BornHost      string            `json:"bornHost,omitempty"`
	Due           *time.Time        `json:"due,omitempty"`
	Tag           string            `json:"tag,omitempty"`
	Keys          []string          `json:"keys,omitempty"`
	MessageGroup  string            `json:"messageGroup,omitempty"`
	Properties    map[string]string `json:"properties,omitempty"`
	Trace         string            `json:"trace,omitempty"`
	Encoding      string            `json:"encoding"` // identity or gzip
	BodySize      int               `json:"bodySize"` // bytes
	Body          []byte            `json:"body,omitempty"`
	BodyTruncated bool              `json:"bodyTruncated,omitempty"`
	Origin        *Origin           `json:"origin,omitempty"`
}

// Origin is where a dead letter came from.
type Origin struct {
	Topic    string `json:"topic"`
	ID       string `json:"id"`
	Queue    int32  `json:"queue"`
	Offset   int64  `json:"offset"`
	Attempts int    `json:"attempts"`
	Why      string `json:"why"`
}

// Found is one piece of a search.
type Found struct {
	Items []Message `json:"items"`
	Next  string    `json:"next,omitempty"`
	From  time.Time `json:"from"` // the window that was searched
	To    time.Time `json:"to"`
}

// Redrive sends dead letters back.
type Redrive struct {
	Limit int64 `json:"limit,omitempty"` // at most so many; 0 = all that there are
}

// Job is long work.
type Job struct {
	ID      string     `json:"id"`
	Kind    string     `json:"kind"`
	Group   string     `json:"group,omitempty"`
	State   string     `json:"state"` // running, done, partial, failed
	Percent int        `json:"percent"`
	Total   int64      `json:"total"`
	Moved   int64      `json:"moved"`
	Skipped int64      `json:"skipped"`
	Detail  string     `json:"detail,omitempty"`
	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended,omitempty"`
}

// Finding is one thing that the doctor looked at.
type Finding struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, warn, fail
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

// Doctor is all findings.
type Doctor struct {
	Findings []Finding `json:"findings"`
	Time     time.Time `json:"time"` // the server's clock
}

// Version is what runs.
type Version struct {
	Version string `json:"version"`
	Catalog uint64 `json:"catalog"` // version of the catalog
}

// LogLevel is how much the server writes.
type LogLevel struct {
	Level string `json:"level"` // debug, info, warn, error
}

// Problem is the answer to a request that failed (RFC 9457, media type ProblemType).
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Kind      string `json:"kind"`             // one word for the class of error
	Reason    string `json:"reason,omitempty"` // finer, where there is something finer
	Field     string `json:"field,omitempty"`  // of the request
	Limit     string `json:"limit,omitempty"`
	RequestID string `json:"requestId"`
}

// ProblemType is the media type of a Problem.
const ProblemType = "application/problem+json"
