// SPDX-License-Identifier: Apache-2.0

package enginetest_test

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

// The quiet half of the reference engine: pull, topology, provisioning and looking.

func (r *reference) queueOf(q mq.QueueRef) []mq.Stored {
	topic := r.topic(q.Topic)
	return topic.queues[q.Queue]
}

func (r *reference) Pull(_ context.Context, q mq.QueueRef, from mq.Offset, limit mq.ReadLimit, written mq.Filter) (mq.Read, error) {
	f, err := filter.Compile(written)
	if err != nil {
		return mq.Read{}, mq.Refuse(mq.IllegalFilter, "%v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	queue := r.queueOf(q)
	if from < 0 || int(from) > len(queue) {
		return mq.Read{}, mq.Refuse(mq.IllegalOffset, "offset %d lies outside 0 to %d", from, len(queue))
	}
	read := mq.Read{Next: from, Hi: mq.Offset(len(queue))}
	size := 0
	for _, m := range queue[from:] {
		pass, _ := f.Match(filter.Message(&m.Message))
		if pass && len(read.Messages) > 0 && (len(read.Messages) == limit.Messages || size+len(m.Message.Body) > limit.Bytes) {
			break
		}
		read.Next = m.Offset + 1
		if pass {
			read.Messages = append(read.Messages, m)
			size += len(m.Message.Body)
		}
		if len(read.Messages) == limit.Messages {
			break
		}
	}
	if r.has("a pull does not move past what the filter holds back") {
		read.Next = from + mq.Offset(len(read.Messages))
	}
	return read, nil
}

func (r *reference) Bounds(_ context.Context, q mq.QueueRef) (lo, hi mq.Offset, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return 0, mq.Offset(len(r.queueOf(q))), nil
}

func (r *reference) At(_ context.Context, q mq.QueueRef, t time.Time) (mq.Offset, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return firstAt(r.queueOf(q), t), nil
}

func (r *reference) Committed(_ context.Context, g mq.Group, q mq.QueueRef) (mq.Offset, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.committed[ledgerName{g.Name, q.Topic.Name, q.Queue}]
	if !ok {
		return 0, mq.Refuse(mq.OffsetNotFound, "no offset was committed")
	}
	return at, nil
}

func (r *reference) Commit(_ context.Context, g mq.Group, q mq.QueueRef, at mq.Offset) error {
	if g.Mode == mq.Leases {
		return mq.Refuse(mq.Conflict, "group %s leases", g.Name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.committed[ledgerName{g.Name, q.Topic.Name, q.Queue}] = at
	return nil
}

func (r *reference) Queues(t mq.Topic) (mq.QueueSet, bool) {
	qs, err := r.Refresh(context.Background(), t)
	return qs, err == nil
}

func (r *reference) Refresh(_ context.Context, t mq.Topic) (mq.QueueSet, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	topic := r.topics[t.Name]
	if topic == nil {
		return nil, mq.Refuse(mq.TopicNotFound, "no topic %s", t.Name)
	}
	var qs mq.QueueSet
	for i := range topic.queues {
		qs = append(qs, mq.Queue{ID: mq.QueueID(i), Readable: true, Writable: true})
	}
	return qs, nil
}

func (r *reference) Changed() <-chan struct{}    { return r.changed }
func (r *reference) Probe(context.Context) error { return nil }

func (r *reference) PutTopic(_ context.Context, t mq.TopicSpec) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.topic(t).spec = t
	return nil
}

func (r *reference) DropTopic(_ context.Context, name mq.Physical) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if topic := r.topics[name]; topic != nil {
		topic.dropped = true
		for token, h := range r.halves {
			if h.topic.Name == name {
				delete(r.halves, token)
			}
		}
		delete(r.topics, name)
	}
	for k := range r.ledgers {
		if k.topic == name {
			delete(r.ledgers, k)
		}
	}
	return nil
}

func (r *reference) PutGroup(_ context.Context, g mq.GroupSpec) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.groups[g.Name] = g
	return nil
}

func (r *reference) DropGroup(_ context.Context, name mq.Physical) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.groups, name)
	for k := range r.ledgers {
		if k.group == name {
			delete(r.ledgers, k)
		}
	}
	return nil
}

