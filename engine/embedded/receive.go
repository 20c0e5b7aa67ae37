// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/journal"
	"github.com/causeway-mq/causeway/engine/embedded/lease"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/state"
	"github.com/causeway-mq/causeway/engine/embedded/token"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

// A take has two ways through a ledger.
//
// The straight way needs nothing but memory: no order, no filter, nobody out of attempts. It picks free entries and then unseen
// offsets under the lock, appends the grant, and reads the bodies afterwards. Takes on one queue follow each other
// without ever waiting.
//
// The other way (claim.go) must read messages before it knows what to grant. It claims the ledger, reads without the lock,
// and commits. While a ledger is claimed other takes pass it by; whoever waits is woken when the claim ends.

// taking is one take on its way.
type taking struct {
	want     mq.Want
	filter   *filter.Filter
	topic    *state.Topic
	group    *state.Group
	until    int64
	keep     time.Duration
	max      int
	last     log.Position // the newest record that the answer depends on
	got      []mq.Delivery
	spec     mq.GroupSpec // the group's, as of the last time that the lock was held
	from     mq.Physical  // the topic's name
	repeated bool         // got is what the same attempt was given before
}

// granted is one message that a take leased and must read.
type granted struct {
	ledger  record.Ledger
	offset  int64
	attempt int
	seq     uint64
	until   int64
}

// lookLocked notes what may change without the lock. It needs the lock.
func (t *taking) lookLocked() { t.spec, t.from = t.group.Spec, t.topic.Spec.Name }

// Take grants messages; see consume.Leaser.
func (e *Engine) Take(ctx context.Context, want mq.Want) ([]mq.Delivery, error) {
	if err := e.j.Alive(ctx); err != nil {
		return nil, err
	}
	f, err := e.filters.get(want.Filter)
	if err != nil {
		return nil, err
	}
	if want.Broker != "" && want.Broker != e.opts.Broker {
		return nil, mq.Refuse(mq.NotFound, "no broker %q", want.Broker)
	}
	t := &taking{want: want, filter: f, max: min(max(want.Max, 1), mq.MaxReceive)}
	if err := e.contact(t); err != nil {
		return nil, err
	}
	e.j.Lock()
	now := e.j.Now()
	t.lookLocked()
	t.until, t.keep = e.leaseEnd(t, now)
	if again := e.repeatLocked(t, now); len(again) > 0 {
		last := e.j.LastOrNone()
		e.j.Unlock()
		e.deliver(t, again)
		t.repeated = true
		return e.answer(ctx, t, last)
	}
	grants, claims, err := e.planLocked(t, now)
	e.j.Unlock()
	if err != nil {
		return nil, err
	}
	e.deliver(t, grants)
	for _, ledger := range claims {
		if len(t.got) >= t.max || t.spec.Ordered && len(t.got) > 0 {
			break
		}
		if err := e.takeClaimed(t, ledger); err != nil && len(t.got) == 0 {
			return nil, err
		}
	}
	return e.answer(ctx, t, t.last)
}

func (e *Engine) answer(ctx context.Context, t *taking, last log.Position) ([]mq.Delivery, error) {
	if last != 0 {
		if err := e.j.Wait(ctx, last); err != nil {
			if mq.KindOf(err) == mq.Timeout && !t.repeated { // whoever got the run first may be at work on it
				e.giveBack(t.got)
			}
			return nil, err
		}
	}
	return t.got, nil
}

// giveBack frees what was granted to a caller who is gone before he had the answer. It does not wait for the disk: if the record is
// lost, so is the grant before it.
func (e *Engine) giveBack(got []mq.Delivery) {
	e.j.Lock()
	now := e.j.Now()
	var parts []record.Part
	var freed []ring
	for i := range got {
		name, ok := token.ParseLease(got[i].Lease.Token)
		l := e.j.State().Ledger(name.Ledger)
		if ok && l != nil && l.Check(name.Offset, name.Seq, now) == lease.Live {
			parts = append(parts, record.Extend{Ledger: name.Ledger, Until: now, Offsets: []int64{name.Offset}})
			freed = append(freed, e.ringOf(name.Ledger))
		}
	}
	if len(parts) > 0 {
		_, _ = e.j.Append(true, parts...)
	}
	e.j.Unlock()
	e.wakeAll(freed)
}

