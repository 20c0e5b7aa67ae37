// SPDX-License-Identifier: Apache-2.0

// Package series keeps the figures of the last hours in memory: messages and bytes in and out, and how far groups are behind.
//
// Proxies tell what they counted, every ten seconds (proxy/tally); a sampler asks clusters about lag. What comes in lands in steps of ten seconds for an hour and of
// five minutes for a day. A process that starts anew begins with nothing, and says so: a step that nobody told of is not known, which is another thing than
// a step without traffic.
//
// What must hold:
//
//   - Memory is bounded: by the number of series, of which an idle one takes next to nothing, and by the steps of each.
//   - A counter that is heard of for the first time is no flow: a run's first report is where counting begins, unless the run itself has just begun.
//   - What was counted while a report was late is spread over the time that it was late for.
package series

import (
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/tally"
)

// Bounds.
const (
	// MaxSeries is how many topics and pairs of group and topic are kept; with traffic in every step one takes 10 KiB.
	MaxSeries = 20_000
	// maxRuns is how many processes are remembered.
	maxRuns = 2_000
	// forgetRun is how long after its last report a process is forgotten.
	forgetRun = time.Hour
	// late is how long after a step its reports may come: the newest points are not shown before.
	late = 15 * time.Second
)

// Topic names a topic among all tenants'.
type Topic struct {
	Tenant mq.Tenant
	Name   mq.TopicName
}

// Group names a group among all tenants'.
type Group struct {
	Tenant mq.Tenant
	Name   mq.GroupName
}

// Pair is a group at a topic.
type Pair struct {
	Group Group
	Topic Topic
}

// Series is safe for concurrent use.
type Series struct {
	clock clock.Clock
	limit int

	mu      sync.Mutex // guards all below; never held across a wait
	begun   time.Time
	topics  map[Topic]*flow // what was stored
	pairs   map[Pair]*pair
	reads   map[Group]map[Topic]*pair
	readers map[Topic]map[Group]*pair
	tenants map[mq.Tenant]*both
	runs    map[string]*run
	heard   [spans]ring // steps that some proxy told of
	left    int         // series that were not begun for want of room
	zone    func(Topic) string
	ways    map[Way]*flow
	origins map[Topic][]origin
	lost    bool // there was no room for a way
}

type pair struct {
	out flow
	lag gauge
}

type both struct{ in, out flow }

// run is a process of a proxy, with where its counters stood.
type run struct {
	proxy, zone string
	heard       time.Time
	number      uint64
	lines       map[tally.Pair]tally.Count
	flow        both
}

// New begins with nothing. limit is MaxSeries where it is 0.
func New(c clock.Clock, limit int) *Series {
	if limit <= 0 {
		limit = MaxSeries
	}
	return &Series{
		clock: c, limit: limit, begun: c.Now(), topics: map[Topic]*flow{}, pairs: map[Pair]*pair{}, reads: map[Group]map[Topic]*pair{}, readers: map[Topic]map[Group]*pair{},
		tenants: map[mq.Tenant]*both{}, runs: map[string]*run{}, ways: map[Way]*flow{}, origins: map[Topic][]origin{},
	}
}

// Take takes what a proxy says. It is false for a report that adds to one that was never heard here: the whole is needed then, since nobody knows where the
// counters that it lacks stand.
func (s *Series) Take(r tally.Report) bool {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	one, known := s.runs[r.Run]
	if r.After != 0 && (!known || r.After > one.number) {
		return false
	}
	if !known {
		if one = s.meet(r, now); one == nil {
			return true
		}
	}
	if known && r.Number <= one.number {
		return true // it took longer than the one after it
	}
	over := span{one.heard, now}
	one.heard, one.number, one.zone = now, r.Number, r.Zone
	// A run whose very first report this is has counted from its start, a few seconds ago; of any other one that is new here nobody knows since when.
	counts := known || r.Number == 1
	for _, read := range []bool{false, true} { // what was stored says where that came from which is handed out, in whatever order they stand
		for _, l := range r.Lines {
			if l.Read() != read {
				continue
			}
			grown := l.Minus(one.lines[l.Pair])
			one.lines[l.Pair] = l.Count
			if counts && grown.Messages >= 0 && grown.Bytes >= 0 {
				s.spread(one, l.Pair, grown, over)
			}
		}
	}
	if counts {
		s.told(over)
	}
	return true
}

// told notes that the steps of a stretch of time are known.
func (s *Series) told(over span) {
	for sp := range spans {
		over.parts(sp, func(slot int32, _, _ float64) { s.heard[sp].at(sp, slot) })
	}
}

// meet notes a process that was not heard of before; nil where there is no room.
func (s *Series) meet(r tally.Report, now time.Time) *run {
	for id, one := range s.runs {
		if now.Sub(one.heard) > forgetRun {
			delete(s.runs, id)
		}
	}
	if len(s.runs) >= maxRuns {
		return nil
	}
	one := &run{proxy: r.Proxy, heard: now.Add(-Hour.Step()), lines: map[tally.Pair]tally.Count{}}
	if one.heard.Before(s.begun) {
		one.heard = s.begun
	}
	s.runs[r.Run] = one
	return one
}

