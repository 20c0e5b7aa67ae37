// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/token"
	"github.com/causeway-mq/causeway/mq"
)

// Settle brings a verdict, once: see produce.Store. An unknown outcome is left to the check.
func (e *Engine) Settle(ctx context.Context, topic mq.Topic, half mq.Half, verdict mq.Verdict, by mq.SettledBy) error {
	t, ok := token.ParseHalf(half.Token)
	if !ok {
		return mq.Refuse(mq.InvalidTransaction, "not a transaction of this cluster")
	}
	r, err := e.routes.Route(ctx, topic.Name)
	if err != nil {
		return err
	}
	h := &request.EndTransaction{
		Topic: topic.Name.String(), Group: topic.Name.String(), HalfOffset: t.Offset, Physical: t.Physical, Verdict: request.VerdictCommit,
		FromCheck: by == mq.ByCheck, MessageID: half.Message.String(), TransactionID: half.Message.String(), Broker: t.Broker,
	}
	if verdict == mq.Rollback {
		h.Verdict = request.VerdictRollback
	}
	q := remoting.Request{Code: remoting.EndTransaction, Header: h, Timeout: sendTimeout}
	err = e.ask(ctx, target{r, t.Broker}, q, nil)
	if mq.KindOf(err) == mq.Conflict && verdict == mq.Rollback && !h.FromCheck {
		// The broker takes late verdicts from checks only, lest a producer and a check both commit. Two rollbacks do no harm.
		h.FromCheck = true
		err = e.ask(ctx, target{r, t.Broker}, q, nil)
	}
	if err != nil {
		e.routes.Doubt(topic.Name, err)
	}
	return err
}
