// SPDX-License-Identifier: Apache-2.0

// Package demo fills a new installation with two tenants that look as if somebody had worked with them.
//
// Each thing that the command line shows is there once: a backlog, dead letters with different causes, messages that were given back, one that waits for its time, an ordered
// topic, a transaction that was committed. It is made with the same use cases and ports as everything else, and goes as any tenant goes: by its deletion.
//
// What is there already is left, and no message is sent to a topic that holds one: a demo that was cut short is finished by the next start.
package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/consume"
	"github.com/causeway-mq/causeway/proxy/produce"
)

// Engine is what the demo asks of an engine.
type Engine interface {
	produce.Store
	consume.Leaser
}

// Demo makes the demo. All fields are required.
type Demo struct {
	Plane  *control.Plane
	Engine Engine
	Clock  clock.Clock
}

// record is the kind of the document that tells how far the demo is, the installation's own.
const record control.RecordKind = "demo"

const (
	making = `{"state":"making"}`
	made   = `{"state":"made"}`
)

// Tenants are the names of the demo's tenants.
func Tenants() []string { return []string{"shop", "payments"} }

func itself() control.Actor { return control.Itself("demo") }

// Begun tells whether the demo was ever begun here.
func (d Demo) Begun() bool {
	_, err := d.Plane.Document(control.Ref{Kind: record, Name: "demo"})
	return err == nil
}

// Wanted tells whether the demo is to be made: in an installation in which nobody has made anything, and where it was begun and cut short. fresh says that the data directory was
// empty.
func (d Demo) Wanted(fresh bool) bool {
	if was, err := d.Plane.Document(control.Ref{Kind: record, Name: "demo"}); err == nil {
		return was.Body == making
	}
	if !fresh || len(d.Plane.Tenants()) != 1 {
		return false
	}
	for _, t := range d.Plane.Tenants() {
		if d.Plane.Holds(t.ID) > 0 {
			return false
		}
	}
	return true
}

// Make makes the demo.
func (d Demo) Make(ctx context.Context) error {
	doc := control.Document{Kind: record, Name: "demo", Body: making}
	if was, err := d.Plane.Document(doc.Ref()); err == nil {
		doc = was
	} else if doc, err = d.Plane.AddDocument(ctx, itself(), doc, func() error { return nil }); err != nil {
		return err
	}
	for _, s := range stories() {
		if err := d.tell(ctx, s); err != nil {
			return mq.During("demo tenant "+s.tenant, err)
		}
	}
	doc.Body = made
	_, err := d.Plane.ChangeDocument(ctx, itself(), "finish", doc)
	return err
}

// tell makes a tenant with all that it has.
func (d Demo) tell(ctx context.Context, s story) error {
	tenant, err := mq.ParseTenant(s.tenant)
	if err != nil {
		return err
	}
	if _, err := d.Plane.CreateTenant(ctx, itself(), control.Tenant{ID: tenant, Note: s.note}); unless(err) != nil {
		return err
	}
	for _, a := range s.apps {
		if err := d.app(ctx, tenant, a); err != nil {
			return err
		}
	}
	for _, t := range s.topics {
		if err := d.topic(ctx, tenant, t); err != nil {
			return err
		}
	}
	return nil
}

// unless forgives that a thing is there already.
func unless(err error) error {
	if refusal.Because(err, control.Exists) {
		return nil
	}
	return err
}

func (d Demo) app(ctx context.Context, tenant mq.Tenant, a app) error {
	name, err := control.ParseApplicationName(a.name)
	if err != nil {
		return err
	}
	rights := control.Rights{}
	if rights.Publish, err = names(a.publish, mq.ParseTopicName); err != nil {
		return err
	}
	if rights.Read, err = names(a.read, mq.ParseTopicName); err != nil {
		return err
	}
	if rights.Consume, err = names(a.consume, mq.ParseGroupName); err != nil {
		return err
	}
	_, _, err = d.Plane.CreateApplication(ctx, itself(), control.Application{Tenant: tenant, Name: name, Rights: rights, Note: a.note})
	return unless(err)
}

