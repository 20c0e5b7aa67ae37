// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"slices"
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
)

// half is a transaction without a verdict.
type half struct {
	message *stored.Message
	rounds  int
	timer   stopper
}

// sendHalf keeps a message out of its topic until a verdict comes.
func (b *broker) sendHalf(m stored.Message) *remoting.Frame {
	m.Properties = m.Properties.With(stored.RealTopic, m.Topic).With(stored.RealQueue, strconv.Itoa(int(m.Queue)))
	m.Topic, m.Queue = halfTopic, 0
	kept := b.storeLocked(m)
	x := &half{message: kept}
	b.halves[kept.Offset] = x
	rest := b.cluster.opts.CheckAfter
	if s, err := strconv.Atoi(m.Properties.Get(stored.FirstCheckAfter)); err == nil {
		rest = time.Duration(s) * time.Second
	}
	x.timer = b.after(rest, func() { b.check(kept.Offset) })
	return done(&request.SendAnswer{PlaceID: b.placeID(kept.Physical), Offset: kept.Offset, TransactionID: m.Properties.Get(stored.UniqueKey)})
}

// endTransaction is request 37. The half is found by its offset and nothing else is remembered: a second verdict, also another one,
// is carried out again.
func (b *broker) endTransaction(r *call) *remoting.Frame {
	var h request.EndTransaction
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	if h.Verdict == request.VerdictUnknown {
		return nil // a broker does not answer it
	}
	q := b.topics[halfTopic].queues[0]
	if h.HalfOffset < 0 || h.HalfOffset >= int64(len(q.messages)) {
		return fail(remoting.SystemError, "Find prepared transaction message failed")
	}
	m := q.messages[h.HalfOffset]
	if s, err := strconv.Atoi(m.Properties.Get(stored.FirstCheckAfter)); err == nil && !h.FromCheck && b.now().Sub(m.Born) > time.Duration(s)*time.Second {
		return fail(remoting.IllegalOperation, "")
	}
	switch {
	case m.Properties.Get(stored.ProducerGroup) != h.Group:
		return fail(remoting.SystemError, "The producer group wrong")
	case m.Physical != h.Physical:
		return fail(remoting.SystemError, "The commit log offset wrong")
	}
	if x := b.halves[h.HalfOffset]; x != nil {
		x.timer.Stop()
		delete(b.halves, h.HalfOffset)
	}
	if h.Verdict == request.VerdictCommit {
		b.storeLocked(restored(m, stored.Committed))
	}
	return done(nil)
}

// restored is a half as its topic gets it.
func restored(m *stored.Message, sys int32) stored.Message {
	out := *m
	queue, _ := strconv.Atoi(m.Properties.Get(stored.RealQueue)) // we wrote it
	out.Topic, out.Queue, out.Sys = m.Properties.Get(stored.RealTopic), int32(queue), m.Sys&^stored.Verdict|sys
	out.PreparedOffset = m.Physical
	out.Properties = m.Properties.With(stored.Half, "")
	return out
}

// check asks one connection that announced the producer group, request 39, and comes back later.
func (b *broker) check(offset int64) {
	x := b.halves[offset]
	if x == nil {
		return
	}
	x.rounds++
	if x.rounds > b.cluster.opts.CheckRounds {
		delete(b.halves, offset)
		return
	}
	x.timer = b.after(b.cluster.opts.CheckEvery, func() { b.check(offset) })
	m := x.message
	var live []*conn
	for c := range b.cluster.conns {
		if c.node.broker == b && c.producers[m.Properties.Get(stored.ProducerGroup)] {
			live = append(live, c)
		}
	}
	if len(live) == 0 {
		return
	}
	slices.SortFunc(live, func(a, b *conn) int { return int(a.next) - int(b.next) })
	c := live[0]
	c.next++
	shown := restored(m, 0)
	shown.Properties = shown.Properties.With(stored.CheckTimes, strconv.Itoa(x.rounds))
	key := m.Properties.Get(stored.UniqueKey)
	f := done(&request.Check{
		Topic: halfTopic, HalfOffset: m.Offset, Physical: m.Physical, MessageID: key, TransactionID: key, PlaceID: b.placeID(m.Physical), Broker: b.name,
	})
	f.Code, f.Opaque, f.Version, f.JSON, f.Body = remoting.CheckTransaction, c.next, remoting.Version, true, stored.Append(nil, &shown)
	f.MarkOneWay()
	c.send(f)
}
