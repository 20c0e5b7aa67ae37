// SPDX-License-Identifier: Apache-2.0

package stored

import (
	"iter"
	"strings"
)

// Properties is the text in which brokers keep a message's properties: name, 0x01, value, 0x02, and so on. Names and values that
// hold one of the two bytes, and empty ones, cannot be kept.
type Properties string

const (
	nameEnd  = '\x01'
	valueEnd = '\x02'
	// MaxProperties is the longest text that a broker takes, in bytes.
	MaxProperties = 1<<15 - 1
)

// The names that Causeway uses.
const (
	UniqueKey       = "UNIQ_KEY" // the producer's message id
	Keys            = "KEYS"     // joined by spaces
	Tags            = "TAGS"
	Wait            = "WAIT" // "false": answer before flush and replicas
	RetryTopic      = "RETRY_TOPIC"
	RealTopic       = "REAL_TOPIC"
	RealQueue       = "REAL_QID"
	Half            = "TRAN_MSG"
	ProducerGroup   = "PGROUP"
	OriginMessageID = "ORIGIN_MESSAGE_ID"
	FirstCheckAfter = "CHECK_IMMUNITY_TIME_IN_SECONDS"
	CheckTimes      = "TRANSACTION_CHECK_TIMES"
	PreparedOffset  = "TRAN_PREPARED_QUEUE_OFFSET"
	ShardingKey     = "__SHARDINGKEY" // the message group
	TraceContext    = "TRACE_CONTEXT"
	DeliverMillis   = "TIMER_DELIVER_MS"
	TimerOutMillis  = "TIMER_OUT_MS"
	TimerDelete     = "TIMER_DEL_UNIQKEY"
	BornHostText    = "__BORNHOST"
	BornMillis      = "BORN_TIMESTAMP"
	PopCheckpoint   = "POP_CK"
	FirstPopMillis  = "1ST_POP_TIME"
	DeadTopic       = "DLQ_ORIGIN_TOPIC"
	DeadMessage     = "DLQ_ORIGIN_MESSAGE_ID"
	ReconsumeTime   = "RECONSUME_TIME"
	InnerNumber     = "INNER_NUM"
	InnerBase       = "INNER_BASE"
	OriginGroup     = "ORIGIN_GROUP" // of a retry: the group that did not acknowledge
)

// Reserved tells whether an application may not use the name: a broker or client gives it a meaning of its own.
func Reserved(name string) bool {
	switch name {
	case "TRACE_ON", "MSG_REGION", Keys, Tags, Wait, "DELAY", RetryTopic, RealTopic, RealQueue, Half, ProducerGroup, "MIN_OFFSET",
		"MAX_OFFSET", "BUYER_ID", OriginMessageID, "TRANSFER_FLAG", "CORRECTION_FLAG", "MQ2_FLAG", ReconsumeTime, UniqueKey,
		"MAX_RECONSUME_TIMES", "CONSUME_START_TIME", PopCheckpoint, "POP_CK_OFFSET", FirstPopMillis, PreparedOffset,
		"EXTEND_UNIQ_INFO", "INSTANCE_ID", "CORRELATION_ID", "REPLY_TO_CLIENT", "TTL", "ARRIVE_TIME", "PUSH_REPLY_TIME", "CLUSTER",
		"MSG_TYPE", "INNER_MULTI_DISPATCH", "INNER_MULTI_QUEUE_OFFSET", "TIMER_DELAY_MS", "TIMER_DELAY_SEC", DeliverMillis,
		"TIMER_ENQUEUE_MS", "TIMER_DEQUEUE_MS", "TIMER_ROLL_TIMES", TimerOutMillis, TimerDelete, "TIMER_DELAY_LEVEL", BornHostText,
		BornMillis, DeadTopic, DeadMessage, "__CRC32#", FirstCheckAfter, CheckTimes, ShardingKey, TraceContext, InnerNumber,
		InnerBase, "DUP_INFO", "__transactionId__", "REDIRECT", "PROPERTY_FORWARD_QUEUE_ID", OriginGroup:
		return true
	}
	return strings.HasPrefix(name, "__RMQ.")
}

// Keepable tells whether a name and value survive the format.
func Keepable(name, value string) bool {
	return name != "" && value != "" && !strings.ContainsAny(name, "\x01\x02") && !strings.ContainsAny(value, "\x01\x02")
}

// AppendProperty appends one property. Both parts must be Keepable.
func AppendProperty(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, nameEnd)
	b = append(b, value...)
	return append(b, valueEnd)
}

// All walks over the properties in their order. What is no pair is passed over, as brokers do.
func (p Properties) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for rest := string(p); rest != ""; {
			var pair string
			pair, rest, _ = strings.Cut(rest, string(valueEnd))
			name, value, ok := strings.Cut(pair, string(nameEnd))
			if ok && name != "" && value != "" && !yield(name, value) {
				return
			}
		}
	}
}

// Get finds a property; of several with one name the last counts, as with brokers. It is "" when there is none.
func (p Properties) Get(name string) (value string) {
	for n, v := range p.All() {
		if n == name {
			value = v
		}
	}
	return value
}

// With gives the properties with one changed or added; an empty value takes it away.
func (p Properties) With(name, value string) Properties {
	b := make([]byte, 0, len(p)+len(name)+len(value)+2)
	for n, v := range p.All() {
		if n != name {
			b = AppendProperty(b, n, v)
		}
	}
	if value != "" {
		b = AppendProperty(b, name, value)
	}
	return Properties(b)
}
