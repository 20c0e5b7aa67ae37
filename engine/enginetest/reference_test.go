// SPDX-License-Identifier: Apache-2.0

package enginetest_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/enginetest"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

// reference is the smallest engine that keeps every promise: one lock, everything in memory, everything found by looking at
// all of it. Its bugs are planted on purpose, see planted_test.go.
type reference struct {
	clock  *clock.Virtual
	bug    string
	lesser bool // it cannot do what traits may deny

	mu        sync.Mutex // guards the rest
	count     int        // of whatever needs a number
	changed   chan struct{}
	topics    map[mq.Physical]*refTopic
	groups    map[mq.Physical]mq.Group
	ledgers   map[ledgerName]*ledger
	committed map[ledgerName]mq.Offset
	scheduled map[string]*refScheduled
	halves    map[string]*refHalf
	waiters   map[int]*waiter
	checkers  map[int]*checker
}

type refTopic struct {
	spec    mq.Topic
	queues  [][]mq.Stored
	next    int // queue of the next message without a group
	dropped bool
}

type ledgerName struct {
	group, topic mq.Physical
	queue        mq.QueueID
}

// ledger is what a group did with the messages of one queue.
type ledger struct {
	start   mq.Offset
	entries map[mq.Offset]*entry
}

type entry struct {
	settled bool
	attempt int
	id      mq.AttemptID // of the receive that holds it
	token   string
	tokens  map[string]bool // all that settle it
	old     map[string]bool // all that once did
	until   time.Time
}

type refScheduled struct {
	topic   mq.Topic
	message mq.Message
	over    bool
}

type refHalf struct {
	topic   mq.Topic
	message mq.Message
	born    time.Time
	verdict mq.Verdict // 0 = none yet
	round   int
	gone    bool
}

type waiter struct {
	mu   sync.Mutex // guards over; held while wake runs, so that nothing is woken after disarm
	over bool
	wake func()
	pull bool
	q    mq.QueueRef
	from mq.Offset
}

type checker struct {
	live func() []mq.Topic
	sink func(mq.Check) bool
}

func newReference(bug string) *reference {
	return &reference{
		clock: clock.NewVirtual(time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)), bug: bug, changed: make(chan struct{}, 1),
		topics: map[mq.Physical]*refTopic{}, groups: map[mq.Physical]mq.Group{}, ledgers: map[ledgerName]*ledger{},
		committed: map[ledgerName]mq.Offset{}, scheduled: map[string]*refScheduled{}, halves: map[string]*refHalf{},
		waiters: map[int]*waiter{}, checkers: map[int]*checker{},
	}
}

// has tells whether a bug is planted.
func (r *reference) has(bug string) bool { return r.bug == bug }

// sometimes is true each n-th time.
func (r *reference) sometimes(bug string, n int) bool {
	if r.bug != bug {
		return false
	}
	r.count++
	return r.count%n == 0
}

func referenceTarget(bug string) enginetest.Target {
	c, err := mq.ParseCluster("reference")
	if err != nil {
		panic(err)
	}
	return enginetest.Target{
		Name: "reference", Cluster: c,
		Open: func() (*enginetest.Instance, error) {
			r := newReference(bug)
			return &enginetest.Instance{
				Engine: r, Second: r, Now: r.clock.Now, Advance: r.clock.Advance,
				Reopen: func() (enginetest.Engine, error) {
					if r.has("a restart forgets leases") {
						for _, l := range r.ledgers {
							for _, e := range l.entries {
								e.until = time.Time{}
							}
						}
					}
					return r, nil
				},
			}, nil
		},
	}
}

// lesserTarget is the reference engine without all that traits may deny.
func lesserTarget() enginetest.Target {
	target := referenceTarget("")
	whole := target.Open
	target.Name = "lesser reference"
	target.Open = func() (*enginetest.Instance, error) {
		at, err := whole()
		if err == nil {
			at.Engine.(*reference).lesser = true
			at.Second, at.Reopen = nil, nil
		}
		return at, err
	}
	return target
}

func (r *reference) Traits() mq.Traits {
	if r.lesser {
		return mq.Traits{Name: "lesser reference", MaxDelay: time.Hour, MaxBatch: 32, MaxHold: time.Hour, FIFOBlocksQueue: true, KnowsLeased: true}
	}
	return mq.Traits{
		Name: "reference", MaxDelay: mq.MaxDelay, MaxBatch: mq.MaxBatch, MaxHold: mq.MaxHold, OutcomesSticky: true, KnowsExpired: true,
		KnowsSettled: true, Recall: true, AttemptsInEngine: true, ResetWhileLeased: true, VirtualTime: true,
		KnowsLeased: true, TopicRetention: true, TopicDurability: true,
	}
}

