// SPDX-License-Identifier: Apache-2.0

package request

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
)

// Where a group that is new to a topic begins.
const (
	FromMin = 0
	FromMax = 1 // at the newest message: it is read again
)

// AnyQueue lets the broker walk over all queues of the topic.
const AnyQueue = -1

// OrderRevive is the revive queue that a broker names for an orderly pop.
const OrderRevive = 999

// Pop takes messages and hides them. PollMillis 0 never waits; BornMillis 0 lets the broker use its own clock for the wait's limit.
type Pop struct {
	Group           string
	Topic           string
	Queue           int32 // AnyQueue or one
	Max             int32 // 1 to 32
	InvisibleMillis int64
	PollMillis      int64
	BornMillis      int64
	Init            int32  // FromMin or FromMax
	ExpressionType  string // TAG or SQL92
	Expression      string
	Order           bool
	Attempt         string // a repeat with the same one gets the same orderly run
	Broker          string
}

// Walk visits the fields.
func (h *Pop) Walk(w *remoting.Walker) {
	w.Text("consumerGroup", &h.Group)
	w.Text("topic", &h.Topic)
	w.Int32("queueId", &h.Queue)
	w.Int32("maxMsgNums", &h.Max)
	w.Int("invisibleTime", &h.InvisibleMillis)
	w.Int("pollTime", &h.PollMillis)
	w.Int("bornTime", &h.BornMillis)
	w.Int32("initMode", &h.Init)
	w.TextIf("expType", &h.ExpressionType)
	w.TextIf("exp", &h.Expression)
	w.Bool("order", &h.Order)
	w.TextIf("attemptId", &h.Attempt)
	w.TextIf("bname", &h.Broker)
}

// PopAnswer ties the messages of the body to their checkpoints. The three texts hold one entry a queue, joined by ';'.
type PopAnswer struct {
	PopMillis       int64
	InvisibleMillis int64
	ReviveQueue     int32
	Rest            int64
	StartOffsets    string // "retry queue offset"
	MessageOffsets  string // "retry queue offset,offset"
	OrderCounts     string // "retry queue count", "retry qo<queue>%<offset> count"
}

// Walk visits the fields.
func (h *PopAnswer) Walk(w *remoting.Walker) {
	w.Int("popTime", &h.PopMillis)
	w.Int("invisibleTime", &h.InvisibleMillis)
	w.Int32("reviveQid", &h.ReviveQueue)
	w.IntIf("restNum", &h.Rest, 0)
	w.TextIf("startOffsetInfo", &h.StartOffsets)
	w.TextIf("msgOffsetInfo", &h.MessageOffsets)
	w.TextIf("orderCountInfo", &h.OrderCounts)
}

// Handle names one delivery: what acknowledges it. Brokers do not check that it is still the newest.
type Handle struct {
	Start           int64 // the checkpoint's first offset
	PopMillis       int64
	InvisibleMillis int64
	ReviveQueue     int32
	Retry           int32 // 0: the topic itself, 1 and 2: the group's retry topic in either version
	Broker          string
	Queue           int32
	Offset          int64
}

// String is the handle as brokers write it.
func (h Handle) String() string {
	b := make([]byte, 0, 96)
	for _, n := range []int64{h.Start, h.PopMillis, h.InvisibleMillis, int64(h.ReviveQueue), int64(h.Retry)} {
		b = append(strconv.AppendInt(b, n, 10), ' ')
	}
	b = append(append(b, h.Broker...), ' ')
	b = append(strconv.AppendInt(b, int64(h.Queue), 10), ' ')
	return string(strconv.AppendInt(b, h.Offset, 10))
}

// ParseHandle reads a handle; a ninth field, which some proxies append, is passed over.
func ParseHandle(s string) (h Handle, err error) {
	f := strings.Split(s, " ")
	if len(f) != 8 && len(f) != 9 {
		return h, fmt.Errorf("%w: a handle of %d fields", ErrAnswer, len(f))
	}
	r := numbers{}
	h = Handle{
		Start: r.int(f[0]), PopMillis: r.int(f[1]), InvisibleMillis: r.int(f[2]), ReviveQueue: r.int32(f[3]), Retry: r.int32(f[4]),
		Broker: f[5], Queue: r.int32(f[6]), Offset: r.int(f[7]),
	}
	if r.bad != "" || h.Retry < 0 || h.Retry > 2 {
		return Handle{}, fmt.Errorf("%w: a handle with %q for a number, retry %d", ErrAnswer, r.bad, h.Retry)
	}
	return h, nil
}

// RealTopic is the topic in which the delivered message lies.
func (h Handle) RealTopic(topic, group string) string {
	switch h.Retry {
	case 1:
		return RetryTopicV1(topic, group)
	case 2:
		return RetryTopicV2(topic, group)
	}
	return topic
}

// Visible is when the message shows again, by the broker's clock.
func (h Handle) Visible() time.Time { return time.UnixMilli(h.PopMillis + h.InvisibleMillis) }

const retryPrefix = "%RETRY%"

// RetryTopicV1 is where brokers keep what a group did not acknowledge, by default.
func RetryTopicV1(topic, group string) string { return retryPrefix + group + "_" + topic }

// RetryTopicV2 is the same with a joiner that stands in no name.
func RetryTopicV2(topic, group string) string { return retryPrefix + group + "+" + topic }

