// SPDX-License-Identifier: Apache-2.0

package trail

import (
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Bounds of one answer.
const (
	MaxSeen  = 1000 // events
	MaxWants = 200  // filters
)

// Question asks what became of a message. The control plane has found out that the topic is the tenant's own.
type Question struct {
	Number  string // of the question; the answer names it
	Tenant  mq.Tenant
	Topic   mq.Physical
	Message mq.MessageID
}

// Seen is an event as it is told to the tenant that asks.
type Seen struct {
	Event
	App      string
	Client   string
	Group    mq.GroupName
	Borrower bool // by a tenant that borrows the topic: who of that tenant is not told
}

// Want is a filter with which a group's consumers asked, and when they did first and last.
type Want struct {
	Group       mq.GroupName
	Filter      mq.Filter
	First, Last time.Time
}

// Answer is what a proxy knows.
type Answer struct {
	Number, Proxy, Zone string
	Off                 bool      // it remembers nothing
	Began               time.Time // when it began to remember
	WantsWhole          time.Time // of filters
	Whole, RareWhole    time.Time // of what is ordinary, and of what is rare: what came later is all told
	Events              []Seen    // in the order of time
	Wants               []Want
	More                bool // there are more events than MaxSeen: these are the first and the last of them
}

// Testimony is what a control plane heard of one proxy.
type Testimony struct {
	Answer
	Answered bool
	Heard    time.Time // when the proxy was heard of last
}

// Ask tells what is remembered of a message, to a tenant whose topic it is. Of a tenant that borrows the topic the owner is told that a message was sent, or what became of its schedule,
// and not by whom; what a borrower's groups did is not told.
func (t *Trail) Ask(q Question) Answer {
	if t == nil {
		return Answer{Number: q.Number, Off: true}
	}
	a := Answer{Number: q.Number, Began: t.began.UTC()}
	a.Wants, a.WantsWhole = t.wants.of(q)
	a.WantsWhole = later(a.WantsWhole, a.Began)
	id := t.key(q.Message)
	s := &t.shards[id[0]%shards]
	var found []record
	a.Whole, a.RareWhole = s.look(&s.usual, id, &found), s.look(&s.rare, id, &found)
	for i := range found {
		if one, ok := t.told(&found[i], q); ok {
			a.Events = append(a.Events, one)
		}
	}
	if lost := t.scopes.lost(); lost != 0 {
		a.Whole, a.RareWhole = later(a.Whole, micros(lost)), later(a.RareWhole, micros(lost))
	}
	slices.SortStableFunc(a.Events, func(a, b Seen) int { return a.At.Compare(b.At) })
	if len(a.Events) > MaxSeen {
		a.Events = slices.Delete(a.Events, MaxSeen/2, len(a.Events)-MaxSeen/2)
		a.More = true
	}
	return a
}

// look goes through a ring, chunk by chunk, and lets those who note in between.
func (s *shard) look(r *ring, id key, found *[]record) (whole time.Time) {
	for next := uint64(0); ; next++ {
		s.mu.Lock()
		next = max(next, r.oldest())
		if next >= r.next {
			whole = micros(r.whole)
			s.mu.Unlock()
			return whole
		}
		records := r.chunks[next%r.limit].records
		for i := range records {
			if records[i].id == id {
				*found = append(*found, records[i])
			}
		}
		s.mu.Unlock()
	}
}

// told is an event in the words for who asks; false for what is not his to know.
func (t *Trail) told(r *record, q Question) (Seen, bool) {
	n := t.scopes.named(r.scope)
	if n == nil || n.owner != q.Tenant.String() || n.topic != q.Topic.String() {
		return Seen{}, false
	}
	one := Seen{Event: r.event()}
	one.ID, one.Broker = q.Message, n.broker
	if n.tenant != q.Tenant.String() {
		one.Borrower = true
		return one, n.group == ""
	}
	g, err := groupOf(n.group)
	one.App, one.Client, one.Group = n.app, n.client, g
	return one, err == nil
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func groupOf(text string) (mq.GroupName, error) {
	if text == "" {
		return mq.GroupName{}, nil
	}
	return mq.ClusterNames.Group(text)
}

func micros(us int64) time.Time { return time.UnixMicro(us).UTC() }