func (r *reference) name(what string) string {
	r.count++
	return fmt.Sprintf("%s-%d", what, r.count)
}

func ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return mq.Doubt(mq.Timeout, ctx.Err(), "the context ended")
	}
	return nil
}

func (r *reference) topic(t mq.Topic) *refTopic {
	got := r.topics[t.Name]
	if got == nil {
		got = &refTopic{spec: t}
		r.topics[t.Name] = got
		select {
		case r.changed <- struct{}{}:
		default:
		}
	}
	for len(got.queues) < t.Queues {
		got.queues = append(got.queues, nil)
	}
	return got
}

func (r *reference) Send(ctx context.Context, t mq.Topic, batch []mq.Message) []mq.Sent {
	answers := make([]mq.Sent, len(batch))
	r.mu.Lock()
	for i, m := range batch {
		if answers[i].Err = ended(ctx); answers[i].Err != nil {
			continue
		}
		if !r.has("the body is not copied") {
			m.Body = bytes.Clone(m.Body)
		}
		switch {
		case m.Type == mq.Delay && m.DeliverAt.After(r.clock.Now()):
			answers[i] = r.schedule(t, m)
		case m.Type == mq.Transaction && !r.has("halves are visible"):
			answers[i] = r.prepare(t, m)
		case r.has("a batch loses its last entry") && i > 0 && i == len(batch)-1:
			answers[i] = answers[i-1]
		default:
			answers[i] = r.store(t, m)
		}
	}
	r.mu.Unlock()
	r.wake()
	return answers
}

func (r *reference) store(t mq.Topic, m mq.Message) mq.Sent {
	topic := r.topic(t)
	q := mq.QueueID(topic.next % len(topic.queues))
	topic.next++
	if m.Group.String() != "" && !r.has("a message group wanders") {
		q = m.Group.QueueOf(len(topic.queues))
	}
	at := mq.Offset(len(topic.queues[q]))
	stored := mq.Stored{Message: m, Topic: t.Name, Queue: q, Offset: at, StoredAt: r.clock.Now()}
	if at > 0 && r.sometimes("an offset is used again", 9) {
		topic.queues[q][at-1] = stored
		return mq.Sent{Queue: q, Offset: at - 1}
	}
	topic.queues[q] = append(topic.queues[q], stored)
	return mq.Sent{Queue: q, Offset: at}
}

func (r *reference) schedule(t mq.Topic, m mq.Message) mq.Sent {
	token := r.name("scheduled")
	s := &refScheduled{topic: t, message: m}
	r.scheduled[token] = s
	topic := r.topic(t)
	wait := m.DeliverAt.Sub(r.clock.Now())
	if r.has("delays end early") {
		wait -= 1500 * time.Millisecond
	}
	r.clock.AfterFunc(wait, func() {
		r.mu.Lock()
		if !s.over && !topic.dropped {
			s.over = true
			r.store(t, m)
		}
		r.mu.Unlock()
		r.wake()
	})
	return mq.Sent{Offset: -1, Scheduled: mq.Scheduled{Cluster: t.Cluster, Message: m.ID, Token: token}}
}

func (r *reference) Recall(_ context.Context, _ mq.Topic, s mq.Scheduled) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lesser {
		return mq.Refuse(mq.Unsupported, "no recall")
	}
	got := r.scheduled[s.Token]
	if got == nil || got.over {
		return mq.Refuse(mq.MessageNotFound, "nothing is scheduled under this handle")
	}
	got.over = !r.has("a recall does nothing")
	return nil
}

func (r *reference) prepare(t mq.Topic, m mq.Message) mq.Sent {
	token := r.name("half")
	h := &refHalf{topic: t, message: m, born: r.clock.Now()}
	r.halves[token] = h
	r.topic(t)
	first := m.FirstCheck
	if first == 0 {
		first = mq.DefaultFirstCheck
	}
	if r.has("checks come early") {
		first /= 2
	}
	r.clock.AfterFunc(first, func() { r.check(token, h) })
	return mq.Sent{Offset: -1, Half: mq.Half{Cluster: t.Cluster, Message: m.ID, Token: token}}
}

