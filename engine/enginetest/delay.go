// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func delayCases() []Case {
	return []Case{
		{Name: "delay/never-early-and-not-late", Play: neverEarly},
		{Name: "delay/a-time-that-has-passed-is-now", Play: pastIsNow},
		{Name: "delay/each-at-its-own-time", Play: eachAtItsTime},
		{Name: "delay/has-no-place-before-its-time", Play: noPlaceBeforeItsTime},
		{Name: "delay/recall", Excluded: recalls, Play: recalled, Inverse: recallUnsupported},
		{Name: "delay/recall-after-its-time", Excluded: recalls, Play: recallTooLate},
		{Name: "delay/recall-of-a-foreign-token", Excluded: recalls, Play: recallForeign},
		{Name: "delay/the-longest", Play: longestDelay},
		{Name: "delay/many-at-one-time", Play: manyAtOneTime},
	}
}

func recalls(t mq.Traits) string {
	if t.Recall {
		return ""
	}
	return "a scheduled message cannot be recalled"
}

func neverEarly(s *Scene) {
	t, g := s.topic(2), s.group()
	due := s.now().Add(8 * time.Second)
	m := s.message(dueAt(due))
	s.send(t, m)
	late := s.noneUntil(due, want(t, g), "its time has not come")
	got := s.collect(want(t, g), 1, late...) // within the target's lateness
	s.areExactly(got, m)
	s.attemptsAre(1, got...)
	if s.now().Before(due) {
		s.fatalf("delivered at %v, due at %v", s.now(), due)
	}
	s.ack(got...)
	s.noneWhile(rest, want(t, g), "it was delivered once and acknowledged")
}

func pastIsNow(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message(dueAt(s.now().Add(-time.Minute)))
	s.send(t, m)
	s.areExactly(s.collect(want(t, g), 1), m)
}

func eachAtItsTime(s *Scene) {
	t, g := s.topic(2), s.group()
	begin := s.now()
	due := map[mq.MessageID]time.Time{}
	for _, after := range []int{9, 3, 6, 3, 12, 1} {
		m := s.message(dueAt(begin.Add(time.Duration(after) * time.Second)))
		due[m.ID] = m.DeliverAt
		s.send(t, m)
	}
	end := begin.Add(12*time.Second + s.target.Lateness)
	for len(due) > 0 {
		for _, d := range s.take(want(t, g, lasting(time.Hour))) {
			at, waiting := due[d.Message.ID]
			switch now := s.now(); {
			case !waiting:
				s.fatalf("message %s came twice", d.Message.ID)
			case now.Before(at):
				s.fatalf("message %s came %v early", d.Message.ID, at.Sub(now))
			}
			delete(due, d.Message.ID)
		}
		if s.now().Before(end) {
			s.pass(250 * time.Millisecond)
			continue
		}
		before := len(due)
		if before > 0 {
			s.eventually("the last of the scheduled messages is delivered", func() bool {
				for _, d := range s.take(want(t, g, lasting(time.Hour))) {
					delete(due, d.Message.ID)
				}
				return len(due) == 0
			})
		}
	}
}

func noPlaceBeforeItsTime(s *Scene) {
	t := s.topic(1)
	sent := s.send(t, s.message(dueAt(s.now().Add(time.Hour))))[0]
	if sent.Offset != -1 {
		s.fatalf("a scheduled message has offset %d, want -1: it has no place yet", sent.Offset)
	}
	if s.traits.Recall && sent.Scheduled.IsZero() {
		s.fatalf("a scheduled message came without the means to recall it")
	}
	if plain := s.send(t, s.message())[0]; plain.Offset != 0 || !plain.Scheduled.IsZero() || !plain.Half.IsZero() {
		s.fatalf("the first normal message: %+v, want offset 0 and nothing to recall or settle", plain)
	}
}

