// SPDX-License-Identifier: Apache-2.0

// Package wire holds the JSON of the control plane's HTTP interface, as both of its ends see it.
//
// Times are RFC 3339 in UTC, left out when there is none. Durations are text with units ("72h0m0s"). A figure that is not
// known is -1. Fields are only ever added.
package wire

import "time"

// Tenant is a namespace with an owner.
type Tenant struct {
	ID               string            `json:"id"`
	Note             string            `json:"note,omitempty"`
	Labels           map[string]string `json:"labels,omitempty"`
	Plan             string            `json:"plan,omitempty"`        // whose limits hold
	Environment      string            `json:"environment,omitempty"` // what it is there for
	Disabled         bool              `json:"disabled"`
	LoopbackUnsigned bool              `json:"loopbackUnsigned"`
	Created          time.Time         `json:"created"`
	Revision         uint64            `json:"revision"`
}

// NewTenant makes a tenant.
type NewTenant struct {
	ID          string            `json:"id"`
	Note        string            `json:"note,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Plan        string            `json:"plan,omitempty"`
	Environment string            `json:"environment,omitempty"`
}

// Application acts for a tenant.
type Application struct {
	Name     string            `json:"name"`
	Owner    bool              `json:"owner"`
	Publish  []string          `json:"publish"` // topics it may send to
	Read     []string          `json:"read"`    // topics it may receive from, under the groups of Consume
	Consume  []string          `json:"consume"`
	Note     string            `json:"note,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Disabled bool              `json:"disabled"`
	Created  time.Time         `json:"created"`
	Revision uint64            `json:"revision"`
	// MissingTopics and MissingGroups are what the rights name and the tenant does not have; the rights hold as soon as somebody makes it. Not in listings.
	MissingTopics []string `json:"missingTopics,omitempty"`
	MissingGroups []string `json:"missingGroups,omitempty"`
	// Key is the first key with its secret; only in the answer to the application's creation.
	Key *Key `json:"key,omitempty"`
}

// NewApplication makes an application with a first key.
type NewApplication struct {
	Name    string            `json:"name"`
	Owner   bool              `json:"owner,omitempty"`
	Publish []string          `json:"publish,omitempty"`
	Read    []string          `json:"read,omitempty"`
	Consume []string          `json:"consume,omitempty"`
	Note    string            `json:"note,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
}

// ApplicationChange changes an application; what is left out stays.
type ApplicationChange struct {
	Owner    *bool              `json:"owner,omitempty"`
	Publish  *[]string          `json:"publish,omitempty"`
	Read     *[]string          `json:"read,omitempty"`
	Consume  *[]string          `json:"consume,omitempty"`
	Note     *string            `json:"note,omitempty"`
	Labels   *map[string]string `json:"labels,omitempty"` // all of them: one that is left out goes
	Disabled *bool              `json:"disabled,omitempty"`
	Revision uint64             `json:"revision,omitempty"` // refused when it is another one by now
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
	Name       string            `json:"name"`
	Types      []string          `json:"types"` // of messages: normal, fifo, delay, transaction
	Cluster    string            `json:"cluster"`
	Queues     int               `json:"queues"`
	Durability string            `json:"durability,omitempty"` // "sync" or "window=20ms"; none where that is a setting of the cluster's brokers
	Retention  string            `json:"retention,omitempty"`  // none where that is a setting of the cluster's brokers
	Note       string            `json:"note,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	TakenOver  bool              `json:"takenOver,omitempty"` // its cluster had it before: its deletion has to be confirmed, whatever it holds
	State      string            `json:"state"`               // creating, ready, updating, deleting
	Created    time.Time         `json:"created"`
	Updated    time.Time         `json:"updated"`
	Revision   uint64            `json:"revision"`
}