func (r *reference) check(token string, h *refHalf) {
	r.mu.Lock()
	if h.verdict != 0 && !r.has("settled ones are checked") || h.round == 15 {
		r.mu.Unlock()
		return
	}
	var ask []*checker
	for _, k := range slices.Sorted(keys(r.checkers)) {
		ask = append(ask, r.checkers[k])
	}
	c := mq.Check{
		Topic: h.topic, Half: mq.Half{Cluster: h.topic.Cluster, Message: h.message.ID, Token: token},
		Message: mq.Stored{Message: h.message, Topic: h.topic.Name, Offset: -1, StoredAt: h.born}, Round: h.round + 1,
	}
	r.mu.Unlock()
	again := true
	for _, one := range ask {
		if !slices.ContainsFunc(one.live(), func(t mq.Topic) bool { return t.Name == h.topic.Name }) {
			continue
		}
		if one.sink(c) {
			r.mu.Lock()
			h.round++
			r.mu.Unlock()
			break
		}
		again = !r.has("nobody there is never asked again")
	}
	if again {
		r.clock.AfterFunc(30*time.Second, func() { r.check(token, h) })
	}
}

func keys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (r *reference) Checks(ctx context.Context, live func() []mq.Topic, sink func(mq.Check) bool) error {
	r.mu.Lock()
	r.count++
	me := r.count
	r.checkers[me] = &checker{live, sink}
	r.mu.Unlock()
	<-ctx.Done()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.checkers, me)
	return ctx.Err()
}

func (r *reference) Settle(_ context.Context, t mq.Topic, half mq.Half, v mq.Verdict, _ mq.SettledBy) error {
	r.mu.Lock()
	defer r.wake()
	defer r.mu.Unlock()
	h := r.halves[half.Token]
	switch {
	case h == nil:
		return mq.Refuse(mq.InvalidTransaction, "no such transaction")
	case r.lesser: // it remembers nothing: a second commit delivers again
	case h.verdict == v && !r.has("a second commit delivers again"):
		return nil
	case h.verdict != 0 && h.verdict != v && !r.has("a commit after the rollback works"):
		return mq.Refuse(mq.Conflict, "the transaction ended with %s", h.verdict)
	}
	h.verdict = v
	if v == mq.Commit {
		r.store(t, h.message)
	}
	return nil
}

func (r *reference) ledger(g mq.Group, topic *refTopic, q mq.QueueID) *ledger {
	name := ledgerName{g.Name, topic.spec.Name, q}
	if r.has("groups share their progress") {
		name.group = mq.Physical{}
	}
	l := r.ledgers[name]
	if l == nil {
		l = &ledger{entries: map[mq.Offset]*entry{}}
		switch g.Start.Kind {
		case mq.StartLatest:
			l.start = mq.Offset(len(topic.queues[q]))
		case mq.StartAt:
			l.start = firstAt(topic.queues[q], g.Start.Time)
		}
		r.ledgers[name] = l
	}
	return l
}

func firstAt(queue []mq.Stored, t time.Time) mq.Offset {
	at := slices.IndexFunc(queue, func(m mq.Stored) bool { return !m.StoredAt.Before(t) })
	if at < 0 {
		at = len(queue)
	}
	return mq.Offset(at)
}

func (r *reference) Take(ctx context.Context, w mq.Want) ([]mq.Delivery, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	f, err := filter.Compile(w.Filter)
	if err != nil {
		return nil, mq.Refuse(mq.IllegalFilter, "%v", err)
	}
	r.mu.Lock()
	now := r.clock.Now() // once: a lease that ends between two looks would be over for its message group and not for itself
	topic := r.topic(w.Topic)
	var got []mq.Delivery
	for q := range topic.queues {
		if w.Queue == mq.AnyQueue || w.Queue == mq.QueueID(q) {
			r.takeFrom(w, now, f, topic, mq.QueueID(q), &got)
		}
	}
	if len(got) > 1 && w.Group.Ordered && (r.has("two messages of a run are swapped") || r.sometimes("a run is swapped now and then", 6)) {
		got[0], got[1] = got[1], got[0]
	}
	r.mu.Unlock()
	return got, nil
}

