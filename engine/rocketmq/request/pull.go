// SPDX-License-Identifier: Apache-2.0

package request

import "github.com/causeway-mq/causeway/engine/rocketmq/remoting"

// Flags of Pull.SysFlag.
const (
	PullCommit       = 1 // CommitOffset counts
	PullSuspend      = 2 // park up to SuspendMillis
	PullSubscription = 4 // Expression counts
	PullClassFilter  = 8
)

// Pull reads from an offset and takes nothing.
type Pull struct {
	Group          string
	Topic          string
	Queue          int32
	Offset         int64
	Max            int32
	SysFlag        int32
	CommitOffset   int64
	SuspendMillis  int64
	Expression     string
	Version        int64 // of the subscription: millis of its making
	ExpressionType string
	MaxBytes       int32 // 0: the broker's own limit
	Broker         string
}

// Walk visits the fields.
func (h *Pull) Walk(w *remoting.Walker) {
	w.Text("consumerGroup", &h.Group)
	w.Text("topic", &h.Topic)
	w.Int32("queueId", &h.Queue)
	w.Int("queueOffset", &h.Offset)
	w.Int32("maxMsgNums", &h.Max)
	w.Int32("sysFlag", &h.SysFlag)
	w.Int("commitOffset", &h.CommitOffset)
	w.Int("suspendTimeoutMillis", &h.SuspendMillis)
	w.TextIf("subscription", &h.Expression)
	w.Int("subVersion", &h.Version)
	w.TextIf("expressionType", &h.ExpressionType)
	if h.MaxBytes != 0 || w.Reading() {
		w.Int32If("maxMsgBytes", &h.MaxBytes, 0)
	}
	w.TextIf("bname", &h.Broker)
}

// PullAnswer comes with PullNotFound, PullRetryImmediately and PullOffsetMoved too.
type PullAnswer struct {
	SuggestedBroker int64
	Next            int64
	Min, Max        int64
}

// Walk visits the fields.
func (h *PullAnswer) Walk(w *remoting.Walker) {
	w.IntIf("suggestWhichBrokerId", &h.SuggestedBroker, 0)
	w.Int("nextBeginOffset", &h.Next)
	w.Int("minOffset", &h.Min)
	w.Int("maxOffset", &h.Max)
}

// Committed asks for a group's offset; QueryNotFound when there is none.
type Committed struct {
	Group     string
	Topic     string
	Queue     int32
	ZeroIfNew bool
	Broker    string
}

// Walk visits the fields.
func (h *Committed) Walk(w *remoting.Walker) {
	w.Text("consumerGroup", &h.Group)
	w.Text("topic", &h.Topic)
	w.Int32("queueId", &h.Queue)
	w.Bool("setZeroIfNotFound", &h.ZeroIfNew)
	w.TextIf("bname", &h.Broker)
}

// Commit sets a group's offset.
type Commit struct {
	Group  string
	Topic  string
	Queue  int32
	Offset int64
	Broker string
}

// Walk visits the fields.
func (h *Commit) Walk(w *remoting.Walker) {
	w.Text("consumerGroup", &h.Group)
	w.Text("topic", &h.Topic)
	w.Int32("queueId", &h.Queue)
	w.Int("commitOffset", &h.Offset)
	w.TextIf("bname", &h.Broker)
}

// OffsetAnswer answers Committed, OffsetAt and Bound.
type OffsetAnswer struct{ Offset int64 }

// Walk visits the fields.
func (h *OffsetAnswer) Walk(w *remoting.Walker) { w.Int("offset", &h.Offset) }

// OffsetAt asks for the first offset stored at or after a time (Lower), or one past the last stored at or before it (Upper).
type OffsetAt struct {
	Topic    string
	Queue    int32
	Millis   int64
	Boundary string // LOWER or UPPER
	Broker   string
}

// Walk visits the fields.
func (h *OffsetAt) Walk(w *remoting.Walker) {
	w.Text("topic", &h.Topic)
	w.Int32("queueId", &h.Queue)
	w.Int("timestamp", &h.Millis)
	w.TextIf("boundaryType", &h.Boundary)
	w.TextIf("bname", &h.Broker)
}

// Bound asks for a queue's least or greatest offset: the first kept, one past the last.
type Bound struct {
	Topic  string
	Queue  int32
	Broker string
}

// Walk visits the fields.
func (h *Bound) Walk(w *remoting.Walker) {
	w.Text("topic", &h.Topic)
	w.Int32("queueId", &h.Queue)
	w.TextIf("bname", &h.Broker)
}

// EarliestAnswer is when a queue's first kept message was stored.
type EarliestAnswer struct{ Millis int64 }

// Walk visits the fields.
func (h *EarliestAnswer) Walk(w *remoting.Walker) { w.Int("timestamp", &h.Millis) }

// Query looks for messages by key, or by id when Unique. The index is one of hashes: what comes back may have another key.
type Query struct {
	Topic       string
	Key         string
	Max         int32
	BeginMillis int64
	EndMillis   int64
	Unique      bool
	Broker      string
}

// Walk visits the fields.
func (h *Query) Walk(w *remoting.Walker) {
	w.Text("topic", &h.Topic)
	w.Text("key", &h.Key)
	w.Int32("maxNum", &h.Max)
	w.Int("beginTimestamp", &h.BeginMillis)
	w.Int("endTimestamp", &h.EndMillis)
	w.Bool("_UNIQUE_KEY_QUERY", &h.Unique)
	w.TextIf("bname", &h.Broker)
}

// View reads one message by its place in the broker's log.
type View struct {
	Topic    string
	Physical int64
	Broker   string
}

// Walk visits the fields.
func (h *View) Walk(w *remoting.Walker) {
	w.TextIf("topic", &h.Topic)
	w.Int("offset", &h.Physical)
	w.TextIf("bname", &h.Broker)
}