// NewTopic makes a topic; what is left out is a default.
type NewTopic struct {
	Name       string            `json:"name"`
	Cluster    string            `json:"cluster,omitempty"` // where it is made; the installation's default cluster when left out
	Types      []string          `json:"types,omitempty"`
	Queues     int               `json:"queues,omitempty"`
	Durability string            `json:"durability,omitempty"` // refused where that is a setting of the cluster's brokers
	Retention  string            `json:"retention,omitempty"`  // likewise
	Note       string            `json:"note,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
}

// Cluster is a message cluster on which topics and groups are kept.
type Cluster struct {
	Name    string     `json:"name"`
	Kind    string     `json:"kind,omitempty"` // embedded or rocketmq
	Default bool       `json:"default"`        // where topics and groups are made that name none
	State   string     `json:"state"`          // unseen, serves or silent, as of the last look
	Why     string     `json:"why,omitempty"`
	Looked  *time.Time `json:"looked,omitempty"`
	Note    string     `json:"note,omitempty"`
	Zone    string     `json:"zone,omitempty"` // where it stands, as the configuration says
	Topics  int        `json:"topics"`
	Groups  int        `json:"groups"`
	// BrokerSettings is what of a topic is a setting of the brokers, for all topics alike: durability, retention. A topic there cannot ask for it.
	BrokerSettings []string `json:"brokerSettings,omitempty"`
}

// OfferedCluster is a cluster on which a tenant's topics and groups can be made.
type OfferedCluster struct {
	Name    string `json:"name"`
	Default bool   `json:"default"` // where topics and groups are made that name none
	// BrokerSettings is what of a topic is a setting of the brokers, for all topics alike: durability, retention. A topic there cannot ask for it.
	BrokerSettings []string `json:"brokerSettings,omitempty"`
}

// Drift is how a cluster differs from what is wanted of it, as of the last look.
type Drift struct {
	Cluster string      `json:"cluster"`
	State   string      `json:"state"` // unseen, serves or silent
	Why     string      `json:"why,omitempty"`
	Looked  *time.Time  `json:"looked,omitempty"`
	Items   []DriftItem `json:"items"`
}

// DriftItem is one topic, group or user that differs.
type DriftItem struct {
	Kind     string `json:"kind"`             // missing, different, uneven or extra
	Noun     string `json:"noun"`             // topic or group; tenant for the user of a tenant, key for one that was taken over
	Tenant   string `json:"tenant,omitempty"` // not of an extra one
	Name     string `json:"name,omitempty"`
	Physical string `json:"physical"`
	Detail   string `json:"detail,omitempty"`
	Mended   string `json:"mended,omitempty"` // what came of putting it again: "done", or why not
}

// Import takes over what a cluster has, for a tenant.
type Import struct {
	Tenant string            `json:"tenant"`
	Apply  bool              `json:"apply,omitempty"` // otherwise the plan alone is told
	Names  map[string]string `json:"names,omitempty"` // what is to be called otherwise than the cluster does, by its name there
}

// ImportPlan is what becomes of everything that a cluster has.
type ImportPlan struct {
	Cluster string       `json:"cluster"`
	Tenant  string       `json:"tenant"`
	Applied bool         `json:"applied"`
	Items   []ImportItem `json:"items"`
}

// ImportItem is one thing that a cluster has.
type ImportItem struct {
	Noun     string   `json:"noun"`           // topic, group, or application for a user of the cluster
	Physical string   `json:"physical"`       // what the cluster calls it, for good
	Name     string   `json:"name,omitempty"` // what the tenant calls it
	Verdict  string   `json:"verdict"`        // adopted, known (it is the tenant's already) or left
	Why      string   `json:"why,omitempty"`
	Publish  []string `json:"publish,omitempty"` // of an application
	Read     []string `json:"read,omitempty"`
	Consume  []string `json:"consume,omitempty"`
}

// TopicChange changes a topic; what is left out stays.
type TopicChange struct {
	Queues     *int               `json:"queues,omitempty"`
	Durability *string            `json:"durability,omitempty"` // refused where that is a setting of the cluster's brokers
	Retention  *string            `json:"retention,omitempty"`  // likewise
	Note       *string            `json:"note,omitempty"`
	Labels     *map[string]string `json:"labels,omitempty"` // all of them: one that is left out goes
	Revision   uint64             `json:"revision,omitempty"`
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
	Name        string            `json:"name"`
	Cluster     string            `json:"cluster"`
	Mode        string            `json:"mode"` // leases or pulls
	Fifo        bool              `json:"fifo"`
	MaxAttempts int               `json:"maxAttempts"`
	Retry       Retry             `json:"retry"`
	From        string            `json:"from"` // earliest, latest or a time
	Hold        string            `json:"hold,omitempty"`
	Note        string            `json:"note,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Paused      bool              `json:"paused,omitempty"`    // nothing is handed out; what consumers hold they may settle
	TakenOver   bool              `json:"takenOver,omitempty"` // its cluster had it before: its deletion has to be confirmed, whatever it holds
	State       string            `json:"state"`
	Created     time.Time         `json:"created"`
	Updated     time.Time         `json:"updated"`
	Revision    uint64            `json:"revision"`
}

