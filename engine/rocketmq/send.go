// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
	"unicode/utf16"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/mq"
)

const (
	sendTimeout = 5 * time.Second // a broker gives up its own wait for disk and replicas earlier
	sendTries   = 3               // of a message whose sends are refused, on different queues
)

// Send stores each message; see produce.Store. The messages of a batch are under way at the same time.
func (e *Engine) Send(ctx context.Context, topic mq.Topic, batch []mq.Message) []mq.Sent {
	sent := make([]mq.Sent, len(batch))
	if len(batch) == 1 {
		sent[0] = e.sendOne(ctx, topic, &batch[0])
		return sent
	}
	// A message group's order is the order of the calls, so its messages go one after the other.
	var under sync.WaitGroup
	chains := map[mq.MessageGroup][]int{}
	var order []mq.MessageGroup
	for i := range batch {
		g := batch[i].Group
		if g == (mq.MessageGroup{}) {
			under.Go(func() { sent[i] = e.sendOne(ctx, topic, &batch[i]) })
			continue
		}
		if chains[g] == nil {
			order = append(order, g)
		}
		chains[g] = append(chains[g], i)
	}
	for _, g := range order {
		under.Go(func() {
			for _, i := range chains[g] {
				sent[i] = e.sendOne(ctx, topic, &batch[i])
			}
		})
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
	p, err := properties(room[:0], m, topic.Name)
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
	var avoid string
	for try := 1; ; try++ {
		r, err := e.route(ctx, topic.Name)
		if err != nil {
			return fail(err)
		}
		at, ok := r.pick(m.Group, avoid)
		if !ok {
			e.doubt(topic.Name, mq.Refuse(mq.Unavailable, "no queue"))
			return fail(mq.Refuse(mq.Unavailable, "topic %s: no queue takes messages now", topic.Name))
		}
		h.Queue, h.Broker = at.queue, at.broker
		var a request.SendAnswer
		err = e.ask(ctx, target{r, at.broker}, remoting.Request{Code: remoting.SendMessage, Header: h, Body: m.Body, Timeout: sendTimeout}, &a)
		if err == nil {
			return e.sent(m, at, &a)
		}
		e.doubt(topic.Name, err)
		again := mq.Outcome(err) == mq.Refused && (mq.KindOf(err) == mq.Unavailable || mq.KindOf(err) == mq.Forbidden)
		if !again || try == sendTries || m.Group != (mq.MessageGroup{}) && try > 1 {
			return fail(err)
		}
		avoid = at.broker
	}
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
		s.Half = mq.Half{Cluster: e.opts.Cluster, Message: m.ID, Token: halfToken{at.broker, a.Offset, p.Physical}.String()}
		s.Offset = -1
	case m.Type == mq.Delay && a.RecallHandle != "":
		s.Scheduled = mq.Scheduled{Cluster: e.opts.Cluster, Message: m.ID, Token: scheduledToken{at.broker, a.RecallHandle}.String()}
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
