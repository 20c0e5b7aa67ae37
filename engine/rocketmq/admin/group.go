// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"fmt"

	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// Group is a consumer group's whole configuration on one broker. NewGroup gives the brokers' defaults.
type Group struct {
	Name           string
	Consume        bool
	FromMin        bool // consume from the least offset is allowed
	Broadcast      bool
	Orderly        bool
	RetryQueues    int64
	RetryMost      int64 // retries: deliveries are one more
	Retry          Retry
	TimeoutMinutes int64 // the longest lease that a proxy may take at once
	Attributes     map[string]string
}

// Retry is a group's policy. Steps in millis; exponential where there are none and Initial is set.
type Retry struct {
	Steps                    []int64
	Initial, Max, Multiplier int64
}

// NewGroup is a group with the brokers' defaults.
func NewGroup(name string) Group {
	return Group{Name: name, Consume: true, FromMin: true, Broadcast: true, RetryQueues: 1, RetryMost: 16, TimeoutMinutes: 15}
}

// AppendJSON appends the group as brokers write and read it.
func (g Group) AppendJSON(b []byte) []byte {
	b = append(b, `{"attributes":{`...)
	b = appendTexts(b, g.Attributes)
	b = fmt.Appendf(b, `},"brokerId":0,"consumeBroadcastEnable":%v,"consumeEnable":%v,"consumeFromMinEnable":%v,"consumeMessageOrderly":%v,`+
		`"consumeTimeoutMinute":%d,"groupName":`, g.Broadcast, g.Consume, g.FromMin, g.Orderly, g.TimeoutMinutes)
	b = fastjson.AppendString(b, g.Name)
	b = append(b, `,"groupRetryPolicy":`...)
	b = g.Retry.appendJSON(b)
	return fmt.Appendf(b, `,"groupSysFlag":0,"notifyConsumerIdsChangedEnable":true,"retryMaxTimes":%d,"retryQueueNums":%d,"whichBrokerWhenConsumeSlowly":1}`,
		g.RetryMost, g.RetryQueues)
}

func (r Retry) appendJSON(b []byte) []byte {
	if len(r.Steps) == 0 && r.Initial > 0 {
		return fmt.Appendf(b, `{"exponentialRetryPolicy":{"initial":%d,"max":%d,"multiplier":%d},"type":"EXPONENTIAL"}`, r.Initial, r.Max, r.Multiplier)
	}
	if len(r.Steps) == 0 {
		return append(b, `{"type":"CUSTOMIZED"}`...)
	}
	b = append(b, `{"customizedRetryPolicy":{"next":[`...)
	for i, s := range r.Steps {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendInt(b, s)
	}
	return append(b, `]},"type":"CUSTOMIZED"}`...)
}

// ParseGroup reads a group: the answer to GroupConfig, or the body of CreateGroup.
func ParseGroup(body []byte) (Group, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return Group{}, fmt.Errorf("%w: group: %w", ErrAnswer, err)
	}
	return groupOf(v), nil
}

func groupOf(v fastjson.Value) Group {
	yes := func(name string) bool { // the default is true
		x := v.Get(name)
		return x.Kind() == fastjson.Null || x.True()
	}
	g := Group{
		Name: v.Get("groupName").String(), Consume: yes("consumeEnable"), FromMin: yes("consumeFromMinEnable"), Broadcast: yes("consumeBroadcastEnable"),
		Orderly: v.Get("consumeMessageOrderly").True(), RetryQueues: v.Get("retryQueueNums").Or(1), RetryMost: v.Get("retryMaxTimes").Or(16),
		TimeoutMinutes: v.Get("consumeTimeoutMinute").Or(15),
	}
	for name, value := range v.Get("attributes").Members() {
		if g.Attributes == nil {
			g.Attributes = map[string]string{}
		}
		g.Attributes[name.String()] = value.String()
	}
	policy := v.Get("groupRetryPolicy")
	if policy.Get("type").String() == "EXPONENTIAL" {
		x := policy.Get("exponentialRetryPolicy")
		g.Retry = Retry{Initial: x.Get("initial").Or(5000), Max: x.Get("max").Or(7200000), Multiplier: x.Get("multiplier").Or(2)}
		return g
	}
	for _, s := range policy.Get("customizedRetryPolicy").Get("next").Items() {
		g.Retry.Steps = append(g.Retry.Steps, s.Or(0))
	}
	return g
}

