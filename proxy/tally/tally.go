// SPDX-License-Identifier: Apache-2.0

// Package tally counts what passes a proxy, so that control planes can be told.
//
// Counters only grow, from the start of the process on, and a report says where they stand. A report that gets lost therefore loses nothing: the next one
// says the same and more. A control plane that was away catches up with the first report that reaches it, and one that hears the same twice counts it once.
// A process that starts anew says so with another run, and begins at zero.
//
// Counting happens on the way of every message, so it costs a look into a map and two additions, and waits for nobody who reads.
package tally

import (
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// MaxLines bounds the pairs that one process counts. What would be one more is told as Uncounted, and is nobody's use.
const MaxLines = 50_000

// keptDays is how many days before this one are told: a control plane may be away for so long without losing what was used meanwhile.
const keptDays = 7

// Pair is what is counted apart: what was stored in a topic, or, with a group, what of it was handed out to that group.
type Pair struct {
	Tenant mq.Tenant // whose topic it is
	Topic  mq.TopicName
	Reader mq.Tenant // whose group it is
	Group  mq.GroupName
}

// Read tells whether the pair is about messages that were handed out.
func (p Pair) Read() bool { return p.Group != mq.GroupName{} }

// Payer is the tenant whose use it is: who has the topic pays for what is stored, who has the group for what is handed out.
func (p Pair) Payer() mq.Tenant {
	if p.Read() {
		return p.Reader
	}
	return p.Tenant
}

// Count is a number of messages with the bytes of their bodies.
type Count struct{ Messages, Bytes int64 }

// Plus adds up.
func (c Count) Plus(d Count) Count { return Count{c.Messages + d.Messages, c.Bytes + d.Bytes} }

// Minus tells what was added since.
func (c Count) Minus(d Count) Count { return Count{c.Messages - d.Messages, c.Bytes - d.Bytes} }

// Line is where one pair stands.
type Line struct {
	Pair
	Count
}

// Day is a day of UTC, as in 2026-12-01.
type Day string

// DayOf is the day of a moment.
func DayOf(t time.Time) Day { return Day(t.UTC().Format(time.DateOnly)) }

// Use is what a tenant used on one day by way of this process.
type Use struct {
	Day     Day
	Tenant  mq.Tenant
	In, Out Count
}

// Report is where the counters of a process stand.
type Report struct {
	Proxy     string // what the proxy calls itself; whoever sends the report fills it in
	Zone      string // where it stands; "" where nobody said
	Run       string // of this process
	Number    uint64 // grows with each look
	After     uint64 // the report that it adds to; 0: it is whole
	Lines     []Line // those that grew after the report that was asked for
	Uses      []Use  // of this day and those before that are kept
	Uncounted Count  // of pairs beyond MaxLines
}

// Tally is safe for concurrent use.
type Tally struct {
	clock     clock.Clock
	limit     int // of lines
	run       string
	uncounted counter

	mu    sync.RWMutex // guards lines; held while a pair is looked up
	lines map[Pair]*line

	looking sync.Mutex // guards all below, and what a line notes of looks; never held on the way of a message
	number  uint64
	uses    map[useOf]*Use
}

type counter struct{ messages, bytes atomic.Int64 }

func (c *counter) add(messages, bytes int) {
	c.messages.Add(int64(messages))
	c.bytes.Add(int64(bytes))
}

func (c *counter) now() Count { return Count{c.messages.Load(), c.bytes.Load()} }

type line struct {
	counter
	seen Count  // at the last look
	grew uint64 // the look that saw it grow last
}

type useOf struct {
	day    Day
	tenant mq.Tenant
}

// New begins at zero.
func New(c clock.Clock) *Tally {
	return &Tally{clock: c, limit: MaxLines, run: rand.Text(), lines: map[Pair]*line{}, uses: map[useOf]*Use{}}
}

// Stored counts messages of a topic that were stored.
func (t *Tally) Stored(tenant mq.Tenant, topic mq.TopicName, messages, bytes int) {
	t.line(Pair{Tenant: tenant, Topic: topic}).add(messages, bytes)
}

// Delivered counts messages that were handed out. p has a group.
func (t *Tally) Delivered(p Pair, messages, bytes int) { t.line(p).add(messages, bytes) }

func (t *Tally) line(p Pair) *counter {
	t.mu.RLock()
	l, ok := t.lines[p]
	t.mu.RUnlock()
	if ok {
		return &l.counter
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if l, ok = t.lines[p]; ok {
		return &l.counter
	}
	if len(t.lines) >= t.limit {
		return &t.uncounted
	}
	l = &line{}
	t.lines[p] = l
	return &l.counter
}

// Report says where everything stands that grew after a report, 0 for everything. What grew between two looks counts for the day of the later one.
func (t *Tally) Report(after uint64) Report {
	t.looking.Lock()
	defer t.looking.Unlock()
	t.number++
	today := t.today()
	r := Report{Run: t.run, Number: t.number, After: after, Uncounted: t.uncounted.now()}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for p, l := range t.lines {
		if now := l.now(); now != l.seen {
			t.use(today, p, now.Minus(l.seen))
			l.seen, l.grew = now, t.number
		}
		if l.grew > after {
			r.Lines = append(r.Lines, Line{p, l.seen})
		}
	}
	for _, u := range t.uses {
		r.Uses = append(r.Uses, *u)
	}
	return r
}

// today is the day, after what is too old was forgotten.
func (t *Tally) today() Day {
	now := t.clock.Now()
	oldest := DayOf(now.AddDate(0, 0, -keptDays))
	for k := range t.uses {
		if k.day < oldest {
			delete(t.uses, k)
		}
	}
	return DayOf(now)
}

func (t *Tally) use(day Day, p Pair, grown Count) {
	k := useOf{day, p.Payer()}
	u := t.uses[k]
	if u == nil {
		u = &Use{Day: day, Tenant: k.tenant}
		t.uses[k] = u
	}
	if p.Read() {
		u.Out = u.Out.Plus(grown)
	} else {
		u.In = u.In.Plus(grown)
	}
}
