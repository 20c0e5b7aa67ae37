// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

// progress is how far a group came in a queue.
type progress struct {
	next      int64 // where the next pop reads
	committed int64
	order     *order
	popped    time.Time // when a pop last moved it
}

// poll is a parked pop or notification.
type poll struct {
	call   *call
	group  string
	pop    *request.Pop // nil: a notification
	notify *request.Notify
	filter *filter.Filter
	ends   time.Time
	timer  stopper
}

// pop is request 200050.
func (b *broker) pop(r *call) *remoting.Frame {
	h := &request.Pop{}
	if err := r.frame.Into(h); err != nil {
		return malformed(err)
	}
	if late := b.now().UnixMilli() - h.BornMillis - h.PollMillis; h.BornMillis > 0 && late > 500 {
		return fail(remoting.PollingTimeout, "the broker[%s] pop message is timeout too much", b.name)
	}
	if h.Max > maxPop || h.Max < 1 {
		return fail(remoting.InvalidParameter, "the broker[%s] pop message's num is greater than %d", b.name, maxPop)
	}
	t, _, refused := b.readable(h.Topic, h.Group)
	if refused != nil {
		return refused
	}
	if h.Queue >= t.config.Read {
		return fail(remoting.InvalidParameter, "queueId[%d] is illegal, topic:[%s] topicConfig.readQueueNums:[%d]", h.Queue, h.Topic, t.config.Read)
	}
	f, err := filter.Compile(mq.Filter{SQL: h.ExpressionType == "SQL92", Expression: h.Expression})
	if err != nil {
		return fail(remoting.SubscriptionParse, "parse the consumer's subscription failed: %v", err)
	}
	if a := b.popNow(h, f); a != nil {
		return a
	}
	if h.PollMillis <= 0 {
		return fail(remoting.PullNotFound, "no message")
	}
	return b.park(h.Topic, &poll{call: r, group: h.Group, pop: h, filter: f}, time.Duration(h.PollMillis)*time.Millisecond)
}

// park keeps a poll until something arrives or its time is over.
func (b *broker) park(topic string, p *poll, wait time.Duration) *remoting.Frame {
	same := 0
	for _, x := range b.parked[topic] {
		if x.group == p.group {
			same++
		}
	}
	if same >= b.cluster.opts.MaxParked {
		if p.pop == nil {
			return done(&request.NotifyAnswer{Full: true})
		}
		return fail(remoting.PollingFull, "POLLING_FULL")
	}
	p.timer = b.after(wait, func() {
		if !slices.Contains(b.parked[topic], p) {
			return // answered while this waited for the lock
		}
		b.unpark(topic, p)
		if p.pop == nil {
			p.call.answer(done(&request.NotifyAnswer{Has: b.has(p)}))
			return
		}
		p.call.answer(fail(remoting.PollingTimeout, "no message"))
	})
	p.ends = b.now().Add(wait)
	b.parked[topic] = append(b.parked[topic], p)
	slices.SortStableFunc(b.parked[topic], func(x, y *poll) int { return x.ends.Compare(y.ends) })
	return nil
}

func (b *broker) unpark(topic string, p *poll) {
	b.parked[topic] = slices.DeleteFunc(b.parked[topic], func(x *poll) bool { return x == p })
}

// wakeLocked looks at parked polls after something arrived in a topic, or its retry topics.
func (b *broker) wakeLocked(real string) {
	topic := real
	if request.RetryFlag(real) != 0 {
		for name := range b.parked {
			if strings.HasSuffix(real, "_"+name) || strings.HasSuffix(real, "+"+name) {
				b.wakeTopic(name, false)
			}
		}
		return
	}
	b.wakeTopic(topic, false)
}