// span is a stretch of time, without its last moment.
type span struct{ from, to time.Time }

// parts gives each step of the stretch that is kept, with the part of the stretch that had passed when the step began and when it ended.
func (o span) parts(sp Span, see func(slot int32, from, to float64)) {
	last := sp.slot(o.to.Add(-1))
	oldest := max(sp.slot(o.from), last-int32(sp.points())+1)
	length := o.to.Sub(o.from)
	if length <= 0 {
		see(last, 0, 1)
		return
	}
	passed := func(slot int32) float64 { return min(max(float64(sp.begin(slot).Sub(o.from))/float64(length), 0), 1) }
	for slot := oldest; slot <= last; slot++ {
		see(slot, passed(slot), passed(slot+1))
	}
}

// spread lays what was counted over the steps of the time in which it was counted.
func (s *Series) spread(by *run, p tally.Pair, n tally.Count, over span) {
	if n == (tally.Count{}) {
		return
	}
	flows := s.flowsOf(by, p)
	if way := s.way(by.zone, Pair{Group{p.Reader, p.Group}, Topic{p.Tenant, p.Topic}}, p.Read(), Hour.slot(over.to.Add(-1))); way != nil {
		flows = append(flows, way)
	}
	for sp := range spans {
		over.parts(sp, func(slot int32, from, to float64) {
			part := func(of int64) int64 { return int64(float64(of)*to) - int64(float64(of)*from) }
			for _, f := range flows {
				f.add(sp, slot, part(n.Messages), part(n.Bytes))
			}
		})
	}
}

// flowsOf is every series that a pair's counts belong to.
func (s *Series) flowsOf(by *run, p tally.Pair) []*flow {
	t := Topic{p.Tenant, p.Topic}
	tenant := s.tenant(p.Payer())
	if !p.Read() {
		return present(s.topic(t), &tenant.in, &by.flow.in)
	}
	flows := present(nil, &tenant.out, &by.flow.out)
	if one := s.pair(Pair{Group{p.Reader, p.Group}, t}); one != nil {
		flows = append(flows, &one.out)
	}
	return flows
}

func present(first *flow, rest ...*flow) []*flow {
	if first == nil {
		return rest
	}
	return append(rest, first)
}

func (s *Series) tenant(id mq.Tenant) *both {
	one := s.tenants[id]
	if one == nil {
		one = &both{}
		s.tenants[id] = one
	}
	return one
}

func (s *Series) topic(t Topic) *flow {
	one := s.topics[t]
	if one == nil && s.room() {
		one = &flow{}
		s.topics[t] = one
	}
	return one
}

func (s *Series) pair(p Pair) *pair {
	one := s.pairs[p]
	if one == nil && s.room() {
		one = &pair{}
		s.pairs[p] = one
		put(s.reads, p.Group, p.Topic, one)
		put(s.readers, p.Topic, p.Group, one)
	}
	return one
}

func put[A, B comparable](into map[A]map[B]*pair, a A, b B, one *pair) {
	if into[a] == nil {
		into[a] = map[B]*pair{}
	}
	into[a][b] = one
}

// room tells whether one more series may begin. Where there is none, those that saw nothing for a day go.
func (s *Series) room() bool {
	if len(s.topics)+len(s.pairs) < s.limit {
		return true
	}
	s.sweep()
	if len(s.topics)+len(s.pairs) < s.limit {
		return true
	}
	s.left++
	return false
}

func (s *Series) sweep() {
	oldest := Day.slot(s.clock.Now().Add(-Day.Length()))
	for t, f := range s.topics {
		if f[Day].newest() < oldest {
			delete(s.topics, t)
			delete(s.origins, t)
		}
	}
	for p, one := range s.pairs {
		if max(one.out[Day].newest(), one.lag[Day].newest()) < oldest {
			s.drop(p)
		}
	}
}

func (s *Series) drop(p Pair) {
	delete(s.pairs, p)
	if delete(s.reads[p.Group], p.Topic); len(s.reads[p.Group]) == 0 {
		delete(s.reads, p.Group)
	}
	if delete(s.readers[p.Topic], p.Group); len(s.readers[p.Topic]) == 0 {
		delete(s.readers, p.Topic)
	}
}

// Lag notes how far a group is behind in a topic. age is that of the oldest message that is not settled, negative where it is not known.
func (s *Series) Lag(p Pair, messages int64, age time.Duration) {
	seconds := int32(-1)
	if age >= 0 {
		seconds = int32(min(age/time.Second, 1<<30))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.pair(p); one != nil {
		one.lag.note(s.clock.Now(), messages, seconds)
	}
}

// Pairs is every group with a topic that it reads, as far as anybody said.
func (s *Series) Pairs() []Pair {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Pair, 0, len(s.pairs))
	for p := range s.pairs {
		all = append(all, p)
	}
	return all
}

// Forget drops the series of a pair whose group or topic is gone.
func (s *Series) Forget(p Pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pairs[p] != nil {
		s.drop(p)
	}
}