// leaseEnd is when what is taken now becomes free again, and how often its holder renews it.
func (e *Engine) leaseEnd(t *taking, now int64) (until int64, keep time.Duration) {
	hold := t.want.Hold.Duration()
	switch {
	case t.want.Renew:
		return now + int64(renewHold), renewEvery
	case hold == 0 && t.want.Group.Hold > 0:
		hold = t.want.Group.Hold
	case hold == 0:
		hold = mq.DefaultHold
	}
	return now + int64(min(hold, mq.MaxHold)), 0
}

// contact makes topic, group and their ledgers known. A ledger begins where the group's start says; finding a time may read
// the index, so that happens without the lock.
func (e *Engine) contact(t *taking) error {
	e.j.Lock()
	topic, err := e.calledTopicLocked(t.want.Topic)
	if err == nil {
		t.topic = topic
		t.group, err = e.calledGroupLocked(t.want.Group)
	}
	if err != nil {
		e.j.Unlock()
		return err
	}
	if t.group.Spec.Mode != mq.Leases {
		e.j.Unlock()
		return mq.Refuse(mq.Conflict, "group %s pulls: it does not lease", t.group.Spec.Name)
	}
	var strangers []record.Ledger
	for _, q := range e.queuesOf(t) {
		if l := (record.Ledger{Group: t.group.ID, Queue: q}); e.j.State().Ledger(l) == nil {
			strangers = append(strangers, l)
		}
	}
	start := t.group.Spec.Start
	if len(strangers) == 0 || startsLater(start, e.j.Now()) {
		e.j.Unlock()
		return nil
	}
	begins := make([]int64, len(strangers))
	search := false
	for i, l := range strangers {
		var known bool
		begins[i], known = e.beginLocked(start, l.Queue)
		search = search || !known
	}
	if search {
		e.j.Unlock()
		for i, l := range strangers {
			if begins[i] < 0 {
				at, err := e.j.Index().FirstAt(journal.Number(l.Queue), start.Time.UnixNano())
				if err != nil {
					return e.j.Trouble(err)
				}
				begins[i] = int64(at)
			}
		}
		e.j.Lock()
	}
	defer e.j.Unlock()
	return e.introduceLocked(strangers, begins)
}

// beginLocked is where a group begins in a queue; false when the index must be asked. It needs the lock.
func (e *Engine) beginLocked(start mq.Start, q record.Queue) (at int64, known bool) {
	queue := e.j.State().Queue(q)
	switch {
	case start.Kind == mq.StartLatest:
		return queue.Visible, true
	case start.Kind == mq.StartEarliest, queue.Lo == queue.Visible, start.Time.IsZero():
		return queue.Lo, true
	}
	return -1, false
}

// introduceLocked writes first contacts. Nobody waits for that record: whatever is stored later stands behind it in the log.
func (e *Engine) introduceLocked(ledgers []record.Ledger, begins []int64) error {
	var parts []record.Part
	for i, l := range ledgers {
		if q := e.j.State().Queue(l.Queue); q != nil && e.j.State().Groups[l.Group] != nil && e.j.State().Ledger(l) == nil {
			parts = append(parts, record.Position{Ledger: l, Next: max(begins[i], q.Lo)})
		}
	}
	if len(parts) == 0 {
		return nil
	}
	_, err := e.j.Append(true, parts...)
	return err
}

// queuesOf lists the queues that a take looks at, beginning with another one each time. It needs the lock.
func (e *Engine) queuesOf(t *taking) []record.Queue {
	n := len(t.topic.Queues)
	if t.want.Queue != mq.AnyQueue {
		if t.topic.Queue(t.want.Queue) == nil {
			return nil
		}
		return []record.Queue{{Topic: t.topic.ID, Queue: t.want.Queue}}
	}
	list := make([]record.Queue, n)
	t.group.Turn++
	for i := range list {
		list[i] = record.Queue{Topic: t.topic.ID, Queue: mq.QueueID((uint32(i) + t.group.Turn) % uint32(n))}
	}
	return list
}

// repeatLocked finds what the same attempt got before, while it is leased. It needs the lock.
func (e *Engine) repeatLocked(t *taking, now int64) (again []granted) {
	if !t.spec.Ordered || t.want.Attempt == "" {
		return nil
	}
	for _, q := range e.queuesOf(t) {
		ledger := record.Ledger{Group: t.group.ID, Queue: q}
		l := e.j.State().Ledger(ledger)
		if l == nil {
			continue
		}
		for _, entry := range l.Attempt(string(t.want.Attempt), now, nil) {
			again = append(again, granted{ledger, entry.Offset, entry.Attempt, entry.Seq, entry.Until})
		}
		if len(again) > 0 {
			return again
		}
	}
	return nil
}

