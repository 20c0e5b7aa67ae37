// SPDX-License-Identifier: Apache-2.0

// Package request holds RocketMQ's requests in typed form, with their answers.
//
// A header is a struct whose Walk names the wire's fields once, for writing and reading alike; bodies are JSON or stored messages. Field
// names, orders and defaults are the brokers'; numbers named millis are milliseconds since 1970 by the named clock.
package request

import (
	"errors"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// ErrAnswer is wrapped by every complaint about an answer that makes no sense.
var ErrAnswer = errors.New("malformed answer")

// Flags of Send.SysFlag are those of package stored.

// Send stores one message, or a batch (code SendBatch) whose body is a row of stored.Entry. Its fields have one-letter names.
type Send struct {
	Group           string // the topic's name serves: transaction checks ask by it
	Topic           string
	DefaultTopic    string // the template if the broker creates topics by itself
	DefaultQueues   int32
	Queue           int32
	SysFlag         int32
	BornMillis      int64
	Flag            int32
	Properties      string // stored.Properties
	ReconsumeTimes  int32
	UnitMode, Batch bool
	MaxReconsume    int32 // left out when 0
	Broker          string
}

// Walk visits the fields.
func (h *Send) Walk(w *remoting.Walker) {
	w.Text("a", &h.Group)
	w.Text("b", &h.Topic)
	w.Text("c", &h.DefaultTopic)
	w.Int32("d", &h.DefaultQueues)
	w.Int32("e", &h.Queue)
	w.Int32("f", &h.SysFlag)
	w.Int("g", &h.BornMillis)
	w.Int32("h", &h.Flag)
	w.TextIf("i", &h.Properties)
	w.Int32If("j", &h.ReconsumeTimes, 0)
	w.Bool("k", &h.UnitMode)
	if h.MaxReconsume != 0 || w.Reading() {
		w.Int32If("l", &h.MaxReconsume, 0)
	}
	w.Bool("m", &h.Batch)
	w.TextIf("n", &h.Broker)
}

// SendAnswer says where a message was stored. For a batch, Offset is the first message's and PlaceID a list with commas.
type SendAnswer struct {
	PlaceID       string // stored.ParsePlace reads it
	Queue         int32
	Offset        int64
	TransactionID string
	BatchID       string
	RecallHandle  string // of a timer message, if the broker can recall
}

// Walk visits the fields.
func (h *SendAnswer) Walk(w *remoting.Walker) {
	w.Text("msgId", &h.PlaceID)
	w.Int32("queueId", &h.Queue)
	w.Int("queueOffset", &h.Offset)
	w.TextIf("transactionId", &h.TransactionID)
	w.TextIf("batchUniqId", &h.BatchID)
	w.TextIf("recallHandle", &h.RecallHandle)
}

// Values of EndTransaction.Verdict.
const (
	VerdictUnknown  = 0
	VerdictCommit   = 8
	VerdictRollback = 12
)

// EndTransaction brings a transaction's verdict. Brokers do not remember verdicts: a second one finds the half again and delivers it.
type EndTransaction struct {
	Topic         string
	Group         string // as in Send
	HalfOffset    int64  // SendAnswer.Offset, or Check.HalfOffset
	Physical      int64  // of SendAnswer.PlaceID, or Check.Physical
	Verdict       int32
	FromCheck     bool
	MessageID     string
	TransactionID string
	Broker        string
}

// Walk visits the fields.
func (h *EndTransaction) Walk(w *remoting.Walker) {
	w.TextIf("topic", &h.Topic)
	w.Text("producerGroup", &h.Group)
	w.Int("tranStateTableOffset", &h.HalfOffset)
	w.Int("commitLogOffset", &h.Physical)
	w.Int32("commitOrRollback", &h.Verdict)
	w.Bool("fromTransactionCheck", &h.FromCheck)
	w.Text("msgId", &h.MessageID)
	w.TextIf("transactionId", &h.TransactionID)
	w.TextIf("bname", &h.Broker)
}

// Check is a broker's question about a half; the frame's body is the stored message.
type Check struct {
	Topic         string
	HalfOffset    int64
	Physical      int64
	MessageID     string
	TransactionID string
	PlaceID       string
	Broker        string
}

// Walk visits the fields.
func (h *Check) Walk(w *remoting.Walker) {
	w.TextIf("topic", &h.Topic)
	w.Int("tranStateTableOffset", &h.HalfOffset)
	w.Int("commitLogOffset", &h.Physical)
	w.TextIf("msgId", &h.MessageID)
	w.TextIf("transactionId", &h.TransactionID)
	w.TextIf("offsetMsgId", &h.PlaceID)
	w.TextIf("bname", &h.Broker)
}

// Unregister takes back what the connection's heartbeats announced of a group of producers.
type Unregister struct {
	Client        string
	ProducerGroup string
}

// Walk visits the fields.
func (h *Unregister) Walk(w *remoting.Walker) {
	w.Text("clientID", &h.Client)
	w.TextIf("producerGroup", &h.ProducerGroup)
}

// Recall cancels a timer message; success means that the cancellation was stored.
type Recall struct {
	Group  string
	Topic  string
	Handle string // SendAnswer.RecallHandle
	Broker string
}

// Walk visits the fields.
func (h *Recall) Walk(w *remoting.Walker) {
	w.TextIf("producerGroup", &h.Group)
	w.Text("topic", &h.Topic)
	w.Text("recallHandle", &h.Handle)
	w.TextIf("bname", &h.Broker)
}

// RecallAnswer names the message.
type RecallAnswer struct{ MessageID string }

// Walk visits the fields.
func (h *RecallAnswer) Walk(w *remoting.Walker) { w.Text("msgId", &h.MessageID) }

// SendBack copies a message to the group's retry or dead-letter topic inside the broker. It does not wait for flush or replicas: where that
// matters, send the copy and acknowledge the original.
type SendBack struct {
	Physical     int64
	Group        string
	DelayLevel   int32 // -1: to the dead letters
	MessageID    string
	Topic        string
	UnitMode     bool
	MaxReconsume int32
}

// Walk visits the fields.
func (h *SendBack) Walk(w *remoting.Walker) {
	w.Int("offset", &h.Physical)
	w.Text("group", &h.Group)
	w.Int32("delayLevel", &h.DelayLevel)
	w.TextIf("originMsgId", &h.MessageID)
	w.TextIf("originTopic", &h.Topic)
	w.Bool("unitMode", &h.UnitMode)
	w.Int32If("maxReconsumeTimes", &h.MaxReconsume, 16)
}

// NotAnnounced is the refusal of a half whose announcement failed with err: nothing of the message was sent.
func NotAnnounced(err error) error {
	return mq.Refuse(mq.KindOf(err), "the broker could not be told who answers for the transaction").Because(err)
}
