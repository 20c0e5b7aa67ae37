// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/kept"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// remakeWithin is how long after a fail-over a topic that the new primary does not know counts as forgotten.
const remakeWithin = time.Minute

// remake makes a topic again at a primary that took over before it had heard of it, and tells whether it did. Copies ask for topics every ten seconds
// or so, but have the messages at once: without its topic a new primary would refuse more of them, and nobody could read those that it has.
//
// A topic that somebody deletes must not come back. So it is made again only where this process saw the primary being replaced a moment ago while
// name servers go on routing the topic to it, with the queues that they tell, and once at an address.
func (e *Engine) remake(ctx context.Context, topic mq.Topic, at target, why error) bool {
	address := at.route.Addresses[at.broker]
	if mq.KindOf(why) != mq.TopicNotFound || address == "" || !e.routes.MovedSince(topic.Name, e.clock.Now().Add(-remakeWithin)) {
		return false
	}
	now, err := e.routes.Fetch(ctx, topic.Name)
	if err != nil || now.Addresses[at.broker] != address {
		return false
	}
	if !e.remade.First(topic.Name, address) {
		return false
	}
	t := admin.Topic{Name: topic.Name.String(), Permission: admin.ReadWrite, Attributes: map[string]string{admin.TypeAttribute: kept.TypeOf(topic.Accepts)}}
	t.Read, t.Write = now.QueuesAt(at.broker)
	if t.Read == 0 || t.Write == 0 { // it is being moved or taken out of use: not ours to change
		return false
	}
	if err := e.ask(ctx, target{now, at.broker}, remoting.Request{Code: remoting.CreateTopic, Header: admin.PutTopicOf(t), Timeout: 10 * time.Second}, nil); err != nil {
		e.remade.Forget(topic.Name, address)
		e.journal.Warn("a topic that a new primary does not know was not made again", "topic", t.Name, "broker", at.broker, "error", err)
		return false
	}
	e.journal.Warn("a topic that a new primary did not know was made again", "topic", t.Name, "broker", at.broker)
	return true
}
