// SPDX-License-Identifier: Apache-2.0

// Package post sends messages for people: one that they write, or one that is stored, again.
//
// A message is judged as a proxy judges it. The audit has its id, its size and what it was made of, never what is in it. What is sent from here passes no
// proxy, so that no figures of proxies count it.
package post

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/redrive"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// MaxBody bounds the body of a message that somebody writes, in bytes; one that is sent again has the limit of every message.
const MaxBody = 512 << 10

// callTime bounds a send.
const callTime = 10 * time.Second

// Verb is what the audit calls a send, and the right that it needs.
const Verb control.Verb = "message.send"

// Office sends. Its methods are safe for concurrent use.
type Office struct {
	Plane *control.Plane
	Now   func() time.Time
}

// Place is where a message goes.
type Place struct {
	Tenant mq.Tenant
	Topic  mq.TopicName
}

// Letter is a message as somebody writes it.
type Letter struct {
	Body       []byte
	Keys       []mq.Key
	Tag        mq.Tag
	Properties map[string]string
	DeliverAt  time.Time       // zero: at once
	Group      mq.MessageGroup // none: in no order
}

// Sent is a message that was stored.
type Sent struct {
	ID     mq.MessageID
	Type   mq.MessageType
	Broker string
	Queue  mq.QueueID
	Offset mq.Offset // -1 while it waits for its time
	Due    time.Time // zero: it does not wait
}

// target is a topic that can be sent to.
type target struct {
	control.Topic
	at *site.Site
}

// to finds a topic with its cluster.
func (o Office) to(p Place) (target, error) {
	t, err := o.Plane.Topic(p.Tenant, p.Topic)
	if err != nil {
		return target{}, err
	}
	if !t.State.Visible() {
		return target{}, mq.Refuse(mq.TopicNotFound, "no topic %q", p.Topic)
	}
	owner, err := o.Plane.Tenant(p.Tenant)
	if err != nil {
		return target{}, err
	}
	if owner.Disabled {
		return target{}, mq.Refuse(mq.Conflict, "tenant %q is switched off: nobody sends there", p.Tenant)
	}
	at, err := o.Plane.Site(t.Spec.Cluster)
	if err == nil && at.Courier == nil {
		err = mq.Refuse(mq.Unsupported, "this process reaches no engine to send with")
	}
	return target{t, at}, err
}

// Send sends what somebody wrote.
func (o Office) Send(ctx context.Context, by control.Actor, to Place, l Letter) (Sent, error) {
	t, err := o.to(to)
	if err != nil {
		return Sent{}, err
	}
	m, err := o.write(l, t)
	if err != nil {
		return Sent{}, err
	}
	return o.send(ctx, by, t, m)
}

// write makes a message of a letter, or says why it cannot be one.
func (o Office) write(l Letter, t target) (mq.Message, error) {
	now := o.Now()
	m := mq.Message{ID: newID(), Type: mq.Normal, Tag: l.Tag, Keys: l.Keys, Group: l.Group, Born: now, Encoding: mq.Identity, Body: l.Body}
	switch {
	case len(l.Body) == 0:
		return m, refusal.New("", mq.BodyEmpty, "body: a message has one").On("body")
	case len(l.Body) > MaxBody:
		return m, refusal.New(refusal.OutOfRange, mq.BodyTooLarge, "body: %d bytes, the limit here is %d; programs send more by a proxy", len(l.Body), MaxBody).On("body").Beyond(fmt.Sprint(MaxBody))
	case !l.DeliverAt.IsZero() && l.Group != (mq.MessageGroup{}):
		return m, refusal.New("", mq.TypeConflict, "messageGroup: what waits for its time has no order").On("messageGroup")
	case l.Group != mq.MessageGroup{}:
		m.Type = mq.FIFO
	case !l.DeliverAt.IsZero():
		m.Type, m.DeliverAt = mq.Delay, l.DeliverAt
		if limit := min(mq.MaxDelay, t.at.Courier.Traits().MaxDelay); l.DeliverAt.Sub(now) > limit {
			return m, refusal.New(refusal.OutOfRange, mq.IllegalDeliveryTime, "deliverAt: at most %v from now", limit).On("deliverAt").Beyond(limit.String())
		}
	}
	if !t.Spec.Accepts.Has(m.Type) {
		return m, refusal.New("", mq.TypeConflict, "the message is of type %s, topic %s accepts %s", m.Type, t.Name, accepted(t.Spec.Accepts)).On("type")
	}
	for name, value := range l.Properties {
		if err := mq.CheckProperty(name, value); err != nil {
			return m, err
		}
		m.Properties = append(m.Properties, mq.Property{Name: name, Value: value})
	}
	return m, tidy(&m)
}

