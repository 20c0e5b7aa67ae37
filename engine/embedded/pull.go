// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"

	"github.com/causeway-mq/causeway/engine/embedded/journal"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
)

// bounds finds a queue and its first kept and one past its last visible offset.
func (e *Engine) bounds(ref mq.QueueRef) (q record.Queue, lo, hi int64, err error) {
	e.j.Lock()
	defer e.j.Unlock()
	t := e.j.State().Topic(ref.Topic.Name)
	if t == nil {
		return q, 0, 0, mq.Refuse(mq.TopicNotFound, "no topic %s", ref.Topic.Name)
	}
	queue := t.Queue(ref.Queue)
	if queue == nil || ref.Broker != "" && ref.Broker != e.opts.Broker {
		return q, 0, 0, mq.Refuse(mq.NotFound, "no queue %s", ref)
	}
	return record.Queue{Topic: t.ID, Queue: ref.Queue}, queue.Lo, queue.Visible, nil
}

// Pull reads from an offset; see consume.Positioner.
func (e *Engine) Pull(ctx context.Context, ref mq.QueueRef, from mq.Offset, limit mq.ReadLimit, written mq.Filter) (mq.Read, error) {
	if err := e.j.Alive(ctx); err != nil {
		return mq.Read{}, err
	}
	f, err := e.filters.get(written)
	if err != nil {
		return mq.Read{}, err
	}
	q, lo, hi, err := e.bounds(ref)
	if err != nil {
		return mq.Read{}, err
	}
	read := mq.Read{Next: from, Lo: mq.Offset(lo), Hi: mq.Offset(hi)}
	if from < read.Lo || from > read.Hi {
		return read, mq.Refuse(mq.IllegalOffset, "offset %d of %s: from %d to %d", from, ref, lo, hi)
	}
	most := min(max(limit.Messages, 1), mq.MaxReceive)
	scan := most
	if !f.All() {
		scan = scanEntries
	}
	entries, err := e.j.Index().Range(journal.Number(q), from, int(min(int64(scan), hi-int64(from))), nil)
	if err != nil {
		return read, e.j.Trouble(err)
	}
	bytes, reads := 0, 0
	for i := range entries {
		entry := &entries[i]
		if entry.Offset >= read.Hi || len(read.Messages) == most || reads == scanReads {
			return read, nil
		}
		if f.MayMatchHash(entry.Tag) {
			reads++
			stored, err := e.j.ReadAt(entry.Position, entry.Size, q, int64(entry.Offset))
			switch {
			case err == nil:
				if bytes += len(stored.Message.Body); limit.Bytes > 0 && bytes > limit.Bytes && len(read.Messages) > 0 {
					return read, nil
				}
				if wants(f, &stored.Message) {
					stored.Topic, stored.Broker = ref.Topic.Name, e.opts.Broker
					read.Messages = append(read.Messages, stored)
				}
			case journal.IsLost(err):
				e.logger.Error("a message cannot be read and is passed over", "queue", ref, "offset", entry.Offset, "why", err)
			case len(read.Messages) > 0:
				return read, nil
			default:
				return read, mq.Refuse(mq.Unavailable, "%v", err)
			}
		}
		read.Next = entry.Offset + 1
	}
	if len(entries) == 0 {
		read.Next = read.Hi // nothing is kept from here on
	}
	return read, nil
}

// Bounds gives the first kept offset and one past the last visible one.
func (e *Engine) Bounds(ctx context.Context, ref mq.QueueRef) (lo, hi mq.Offset, err error) {
	if err := e.j.Alive(ctx); err != nil {
		return 0, 0, err
	}
	_, l, h, err := e.bounds(ref)
	return mq.Offset(l), mq.Offset(h), err
}
