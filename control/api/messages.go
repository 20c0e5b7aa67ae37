// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// Sizes of the bodies in a search, in bytes.
const (
	DefaultPreview = 1 << 10
	MaxPreview     = 64 << 10
)

func (s *server) searchMessages(r *http.Request) (answer, error) {
	tenant, topic, err := topicOf(r)
	if err != nil {
		return answer{}, err
	}
	return s.search(r, tenant, topic)
}

func (s *server) deadLetters(r *http.Request) (answer, error) {
	tenant, group, err := groupOf(r)
	if err != nil {
		return answer{}, err
	}
	if _, err := s.opt.Plane.Group(tenant, group); err != nil {
		return answer{}, err
	}
	a, err := s.search(r, tenant, mq.DeadLetters(group))
	if mq.KindOf(err) == mq.TopicNotFound { // no message of the group ever died
		return ok(wire.Found{Items: []wire.Message{}})
	}
	return a, err
}

func (s *server) search(r *http.Request, tenant mq.Tenant, topic mq.TopicName) (answer, error) {
	q, err := parameters(r, "id", "key", "queue", "offset", "broker", "begin", "end", "limit", "cursor", "body")
	if err != nil {
		return answer{}, err
	}
	f, err := findOf(q)
	if err != nil {
		return answer{}, err
	}
	preview := DefaultPreview
	if q.Has("body") {
		preview, err = strconv.Atoi(q.Get("body"))
		if err != nil || preview < 0 || preview > MaxPreview {
			return answer{}, bad(string(control.OutOfRange), "body", "body: bytes to show of each body, from 0 to 65536")
		}
	}
	page, err := s.opt.Plane.Find(r.Context(), tenant, topic, f)
	if err != nil {
		return answer{}, err
	}
	found := wire.Found{Items: make([]wire.Message, 0, len(page.Messages)), Next: page.Next, From: page.From.UTC(), To: page.To.UTC()}
	for _, m := range page.Messages {
		found.Items = append(found.Items, s.showMessage(tenant, topic, m, preview))
	}
	return ok(found)
}

func findOf(q url.Values) (f mq.Find, err error) {
	if q.Has("id") {
		if f.ID, err = mq.ParseMessageID(q.Get("id")); err != nil {
			return f, in("id", err)
		}
	}
	if q.Has("key") {
		if f.Key, err = mq.ParseKey(q.Get("key")); err != nil {
			return f, in("key", err)
		}
	}
	if f.Place, err = placeOf(q); err != nil {
		return f, err
	}
	for name, to := range map[string]*time.Time{"begin": &f.Begin, "end": &f.End} {
		if q.Has(name) {
			if *to, err = time.Parse(time.RFC3339Nano, q.Get(name)); err != nil {
				return f, bad("malformed", name, name+": a time such as 2026-11-23T09:00:00Z")
			}
		}
	}
	f.Cursor = q.Get("cursor")
	f.Limit, err = limitOf(q, control.MaxFound, control.MaxFound)
	return f, err
}

func placeOf(q url.Values) (*mq.Place, error) {
	if !q.Has("queue") && !q.Has("offset") {
		return nil, nil
	}
	queue, err := strconv.ParseInt(q.Get("queue"), 10, 32)
	if err != nil || queue < 0 {
		return nil, bad("malformed", "queue", "queue: a number from 0 is wanted, together with offset")
	}
	offset, err := strconv.ParseInt(q.Get("offset"), 10, 64)
	if err != nil || offset < 0 {
		return nil, bad("malformed", "offset", "offset: a number from 0 is wanted, together with queue")
	}
	return &mq.Place{Broker: q.Get("broker"), Queue: mq.QueueID(queue), Offset: mq.Offset(offset)}, nil
}

func (s *server) getMessage(r *http.Request) (answer, error) {
	tenant, topic, err := topicOf(r)
	if err != nil {
		return answer{}, err
	}
	id, err := mq.ParseMessageID(r.PathValue("id"))
	if err != nil {
		return answer{}, in("id", err)
	}
	page, err := s.opt.Plane.Find(r.Context(), tenant, topic, mq.Find{ID: id, Limit: 1})
	if err != nil {
		return answer{}, err
	}
	if len(page.Messages) == 0 {
		return answer{}, mq.Refuse(mq.MessageNotFound, "no message %q in topic %q", id, topic)
	}
	return ok(s.showMessage(tenant, topic, page.Messages[0], mq.MaxBody))
}

func (s *server) showMessage(tenant mq.Tenant, topic mq.TopicName, m mq.Found, preview int) wire.Message {
	w := wire.Message{
		ID: m.Message.ID.String(), Topic: topic.String(), State: string(m.State), Type: m.Message.Type.String(), Broker: m.Broker, Queue: int32(m.Queue),
		Offset: int64(m.Offset), Stored: m.StoredAt.UTC(), Born: optional(m.Message.Born), BornHost: m.Message.BornHost, Due: optional(m.Due),
		Tag: m.Message.Tag.String(), Keys: texts(m.Message.Keys), MessageGroup: m.Message.Group.String(), Trace: m.Message.Trace, Encoding: "identity",
		BodySize: len(m.Message.Body), Body: m.Message.Body,
	}
	if m.Message.Encoding == mq.Gzip {
		w.Encoding = "gzip"
	}
	if len(w.Body) > preview {
		w.Body, w.BodyTruncated = w.Body[:preview], true
	}
	for _, p := range m.Message.Properties {
		if w.Properties == nil {
			w.Properties = make(map[string]string, len(m.Message.Properties))
		}
		w.Properties[p.Name] = p.Value
	}
	if o := m.Message.Origin; !o.IsZero() {
		w.Origin = &wire.Origin{Topic: s.logicalTopic(tenant, o.Topic), ID: o.Message.String(), Queue: int32(o.Queue), Offset: int64(o.Offset), Attempts: o.Attempt, Why: o.Why}
	}
	return w
}

// logicalTopic says an engine's name in the tenant's words; another tenant's name is not shown.
func (s *server) logicalTopic(tenant mq.Tenant, p mq.Physical) string {
	if t, ok := s.opt.Plane.TopicNamed(p); ok && t.Tenant == tenant {
		return t.Name.String()
	}
	return "(gone)"
}
