// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/token"
	"github.com/causeway-mq/causeway/engine/embedded/txn"
	"github.com/causeway-mq/causeway/mq"
)

const (
	checkPoll  = time.Second // between two looks; a question that was refused is asked again after as much
	checkBatch = 64
)

// Checks asks about halves whose verdict is overdue; see produce.Store. It works on its caller's goroutine. Several callers
// share the questions: each is asked by one of them at a time. A question that reached a producer is a record. live is
// asked once a second, which is how a producer that came is noticed.
func (e *Engine) Checks(ctx context.Context, live func() []mq.Topic, sink func(mq.Check) bool) error {
	timer := e.clock.NewTimer(checkPoll)
	defer timer.Stop()
	later := map[log.Position]int64{} // questions that our sink refused
	for {
		e.ask(ctx, live(), sink, later)
		timer.Reset(checkPoll)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.stopped.Done():
			return mq.Refuse(mq.Unavailable, "the engine is closed")
		case <-timer.C():
		}
	}
}

// ask asks what is overdue now.
func (e *Engine) ask(ctx context.Context, live []mq.Topic, sink func(mq.Check) bool, later map[log.Position]int64) {
	for _, topic := range live {
		for ctx.Err() == nil {
			due := e.dueHalves(topic.Name, later)
			for _, h := range due {
				e.askOne(topic, h, sink, later)
			}
			if len(due) < checkBatch {
				break
			}
		}
	}
	e.j.Lock()
	defer e.j.Unlock()
	for id := range later {
		if _, lives := e.j.State().Halves.Get(id); !lives {
			delete(later, id)
		}
	}
}

// dueHalves takes the overdue halves of a topic that nobody asks about now.
func (e *Engine) dueHalves(topic mq.Physical, later map[log.Position]int64) []txn.Half {
	e.j.Lock()
	defer e.j.Unlock()
	now := e.j.Now()
	all := e.j.State().Halves.Due(topic, now, checkBatch+len(e.asking)+len(later), nil)
	due := all[:0]
	for _, h := range all {
		if !e.asking[h.ID] && later[h.ID] <= now && len(due) < checkBatch {
			e.asking[h.ID] = true
			due = append(due, h)
		}
	}
	return due
}

func (e *Engine) askOne(topic mq.Topic, h txn.Half, sink func(mq.Check) bool, later map[log.Position]int64) {
	asked := false
	raw, err := e.rawOfHalf(h)
	if err == nil {
		var m mq.Message
		if m, err = raw.Message(); err == nil {
			asked = sink(e.question(topic, h, m))
		}
	}
	if err != nil {
		e.logger.Error("the message of a transaction cannot be read", "topic", topic.Name, "position", h.At, "why", err)
	}
	e.j.Lock()
	defer e.j.Unlock()
	delete(e.asking, h.ID)
	now := e.j.Now()
	if _, lives := e.j.State().Halves.Get(h.ID); !lives {
		return
	}
	if !asked {
		later[h.ID] = now + int64(checkPoll)
		return
	}
	_, _ = e.j.Append(true, record.Checked{ID: h.ID, At: now}) // if it is not taken, the question is asked again
}

func (e *Engine) question(topic mq.Topic, h txn.Half, m mq.Message) mq.Check {
	var id record.TopicID
	e.j.Lock()
	if t := e.j.State().Topic(topic.Name); t != nil {
		id = t.ID
	}
	e.j.Unlock()
	return mq.Check{
		Topic: topic, Round: h.Round + 1,
		Half: mq.Half{Cluster: e.opts.Cluster, Message: m.ID, Token: token.Half{ID: h.ID, Topic: id}.String()},
		Message: mq.Stored{
			Message: m, Topic: topic.Name, Broker: e.opts.Broker, Offset: -1, StoredAt: time.Unix(0, h.Born),
		},
	}
}
