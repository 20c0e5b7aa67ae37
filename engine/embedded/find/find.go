// SPDX-License-Identifier: Apache-2.0

// Package find searches the embedded engine's messages for people: by id, by key, by place and by time.
package find

import (
	"context"
	"fmt"
	"github.com/causeway-mq/causeway/engine/embedded/journal"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/index"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/timer"
	"github.com/causeway-mq/causeway/engine/embedded/token"
	"github.com/causeway-mq/causeway/engine/embedded/txn"
	"github.com/causeway-mq/causeway/mq"
)

const (
	maxPage   = 100
	findReads = 1000 // records that one page reads at most
)

// The steps of a search by time.
const (
	stepStored = iota
	stepHalves
	stepWaiting
)

// Finder searches what a journal holds.
type Finder struct {
	Journal *journal.Journal
	Broker  string // the name that found messages carry
	Cluster mq.Cluster
}

// Find searches messages. By id and key it answers newest first; by time the stored ones newest first over all queues, then halves,
// then scheduled messages by due time.
func (e Finder) Find(ctx context.Context, f mq.Find) (mq.Page, error) {
	page := mq.Page{From: f.Begin, To: f.End}
	if err := e.Journal.Alive(ctx); err != nil {
		return page, err
	}
	if f.End.IsZero() {
		page.To = time.Unix(0, e.Journal.Now())
	}
	e.Journal.Lock()
	t := e.Journal.State().Topic(f.Topic.Name)
	s := search{Finder: e, find: f, page: &page, from: nanos(f.Begin), to: nanos(f.End)}
	if t != nil {
		s.topic, s.queues = t.ID, len(t.Queues)
	}
	e.Journal.Unlock()
	if t == nil {
		return page, mq.Refuse(mq.TopicNotFound, "no topic %s", f.Topic.Name)
	}
	s.limit = min(max(f.Limit, 1), maxPage)
	switch {
	case f.Only != "":
		return page, s.waiting()
	case f.Place != nil:
		return page, s.byPlace()
	case f.ID != (mq.MessageID{}):
		return page, s.byHash(ctx, journal.Key(journal.SortID, t.ID, []byte(f.ID.String())))
	case f.Key != (mq.Key{}):
		return page, s.byHash(ctx, journal.Key(journal.SortKey, t.ID, []byte(f.Key.String())))
	}
	return page, s.byTime(ctx)
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// search is one Find on its way.
type search struct {
	Finder
	find     mq.Find
	page     *mq.Page
	topic    record.TopicID
	queues   int
	from, to int64 // stored in [from, to); to 0 = now
	limit    int
	reads    int
}

func (s *search) full() bool { return len(s.page.Messages) >= s.limit || s.reads >= findReads }

func (s *search) inWindow(at int64) bool { return at >= s.from && (s.to == 0 || at < s.to) }

func (s *search) byPlace() error {
	p := s.find.Place
	if p.Broker != "" && p.Broker != s.Broker || p.Queue < 0 || int(p.Queue) >= s.queues {
		return nil
	}
	stored, err := s.Journal.ReadOne(record.Queue{Topic: s.topic, Queue: p.Queue}, int64(p.Offset))
	if journal.IsLost(err) {
		return nil
	}
	if err == nil {
		s.add(stored, mq.FoundStored, time.Time{})
	}
	return err
}

func (s *search) add(stored mq.Stored, state mq.FoundState, due time.Time) {
	stored.Topic, stored.Broker = s.find.Topic.Name, s.Broker
	s.page.Messages = append(s.page.Messages, mq.Found{Stored: stored, State: state, Due: due})
}

// last is what was added last.
func (s *search) last() *mq.Found { return &s.page.Messages[len(s.page.Messages)-1] }

// waiting lists the topic's messages that wait: the halves as they came, the scheduled ones by due time. The cursor says how far, in the whole engine: a page may be short, even
// empty, though more follow, since all topics' scheduled messages stand in one order.
func (s *search) waiting() error {
	if s.find.Only != mq.FoundScheduled && s.find.Only != mq.FoundHalf {
		return mq.Refuse(mq.BadRequest, "only %q: scheduled or half", s.find.Only)
	}
	due, id := int64(0), log.Position(0)
	if s.find.Cursor != "" {
		if _, err := fmt.Sscanf(s.find.Cursor, "w%d.%d", &due, &id); err != nil || due < 0 || id < 0 {
			return mq.Refuse(mq.BadRequest, "not a cursor of this search")
		}
	}
	var err error
	if s.find.Only == mq.FoundScheduled {
		due, id, err = s.scheduledByTime(due, id)
	}
	for more := s.find.Only == mq.FoundHalf; more && err == nil && !s.full(); { // some may be settled while they are read
		was := id
		id, err = s.halvesByTime(id)
		more = id != was
	}
	if err == nil && s.full() {
		s.page.Next = fmt.Sprintf("w%d.%d", due, id)
	}
	return err
}

// byHash walks the records that carry a hash. The cursor is the last position.
func (s *search) byHash(ctx context.Context, hash uint64) error {
	before := log.Position(0)
	if s.find.Cursor != "" {
		if _, err := fmt.Sscanf(s.find.Cursor, "p%d", &before); err != nil || before <= 0 {
			return mq.Refuse(mq.BadRequest, "not a cursor of this search")
		}
	}
	for {
		found, err := s.Journal.Index().Find(index.Search{Hash: hash, From: s.from, To: s.to, Before: before, Limit: s.limit}, nil)
		if err != nil {
			return s.Journal.Trouble(err)
		}
		for _, pos := range found {
			if err := ctx.Err(); err != nil {
				return mq.Refuse(mq.Timeout, "the search was given up")
			}
			if s.full() {
				s.page.Next = fmt.Sprintf("p%d", before)
				return nil
			}
			before = pos
			if err := s.look(pos); err != nil {
				return err
			}
		}
		if len(found) < s.limit {
			return nil
		}
	}
}

// look adds what a record holds of what is searched.
func (s *search) look(pos log.Position) error {
	s.reads++
	err := s.Journal.ReadRecord(pos, 2048, func(p record.Part) error {
		switch p := p.(type) {
		case record.Message:
			if p.Queue.Topic == s.topic && s.inWindow(p.At) && s.matches(p.Raw) {
				return s.addMessage(pos, p)
			}
		case record.Scheduled:
			if p.Topic == s.topic && s.inWindow(p.At) && s.matches(p.Raw) {
				return s.addScheduled(pos, p)
			}
		case record.Half:
			if p.Topic == s.topic && s.inWindow(p.At) && s.matches(p.Raw) {
				return s.addHalf(pos, p)
			}
		}
		return nil
	})
	if journal.IsLost(err) {
		return nil
	}
	return err
}

func (s *search) matches(raw record.Raw) bool {
	var b record.Brief
	if raw.Brief(&b) != nil {
		return false
	}
	if s.find.ID != (mq.MessageID{}) {
		return string(b.ID) == s.find.ID.String()
	}
	if s.find.Key == (mq.Key{}) {
		return true
	}
	for _, k := range b.Keys {
		if string(k) == s.find.Key.String() {
			return true
		}
	}
	return false
}

// addMessage adds a message at its place, if this copy is the one that counts.
func (s *search) addMessage(pos log.Position, p record.Message) error {
	entry, ok, err := s.Journal.Index().Get(journal.Number(p.Queue), mq.Offset(p.Offset))
	if err != nil {
		return s.Journal.Trouble(err)
	}
	if !ok || entry.Position != pos {
		return nil
	}
	m, err := p.Raw.Message()
	if err == nil {
		s.add(mq.Stored{Message: m, Queue: p.Queue.Queue, Offset: mq.Offset(p.Offset), StoredAt: time.Unix(0, p.At)}, mq.FoundStored, time.Time{})
	}
	return err
}

func (s *search) addScheduled(pos log.Position, p record.Scheduled) error {
	if p.ID == 0 {
		p.ID = pos
	}
	s.Journal.Lock()
	entry, waits := s.Journal.State().Timers.Get(p.Due, p.ID)
	s.Journal.Unlock()
	if !waits || entry.At != pos {
		return nil
	}
	m, err := p.Raw.Message()
	if err == nil {
		s.add(mq.Stored{Message: m, Queue: -1, Offset: -1, StoredAt: time.Unix(0, p.At)}, mq.FoundScheduled, time.Unix(0, p.Due))
		s.last().Scheduled = mq.Scheduled{Cluster: s.Cluster, Message: m.ID, Token: token.Scheduled{Due: p.Due, ID: p.ID, Topic: s.topic}.String()}
	}
	return err
}

func (s *search) addHalf(pos log.Position, p record.Half) error {
	if p.ID == 0 {
		p.ID = pos
	}
	s.Journal.Lock()
	h, lives := s.Journal.State().Halves.Get(p.ID)
	s.Journal.Unlock()
	if !lives || h.At != pos {
		return nil
	}
	m, err := p.Raw.Message()
	if err == nil {
		s.add(mq.Stored{Message: m, Queue: -1, Offset: -1, StoredAt: time.Unix(0, p.At)}, mq.FoundHalf, time.Time{})
		s.last().Half, s.last().Round = mq.Half{Cluster: s.Cluster, Message: m.ID, Token: token.Half{ID: p.ID, Topic: s.topic}.String()}, h.Round
	}
	return err
}

// byTime walks the stored messages, then the halves, then the scheduled messages. The cursor says which of them and how far.
func (s *search) byTime(ctx context.Context) error {
	step, a, b := stepStored, int64(0), int64(0)
	var last *spot
	if s.find.Cursor != "" {
		last = new(spot)
		if _, err := fmt.Sscanf(s.find.Cursor, "s%d.%d.%d", &last.stored, &last.queue, &last.offset); err != nil {
			last = nil
			if _, err := fmt.Sscanf(s.find.Cursor, "t%d.%d.%d", &step, &a, &b); err != nil || step < stepHalves || step > stepWaiting || a < 0 || b < 0 {
				return mq.Refuse(mq.BadRequest, "not a cursor of this search")
			}
		}
	}
	if step == stepStored {
		last, err := s.storedByTime(ctx, last)
		if err != nil {
			return err
		}
		if s.full() {
			s.page.Next = fmt.Sprintf("s%d.%d.%d", last.stored, last.queue, last.offset)
			return nil
		}
		step = stepHalves
	}
	if step == stepHalves {
		next, err := s.halvesByTime(log.Position(a))
		if err != nil {
			return err
		}
		if s.full() {
			s.page.Next = fmt.Sprintf("t%d.%d.0", step, next)
			return nil
		}
		step, a, b = stepWaiting, 0, 0
	}
	due, id, err := s.scheduledByTime(a, log.Position(b))
	if err == nil && s.full() {
		s.page.Next = fmt.Sprintf("t%d.%d.%d", step, due, id)
	}
	return err
}

func (s *search) halvesByTime(after log.Position) (next log.Position, err error) {
	var list []txn.Half
	s.Journal.Lock()
	s.Journal.State().Halves.Each(func(h txn.Half) bool {
		if h.ID > after && h.Topic == s.find.Topic.Name && s.inWindow(h.Born) {
			list = append(list, h)
		}
		return len(list) < s.limit
	})
	s.Journal.Unlock()
	for _, h := range list {
		if s.full() {
			break
		}
		after = h.ID
		if err := s.look(h.At); err != nil {
			return after, err
		}
	}
	return after, nil
}

func (s *search) scheduledByTime(due int64, id log.Position) (int64, log.Position, error) {
	var list []timer.Entry
	s.Journal.Lock()
	s.Journal.State().Timers.Each(func(t timer.Entry) bool {
		if t.Due > due || t.Due == due && t.ID > id {
			list = append(list, t)
		}
		return len(list) < findReads
	})
	s.Journal.Unlock()
	for _, t := range list {
		if s.full() {
			break
		}
		due, id = t.Due, t.ID
		if err := s.look(t.At); err != nil {
			return due, id, err
		}
	}
	return due, id, nil
}
