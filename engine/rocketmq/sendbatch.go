// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"

	"github.com/causeway-mq/causeway/engine/rocketmq/mapping"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/mq"
)

// maxBatchBytes bounds one batch: brokers take it as one message.
const maxBatchBytes = mq.MaxBody

// chained is the messages of a call that go to one queue, with the places of their answers.
type chained struct {
	route *routes.Route
	at    routes.Place
	batch []mq.Message
	sent  []mq.Sent
	which []int
}

// part is the messages of one brokers' batch.
type part struct {
	which []int
	sys   int32
	body  []byte
}

// sendChain sends messages to one queue, one batch after the other. A batch that fails does not keep the next from being tried.
func (e *Engine) sendChain(ctx context.Context, topic mq.Topic, c chained) {
	var p part
	var scratch []byte
	for _, i := range c.which {
		m := &c.batch[i]
		var err error
		scratch, err = mapping.Properties(scratch[:0], m, topic.Name)
		if len(m.Body) > mq.MaxBody {
			err = mq.Refuse(mq.BodyTooLarge, "message body of %d bytes, the limit is %d", len(m.Body), mq.MaxBody)
		}
		if err != nil {
			c.sent[i] = mq.Sent{Offset: -1, Err: err}
			continue
		}
		size := stored.BatchSize(m.Body, len(scratch))
		if len(p.which) == stored.MaxBatch || len(p.body)+size > maxBatchBytes || len(p.which) > 0 && p.sys != sysFlag(m) {
			e.sendPart(ctx, topic, c, p)
			p = part{}
		}
		p.sys = sysFlag(m)
		p.which = append(p.which, i)
		p.body = stored.AppendEntry(p.body, stored.Entry{Body: m.Body, Properties: stored.Properties(scratch)})
	}
	e.sendPart(ctx, topic, c, p)
}

// sendPart sends one batch. A single message goes alone: it may be as large as a batch.
func (e *Engine) sendPart(ctx context.Context, topic mq.Topic, c chained, p part) {
	switch len(p.which) {
	case 0:
		return
	case 1:
		c.sent[p.which[0]] = e.sendOne(ctx, topic, &c.batch[p.which[0]])
		return
	}
	fail := func(err error) {
		for _, i := range p.which {
			c.sent[i] = mq.Sent{Offset: -1, Err: err}
		}
	}
	h := &request.Send{
		Group: topic.Name.String(), Topic: topic.Name.String(), DefaultTopic: routes.TemplateTopic, DefaultQueues: routes.TemplateQueues, SysFlag: p.sys,
		BornMillis: e.clock.Now().UnixMilli(), Batch: true, Queue: c.at.Queue, Broker: c.at.Broker,
	}
	q := remoting.Request{Code: remoting.SendBatch, Header: h, Body: p.body, Timeout: sendTimeout}
	at, a := c.at, request.SendAnswer{}
	err := e.ask(ctx, target{c.route, at.Broker}, q, &a)
	if err != nil {
		e.routes.Doubt(topic.Name, err)
		if group, one := p.group(c); one && (elsewhere(err) || e.remake(ctx, topic, target{c.route, at.Broker}, err)) {
			at, a, err = e.place(ctx, topic, group, q)
		}
	}
	if err != nil {
		fail(err)
		return
	}
	for n, i := range p.which {
		c.sent[i] = mq.Sent{Broker: at.Broker, Queue: mq.QueueID(a.Queue), Offset: mq.Offset(a.Offset + int64(n))}
	}
}

// group is the message group of all messages of a part; false: they have several.
func (p *part) group(c chained) (g mq.MessageGroup, one bool) {
	g = c.batch[p.which[0]].Group
	for _, i := range p.which {
		if c.batch[i].Group != g {
			return g, false
		}
	}
	return g, true
}
