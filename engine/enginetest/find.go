// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

func findCases() []Case {
	return []Case{
		{Name: "find/by-id", Play: findByID},
		{Name: "find/by-key", Play: findByKey},
		{Name: "find/by-time", Play: findByTime},
		{Name: "find/by-place", Play: findByPlace},
		{Name: "find/pages", Play: findPages},
		{Name: "find/scheduled-and-half", Play: findScheduledAndHalf},
		{Name: "find/nothing", Play: findNothing},
		{Name: "find/does-not-consume", Play: findDoesNotConsume},
	}
}

func (s *Scene) find(f mq.Find) mq.Page {
	if f.Limit == 0 {
		f.Limit = 100
	}
	page, err := s.engine().Find(s.ctx, f)
	s.ok(err, "find")
	if len(page.Messages) > f.Limit {
		s.fatalf("%d messages on a page of %d", len(page.Messages), f.Limit)
	}
	for _, m := range page.Messages {
		s.sameAsSent(m.Message)
	}
	return page
}

// finds demands these messages in any order; an engine may need a moment to index.
func (s *Scene) finds(f mq.Find, want ...mq.Message) mq.Page {
	var page mq.Page
	s.within(s.target.Lateness, "the search finds what was sent", func() bool {
		page = s.find(f)
		return len(page.Messages) >= len(want)
	})
	var got []string
	for _, m := range page.Messages {
		got = append(got, m.Message.ID.String())
	}
	ids := idsOf(want)
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		s.fatalf("found %v, want %v", got, ids)
	}
	return page
}

func findByID(s *Scene) {
	t, other := s.topic(4), s.topic(1)
	ms := s.messages(20)
	sent := s.sendEach(t, ms...)
	for _, i := range []int{0, 7, 19} {
		page := s.finds(mq.Find{Topic: t, ID: ms[i].ID}, ms[i])
		got := page.Messages[0]
		if got.State != mq.FoundStored || got.Queue != sent[i].Queue || got.Offset != sent[i].Offset || got.Topic != t.Name {
			s.fatalf("found %s in %s queue %d offset %d, sent to queue %d offset %d", got.State, got.Topic, got.Queue, got.Offset, sent[i].Queue, sent[i].Offset)
		}
	}
	if page := s.find(mq.Find{Topic: other, ID: ms[0].ID}); len(page.Messages) != 0 {
		s.fatalf("the message was found in a topic in which it is not")
	}
}

func findByKey(s *Scene) {
	t := s.topic(4)
	invoice, err := mq.ParseKey("invoice-" + s.run)
	s.ok(err, "key")
	var ms []mq.Message
	for i := range 10 {
		m := s.message()
		if i%3 == 0 {
			m.Keys = append(m.Keys, invoice)
			ms = append(ms, m)
		}
		s.send(t, m)
	}
	s.finds(mq.Find{Topic: t, Key: invoice}, ms...)
	s.finds(mq.Find{Topic: t, Key: ms[1].Keys[0]}, ms[1])
}

func findByTime(s *Scene) {
	t := s.topic(2)
	s.sendEach(t, s.messages(3)...)
	s.pass(5 * time.Second)
	begin := s.now()
	s.pass(2 * time.Second)
	ms := s.messages(4)
	s.sendEach(t, ms...)
	s.pass(5 * time.Second)
	end := s.now()
	s.pass(2 * time.Second)
	s.sendEach(t, s.messages(3)...)
	page := s.finds(mq.Find{Topic: t, Begin: begin, End: end}, ms...)
	if page.From.After(begin.Add(time.Second)) || page.To.Before(end.Add(-time.Second)) {
		s.fatalf("the page says that %v to %v was searched, asked for %v to %v", page.From, page.To, begin, end)
	}
}

func findByPlace(s *Scene) {
	t := s.topic(2)
	ms := s.messages(10)
	for i, sent := range s.sendEach(t, ms...) {
		s.finds(mq.Find{Topic: t, Place: &mq.Place{Broker: sent.Broker, Queue: sent.Queue, Offset: sent.Offset}}, ms[i])
	}
}

func findPages(s *Scene) {
	t := s.topic(3)
	ms := s.messages(25)
	for part := range slices.Chunk(ms, 5) {
		s.sendEach(t, part...)
		s.pass(50 * time.Millisecond)
	}
	f := mq.Find{Topic: t, Begin: s.now().Add(-time.Hour), Limit: 4}
	seen, last := map[string]int{}, time.Time{}
	for pages := 1; ; pages++ {
		page := s.find(f)
		for _, m := range page.Messages {
			seen[m.Message.ID.String()]++
			if !last.IsZero() && m.StoredAt.After(last) {
				s.fatalf("message %s of %v stands after one of %v: the newest come first", m.Message.ID, m.StoredAt, last)
			}
			last = m.StoredAt
		}
		if page.Next == "" {
			break
		}
		if pages > 50 {
			s.fatalf("50 pages and no end")
		}
		f.Cursor = page.Next
	}
	for _, m := range ms {
		if n := seen[m.ID.String()]; n != 1 {
			s.fatalf("message %s stood on %d pages", m.ID, n)
		}
	}
}

func findScheduledAndHalf(s *Scene) {
	t := s.topic(1)
	scheduled := s.message(dueAt(s.now().Add(time.Hour).Truncate(time.Millisecond)))
	s.send(t, scheduled)
	halved, h := s.prepare(t)
	got := s.finds(mq.Find{Topic: t, ID: scheduled.ID}, scheduled).Messages[0]
	if got.State != mq.FoundScheduled || !got.Due.Truncate(time.Millisecond).Equal(scheduled.DeliverAt) {
		s.fatalf("found %s, due %v; want scheduled, due %v", got.State, got.Due, scheduled.DeliverAt)
	}
	if got := s.finds(mq.Find{Topic: t, ID: halved.ID}, halved).Messages[0]; got.State != mq.FoundHalf {
		s.fatalf("found %s, want half", got.State)
	}
	s.ok(s.settle(t, h, mq.Commit), "commit")
	s.within(s.target.Lateness, "the committed message is found as stored, and once", func() bool {
		page := s.find(mq.Find{Topic: t, ID: halved.ID})
		return len(page.Messages) == 1 && page.Messages[0].State == mq.FoundStored
	})
}

func findNothing(s *Scene) {
	t := s.topic(1)
	s.send(t, s.message())
	if page := s.find(mq.Find{Topic: t, ID: s.message().ID}); len(page.Messages) != 0 || page.Next != "" {
		s.fatalf("found %d messages that were never sent", len(page.Messages))
	}
	future := mq.Find{Topic: t, Begin: s.now().Add(time.Hour), End: s.now().Add(2 * time.Hour)}
	if page := s.find(future); len(page.Messages) != 0 {
		s.fatalf("found %d messages in the future", len(page.Messages))
	}
	if page := s.find(mq.Find{Topic: t, Place: &mq.Place{Broker: s.broker(t), Offset: 99}}); len(page.Messages) != 0 {
		s.fatalf("found %d messages at an offset that does not exist", len(page.Messages))
	}
}

func findDoesNotConsume(s *Scene) {
	t, g := s.topic(1), s.group()
	m := s.message()
	s.send(t, m)
	s.finds(mq.Find{Topic: t, ID: m.ID}, m)
	got := s.collect(want(t, g), 1)
	s.attemptsAre(1, got...)
	s.finds(mq.Find{Topic: t, ID: m.ID}, m)
	s.ack(got...)
	s.finds(mq.Find{Topic: t, ID: m.ID}, m)
}
