// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/token"
	"github.com/causeway-mq/causeway/mq"
)

// Recall cancels a scheduled message: see produce.Store. The broker stores the wish; a second one looks the same to it.
func (e *Engine) Recall(ctx context.Context, topic mq.Topic, s mq.Scheduled) error {
	t, ok := token.ParseScheduled(s.Token)
	if !ok {
		return mq.Refuse(mq.MessageNotFound, "not a scheduled message of this cluster")
	}
	if e.recalled.seen(t.Handle, e.clock.Now()) {
		return mq.Refuse(mq.MessageNotFound, "the message was recalled before")
	}
	r, err := e.route(ctx, topic.Name)
	if err != nil {
		return err
	}
	h := &request.Recall{Group: topic.Name.String(), Topic: topic.Name.String(), Handle: t.Handle, Broker: t.Broker}
	err = e.ask(ctx, target{r, t.Broker}, remoting.Request{Code: remoting.RecallMessage, Header: h}, nil)
	switch {
	case mq.KindOf(err) == mq.Conflict && strings.Contains(err.Error(), "timestamp"):
		return mq.Refuse(mq.MessageNotFound, "the message was delivered: its time is over")
	case mq.KindOf(err) == mq.Conflict:
		return mq.Refuse(mq.MessageNotFound, "not a scheduled message of this topic")
	case mq.KindOf(err) == mq.Forbidden:
		return mq.Refuse(mq.Unsupported, "broker %s does not recall: recallMessageEnable is off", t.Broker)
	}
	if err == nil {
		e.recalled.note(t.Handle, e.clock.Now().Add(recallMemory))
	}
	return err
}

// recallMemory is how long this engine knows what it recalled. It is soft: a second recall elsewhere is answered with success, and
// changes nothing.
const recallMemory = 10 * time.Minute

type recalled struct {
	mu    sync.Mutex // guards all; leaf
	until map[string]time.Time
}

func (r *recalled) seen(handle string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.until[handle].After(now)
}

func (r *recalled) note(handle string, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = map[string]time.Time{}
	}
	for h, t := range r.until {
		if t.Before(until.Add(-recallMemory)) {
			delete(r.until, h)
		}
	}
	r.until[handle] = until
}
