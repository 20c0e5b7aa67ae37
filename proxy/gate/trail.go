// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/seal"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// What a door does with messages is remembered for those who trace one. Only what the engine was asked to do is: a request that the door itself refuses is its caller's to hear.

// scope is who calls, about which topic.
func (c *Caller) scope(t *catalog.Topic) trail.Scope {
	s := trail.Scope{Owner: t.Tenant, Tenant: c.Tenant, Client: c.Client, Topic: t.Topic.Name}
	if t.Lent != nil {
		s.Owner = t.Lent.Owner
	}
	if c.App != nil {
		s.App = c.App.Name
	}
	return s
}

// scopeOf is who calls, about which group's messages.
func (c *Caller) scopeOf(h holding) trail.Scope {
	s := c.scope(h.topic)
	s.Group = h.group.Name
	return s
}

// now is the time for what is remembered; nobody looks at a clock for nothing.
func (d *Door) now() time.Time {
	if !d.ports.Trail.On() {
		return time.Time{}
	}
	return d.ports.Clock.Now()
}

// noteSent remembers a batch that was sent from a time on.
func (d *Door) noteSent(c *Caller, t *catalog.Topic, began time.Time, sends sends) {
	if !d.ports.Trail.On() {
		return
	}
	scope, took := c.scope(t), d.now().Sub(began)
	for i := range sends.sent {
		m, s := &sends.batch[i], &sends.sent[i]
		e := trail.Event{Kind: trail.Stored, ID: m.ID, At: began, Took: took, Broker: s.Broker, Queue: s.Queue, Offset: s.Offset}
		switch m.Type {
		case mq.Delay:
			e.Kind, e.Until, e.Offset = trail.Scheduled, m.DeliverAt, -1
		case mq.Transaction:
			e.Kind, e.Offset = trail.Prepared, -1
		}
		if e.Failed(s.Err); s.Err != nil {
			e.Offset = -1
		}
		d.ports.Trail.Note(&scope, &e)
	}
}

// sends is a batch with what became of each of its messages.
type sends struct {
	batch []mq.Message
	sent  []mq.Sent
}

// noteDeliveries remembers messages that were handed out, or could not be.
func (d *Door) noteDeliveries(c *Caller, h holding, granted []mq.Delivery, kind trail.Kind) {
	if !d.ports.Trail.On() {
		return
	}
	scope, now := c.scopeOf(h), d.now()
	for i := range granted {
		g := &granted[i]
		e := trail.Event{Kind: kind, ID: g.Message.ID, At: now, Broker: g.Broker, Queue: g.Queue, Offset: g.Offset, Attempt: g.Attempt}
		if kind == trail.Delivered {
			e.Until = g.Lease.Until
		}
		d.ports.Trail.Note(&scope, &e)
	}
}

// notePulled remembers messages that were read by offset.
func (d *Door) notePulled(c *Caller, h holding, read []mq.Stored) {
	if !d.ports.Trail.On() {
		return
	}
	scope, now := c.scopeOf(h), d.now()
	for i := range read {
		d.ports.Trail.Note(&scope, &trail.Event{Kind: trail.Pulled, ID: read[i].Message.ID, At: now, Broker: read[i].Broker, Queue: read[i].Queue, Offset: read[i].Offset})
	}
}

// noteSettled remembers what a consumer decided about a message that it had, by the receipt that it showed. Until is the zero time where nothing is left to wait for.
func (d *Door) noteSettled(s *trail.Scope, kind trail.Kind, r *seal.Receipt, out outcome) {
	e := trail.Event{Kind: kind, ID: r.Message, At: out.at, Offset: -1, Attempt: r.Attempt, Until: out.until}
	e.Failed(out.err)
	d.ports.Trail.Note(s, &e)
}

// outcome is how it went.
type outcome struct {
	at, until time.Time
	err       error
}

// noteVerdict remembers what became of a message that was not in its topic yet.
func (d *Door) noteVerdict(c *Caller, t *catalog.Topic, e trail.Event) {
	if !d.ports.Trail.On() {
		return
	}
	scope := c.scope(t)
	e.At, e.Offset = d.now(), -1
	d.ports.Trail.Note(&scope, &e)
}

// noteWanted remembers with which filter a consumer asks.
func (d *Door) noteWanted(c *Caller, h holding, f mq.Filter) {
	if !d.ports.Trail.On() {
		return
	}
	scope := c.scopeOf(h)
	d.ports.Trail.Wanted(&scope, f)
}