func accepted(a mq.Accepts) string {
	var names []string
	for _, t := range a.Types() {
		names = append(names, t.String())
	}
	return strings.Join(names, ", ")
}

// tidy sorts a message's properties and holds them against their limits.
func tidy(m *mq.Message) error {
	slices.SortFunc(m.Properties, func(a, b mq.Property) int { return strings.Compare(a.Name, b.Name) })
	size := len(m.Tag.String())
	for _, k := range m.Keys {
		size += len(k.String())
	}
	for _, p := range m.Properties {
		size += len(p.Name) + len(p.Value)
	}
	switch {
	case len(m.Properties) > mq.MaxProperties:
		return refusal.New(refusal.OutOfRange, mq.PropertiesTooLarge, "properties: %d, the limit is %d", len(m.Properties), mq.MaxProperties).On("properties").Beyond(fmt.Sprint(mq.MaxProperties))
	case size > mq.MaxPropertyBytes:
		return refusal.New(refusal.OutOfRange, mq.PropertiesTooLarge, "keys, tag and properties have %d bytes, the limit is %d", size, mq.MaxPropertyBytes).On("properties").Beyond(fmt.Sprint(mq.MaxPropertyBytes))
	}
	return nil
}

// newID is an id that no message has, as clients make them.
func newID() mq.MessageID {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails: the process ends first
	id, _ := mq.ParseMessageID(fmt.Sprintf("01%X", raw))
	return id
}

// Resend sends a stored message of a topic again, as a new one that names it. It is delivered at once: neither its delay nor its transaction begins again.
func (o Office) Resend(ctx context.Context, by control.Actor, of Place, id mq.MessageID) (Sent, error) {
	t, err := o.to(of)
	if err != nil {
		return Sent{}, err
	}
	page, err := o.Plane.Find(ctx, of.Tenant, of.Topic, mq.Find{ID: id, Limit: 1})
	if err != nil {
		return Sent{}, err
	}
	if len(page.Messages) == 0 {
		return Sent{}, mq.Refuse(mq.MessageNotFound, "no message %s in topic %s", id, of.Topic)
	}
	was := page.Messages[0]
	if was.State != mq.FoundStored {
		return Sent{}, mq.Refuse(mq.Conflict, "message %s is %s: nobody was given it yet, so there is nothing to send again", id, was.State)
	}
	m := redrive.Fresh(was.Message)
	m.ID, m.Born, m.Origin = newID(), o.Now(), mq.Origin{}
	m.Properties = append(slices.DeleteFunc(slices.Clone(m.Properties), func(p mq.Property) bool { return p.Name == mq.ResentOf }), mq.Property{Name: mq.ResentOf, Value: id.String()})
	if err := tidy(&m); err != nil {
		return Sent{}, err
	}
	return o.send(ctx, by, t, m)
}

// note is what the audit has of a message.
type note struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Bytes    int    `json:"bytes"`
	ResentOf string `json:"resentOf,omitempty"`
	Due      string `json:"due,omitempty"`
}

// send stores a message. Its outcome is waited for though the caller may be gone, so that the audit has it.
func (o Office) send(ctx context.Context, by control.Actor, t target, m mq.Message) (Sent, error) {
	out := Sent{ID: m.ID, Type: m.Type, Due: m.DeliverAt}
	n := note{ID: m.ID.String(), Type: m.Type.String(), Bytes: len(m.Body)}
	n.ResentOf, _ = m.Property(mq.ResentOf)
	if !m.DeliverAt.IsZero() {
		n.Due = m.DeliverAt.UTC().Format(time.RFC3339Nano)
	}
	err := o.Plane.Audited(ctx, control.Entry{Actor: by, Action: Verb, Target: t.Ref()}, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
		defer cancel()
		sent := t.at.Courier.Send(ctx, t.Spec, []mq.Message{m})[0]
		out.Broker, out.Queue, out.Offset = sent.Broker, sent.Queue, sent.Offset
		return n, sent.Err
	})
	return out, control.During("send", err)
}
