// SPDX-License-Identifier: Apache-2.0

package remoting

import "time"

// call is one request under way.
type call struct {
	code     Code
	reply    Reply
	deadline time.Time
	from     int64 // place of its first byte in the connection's stream
	gone     bool  // nobody waits any more; the slot stays taken until the answer comes
}

// ticket names one call: its number, and its place in the stream, which is no other's.
type ticket struct {
	id   int32
	from int64
}

// maxInFlight is the most calls of a connection: half of an opaque's bits name the slot.
const (
	slotBits    = 16
	maxInFlight = 1 << slotBits
)

// slots numbers the calls of a connection. A call's number is the opaque of its frame: the slot, and above it the slot's turn, so that a peer
// that answers one request twice does not give the second answer to whoever has the slot by then.
type slots struct {
	calls []call
	used  []bool
	turns []int32 // of each slot; the next turn begins when a call was answered
	free  []int32 // slots without their turns
	live  int     // calls that somebody waits for
	gone  int     // calls that nobody waits for
	most  int
}

// take reserves a slot; ok is false when all are taken.
func (s *slots) take(c call) (number int32, ok bool) {
	var slot int32
	if n := len(s.free); n > 0 {
		slot = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		if len(s.calls) >= min(s.most, maxInFlight) {
			return 0, false
		}
		slot = int32(len(s.calls))
		s.calls, s.used, s.turns = append(s.calls, call{}), append(s.used, false), append(s.turns, 0)
	}
	s.calls[slot], s.used[slot] = c, true
	s.live++
	return s.number(slot), true
}

func (s *slots) number(slot int32) int32 { return s.turns[slot]<<slotBits | slot }

// find gives the slot of a number that is under way.
func (s *slots) find(number int32) (slot int32, ok bool) {
	slot = number & (maxInFlight - 1)
	return slot, number >= 0 && int(slot) < len(s.calls) && s.used[slot] && s.number(slot) == number
}

// answered frees a slot and gives its call; ok is false when nobody waits for the answer, or nothing of that number is under way.
func (s *slots) answered(number int32) (c call, ok bool) {
	slot, ok := s.find(number)
	if !ok {
		return call{}, false
	}
	c = s.calls[slot]
	s.calls[slot], s.used[slot] = call{}, false
	s.turns[slot] = (s.turns[slot] + 1) & (1<<(31-slotBits) - 1)
	s.free = append(s.free, slot)
	if c.gone {
		s.gone--
		return c, false
	}
	s.live--
	return c, true
}

// abandon gives a call back to its caller; the slot stays taken. ok is false when its end was on the way already: the slot may then hold
// another call, which goes on.
func (s *slots) abandon(t ticket) (c call, ok bool) {
	slot, ok := s.find(t.id)
	if !ok || s.calls[slot].gone || s.calls[slot].from != t.from {
		return call{}, false
	}
	c = s.calls[slot]
	s.calls[slot] = call{gone: true}
	s.live--
	s.gone++
	return c, true
}

// overdue abandons every call whose deadline has come and gives the earliest deadline of the others, zero when there is none.
func (s *slots) overdue(now time.Time) (late []call, next time.Time) {
	for slot := range s.calls {
		if !s.used[slot] || s.calls[slot].gone {
			continue
		}
		d := s.calls[slot].deadline
		if !d.After(now) {
			c, _ := s.abandon(ticket{s.number(int32(slot)), s.calls[slot].from})
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
