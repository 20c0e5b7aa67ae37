// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// The events of a message, from three sources. Proxies remember what passed them, for as long as they have room. What is stored tells when it was, without an end but that of the retention: that a message was
// stored, that a group gave it up, that it was sent back. And what nobody does or notes, that a filter holds a message back, is judged: from the message, and from the filters with which
// the group's consumers asked in that time.
//
// What no source tells is not in the list, which does not mean that it did not happen: each proxy says from when on what it told is whole.

// Source is where an event is known from.
type Source string

// The sources.
const (
	Recorded Source = "proxy"  // a proxy did it and remembers
	Stored   Source = "store"  // what is stored tells
	Judged   Source = "judged" // it follows from the message and the group's filters
)

// Kinds of event beside those that proxies remember.
const (
	Produced     = "produced"
	DeadLettered = "dead-lettered"
	Redriven     = "redriven"
	Filtered     = "filtered"
)

// Event is one thing that happened to the message.
type Event struct {
	Kind        string
	At          time.Time
	Source      Source
	Group       string
	Application string
	Client      string
	Proxy, Zone string
	Broker      string
	Queue       mq.QueueID
	Offset      mq.Offset // -1: none
	Attempt     int
	Until       time.Time
	Result      string // "" when it was done: what it was refused with, or that nobody knows
	Detail      string // for people; "" where the rest says all
}

// Witness asks proxies what they remember of a message. It answers within seconds, whatever proxies do.
type Witness func(ctx context.Context, q trail.Question) []trail.Testimony

// events merges what is known.
func (t *tracing) events(a *Answer) {
	for i := range a.Recorded {
		for _, s := range a.Recorded[i].Events {
			t.recorded(&a.Recorded[i], s)
		}
	}
	for _, p := range a.Places {
		t.stored(p.Found)
	}
	for _, d := range t.letters {
		o := d.found.Message.Origin
		t.all = append(t.all, Event{
			Kind: DeadLettered, At: d.found.StoredAt, Source: Stored, Group: d.group.String(), Broker: d.found.Broker, Queue: d.found.Queue, Offset: d.found.Offset, Attempt: o.Attempt,
			Detail: "a dead letter of the group since then: " + o.Why,
		})
	}
	for _, p := range a.Places {
		for _, f := range p.Fates {
			t.filtered(a, p.Found, f)
		}
	}
	if t.q.Group != nil {
		t.all = slices.DeleteFunc(t.all, func(e Event) bool { return e.Group != "" && e.Group != t.q.Group.String() })
	}
	slices.SortStableFunc(t.all, func(a, b Event) int { return a.order().Compare(b.order()) })
	a.Events = t.all
	a.agree()
}

// agree lets the sentences of engines that do not tell of acknowledgements say what proxies recorded, which they do by the message and not by its place: of one that was
// stored twice nobody knows which was meant. The state stays what the engine told.
func (a *Answer) agree() {
	if len(a.Places) != 1 {
		return
	}
	for i := range a.Places[0].Fates {
		f := &a.Places[0].Fates[i]
		if f.State == mq.FateTaken && f.Dead == nil && slices.ContainsFunc(a.Events, func(e Event) bool { return e.settles(f.Group) }) {
			f.Why = "it was delivered, and a proxy remembers that it was acknowledged"
		}
	}
}

// settles tells whether it is the acknowledgement of a group.
func (e Event) settles(group mq.GroupName) bool {
	return e.Kind == trail.Acked.String() && e.Result == "" && e.Group == group.String()
}

// order is the time by which an event is sorted. Stores know milliseconds: what a store tells happened at their end where it follows from what a proxy did, at their beginning where that follows from it.
func (e Event) order() time.Time {
	if e.Source != Recorded && (e.Kind == DeadLettered || e.Kind == Filtered) {
		return e.At.Add(time.Millisecond - time.Microsecond)
	}
	return e.At
}

// recorded adds what a proxy remembers. A send is told as what the producer did and what became of the message with it.
func (t *tracing) recorded(by *trail.Testimony, s trail.Seen) {
	e := Event{
		Kind: s.Kind.String(), At: s.At, Source: Recorded, Group: s.Group.String(), Application: s.App, Client: s.Client, Proxy: by.Proxy, Zone: by.Zone, Broker: s.Broker, Queue: s.Queue,
		Offset: s.Offset, Attempt: s.Attempt, Until: s.Until, Result: resultOf(s),
	}
	if s.Borrower {
		e.Detail = "by a tenant that borrows the topic"
	}
	if s.Kind.Sent() {
		sent := e
		sent.Kind, sent.Broker, sent.Offset, sent.Until = Produced, "", -1, time.Time{}
		t.all = append(t.all, sent)
		if e.Result != "" {
			return
		}
		e.At, e.Application, e.Client = s.At.Add(s.Took), "", ""
	}
	switch s.Kind {
	case trail.Checked:
		e.Detail = "this client was asked how the transaction ended"
	case trail.Committed, trail.RolledBack:
		if e.Attempt = 0; s.ByCheck {
			e.Detail = "the answer to a check"
		}
	case trail.Returned:
		e.Detail = "its consumer was gone before it had the message: whoever asks next gets it"
	case trail.Forwarded:
		e.Detail = "its consumer gave it up"
	case trail.Changed:
		if e.Detail = "it comes back then, unless it is acknowledged before"; e.Result == "" && !s.Until.After(s.At.Add(time.Millisecond)) {
			e.Until, e.Detail = time.Time{}, "it comes back at once"
		}
	}
	t.all = append(t.all, e)
}

