// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func sendCases() []Case {
	return []Case{
		{Name: "send/what-was-sent-comes-back", Play: whatWasSentComesBack},
		{Name: "send/each-entry-of-a-batch-has-its-answer", Play: eachEntryHasItsAnswer},
		{Name: "send/an-empty-batch-has-no-answers", Play: emptyBatch},
		{Name: "send/offsets-ascend-without-gaps", Play: offsetsAscend},
		{Name: "send/a-message-group-has-one-queue", Play: messageGroupHasOneQueue},
		{Name: "send/messages-spread-over-queues", Play: messagesSpread},
		{Name: "send/the-same-id-is-stored-again", Play: sameIDIsStoredAgain},
		{Name: "send/the-body-belongs-to-the-caller-afterwards", Play: bodyBelongsToCaller},
		{Name: "send/big-and-small-bodies", Play: bigAndSmall},
		{Name: "send/an-ended-context", Play: endedContext},
		{Name: "send/a-weaker-durability", Play: weakerDurability},
	}
}

func whatWasSentComesBack(s *Scene) {
	t, g := s.topic(4), s.group()
	ms := []mq.Message{
		s.message(), s.message(tagged("red")), s.message(with("price", "10.5")), s.message(inGroup("order-1")),
		s.message(func(m *mq.Message) { m.Keys, m.Properties, m.Trace, m.BornHost = nil, nil, "", "" }),
		s.message(func(m *mq.Message) { m.Encoding = mq.Gzip }),
	}
	s.sendEach(t, ms...)
	got := s.collect(want(t, g), len(ms)) // take compares each with what was sent
	s.areAll(got, ms...)
	s.attemptsAre(1, got...)
}

func eachEntryHasItsAnswer(s *Scene) {
	t := s.topic(4)
	ms := s.messages(20)
	for i, sent := range s.send(t, ms...) {
		s.liesAt(t, sent, ms[i])
	}
	got := s.collect(want(t, s.group()), len(ms))
	s.areAll(got, ms...)
}

// liesAt demands that the place of an answer holds the message.
func (s *Scene) liesAt(t mq.Topic, sent mq.Sent, m mq.Message) {
	q := mq.QueueRef{Topic: t, Broker: sent.Broker, Queue: sent.Queue}
	read, err := s.engine().Pull(s.ctx, q, sent.Offset, mq.ReadLimit{Messages: 1, Bytes: 1 << 20}, mq.Filter{})
	s.ok(err, fmt.Sprintf("pull %v at %d", q, sent.Offset))
	if len(read.Messages) != 1 || read.Messages[0].Message.ID != m.ID || read.Messages[0].Offset != sent.Offset {
		s.fatalf("at %v offset %d lies %v, want message %s", q, sent.Offset, read.Messages, m.ID)
	}
	s.sameAsSent(read.Messages[0].Message)
}

func emptyBatch(s *Scene) {
	if sent := s.engine().Send(s.ctx, s.topic(1), nil); len(sent) != 0 {
		s.fatalf("%d answers for no message", len(sent))
	}
}

func offsetsAscend(s *Scene) {
	t := s.topic(1)
	next := mq.Offset(0)
	for round := range 4 {
		for _, sent := range s.send(t, s.messages(round+1)...) {
			if sent.Offset != next {
				s.fatalf("offset %d, want %d: an offset is used once and none is left out", sent.Offset, next)
			}
			next++
		}
	}
	lo, hi, err := s.engine().Bounds(s.ctx, mq.QueueRef{Topic: t, Broker: s.broker(t), Queue: 0})
	s.ok(err, "bounds")
	if lo != 0 || hi != next {
		s.fatalf("bounds %d to %d, want 0 to %d", lo, hi, next)
	}
}

// broker is the broker of the topic's first queue.
func (s *Scene) broker(t mq.Topic) string {
	qs, err := s.engine().Refresh(s.ctx, t)
	s.ok(err, "refresh")
	if len(qs) == 0 {
		s.fatalf("topic %s has no queue", t.Name)
	}
	return qs[0].Broker
}