// takeFrom grants what one queue has. For an ordered group it walks in order and remembers which message groups are closed.
func (r *reference) takeFrom(w mq.Want, now time.Time, f *filter.Filter, topic *refTopic, q mq.QueueID, got *[]mq.Delivery) {
	l := r.ledger(w.Group, topic, q)
	closed := r.liveElsewhere(w, now, topic, q, l)
	if r.lesser && len(closed) > 0 {
		return
	}
	for _, again := range []bool{true, false} { // what came free stands before what is new
		if w.Group.Ordered && !again {
			break // one walk in order does both
		}
		for at := l.start; int(at) < len(topic.queues[q]) && len(*got) < w.Max; at++ {
			m, e := topic.queues[q][at], l.entries[at]
			if r.has("what was freed comes last") && w.Group.Ordered && e != nil && !e.settled && slices.ContainsFunc(topic.queues[q][at+1:], func(x mq.Stored) bool {
				return l.entries[x.Offset] == nil && x.Message.Group == m.Message.Group
			}) {
				continue
			}
			switch {
			case !w.Group.Ordered && (e != nil) != again:
				continue
			case e != nil && e.settled:
				continue
			case e != nil && now.Before(e.until) && !r.sometimes("a lease is overlooked now and then", 40):
				if w.Group.Ordered && w.Attempt != "" && e.id == w.Attempt && !closed[m.Message.Group] {
					if r.has("the same attempt counts twice") {
						e.attempt++
					}
					*got = append(*got, delivery(w, m, e, now))
				}
				continue
			case e != nil && (r.has("what expired never comes again") || r.sometimes("a redelivery is lost now and then", 15)):
				e.settled = true
				continue
			case w.Group.Ordered && closed[m.Message.Group]:
				continue
			}
			if pass, _ := f.Match(filter.Message(&m.Message)); !pass && !r.has("filters are ignored") {
				l.entries[at] = &entry{settled: true}
				continue
			}
			if e == nil {
				e = &entry{tokens: map[string]bool{}, old: map[string]bool{}}
				l.entries[at] = e
			}
			if e.attempt >= w.Group.MaxAttempts && !r.lesser {
				r.bury(w.Group, m, e, "attempts")
				continue
			}
			r.grant(w, m, e, now)
			*got = append(*got, delivery(w, m, e, now))
		}
	}
}

// liveElsewhere is the message groups that have a live lease of another receive.
func (r *reference) liveElsewhere(w mq.Want, now time.Time, topic *refTopic, q mq.QueueID, l *ledger) map[mq.MessageGroup]bool {
	closed := map[mq.MessageGroup]bool{}
	if !w.Group.Ordered || r.has("a live run blocks nothing") {
		return closed
	}
	for at, e := range l.entries {
		if !e.settled && now.Before(e.until) && (e.id != w.Attempt || w.Attempt == "") {
			closed[topic.queues[q][at].Message.Group] = true
		}
	}
	// A group that is still leased to this very attempt gives it the same run, not more.
	return closed
}

func (r *reference) grant(w mq.Want, m mq.Stored, e *entry, now time.Time) {
	if !r.has("a freed message keeps its attempt") || e.attempt == 0 {
		e.attempt++
	}
	if !r.has("an old token settles") {
		for t := range e.tokens {
			e.old[t] = true
		}
		clear(e.tokens)
	}
	length := w.Hold.Duration()
	if length == 0 {
		length = cmp.Or(w.Group.Hold, mq.DefaultHold)
	}
	e.token = fmt.Sprintf("%s/%d/%d/%s", w.Group.Name, m.Queue, m.Offset, r.name("lease"))
	e.tokens[e.token], e.until, e.id = true, now.Add(length), w.Attempt
	r.clock.AfterFunc(length, r.wake)
}

func delivery(w mq.Want, m mq.Stored, e *entry, now time.Time) mq.Delivery {
	d := mq.Delivery{Stored: m, Attempt: e.attempt, Lease: mq.Lease{
		Cluster: w.Topic.Cluster, Topic: w.Topic, Group: w.Group, Token: e.token, Until: e.until,
	}}
	if w.Renew {
		d.Keep = e.until.Sub(now) / 3
	}
	return d
}

func (r *reference) bury(g mq.Group, m mq.Stored, e *entry, why string) {
	e.settled = true
	if r.has("a dead letter is forgotten") {
		return
	}
	grave := mq.Topic{Name: mq.PhysicalDeadLetters(g.Name), Cluster: g.Cluster, Accepts: mq.AcceptsOf(mq.Normal), Queues: 1}
	letter := m.Message
	letter.Origin = mq.Origin{Topic: m.Topic, Message: m.Message.ID, Queue: m.Queue, Offset: m.Offset, Attempt: e.attempt, Why: why}
	if r.has("a dead letter forgets its place") {
		letter.Origin.Offset = 0
		letter.Origin.Queue = 0
	}
	r.store(grave, letter)
}

