// SPDX-License-Identifier: Apache-2.0

// Package admin holds the requests with which RocketMQ clusters are looked after.
//
// Most go to every primary of a cluster, some to every name server; who sends them knows. Tables come as JSON whose map keys may be
// objects. Topics and groups are written whole: what is left out falls back to the broker's default, not to what was there.
package admin

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// ErrAnswer is wrapped by every complaint about an answer that makes no sense.
var ErrAnswer = errors.New("malformed answer")

// TypeAttribute is the topic's attribute that says which messages it takes.
const TypeAttribute = "message.type"

// Values of TypeAttribute. Mixed takes all of them; brokers refuse it unless told otherwise.
const (
	TypeNormal      = "NORMAL"
	TypeFIFO        = "FIFO"
	TypeDelay       = "DELAY"
	TypeTransaction = "TRANSACTION"
	TypeMixed       = "MIXED"
)

// Topic is a topic's whole configuration on one broker.
type Topic struct {
	Name       string
	Read       int32 // queues
	Write      int32
	Permission int32 // request.MayRead, request.MayWrite
	Order      bool
	Attributes map[string]string
}

// PutTopic creates or replaces a topic (code CreateTopic).
type PutTopic struct {
	Topic
	attributes string
}

// PutTopicOf prepares the request. Attributes are set; one with an empty value is removed.
func PutTopicOf(t Topic) *PutTopic {
	h := &PutTopic{Topic: t}
	var parts []string
	for name, value := range t.Attributes {
		if value == "" {
			parts = append(parts, "-"+name)
		} else {
			parts = append(parts, "+"+name+"="+value)
		}
	}
	slices.Sort(parts)
	h.attributes = strings.Join(parts, ",")
	return h
}

// Walk visits the fields.
func (h *PutTopic) Walk(w *remoting.Walker) {
	template, filter := "TBW102", "SINGLE_TAG"
	w.Text("topic", &h.Name)
	w.Text("defaultTopic", &template)
	w.Int32("readQueueNums", &h.Read)
	w.Int32("writeQueueNums", &h.Write)
	w.Int32("perm", &h.Permission)
	w.Text("topicFilterType", &filter)
	w.Bool("order", &h.Order)
	w.TextIf("attributes", &h.attributes)
	if w.Reading() {
		h.Attributes = parseAttributes(h.attributes)
	}
}

func parseAttributes(text string) map[string]string {
	all := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		if name, value, ok := strings.Cut(strings.TrimPrefix(part, "+"), "="); ok && strings.HasPrefix(part, "+") {
			all[name] = value
		} else if name, ok := strings.CutPrefix(part, "-"); ok {
			all[name] = ""
		}
	}
	return all
}

// ByTopic is the header of every request that names a topic and nothing else: TopicConfig, DeleteTopic, DeleteTopicInNamesrv, TopicStats,
// TopicConsumers.
type ByTopic struct{ Topic string }

// Walk visits the fields.
func (h *ByTopic) Walk(w *remoting.Walker) { w.Text("topic", &h.Topic) }

// ByCluster is the header of TopicsByCluster.
type ByCluster struct{ Cluster string }

// Walk visits the fields.
func (h *ByCluster) Walk(w *remoting.Walker) { w.Text("cluster", &h.Cluster) }

// ParseTopic reads the answer to TopicConfig.
func ParseTopic(body []byte) (Topic, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return Topic{}, fmt.Errorf("%w: topic: %w", ErrAnswer, err)
	}
	return topicOf(v), nil
}

func topicOf(v fastjson.Value) Topic {
	t := Topic{
		Name: v.Get("topicName").String(), Read: int32(v.Get("readQueueNums").Or(0)), Write: int32(v.Get("writeQueueNums").Or(0)),
		Permission: int32(v.Get("perm").Or(0)), Order: v.Get("order").True(), Attributes: map[string]string{},
	}
	for name, value := range v.Get("attributes").Members() {
		t.Attributes[strings.TrimPrefix(name.String(), "+")] = value.String()
	}
	return t
}

// AppendJSON appends the topic as a broker writes it.
func (t Topic) AppendJSON(b []byte) []byte {
	b = append(b, `{"attributes":{`...)
	b = appendTexts(b, t.Attributes)
	b = fmt.Appendf(b, `},"order":%v,"perm":%d,"readQueueNums":%d,"topicFilterType":"SINGLE_TAG","topicName":`, t.Order, t.Permission, t.Read)
	b = fastjson.AppendString(b, t.Name)
	return fmt.Appendf(b, `,"topicSysFlag":0,"writeQueueNums":%d}`, t.Write)
}

func appendTexts(b []byte, texts map[string]string) []byte {
	names := make([]string, 0, len(texts))
	for n := range texts {
		names = append(names, n)
	}
	slices.Sort(names)
	for i, n := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(fastjson.AppendString(b, n), ':')
		b = fastjson.AppendString(b, texts[n])
	}
	return b
}

// PageAnswer says how many entries there are in all; -1 where the broker gave all at once.
type PageAnswer struct{ Topics, Groups int32 }

// Walk visits the fields.
func (h *PageAnswer) Walk(w *remoting.Walker) {
	w.Int32If("totalTopicNum", &h.Topics, -1)
	w.Int32If("totalGroupNum", &h.Groups, -1)
}

// ParseTopics reads the answer to AllTopicConfigs.
func ParseTopics(body []byte) ([]Topic, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: topics: %w", ErrAnswer, err)
	}
	var all []Topic
	for name, t := range v.Get("topicConfigTable").Members() {
		topic := topicOf(t)
		topic.Name = name.String()
		all = append(all, topic)
	}
	return all, nil
}

// ParseTopicNames reads the answer to AllTopics, TopicsByCluster and ConsumedTopics.
func ParseTopicNames(body []byte) ([]string, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: topic names: %w", ErrAnswer, err)
	}
	var all []string
	for _, t := range v.Get("topicList").Items() {
		all = append(all, t.String())
	}
	return all, nil
}

// QueueKey names a queue in the tables below.
type QueueKey struct {
	Topic  string
	Broker string
	Queue  int32
}

func queueKey(v fastjson.Value) QueueKey {
	return QueueKey{Topic: v.Get("topic").String(), Broker: v.Get("brokerName").String(), Queue: int32(v.Get("queueId").Or(-1))}
}

// QueueStats is a queue's bounds and when its last message was stored.
type QueueStats struct{ Min, Max, LastMillis int64 }

// ParseTopicStats reads the answer to TopicStats.
func ParseTopicStats(body []byte) (map[QueueKey]QueueStats, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: topic stats: %w", ErrAnswer, err)
	}
	all := map[QueueKey]QueueStats{}
	for k, s := range v.Get("offsetTable").Members() {
		all[queueKey(k)] = QueueStats{Min: s.Get("minOffset").Or(0), Max: s.Get("maxOffset").Or(0), LastMillis: s.Get("lastUpdateTimestamp").Or(0)}
	}
	return all, nil
}

// ByPermission is the header of WipeWritePerm and AddWritePerm, for every name server.
type ByPermission struct{ Broker string }

// Walk visits the fields.
func (h *ByPermission) Walk(w *remoting.Walker) { w.Text("brokerName", &h.Broker) }

// ReadWrite is the usual permission.
const ReadWrite = request.MayRead | request.MayWrite

// ReadOnly is the permission of a topic that takes no messages any more.
const ReadOnly = request.MayRead

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }
