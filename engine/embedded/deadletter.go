// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"errors"

	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
)

// letterLocked is the copy of a message at the end of a group's dead letters; before is how many copies stand before it in the
// same record. The topic is made with the first of them. It needs the lock.
func (e *Engine) letterLocked(group mq.Physical, m *mq.Message, before int) (record.Message, error) {
	name := mq.PhysicalDeadLetters(group)
	t, err := e.topicLocked(mq.Topic{Name: name, Cluster: e.opts.Cluster, Queues: 1, Accepts: mq.AcceptsOf(mq.Normal, mq.FIFO, mq.Delay, mq.Transaction)})
	if err != nil {
		return record.Message{}, err
	}
	return record.Message{
		Queue:  record.Queue{Topic: t.ID},
		Offset: t.Queues[0].Next + int64(before),
		At:     max(e.j.Now(), e.j.State().LastTime),
		Raw:    record.AppendRaw(make([]byte, 0, record.SizeHint(m)), m),
	}, nil
}

// DeadLetter moves leased messages to their group's dead letters; see consume.Leaser. Copy and settlement are one record. A
// message that was settled before answers nil: the move may be a repetition.
func (e *Engine) DeadLetter(ctx context.Context, leases []mq.Lease, why string) []error {
	errs := make([]error, len(leases))
	if err := e.j.Alive(ctx); err != nil {
		return fill(errs, err)
	}
	held := present(leases)
	for i := range leases {
		if held[i].err != nil {
			errs[i] = held[i].err
			continue
		}
		errs[i] = e.deadLetter(ctx, &held[i], leases[i], why)
		if mq.KindOf(errs[i]) == mq.Settled && mq.Outcome(errs[i]) == mq.Refused {
			errs[i] = nil
		}
	}
	return errs
}

func (e *Engine) deadLetter(ctx context.Context, h *held, l mq.Lease, why string) error {
	e.j.Lock()
	err := e.checkLocked(h, l, e.j.Now())
	last := e.j.LastOrNone()
	e.j.Unlock()
	if err != nil {
		if mq.KindOf(err) == mq.Settled && last != 0 {
			return errors.Join(e.j.Wait(ctx, last)) // the settlement that we rely on may not be on disk yet
		}
		return err
	}
	stored, err := e.j.ReadOne(h.token.Ledger.Queue, h.token.Offset)
	if err != nil {
		return mq.Doubt(mq.Unavailable, err, "the message cannot be read")
	}
	e.j.Lock()
	now := e.j.Now()
	if err := e.checkLocked(h, l, now); err != nil {
		e.j.Unlock()
		return err
	}
	entry, _ := e.j.State().Ledger(h.token.Ledger).Get(h.token.Offset)
	m := stored.Message
	m.Origin = mq.Origin{
		Topic: l.Topic.Name, Message: m.ID, Queue: stored.Queue, Offset: stored.Offset, Attempt: entry.Attempt, Why: why,
	}
	letter, err := e.letterLocked(l.Group.Name, &m, 0)
	if err != nil {
		e.j.Unlock()
		return err
	}
	done := settles{{Ledger: h.token.Ledger, Offsets: []int64{h.token.Offset}}}
	pos, err := e.j.Append(true, letter, done[0])
	freed := e.freedLocked(done)
	e.j.Unlock()
	if err != nil {
		return err
	}
	e.wakeAll(freed)
	return e.j.Wait(ctx, pos)
}
