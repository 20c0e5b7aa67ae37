// SPDX-License-Identifier: Apache-2.0

package mq

// Kind is what went wrong, in one word that every room understands. An error gets its Kind where it is born and keeps it
// until the door translates it once, by the table below. The zero Kind is no error.
type Kind uint8

// The kinds of error. The comment of each names the status of apache.rocketmq.v2 that clients see for it.
const (
	_                    Kind = iota
	BadRequest                // BAD_REQUEST: the request makes no sense as a whole
	IllegalTopic              // ILLEGAL_TOPIC: not a topic name
	IllegalGroup              // ILLEGAL_CONSUMER_GROUP: not a consumer group name
	IllegalTag                // ILLEGAL_MESSAGE_TAG
	IllegalKey                // ILLEGAL_MESSAGE_KEY
	IllegalMessageGroup       // ILLEGAL_MESSAGE_GROUP
	IllegalPropertyKey        // ILLEGAL_MESSAGE_PROPERTY_KEY: reserved or malformed
	InvalidTransaction        // INVALID_TRANSACTION_ID: forged, foreign, unknown or settled the other way
	IllegalMessageID          // ILLEGAL_MESSAGE_ID
	IllegalFilter             // ILLEGAL_FILTER_EXPRESSION
	IllegalInvisibleTime      // ILLEGAL_INVISIBLE_TIME
	IllegalDeliveryTime       // ILLEGAL_DELIVERY_TIME
	InvalidReceipt            // INVALID_RECEIPT_HANDLE: forged or foreign
	Expired                   // INVALID_RECEIPT_HANDLE: the lease is over
	Settled                   // INVALID_RECEIPT_HANDLE: the message was settled before
	TypeConflict              // MESSAGE_PROPERTY_CONFLICT_WITH_TYPE: the topic does not accept such messages
	UnrecognizedClient        // UNRECOGNIZED_CLIENT_TYPE
	MessageCorrupted          // MESSAGE_CORRUPTED: digest mismatch, mixed topics, empty batch
	ClientIDRequired          // CLIENT_ID_REQUIRED
	IllegalPollingTime        // ILLEGAL_POLLING_TIME
	IllegalOffset             // ILLEGAL_OFFSET
	Unauthorized              // UNAUTHORIZED: who is it?
	Forbidden                 // FORBIDDEN: may not, names the missing right
	NotFound                  // NOT_FOUND
	MessageNotFound           // MESSAGE_NOT_FOUND: nothing to receive, or delivered and gone
	TopicNotFound             // TOPIC_NOT_FOUND
	GroupNotFound             // CONSUMER_GROUP_NOT_FOUND
	OffsetNotFound            // OFFSET_NOT_FOUND: the group has no committed offset
	PayloadTooLarge           // PAYLOAD_TOO_LARGE: the request as a whole
	BodyTooLarge              // MESSAGE_BODY_TOO_LARGE
	BodyEmpty                 // MESSAGE_BODY_EMPTY
	Conflict                  // PRECONDITION_FAILED: the present state forbids it
	TooManyRequests           // TOO_MANY_REQUESTS: the only code for which clients back off
	StorageFull               // TOO_MANY_REQUESTS: refused to keep what is stored
	HeadersTooLarge           // REQUEST_HEADER_FIELDS_TOO_LARGE
	PropertiesTooLarge        // MESSAGE_PROPERTIES_TOO_LARGE
	Internal                  // INTERNAL_SERVER_ERROR: a defect of ours
	Unavailable               // HA_NOT_AVAILABLE: the store cannot take it now
	Timeout                   // PROXY_TIMEOUT: no answer in time
	Unsupported               // UNSUPPORTED: this platform or this engine does not do that
	kinds                     // the number of kinds plus one
)

type kindFacts struct {
	name string
	code int32
}

// kindTable is the one place that ties a Kind to its code in apache.rocketmq.v2.
func kindTable() [kinds]kindFacts {
	return [kinds]kindFacts{
		BadRequest:           {"bad_request", 40000},
		IllegalTopic:         {"illegal_topic", 40002},
		IllegalGroup:         {"illegal_group", 40003},
		IllegalTag:           {"illegal_tag", 40004},
		IllegalKey:           {"illegal_key", 40005},
		IllegalMessageGroup:  {"illegal_message_group", 40006},
		IllegalPropertyKey:   {"illegal_property_key", 40007},
		InvalidTransaction:   {"invalid_transaction", 40008},
		IllegalMessageID:     {"illegal_message_id", 40009},
		IllegalFilter:        {"illegal_filter", 40010},
		IllegalInvisibleTime: {"illegal_invisible_time", 40011},
		IllegalDeliveryTime:  {"illegal_delivery_time", 40012},
		InvalidReceipt:       {"invalid_receipt", 40013},
		Expired:              {"lease_expired", 40013},
		Settled:              {"already_settled", 40013},
		TypeConflict:         {"type_conflict", 40014},
		UnrecognizedClient:   {"unrecognized_client", 40015},
		MessageCorrupted:     {"message_corrupted", 40016},
		ClientIDRequired:     {"client_id_required", 40017},
		IllegalPollingTime:   {"illegal_polling_time", 40018},
		IllegalOffset:        {"illegal_offset", 40019},
		Unauthorized:         {"unauthorized", 40100},
		Forbidden:            {"forbidden", 40300},
		NotFound:             {"not_found", 40400},
		MessageNotFound:      {"message_not_found", 40401},
		TopicNotFound:        {"topic_not_found", 40402},
		GroupNotFound:        {"group_not_found", 40403},
		OffsetNotFound:       {"offset_not_found", 40404},
		PayloadTooLarge:      {"payload_too_large", 41300},
		BodyTooLarge:         {"body_too_large", 41301},
		BodyEmpty:            {"body_empty", 41302},
		Conflict:             {"conflict", 42800},
		TooManyRequests:      {"too_many_requests", 42900},
		StorageFull:          {"storage_full", 42900},
		HeadersTooLarge:      {"headers_too_large", 43100},
		PropertiesTooLarge:   {"properties_too_large", 43101},
		Internal:             {"internal", 50001},
		Unavailable:          {"unavailable", 50002},
		Timeout:              {"timeout", 50400},
		Unsupported:          {"unsupported", 50500},
	}
}

// Code is the status code of apache.rocketmq.v2 for the kind, 20000 (OK) for the zero kind.
func (k Kind) Code() int32 {
	if k == 0 {
		return 20000
	}
	if k >= kinds {
		return Internal.Code()
	}
	return kindTable()[k].code
}

// String is the machine-readable reason: lower case with underscores, stable between versions.
func (k Kind) String() string {
	if k == 0 {
		return "ok"
	}
	if k >= kinds {
		return Internal.String()
	}
	return kindTable()[k].name
}

// Kinds lists every kind, in the order of their codes, for tests and documentation that must cover them all.
func Kinds() []Kind {
	all := make([]Kind, 0, kinds-1)
	for k := Kind(1); k < kinds; k++ {
		all = append(all, k)
	}
	return all
}
