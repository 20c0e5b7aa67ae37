// SPDX-License-Identifier: Apache-2.0

package history

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Rules is what the judge must know of the engine.
type Rules struct {
	// StaleAckIsSilent: an acknowledgement after the lease answers as if it had worked. It then proves nothing.
	StaleAckIsSilent bool
	// Forgets is how long ago a delivery may have been that a copy knows nothing of when it takes over after a fail-over. Nothing excuses a loss.
	Forgets time.Duration
	// Undrained: the record ends before all messages were received, so nothing can be called lost.
	Undrained bool
}

// Cause is why a message came again.
type Cause string

// The causes that explain a redelivery.
const (
	Expired     Cause = "lease over"
	Freed       Cause = "lease moved"
	SameAttempt Cause = "same attempt"
	AckUnknown  Cause = "acknowledgement unknown"
	WasReset    Cause = "group moved"
	StoredTwice Cause = "sent twice"
	FailOver    Cause = "primary replaced"
	Raced       Cause = "changed as it ended" // only where the engine does not tell a lease that is over
)

// Verdict is what the judge found.
type Verdict struct {
	Sent, Delivered, Settled, Dead int
	Recovered                      int // sends of unknown outcome that were delivered
	Duplicates                     map[Cause]int
	Violations                     []string // at most 12
	violations                     int
}

// String is one line of figures, then one line for each violation.
func (v Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sent %d, delivered %d, settled %d, dead %d, recovered %d, again %v, violations %d",
		v.Sent, v.Delivered, v.Settled, v.Dead, v.Recovered, v.Duplicates, v.violations)
	for _, line := range v.Violations {
		b.WriteString("\n  " + line)
	}
	return b.String()
}

// Innocent tells whether everything was allowed.
func (v Verdict) Innocent() bool { return v.violations == 0 }

type judge struct {
	*History
	rules Rules
	out   Verdict
	told  bool // the story of one accusation is enough
}

