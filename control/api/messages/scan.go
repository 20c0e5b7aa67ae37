// SPDX-License-Identifier: Apache-2.0

package messages

import (
	"strconv"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/scan"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// maxCondition bounds each part of a condition, in bytes.
const maxCondition = 1000

// scanOperations are those that look at messages one by one.
func scanOperations() []door.Operation {
	walk := []door.Parameter{
		{Name: "begin", About: "stored not before; seven days before end at most", Kind: "date-time"},
		{Name: "end", About: "stored before", Kind: "date-time"},
		{Name: "look", About: "messages to look at in this call at most", Kind: "integer", Min: 1, Max: scan.MaxLooked},
		{Name: "cursor", About: "next of the call before", Kind: "string"},
	}
	conditions := append([]door.Parameter{
		{Name: "tag", About: "the message's tag", Kind: "string"},
		{Name: "property", About: "a property that it has, with value", Kind: "string"},
		{Name: "value", About: "of that property", Kind: "string"},
		{Name: "contains", About: "a part of the body, byte for byte", Kind: "string"},
		{Name: "body", About: "bytes to show of each body", Kind: "integer", Max: MaxPreview},
		{Name: "limit", About: "the call ends with the page that has so many", Kind: "integer", Min: 1, Max: control.MaxFound},
	}, walk...)
	return []door.Operation{
		{ID: "scanMessages", Method: "GET", Path: door.OfTopic + "/scan", Summary: "Looks at a topic's messages one by one for what is in them, and tells how far it has come.", Scope: door.InTenant,
			Right: identity.ReadMessage, Query: conditions, Answer: wire.Scan{}, Status: 200, Handle: scanMessages},
		{ID: "deadLetterCauses", Method: "GET", Path: door.OfGroup + "/dead-letters/causes", Summary: "Groups a group's dead letters by what they died of.", Scope: door.InTenant,
			Right: identity.TraceMessage, Query: walk, Answer: wire.DeadLetterCauses{}, Status: 200, Handle: deadLetterCauses},
	}
}

func scanMessages(r *door.Request) (door.Answer, error) {
	tenant, topic, err := r.Topic()
	if err != nil {
		return door.Answer{}, err
	}
	walk, err := walkOf(r)
	if err != nil {
		return door.Answer{}, err
	}
	c, err := conditionOf(r)
	if err != nil {
		return door.Answer{}, err
	}
	preview, err := Preview(r)
	if err != nil {
		return door.Answer{}, err
	}
	enough, err := r.Limit(control.MaxFound, control.MaxFound)
	if err != nil {
		return door.Answer{}, err
	}
	walk.Tenant, walk.Topic = tenant, topic
	found, p, err := scan.Search(r.Context(), r.Plane, walk, c, enough)
	if err != nil {
		return door.Answer{}, err
	}
	out := wire.Scan{Items: make([]wire.Message, 0, len(found)), Progress: showProgress(p)}
	for _, m := range found {
		out.Items = append(out.Items, Show(r, m, Glance{tenant, topic, preview}))
	}
	return door.OK(out)
}

func walkOf(r *door.Request) (w scan.Walk, err error) {
	if w.Begin, err = r.Moment("begin"); err != nil {
		return w, err
	}
	if w.End, err = r.Moment("end"); err != nil {
		return w, err
	}
	q := r.URL.Query()
	if w.Cursor = q.Get("cursor"); q.Has("look") {
		if w.Looks, err = strconv.Atoi(q.Get("look")); err != nil || w.Looks < 1 || w.Looks > scan.MaxLooked {
			return w, door.Bad(string(control.OutOfRange), "look", "look: messages to look at, from 1 to "+strconv.Itoa(scan.MaxLooked))
		}
	}
	return w, nil
}

func conditionOf(r *door.Request) (scan.Condition, error) {
	q := r.URL.Query()
	c := scan.Condition{Tag: q.Get("tag"), Property: q.Get("property"), Value: q.Get("value"), Body: q.Get("contains")}
	if q.Has("property") != q.Has("value") || q.Has("property") && c.Property == "" {
		return c, door.Bad("malformed", "property", "property: goes with value")
	}
	for name, text := range map[string]string{"tag": c.Tag, "property": c.Property, "value": c.Value, "contains": c.Body} {
		if len(text) > maxCondition {
			return c, door.Bad(string(control.OutOfRange), name, name+": at most 1000 bytes")
		}
	}
	return c, nil
}

func showProgress(p scan.Progress) wire.ScanProgress {
	w := wire.ScanProgress{Looked: p.Looked, From: p.From.UTC(), To: p.To.UTC(), Reached: door.Optional(p.Reached), Complete: p.Complete(), Next: p.Cursor}
	if p.Trouble != nil {
		w.Trouble = mq.KindOf(p.Trouble).String()
	}
	return w
}

func deadLetterCauses(r *door.Request) (door.Answer, error) {
	tenant, group, err := r.Group()
	if err != nil {
		return door.Answer{}, err
	}
	if _, err := r.Plane.Group(tenant, group); err != nil {
		return door.Answer{}, err
	}
	walk, err := walkOf(r)
	if err != nil {
		return door.Answer{}, err
	}
	got, err := scan.Causes(r.Context(), r.Plane, scan.Group{Tenant: tenant, Name: group}, walk)
	if err != nil {
		return door.Answer{}, err
	}
	out := wire.DeadLetterCauses{Causes: []wire.DeadLetterCause{}, Others: got.Others, Progress: showProgress(got.Progress)}
	if got.Total >= 0 {
		out.Total = &got.Total
	}
	for _, c := range got.Causes {
		one := wire.DeadLetterCause{Why: c.Why, Topic: logicalTopic(r, tenant, c.Topic), Count: c.Count, First: c.First.UTC(), Last: c.Last.UTC(), MinAttempts: c.Attempts[0], MaxAttempts: c.Attempts[1]}
		for _, s := range c.Samples {
			one.Samples = append(one.Samples, wire.DeadLetterSample{ID: s.ID.String(), Origin: s.Origin.String(), Stored: s.Stored.UTC()})
		}
		out.Causes = append(out.Causes, one)
	}
	return door.OK(out)
}