func resultOf(s trail.Seen) string {
	switch {
	case s.Unknown:
		return "unknown: " + s.Result.String()
	case s.Result != 0:
		return "refused: " + s.Result.String()
	}
	return ""
}

// stored adds what a place of the message tells, where no proxy does.
func (t *tracing) stored(m mq.Found) {
	e := Event{Kind: trail.Stored.String(), At: m.StoredAt, Source: Stored, Broker: m.Broker, Queue: m.Queue, Offset: m.Offset}
	switch {
	case m.State == mq.FoundScheduled:
		e.Kind, e.Until, e.Offset = trail.Scheduled.String(), m.Due, -1
	case m.State == mq.FoundHalf:
		e.Kind, e.Offset = trail.Prepared.String(), -1
	case !m.Message.Origin.IsZero() && m.Topic == m.Message.Origin.Topic:
		e.Kind, e.Detail = Redriven, "sent back from the dead letters"
	}
	known := slices.ContainsFunc(t.all, func(k Event) bool {
		return k.Kind == e.Kind && k.Source == Recorded && (k.Offset < 0 || k.Offset == e.Offset && k.Queue == e.Queue && (k.Broker == e.Broker || k.Broker == "" || e.Broker == ""))
	})
	if !known {
		t.all = append(t.all, e)
	}
}

// filtered adds that a group's filters held a message back: the group is past it, no consumer was given it, and every filter with which one asked since it was stored lets it pass by. That is judged only where
// every proxy that there was remembers the filters of all that time.
func (t *tracing) filtered(a *Answer, m mq.Found, f Fate) {
	if m.State != mq.FoundStored || f.Dead != nil || f.State != mq.FateSettled && f.State != mq.FateTaken {
		return
	}
	delivered := func(e Event) bool {
		return e.Group == f.Group.String() && (e.Kind == trail.Delivered.String() || e.Kind == trail.Pulled.String())
	}
	if slices.ContainsFunc(t.all, delivered) {
		return
	}
	var since time.Time
	var texts []string
	for i := range a.Recorded {
		by := &a.Recorded[i]
		if !by.Answered || by.Off || by.WantsWhole.After(m.StoredAt) {
			return
		}
		for _, w := range by.Wants {
			if w.Group != f.Group || w.Last.Before(m.StoredAt) {
				continue
			}
			if passes(w.Filter, m.Message) {
				return
			}
			if since.IsZero() || w.First.Before(since) {
				since = w.First
			}
			if text := w.Filter.Expression; !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
	}
	if len(texts) == 0 {
		return
	}
	slices.Sort(texts)
	if since.Before(m.StoredAt) {
		since = m.StoredAt
	}
	for _, e := range t.all { // its producer had the answer a little later
		if e.Kind == trail.Stored.String() && e.Offset == m.Offset && e.Queue == m.Queue && since.Before(e.At) {
			since = e.At
		}
	}
	t.all = append(t.all, Event{
		Kind: Filtered, At: since, Source: Judged, Group: f.Group.String(), Broker: m.Broker, Queue: m.Queue, Offset: m.Offset,
		Detail: fmt.Sprintf("the group's filter does not let it pass: %s", strings.Join(texts, "; ")),
	})
}

// passes is true where it is not known.
func passes(f mq.Filter, m mq.Message) bool {
	if f.All() {
		return true
	}
	c, err := filter.Compile(f)
	if err != nil {
		return true
	}
	ok, err := c.Match(filter.Message(&m))
	return ok && err == nil
}

// letterOf is a dead letter with whose it is.
type letterOf struct {
	group mq.GroupName
	found mq.Found
}

// lettersOf finds every dead letter that the message became for a group, by its id, and with it those that a search by time had found.
func lettersOf(ctx context.Context, l Looker, q Question, places []Place) (all []letterOf, err error) {
	seen := map[mq.GroupName]bool{}
	for _, p := range places {
		for _, f := range p.Fates {
			if f.Dead == nil {
				continue
			}
			all = append(all, letterOf{f.Group, *f.Dead})
			if seen[f.Group] {
				continue
			}
			seen[f.Group] = true
			page, err := l.Find(ctx, q.Tenant, mq.DeadLetters(f.Group), mq.Find{ID: q.ID})
			if err != nil {
				return nil, err
			}
			for _, d := range page.Messages {
				if o := d.Message.Origin; o.Message == q.ID && o.Topic == p.Found.Topic {
					all = append(all, letterOf{f.Group, d})
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b letterOf) int {
		return cmp.Or(cmp.Compare(a.group.String(), b.group.String()), a.found.StoredAt.Compare(b.found.StoredAt), cmp.Compare(a.found.Broker, b.found.Broker),
			cmp.Compare(a.found.Queue, b.found.Queue), cmp.Compare(a.found.Offset, b.found.Offset))
	})
	return slices.CompactFunc(all, func(a, b letterOf) bool {
		return a.group == b.group && a.found.Broker == b.found.Broker && a.found.Queue == b.found.Queue && a.found.Offset == b.found.Offset
	}), nil
}
