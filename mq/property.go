// SPDX-License-Identifier: Apache-2.0

package mq

import (
	"strings"
	"unicode/utf8"
)

// ResentOf is the user property by which a message names the one that somebody sent again as this one.
const ResentOf = "resent-of"

// CheckProperty refuses a user property that no message can carry, with IllegalPropertyKey.
func CheckProperty(name, value string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return Refuse(IllegalPropertyKey, "a user property has a blank name")
	case hasControl(name), !utf8.ValidString(name):
		return Refuse(IllegalPropertyKey, "user property %.48q: a control character stands in the name", name)
	case isReserved(name):
		return Refuse(IllegalPropertyKey, "user property %.48q: the name is reserved for the system", name)
	case hasControl(value), !utf8.ValidString(value):
		return Refuse(IllegalPropertyKey, "user property %.48q: a control character stands in the value", name)
	}
	return nil
}

// isReserved knows the names under which brokers keep a message's own properties. A user property of such a name would be
// taken for one of them, here or after a move to another engine.
func isReserved(name string) bool {
	switch name {
	case "KEYS", "TAGS", "WAIT", "DELAY", "RETRY_TOPIC", "REAL_TOPIC", "REAL_QID", "TRAN_MSG", "PGROUP", "MIN_OFFSET", "MAX_OFFSET",
		"BUYER_ID", "ORIGIN_MESSAGE_ID", "TRANSFER_FLAG", "CORRECTION_FLAG", "MQ2_FLAG", "RECONSUME_TIME", "UNIQ_KEY",
		"EXTEND_UNIQ_INFO", "MAX_RECONSUME_TIMES", "CONSUME_START_TIME", "MSG_REGION", "TRACE_ON", "1ST_POP_TIME", "POP_CK",
		"POP_CK_OFFSET", "FIRST_POP_TIME", "TRAN_PREPARED_QUEUE_OFFSET", "TRANSACTION_CHECK_TIMES", "TRANSACTION_PREPARED_QUEUE_OFFSET",
		"CHECK_IMMUNITY_TIME_IN_SECONDS", "__TRANSACTIONID__", "__STARTDELIVERTIME", "__SHARDINGKEY", "SHARDING_KEY", "INSTANCE_ID",
		"CORRELATION_ID", "REPLY_TO_CLIENT", "TTL", "ARRIVE_TIME", "PUSH_REPLY_TIME", "CLUSTER", "MSG_TYPE", "INNER_MULTI_QUEUE_OFFSET",
		"INNER_MULTI_DISPATCH", "INNER_NUM", "INNER_BASE", "DUP_INFO", "TIMER_DELAY_LEVEL", "TIMER_ENQUEUE_MS", "TIMER_DEQUEUE_MS",
		"TIMER_ROLL_TIMES", "TIMER_OUT_MS", "TIMER_DEL_UNIQKEY", "TIMER_DELAY_SEC", "TIMER_DELIVER_MS", "TIMER_DEL_MS", "DLQ_ORIGIN_TOPIC",
		"DLQ_ORIGIN_MESSAGE_ID", "_SYS_BORN_HOST", "_SYS_DELIVERY_TIMESTAMP", "CRC32#", "BORN_TIMESTAMP", "BORN_HOST", "__PRIORITY__", "__LITE_TOPIC":
		return true
	}
	return strings.HasPrefix(name, "__CAUSEWAY_")
}
