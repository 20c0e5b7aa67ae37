// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func checkCases() []Case {
	return []Case{
		{Name: "check/an-overdue-half-is-asked-about", Play: overdueIsAskedAbout},
		{Name: "check/never-before-its-time", Play: checkNeverEarly},
		{Name: "check/the-answer-settles", Play: answerSettles},
		{Name: "check/nobody-there-asks-again", Play: nobodyThere},
		{Name: "check/no-answer-asks-the-next-round", Play: nextRound},
		{Name: "check/a-settled-one-is-not-asked-about", Play: settledIsNotAskedAbout},
		{Name: "check/only-for-live-topics", Play: onlyLiveTopics},
		{Name: "check/each-round-asks-one-caller", Play: oneCaller},
		{Name: "check/ends-with-its-context", Play: checksEnd},
		{Name: "check/rounds-end", Excluded: virtualTime, Play: roundsEnd},
	}
}

func virtualTime(t mq.Traits) string {
	if t.VirtualTime {
		return ""
	}
	return "it would take too long in real time"
}

// listener stands for the live producers of some topics.
type listener struct {
	mu     sync.Mutex // guards the rest
	topics []mq.Topic
	asked  []mq.Check
	there  bool
}

// listen starts a live producer for the topics; it ends with the scene.
func (s *Scene) listen(e Engine, topics ...mq.Topic) *listener {
	l := &listener{topics: topics, there: true}
	ctx, end := context.WithCancel(s.ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := e.Checks(ctx, l.live, l.sink); err == nil {
			s.errorf("Checks ended with nil, want the error of its context")
		}
	}()
	s.finally(func() {
		end()
		<-over
	})
	return l
}

// listening is listen, and returns when the engine has asked this producer something: from then on, being asked nothing means
// something.
func (s *Scene) listening(t mq.Topic) *listener {
	l := s.listen(s.engine(), t)
	m, h := s.prepare(t, half(time.Second))
	s.within(time.Second+s.soon(), "the producer is known to the engine", l.askedTimes(m, 1))
	s.ok(s.engine().Settle(s.ctx, t, h, mq.Rollback, mq.ByCheck), "rollback")
	return l
}

func (l *listener) live() []mq.Topic {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.topics
}

func (l *listener) sink(c mq.Check) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, c)
	return l.there
}

func (l *listener) isThere(yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.there = yes
}

func (l *listener) about(m mq.Message) (checks []mq.Check) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.asked {
		if c.Message.Message.ID == m.ID {
			checks = append(checks, c)
		}
	}
	return checks
}

func (l *listener) askedTimes(m mq.Message, n int) func() bool {
	return func() bool { return len(l.about(m)) >= n }
}

// soon is how long a check may take beyond its time.
func (s *Scene) soon() time.Duration { return s.target.CheckEvery + 2*s.target.Lateness }

func overdueIsAskedAbout(s *Scene) {
	t := s.topic(1)
	l := s.listen(s.engine(), t)
	m, h := s.prepare(t, half(2*time.Second), tagged("red"))
	s.pass(2 * time.Second)
	s.within(s.soon(), "the producer is asked", l.askedTimes(m, 1))
	c := l.about(m)[0]
	s.sameAsSent(c.Message.Message)
	if c.Topic.Name != t.Name || !s.isRound(c, 1) || c.Half.Message != h.Message {
		s.fatalf("the check says topic %s, round %d, message %s", c.Topic.Name, c.Round, c.Half.Message)
	}
}

// isRound holds a check's round against the number of times that the producer was asked.
func (s *Scene) isRound(c mq.Check, asked int) bool {
	if s.traits.RoundsAreLooks {
		return c.Round >= asked
	}
	return c.Round == asked
}

func checkNeverEarly(s *Scene) {
	t := s.topic(1)
	l := s.listening(t)
	due := s.now().Add(10 * time.Second)
	m, _ := s.prepare(t, half(10*time.Second))
	s.while(s.justBefore(due).Sub(s.now())-100*time.Millisecond, "nobody is asked before the first check is due", func() bool {
		return len(l.about(m)) == 0 || !s.now().Before(due)
	})
	s.within(s.soon(), "the producer is asked", l.askedTimes(m, 1))
}

func answerSettles(s *Scene) {
	t, g := s.topic(1), s.group()
	l := s.listen(s.engine(), t)
	yes, _ := s.prepare(t, half(time.Second))
	no, _ := s.prepare(t, half(time.Second))
	s.within(time.Second+s.soon(), "the producer is asked about both", func() bool {
		return len(l.about(yes)) > 0 && len(l.about(no)) > 0
	})
	s.ok(s.engine().Settle(s.ctx, t, l.about(yes)[0].Half, mq.Commit, mq.ByCheck), "commit")
	s.ok(s.engine().Settle(s.ctx, t, l.about(no)[0].Half, mq.Rollback, mq.ByCheck), "rollback")
	got := s.collect(want(t, g), 1)
	s.areExactly(got, yes)
	s.ack(got...)
	s.noneWhile(rest, want(t, g), "the other one was rolled back")
}

