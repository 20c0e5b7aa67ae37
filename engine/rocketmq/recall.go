// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"fmt"
	"strings"

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
	if e.recalled.Has(t.Handle, e.clock.Now()) {
		return mq.Refuse(mq.MessageNotFound, "the message was recalled before")
	}
	r, err := e.routes.Route(ctx, topic.Name)
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
		return mq.Refuse(mq.Unsupported, "the cluster does not recall: recallMessageEnable is off").Because(fmt.Errorf("broker %s", t.Broker))
	}
	if err == nil {
		e.recalled.Note(t.Handle, e.clock.Now())
	}
	return err
}
