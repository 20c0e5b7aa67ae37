// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"math"
	"time"
)

// call is one request under way.
type call struct {
	code     Code
	reply    Reply
	deadline time.Time
	from     int64 // place of its first byte in the connection's stream
	gone     bool  // nobody waits any more; the slot stays taken until the answer comes
}

// slots numbers the calls of a connection. The number of a slot is the opaque of its frame.
type slots struct {
	calls []call
	used  []bool
	free  []int32
	live  int // calls that somebody waits for
	gone  int // calls that nobody waits for
	most  int
}

// take reserves a slot; ok is false when all are taken.
func (s *slots) take(c call) (id int32, ok bool) {
	if n := len(s.free); n > 0 {
		id = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		if len(s.calls) >= s.most || len(s.calls) >= math.MaxInt32 {
			return 0, false
		}
		id = int32(len(s.calls))
		s.calls, s.used = append(s.calls, call{}), append(s.used, false)
	}
	s.calls[id], s.used[id] = c, true
	s.live++
	return id, true
}

// answered frees a slot and gives its call; ok is false when nobody waits for the answer, or nothing of that number was ever asked.
func (s *slots) answered(id int32) (c call, ok bool) {
	if id < 0 || int(id) >= len(s.calls) || !s.used[id] {
		return call{}, false
	}
	c = s.calls[id]
	s.calls[id], s.used[id] = call{}, false
	s.free = append(s.free, id)
	if c.gone {
		s.gone--
		return c, false
	}
	s.live--
	return c, true
}

// abandon gives the call of a slot back to its caller; the slot stays taken. ok is false when its end was on the way already.
func (s *slots) abandon(id int32) (c call, ok bool) {
	if id < 0 || int(id) >= len(s.calls) || !s.used[id] || s.calls[id].gone {
		return call{}, false
	}
	c = s.calls[id]
	s.calls[id] = call{gone: true}
	s.live--
	s.gone++
	return c, true
}

// overdue abandons every call whose deadline has come and gives the earliest deadline of the others, zero when there is none.
func (s *slots) overdue(now time.Time) (late []call, next time.Time) {
	for id := range s.calls {
		if !s.used[id] || s.calls[id].gone {
			continue
		}
		d := s.calls[id].deadline
		if !d.After(now) {
			c, _ := s.abandon(int32(id))
			late = append(late, c)
		} else if next.IsZero() || d.Before(next) {
			next = d
		}
	}
	return late, next
}

// drain takes every call that somebody waits for.
func (s *slots) drain() (all []call) {
	for id := range s.calls {
		if s.used[id] && !s.calls[id].gone {
			all = append(all, s.calls[id])
		}
	}
	*s = slots{most: s.most}
	return all
}
