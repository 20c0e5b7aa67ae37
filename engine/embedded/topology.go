// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"

	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
)

// Queues answers from memory; false when the topic is unknown here.
func (e *Engine) Queues(topic mq.Topic) (mq.QueueSet, bool) {
	e.j.Lock()
	defer e.j.Unlock()
	t := e.j.State().Topic(topic.Name)
	if t == nil {
		return nil, false
	}
	set := make(mq.QueueSet, len(t.Queues))
	for i := range set {
		set[i] = mq.Queue{Broker: e.opts.Broker, ID: mq.QueueID(i), Readable: true, Writable: i < t.Spec.Queues}
	}
	return set, true
}

// Refresh is Queues, with TopicNotFound for a topic that is unknown here.
func (e *Engine) Refresh(ctx context.Context, topic mq.Topic) (mq.QueueSet, error) {
	if err := e.j.Alive(ctx); err != nil {
		return nil, err
	}
	set, ok := e.Queues(topic)
	if !ok {
		return nil, mq.Refuse(mq.TopicNotFound, "no topic %s", topic.Name)
	}
	return set, nil
}

// Changed receives when an answer of Queues may have changed.
func (e *Engine) Changed() <-chan struct{} { return e.changed }

// Probe writes a record and waits until it is on disk.
func (e *Engine) Probe(ctx context.Context) error {
	if err := e.j.Alive(ctx); err != nil {
		return err
	}
	e.j.Lock()
	pos, err := e.j.Append(true, record.Probe{At: e.j.Now()})
	e.j.Unlock()
	if err != nil {
		return err
	}
	return e.j.Wait(ctx, pos)
}