func recalled(s *Scene) {
	t, g := s.topic(1), s.group()
	due := s.now().Add(2 * s.leisurely(3*time.Second))
	away, stays := s.message(dueAt(due)), s.message(dueAt(due))
	sent := s.send(t, away, stays)
	s.ok(s.engine().Recall(s.ctx, t, sent[0].Scheduled), "recall")
	s.refused(s.engine().Recall(s.ctx, t, sent[0].Scheduled), "a second recall", mq.MessageNotFound)
	s.passUntil(due)
	s.areExactly(s.collect(want(t, g, lasting(time.Hour)), 1), stays)
	s.noneWhile(rest, want(t, g), "it was recalled")
}

func recallUnsupported(s *Scene) {
	t := s.topic(1)
	m := s.message(dueAt(s.now().Add(time.Hour)))
	s.send(t, m)
	s.refused(s.engine().Recall(s.ctx, t, mq.Scheduled{Cluster: s.target.Cluster, Message: m.ID, Token: "any"}), "recall", mq.Unsupported)
}

func recallTooLate(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message(dueAt(s.now().Add(3 * time.Second)))
	sent := s.send(t, m)[0]
	s.passUntil(m.DeliverAt)
	got := s.collect(want(t, g), 1)
	s.refused(s.engine().Recall(s.ctx, t, sent.Scheduled), "recall after its time", mq.MessageNotFound)
	s.ack(got...)
	s.refused(s.engine().Recall(s.ctx, t, sent.Scheduled), "recall after the ack", mq.MessageNotFound)
}

func recallForeign(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message(dueAt(s.now().Add(3 * time.Second)))
	sent := s.send(t, m)[0]
	for _, token := range []string{"", "x", "no token of this engine", sent.Scheduled.Token[:len(sent.Scheduled.Token)/2]} {
		foreign := sent.Scheduled
		foreign.Token = token
		s.refused(s.engine().Recall(s.ctx, t, foreign), "recall with a foreign token")
	}
	s.passUntil(m.DeliverAt)
	s.areExactly(s.collect(want(t, g), 1), m)
}

func longestDelay(s *Scene) {
	if s.traits.MaxDelay <= 0 {
		s.fatalf("the traits name no longest delay")
	}
	t, g := s.topic(1), s.group()
	m := s.message(dueAt(s.now().Add(min(s.traits.MaxDelay, mq.MaxDelay) - time.Minute)))
	s.send(t, m)
	s.none(want(t, g), "its time has not come")
	if !s.traits.VirtualTime {
		return
	}
	s.passUntil(s.justBefore(m.DeliverAt))
	s.none(want(t, g), "its time has not come")
	s.passUntil(m.DeliverAt)
	s.areExactly(s.collect(want(t, g), 1), m)
}

// manyAtOneTime recalls some of many messages that are due at the same moment: each handle means its own message.
func manyAtOneTime(s *Scene) {
	t, g := s.topic(4), s.group()
	n, after := 1500, 20*time.Second
	if !s.traits.VirtualTime {
		n, after = 100, 30*time.Second
	}
	due := s.now().Add(after).Truncate(time.Millisecond)
	ms := s.messages(n, dueAt(due))
	var sent []mq.Sent
	for at := 0; at < n; at += 25 {
		sent = append(sent, s.send(t, ms[at:at+25]...)...)
	}
	var stay []mq.Message
	for i, one := range sent {
		if s.traits.Recall && i*7%5 < 2 {
			s.ok(s.engine().Recall(s.ctx, t, one.Scheduled), "recall")
			s.refused(s.engine().Recall(s.ctx, t, one.Scheduled), "a second recall", mq.MessageNotFound)
			continue
		}
		stay = append(stay, ms[i])
	}
	s.none(want(t, g), "nothing is due")
	s.passUntil(due)
	got := s.collect(want(t, g, lasting(time.Hour)), len(stay))
	s.areAll(got, stay...)
	s.noneWhile(2*time.Second, want(t, g), "all others were recalled")
}
