// SPDX-License-Identifier: Apache-2.0

// Package trace tells where a message is, why a group has not consumed it, and what happened to it.
//
// Where it is comes from the live state alone: what is stored, scheduled, or waits for its transaction's end; for each group of the tenant, what
// became of the message; which groups have it among their dead letters. That is complete for as long as the topic keeps the message. What it does not tell is what left no
// mark in a store, such as the moment of an acknowledgement: that is told by events, see events.go. A state is never derived from events, which may be forgotten.
package trace

import (
	"context"
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// Bounds of one trace.
const (
	MaxGroups  = 50   // whose state is asked for, where none is named
	MaxLetters = 1000 // dead letters of a group that are looked through
)

// Looker is what a trace asks of the control plane.
type Looker interface {
	Find(ctx context.Context, tenant mq.Tenant, topic mq.TopicName, f mq.Find) (mq.Page, error)
	Group(tenant mq.Tenant, name mq.GroupName) (control.Group, error)
	Groups(tenant mq.Tenant) ([]control.Group, error)
	Fate(ctx context.Context, g control.Group, topic mq.TopicName, at mq.Place) (mq.Fate, error)
	// Readable is a topic of the tenant's own.
	Readable(tenant mq.Tenant, name mq.TopicName) (mq.Topic, error)
}

// Question names a message.
type Question struct {
	Tenant mq.Tenant
	Topic  mq.TopicName
	ID     mq.MessageID
	Now    time.Time
	Group  *mq.GroupName // nil: every group of the tenant that has to do with the topic, MaxGroups at most
}

// Answer is where it is. A message that was sent twice under one id has several places.
type Answer struct {
	Places   []Place
	More     bool              // the tenant has more groups than were asked: name one
	Events   []Event           // in the order of time
	Recorded []trail.Testimony // of each proxy
}

// Place is one place of the message with what became of it there.
type Place struct {
	Found mq.Found
	Why   string // of a message that no group can have yet; "" of a stored one
	Fates []Fate
}

// Fate is what became of the message for one group.
type Fate struct {
	Group mq.GroupName
	mq.Fate
	Dead *mq.Found // the dead letter that it became; nil for none
	Why  string    // one sentence for people
}

// tracing is one trace in the making.
type tracing struct {
	q       Question
	letters []letterOf
	all     []Event
}

// Ask looks, and asks proxies meanwhile; w is nil where there are none. MessageNotFound when the topic holds no message of that id and no proxy remembers one.
func Ask(ctx context.Context, l Looker, w Witness, q Question) (Answer, error) {
	topic, err := l.Readable(q.Tenant, q.Topic)
	if err != nil {
		return Answer{}, err
	}
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	told := make(chan []trail.Testimony, 1)
	if w == nil {
		told <- nil
	} else {
		go func() { told <- w(asking, trail.Question{Tenant: q.Tenant, Topic: topic.Name, Message: q.ID}) }()
	}
	a, err := look(ctx, l, q)
	if err != nil {
		cancel()
		<-told
		return Answer{}, err
	}
	t := tracing{q: q}
	if t.letters, err = lettersOf(ctx, l, q, a.Places); err != nil {
		cancel()
		<-told
		return Answer{}, err
	}
	a.Recorded = <-told
	t.events(&a)
	if len(a.Places) == 0 && len(a.Events) == 0 {
		return Answer{}, mq.Refuse(mq.MessageNotFound, "topic %q holds no message %s: it was never sent there, was rolled back or recalled, or its retention is over", q.Topic, q.ID)
	}
	return a, nil
}

// look is the live state.
func look(ctx context.Context, l Looker, q Question) (Answer, error) {
	page, err := l.Find(ctx, q.Tenant, q.Topic, mq.Find{ID: q.ID})
	if err != nil {
		return Answer{}, err
	}
	groups, more, err := groupsOf(l, q)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{More: more}
	for _, m := range page.Messages {
		p := Place{Found: m, Why: notYet(m)}
		for _, g := range groups {
			if p.Why != "" {
				break
			}
			f, ok, err := fateOf(ctx, l, q, g, m)
			if err != nil {
				return Answer{}, err
			}
			if ok {
				p.Fates = append(p.Fates, f)
			}
		}
		a.Places = append(a.Places, p)
	}
	return a, nil
}

func groupsOf(l Looker, q Question) (some []control.Group, more bool, err error) {
	if q.Group != nil {
		g, err := l.Group(q.Tenant, *q.Group)
		return []control.Group{g}, false, err
	}
	all, err := l.Groups(q.Tenant)
	for _, g := range all {
		if !g.State.Visible() {
			continue
		}
		if len(some) == MaxGroups {
			return some, true, err
		}
		some = append(some, g)
	}
	return some, false, err
}

// notYet says why no group can have a message that is not in its topic yet.
func notYet(m mq.Found) string {
	switch m.State {
	case mq.FoundScheduled:
		return "it is scheduled, and delivered at " + m.Due.UTC().Format(time.RFC3339)
	case mq.FoundHalf:
		return "its transaction is neither committed nor rolled back: its producer is asked until there is a verdict"
	}
	return ""
}

// fateOf is false for a group that has nothing to do with the topic.
func fateOf(ctx context.Context, l Looker, q Question, g control.Group, m mq.Found) (Fate, bool, error) {
	f := Fate{Group: g.Name}
	var err error
	if f.Fate, err = l.Fate(ctx, g, q.Topic, mq.Place{Broker: m.Broker, Queue: m.Queue, Offset: m.Offset}); err != nil {
		return f, false, err
	}
	if f.State == mq.FateUnknown && q.Group == nil {
		return f, false, nil
	}
	if f.State == mq.FateSettled || f.State == mq.FateTaken {
		if f.Dead, err = letter(ctx, l, q, g.Name, m); err != nil {
			return f, false, err
		}
	}
	f.Why = f.why()
	if g.Paused && f.State != mq.FateSettled && f.Dead == nil {
		f.Why = "the group is paused, so that nothing is handed out; " + f.Why
	}
	return f, true, nil
}

// letter finds the dead letter that a message became.
func letter(ctx context.Context, l Looker, q Question, g mq.GroupName, m mq.Found) (*mq.Found, error) {
	find := mq.Find{Begin: m.StoredAt}
	if begin := q.Now.Add(-control.MaxWindow); find.Begin.Before(begin) {
		find.Begin = begin
	}
	for seen := 0; seen < MaxLetters; {
		page, err := l.Find(ctx, q.Tenant, mq.DeadLetters(g), find)
		switch mq.KindOf(err) {
		case mq.TopicNotFound, mq.NotFound, mq.MessageNotFound:
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, d := range page.Messages {
			if o := d.Message.Origin; o.Message == q.ID && o.Topic == m.Topic {
				return &d, nil
			}
		}
		seen += len(page.Messages)
		if find.Cursor = page.Next; page.Next == "" || len(page.Messages) == 0 {
			return nil, nil
		}
	}
	return nil, nil
}

func (f Fate) why() string {
	switch f.State {
	case mq.FateUnread:
		if f.Ahead == 0 {
			return "it is the next one of its queue: no consumer of the group has asked for it yet"
		}
		return fmt.Sprintf("%d messages of its queue come before it", f.Ahead)
	case mq.FateWaiting:
		return "another message of its message group comes before it and is not acknowledged yet"
	case mq.FateLeased:
		if f.Until.IsZero() {
			return "a consumer has it, or it rests until its next attempt"
		}
		return fmt.Sprintf("a consumer has it, or it rests, until %s (attempt %d)", f.Until.UTC().Format(time.RFC3339), f.Attempt)
	case mq.FateRetrying:
		return fmt.Sprintf("%d times delivered and not acknowledged: whoever asks next gets it", f.Attempt)
	}
	if f.Dead != nil {
		o := f.Dead.Message.Origin
		return fmt.Sprintf("a dead letter since %s, after %d attempts: %s", f.Dead.StoredAt.UTC().Format(time.RFC3339), o.Attempt, o.Why)
	}
	switch f.State {
	case mq.FateSettled:
		return "it was acknowledged, or passed over by a filter or a reset"
	case mq.FateTaken:
		return "it was delivered; this engine does not tell whether it was acknowledged"
	}
	return "nothing is known: the group has not begun to read this topic"
}
