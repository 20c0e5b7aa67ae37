// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
	"github.com/causeway-mq/causeway/proxy/route"
)

// memory is an engine without a disk and with simple rules, enough for the door's own tests: it keeps what it is given, knows
// leases by token, and fails on request.
type memory struct {
	clock clock.Clock

	mu      sync.Mutex // guards all below
	serial  int
	topics  map[mq.Physical]*memTopic
	groups  map[memKey]*memGroup
	offsets map[string]mq.Offset
	wakers  map[int]func()
	halves  map[string]*memHalf
	timers  map[string]*memTimer
	fail    map[string]error // by verb, for one call
	calls   map[string]int
	last    mq.Want
}

type memTopic struct {
	topic  mq.Topic
	queues [][]mq.Stored
}

type memKey struct{ group, topic mq.Physical }

type memGroup struct {
	attempts map[string]int       // by place
	settled  map[string]bool      // by place
	until    map[string]time.Time // by place: leased until
	place    map[string]string    // by token
	current  map[string]string    // by place: the token that settles
}

type memHalf struct {
	topic   mq.Topic
	message mq.Message
	verdict mq.Verdict
}

type memTimer struct {
	topic   mq.Topic
	message mq.Message
	gone    bool
}

func newMemory(c clock.Clock) *memory {
	return &memory{
		clock: c, topics: map[mq.Physical]*memTopic{}, groups: map[memKey]*memGroup{}, offsets: map[string]mq.Offset{},
		wakers: map[int]func(){}, halves: map[string]*memHalf{}, timers: map[string]*memTimer{}, fail: map[string]error{}, calls: map[string]int{},
	}
}

// failNext makes the next call of a verb fail.
func (m *memory) failNext(verb string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail[verb] = err
}

func (m *memory) count(verb string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[verb]
}

// enter needs mu.
func (m *memory) enter(verb string) error {
	m.calls[verb]++
	err := m.fail[verb]
	delete(m.fail, verb)
	return err
}

func (m *memory) token() string { m.serial++; return fmt.Sprintf("t%d", m.serial) }

func (m *memory) topic(t mq.Topic) *memTopic {
	kept, ok := m.topics[t.Name]
	if !ok {
		kept = &memTopic{topic: t, queues: make([][]mq.Stored, max(t.Queues, 1))}
		m.topics[t.Name] = kept
	}
	return kept
}

func (m *memory) store(t mq.Topic, msg mq.Message) mq.Sent {
	kept := m.topic(t)
	m.serial++
	q := mq.QueueID(m.serial % len(kept.queues))
	if msg.Group != (mq.MessageGroup{}) {
		q = msg.Group.QueueOf(len(kept.queues))
	}
	msg.Body = append([]byte(nil), msg.Body...)
	at := mq.Offset(len(kept.queues[q]))
	kept.queues[q] = append(kept.queues[q], mq.Stored{Message: msg, Topic: t.Name, Broker: "b0", Queue: q, Offset: at, StoredAt: m.clock.Now()})
	return mq.Sent{Broker: "b0", Queue: q, Offset: at}
}

func (m *memory) wake() {
	for id, w := range m.wakers {
		delete(m.wakers, id)
		w()
	}
}

func (m *memory) Send(_ context.Context, t mq.Topic, batch []mq.Message) []mq.Sent {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]mq.Sent, len(batch))
	for i, msg := range batch {
		if err := m.enter("send"); err != nil {
			out[i] = mq.Sent{Offset: -1, Err: err}
			continue
		}
		switch msg.Type {
		case mq.Transaction:
			token := m.token()
			m.halves[token] = &memHalf{topic: t, message: msg}
			out[i] = mq.Sent{Offset: -1, Half: mq.Half{Cluster: t.Cluster, Message: msg.ID, Token: token}}
		case mq.Delay:
			token := m.token()
			m.timers[token] = &memTimer{topic: t, message: msg}
			out[i] = mq.Sent{Offset: -1, Scheduled: mq.Scheduled{Cluster: t.Cluster, Message: msg.ID, Token: token}}
		default:
			out[i] = m.store(t, msg)
		}
	}
	m.wake()
	return out
}

func (m *memory) Settle(_ context.Context, _ mq.Topic, half mq.Half, v mq.Verdict, _ mq.SettledBy) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.enter("settle"); err != nil {
		return err
	}
	h, ok := m.halves[half.Token]
	switch {
	case !ok:
		return mq.Refuse(mq.InvalidTransaction, "no such transaction")
	case h.verdict == v:
		return nil
	case h.verdict != 0:
		return mq.Refuse(mq.Conflict, "it ended the other way")
	}
	if h.verdict = v; v == mq.Commit {
		m.store(h.topic, h.message)
		m.wake()
	}
	return nil
}

