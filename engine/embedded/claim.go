// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"github.com/causeway-mq/causeway/engine/embedded/journal"
	"github.com/causeway-mq/causeway/engine/embedded/lease"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

// A claim is the right to decide about one ledger while its messages are read without the lock. Free entries and unseen
// offsets stay as they were, since only a take changes them and takes pass a claimed ledger by. What else can
// pull the ground away (a reset, retention, the end of a group or topic) voids the claim, and its take finds nothing.
//
// Order, within a claim. The run is the lane of the lowest free entry, or else of the first unseen message whose lane is not
// blocked. What is read and belongs to another lane, or to a blocked one, is written down as waiting. So a ledger's Next
// runs at most maxWaiting messages ahead of what is delivered, and nothing is read over and over.

const (
	scanEntries = 1024    // index entries that one claim looks at
	scanReads   = 256     // messages that one claim reads
	scanOrdered = 64      // unseen messages that one claim of an ordered group reads, beyond what it may grant
	maxLetters  = 1 << 20 // bytes of dead letters in one record, which has a limit; one always fits
	maxWaiting  = 4096    // held back by order in one ledger; a claim looks no further then
)

// claim marks a ledger as being decided about.
type claim struct{ void bool }

// voidClaimsLocked ends the claims that match. It needs the lock.
func (e *Engine) voidClaimsLocked(match func(record.Ledger) bool) {
	for l, c := range e.busy {
		if match(l) {
			c.void = true
		}
	}
}

// candidate is one message that a claim looks at.
type candidate struct {
	entry  lease.Entry // with Attempt 0 and no state for an unseen one
	stored mq.Stored
	order  uint64
	wanted bool
	err    error
}

// claimed is what a claim works on.
type claimed struct {
	ledger  record.Ledger
	claim   *claim
	free    []candidate
	unseen  []candidate
	next    int64 // the ledger's Next when it was claimed
	visible int64
	room    int // how many more may wait
	scanned int64
	trouble error // why something could not be read that may be readable later
}

// takeClaimed takes from one ledger what must be read first.
func (e *Engine) takeClaimed(t *taking, ledger record.Ledger) error {
	c := e.claimLocked(t, ledger)
	if c == nil {
		return nil
	}
	e.readClaimed(t, c)
	var letters []*mq.Message // dead letters, by the free entries that they come from
	for i := range c.free {
		letters = append(letters, t.letter(&c.free[i]))
	}
	e.j.Lock()
	delete(e.busy, ledger)
	grants, last, err := e.grantLocked(t, c, letters)
	again := c.trouble == nil && e.hasWorkLocked(ledger)
	e.watchLocked(ledger, t.until)
	e.j.Unlock()
	if err == nil && len(grants) == 0 {
		err = c.trouble
	}
	if last != 0 && (len(grants) > 0 || len(c.free) > 0) {
		t.last = last
	}
	for _, g := range grants {
		t.got = append(t.got, e.delivery(t, g.granted, g.stored))
	}
	if again {
		e.wake(ledger, t.from, t.spec.Name, t.max)
	}
	return err
}

// claimLocked claims a ledger if there is something in it; it takes the lock itself.
func (e *Engine) claimLocked(t *taking, ledger record.Ledger) *claimed {
	e.j.Lock()
	defer e.j.Unlock()
	now := e.j.Now()
	l, queue := e.j.State().Ledger(ledger), e.j.State().Queue(ledger.Queue)
	if l == nil || queue == nil || e.busy[ledger] != nil {
		return nil
	}
	c := &claimed{ledger: ledger, claim: &claim{}, next: l.Next(), visible: queue.Visible, room: maxWaiting - l.Len()}
	for _, entry := range l.Free(now, t.max-len(t.got), nil) {
		c.free = append(c.free, candidate{entry: entry, order: entry.Order})
	}
	if len(c.free) == 0 && c.next >= c.visible {
		return nil
	}
	t.lookLocked()
	e.busy[ledger] = c.claim
	return c
}

// readClaimed reads the candidates and judges them by the filter.
func (e *Engine) readClaimed(t *taking, c *claimed) {
	for i := range c.free {
		f := &c.free[i]
		f.stored, f.err = e.j.ReadOne(c.ledger.Queue, f.entry.Offset)
		f.wanted = f.err == nil && wants(t.filter, &f.stored.Message)
		if f.err != nil && !journal.IsLost(f.err) {
			c.trouble = f.err
			if t.spec.Ordered {
				c.free = c.free[:i] // what stands behind it in its lane must not overtake it
				break
			}
		}
	}
	c.scanned = c.next
	room := t.max - len(t.got) - len(c.free)
	limit := scanEntries
	if t.spec.Ordered {
		limit = min(scanOrdered+room, c.room)
	}
	if room <= 0 || limit <= 0 || c.next >= c.visible {
		return
	}
	asked := int(min(int64(limit), c.visible-c.next))
	entries, err := e.j.Index().Range(journal.Number(c.ledger.Queue), mq.Offset(c.next), asked, nil)
	if err != nil {
		c.trouble = e.j.Trouble(err)
		return
	}
	if len(entries) == 0 {
		c.scanned = c.visible // damage took what was here; nothing is kept from here on
	}
	reads := 0
	for i := range entries {
		o := int64(entries[i].Offset)
		if o >= c.visible || room == 0 || reads == scanReads {
			return
		}
		c.scanned = o + 1
		if !t.filter.MayMatchHash(entries[i].Tag) {
			continue
		}
		reads++
		u := candidate{entry: lease.Entry{Offset: o}}
		u.stored, u.err = e.j.ReadAt(entries[i].Position, entries[i].Size, c.ledger.Queue, o)
		if u.err != nil && !journal.IsLost(u.err) {
			c.scanned, c.trouble = o, u.err
			return
		}
		if u.err != nil {
			e.logger.Error("a message cannot be read and is passed over", "queue", c.ledger.Queue, "offset", o, "why", u.err)
			continue
		}
		if u.wanted = wants(t.filter, &u.stored.Message); !u.wanted {
			continue
		}
		u.order = record.Order([]byte(u.stored.Message.Group.String()))
		c.unseen = append(c.unseen, u)
		if !t.spec.Ordered {
			room--
		}
	}
}