// wakeTopic lets pops look again in the order in which their time ends. Of the notifications of a group one is answered, that whose time ends last.
func (b *broker) wakeTopic(topic string, popsOnly bool) {
	all := slices.Clone(b.parked[topic])
	last := map[string]*poll{}
	for _, p := range all {
		switch {
		case p.call.conn.node.replaced: // nothing arrives at the old primary
		case p.pop != nil:
			b.wakePop(topic, p)
		case !popsOnly:
			last[p.group] = p
		}
	}
	for _, p := range all {
		if last[p.group] == p && b.has(p) {
			b.answerPoll(topic, p, done(&request.NotifyAnswer{Has: true}))
		}
	}
}

// wakePop lets a parked pop look again; false: there is nothing for it, and it stays.
func (b *broker) wakePop(topic string, p *poll) bool {
	if p.call.conn.node.replaced {
		return false
	}
	a := b.popNow(p.pop, p.filter)
	if a != nil {
		b.answerPoll(topic, p, a)
	}
	return a != nil
}

func (b *broker) answerPoll(topic string, p *poll, a *remoting.Frame) {
	p.timer.Stop()
	b.unpark(topic, p)
	p.call.answer(a)
}

// popping collects the answer of one pop.
type popping struct {
	broker                   *broker
	h                        *request.Pop
	filter                   *filter.Filter
	millis                   int64
	body                     []byte
	count                    int
	starts, messages, orders []string
	rest                     int64
}

// popNow takes what is there, nil if there is nothing.
func (b *broker) popNow(h *request.Pop, f *filter.Filter) *remoting.Frame {
	x := &popping{broker: b, h: h, filter: f, millis: b.now().UnixMilli()}
	retries := []string{request.RetryTopicV1(h.Topic, h.Group), request.RetryTopicV2(h.Topic, h.Group)}
	first := !h.Order && b.random.IntN(5) == 0
	if first {
		x.topics(retries, -1)
	}
	x.topics([]string{h.Topic}, h.Queue)
	if !first && !h.Order {
		x.topics(retries, -1)
	}
	if x.count == 0 {
		return nil
	}
	a := &request.PopAnswer{
		PopMillis: x.millis, InvisibleMillis: h.InvisibleMillis, Rest: x.rest, StartOffsets: strings.Join(x.starts, ";"),
		MessageOffsets: strings.Join(x.messages, ";"), OrderCounts: strings.Join(x.orders, ";"),
	}
	if h.Order {
		a.ReviveQueue = request.OrderRevive
	}
	f2 := done(a)
	f2.Remark, f2.Body = "FOUND", x.body
	return f2
}

func (x *popping) topics(names []string, queue int32) {
	for _, name := range names {
		t := x.broker.topics[name]
		if t == nil || t.config.Read == 0 {
			continue
		}
		if queue >= 0 {
			x.queue(name, queue)
			continue
		}
		n := t.config.Read
		start := x.broker.random.Int32N(n)
		for i := range n {
			x.queue(name, (start+i)%n)
		}
	}
}

// queue takes from one queue.
func (x *popping) queue(real string, id int32) {
	b, q := x.broker, x.broker.topics[real].queues[id]
	if x.count >= int(x.h.Max) {
		return
	}
	p := b.progressAt(place{x.h.Group, real, id}, x.h.Init)
	if x.h.Order {
		if until, blocked := p.order.blocks(x.h.Attempt, b.now()); blocked {
			b.wakeWhenFree(p, x.h.Topic, until)
			return
		}
		p.next = p.committed
	}
	start, size := p.next, 0
	var taken []*stored.Message
	for ; p.next < int64(len(q.messages)) && x.count < int(x.h.Max) && size < logBytes; p.next++ {
		m := q.messages[p.next]
		if !x.wanted(m) {
			continue
		}
		size += len(m.Body)
		taken = append(taken, m)
		x.count++
	}
	if !x.h.Order || len(taken) == 0 {
		p.committed, p.popped = p.next, b.now()
	}
	x.rest += int64(len(q.messages)) - p.next
	if len(taken) == 0 {
		return
	}
	if x.h.Order {
		x.run(p, real, id, taken)
	}
	x.deliver(real, id, start, taken)
}

