// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/mapping"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/routes"
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
		if e.mayShare(&batch[0]) {
			sent[0] = e.sendTogether(ctx, topic, &batch[0])
			return sent
		}
		sent[0] = e.sendOne(ctx, topic, &batch[0])
		return sent
	}
	fail := func(err error) []mq.Sent {
		for i := range sent {
			sent[i] = mq.Sent{Offset: -1, Err: err}
		}
		return sent
	}
	r, err := e.routes.Route(ctx, topic.Name)
	if err != nil {
		return fail(err)
	}
	anywhere, ok := r.Pick(mq.MessageGroup{}, "")
	if !ok {
		return fail(routes.NoneTakes(topic.Name))
	}
	var under sync.WaitGroup
	chains := map[routes.Place][]int{}
	for i := range batch {
		if batch[i].Type == mq.Delay || batch[i].Type == mq.Transaction {
			under.Go(func() { sent[i] = e.sendOne(ctx, topic, &batch[i]) })
			continue
		}
		at := anywhere
		if batch[i].Group != (mq.MessageGroup{}) {
			at, _ = r.Pick(batch[i].Group, "")
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
		Group: topic.Name.String(), Topic: topic.Name.String(), DefaultTopic: routes.TemplateTopic, DefaultQueues: routes.TemplateQueues, SysFlag: sysFlag(m),
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
func (e *Engine) place(ctx context.Context, topic mq.Topic, group mq.MessageGroup, q remoting.Request) (at routes.Place, a request.SendAnswer, err error) {
	h, _ := q.Header.(*request.Send)
	var avoid string
	for try := 1; ; try++ {
		r, err := e.routes.Route(ctx, topic.Name)
		if err != nil {
			return at, a, err
		}
		var ok bool
		if at, ok = r.Pick(group, avoid); !ok {
			none := routes.NoneTakes(topic.Name)
			if at != (routes.Place{}) {
				none = mq.Refuse(mq.TooManyRequests, "the broker where the message group has its queue takes no messages now").Because(fmt.Errorf("topic %s, broker %s", topic.Name, at.Broker))
			}
			e.routes.Doubt(topic.Name, none)
			return at, a, none
		}
		h.Queue, h.Broker = at.Queue, at.Broker
		if h.SysFlag&stored.Verdict == stored.Prepared {
			if err = e.announceHalf(ctx, r.Addresses[at.Broker], topic.Name.String()); err != nil {
				e.routes.Doubt(topic.Name, err)
				return at, a, err
			}
		}
		if err = e.ask(ctx, target{r, at.Broker}, q, &a); err == nil {
			return at, a, nil
		}
		e.routes.Doubt(topic.Name, err)
		if group != (mq.MessageGroup{}) && mq.Outcome(err) == mq.Refused && mq.KindOf(err) == mq.Forbidden {
			// Elsewhere its lane could overtake itself: what was sent before lies in the queue that takes no more (docs/adr/0009).
			return at, a, mq.Refuse(mq.TooManyRequests, "the queue of the message group takes no messages now").Because(fmt.Errorf("topic %s: %w", topic.Name, err))
		}
		if !elsewhere(err) && !e.remake(ctx, topic, target{r, at.Broker}, err) || try == sendTries || group != (mq.MessageGroup{}) && try > 1 {
			return at, a, err
		}
		avoid = at.Broker
	}
}

// elsewhere tells whether a message that was not sent may be taken by another queue, or by the same one at a new address.
func elsewhere(err error) bool {
	if mq.Outcome(err) != mq.Refused {
		return false
	}
	switch mq.KindOf(err) {
	case mq.Unavailable, mq.Forbidden, mq.StorageFull:
		return true
	}
	return false
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
func (e *Engine) sent(m *mq.Message, at routes.Place, a *request.SendAnswer) mq.Sent {
	s := mq.Sent{Broker: at.Broker, Queue: mq.QueueID(a.Queue), Offset: mq.Offset(a.Offset)}
	switch {
	case m.Type == mq.Transaction:
		p, err := stored.ParsePlace(a.PlaceID)
		if err != nil {
			return mq.Sent{Offset: -1, Err: mq.Doubt(mq.Internal, err, "answer to a send")}
		}
		s.Half = mq.Half{Cluster: e.opts.Cluster, Message: m.ID, Token: token.Half{Broker: at.Broker, Offset: a.Offset, Physical: p.Physical}.String()}
		s.Offset = -1
	case m.Type == mq.Delay && a.RecallHandle != "":
		s.Scheduled = mq.Scheduled{Cluster: e.opts.Cluster, Message: m.ID, Token: token.Scheduled{Broker: at.Broker, Handle: a.RecallHandle}.String()}
		s.Offset = -1
	case m.Type == mq.Delay && m.DeliverAt.After(e.clock.Now()):
		s.Offset = -1
	}
	return s
}
