// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func concurrencyCases() []Case {
	return []Case{
		{Name: "concurrency/many-takers-get-disjoint-sets", Play: disjointSets},
		{Name: "concurrency/many-senders-lose-nothing", Play: manySenders},
		{Name: "concurrency/send-take-ack-at-once", Play: allAtOnce},
		{Name: "concurrency/one-ack-of-many-wins", Excluded: knowsSettled, Play: oneAckWins},
		{Name: "concurrency/one-verdict-of-many-wins", Excluded: sticky, Play: oneVerdictWins},
		{Name: "concurrency/order-under-many-takers", Play: orderUnderMany},
		{Name: "concurrency/reset-under-many-takers", Excluded: resetsWhileLeased, Play: resetUnderMany},
	}
}

// tally counts deliveries from many goroutines.
type tally struct {
	mu   sync.Mutex // guards seen
	seen map[mq.MessageID]int
}

func (y *tally) add(ds []mq.Delivery) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, d := range ds {
		y.seen[d.Message.ID]++
	}
}

func (y *tally) onceEach(s *Scene, ms []mq.Message) {
	for _, m := range ms {
		if n := y.seen[m.ID]; n != 1 {
			s.fatalf("message %s came %d times, want once", m.ID, n)
		}
	}
	if len(y.seen) != len(ms) {
		s.fatalf("%d messages came, %d were sent", len(y.seen), len(ms))
	}
}

func disjointSets(s *Scene) {
	t, g := s.topic(4), s.group()
	ms := s.messages(600)
	for i := 0; i < len(ms); i += 50 {
		s.send(t, ms[i:i+50]...)
	}
	y := &tally{seen: map[mq.MessageID]int{}}
	var came atomic.Int32
	s.all(16, func(int) {
		for range 2000 {
			got := s.take(want(t, g, most(7), lasting(time.Hour)))
			y.add(got)
			if int(came.Add(int32(len(got)))) >= len(ms) {
				return
			}
		}
	})
	y.add(s.collect(want(t, g, lasting(time.Hour)), len(ms)-int(came.Load())))
	y.onceEach(s, ms)
}

func manySenders(s *Scene) {
	t, g := s.topic(2), s.group()
	const senders, each = 16, 20
	ms := s.messages(senders * each)
	places := make([]mq.Sent, len(ms))
	s.all(senders, func(i int) {
		for k := range each {
			at := i*each + k
			places[at] = s.send(t, ms[at])[0]
		}
	})
	taken := map[string]bool{}
	for _, p := range places {
		at := fmt.Sprint(p.Broker, "/", p.Queue, "/", p.Offset)
		if taken[at] {
			s.fatalf("two messages were given the place %s", at)
		}
		taken[at] = true
	}
	s.areAll(s.collect(want(t, g, lasting(time.Hour)), len(ms)), ms...)
}

func allAtOnce(s *Scene) {
	t, g := s.topic(4), s.group()
	const senders, each, takers = 4, 80, 4
	ms := s.messages(senders * each)
	y := &tally{seen: map[mq.MessageID]int{}}
	var came atomic.Int32
	s.all(senders+takers, func(i int) {
		if i < senders {
			for k := range each {
				s.send(t, ms[i*each+k])
			}
			return
		}
		for int(came.Load()) < len(ms) {
			if s.ctx.Err() != nil {
				s.fatalf("only %d of %d messages came", came.Load(), len(ms))
			}
			got := s.take(want(t, g, most(5), lasting(time.Hour)))
			y.add(got)
			s.ack(got...)
			came.Add(int32(len(got)))
		}
	})
	y.onceEach(s, ms)
	s.noneWhile(rest, want(t, g), "all is acknowledged")
}

func oneAckWins(s *Scene) {
	t, g := s.topic(1), s.group()
	s.send(t, s.messages(20)...)
	for _, d := range s.collect(want(t, g), 20) {
		var won atomic.Int32
		s.all(4, func(int) {
			if err := s.ackOne(d.Lease); err == nil {
				won.Add(1)
			} else if mq.KindOf(err) != mq.Settled {
				s.fatalf("the loser was answered with %v, want settled", err)
			}
		})
		if won.Load() != 1 {
			s.fatalf("%d of 4 acknowledgements were told that they settled the message", won.Load())
		}
	}
}

