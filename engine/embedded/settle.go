// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"errors"

	"github.com/causeway-mq/causeway/engine/embedded/index"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/txn"
	"github.com/causeway-mq/causeway/mq"
)

// A half has one verdict for ever. While it lives it stands in state; from the moment its verdict is appended it does not, and
// recent answers repetitions until the verdict is published; then the index finds the verdict by the half's name. So an
// outcome sticks for as long as its record is kept, at no cost in memory.

// settled is a verdict that is not published yet.
type settled struct {
	pos     log.Position
	verdict mq.Verdict
	givenUp bool
	topic   record.TopicID
}

// Settle ends a transaction; see produce.Store.
func (e *Engine) Settle(ctx context.Context, topic mq.Topic, half mq.Half, verdict mq.Verdict, _ mq.SettledBy) error {
	if err := e.alive(ctx); err != nil {
		return err
	}
	token, ok := parseHalf(half.Token)
	if !ok || verdict != mq.Commit && verdict != mq.Rollback {
		return mq.Refuse(mq.InvalidTransaction, "not a transaction of this engine")
	}
	h, before, err := e.findHalf(topic, token)
	if err != nil {
		return err
	}
	if before == nil {
		raw, err := e.rawOfHalf(h)
		if err != nil {
			return mq.Doubt(mq.Unavailable, err, "the message of the transaction cannot be read")
		}
		pos, err := e.settleHalf(topic.Name, token, verdict, raw)
		if err == nil && pos != 0 {
			return e.wait(ctx, pos)
		}
		if err != nil {
			return err
		}
		if _, before, err = e.findHalf(topic, token); err != nil {
			return err
		}
		if before == nil {
			return mq.Refuse(mq.InvalidTransaction, "no such transaction")
		}
	}
	if err := e.repeated(before, verdict); err != nil {
		return err
	}
	if before.pos >= log.Position(e.published.Load()) {
		return e.wait(ctx, before.pos)
	}
	return nil
}

// repeated judges a second verdict.
func (e *Engine) repeated(before *settled, verdict mq.Verdict) error {
	switch {
	case before.givenUp:
		return mq.Refuse(mq.Conflict, "the transaction was given up: nobody had answered for it")
	case before.verdict != verdict:
		return mq.Refuse(mq.Conflict, "the transaction ended with %s before", before.verdict)
	}
	return nil
}

// findHalf finds a live half, or how it ended.
func (e *Engine) findHalf(topic mq.Topic, token halfToken) (h txn.Half, before *settled, err error) {
	unknown := mq.Refuse(mq.InvalidTransaction, "no such transaction in topic %s", topic.Name)
	e.mu.Lock()
	t := e.st.Topic(topic.Name)
	h, live := e.st.Halves.Get(token.id)
	recent, ended := e.recent[token.id]
	e.mu.Unlock()
	switch {
	case t == nil || t.ID != token.topic:
		return h, nil, unknown
	case live && h.Topic == topic.Name:
		return h, nil, nil
	case live:
		return h, nil, unknown
	case ended && recent.topic == token.topic:
		return h, &recent, nil
	}
	before, err = e.findVerdict(token)
	if err == nil && before == nil {
		err = unknown
	}
	return h, before, err
}

// findVerdict asks the index how a half ended; nil when it knows nothing.
func (e *Engine) findVerdict(token halfToken) (before *settled, err error) {
	found, err := e.index.Find(index.Search{Hash: verdictKey(token.id), Limit: 16}, nil)
	if err != nil {
		return nil, e.indexTrouble(err)
	}
	for _, pos := range found {
		err := e.readRecord(pos, 256, func(p record.Part) error {
			if v, ok := p.(record.Verdict); ok && v.ID == token.id && v.Topic == token.topic {
				before = &settled{pos: pos, verdict: v.Verdict, givenUp: v.GivenUp, topic: v.Topic}
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
func (e *Engine) settleHalf(name mq.Physical, token halfToken, verdict mq.Verdict, raw record.Raw) (log.Position, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.st.Topic(name)
	if _, live := e.st.Halves.Get(token.id); !live || t == nil {
		return 0, nil
	}
	end := record.Verdict{Topic: token.topic, ID: token.id, Verdict: verdict, At: e.now()}
	if verdict == mq.Rollback {
		return e.appendLocked(true, end)
	}
	return e.appendLocked(true, e.messageLocked(t.ID, raw), end)
}

// messageLocked is an encoded message at the end of one of a topic's queues. It needs mu.
func (e *Engine) messageLocked(id record.TopicID, raw record.Raw) record.Message {
	t := e.st.Topics[id]
	var brief record.Brief
	_ = raw.Brief(&brief)
	m := mq.Message{}
	if len(brief.Group) > 0 {
		m.Group, _ = mq.ParseMessageGroup(string(brief.Group))
	}
	q := e.pick(t, &m)
	return record.Message{Queue: record.Queue{Topic: id, Queue: q}, Offset: t.Queues[q].Next, At: max(e.now(), e.st.LastTime), Raw: raw}
}

// rawOfHalf reads the message of a half, also when retention carries its record elsewhere meanwhile.
func (e *Engine) rawOfHalf(h txn.Half) (record.Raw, error) {
	for {
		raw, err := e.rawOf(h.At)
		if !errors.Is(err, log.ErrGone) {
			return raw, err
		}
		e.mu.Lock()
		now, lives := e.st.Halves.Get(h.ID)
		e.mu.Unlock()
		if !lives || now.At == h.At {
			return nil, err
		}
		h = now
	}
}

// rawOf reads the message of a half or a scheduled message. Its record may have been appended a moment ago.
func (e *Engine) rawOf(pos log.Position) (raw record.Raw, err error) {
	if err := e.log.Wait(e.stopped, pos); err != nil {
		return nil, err
	}
	err = e.readRecord(pos, 4096, func(p record.Part) error {
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
