// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
)

const maxBody = 4 << 20

// send is request 310: one message to one queue, to the timer wheel, or to the halves.
func (b *broker) send(r *call) *remoting.Frame {
	var h request.Send
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	t, refused := b.sendable(&h, len(r.frame.Body))
	if refused != nil {
		return refused
	}
	m := b.message(r, &h, r.frame.Body, stored.Properties(h.Properties))
	m.Queue = b.pick(t, h.Queue)
	if h.SysFlag&stored.Verdict == stored.Prepared {
		return b.sendHalf(m)
	}
	if due, ok := millisOf(m.Properties.Get(stored.DeliverMillis)); ok && due.After(b.now()) {
		return b.sendTimer(m, due)
	}
	kept := b.storeLocked(m)
	return done(&request.SendAnswer{
		PlaceID: b.placeID(kept.Physical), Queue: kept.Queue, Offset: kept.Offset, TransactionID: m.Properties.Get(stored.UniqueKey),
	})
}

// sendable checks what both kinds of send have in common.
func (b *broker) sendable(h *request.Send, body int) (*topic, *remoting.Frame) {
	if body > maxBody || len(h.Properties) > stored.MaxProperties {
		return nil, fail(remoting.MessageIllegal, "the message is illegal, maybe msg body or properties length not matched. msg body length limit %dB, msg properties length limit 32KB.", maxBody)
	}
	t, refused := b.writable(h.Topic, h.DefaultQueues)
	if refused != nil {
		return nil, refused
	}
	if h.Queue >= t.config.Write {
		return nil, fail(remoting.InvalidParameter, "request queueId[%d] is illegal, topicConfig.writeQueueNums[%d]", h.Queue, t.config.Write)
	}
	return t, nil
}

func (b *broker) pick(t *topic, queue int32) int32 {
	if queue < 0 {
		return b.random.Int32N(max(t.config.Write, 1))
	}
	return queue
}

func (b *broker) message(r *call, h *request.Send, body []byte, p stored.Properties) stored.Message {
	return stored.Message{
		Topic: h.Topic, Queue: h.Queue, Flag: h.Flag, Sys: h.SysFlag, Born: time.UnixMilli(h.BornMillis), BornHost: r.conn.host(),
		Reconsumed: h.ReconsumeTimes, Body: append([]byte(nil), body...), Properties: p,
	}
}

func millisOf(text string) (time.Time, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(n), err == nil
}

// timerMessage waits for its time.
type timerMessage struct {
	message stored.Message
	due     time.Time
	timer   stopper
}

func (b *broker) sendTimer(m stored.Message, due time.Time) *remoting.Frame {
	if due.Sub(b.now()) > b.cluster.opts.MaxDelay {
		return fail(remoting.MessageIllegal, "timer message illegal, the delay time should not be bigger than the max delay %dms; or if set del msg, the delay time should be bigger than the current time", b.cluster.opts.MaxDelay.Milliseconds())
	}
	key := m.Properties.Get(stored.UniqueKey)
	m.Properties = m.Properties.With(stored.DeliverMillis, "").With(stored.TimerOutMillis, strconv.FormatInt(due.UnixMilli(), 10))
	x := &timerMessage{message: m, due: due}
	x.timer = b.after(due.Sub(b.now()), func() {
		if b.timers[key] == x {
			delete(b.timers, key)
		}
		b.storeLocked(x.message)
	})
	b.timers[key] = x
	a := &request.SendAnswer{PlaceID: b.placeID(b.end), Offset: int64(len(b.timers)), TransactionID: key}
	if !b.cluster.opts.NoRecall {
		a.RecallHandle = recallHandle(m.Topic, b.name, due, key)
	}
	return done(a)
}

func recallHandle(topic, broker string, due time.Time, key string) string {
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "v1 %s %s %d %s", topic, broker, due.UnixMilli(), key))
}

func parseRecall(handle string) (topic, key string, due time.Time, ok bool) {
	raw, err := base64.URLEncoding.DecodeString(handle)
	f := strings.Split(string(raw), " ")
	if err != nil || len(f) != 5 || f[0] != "v1" {
		return "", "", due, false
	}
	due, ok = millisOf(f[3])
	return f[1], f[4], due, ok
}
