// SPDX-License-Identifier: Apache-2.0

package messages

import (
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/post"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
)

func waitingOperations() []door.Operation {
	pieces := door.Pieces(control.MaxFound)
	return []door.Operation{
		{ID: "listScheduled", Method: "GET", Path: door.OfTopic + "/scheduled", Summary: "Lists messages that wait for their time, the next one due first.", Scope: door.InTenant,
			Right: identity.ReadMessage, Query: pieces, Answer: wire.Waiting{}, Status: 200, Handle: waiting(mq.FoundScheduled)},
		{ID: "cancelScheduled", Method: "POST", Path: door.OfTopic + "/scheduled/{id}/cancel", Summary: "Recalls a message that waits for its time: it is never delivered.", Scope: door.InTenant,
			Right: identity.RecallMessage, Request: wire.CancelScheduled{}, Answer: wire.WaitingMessage{}, Status: 200, Handle: cancelScheduled},
		{ID: "listTransactions", Method: "GET", Path: door.OfTopic + "/transactions", Summary: "Lists messages whose transaction nobody has ended, the oldest first.", Scope: door.InTenant,
			Right: identity.ReadMessage, Query: pieces, Answer: wire.Waiting{}, Status: 200, Handle: waiting(mq.FoundHalf)},
		{ID: "resolveTransaction", Method: "POST", Path: door.OfTopic + "/transactions/{id}/resolve", Summary: "Ends a transaction in the place of its producer.", Scope: door.InTenant,
			Right: identity.SettleMessage, Request: wire.Resolve{}, Answer: wire.WaitingMessage{}, Status: 200, Handle: resolveTransaction},
	}
}

// waiting lists what waits in a topic.
func waiting(state mq.FoundState) door.Handler {
	return func(r *door.Request) (door.Answer, error) {
		tenant, topic, err := r.Topic()
		if err != nil {
			return door.Answer{}, err
		}
		f := mq.Find{Only: state, Cursor: r.URL.Query().Get("cursor")}
		if f.Limit, err = r.Limit(control.MaxFound, control.MaxFound); err != nil {
			return door.Answer{}, err
		}
		page, err := office(r).Waiting(r.Context(), post.Place{Tenant: tenant, Topic: topic}, f)
		if err != nil {
			return door.Answer{}, err
		}
		out := wire.Waiting{Items: make([]wire.WaitingMessage, 0, len(page.Messages)), Next: page.Next}
		for _, m := range page.Messages {
			out.Items = append(out.Items, showWaiting(topic, m))
		}
		return door.OK(out)
	}
}

func showWaiting(topic mq.TopicName, m mq.Found) wire.WaitingMessage {
	return wire.WaitingMessage{
		ID: m.Message.ID.String(), Topic: topic.String(), State: string(m.State), Tag: m.Message.Tag.String(), Keys: door.Texts(m.Message.Keys), BodySize: len(m.Message.Body),
		Stored: m.StoredAt.UTC(), Due: door.Optional(m.Due), Checks: m.Round, Producer: m.Message.BornHost,
	}
}

// named is the message that the path names.
func named(r *door.Request) (post.Place, mq.MessageID, error) {
	tenant, topic, err := r.Topic()
	if err != nil {
		return post.Place{}, mq.MessageID{}, err
	}
	id, err := mq.ParseMessageID(r.PathValue("id"))
	return post.Place{Tenant: tenant, Topic: topic}, id, door.In("id", err)
}

func cancelScheduled(r *door.Request) (door.Answer, error) {
	at, id, err := named(r)
	if err != nil {
		return door.Answer{}, err
	}
	if err := r.Decode(&wire.CancelScheduled{}); err != nil {
		return door.Answer{}, err
	}
	m, err := office(r).Cancel(r.Context(), r.Actor(), at, id)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(showWaiting(at.Topic, m))
}

func resolveTransaction(r *door.Request) (door.Answer, error) {
	at, id, err := named(r)
	if err != nil {
		return door.Answer{}, err
	}
	var want wire.Resolve
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	v := post.Verdict{Confirm: want.Confirm}
	switch want.Verdict {
	case "commit":
		v.Verdict = mq.Commit
	case "rollback":
		v.Verdict = mq.Rollback
	default:
		return door.Answer{}, door.Bad("out_of_range", "verdict", "verdict: commit or rollback"+nearest.Hint(want.Verdict, []string{"commit", "rollback"}))
	}
	m, err := office(r).Resolve(r.Context(), r.Actor(), at, id, v)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(showWaiting(at.Topic, m))
}