func (r *reference) PutRights(context.Context, mq.Principal, []mq.Right) error {
	return mq.Refuse(mq.Unsupported, "no access control")
}

func (r *reference) Inventory(context.Context) (mq.Inventory, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var inv mq.Inventory
	inv.Coarse.Plain = r.lesser
	for _, t := range r.topics {
		inv.Topics = append(inv.Topics, inv.Coarse.Topic(t.spec))
	}
	for _, g := range r.groups {
		inv.Groups = append(inv.Groups, g)
	}
	return inv, nil
}

func (r *reference) Find(_ context.Context, f mq.Find) (mq.Page, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	page := mq.Page{From: f.Begin, To: f.End}
	if page.To.IsZero() {
		page.To = r.clock.Now().Add(time.Nanosecond)
	}
	var all []mq.Found
	if topic := r.topics[f.Topic.Name]; topic != nil {
		for _, q := range topic.queues {
			for _, m := range q {
				all = append(all, mq.Found{Stored: m, State: mq.FoundStored})
			}
		}
	}
	for _, token := range slices.Sorted(keys(r.scheduled)) {
		if s := r.scheduled[token]; s.topic.Name == f.Topic.Name && !s.over {
			all = append(all, mq.Found{Stored: mq.Stored{Message: s.message, Topic: f.Topic.Name, Offset: -1}, State: mq.FoundScheduled, Due: s.message.DeliverAt})
		}
	}
	for _, token := range slices.Sorted(keys(r.halves)) {
		if h := r.halves[token]; h.topic.Name == f.Topic.Name && h.verdict == 0 {
			all = append(all, mq.Found{Stored: mq.Stored{Message: h.message, Topic: f.Topic.Name, Offset: -1, StoredAt: h.born}, State: mq.FoundHalf})
		}
	}
	all = slices.DeleteFunc(all, func(m mq.Found) bool { return !fits(f, m, page.From, page.To) })
	slices.SortStableFunc(all, func(a, b mq.Found) int { return b.StoredAt.Compare(a.StoredAt) })
	skip, _ := strconv.Atoi(f.Cursor)
	end := min(skip+f.Limit, len(all))
	page.Messages = all[skip:end]
	if end < len(all) {
		page.Next = strconv.Itoa(end)
		if r.has("a page leaves one out") {
			page.Next = strconv.Itoa(end + 1)
		}
	}
	return page, nil
}

func fits(f mq.Find, m mq.Found, from, to time.Time) bool {
	switch {
	case f.ID != mq.MessageID{}:
		return m.Message.ID == f.ID
	case f.Key != mq.Key{}:
		return slices.Contains(m.Message.Keys, f.Key)
	case f.Place != nil:
		return m.State == mq.FoundStored && m.Queue == f.Place.Queue && m.Offset == f.Place.Offset
	}
	return m.State == mq.FoundStored && !m.StoredAt.Before(from) && m.StoredAt.Before(to)
}

func (r *reference) Progress(_ context.Context, g mq.Group, t mq.Topic) ([]mq.QueueProgress, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.progress(g, t), nil
}

func (r *reference) progress(g mq.Group, t mq.Topic) (all []mq.QueueProgress) {
	topic := r.topic(t)
	for q, queue := range topic.queues {
		p := mq.QueueProgress{Queue: mq.QueueID(q), Hi: mq.Offset(len(queue))}
		if g.Mode == mq.Pulls {
			p.Committed = r.committed[ledgerName{g.Name, t.Name, p.Queue}]
			p.Ready = int64(p.Hi - p.Committed)
			all = append(all, p)
			continue
		}
		l := r.ledger(g, topic, p.Queue)
		p.Committed, p.Begun = l.start, len(l.entries) > 0
		for ; l.entries[p.Committed] != nil && l.entries[p.Committed].settled; p.Committed++ {
		}
		for at := p.Committed; at < p.Hi; at++ {
			switch e := l.entries[at]; {
			case e == nil:
				p.Ready++
			case e.settled:
				continue
			case r.clock.Now().Before(e.until):
				p.Leased++
			default:
				p.Ready++
			}
			if p.Oldest.IsZero() {
				p.Oldest = queue[at].StoredAt
			}
		}
		all = append(all, p)
	}
	return all
}