// wanted is how a broker filters: tags by their hash alone, so that others may slip through.
func (x *popping) wanted(m *stored.Message) bool {
	if x.filter.All() {
		return true
	}
	if !x.filter.SQL() {
		return x.filter.MayMatchHash(filter.TagHash(m.Properties.Get(stored.Tags)))
	}
	ok, err := x.filter.Match(filter.PropertyFunc(func(name string) (string, bool) {
		v := m.Properties.Get(name)
		return v, v != ""
	}))
	return ok && err == nil
}

// run makes the taken messages the queue's one run.
func (x *popping) run(p *progress, real string, id int32, taken []*stored.Message) {
	o := &order{
		attempt: x.h.Attempt, popped: x.millis, hide: time.Duration(x.h.InvisibleMillis) * time.Millisecond, acked: map[int64]bool{},
		visible: map[int64]time.Time{}, counts: map[int64]int32{},
	}
	least := int32(1 << 30)
	for _, m := range taken {
		o.offsets = append(o.offsets, m.Offset)
		if p.order != nil && p.order.has(m.Offset) {
			o.counts[m.Offset] = p.order.counts[m.Offset]
			if p.order.attempt == "" || p.order.attempt != x.h.Attempt {
				o.counts[m.Offset]++
			}
		}
		n := o.counts[m.Offset]
		least = min(least, n)
		if n > 0 {
			x.orders = append(x.orders, fmt.Sprintf("%d qo%d%%%d %d", request.RetryFlag(real), id, m.Offset, n))
		}
	}
	x.orders = append(x.orders, fmt.Sprintf("%d %d %d", request.RetryFlag(real), id, least))
	if p.order != nil && p.order.timer != nil {
		p.order.timer.Stop()
	}
	p.order = o
}

// deliver appends messages and what ties them to their checkpoints.
func (x *popping) deliver(real string, id int32, start int64, taken []*stored.Message) {
	var offsets []string
	for _, m := range taken {
		offsets = append(offsets, strconv.FormatInt(m.Offset, 10))
		if !x.h.Order {
			key := leaseKey{place{x.h.Group, real, id}, m.Offset, x.millis}
			x.broker.leaseLocked(key, x.h.Topic, m, time.Duration(x.h.InvisibleMillis)*time.Millisecond)
		}
		sent := *m
		if request.RetryFlag(real) != 0 { // retries travel under the topic's name, with their handle
			handle := request.Handle{
				Start: start, PopMillis: x.millis, InvisibleMillis: x.h.InvisibleMillis, Retry: request.RetryFlag(real), Broker: x.broker.name, Queue: id, Offset: m.Offset,
			}
			sent.Topic, sent.Properties = x.h.Topic, sent.Properties.With(stored.PopCheckpoint, handle.String())
		}
		x.body = stored.Append(x.body, &sent)
	}
	x.starts = append(x.starts, fmt.Sprintf("%d %d %d", request.RetryFlag(real), id, start))
	x.messages = append(x.messages, fmt.Sprintf("%d %d %s", request.RetryFlag(real), id, strings.Join(offsets, ",")))
}

// progressAt is a group's place in a queue; a new one begins where the request says, retry topics always at the beginning.
func (b *broker) progressAt(at place, init int32) *progress {
	p := b.progress[at]
	if p == nil {
		p = &progress{}
		if n := int64(len(b.topics[at.topic].queues[at.queue].messages)); init == request.FromMax && request.RetryFlag(at.topic) == 0 && n > 1 {
			p.next = n - 1
		}
		p.committed = p.next
		b.progress[at] = p
	}
	return p
}

// wakeWhenFree looks at parked pops when the run in a queue shows again.
func (b *broker) wakeWhenFree(p *progress, topic string, until time.Time) {
	o := p.order
	if o.timer != nil {
		o.timer.Stop()
	}
	o.timer = b.after(until.Sub(b.now()), func() { b.wakeTopic(topic, true) })
}
