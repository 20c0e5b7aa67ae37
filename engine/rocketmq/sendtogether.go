// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"errors"

	"github.com/causeway-mq/causeway/engine/rocketmq/mapping"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
	"github.com/causeway-mq/causeway/mq"
)

// maxTogether bounds the body of a message that shares a request: a large one gains nothing by it.
const maxTogether = 16 << 10

// errAlone is for a message whose batch was refused: the fault may be another one's.
var errAlone = errors.New("the batch was refused")

// together is one message in the line of its topic. Whoever sends for all may do so after this one's caller gave up and took its body
// back, so the entry is a copy.
type together struct {
	entry []byte
	sent  mq.Sent // valid once the line said that it is done
}

// mayShare tells whether a message may go in a batch with other callers': brokers give a batch one queue, one time of birth and one set of flags.
func (e *Engine) mayShare(m *mq.Message) bool {
	return e.opts.BatchSends && m.Type == mq.Normal && m.Group == (mq.MessageGroup{}) && sysFlag(m) == 0 && len(m.Body) <= maxTogether
}

// sendTogether sends a message alone when nothing is under way to a broker of its topic, otherwise with all that arrive meanwhile.
func (e *Engine) sendTogether(ctx context.Context, topic mq.Topic, m *mq.Message) mq.Sent {
	fail := func(err error) mq.Sent { return mq.Sent{Offset: -1, Err: err} }
	r, err := e.routes.Route(ctx, topic.Name)
	if err != nil {
		return fail(err)
	}
	at, ok := r.Pick(mq.MessageGroup{}, "")
	if !ok {
		return e.sendOne(ctx, topic, m) // which says why
	}
	var room [1024]byte
	p, err := mapping.Properties(room[:0], m, topic.Name)
	if err != nil {
		return fail(err)
	}
	own := &together{entry: stored.AppendEntry(nil, stored.Entry{Body: m.Body, Properties: stored.Properties(p)})}
	err = e.sends.Of(topic.Name.String()+"@"+at.Broker).Do(ctx, own, func(ctx context.Context, all []*together) []error {
		errs := make([]error, len(all))
		if len(all) == 1 {
			own.sent = e.sendOne(ctx, topic, m)
			errs[0] = own.sent.Err
			return errs
		}
		err := e.sendEntries(ctx, topic, all)
		for i := range errs {
			errs[i] = err
		}
		return errs
	})
	switch {
	case errors.Is(err, errAlone):
		return e.sendOne(ctx, topic, m)
	case err != nil:
		return fail(err)
	}
	return own.sent
}

// sendEntries sends messages of several callers as one batch.
func (e *Engine) sendEntries(ctx context.Context, topic mq.Topic, all []*together) error {
	size := 0
	for _, one := range all {
		size += len(one.entry)
	}
	body := make([]byte, 0, size)
	for _, one := range all {
		body = append(body, one.entry...)
	}
	h := &request.Send{
		Group: topic.Name.String(), Topic: topic.Name.String(), DefaultTopic: routes.TemplateTopic, DefaultQueues: routes.TemplateQueues,
		BornMillis: e.clock.Now().UnixMilli(), Batch: true,
	}
	at, a, err := e.place(ctx, topic, mq.MessageGroup{}, remoting.Request{Code: remoting.SendBatch, Header: h, Body: body, Timeout: sendTimeout})
	switch {
	case err == nil:
	case mq.Outcome(err) == mq.Refused && mq.KindOf(err) != mq.TooManyRequests && !elsewhere(err):
		return errAlone
	default:
		return err
	}
	for n, one := range all {
		one.sent = mq.Sent{Broker: at.Broker, Queue: mq.QueueID(a.Queue), Offset: mq.Offset(a.Offset + int64(n))}
	}
	return nil
}