func (r *reference) Fate(_ context.Context, g mq.Group, t mq.Topic, at mq.Place) (mq.Fate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	topic := r.topic(t)
	if int(at.Offset) >= len(topic.queues[at.Queue]) {
		return mq.Fate{State: mq.FateUnknown}, nil
	}
	l := r.ledger(g, topic, at.Queue)
	switch e := l.entries[at.Offset]; {
	case e == nil:
		f := mq.Fate{State: mq.FateUnread}
		for o := l.start; o < at.Offset; o++ {
			if l.entries[o] == nil {
				f.Ahead++
			}
		}
		return f, nil
	case e.settled:
		return mq.Fate{State: mq.FateSettled}, nil
	case r.clock.Now().Before(e.until):
		return mq.Fate{State: mq.FateLeased, Attempt: e.attempt, Until: e.until}, nil
	default:
		return mq.Fate{State: mq.FateRetrying, Attempt: e.attempt}, nil
	}
}

func (r *reference) Reset(_ context.Context, g mq.Group, t mq.Topic, to mq.Position) (mq.ResetDone, error) {
	r.mu.Lock()
	defer r.wake()
	defer r.mu.Unlock()
	done := mq.ResetDone{Before: r.progress(g, t)}
	for _, p := range done.Before {
		if p.Leased > 0 && (!to.Force || r.lesser) && !r.has("a reset overlooks leases") {
			return mq.ResetDone{}, mq.Refuse(mq.Conflict, "%d leases live in queue %d", p.Leased, p.Queue)
		}
	}
	topic := r.topic(t)
	for q, queue := range topic.queues {
		id := mq.QueueID(q)
		if to.Kind == mq.ToOffset && to.Queue != mq.AnyQueue && to.Queue != id {
			continue
		}
		at := mq.Offset(0)
		switch to.Kind {
		case mq.ToTime:
			at = firstAt(queue, to.Time)
		case mq.ToLatest:
			at = mq.Offset(len(queue))
		case mq.ToOffset:
			at = min(to.Offset, mq.Offset(len(queue)))
		}
		if g.Mode == mq.Pulls {
			r.committed[ledgerName{g.Name, t.Name, id}] = at
			continue
		}
		r.ledgers[ledgerName{g.Name, t.Name, id}] = &ledger{start: at, entries: map[mq.Offset]*entry{}}
	}
	done.After = r.progress(g, t)
	return done, nil
}

func (r *reference) Nodes(context.Context) (mq.Nodes, error) {
	return mq.Nodes{Nodes: []mq.Node{{Broker: "reference", ID: -1, Primary: true, PutRate: -1, GetRate: -1, Disk: -1, From: -1, To: -1}}}, nil
}

func (r *reference) State(context.Context) (mq.ClusterState, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := mq.ClusterState{Engine: "reference", Healthy: true, Writable: true, Topics: len(r.topics), Groups: len(r.groups)}
	for _, x := range r.scheduled {
		if !x.over {
			s.Scheduled++
		}
	}
	for _, h := range r.halves {
		if h.verdict == 0 {
			s.Halves++
		}
	}
	for _, l := range r.ledgers {
		for _, e := range l.entries {
			if !e.settled && cmp.Compare(r.clock.Now().UnixNano(), e.until.UnixNano()) < 0 {
				s.Leased++
			}
		}
	}
	return s, nil
}