func (m *memory) Checks(ctx context.Context, _ func() []mq.Topic, _ func(mq.Check) bool) error {
	<-ctx.Done()
	return ctx.Err()
}

func (m *memory) Recall(_ context.Context, _ mq.Topic, s mq.Scheduled) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.enter("recall"); err != nil {
		return err
	}
	if t, ok := m.timers[s.Token]; ok && !t.gone {
		t.gone = true
		return nil
	}
	return mq.Refuse(mq.MessageNotFound, "the message is delivered or gone")
}

func placeOf(s mq.Stored) string { return fmt.Sprintf("%d/%d", s.Queue, s.Offset) }

func (m *memory) group(w mq.Want) *memGroup {
	k := memKey{w.Group.Name, w.Topic.Name}
	g, ok := m.groups[k]
	if !ok {
		g = &memGroup{map[string]int{}, map[string]bool{}, map[string]time.Time{}, map[string]string{}, map[string]string{}}
		m.groups[k] = g
	}
	return g
}

func (m *memory) Take(_ context.Context, w mq.Want) ([]mq.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = w
	if err := m.enter("take"); err != nil {
		return nil, err
	}
	wanted, err := filter.Compile(w.Filter)
	if err != nil {
		return nil, err
	}
	hold := w.Hold.Duration()
	if hold == 0 {
		hold = mq.DefaultHold
	}
	g, now := m.group(w), m.clock.Now()
	var out []mq.Delivery
	for q, stored := range m.topic(w.Topic).queues {
		if w.Queue != mq.AnyQueue && w.Queue != mq.QueueID(q) {
			continue
		}
		for _, s := range stored {
			p := placeOf(s)
			if len(out) == w.Max || g.settled[p] || g.until[p].After(now) {
				continue
			}
			if ok, _ := wanted.Match(filter.Message(&s.Message)); !ok {
				continue
			}
			g.attempts[p]++
			token := m.token()
			g.place[token], g.current[p], g.until[p] = p, token, now.Add(hold)
			out = append(out, mq.Delivery{
				Stored: s, Attempt: g.attempts[p],
				Lease: mq.Lease{Cluster: w.Topic.Cluster, Topic: w.Topic, Group: w.Group, Token: token, Until: now.Add(hold)},
			})
		}
	}
	return out, nil
}

func (m *memory) Arm(_ mq.Want, wake func()) func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls["arm"]++
	m.serial++
	id := m.serial
	m.wakers[id] = wake
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.wakers, id)
	}
}

func (m *memory) open(l mq.Lease) (*memGroup, string, error) {
	g, ok := m.groups[memKey{l.Group.Name, l.Topic.Name}]
	if !ok {
		return nil, "", mq.Refuse(mq.InvalidReceipt, "no such lease")
	}
	p, ok := g.place[l.Token]
	switch {
	case !ok:
		return nil, "", mq.Refuse(mq.InvalidReceipt, "no such lease")
	case g.settled[p]:
		return nil, "", mq.Refuse(mq.Settled, "it was settled before")
	case g.current[p] != l.Token, !g.until[p].After(m.clock.Now()):
		return nil, "", mq.Refuse(mq.Expired, "the lease is over")
	}
	return g, p, nil
}

func (m *memory) Ack(_ context.Context, leases []mq.Lease) []error {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]error, len(leases))
	for i, l := range leases {
		if out[i] = m.enter("ack"); out[i] != nil {
			continue
		}
		g, p, err := m.open(l)
		if out[i] = err; err == nil {
			g.settled[p] = true
		}
	}
	return out
}

func (m *memory) Extend(_ context.Context, leases []mq.Lease, d time.Duration, how mq.KeepOrReplace) []mq.Extended {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]mq.Extended, len(leases))
	for i, l := range leases {
		out[i].Lease = l
		if out[i].Err = m.enter("extend"); out[i].Err != nil {
			continue
		}
		g, p, err := m.open(l)
		if out[i].Err = err; err != nil {
			continue
		}
		g.until[p] = m.clock.Now().Add(d)
		out[i].Lease.Until = g.until[p]
		if how == mq.Replace {
			token := m.token()
			g.place[token], g.current[p], out[i].Lease.Token = p, token, token
		}
	}
	m.wake()
	return out
}

