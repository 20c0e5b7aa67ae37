// SPDX-License-Identifier: Apache-2.0

package series

import (
	"cmp"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Step is what a tenant's topics and groups saw in one step of the hour.
type Step struct {
	Time time.Time // when it begins
	// Known tells that some proxy told of it: what is not listed is nothing then, and nobody knows otherwise.
	Known   bool
	In, Out Rate        // of the tenant
	Topics  []TopicStep // that saw something, by name
	Reads   []ReadStep  // of groups that were given something
	// Short tells that there was no room for some series: what is shown may lack something.
	Short bool
}

// TopicStep is what was stored in a topic and handed out of it.
type TopicStep struct {
	Name    mq.TopicName
	In, Out Rate
}

// ReadStep is what a group was given out of a topic.
type ReadStep struct {
	Pair Pair
	Out  Rate
}

// Steps gives the steps of a tenant that begin after a moment and are complete, the newest ones where there are more than most, oldest first. However many steps and
// topics there are, it goes through all series once.
func (s *Series) Steps(of mq.Tenant, after time.Time, most int) []Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.complete()
	first := max(last-int32(most)+1, Hour.slot(s.begun))
	if !after.IsZero() {
		first = max(first, Hour.slot(after)+1)
	}
	if first > last {
		return nil
	}
	topics := s.topicsOf(of)
	reads := map[Pair]*flow{}
	for p, one := range s.pairs {
		if p.Group.Tenant == of {
			reads[p] = &one.out
		}
	}
	var all []Step
	for slot := first; slot <= last; slot++ {
		all = append(all, s.step(of, slot, topics, reads))
	}
	return all
}

// complete is the newest step whose reports are there.
func (s *Series) complete() int32 { return Hour.slot(s.clock.Now().Add(-late)) - 1 }

// topicsOf is every flow of each of a tenant's topics: what was stored, then what was handed out.
func (s *Series) topicsOf(of mq.Tenant) map[mq.TopicName][]*flow {
	topics := map[mq.TopicName][]*flow{}
	for t, f := range s.topics {
		if t.Tenant == of {
			topics[t.Name] = append(topics[t.Name], f)
		}
	}
	for t, readers := range s.readers {
		if t.Tenant != of {
			continue
		}
		if len(topics[t.Name]) == 0 {
			topics[t.Name] = append(topics[t.Name], nil) // nothing was ever stored
		}
		for _, one := range readers {
			topics[t.Name] = append(topics[t.Name], &one.out)
		}
	}
	return topics
}

func (s *Series) step(of mq.Tenant, slot int32, topics map[mq.TopicName][]*flow, reads map[Pair]*flow) Step {
	one := Step{Time: Hour.begin(slot), Short: s.left > 0}
	if _, one.Known = s.heard[Hour].get(slot); !one.Known {
		return one
	}
	if t := s.tenants[of]; t != nil {
		one.In, one.Out = *rate(Hour, slot, &t.in), *rate(Hour, slot, &t.out)
	}
	for name, flows := range topics {
		if in, out := *rate(Hour, slot, flows[0]), *rate(Hour, slot, flows[1:]...); in != (Rate{}) || out != (Rate{}) {
			one.Topics = append(one.Topics, TopicStep{name, in, out})
		}
	}
	for p, f := range reads {
		if out := *rate(Hour, slot, f); out != (Rate{}) {
			one.Reads = append(one.Reads, ReadStep{p, out})
		}
	}
	slices.SortFunc(one.Topics, func(a, b TopicStep) int { return cmp.Compare(a.Name.String(), b.Name.String()) })
	slices.SortFunc(one.Reads, func(a, b ReadStep) int { return comparePairs(a.Pair, b.Pair) })
	return one
}

// Lag is how far a group is behind in a topic, as it was last seen.
type Lag struct {
	Pair     Pair
	Messages *int64         // nil: not seen within a minute
	Age      *time.Duration // of the oldest message that is not settled; nil: nobody knows
	Seen     time.Time      // zero: never
}

// Lags lists how far a tenant's groups are behind in each topic that they read, as far as anybody said.
func (s *Series) Lags(of mq.Tenant) []Lag {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := Hour.slot(s.clock.Now())
	var all []Lag
	for p, one := range s.pairs {
		if p.Group.Tenant != of {
			continue
		}
		l := Lag{Pair: p}
		if c, ok := one.lag[Hour].before(now); ok {
			l.Seen = Hour.begin(c.slot)
			if c.slot >= now-Hour.holds() {
				messages := c.large
				l.Messages = &messages
				if c.small >= 0 {
					age := time.Duration(c.small) * time.Second
					l.Age = &age
				}
			}
		}
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b Lag) int { return comparePairs(a.Pair, b.Pair) })
	return all
}
