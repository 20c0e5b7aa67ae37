// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/journal"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/state"
	"github.com/causeway-mq/causeway/engine/embedded/token"
	"github.com/causeway-mq/causeway/mq"
)

// outgoing is a message on its way into the log. Everything that does not depend on its place is prepared before the lock is
// taken.
type outgoing struct {
	sealed journal.Sealed // of a message that goes to its queue now
	buf    *[]byte        // where sealed lies; nil for others
	raw    record.Raw     // of a scheduled message or a half
	due    int64
	pos    log.Position
}

// Send stores each message of the batch; see produce.Store. The answers wait for the disk, unless the topic's durability is
// weaker and the disk is not behind by more than it allows.
func (e *Engine) Send(ctx context.Context, topic mq.Topic, batch []mq.Message) []mq.Sent {
	sent := make([]mq.Sent, len(batch))
	for i := range sent {
		sent[i] = mq.Sent{Broker: e.opts.Broker, Offset: -1}
	}
	if len(batch) > mq.MaxBatch {
		return failAll(sent, mq.Refuse(mq.PayloadTooLarge, "a batch of %d messages, the limit is %d", len(batch), mq.MaxBatch))
	}
	size := int64(0)
	for i := range batch {
		size += int64(record.SizeHint(&batch[i]))
	}
	if err := e.j.Admit(ctx, size); err != nil {
		return failAll(sent, err)
	}
	var one [1]outgoing
	out := one[:0]
	for i := range batch {
		o, err := e.prepare(&batch[i])
		out, sent[i].Err = append(out, o), err
	}
	last, err := e.place(topic, batch, out, sent)
	e.j.Admitted(size)
	for i := range out {
		if out[i].buf != nil {
			e.buffers.Put(out[i].buf)
		}
	}
	if err != nil {
		return failAll(sent, err)
	}
	if last == 0 || e.mayAnswerEarly(topic.Durability) {
		return sent
	}
	if err := e.j.Wait(ctx, last); err != nil {
		for i := range sent {
			if sent[i].Err == nil && out[i].pos >= e.j.Durable() {
				sent[i] = mq.Sent{Broker: e.opts.Broker, Offset: -1, Err: err}
			}
		}
	}
	return sent
}

// mayAnswerEarly tells whether a weaker topic may be answered before its messages are on disk: not when the disk has been
// behind for longer than the topic's window.
func (e *Engine) mayAnswerEarly(d mq.Durability) bool {
	if d.Synced() {
		return false
	}
	return e.j.LateBy() < d.Window()
}

func failAll(sent []mq.Sent, err error) []mq.Sent {
	for i := range sent {
		if sent[i].Err == nil {
			sent[i].Err = err
		}
	}
	return sent
}

// prepare encodes a message.
func (e *Engine) prepare(m *mq.Message) (o outgoing, err error) {
	if len(m.Body) > mq.MaxBody {
		return o, mq.Refuse(mq.BodyTooLarge, "message body of %d bytes, the limit is %d", len(m.Body), mq.MaxBody)
	}
	if m.Type == mq.Delay && m.DeliverAt.After(e.Now()) {
		if m.DeliverAt.After(e.Now().Add(mq.MaxDelay)) {
			return o, mq.Refuse(mq.IllegalDeliveryTime, "delivery at %v lies more than %v ahead", m.DeliverAt.UTC().Format(time.RFC3339), mq.MaxDelay)
		}
		o.due = m.DeliverAt.UnixNano()
	}
	if o.due == 0 && m.Type != mq.Transaction {
		o.buf = e.buffer(record.SizeHint(m))
		o.sealed = journal.Seal(*o.buf, m)
		*o.buf = o.sealed.Sealed
		return o, nil
	}
	o.raw = record.AppendRaw(make([]byte, 0, record.SizeHint(m)), m)
	return o, nil
}

// buffer takes a buffer of at least size bytes from the pool.
func (e *Engine) buffer(size int) *[]byte {
	if b, ok := e.buffers.Get().(*[]byte); ok {
		if cap(*b) >= size && cap(*b) <= 8*size+4096 {
			return b
		}
	}
	b := make([]byte, 0, size)
	return &b
}

// place gives the messages their places and appends them, in order. last is the position of the last one, 0 when none was
// appended; err means that none was.
func (e *Engine) place(topic mq.Topic, batch []mq.Message, out []outgoing, sent []mq.Sent) (last log.Position, err error) {
	e.j.Lock()
	defer e.j.Unlock()
	t, err := e.calledTopicLocked(topic)
	if err != nil {
		return 0, err
	}
	for i := range batch {
		if sent[i].Err != nil {
			continue
		}
		if sent[i].Err = e.placeOne(t, &batch[i], &out[i], &sent[i]); sent[i].Err == nil {
			last = out[i].pos
		}
	}
	return last, nil
}

// placeOne needs the lock.
func (e *Engine) placeOne(t *state.Topic, m *mq.Message, o *outgoing, sent *mq.Sent) (err error) {
	if o.buf != nil {
		sent.Queue = e.pick(t, m)
		o.pos, sent.Offset, err = e.j.AppendSealed(t, sent.Queue, &o.sealed)
		return err
	}
	now := max(e.j.Now(), e.j.State().LastTime)
	switch {
	case o.due != 0:
		o.pos, err = e.j.Append(false, record.Scheduled{Topic: t.ID, Due: o.due, At: now, Raw: o.raw})
		if err == nil {
			sent.Scheduled = mq.Scheduled{Cluster: e.opts.Cluster, Message: m.ID, Token: token.Scheduled{Due: o.due, ID: o.pos, Topic: t.ID}.String()}
		}
	default:
		first := m.FirstCheck
		if first <= 0 {
			first = mq.DefaultFirstCheck
		}
		o.pos, err = e.j.Append(false, record.Half{Topic: t.ID, Name: t.Spec.Name, At: now, Next: now + int64(first), Raw: o.raw})
		if err == nil {
			sent.Half = mq.Half{Cluster: e.opts.Cluster, Message: m.ID, Token: token.Half{ID: o.pos, Topic: t.ID}.String()}
		}
	}
	return err
}

// pick chooses the queue: a message group has one, all else goes round. It needs the lock.
func (e *Engine) pick(t *state.Topic, m *mq.Message) mq.QueueID {
	n := t.Spec.Queues
	if m.Group != (mq.MessageGroup{}) {
		return m.Group.QueueOf(n)
	}
	t.Spread++
	return mq.QueueID(t.Spread % uint32(n))
}