func nobodyThere(s *Scene) {
	t, g := s.topic(1), s.group()
	l := s.listen(s.engine(), t)
	l.isThere(false)
	m, _ := s.prepare(t, half(time.Second))
	s.within(time.Second+s.soon(), "the caller is asked", l.askedTimes(m, 1))
	before := len(l.about(m))
	s.while(time.Second, "a caller that has nobody to ask is not asked all the time", func() bool { return len(l.about(m)) <= before+2 })
	before = len(l.about(m))
	l.isThere(true)
	s.within(2*s.soon(), "the caller is asked again", l.askedTimes(m, before+1))
	checks := l.about(m)
	s.ok(s.engine().Settle(s.ctx, t, checks[len(checks)-1].Half, mq.Commit, mq.ByCheck), "commit")
	s.areExactly(s.collect(want(t, g), 1), m)
}

func nextRound(s *Scene) {
	t := s.topic(1)
	l := s.listen(s.engine(), t)
	m, _ := s.prepare(t, half(time.Second))
	for round := 1; round <= 3; round++ {
		s.within(time.Second+s.soon(), "the producer is asked in the next round", l.askedTimes(m, round))
		if got := l.about(m)[round-1]; !s.isRound(got, round) {
			s.fatalf("the check number %d says round %d", round, got.Round)
		}
	}
}

func settledIsNotAskedAbout(s *Scene) {
	t, g := s.topic(1), s.group()
	l := s.listening(t)
	first := s.leisurely(3 * time.Second)
	m, h := s.prepare(t, half(first))
	s.ok(s.settle(t, h, mq.Commit), "commit")
	s.ack(s.collect(want(t, g), 1)...)
	s.while(first+2*s.soon(), "nobody is asked about a settled transaction", func() bool { return len(l.about(m)) == 0 })
}

func onlyLiveTopics(s *Scene) {
	mine, theirs := s.topic(1), s.topic(1)
	l := s.listen(s.engine(), mine)
	a, _ := s.prepare(mine, half(time.Second))
	b, h := s.prepare(theirs, half(time.Second))
	s.within(time.Second+s.soon(), "the producer is asked about its own", l.askedTimes(a, 1))
	s.while(s.soon(), "nobody is asked about a topic without a producer", func() bool { return len(l.about(b)) == 0 })
	late := s.listen(s.engine(), theirs)
	s.within(s.soon(), "the other producer is asked once it is there", late.askedTimes(b, 1))
	s.ok(s.settle(theirs, h, mq.Rollback), "rollback")
}

func oneCaller(s *Scene) {
	t := s.topic(1)
	both := []*listener{s.listening(t), s.listen(s.engine(), t)}
	ms := s.messages(40, half(time.Second))
	sent := s.send(t, ms...)
	asked := func(m mq.Message) (checks []mq.Check) {
		for _, l := range both {
			checks = append(checks, l.about(m)...)
		}
		return checks
	}
	for round := 1; round <= 2; round++ {
		s.within(time.Second+s.soon(), "somebody is asked about each in each round", func() bool {
			return !slices.ContainsFunc(ms, func(m mq.Message) bool { return len(asked(m)) < round })
		})
	}
	for i, m := range ms {
		rounds := map[int]int{}
		for _, c := range asked(m) {
			if rounds[c.Round]++; rounds[c.Round] > 1 {
				s.fatalf("round %d of %s was asked %d times", c.Round, m.ID, rounds[c.Round])
			}
		}
		s.ok(s.settle(t, sent[i].Half, mq.Rollback), "rollback")
	}
}

func checksEnd(s *Scene) {
	ctx, end := context.WithCancel(s.ctx)
	over := make(chan error, 1)
	go func() {
		over <- s.engine().Checks(ctx, func() []mq.Topic { return nil }, func(mq.Check) bool { return true })
	}()
	end()
	var err error
	s.eventually("Checks returns", func() bool {
		select {
		case err = <-over:
			return true
		default:
			return false
		}
	})
	if err == nil {
		s.fatalf("Checks ended with nil, want the error of its context")
	}
}

func roundsEnd(s *Scene) {
	t, g := s.topic(1), s.group()
	l := s.listen(s.engine(), t)
	m, _ := s.prepare(t, half(time.Second))
	for round := 1; round <= s.target.CheckRounds; round++ {
		s.within(time.Second+s.soon(), "the producer is asked in each round", l.askedTimes(m, round))
	}
	s.while(5*s.target.CheckEvery, "nobody is asked after the last round", func() bool {
		return len(l.about(m)) == s.target.CheckRounds
	})
	s.none(want(t, g), "a transaction that was given up is not delivered")
}
