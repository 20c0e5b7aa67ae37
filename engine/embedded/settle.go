// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"errors"

	"github.com/causeway-mq/causeway/engine/embedded/index"
	"github.com/causeway-mq/causeway/engine/embedded/journal"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/token"
	"github.com/causeway-mq/causeway/engine/embedded/txn"
	"github.com/causeway-mq/causeway/mq"
)

// A half has one verdict for ever. While it lives it stands in state; from the moment its verdict is appended it does not, and
// recent answers repetitions until the verdict is published; then the index finds the verdict by the half's name. So an
// outcome sticks for as long as its record is kept, at no cost in memory.

// Settle ends a transaction; see produce.Store.
func (e *Engine) Settle(ctx context.Context, topic mq.Topic, half mq.Half, verdict mq.Verdict, _ mq.SettledBy) error {
	if err := e.j.Alive(ctx); err != nil {
		return err
	}
	name, ok := token.ParseHalf(half.Token)
	if !ok || verdict != mq.Commit && verdict != mq.Rollback {
		return mq.Refuse(mq.InvalidTransaction, "not a transaction of this engine")
	}
	h, before, err := e.findHalf(topic, name)
	if err != nil {
		return err
	}
	if before == nil {
		raw, err := e.rawOfHalf(h)
		if err != nil {
			return mq.Doubt(mq.Unavailable, err, "the message of the transaction cannot be read")
		}
		pos, err := e.settleHalf(topic.Name, name, verdict, raw)
		if err == nil && pos != 0 {
			return e.j.Wait(ctx, pos)
		}
		if err != nil {
			return err
		}
		if _, before, err = e.findHalf(topic, name); err != nil {
			return err
		}
		if before == nil {
			return mq.Refuse(mq.InvalidTransaction, "no such transaction")
		}
	}
	if !e.j.Published(before.At) {
		if err := e.j.Wait(ctx, before.At); err != nil {
			return err
		}
	}
	return e.repeated(before, verdict)
}

// repeated judges a second verdict.
func (e *Engine) repeated(before *journal.Ended, verdict mq.Verdict) error {
	switch {
	case before.GivenUp:
		return mq.Refuse(mq.Conflict, "the transaction was given up: nobody had answered for it")
	case before.Verdict.Verdict != verdict:
		return mq.Refuse(mq.Conflict, "the transaction ended with %s before", before.Verdict.Verdict)
	}
	return nil
}

// findHalf finds a live half, or how it ended.
func (e *Engine) findHalf(topic mq.Topic, name token.Half) (h txn.Half, before *journal.Ended, err error) {
	unknown := mq.Refuse(mq.InvalidTransaction, "no such transaction in topic %s", topic.Name)
	e.j.Lock()
	t := e.j.State().Topic(topic.Name)
	h, live := e.j.State().Halves.Get(name.ID)
	recent, ended := e.j.Recent(name.ID)
	e.j.Unlock()
	switch {
	case t == nil || t.ID != name.Topic:
		return h, nil, unknown
	case live && h.Topic == topic.Name:
		return h, nil, nil
	case live:
		return h, nil, unknown
	case ended && recent.Topic == name.Topic:
		return h, &recent, nil
	}
	before, err = e.findVerdict(name)
	if err == nil && before == nil {
		err = unknown
	}
	return h, before, err
}

// findVerdict asks the index how a half ended; nil when it knows nothing.
func (e *Engine) findVerdict(name token.Half) (before *journal.Ended, err error) {
	found, err := e.j.Index().Find(index.Search{Hash: journal.VerdictKey(name.ID), Limit: 16}, nil)
	if err != nil {
		return nil, e.j.Trouble(err)
	}
	for _, pos := range found {
		err := e.j.ReadRecord(pos, 256, func(p record.Part) error {
			if v, ok := p.(record.Verdict); ok && v.ID == name.ID && v.Topic == name.Topic {
				before = &journal.Ended{At: pos, Verdict: v}
			}
			return nil
		})
		if before != nil || err != nil && !errors.Is(err, log.ErrGone) {
			return before, err
		}
	}
	return nil, nil
}

// settleHalf writes the verdict if the half still lives; 0 when it does not. A committed message goes to its queue in the same
// record.
func (e *Engine) settleHalf(topic mq.Physical, name token.Half, verdict mq.Verdict, raw record.Raw) (log.Position, error) {
	e.j.Lock()
	defer e.j.Unlock()
	t := e.j.State().Topic(topic)
	if _, live := e.j.State().Halves.Get(name.ID); !live || t == nil {
		return 0, nil
	}
	end := record.Verdict{Topic: name.Topic, ID: name.ID, Verdict: verdict, At: e.j.Now()}
	if verdict == mq.Rollback {
		return e.j.Append(true, end)
	}
	return e.j.Append(false, e.messageLocked(t.ID, raw), end)
}

// messageLocked is an encoded message at the end of one of a topic's queues. It needs the lock.
func (e *Engine) messageLocked(id record.TopicID, raw record.Raw) record.Message {
	t := e.j.State().Topics[id]
	var brief record.Brief
	_ = raw.Brief(&brief)
	m := mq.Message{}
	if len(brief.Group) > 0 {
		m.Group, _ = mq.ParseMessageGroup(string(brief.Group))
	}
	q := e.pick(t, &m)
	return record.Message{Queue: record.Queue{Topic: id, Queue: q}, Offset: t.Queues[q].Next, At: max(e.j.Now(), e.j.State().LastTime), Raw: raw}
}

// rawOfHalf reads the message of a half, also when retention carries its record elsewhere meanwhile.
func (e *Engine) rawOfHalf(h txn.Half) (record.Raw, error) {
	for {
		raw, err := e.rawOf(h.At)
		if !errors.Is(err, log.ErrGone) {
			return raw, err
		}
		e.j.Lock()
		now, lives := e.j.State().Halves.Get(h.ID)
		e.j.Unlock()
		if !lives || now.At == h.At {
			return nil, err
		}
		h = now
	}
}

// rawOf reads the message of a half or a scheduled message. Its record may have been appended a moment ago.
func (e *Engine) rawOf(pos log.Position) (raw record.Raw, err error) {
	if err := e.j.OnDisk(pos); err != nil {
		return nil, err
	}
	err = e.j.ReadRecord(pos, 4096, func(p record.Part) error {
		switch p := p.(type) {
		case record.Half:
			raw = p.Raw
		case record.Scheduled:
			raw = p.Raw
		}
		return nil
	})
	if err == nil && raw == nil {
		err = log.ErrDamaged
	}
	return raw, err
}
