// SPDX-License-Identifier: Apache-2.0

// Package messages answers what is asked about messages: where they are, what stands in them, why they are not consumed.
package messages

import (
	"math"
	"net/url"
	"slices"
	"strconv"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// Sizes of the bodies in a search, in bytes.
const (
	DefaultPreview = 1 << 10
	MaxPreview     = 64 << 10
)

// Operations is what this room answers.
func Operations() []door.Operation {
	return slices.Concat(scanOperations(), sendOperations(), waitingOperations(), []door.Operation{
		{ID: "searchMessages", Method: "GET", Path: door.OfTopic + "/messages", Summary: "Searches a topic's messages, the newest of all queues first.", Scope: door.InTenant,
			Right: identity.ReadMessage, Query: searching(), Answer: wire.Found{}, Status: 200, Handle: searchMessages},
		{ID: "getMessage", Method: "GET", Path: door.OfTopic + "/messages/{id}", Summary: "Shows a message with its whole body.", Scope: door.InTenant, Right: identity.ReadMessage,
			Answer: wire.Message{}, Status: 200, Handle: getMessage},
		{ID: "traceMessage", Method: "GET", Path: door.OfTopic + "/messages/{id}/trace", Summary: "Tells where a message is, and for each group why it is not consumed.", Scope: door.InTenant,
			Right: identity.TraceMessage, Query: []door.Parameter{{Name: "group", About: "this group alone", Kind: "string"}}, Answer: wire.Trace{}, Status: 200, Handle: traceMessage},
		{ID: "searchDeadLetters", Method: "GET", Path: door.OfGroup + "/dead-letters", Summary: "Searches what a group could not consume.", Scope: door.InTenant,
			Right: identity.ReadMessage, Query: searching(), Answer: wire.Found{}, Status: 200, Handle: deadLetters},
	})
}

// searching are the parameters of a search for messages.
func searching() []door.Parameter {
	return append([]door.Parameter{
		{Name: "id", About: "of the message", Kind: "string"},
		{Name: "key", About: "one of the message's keys", Kind: "string"},
		{Name: "queue", About: "where the message lies, with offset", Kind: "integer", Max: math.MaxInt32},
		{Name: "offset", About: "where the message lies, with queue", Kind: "integer", Max: math.MaxInt64},
		{Name: "broker", About: "whose queue it is, where brokers have names", Kind: "string"},
		{Name: "begin", About: "stored not before; seven days before end at most", Kind: "date-time"},
		{Name: "end", About: "stored before", Kind: "date-time"},
		{Name: "body", About: "bytes to show of each body", Kind: "integer", Max: MaxPreview},
	}, door.Pieces(control.MaxFound)...)
}

func searchMessages(r *door.Request) (door.Answer, error) {
	tenant, topic, err := r.Topic()
	if err != nil {
		return door.Answer{}, err
	}
	return search(r, tenant, topic)
}

func deadLetters(r *door.Request) (door.Answer, error) {
	tenant, group, err := r.Group()
	if err != nil {
		return door.Answer{}, err
	}
	if _, err := r.Plane.Group(tenant, group); err != nil {
		return door.Answer{}, err
	}
	a, err := search(r, tenant, mq.DeadLetters(group))
	if mq.KindOf(err) == mq.TopicNotFound { // no message of the group ever died
		return door.OK(wire.Found{Items: []wire.Message{}})
	}
	return a, err
}

func search(r *door.Request, tenant mq.Tenant, topic mq.TopicName) (door.Answer, error) {
	f, err := findOf(r)
	if err != nil {
		return door.Answer{}, err
	}
	preview, err := Preview(r)
	if err != nil {
		return door.Answer{}, err
	}
	page, err := r.Plane.Find(r.Context(), tenant, topic, f)
	if err != nil {
		return door.Answer{}, err
	}
	found := wire.Found{Items: make([]wire.Message, 0, len(page.Messages)), Next: page.Next, From: page.From.UTC(), To: page.To.UTC()}
	for _, m := range page.Messages {
		found.Items = append(found.Items, Show(r, m, Glance{tenant, topic, preview}))
	}
	return door.OK(found)
}

// Preview is how many bytes of each body the request asks for.
func Preview(r *door.Request) (int, error) {
	q := r.URL.Query()
	if !q.Has("body") {
		return DefaultPreview, nil
	}
	n, err := strconv.Atoi(q.Get("body"))
	if err != nil || n < 0 || n > MaxPreview {
		return 0, door.Bad(string(control.OutOfRange), "body", "body: bytes to show of each body, from 0 to 65536")
	}
	return n, nil
}

func findOf(r *door.Request) (f mq.Find, err error) {
	q := r.URL.Query()
	if q.Has("id") {
		if f.ID, err = mq.ParseMessageID(q.Get("id")); err != nil {
			return f, door.In("id", err)
		}
	}
	if q.Has("key") {
		if f.Key, err = mq.ParseKey(q.Get("key")); err != nil {
			return f, door.In("key", err)
		}
	}
	if f.Place, err = placeOf(q); err != nil {
		return f, err
	}
	if f.Begin, err = r.Moment("begin"); err != nil {
		return f, err
	}
	if f.End, err = r.Moment("end"); err != nil {
		return f, err
	}
	f.Cursor = q.Get("cursor")
	f.Limit, err = r.Limit(control.MaxFound, control.MaxFound)
	return f, err
}

func placeOf(q url.Values) (*mq.Place, error) {
	if !q.Has("queue") && !q.Has("offset") {
		return nil, nil
	}
	queue, err := strconv.ParseInt(q.Get("queue"), 10, 32)
	if err != nil || queue < 0 {
		return nil, door.Bad("malformed", "queue", "queue: a number from 0 is wanted, together with offset")
	}
	offset, err := strconv.ParseInt(q.Get("offset"), 10, 64)
	if err != nil || offset < 0 {
		return nil, door.Bad("malformed", "offset", "offset: a number from 0 is wanted, together with queue")
	}
	return &mq.Place{Broker: q.Get("broker"), Queue: mq.QueueID(queue), Offset: mq.Offset(offset)}, nil
}

func getMessage(r *door.Request) (door.Answer, error) {
	tenant, topic, err := r.Topic()
	if err != nil {
		return door.Answer{}, err
	}
	id, err := mq.ParseMessageID(r.PathValue("id"))
	if err != nil {
		return door.Answer{}, door.In("id", err)
	}
	page, err := r.Plane.Find(r.Context(), tenant, topic, mq.Find{ID: id, Limit: 1})
	if err != nil {
		return door.Answer{}, err
	}
	if len(page.Messages) == 0 {
		return door.Answer{}, mq.Refuse(mq.MessageNotFound, "no message %q in topic %q", id, topic)
	}
	return door.OK(Show(r, page.Messages[0], Glance{tenant, topic, mq.MaxBody}))
}

// Glance says whose message is shown, from where, and how many bytes of its body.
type Glance struct {
	Tenant  mq.Tenant
	Topic   mq.TopicName
	Preview int
}

// Show is a message as the caller may see it, wherever it is shown.
func Show(r *door.Request, m mq.Found, g Glance) wire.Message {
	w := wire.Message{
		ID: m.Message.ID.String(), Topic: g.Topic.String(), State: string(m.State), Type: m.Message.Type.String(), Broker: m.Broker, Queue: int32(m.Queue),
		Offset: int64(m.Offset), Stored: m.StoredAt.UTC(), Born: door.Optional(m.Message.Born), BornHost: m.Message.BornHost, Due: door.Optional(m.Due),
		Tag: m.Message.Tag.String(), Keys: door.Texts(m.Message.Keys), MessageGroup: m.Message.Group.String(), Trace: m.Message.Trace, Encoding: "identity",
		BodySize: len(m.Message.Body), Body: m.Message.Body,
	}
	if m.Message.Encoding == mq.Gzip {
		w.Encoding = "gzip"
	}
	if len(w.Body) > g.Preview {
		w.Body, w.BodyTruncated = w.Body[:g.Preview], true
	}
	for _, p := range m.Message.Properties {
		if w.Properties == nil {
			w.Properties = make(map[string]string, len(m.Message.Properties))
		}
		w.Properties[p.Name] = p.Value
	}
	if o := m.Message.Origin; !o.IsZero() {
		w.Origin = &wire.Origin{Topic: logicalTopic(r, g.Tenant, o.Topic), ID: o.Message.String(), Queue: int32(o.Queue), Offset: int64(o.Offset), Attempts: o.Attempt, Why: o.Why}
	}
	return w
}

// logicalTopic says an engine's name in the tenant's words; another tenant's name is not shown.
func logicalTopic(r *door.Request, tenant mq.Tenant, p mq.Physical) string {
	if t, ok := r.Plane.TopicNamed(tenant, p); ok {
		return t.Name.String()
	}
	return "(gone)"
}