func oneVerdictWins(s *Scene) {
	t, g := s.topic(1), s.group()
	var committed []mq.Message
	for range 20 {
		m, h := s.prepare(t)
		var commits, rollbacks atomic.Int32
		s.all(4, func(i int) {
			verdict, won := mq.Commit, &commits
			if i%2 == 0 {
				verdict, won = mq.Rollback, &rollbacks
			}
			if err := s.settle(t, h, verdict); err == nil {
				won.Add(1)
			} else if mq.KindOf(err) != mq.Conflict {
				s.fatalf("the loser was answered with %v, want a conflict", err)
			}
		})
		if commits.Load()*rollbacks.Load() != 0 || commits.Load()+rollbacks.Load() != 2 {
			s.fatalf("%d commits and %d rollbacks succeeded, want both of one kind", commits.Load(), rollbacks.Load())
		}
		if commits.Load() > 0 {
			committed = append(committed, m)
		}
	}
	s.areAll(s.collect(want(t, g), len(committed)), committed...)
}

func orderUnderMany(s *Scene) {
	t, g := s.topic(3), s.group(ordered)
	const groups, each = 6, 30
	sent := map[mq.MessageGroup][]mq.MessageID{}
	for range each {
		for k := range groups {
			m := s.message(inGroup(fmt.Sprint("order-", k)))
			s.send(t, m)
			sent[m.Group] = append(sent[m.Group], m.ID)
		}
	}
	var mu sync.Mutex // guards next and came
	next, came := map[mq.MessageGroup]int{}, 0
	s.all(6, func(i int) {
		for n := 0; ; n++ {
			got := s.take(want(t, g, most(4), lasting(time.Hour), attempt(fmt.Sprint(i, "-", n))))
			mu.Lock()
			for _, d := range got {
				k := d.Message.Group
				if at := next[k]; at >= each || sent[k][at] != d.Message.ID {
					mu.Unlock()
					s.fatalf("message group %s: %s came at place %d", k, d.Message.ID, at)
				}
				next[k]++
			}
			came += len(got)
			over := came >= groups*each
			mu.Unlock()
			s.ack(got...)
			if over || s.ctx.Err() != nil {
				return
			}
		}
	})
	if came != groups*each {
		s.fatalf("%d of %d messages came", came, groups*each)
	}
}

// resetUnderMany moves a group back while it is consumed: after each reset every message comes again, whatever was under way.
func resetUnderMany(s *Scene) {
	t, g := s.topic(2), s.group()
	for range 10 {
		s.send(t, s.messages(10, tagged("wanted"))...)
		s.send(t, s.messages(5, tagged("noise"))...)
	}
	const wanted, takers = 100, 3
	var mu sync.Mutex // guards came
	came := map[mq.MessageID]bool{}
	stop := make(chan struct{})
	s.all(takers+1, func(i int) {
		if i < takers {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got := s.take(want(t, g, most(9), tags("wanted"), lasting(time.Hour)))
				mu.Lock()
				for _, d := range got {
					came[d.Message.ID] = true
				}
				mu.Unlock()
				_ = s.engine().Ack(s.ctx, leases(got...)) // a reset may have voided them
			}
		}
		defer close(stop)
		resets := 80
		if !s.traits.VirtualTime {
			resets = 5
		}
		for k := range resets {
			enough := wanted
			if k%3 > 0 { // most resets come while the group still consumes
				enough = 1 + k*37%wanted
			}
			mu.Lock()
			s.reset(g, t, mq.Position{Kind: mq.ToEarliest, Force: true})
			clear(came) // what was granted before the reset and is noted after it counts for nothing worse than a weaker test
			mu.Unlock()
			s.atOnce("every message comes again after the reset", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(came) >= enough
			})
		}
	})
}