func wants(f *filter.Filter, m *mq.Message) bool {
	ok, _ := f.Match(filter.Message(m)) // a message that does not compare is not wanted
	return ok
}

// letter is the dead letter that a free entry becomes when it had all its attempts; nil while it has not.
func (t *taking) letter(f *candidate) *mq.Message {
	if f.err != nil || f.entry.Attempt < t.attempts() {
		return nil
	}
	m := f.stored.Message
	m.Origin = mq.Origin{
		Topic: t.from, Message: m.ID, Queue: f.stored.Queue, Offset: f.stored.Offset, Attempt: f.entry.Attempt, Why: "attempts",
	}
	return &m
}

// leasedMessage is a grant whose message was read before.
type leasedMessage struct {
	granted
	stored mq.Stored
}

// grantLocked decides about a claim and writes the decision. It needs the lock.
func (e *Engine) grantLocked(t *taking, c *claimed, letters []*mq.Message) (grants []leasedMessage, last log.Position, err error) {
	l := e.j.State().Ledger(c.ledger)
	if c.claim.void || l == nil {
		return nil, 0, nil
	}
	seq := e.j.State().LastSeq + 1
	g := &record.Grant{Ledger: c.ledger, Next: max(c.scanned, l.Next()), Until: t.until, Seq: seq, Attempt: string(t.want.Attempt)}
	if !t.spec.Ordered {
		g.Attempt = ""
	}
	var parts []record.Part
	room := maxLetters
	for i := range c.free {
		f := &c.free[i]
		if letters[i] != nil {
			if room -= record.SizeHint(letters[i]); room < 0 && len(parts) > 0 {
				c.free = c.free[:i] // the rest, with what stands behind it in its lane, at the next take
				break
			}
		}
		switch {
		case letters[i] != nil:
			copies, err := e.letterLocked(t.spec.Name, letters[i], len(parts))
			if err != nil {
				return nil, 0, err
			}
			parts = append(parts, copies)
			g.Settled = append(g.Settled, f.entry.Offset)
		case f.err != nil && !journal.IsLost(f.err):
		case !f.wanted:
			if f.err != nil {
				e.logger.Error("a message cannot be read and is settled", "queue", c.ledger.Queue, "offset", f.entry.Offset, "why", f.err)
			}
			g.Settled = append(g.Settled, f.entry.Offset)
		default:
			g.Taken = append(g.Taken, record.Taken{Offset: f.entry.Offset, Order: f.order})
			grants = append(grants, leasedMessage{granted{c.ledger, f.entry.Offset, f.entry.Attempt + 1, seq, t.until}, f.stored})
		}
	}
	grants = t.grantUnseen(c, l, g, grants)
	if len(g.Taken) == 0 && len(g.Settled) == 0 && len(g.Waiting) == 0 && g.Next == l.Next() {
		return nil, 0, nil
	}
	if len(g.Taken) == 0 {
		g.Until, g.Attempt = 0, ""
	}
	// Letters first: the copy stands before the settlement, although one record holds both.
	last, err = e.j.Append(true, append(parts, g)...)
	if err != nil {
		return nil, 0, err
	}
	return grants, last, nil
}

// grantUnseen adds what was never delivered: all of it without order, one lane's run with order.
func (t *taking) grantUnseen(c *claimed, l *lease.Ledger, g *record.Grant, grants []leasedMessage) []leasedMessage {
	room := t.max - len(t.got) - len(grants)
	if !t.spec.Ordered {
		for i := range c.unseen {
			u := &c.unseen[i]
			g.Taken = append(g.Taken, record.Taken{Offset: u.entry.Offset})
			grants = append(grants, leasedMessage{granted{c.ledger, u.entry.Offset, 1, g.Seq, t.until}, u.stored})
		}
		return grants
	}
	// A lane that gave its first free entries may have more of them: then its later messages are not next.
	var run uint64
	started := len(c.free) > 0
	closed := false
	if started {
		run = c.free[0].order
		closed = l.LaneLen(run) > len(c.free)
	}
	for i := range c.unseen {
		u := &c.unseen[i]
		fits := room > 0 && !closed
		switch {
		case !started && fits && !l.HasLane(u.order):
			started, run = true, u.order
		case started && fits && u.order == run:
		default:
			if started && u.order == run {
				closed = true
			}
			g.Waiting = append(g.Waiting, record.Taken{Offset: u.entry.Offset, Order: u.order})
			continue
		}
		room--
		g.Taken = append(g.Taken, record.Taken{Offset: u.entry.Offset, Order: u.order})
		grants = append(grants, leasedMessage{granted{c.ledger, u.entry.Offset, 1, g.Seq, t.until}, u.stored})
	}
	return grants
}

// hasWorkLocked tells whether a take would find something in a ledger now. It needs the lock.
func (e *Engine) hasWorkLocked(ledger record.Ledger) bool {
	l, q := e.j.State().Ledger(ledger), e.j.State().Queue(ledger.Queue)
	if l == nil || q == nil || e.busy[ledger] != nil {
		return false
	}
	if l.HasFree(e.j.Now()) {
		return true
	}
	return l.Next() < q.Visible && (!l.Ordered() || l.Len() < maxWaiting)
}
