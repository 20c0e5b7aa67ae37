// SPDX-License-Identifier: Apache-2.0

package messages

import (
	"time"

	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/post"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func sendOperations() []door.Operation {
	return []door.Operation{
		{ID: "sendMessage", Method: "POST", Path: door.OfTopic + "/messages", Summary: "Sends a message.", Scope: door.InTenant,
			Right: identity.SendMessage, Request: wire.NewMessage{}, Answer: wire.SentMessage{}, Status: 201, Handle: sendMessage},
		{ID: "resendMessage", Method: "POST", Path: door.OfTopic + "/messages/{id}/resend", Summary: "Sends a stored message again, as a new one that names it.", Scope: door.InTenant,
			Right: identity.SendMessage, Request: wire.Resend{}, Answer: wire.SentMessage{}, Status: 201, Handle: resendMessage},
	}
}

func office(r *door.Request) post.Office { return post.Office{Plane: r.Plane, Now: r.Clock.Now} }

func sendMessage(r *door.Request) (door.Answer, error) {
	tenant, topic, err := r.Topic()
	if err != nil {
		return door.Answer{}, err
	}
	var want wire.NewMessage
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	l, err := letterOf(want, r.Clock.Now())
	if err != nil {
		return door.Answer{}, err
	}
	sent, err := office(r).Send(r.Context(), r.Actor(), post.Place{Tenant: tenant, Topic: topic}, l)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Created(showSent(topic, sent))
}

func letterOf(want wire.NewMessage, now time.Time) (l post.Letter, err error) {
	l = post.Letter{Body: want.Body, Properties: want.Properties}
	if want.Text != "" {
		if len(want.Body) > 0 {
			return l, door.Bad("malformed", "text", "text: either text or body")
		}
		l.Body = []byte(want.Text)
	}
	if l.Keys, err = door.ParseAll("keys", want.Keys, mq.ParseKey); err != nil {
		return l, err
	}
	if want.Tag != "" {
		if l.Tag, err = mq.ParseTag(want.Tag); err != nil {
			return l, door.In("tag", err)
		}
	}
	if want.MessageGroup != "" {
		if l.Group, err = mq.ParseMessageGroup(want.MessageGroup); err != nil {
			return l, door.In("messageGroup", err)
		}
	}
	delay, err := door.ParseSpan("delay", want.Delay)
	switch {
	case err != nil:
		return l, err
	case want.Delay != "" && want.DeliverAt != nil:
		return l, door.Bad("malformed", "delay", "delay: either delay or deliverAt")
	case delay < 0:
		return l, door.Bad("out_of_range", "delay", "delay: must be positive; a message without one is delivered at once")
	case delay > 0:
		l.DeliverAt = now.Add(delay)
	}
	if want.DeliverAt != nil {
		if l.DeliverAt = want.DeliverAt.UTC(); l.DeliverAt.Unix() <= 0 {
			return l, door.Bad("out_of_range", "deliverAt", "deliverAt: a time after 1970")
		}
	}
	return l, nil
}

func resendMessage(r *door.Request) (door.Answer, error) {
	tenant, topic, err := r.Topic()
	if err != nil {
		return door.Answer{}, err
	}
	if err := r.Decode(&wire.Resend{}); err != nil {
		return door.Answer{}, err
	}
	id, err := mq.ParseMessageID(r.PathValue("id"))
	if err != nil {
		return door.Answer{}, door.In("id", err)
	}
	sent, err := office(r).Resend(r.Context(), r.Actor(), post.Place{Tenant: tenant, Topic: topic}, id)
	if err != nil {
		return door.Answer{}, err
	}
	w := showSent(topic, sent)
	w.ResentOf = id.String()
	return door.Created(w)
}

func showSent(topic mq.TopicName, s post.Sent) wire.SentMessage {
	return wire.SentMessage{ID: s.ID.String(), Topic: topic.String(), Type: s.Type.String(), Broker: s.Broker, Queue: int32(s.Queue), Offset: int64(s.Offset), Due: door.Optional(s.Due)}
}