// find gives the entry of a lease, or why there is none that may be settled.
func (r *reference) find(l mq.Lease) (*entry, mq.Stored, error) {
	for name, ledger := range r.ledgers {
		for at, e := range ledger.entries {
			if name.group != l.Group.Name && !r.has("groups share their progress") || !e.tokens[l.Token] && !e.old[l.Token] {
				continue
			}
			m := r.topics[name.topic].queues[name.queue][at]
			switch {
			case e.settled:
				return nil, m, mq.Refuse(mq.Settled, "the message was settled before")
			case e.old[l.Token], !r.clock.Now().Before(e.until) && !r.has("an old token settles"):
				return nil, m, mq.Refuse(mq.Expired, "the lease is over")
			}
			return e, m, nil
		}
	}
	return nil, mq.Stored{}, mq.Refuse(mq.InvalidReceipt, "no such lease")
}

func (r *reference) Ack(_ context.Context, leases []mq.Lease) []error {
	r.mu.Lock()
	defer r.wake()
	defer r.mu.Unlock()
	errs := make([]error, len(leases))
	for i, l := range leases {
		e, _, err := r.find(l)
		if r.lesser && (mq.KindOf(err) == mq.Expired || mq.KindOf(err) == mq.Settled) {
			continue // it answers as if it had worked
		}
		if errs[i] = err; err == nil {
			e.settled = !r.sometimes("an ack is lost now and then", 12)
		}
	}
	if r.has("acks answer in the wrong order") {
		slices.Reverse(errs)
		if len(errs) > 1 {
			errs[0], errs[1] = errs[1], errs[0]
		}
	}
	return errs
}

func (r *reference) Extend(_ context.Context, leases []mq.Lease, d time.Duration, how mq.KeepOrReplace) []mq.Extended {
	r.mu.Lock()
	defer r.wake()
	defer r.mu.Unlock()
	out := make([]mq.Extended, len(leases))
	for i, l := range leases {
		out[i].Lease = l
		e, _, err := r.find(l)
		if err != nil {
			out[i].Err = err
			continue
		}
		if how == mq.Replace && !r.has("a change leaves the old token") || r.has("a renewal voids the first token") {
			for t := range e.tokens {
				e.old[t] = true
			}
			clear(e.tokens)
			e.token = r.name("lease")
			e.tokens[e.token] = true
		}
		e.until = r.clock.Now().Add(d)
		out[i].Lease.Token, out[i].Lease.Until = e.token, e.until
		r.clock.AfterFunc(d, r.wake)
	}
	return out
}

func (r *reference) DeadLetter(_ context.Context, leases []mq.Lease, why string) []error {
	r.mu.Lock()
	defer r.wake()
	defer r.mu.Unlock()
	errs := make([]error, len(leases))
	for i, l := range leases {
		e, m, err := r.find(l)
		if errs[i] = err; err == nil {
			r.bury(l.Group, m, e, why)
		}
	}
	return errs
}

func (r *reference) arm(w *waiter) func() {
	r.mu.Lock()
	r.count++
	me := r.count
	r.waiters[me] = w
	r.mu.Unlock()
	r.wake()
	return func() {
		r.mu.Lock()
		if !r.has("disarm does nothing") {
			delete(r.waiters, me)
		}
		r.mu.Unlock()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.over = w.over || !r.has("disarm does nothing")
	}
}

func (r *reference) Arm(w mq.Want, wake func()) func() {
	return r.arm(&waiter{wake: wake, q: mq.QueueRef{Topic: w.Topic, Queue: mq.AnyQueue}})
}

func (r *reference) ArmPull(q mq.QueueRef, from mq.Offset, wake func()) func() {
	return r.arm(&waiter{wake: wake, pull: true, q: q, from: from})
}

// wake calls everyone for whom there may be something: for receives whenever the topic holds any message at all.
func (r *reference) wake() {
	r.mu.Lock()
	var ring []*waiter
	for me, w := range r.waiters {
		topic := r.topics[w.q.Topic.Name]
		if topic == nil || r.has("nobody is ever woken") {
			continue
		}
		if w.pull && len(topic.queues[w.q.Queue]) <= int(w.from) || !slices.ContainsFunc(topic.queues, func(q []mq.Stored) bool { return len(q) > 0 }) {
			continue
		}
		ring = append(ring, w)
		if !r.has("disarm does nothing") {
			delete(r.waiters, me)
		}
	}
	r.mu.Unlock()
	for _, w := range ring {
		w.mu.Lock()
		if !w.over {
			w.over = true
			w.wake()
		}
		w.mu.Unlock()
	}
}