// RetryFlag is how handles name a topic's kind.
func RetryFlag(topic string) int32 {
	switch {
	case !strings.HasPrefix(topic, retryPrefix):
		return 0
	case strings.Contains(topic, "+"):
		return 2
	}
	return 1
}

// Popped is one delivered message.
type Popped struct {
	stored.Message
	Handle     Handle
	Reconsumed int32 // deliveries before this one
}

// Deliveries ties the messages of a pop to their handles. broker is who answered.
func (h *PopAnswer) Deliveries(messages []stored.Message, broker string) ([]Popped, error) {
	starts, err := parseInfo(h.StartOffsets)
	if err != nil {
		return nil, err
	}
	offsets, err := parseInfo(h.MessageOffsets)
	if err != nil {
		return nil, err
	}
	counts, err := parseInfo(h.OrderCounts)
	if err != nil {
		return nil, err
	}
	all := make([]Popped, len(messages))
	for i := range messages {
		m := &messages[i]
		all[i] = Popped{Message: *m, Reconsumed: m.Reconsumed}
		if ck := m.Properties.Get(stored.PopCheckpoint); ck != "" { // a retry, given its handle by the broker
			if all[i].Handle, err = ParseHandle(ck); err != nil {
				return nil, err
			}
			continue
		}
		key := infoKey{retry: RetryFlag(m.Topic), queue: m.Queue}
		start, ok := starts[key]
		if !ok || len(start) != 1 {
			return nil, fmt.Errorf("%w: no start offset for queue %d, retry %d", ErrAnswer, key.queue, key.retry)
		}
		if _, ok := offsets[key]; !ok {
			return nil, fmt.Errorf("%w: no message offsets for queue %d, retry %d", ErrAnswer, key.queue, key.retry)
		}
		all[i].Handle = Handle{
			Start: start[0], PopMillis: h.PopMillis, InvisibleMillis: h.InvisibleMillis, ReviveQueue: h.ReviveQueue, Retry: key.retry,
			Broker: broker, Queue: m.Queue, Offset: m.Offset,
		}
		byOffset := key
		byOffset.offset, byOffset.one = m.Offset, true
		if n, ok := counts[byOffset]; ok && len(n) == 1 {
			all[i].Reconsumed = int32(n[0])
		} else if n, ok := counts[key]; ok && len(n) == 1 {
			all[i].Reconsumed = int32(n[0])
		}
	}
	return all, nil
}

// infoKey is the first two fields of an entry: a queue, or one offset of it.
type infoKey struct {
	retry  int32
	queue  int32
	offset int64
	one    bool
}

// maxInfo bounds the entries of one text: 32 messages from as many queues, each with an entry of its own and one for its queue.
const maxInfo = 1024

func parseInfo(text string) (map[infoKey][]int64, error) {
	if text == "" {
		return nil, nil
	}
	entries := strings.SplitN(text, ";", maxInfo+1)
	if len(entries) > maxInfo {
		return nil, fmt.Errorf("%w: more than %d entries in %.40q", ErrAnswer, maxInfo, text)
	}
	all := make(map[infoKey][]int64, len(entries))
	for _, e := range entries {
		r := numbers{}
		f := strings.Split(e, " ")
		if len(f) != 3 {
			return nil, fmt.Errorf("%w: the entry %.40q has %d fields", ErrAnswer, e, len(f))
		}
		key := infoKey{retry: r.int32(f[0])}
		if place, ok := strings.CutPrefix(f[1], "qo"); ok {
			queue, offset, _ := strings.Cut(place, "%")
			key.queue, key.offset, key.one = r.int32(queue), r.int(offset), true
		} else {
			key.queue = r.int32(f[1])
		}
		var values []int64
		for v := range strings.SplitSeq(f[2], ",") {
			values = append(values, r.int(v))
		}
		if _, twice := all[key]; twice || r.bad != "" {
			return nil, fmt.Errorf("%w: the entry %.40q", ErrAnswer, e)
		}
		all[key] = values
	}
	return all, nil
}

// numbers parses and remembers the first text that was none.
type numbers struct{ bad string }

func (r *numbers) int(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil && r.bad == "" {
		r.bad = s + "?"
	}
	return n
}

func (r *numbers) int32(s string) int32 {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil && r.bad == "" {
		r.bad = s + "?"
	}
	return int32(n)
}

// Notify waits until the topic has something for the group and takes nothing. Not for orderly groups: an orderly acknowledgement wakes
// parked pops only.
type Notify struct {
	Group      string
	Topic      string
	Queue      int32
	PollMillis int64
	BornMillis int64
	Order      bool
	Attempt    string
	Broker     string
}

// Walk visits the fields.
func (h *Notify) Walk(w *remoting.Walker) {
	w.Text("consumerGroup", &h.Group)
	w.Text("topic", &h.Topic)
	w.Int32("queueId", &h.Queue)
	w.Int("pollTime", &h.PollMillis)
	w.Int("bornTime", &h.BornMillis)
	w.Bool("order", &h.Order)
	w.TextIf("attemptId", &h.Attempt)
	w.TextIf("bname", &h.Broker)
}

// NotifyAnswer says whether there is something. Full: the broker parks no more waits, come back after a pause.
type NotifyAnswer struct{ Has, Full bool }

// Walk visits the fields.
func (h *NotifyAnswer) Walk(w *remoting.Walker) {
	w.Bool("hasMsg", &h.Has)
	w.Bool("pollingFull", &h.Full)
}