func (m *memory) DeadLetter(_ context.Context, leases []mq.Lease, why string) []error {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]error, len(leases))
	for i, l := range leases {
		if out[i] = m.enter("deadletter"); out[i] != nil {
			continue
		}
		g, p, err := m.open(l)
		if out[i] = err; err != nil {
			continue
		}
		g.settled[p] = true
		for _, stored := range m.topic(l.Topic).queues {
			for _, s := range stored {
				if placeOf(s) == p {
					dead := s.Message
					dead.Origin = mq.Origin{Topic: l.Topic.Name, Message: dead.ID, Queue: s.Queue, Offset: s.Offset, Attempt: g.attempts[p], Why: why}
					m.store(mq.Topic{Name: mq.PhysicalDeadLetters(l.Group.Name), Cluster: l.Cluster, Queues: 1}, dead)
				}
			}
		}
	}
	return out
}

func (m *memory) Pull(_ context.Context, q mq.QueueRef, from mq.Offset, limit mq.ReadLimit, f mq.Filter) (mq.Read, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.enter("pull"); err != nil {
		return mq.Read{}, err
	}
	stored, err := m.queue(q)
	if err != nil {
		return mq.Read{}, err
	}
	hi := mq.Offset(len(stored))
	if from < 0 || from > hi {
		return mq.Read{}, mq.Refuse(mq.IllegalOffset, "offset %d: the queue has 0 to %d", from, hi)
	}
	read := mq.Read{Next: from, Hi: hi}
	wanted, err := filter.Compile(f)
	if err != nil {
		return read, err
	}
	for _, s := range stored[from:] {
		if len(read.Messages) == limit.Messages {
			break
		}
		if ok, _ := wanted.Match(filter.Message(&s.Message)); ok {
			read.Messages = append(read.Messages, s)
		}
		read.Next = s.Offset + 1
	}
	return read, nil
}

func (m *memory) queue(q mq.QueueRef) ([]mq.Stored, error) {
	t := m.topic(q.Topic)
	if int(q.Queue) >= len(t.queues) {
		return nil, mq.Refuse(mq.BadRequest, "queue %d: the topic has %d", q.Queue, len(t.queues))
	}
	return t.queues[q.Queue], nil
}

func (m *memory) ArmPull(q mq.QueueRef, _ mq.Offset, wake func()) func() {
	return m.Arm(mq.Want{Topic: q.Topic}, wake)
}

func (m *memory) Bounds(_ context.Context, q mq.QueueRef) (mq.Offset, mq.Offset, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.enter("bounds"); err != nil {
		return 0, 0, err
	}
	stored, err := m.queue(q)
	return 0, mq.Offset(len(stored)), err
}

func (m *memory) At(_ context.Context, q mq.QueueRef, t time.Time) (mq.Offset, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored, err := m.queue(q)
	for _, s := range stored {
		if !s.StoredAt.Before(t) {
			return s.Offset, err
		}
	}
	return mq.Offset(len(stored)), err
}

func (m *memory) Committed(_ context.Context, g mq.Group, q mq.QueueRef) (mq.Offset, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.offsets[g.Name.String()+" "+q.String()]
	if !ok {
		return 0, mq.Refuse(mq.OffsetNotFound, "the group has no offset here")
	}
	return o, nil
}

func (m *memory) Commit(_ context.Context, g mq.Group, q mq.QueueRef, o mq.Offset) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.offsets[g.Name.String()+" "+q.String()] = o
	return nil
}

func (m *memory) Queues(t mq.Topic) (mq.QueueSet, bool) {
	set := make(mq.QueueSet, max(t.Queues, 1))
	for i := range set {
		set[i] = mq.Queue{Broker: "b0", ID: mq.QueueID(i), Readable: true, Writable: true}
	}
	return set, true
}

func (m *memory) Refresh(_ context.Context, t mq.Topic) (mq.QueueSet, error) {
	set, _ := m.Queues(t)
	return set, nil
}

func (m *memory) Changed() <-chan struct{} { return nil }

func (m *memory) Traits() mq.Traits {
	return mq.Traits{Name: "memory", MaxDelay: 40 * 24 * time.Hour, MaxBatch: 1000, MaxHold: mq.MaxHold, OutcomesSticky: true, KnowsExpired: true, KnowsSettled: true, Recall: true}
}

func (m *memory) Probe(context.Context) error { return nil }

var _ route.Topology = (*memory)(nil)
