// SPDX-License-Identifier: Apache-2.0

package series

import (
	"cmp"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Rate is what passed in a second.
type Rate struct{ Messages, Bytes float64 }

// Point is one step of a curve. What is not known is nil, which is never the same as nothing.
type Point struct {
	Time    time.Time // when the step begins
	In, Out *Rate
	Lag     *int64         // the largest one of the step
	Age     *time.Duration // of the oldest message that is not settled, the largest one of the step
}

// Window is what part of a curve is wanted.
type Window struct {
	Span  Span
	Since time.Time // nothing before: what is asked about was made then
}

// Curve is a topic's, a group's or a tenant's figures over time.
type Curve struct {
	Step   time.Duration
	Points []Point // oldest first
	// Short tells that there was no room for some series: what is shown may lack something.
	Short bool
}

// Topic is what was stored in a topic and handed out of it.
func (s *Series) Topic(t Topic, w Window) Curve {
	s.mu.Lock()
	defer s.mu.Unlock()
	outs := make([]*flow, 0, len(s.readers[t]))
	for _, one := range s.readers[t] {
		outs = append(outs, &one.out)
	}
	return s.curve(w, func(slot int32, p *Point) {
		p.In, p.Out = rate(w.Span, slot, s.topics[t]), rate(w.Span, slot, outs...)
	})
}

// Group is what was handed out to a group and how far it is behind: in one topic, or with only nil in all together. The lag of several topics is the sum, its age the oldest one's.
func (s *Series) Group(g Group, only *Topic, w Window) Curve {
	s.mu.Lock()
	defer s.mu.Unlock()
	var outs []*flow
	var lags []*gauge
	for t, one := range s.reads[g] {
		if only == nil || t == *only {
			outs, lags = append(outs, &one.out), append(lags, &one.lag)
		}
	}
	return s.curve(w, func(slot int32, p *Point) {
		p.Out = rate(w.Span, slot, outs...)
		p.Lag, p.Age = behind(w.Span, slot, lags)
	})
}

// Tenant is what a tenant sent and received.
func (s *Series) Tenant(id mq.Tenant, w Window) Curve {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.tenants[id]
	if one == nil {
		one = &both{}
	}
	return s.curve(w, func(slot int32, p *Point) {
		p.In, p.Out = rate(w.Span, slot, &one.in), rate(w.Span, slot, &one.out)
	})
}

// Proxy is a process that told of itself within the last hour.
type Proxy struct {
	Name, Zone string
	Heard      time.Time
	In, Out    Rate // of the last minute that is known
}

// Proxies lists those that are heard of, by name; of several runs of one the newest.
func (s *Series) Proxies() []Proxy {
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := map[string]*run{}
	for _, one := range s.runs {
		if was := newest[one.proxy]; was == nil || was.heard.Before(one.heard) {
			newest[one.proxy] = one
		}
	}
	var all []Proxy
	for name, one := range newest {
		last := Hour.slot(one.heard)
		all = append(all, Proxy{Name: name, Zone: one.zone, Heard: one.heard.UTC(), In: minute(&one.flow.in, last), Out: minute(&one.flow.out, last)})
	}
	slices.SortFunc(all, func(a, b Proxy) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// minute is the rate of the minute that ends with a step.
func minute(f *flow, last int32) Rate {
	var sum Rate
	steps := int32(time.Minute / Hour.Step())
	for slot := last - steps + 1; slot <= last; slot++ {
		if c, ok := f[Hour].get(slot); ok {
			sum.Messages += float64(c.small)
			sum.Bytes += float64(c.large)
		}
	}
	return Rate{sum.Messages / time.Minute.Seconds(), sum.Bytes / time.Minute.Seconds()}
}

// curve fills each step of a window. What no proxy told of has no rates.
func (s *Series) curve(w Window, fill func(slot int32, p *Point)) Curve {
	now := s.clock.Now()
	last := w.Span.slot(now.Add(-late)) - 1
	if w.Span == Day {
		last = w.Span.slot(now) - 1
	}
	first := max(w.Span.slot(now.Add(-w.Span.Length())), w.Span.slot(w.Since))
	c := Curve{Step: w.Span.Step(), Short: s.left > 0}
	for slot := first; slot <= last; slot++ {
		p := Point{Time: w.Span.begin(slot)}
		fill(slot, &p)
		if _, told := s.heard[w.Span].get(slot); !told {
			p.In, p.Out = nil, nil
		}
		c.Points = append(c.Points, p)
	}
	return c
}

func rate(s Span, slot int32, flows ...*flow) *Rate {
	var sum Rate
	for _, f := range flows {
		if f == nil {
			continue
		}
		if c, ok := f[s].get(slot); ok {
			sum.Messages += float64(c.small)
			sum.Bytes += float64(c.large)
		}
	}
	return &Rate{sum.Messages / s.Step().Seconds(), sum.Bytes / s.Step().Seconds()}
}

// behind adds up how far a group is behind in its topics. Topics take turns to be asked about, so that what was seen a minute before still counts; where one
// was not seen for longer the sum is not known.
func behind(s Span, slot int32, lags []*gauge) (lag *int64, age *time.Duration) {
	var sum int64
	oldest, seen := time.Duration(-1), 0
	for _, g := range lags {
		c, ok := g[s].before(slot)
		switch {
		case !ok:
			continue // not met yet
		case c.slot < slot-s.holds():
			return nil, nil
		}
		seen++
		sum += c.large
		if c.small >= 0 {
			oldest = max(oldest, time.Duration(c.small)*time.Second)
		}
	}
	if seen == 0 {
		return nil, nil
	}
	if oldest >= 0 {
		age = &oldest
	}
	return &sum, age
}