// NewGroup makes a group; what is left out is a default.
type NewGroup struct {
	Name        string            `json:"name"`
	Cluster     string            `json:"cluster,omitempty"` // that of the topics that it is to read; the installation's default cluster when left out
	Mode        string            `json:"mode,omitempty"`
	Fifo        bool              `json:"fifo,omitempty"`
	MaxAttempts int               `json:"maxAttempts,omitempty"`
	Retry       *Retry            `json:"retry,omitempty"`
	From        string            `json:"from,omitempty"`
	Hold        string            `json:"hold,omitempty"`
	Note        string            `json:"note,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
}

// GroupChange changes a group; what is left out stays.
type GroupChange struct {
	MaxAttempts *int               `json:"maxAttempts,omitempty"`
	Retry       *Retry             `json:"retry,omitempty"`
	Hold        *string            `json:"hold,omitempty"`
	Note        *string            `json:"note,omitempty"`
	Labels      *map[string]string `json:"labels,omitempty"` // all of them: one that is left out goes
	Paused      *bool              `json:"paused,omitempty"`
	Revision    uint64             `json:"revision,omitempty"`
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

// Trace is where a message is: each place that has it, with what became of it for each group that reads the topic.
type Trace struct {
	ID     string  `json:"id"`
	Topic  string  `json:"topic"`
	Places []Place `json:"places"`
	More   bool    `json:"more,omitempty"` // the tenant has more groups than were asked: name one
	// Events are what happened to the message, as far as it is known, in the order of time.
	Events []TraceEvent `json:"events"`
	// Recorded says of each proxy from when on what it remembers is whole. What is earlier is not known, and may have happened.
	Recorded []TraceRecord `json:"recorded"`
}

// TraceEvent is one thing that happened to a message.
type TraceEvent struct {
	Kind        string     `json:"kind"`   // produced, stored, scheduled, prepared, checked, committed, rolled-back, recalled, delivered, pulled, returned, changed, acked, forwarded, dead-lettered, redriven or filtered
	At          time.Time  `json:"at"`     // by the clock of who did it
	Source      string     `json:"source"` // proxy: one did it and remembers; store: what is stored tells; judged: it follows from the message and the group's filters
	Group       string     `json:"group,omitempty"`
	Application string     `json:"application,omitempty"`
	Client      string     `json:"client,omitempty"`
	Proxy       string     `json:"proxy,omitempty"`
	Zone        string     `json:"zone,omitempty"` // of the proxy
	Broker      string     `json:"broker,omitempty"`
	Queue       *int32     `json:"queue,omitempty"`
	Offset      *int64     `json:"offset,omitempty"`
	Attempt     int        `json:"attempt,omitempty"` // of a delivery, and of what was done with it; of a check, which one it was
	Until       *time.Time `json:"until,omitempty"`   // the consumer has the message until then, or the message waits for that time
	Result      string     `json:"result,omitempty"`  // left out when it was done; refused, or unknown when it may have happened all the same
	Detail      string     `json:"detail,omitempty"`
}

// TraceRecord is what one proxy remembers.
type TraceRecord struct {
	Proxy     string     `json:"proxy"`
	Zone      string     `json:"zone,omitempty"`
	State     string     `json:"state"`               // answered, off (it remembers nothing) or silent (it did not answer in time)
	Began     *time.Time `json:"began,omitempty"`     // when it began to remember
	Since     *time.Time `json:"since,omitempty"`     // everything later is told
	RareSince *time.Time `json:"rareSince,omitempty"` // everything later is told but sends, first deliveries and their acknowledgements
	Heard     *time.Time `json:"heard,omitempty"`     // when a silent one was heard of last
	More      bool       `json:"more,omitempty"`      // it remembers more events than it told
}

// Place is one place of a message.
type Place struct {
	State  string     `json:"state"` // stored, scheduled or half
	Broker string     `json:"broker,omitempty"`
	Queue  int32      `json:"queue"`
	Offset int64      `json:"offset"` // -1 while it has no place
	Stored time.Time  `json:"stored"`
	Due    *time.Time `json:"due,omitempty"`
	Why    string     `json:"why,omitempty"` // no group can have it yet
	Groups []Fate     `json:"groups"`
}

// Fate is what became of a message for one group.
type Fate struct {
	Group      string     `json:"group"`
	State      string     `json:"state"`             // unread, waiting, leased, retrying, taken, settled, dead or unknown
	Attempt    int        `json:"attempt,omitempty"` // deliveries so far; left out where the engine does not tell
	Until      *time.Time `json:"until,omitempty"`   // the end of a lease or of a rest
	Ahead      int64      `json:"ahead,omitempty"`   // messages of its queue that come before an unread one
	DeadLetter string     `json:"deadLetter,omitempty"`
	Why        string     `json:"why"` // one sentence for people
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
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`             // redrive, delete-tenant
	Group    string     `json:"group,omitempty"`  // that is redriven
	Tenant   string     `json:"tenant,omitempty"` // that is deleted
	State    string     `json:"state"`            // running, cancelling, done, partial, failed, cancelled
	Percent  int        `json:"percent"`
	Total    int64      `json:"total"`
	Moved    int64      `json:"moved"`          // things that are done
	Skipped  int64      `json:"skipped"`        // things that were looked at and left
	Rate     float64    `json:"rate"`           // things a second lately; 0 when it is not known
	Left     string     `json:"left,omitempty"` // how long it may still take at that rate
	Detail   string     `json:"detail,omitempty"`
	By       string     `json:"by"` // who asked for it
	Started  time.Time  `json:"started"`
	Updated  time.Time  `json:"updated"` // when its figures were last written down
	Ended    *time.Time `json:"ended,omitempty"`
	Revision uint64     `json:"revision"`
}

// JobCancel makes a job end.
type JobCancel struct{}

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

// Status is whether the process is well.
type Status struct {
	Status string `json:"status"` // ok or ready
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