// planLocked grants what the straight way can, and lists the ledgers that need a claim. It needs the lock.
func (e *Engine) planLocked(t *taking, now int64) (grants []granted, claims []record.Ledger, err error) {
	straight := !t.spec.Ordered && t.filter.All()
	var parts []record.Part
	seq := e.j.State().LastSeq
	for _, q := range e.queuesOf(t) {
		if len(grants) >= t.max {
			break
		}
		ledger := record.Ledger{Group: t.group.ID, Queue: q}
		l, queue := e.j.State().Ledger(ledger), e.j.State().Queue(q)
		if l == nil || queue == nil || e.busy[ledger] != nil || l.Next() >= queue.Visible && !l.HasFree(now) {
			continue
		}
		var some [mq.MaxReceive]lease.Entry
		free := l.Free(now, t.max-len(grants), some[:0])
		if !straight || t.spent(free) {
			claims = append(claims, ledger)
			continue
		}
		seq++
		g := &record.Grant{Ledger: ledger, Next: l.Next(), Until: t.until, Seq: seq}
		for _, entry := range free {
			g.Taken = append(g.Taken, record.Taken{Offset: entry.Offset})
			grants = append(grants, granted{ledger, entry.Offset, entry.Attempt + 1, seq, t.until})
		}
		for ; len(grants) < t.max && g.Next < queue.Visible; g.Next++ {
			g.Taken = append(g.Taken, record.Taken{Offset: g.Next})
			grants = append(grants, granted{ledger, g.Next, 1, seq, t.until})
		}
		parts = append(parts, g)
		e.watchLocked(ledger, t.until)
	}
	if len(parts) == 0 {
		return nil, claims, nil
	}
	t.last, err = e.j.Append(true, parts...)
	return grants, claims, err
}

// spent tells whether one of the entries had all its attempts.
func (t *taking) spent(entries []lease.Entry) bool {
	for i := range entries {
		if entries[i].Attempt >= t.attempts() {
			return true
		}
	}
	return false
}

// attempts is how often a message is delivered before it becomes a dead letter: as the caller's catalog says.
func (t *taking) attempts() int {
	if t.want.Group.MaxAttempts > 0 {
		return t.want.Group.MaxAttempts
	}
	return t.spec.MaxAttempts
}

// deliver reads what was granted. What cannot be read any more is settled: it would come back for ever.
func (e *Engine) deliver(t *taking, grants []granted) {
	for from := 0; from < len(grants); {
		to := from + 1
		for to < len(grants) && grants[to].ledger == grants[from].ledger && grants[to].offset == grants[to-1].offset+1 {
			to++
		}
		stored, errs := e.j.ReadRun(grants[from].ledger.Queue, grants[from].offset, to-from)
		for i, g := range grants[from:to] {
			if errs[i] != nil {
				e.lost(g.ledger, g.offset, errs[i])
				if t.spec.Ordered && !journal.IsLost(errs[i]) {
					return // what stands behind it must not overtake it; all of it comes again
				}
				continue
			}
			t.got = append(t.got, e.delivery(t, g, stored[i]))
		}
		from = to
	}
}

func (e *Engine) delivery(t *taking, g granted, stored mq.Stored) mq.Delivery {
	stored.Topic, stored.Broker = t.want.Topic.Name, e.opts.Broker
	return mq.Delivery{
		Stored:  stored,
		Attempt: g.attempt,
		Keep:    t.keep,
		Lease: mq.Lease{
			Cluster: e.opts.Cluster, Topic: t.want.Topic, Group: t.want.Group,
			Token: token.Lease{Ledger: g.ledger, Offset: g.offset, Seq: g.seq}.String(),
			Until: time.Unix(0, g.until),
		},
	}
}

// lost settles a message that was granted and cannot be read, if it never will be.
func (e *Engine) lost(ledger record.Ledger, offset int64, why error) {
	if !journal.IsLost(why) {
		e.logger.Warn("a granted message could not be read; it comes again when its lease is over", "queue", ledger.Queue, "offset", offset, "why", why)
		return
	}
	e.logger.Error("a message cannot be read and is settled", "queue", ledger.Queue, "offset", offset, "why", why)
	e.j.Lock()
	defer e.j.Unlock()
	if l := e.j.State().Ledger(ledger); l != nil {
		if _, open := l.Get(offset); open {
			_, _ = e.j.Append(true, record.Settle{Ledger: ledger, Offsets: []int64{offset}})
		}
	}
}