// ByGroup is the header of GroupConfig and of requests that name a group under this field.
type ByGroup struct{ Group string }

// Walk visits the fields.
func (h *ByGroup) Walk(w *remoting.Walker) { w.Text("group", &h.Group) }

// DropGroup is the header of DeleteGroup. The group's retry and dead-letter topics stay: delete them as topics.
type DropGroup struct {
	Group        string
	CleanOffsets bool
}

// Walk visits the fields.
func (h *DropGroup) Walk(w *remoting.Walker) {
	w.Text("groupName", &h.Group)
	w.Bool("cleanOffset", &h.CleanOffsets)
}

// ParseGroups reads the answer to AllGroupConfigs.
func ParseGroups(body []byte) ([]Group, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: groups: %w", ErrAnswer, err)
	}
	var all []Group
	for name, g := range v.Get("subscriptionGroupTable").Members() {
		group := groupOf(g)
		group.Name = name.String()
		all = append(all, group)
	}
	return all, nil
}

// ProgressOf is the header of ConsumeStats. Topics is joined by ';' and may name retry topics; "" = what the broker knows.
type ProgressOf struct {
	Group  string
	Topic  string
	Topics string
}

// Walk visits the fields.
func (h *ProgressOf) Walk(w *remoting.Walker) {
	w.Text("consumerGroup", &h.Group)
	w.TextIf("topic", &h.Topic)
	w.TextIf("topicList", &h.Topics)
}

// QueueProgress is a group's place in one queue. In flight is Pulled - Committed; an offset that was never committed reads as 0.
type QueueProgress struct{ End, Committed, Pulled, LastMillis int64 }

// ParseProgress reads the answer to ConsumeStats.
func ParseProgress(body []byte) (map[QueueKey]QueueProgress, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: progress: %w", ErrAnswer, err)
	}
	all := map[QueueKey]QueueProgress{}
	for k, p := range v.Get("offsetTable").Members() {
		all[queueKey(k)] = QueueProgress{
			End: p.Get("brokerOffset").Or(0), Committed: p.Get("consumerOffset").Or(0), Pulled: p.Get("pullOffset").Or(0), LastMillis: p.Get("lastTimestamp").Or(0),
		}
	}
	return all, nil
}

// Reset is the header of ResetOffset: to a time, or with Queue >= 0 to an offset. Millis -1 is the end.
type Reset struct {
	Group  string
	Topic  string
	Queue  int32 // -1: all
	Offset int64
	Millis int64
	Force  bool
}

// Walk visits the fields.
func (h *Reset) Walk(w *remoting.Walker) {
	w.Text("group", &h.Group)
	w.Text("topic", &h.Topic)
	w.Int32If("queueId", &h.Queue, -1)
	if h.Queue >= 0 || w.Reading() {
		w.IntIf("offset", &h.Offset, -1)
	}
	w.Int("timestamp", &h.Millis)
	w.Bool("isForce", &h.Force)
}

// ParseReset reads the answer to ResetOffset: where each queue stands now.
func ParseReset(body []byte) (map[QueueKey]int64, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: reset: %w", ErrAnswer, err)
	}
	all := map[QueueKey]int64{}
	for k, o := range v.Get("offsetTable").Members() {
		all[queueKey(k)] = o.Or(-1)
	}
	return all, nil
}

// ParseConsumers reads the answer to TopicConsumers: the names of groups.
func ParseConsumers(body []byte) ([]string, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: consumers: %w", ErrAnswer, err)
	}
	var all []string
	for _, g := range v.Get("groupList").Items() {
		all = append(all, g.String())
	}
	return all, nil
}