// names reads names that are apart by spaces.
func names[T any](text string, parse func(string) (T, error)) (all []T, err error) {
	for _, s := range strings.Fields(text) {
		one, err := parse(s)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// topic makes a topic with the groups that read it, sends its messages, and lets the groups do their part.
func (d Demo) topic(ctx context.Context, tenant mq.Tenant, t topic) error {
	name, err := mq.ParseTopicName(t.name)
	if err != nil {
		return err
	}
	_, err = d.Plane.CreateTopic(ctx, itself(), control.NewTopic{Tenant: tenant, Name: name, Accepts: mq.AcceptsOf(t.kind), Queues: 4, Note: t.note})
	if unless(err) != nil {
		return err
	}
	topic, err := d.Plane.Topic(tenant, name)
	if err != nil {
		return err
	}
	var groups []control.Group
	for _, r := range t.readers {
		g, err := d.group(ctx, tenant, r, t.kind == mq.FIFO)
		if err != nil {
			return err
		}
		groups = append(groups, g)
	}
	if page, err := d.Plane.Find(ctx, tenant, name, mq.Find{Limit: 1}); err != nil || len(page.Messages) > 0 {
		return err
	}
	if err := d.send(ctx, topic.Spec, t); err != nil {
		return err
	}
	for i, r := range t.readers {
		if err := d.read(ctx, topic.Spec, groups[i].Spec, r); err != nil {
			return mq.During("group "+r.group, err)
		}
	}
	return nil
}

func (d Demo) group(ctx context.Context, tenant mq.Tenant, r reader, ordered bool) (control.Group, error) {
	name, err := mq.ParseGroupName(r.group)
	if err != nil {
		return control.Group{}, err
	}
	_, err = d.Plane.CreateGroup(ctx, itself(), control.NewGroup{Tenant: tenant, Name: name, Ordered: ordered, Start: &mq.Start{Kind: mq.StartEarliest}, Note: r.note})
	if unless(err) != nil {
		return control.Group{}, err
	}
	return d.Plane.Group(tenant, name)
}

func (d Demo) send(ctx context.Context, to mq.Topic, t topic) error {
	var batch []mq.Message
	for i, text := range t.bodies {
		m, err := d.message(t, i, text)
		if err != nil {
			return err
		}
		batch = append(batch, m)
	}
	for _, s := range d.Engine.Send(ctx, to, batch) {
		if s.Err != nil {
			return s.Err
		}
		if t.kind == mq.Transaction {
			if err := d.Engine.Settle(ctx, to, s.Half, mq.Commit, mq.ByProducer); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d Demo) message(t topic, i int, text string) (m mq.Message, err error) {
	now := d.Clock.Now()
	m = mq.Message{Type: t.kind, Body: []byte(text), Born: now, BornHost: "demo"}
	if m.ID, err = mq.ParseMessageID(rand.Text()); err != nil {
		return m, err
	}
	key, err := mq.ParseKey(fmt.Sprintf("%s-%d", t.key, t.first+i))
	if err != nil {
		return m, err
	}
	m.Keys = []mq.Key{key}
	switch t.kind {
	case mq.FIFO:
		m.Group, err = mq.ParseMessageGroup(t.groups[i%len(t.groups)])
	case mq.Delay:
		m.DeliverAt = now.Add(time.Duration(i+1) * t.after)
	}
	return m, err
}

// read takes messages for a group: some are settled, some given up as dead, some given back for another attempt. What is left is its backlog.
func (d Demo) read(ctx context.Context, t mq.Topic, g mq.Group, r reader) error {
	hold, err := mq.ParseHold(time.Minute)
	if err != nil {
		return err
	}
	for n := r.done + len(r.dead) + r.back; n > 0; {
		got, err := d.Engine.Take(ctx, mq.Want{Topic: t, Group: g, Queue: mq.AnyQueue, Max: min(n, mq.MaxReceive), Hold: hold, Attempt: mq.AttemptID(rand.Text())})
		if err != nil || len(got) == 0 {
			return err
		}
		n -= len(got)
		for _, one := range got {
			if err := d.settle(ctx, one.Lease, &r); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle does with one message what the reader has left to do.
func (d Demo) settle(ctx context.Context, l mq.Lease, r *reader) error {
	switch {
	case len(r.dead) > 0:
		why := r.dead[0]
		r.dead = r.dead[1:]
		return d.Engine.DeadLetter(ctx, []mq.Lease{l}, why)[0]
	case r.done > 0:
		r.done--
		return d.Engine.Ack(ctx, []mq.Lease{l})[0]
	}
	r.back--
	return d.Engine.Extend(ctx, []mq.Lease{l}, 0, mq.Replace)[0].Err
}