func messageGroupHasOneQueue(s *Scene) {
	t := s.topic(8, mq.FIFO)
	used := map[string]bool{}
	for group := range 16 {
		name := fmt.Sprintf("order-%d", group)
		var places []mq.Sent
		places = append(places, s.send(t, s.messages(3, inGroup(name))...)...)
		places = append(places, s.sendEach(t, s.messages(3, inGroup(name))...)...)
		for i := 1; i < len(places); i++ {
			if places[i].Broker != places[0].Broker || places[i].Queue != places[0].Queue {
				s.fatalf("message group %s lies in queues %d and %d", name, places[0].Queue, places[i].Queue)
			}
			if places[i].Offset <= places[i-1].Offset {
				s.fatalf("message group %s: offset %d after %d", name, places[i].Offset, places[i-1].Offset)
			}
		}
		used[fmt.Sprint(places[0].Broker, places[0].Queue)] = true
	}
	if len(used) < 3 {
		s.fatalf("16 message groups lie in %d of 8 queues: they must spread", len(used))
	}
}

func messagesSpread(s *Scene) {
	t := s.topic(4)
	used := map[string]int{}
	for _, sent := range s.sendEach(t, s.messages(200)...) {
		used[fmt.Sprint(sent.Broker, sent.Queue)]++
	}
	if len(used) < 4 {
		s.fatalf("200 messages lie in %d of 4 queues: %v", len(used), used)
	}
}

func sameIDIsStoredAgain(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	first, second := s.send(t, m)[0], s.send(t, m)[0]
	if first.Offset == second.Offset {
		s.fatalf("both lie at offset %d", first.Offset)
	}
	s.areExactly(s.collect(want(t, g), 2), m, m)
}

func bodyBelongsToCaller(s *Scene) {
	t, g := s.topic(1), s.group()
	ms := s.messages(8)
	s.send(t, ms...)
	for _, m := range ms {
		for i := range m.Body {
			m.Body[i] = '!'
		}
	}
	s.collect(want(t, g), len(ms)) // take compares with a copy that was made before
}

func bigAndSmall(s *Scene) {
	t, g := s.topic(1), s.group()
	var ms []mq.Message
	for _, size := range []int{1, 100, 4095, 4096, 70_000, 1 << 20} {
		ms = append(ms, s.message(func(m *mq.Message) {
			m.Body = make([]byte, size)
			for i := range m.Body {
				m.Body[i] = byte(i * size)
			}
		}))
	}
	s.sendEach(t, ms...)
	s.areExactly(s.collect(want(t, g), len(ms)), ms...)
}

func endedContext(s *Scene) {
	t, g := s.topic(1), s.group()
	over, end := context.WithCancel(s.ctx)
	end()
	ms := s.messages(3)
	s.remember(ms)
	sent := s.engine().Send(over, t, ms)
	if len(sent) != len(ms) {
		s.fatalf("%d answers for %d messages", len(sent), len(ms))
	}
	for _, one := range sent {
		s.timedOut(one.Err, "send with an ended context")
	}
	// Whatever became of them, the engine goes on, and what it said holds.
	m := s.message()
	s.send(t, m)
	seen := s.until(want(t, g), m)
	for i, one := range sent {
		came := slices.Contains(idsIn(seen), ms[i].ID.String())
		if one.Err == nil && !came {
			s.fatalf("message %s was acknowledged and is lost", ms[i].ID)
		}
		if mq.Outcome(one.Err) == mq.Refused && came {
			s.fatalf("message %s was refused and delivered", ms[i].ID)
		}
	}
}

// timedOut allows what an ended context may be answered with: that it was done in time, that nobody knows, or that it came too
// late to be begun.
func (s *Scene) timedOut(err error, doing string) {
	if err != nil && mq.KindOf(err) != mq.Timeout {
		s.fatalf("%s: %v (%v), want a timeout", doing, err, mq.KindOf(err))
	}
}

// until receives until the message came and gives all that came.
func (s *Scene) until(w mq.Want, m mq.Message) []mq.Delivery {
	var got []mq.Delivery
	s.within(s.target.Lateness, "message "+m.ID.String()+" is delivered", func() bool {
		got = append(got, s.take(w)...)
		return slices.Contains(idsIn(got), m.ID.String())
	})
	return got
}

func weakerDurability(s *Scene) {
	t, g := s.topic(2), s.group()
	t.Durability = s.window(20 * time.Millisecond)
	s.ok(s.engine().PutTopic(s.ctx, t), "put topic")
	b := s.arm(want(t, g))
	ms := s.messages(30)
	s.send(t, ms[:20]...)
	s.within(s.target.Lateness, "the waiter is woken", b.rung)
	s.sendEach(t, ms[20:]...)
	got := s.collect(want(t, g), len(ms))
	s.areAll(got, ms...)
	s.ack(got...)
	s.none(want(t, g), "all is acknowledged")
}