// Judge looks at the whole record. It must not be written to any more.
func (h *History) Judge(rules Rules) Verdict {
	h.mu.Lock()
	defer h.mu.Unlock()
	j := &judge{History: h, rules: rules, out: Verdict{Duplicates: map[Cause]int{}}}
	j.places()
	for _, id := range j.order {
		if j.sends[id][0].result != mq.Refused {
			j.out.Sent++
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(h.groups), func(a, b mq.Physical) int { return cmp.Compare(a.String(), b.String()) }) {
		g := h.groups[name]
		j.deliveries(g)
		j.redeliveries(g)
		if g.rules.Ordered {
			j.messageGroups(g)
		}
		if !rules.Undrained {
			j.losses(g)
		}
	}
	return j.out
}

func (j *judge) accuse(format string, args ...any) {
	j.out.violations++
	if len(j.out.Violations) < 12 {
		j.out.Violations = append(j.out.Violations, fmt.Sprintf(format, args...))
	}
}

// tell adds the stories of messages to the first accusation that has any.
func (j *judge) tell(g *groupFacts, ids ...mq.MessageID) {
	if j.told {
		return
	}
	j.told = true
	for _, id := range ids {
		j.out.Violations = append(j.out.Violations, "  story: "+g.story(id, j.verdicts[id]))
	}
}

// places: one offset of a queue holds one message for ever.
func (j *judge) places() {
	at := map[Place]mq.MessageID{}
	hold := func(p Place, id mq.MessageID) {
		if p.Offset < 0 {
			return
		}
		if other, taken := at[p]; taken && other != id {
			j.accuse("place: %s queue %d offset %d holds both %s and %s", p.Topic, p.Queue, p.Offset, other, id)
		}
		at[p] = id
	}
	own := map[Place]*sendOp{}
	for id, sends := range j.sends {
		for _, s := range sends {
			hold(s.place, id)
			if s.place.Offset >= 0 {
				if other := own[s.place]; other != nil {
					j.accuse("place: two sends of %s were both given queue %d offset %d", id, s.place.Queue, s.place.Offset)
				}
				own[s.place] = s
			}
		}
	}
	for _, g := range j.groups {
		for id, grants := range g.grants {
			for _, one := range grants {
				hold(one.place, id)
			}
		}
	}
}

// deliveries judges each delivery by itself: phantoms, content, delays, transactions, recalls, attempts.
func (j *judge) deliveries(g *groupFacts) {
	for id, grants := range g.grants {
		j.out.Delivered++
		sends := j.sends[id]
		if len(sends) == 0 || !slices.ContainsFunc(sends, func(s *sendOp) bool { return s.result != mq.Refused }) {
			j.accuse("phantom: %s was delivered to %s, but never sent with success", id, g.rules.Name)
			continue
		}
		first := sends[0]
		if first.result == mq.Unknown {
			j.out.Recovered++
		}
		for _, one := range grants {
			if one.digest != first.digest {
				j.accuse("content: %s was delivered to %s with other content", id, g.rules.Name)
			}
			if due := first.message.DeliverAt; !due.IsZero() && one.take.To.Before(due) {
				j.accuse("early: %s was delivered %v before its time", id, due.Sub(one.take.To))
			}
			if first.half && !j.mayBeCommitted(id, one.take.Span) {
				j.accuse("transaction: %s was delivered without a commit", id)
			}
			if j.certainlyRecalled(id, one.take.Span) {
				j.accuse("recall: %s was delivered after it had been recalled", id)
			}
			if g.rules.MaxAttempts > 0 && one.attempt > g.rules.MaxAttempts {
				j.accuse("attempts: %s was delivered as attempt %d of %d", id, one.attempt, g.rules.MaxAttempts)
			}
			if g.rules.Wants != nil && !g.rules.Wants(&first.message) {
				j.accuse("filter: %s was delivered to %s, whose filter holds it back", id, g.rules.Name)
			}
		}
	}
}

// mayBeCommitted: some commit may have come first. The first verdict with success before every commit decides against it.
func (j *judge) mayBeCommitted(id mq.MessageID, by Span) bool {
	for _, v := range j.verdicts[id] {
		if v.verdict != mq.Commit || v.result == mq.Refused || v.Call > by.Return {
			continue
		}
		rolledBack := slices.ContainsFunc(j.verdicts[id], func(r verdictOp) bool {
			return r.verdict == mq.Rollback && r.result == mq.Done && r.before(v.Span)
		})
		if !rolledBack {
			return true
		}
	}
	return false
}

func (j *judge) certainlyRecalled(id mq.MessageID, by Span) bool {
	return slices.ContainsFunc(j.recalls[id], func(r settleOp) bool { return r.result == mq.Done && r.before(by) })
}

// redeliveries: each delivery after the first needs a cause, and attempts count up.
func (j *judge) redeliveries(g *groupFacts) {
	for id, grants := range g.grants {
		byOrder, begunAnew := slices.Clone(grants), j.askedAnew(id) || j.straddles(grants)
		// Attempts count up, so their order is the order of the grants, also where calls overlapped.
		slices.SortFunc(byOrder, func(a, b *grant) int {
			byReturn := cmp.Compare(a.take.Return, b.take.Return)
			if begunAnew {
				return byReturn
			}
			if g.rules.Uncounted { // the next best: which lease was to end first
				return cmp.Or(a.until.Compare(b.until), byReturn)
			}
			return cmp.Or(cmp.Compare(a.attempt, b.attempt), byReturn)
		})
		for i, one := range byOrder[1:] {
			cause, why := j.cause(g, byOrder[:i+1], one)
			if cause == "" {
				j.accuse("duplicate: %s came to %s again, attempt %d: %s", id, g.rules.Name, one.attempt, why)
				j.tell(g, id)
				continue
			}
			j.out.Duplicates[cause]++
		}
		if !begunAnew && len(j.sends[id]) == 1 && len(g.resets) == 0 && !g.rules.Uncounted && !slices.ContainsFunc(grants, j.raced) {
			j.attempts(g, id, grants)
		}
	}
}

// cause explains why one came although earlier deliveries exist; without a cause it says what forbids it.
func (j *judge) cause(g *groupFacts, earlier []*grant, one *grant) (Cause, string) {
	if slices.ContainsFunc(g.resets, func(r Span) bool { return r.Call < one.take.Return }) {
		return WasReset, ""
	}
	if len(j.sends[one.id]) > 1 {
		return StoredTwice, ""
	}
	if slices.ContainsFunc(earlier, j.raced) {
		return Raced, ""
	}
	if j.askedAnew(one.id) || slices.ContainsFunc(earlier, func(e *grant) bool { return j.forgotten(e, one) }) {
		// Its lease may run out although it was settled, and its queue may be read again from before it: one does not exclude the other.
		return FailOver, ""
	}
	found := Expired
	for _, e := range earlier {
		if g.rules.Ordered && e.take.attempt == one.take.attempt && e.take.attempt != "" && e.attempt == one.attempt {
			found = SameAttempt
			continue
		}
		for _, s := range e.settles {
			if s.result == mq.Done && s.before(one.take.Span) && !j.silent(e, s) {
				return "", "it was settled before"
			}
			if s.result == mq.Unknown {
				found = AckUnknown
			}
		}
		until, moved := e.heldUntil(one.take.Span)
		if moved {
			found = Freed
		}
		if until.After(one.take.To) {
			return "", fmt.Sprintf("another lease lasts until %v, it came before %v", until.UTC(), one.take.To.UTC())
		}
	}
	return found, ""
}

// forgotten tells whether a delivery may be unknown to the copy that took over before another one, or have been settled in vain while it did.
func (j *judge) forgotten(e, one *grant) bool {
	return slices.ContainsFunc(j.replaced, func(f Span) bool {
		return e.take.To.After(f.From.Add(-j.rules.Forgets)) && e.take.Call < f.Return && one.take.Return > f.Call
	})
}

// askedAnew tells whether a transaction was settled about the time of a fail-over. Brokers note a verdict later than they carry it out: a primary that
// does not know the note asks again, and a second commit stores a second copy.
func (j *judge) askedAnew(id mq.MessageID) bool {
	return j.sends[id] != nil && j.sends[id][0].half && slices.ContainsFunc(j.replaced, func(f Span) bool {
		return slices.ContainsFunc(j.verdicts[id], func(v verdictOp) bool {
			return v.To.After(f.From.Add(-j.rules.Forgets)) && v.Call < f.Return
		})
	})
}

// straddles tells whether a message was delivered before a fail-over and after it: attempts may begin anew.
func (j *judge) straddles(grants []*grant) bool {
	return slices.ContainsFunc(j.replaced, func(f Span) bool {
		before := slices.ContainsFunc(grants, func(g *grant) bool { return g.take.Call < f.Return })
		return before && slices.ContainsFunc(grants, func(g *grant) bool { return g.take.Return > f.Call })
	})
}

// raced tells whether a lease was changed when it was perhaps over, by an engine that does not notice: the message may then have
// come free twice.
func (j *judge) raced(g *grant) bool {
	return j.rules.StaleAckIsSilent && slices.ContainsFunc(g.moves, func(m moveOp) bool {
		before, _ := g.heldUntil(Span{Call: m.Call, Return: m.Call - 1})
		return m.result != mq.Refused && !m.To.Before(before)
	})
}

// silent tells whether a settlement proves nothing, because the engine answers so to a stale lease too.
func (j *judge) silent(g *grant, s settleOp) bool {
	until, _ := g.heldUntil(s.Span)
	return j.rules.StaleAckIsSilent && !s.To.Before(until)
}

// heldUntil is the end of the lease that is certain for someone whose call is by: the earliest end that any order of the
// calls allows. moved tells that its holder changed it. A change counts as long as no later one certainly came after it.
func (l *lease) heldUntil(by Span) (until time.Time, moved bool) {
	certain := func(m moveOp) bool { return m.result == mq.Done && m.before(by) }
	until, moved = l.until, slices.ContainsFunc(l.moves, certain)
	if moved {
		until = time.Time{}
	}
	for _, m := range l.moves {
		overtaken := slices.ContainsFunc(l.moves, func(later moveOp) bool { return certain(later) && m.before(later.Span) })
		if m.result == mq.Refused || m.Call > by.Return || overtaken {
			continue
		}
		if until.IsZero() || m.until.Before(until) {
			until, moved = m.until, true
		}
	}
	return until, moved
}

// attempts: each delivery has its own number; without lost replies no number is left out.
func (j *judge) attempts(g *groupFacts, id mq.MessageID, grants []*grant) {
	seen := map[int]*grant{}
	highest := 0
	for _, one := range grants {
		other := seen[one.attempt]
		repeat := other != nil && g.rules.Ordered && other.take.attempt == one.take.attempt && one.take.attempt != ""
		if other != nil && !repeat {
			j.accuse("attempts: %s came to %s twice as attempt %d", id, g.rules.Name, one.attempt)
		}
		seen[one.attempt] = one
		highest = max(highest, one.attempt)
	}
	if !g.lost && len(seen) != highest {
		j.accuse("attempts: %s came to %s %d times and as attempt %d", id, g.rules.Name, len(seen), highest)
	}
}

// messageGroups judges order. When a message is delivered, every earlier one of its message group must be settled or stand
// before it in the same receive; and no lease of its message group may live that belongs to another attempt. A receive that is
// repeated under its attempt gives its leases again, and delivers nothing anew: the earlier message may have come free since.
func (j *judge) messageGroups(g *groupFacts) {
	if len(g.resets) > 0 {
		return
	}
	j.unplaced(g)
	lanes := map[string][]*sendOp{}
	for _, id := range j.order {
		for _, s := range j.sends[id] {
			if s.place.Topic == g.rules.Topic.String() && s.result == mq.Done && s.place.Offset >= 0 && s.message.Group.String() != "" {
				if g.rules.Wants != nil && !g.rules.Wants(&s.message) {
					continue
				}
				key := fmt.Sprint(s.place.Broker, "/", s.place.Queue, "/", s.message.Group)
				lanes[key] = append(lanes[key], s)
			}
		}
	}
	for _, lane := range lanes {
		slices.SortFunc(lane, func(a, b *sendOp) int { return cmp.Compare(a.place.Offset, b.place.Offset) })
	}
	given := map[*lease]bool{}
	for _, t := range g.takes {
		for _, one := range t.got {
			if given[one.lease] {
				continue
			}
			given[one.lease] = true
			key := fmt.Sprint(one.place.Broker, "/", one.place.Queue, "/", one.group)
			for _, other := range lanes[key] {
				if id := other.message.ID; id != one.id {
					j.pair(g, one, other)
				}
			}
		}
	}
}

// pair judges the delivery of one beside another message of its message group.
func (j *judge) pair(g *groupFacts, one *grant, other *sendOp) {
	id := other.message.ID
	if other.place.Offset < one.place.Offset {
		if !other.before(one.take.Span) || j.maybeSettled(g, id, one.take.Span) {
			return
		}
		at := slices.IndexFunc(one.take.got, func(x *grant) bool { return x.id == id })
		if at < 0 {
			j.accuse("order: %s of message group %s came to %s before %s was settled", one.id, one.group, g.rules.Name, id)
			j.tell(g, id, one.id)
		} else if at > one.index {
			j.accuse("order: %s of message group %s came before %s in one receive", one.id, one.group, id)
		}
		return
	}
	for _, e := range g.grants[id] {
		if e.take == one.take || !e.take.before(one.take.Span) || e.maybeSettledBy(one.take.Span) || j.forgotten(e, one) {
			continue
		}
		if until, _ := e.heldUntil(one.take.Span); until.After(one.take.To) && (e.take.attempt != one.take.attempt || e.take.attempt == "") {
			j.accuse("order: %s of message group %s came to %s while %s was leased to another attempt", one.id, one.group, g.rules.Name, id)
			j.tell(g, id, one.id)
		}
	}
}

func (l *lease) maybeSettledBy(by Span) bool {
	return slices.ContainsFunc(l.settles, func(s settleOp) bool { return s.result != mq.Refused && s.Call < by.Return })
}

// maybeSettled: some acknowledgement began in time, or it may have become a dead letter because it had used its attempts up.
func (j *judge) maybeSettled(g *groupFacts, id mq.MessageID, by Span) bool {
	if g.dead[id] > 0 && g.rules.MaxAttempts > 0 {
		for _, e := range g.grants[id] {
			if e.attempt >= g.rules.MaxAttempts || g.lost {
				return true
			}
		}
	}
	return slices.ContainsFunc(g.grants[id], func(e *grant) bool { return e.maybeSettledBy(by) })
}

// losses: what was sent with success is settled or among the dead letters, once the group has drained its topic.
func (j *judge) losses(g *groupFacts) {
	for _, id := range j.order {
		s := j.sends[id][0]
		if s.place.Topic != g.rules.Topic.String() || (g.rules.Wants != nil && !g.rules.Wants(&s.message)) {
			continue
		}
		settled := false
		for _, e := range g.grants[id] {
			for _, end := range e.settles {
				settled = settled || end.result != mq.Refused // a late one may have settled it or not: nobody can tell
			}
		}
		switch {
		case g.dead[id] > 0:
			j.out.Dead++
		case settled:
			j.out.Settled++
		case j.mustArrive(id):
			j.accuse("loss: %s was sent with success and is neither settled in %s nor among its dead letters; delivered %d times",
				id, g.rules.Name, len(g.grants[id]))
		}
	}
}

// mustArrive tells whether nothing but a delivery is allowed for a message.
func (j *judge) mustArrive(id mq.MessageID) bool {
	stored := slices.ContainsFunc(j.sends[id], func(s *sendOp) bool { return s.result == mq.Done })
	recalled := slices.ContainsFunc(j.recalls[id], func(r settleOp) bool { return r.result != mq.Refused })
	if !j.sends[id][0].half {
		return stored && !recalled
	}
	committed, rolledBack := false, false
	for _, v := range j.verdicts[id] {
		committed = committed || v.verdict == mq.Commit && v.result == mq.Done
		rolledBack = rolledBack || v.verdict == mq.Rollback && v.result == mq.Unknown
	}
	return stored && committed && !rolledBack
}
