// SPDX-License-Identifier: Apache-2.0

package messages

import (
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/trace"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func traceMessage(r *door.Request) (door.Answer, error) {
	tenant, topic, err := r.Topic()
	if err != nil {
		return door.Answer{}, err
	}
	q := trace.Question{Tenant: tenant, Topic: topic, Now: r.Clock.Now()}
	if q.ID, err = mq.ParseMessageID(r.PathValue("id")); err != nil {
		return door.Answer{}, door.In("id", err)
	}
	if p := r.URL.Query(); p.Has("group") {
		g, err := mq.ParseGroupName(p.Get("group"))
		if err != nil {
			return door.Answer{}, door.In("group", err)
		}
		q.Group = &g
	}
	a, err := trace.Ask(r.Context(), r.Plane, r.Witness, q)
	if err != nil {
		return door.Answer{}, err
	}
	out := wire.Trace{ID: q.ID.String(), Topic: topic.String(), More: a.More, Places: []wire.Place{}}
	for _, p := range a.Places {
		out.Places = append(out.Places, showPlace(p))
	}
	out.Events, out.Recorded = make([]wire.TraceEvent, 0, len(a.Events)), make([]wire.TraceRecord, 0, len(a.Recorded))
	for _, e := range a.Events {
		out.Events = append(out.Events, showEvent(e))
	}
	for _, t := range a.Recorded {
		one := wire.TraceRecord{Proxy: t.Proxy, Zone: t.Zone, State: "answered", Began: door.Optional(t.Began), Since: door.Optional(t.Whole), RareSince: door.Optional(t.RareWhole), More: t.More}
		switch {
		case !t.Answered:
			one.State, one.Heard = "silent", door.Optional(t.Heard)
		case t.Off:
			one.State = "off"
		}
		out.Recorded = append(out.Recorded, one)
	}
	return door.OK(out)
}

func showEvent(e trace.Event) wire.TraceEvent {
	w := wire.TraceEvent{
		Kind: e.Kind, At: e.At.UTC(), Source: string(e.Source), Group: e.Group, Application: e.Application, Client: e.Client, Proxy: e.Proxy, Zone: e.Zone, Broker: e.Broker,
		Attempt: e.Attempt, Until: door.Optional(e.Until), Result: e.Result, Detail: e.Detail,
	}
	if e.Offset >= 0 {
		queue, offset := int32(e.Queue), int64(e.Offset)
		w.Queue, w.Offset = &queue, &offset
	}
	return w
}

func showPlace(p trace.Place) wire.Place {
	m := p.Found
	w := wire.Place{
		State: string(m.State), Broker: m.Broker, Queue: int32(m.Queue), Offset: int64(m.Offset), Stored: m.StoredAt.UTC(), Due: door.Optional(m.Due), Why: p.Why, Groups: []wire.Fate{},
	}
	for _, f := range p.Fates {
		one := wire.Fate{Group: f.Group.String(), State: string(f.State), Attempt: f.Attempt, Until: door.Optional(f.Until), Ahead: f.Ahead, Why: f.Why}
		if f.Dead != nil {
			one.State, one.DeadLetter = "dead", f.Dead.Message.ID.String()
		}
		w.Groups = append(w.Groups, one)
	}
	return w
}
