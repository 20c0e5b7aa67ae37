// SPDX-License-Identifier: Apache-2.0

package post

import (
	"context"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// What the audit calls the end of a message that waits, and the rights that it needs.
const (
	RecallVerb control.Verb = "message.recall"
	SettleVerb control.Verb = "message.settle"
)

// listing finds a topic on an engine that lists what waits there in a state; elsewhere it says what to do instead.
func (o Office) listing(p Place, state mq.FoundState) (target, error) {
	t, err := o.to(p)
	if err != nil || t.at.Courier.Traits().ListsWaiting {
		return t, err
	}
	if state == mq.FoundHalf {
		return t, mq.Refuse(mq.Unsupported, "cluster %q does not tell which transactions are open: its brokers keep the messages of all topics together until then, and list them for nobody. "+
			"The producer ends its transaction itself, by the transaction's id that its send gave; where it does not, brokers ask it, and drop the message when they have asked as often as they are set to", t.Spec.Cluster)
	}
	return t, mq.Refuse(mq.Unsupported, "cluster %q does not tell which messages wait for their time: its brokers keep those of all topics together until then, and list them for nobody. "+
		"The producer recalls its message by the handle that its send gave; a message that is not recalled is found in the topic when its time has come", t.Spec.Cluster)
}

// Waiting lists what waits in a topic: scheduled messages by their due time, or halves by their age. A page may be short though more follow.
func (o Office) Waiting(ctx context.Context, in Place, f mq.Find) (mq.Page, error) {
	t, err := o.listing(in, f.Only)
	if err != nil {
		return mq.Page{}, err
	}
	f.Topic = t.Spec
	page, err := site.Inspect(ctx, t.at, func(ctx context.Context, i site.Inspector) (mq.Page, error) { return i.Find(ctx, f) })
	return page, control.During("list what waits", err)
}

// one finds the message that waits under an id. Of several, which only a producer that repeats ids makes, it is the first.
func (o Office) one(ctx context.Context, t target, id mq.MessageID, state mq.FoundState) (mq.Found, error) {
	f := mq.Find{Topic: t.Spec, ID: id, Limit: control.MaxFound}
	page, err := site.Inspect(ctx, t.at, func(ctx context.Context, i site.Inspector) (mq.Page, error) { return i.Find(ctx, f) })
	if err != nil {
		return mq.Found{}, control.During("find what waits", err)
	}
	for _, m := range page.Messages {
		if m.State == state {
			return m, nil
		}
	}
	if len(page.Messages) > 0 {
		return mq.Found{}, mq.Refuse(mq.Conflict, "message %s is %s: it does not wait as %s", id, page.Messages[0].State, state)
	}
	return mq.Found{}, mq.Refuse(mq.MessageNotFound, "no message %s waits in topic %s", id, t.Name)
}

// Cancel recalls a scheduled message: it is never delivered.
func (o Office) Cancel(ctx context.Context, by control.Actor, in Place, id mq.MessageID) (mq.Found, error) {
	t, err := o.listing(in, mq.FoundScheduled)
	if err != nil {
		return mq.Found{}, err
	}
	m, err := o.one(ctx, t, id, mq.FoundScheduled)
	if err != nil {
		return m, err
	}
	return m, o.end(ctx, control.Entry{Actor: by, Action: RecallVerb, Target: t.Ref()}, ending{id, "recalled", func(ctx context.Context) error {
		return t.at.Courier.Recall(ctx, t.Spec, m.Scheduled)
	}})
}

// Verdict is how somebody ends a transaction. Confirm is the message's id once more, since its producer knows better.
type Verdict struct {
	mq.Verdict
	Confirm string
}

// Resolve ends a transaction that nobody ended.
func (o Office) Resolve(ctx context.Context, by control.Actor, in Place, id mq.MessageID, v Verdict) (mq.Found, error) {
	t, err := o.listing(in, mq.FoundHalf)
	if err != nil {
		return mq.Found{}, err
	}
	m, err := o.one(ctx, t, id, mq.FoundHalf)
	if err != nil {
		return m, err
	}
	if v.Confirm != id.String() {
		return m, refusal.New(refusal.Confirm, mq.Conflict, "transaction %s would end with %s for ever, whatever its producer says: confirm it with the message's id", id, v.Verdict).On("confirm")
	}
	return m, o.end(ctx, control.Entry{Actor: by, Action: SettleVerb, Target: t.Ref()}, ending{id, v.Verdict.String(), func(ctx context.Context) error {
		return t.at.Courier.Settle(ctx, t.Spec, m.Half, v.Verdict, mq.ByCheck)
	}})
}

// ending is the end of a message that waits.
type ending struct {
	id  mq.MessageID
	how string
	do  func(context.Context) error
}

// end does it between two rows of audit. Its outcome is waited for though the caller may be gone.
func (o Office) end(ctx context.Context, e control.Entry, how ending) error {
	return o.Plane.Audited(ctx, e, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
		defer cancel()
		return map[string]string{"id": how.id.String(), "end": how.how}, how.do(ctx)
	})
}
