// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
	"unicode/utf16"

	"github.com/causeway-mq/causeway/engine/rocketmq/mapping"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/engine/rocketmq/token"
	"github.com/causeway-mq/causeway/mq"
)

const (
	sendTimeout = 5 * time.Second // a broker gives up its own wait for disk and replicas earlier
	sendTries   = 3               // of a message whose sends are refused, on different queues
)

// Send stores each message; see produce.Store. Messages of a batch keep their order where an order can be kept: what goes to one queue
// goes in brokers' batches, one after the other, and all without a message group go to one queue. What waits for a time or a verdict goes alone.
func (e *Engine) Send(ctx context.Context, topic mq.Topic, batch []mq.Message) []mq.Sent {
	sent := make([]mq.Sent, len(batch))
	if len(batch) == 1 {
		sent[0] = e.sendOne(ctx, topic, &batch[0])
		return sent
	}
	fail := func(err error) []mq.Sent {
		for i := range sent {
			sent[i] = mq.Sent{Offset: -1, Err: err}
		}
		return sent
	}
	r, err := e.route(ctx, topic.Name)
	if err != nil {
		return fail(err)
	}
	anywhere, ok := r.pick(mq.MessageGroup{}, "")
	if !ok {
		return fail(mq.Refuse(mq.Unavailable, "topic %s: no queue takes messages now", topic.Name))
	}
	var under sync.WaitGroup
	chains := map[place][]int{}
	for i := range batch {
		if batch[i].Type == mq.Delay || batch[i].Type == mq.Transaction {
			under.Go(func() { sent[i] = e.sendOne(ctx, topic, &batch[i]) })
			continue
		}
		at := anywhere
		if batch[i].Group != (mq.MessageGroup{}) {
			at, _ = r.pick(batch[i].Group, "")
		}
		chains[at] = append(chains[at], i)
	}
	for at, chain := range chains {
		under.Go(func() { e.sendChain(ctx, topic, chained{r, at, batch, sent, chain}) })
	}
	under.Wait()
	return sent
}

func (e *Engine) sendOne(ctx context.Context, topic mq.Topic, m *mq.Message) mq.Sent {
	fail := func(err error) mq.Sent { return mq.Sent{Offset: -1, Err: err} }
	if len(m.Body) > mq.MaxBody {
		return fail(mq.Refuse(mq.BodyTooLarge, "message body of %d bytes, the limit is %d", len(m.Body), mq.MaxBody))
	}
	var room [1024]byte
	p, err := mapping.Properties(room[:0], m, topic.Name)
	if err != nil {
		return fail(err)
	}
	h := &request.Send{
		Group: topic.Name.String(), Topic: topic.Name.String(), DefaultTopic: "TBW102", DefaultQueues: 4, SysFlag: sysFlag(m),
		BornMillis: m.Born.UnixMilli(), Properties: string(p),
	}
	if m.Born.IsZero() {
		h.BornMillis = e.clock.Now().UnixMilli()
	}
	at, a, err := e.place(ctx, topic, m.Group, remoting.Request{Code: remoting.SendMessage, Header: h, Body: m.Body, Timeout: sendTimeout})
	if err != nil {
		return fail(err)
	}
	return e.sent(m, at, &a)
}

// place sends a request whose header is a *request.Send to a queue of its choice, and to another one when it is refused for the
// queue's or the broker's sake.
func (e *Engine) place(ctx context.Context, topic mq.Topic, group mq.MessageGroup, q remoting.Request) (at place, a request.SendAnswer, err error) {
	h, _ := q.Header.(*request.Send)
	var avoid string
	for try := 1; ; try++ {
		r, err := e.route(ctx, topic.Name)
		if err != nil {
			return at, a, err
		}
		var ok bool
		if at, ok = r.pick(group, avoid); !ok {
			none := mq.Refuse(mq.Unavailable, "topic %s: no queue takes messages now", topic.Name)
			e.doubt(topic.Name, none)
			return at, a, none
		}
		h.Queue, h.Broker = at.queue, at.broker
		if h.SysFlag&stored.Verdict == stored.Prepared {
			if err = e.announceHalf(ctx, r.addresses[at.broker], topic.Name.String()); err != nil {
				e.doubt(topic.Name, err)
				return at, a, err
			}
		}
		if err = e.ask(ctx, target{r, at.broker}, q, &a); err == nil {
			return at, a, nil
		}
		e.doubt(topic.Name, err)
		if !elsewhere(err) || try == sendTries || group != (mq.MessageGroup{}) && try > 1 {
			return at, a, err
		}
		avoid = at.broker
	}
}

// elsewhere tells whether a message that was not sent may be taken by another queue, or by the same one at a new address.
func elsewhere(err error) bool {
	return mq.Outcome(err) == mq.Refused && (mq.KindOf(err) == mq.Unavailable || mq.KindOf(err) == mq.Forbidden)
}

func sysFlag(m *mq.Message) (f int32) {
	if m.Encoding == mq.Gzip {
		f |= stored.Compressed
	}
	if m.Type == mq.Transaction {
		f |= stored.Prepared
	}
	return f
}

// sent is the answer in the port's words.
func (e *Engine) sent(m *mq.Message, at place, a *request.SendAnswer) mq.Sent {
	s := mq.Sent{Broker: at.broker, Queue: mq.QueueID(a.Queue), Offset: mq.Offset(a.Offset)}
	switch {
	case m.Type == mq.Transaction:
		p, err := stored.ParsePlace(a.PlaceID)
		if err != nil {
			return mq.Sent{Offset: -1, Err: mq.Doubt(mq.Internal, err, "answer to a send")}
		}
		s.Half = mq.Half{Cluster: e.opts.Cluster, Message: m.ID, Token: token.Half{Broker: at.broker, Offset: a.Offset, Physical: p.Physical}.String()}
		s.Offset = -1
	case m.Type == mq.Delay && a.RecallHandle != "":
		s.Scheduled = mq.Scheduled{Cluster: e.opts.Cluster, Message: m.ID, Token: token.Scheduled{Broker: at.broker, Handle: a.RecallHandle}.String()}
		s.Offset = -1
	case m.Type == mq.Delay && m.DeliverAt.After(e.clock.Now()):
		s.Offset = -1
	}
	return s
}

// pick chooses a queue. A message group has one for as long as the queues stay the same, and it is the queue that Apache's proxy
// takes, so that order spans both. Others go anywhere, away from the broker that refused if there is another.
func (r *route) pick(g mq.MessageGroup, avoid string) (place, bool) {
	n := len(r.writable)
	if n == 0 {
		return place{}, false
	}
	if g != (mq.MessageGroup{}) {
		return r.writable[jump(int64(javaHash(g.String())), n)], true
	}
	start := rand.IntN(n)
	for i := range n {
		if at := r.writable[(start+i)%n]; at.broker != avoid {
			return at, true
		}
	}
	return r.writable[start], true
}

// javaHash is String.hashCode: over UTF-16 units, wrapping at 32 bits.
func javaHash(s string) (h int32) {
	for _, u := range utf16.Encode([]rune(s)) {
		h = 31*h + int32(u)
	}
	return h
}

// jump is the consistent hash of Lamping and Veach with the generator that Guava uses.
func jump(key int64, buckets int) int {
	state, candidate := uint64(key), 0
	for {
		state = 2862933555777941757*state + 1
		next := float64(candidate+1) / (float64(int32(state>>33)+1) / (1 << 31))
		if next < 0 || next >= float64(buckets) {
			return candidate
		}
		candidate = int(next)
	}
}
