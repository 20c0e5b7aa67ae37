// SPDX-License-Identifier: Apache-2.0

package series

import (
	"math"
	"sort"
	"time"
)

// Span is one of the two resolutions in which figures are kept.
type Span uint8

// The spans.
const (
	Hour Span = iota // the last hour, in steps of ten seconds
	Day              // the last 24 hours, in steps of five minutes
	spans
)

// Step is the time between two points.
func (s Span) Step() time.Duration {
	if s == Hour {
		return 10 * time.Second
	}
	return 5 * time.Minute
}

// Length is how far a span goes back.
func (s Span) Length() time.Duration {
	if s == Hour {
		return time.Hour
	}
	return 24 * time.Hour
}

// points is how many steps a span has.
func (s Span) points() int { return int(s.Length() / s.Step()) }

// holds is for how many steps what was seen of a lag counts.
func (s Span) holds() int32 { return int32(max(time.Minute/s.Step(), 1)) }

// slot is a step's number since 1970.
func (s Span) slot(t time.Time) int32 { return int32(t.Unix() / int64(s.Step()/time.Second)) }

// begin is when a step begins.
func (s Span) begin(slot int32) time.Time {
	return time.Unix(int64(slot)*int64(s.Step()/time.Second), 0).UTC()
}

// cell is what is known of one step: 16 bytes, since there are many. A step without a cell saw nothing.
type cell struct {
	slot  int32
	small int32 // messages, or an age in seconds, -1 where it is not known
	large int64 // bytes, or a lag
}

// ring holds the newest cells of a span, sorted by slot. It takes memory for the steps that saw something, no more.
type ring struct{ cells []cell }

// at finds a step's cell, making it where there is none; nil for one that is too old. made tells that it is new.
func (r *ring) at(s Span, slot int32) (c *cell, made bool) {
	i := sort.Search(len(r.cells), func(i int) bool { return r.cells[i].slot >= slot })
	if i < len(r.cells) && r.cells[i].slot == slot {
		return &r.cells[i], false
	}
	if n := len(r.cells); n > 0 && slot <= r.cells[n-1].slot-int32(s.points()) {
		return nil, false
	}
	if len(r.cells) == s.points() { // full: the oldest one goes
		if i == 0 {
			return nil, false
		}
		copy(r.cells, r.cells[1:i])
		i--
	} else {
		r.cells = append(r.cells, cell{})
		copy(r.cells[i+1:], r.cells[i:])
	}
	r.cells[i] = cell{slot: slot}
	return &r.cells[i], true
}

// get is a step's cell, if it saw something.
func (r *ring) get(slot int32) (cell, bool) {
	i := sort.Search(len(r.cells), func(i int) bool { return r.cells[i].slot >= slot })
	if i < len(r.cells) && r.cells[i].slot == slot {
		return r.cells[i], true
	}
	return cell{}, false
}

// before is the newest cell that is not after a step.
func (r *ring) before(slot int32) (cell, bool) {
	i := sort.Search(len(r.cells), func(i int) bool { return r.cells[i].slot > slot })
	if i == 0 {
		return cell{}, false
	}
	return r.cells[i-1], true
}

// newest is the last step that saw something; 0 for none.
func (r *ring) newest() int32 {
	if len(r.cells) == 0 {
		return 0
	}
	return r.cells[len(r.cells)-1].slot
}

// flow is messages with their bytes over time.
type flow [spans]ring

func (f *flow) add(s Span, slot int32, messages, bytes int64) {
	if c, _ := f[s].at(s, slot); c != nil {
		c.small = int32(min(int64(c.small)+messages, math.MaxInt32))
		c.large += bytes
	}
}

// gauge is the largest lag of each step, with its age.
type gauge [spans]ring

func (g *gauge) note(t time.Time, lag int64, age int32) {
	for s := range spans {
		c, made := g[s].at(s, s.slot(t))
		if c == nil {
			continue
		}
		if made {
			c.small, c.large = age, lag
		}
		c.small, c.large = max(c.small, age), max(c.large, lag)
	}
}
