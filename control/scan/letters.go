// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Bounds of an answer.
const (
	maxCauses  = 200
	maxSamples = 5
)

// Cause is dead letters of one topic that died of the same.
type Cause struct {
	Why         string      // "attempts", or the consumer's own word
	Topic       mq.Physical // where they came from
	Count       int
	First, Last time.Time // when they became dead letters
	Attempts    [2]int    // the fewest and the most
	Samples     []Sample  // the newest
}

// Sample is one dead letter with the message that it was.
type Sample struct {
	ID, Origin mq.MessageID
	Stored     time.Time
}

// Group is whose dead letters are looked at.
type Group struct {
	Tenant mq.Tenant
	Name   mq.GroupName
}

// Letters is a group's dead letters by cause, the most frequent first.
type Letters struct {
	Causes   []Cause
	Others   int   // of further causes, beyond those that are listed
	Total    int64 // dead letters that are stored, -1 where nobody knows
	Progress Progress
}

type causeKey struct {
	why   string
	topic mq.Physical
}

// Causes groups a group's dead letters by what they died of. A group of which no message ever died has none.
func Causes(ctx context.Context, f Finder, g Group, w Walk) (Letters, error) {
	w.Tenant, w.Topic = g.Tenant, mq.DeadLetters(g.Name)
	out := Letters{Total: total(ctx, f, g)}
	found := map[causeKey]*Cause{}
	var err error
	out.Progress, err = Look(ctx, f, w, func(m mq.Found) bool {
		k := causeKey{m.Message.Origin.Why, m.Message.Origin.Topic}
		c := found[k]
		if c == nil && len(found) >= maxCauses {
			out.Others++
			return true
		}
		if c == nil {
			c = &Cause{Why: k.why, Topic: k.topic, Attempts: [2]int{m.Message.Origin.Attempt, m.Message.Origin.Attempt}}
			found[k] = c
		}
		c.add(m)
		return true
	})
	if mq.KindOf(err) == mq.TopicNotFound {
		return Letters{Total: 0}, nil
	}
	for _, c := range found {
		out.Causes = append(out.Causes, *c)
	}
	slices.SortFunc(out.Causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Why, b.Why), cmp.Compare(a.Topic.String(), b.Topic.String()))
	})
	return out, err
}

func (c *Cause) add(m mq.Found) {
	c.Count++
	if c.First.IsZero() || m.StoredAt.Before(c.First) {
		c.First = m.StoredAt
	}
	if m.StoredAt.After(c.Last) {
		c.Last = m.StoredAt
	}
	n := m.Message.Origin.Attempt
	c.Attempts = [2]int{min(c.Attempts[0], n), max(c.Attempts[1], n)}
	c.Samples = append(c.Samples, Sample{m.Message.ID, m.Message.Origin.Message, m.StoredAt})
	slices.SortFunc(c.Samples, func(a, b Sample) int { return b.Stored.Compare(a.Stored) })
	c.Samples = c.Samples[:min(len(c.Samples), maxSamples)]
}

// total is how many dead letters are stored.
func total(ctx context.Context, f Finder, g Group) int64 {
	topic := mq.DeadLetters(g.Name)
	all, err := f.Progress(ctx, g.Tenant, g.Name, &topic)
	if err != nil {
		return -1
	}
	n := int64(0)
	for _, one := range all {
		for _, q := range one.Queues {
			n += int64(q.Hi - q.Lo)
		}
	}
	return n
}
