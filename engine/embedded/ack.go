// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"slices"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/state"
	"github.com/causeway-mq/causeway/engine/embedded/token"
	"github.com/causeway-mq/causeway/mq"
)

// held is a lease that a caller presented.
type held struct {
	token token.Lease
	err   error
}

// present parses leases. It touches no state.
func present(leases []mq.Lease) []held {
	list := make([]held, len(leases))
	for i := range leases {
		var ok bool
		if list[i].token, ok = token.ParseLease(leases[i].Token); !ok {
			list[i].err = mq.Refuse(mq.InvalidReceipt, "lease %d: not a token of this engine", i)
		}
	}
	return list
}

// checkLocked judges a presented lease. It needs the lock.
func (e *Engine) checkLocked(h *held, l mq.Lease, now int64) error {
	if h.err != nil {
		return h.err
	}
	t, g := e.j.State().Topics[h.token.Ledger.Queue.Topic], e.j.State().Groups[h.token.Ledger.Group]
	ledger := e.j.State().Ledger(h.token.Ledger)
	if t == nil || g == nil || ledger == nil || t.Spec.Name != l.Topic.Name || g.Spec.Name != l.Group.Name {
		return mq.Refuse(mq.InvalidReceipt, "the lease belongs to another topic or group, or to one that is gone")
	}
	return statusError(ledger.Check(h.token.Offset, h.token.Seq, now), h.token.Offset)
}

// settles collects what one call settles, by ledger, in the order of the first lease of each.
type settles []record.Settle

func (s *settles) add(l record.Ledger, offset int64) (repeated bool) {
	for i := range *s {
		if p := &(*s)[i]; p.Ledger == l {
			if slices.Contains(p.Offsets, offset) {
				return true
			}
			p.Offsets = append(p.Offsets, offset)
			return false
		}
	}
	*s = append(*s, record.Settle{Ledger: l, Offsets: []int64{offset}})
	return false
}

// Ack settles leases; see consume.Leaser. All of one call stand in one record.
func (e *Engine) Ack(ctx context.Context, leases []mq.Lease) []error {
	errs := make([]error, len(leases))
	if err := e.j.Alive(ctx); err != nil {
		return fill(errs, err)
	}
	held := present(leases)
	e.j.Lock()
	now := e.j.Now()
	var done settles
	for i := range leases {
		if errs[i] = e.checkLocked(&held[i], leases[i], now); errs[i] == nil && done.add(held[i].token.Ledger, held[i].token.Offset) {
			errs[i] = settledError(held[i].token.Offset)
		}
	}
	if len(done) == 0 {
		last := e.j.LastOrNone()
		e.j.Unlock()
		return e.sure(ctx, errs, last)
	}
	parts := make([]record.Part, len(done))
	for i := range done {
		parts[i] = done[i]
	}
	pos, err := e.j.Append(true, parts...)
	freed := e.freedLocked(done)
	e.j.Unlock()
	if err == nil {
		e.wakeAll(freed)
		err = e.j.Wait(ctx, pos)
	}
	return fill(errs, err)
}

// sure answers Settled when the settlement is on disk: it may have been appended a moment ago.
func (e *Engine) sure(ctx context.Context, errs []error, last log.Position) []error {
	settled := func(err error) bool { return mq.KindOf(err) == mq.Settled }
	if last == 0 || !slices.ContainsFunc(errs, settled) {
		return errs
	}
	if err := e.j.Wait(ctx, last); err != nil {
		for i := range errs {
			if settled(errs[i]) {
				errs[i] = err
			}
		}
	}
	return errs
}

// freedLocked lists the ledgers that give something again because a run of an ordered group ended. It needs the lock.
func (e *Engine) freedLocked(done settles) (freed []ring) {
	for i := range done {
		l := e.j.State().Ledger(done[i].Ledger)
		if l != nil && l.Ordered() && e.hasWorkLocked(done[i].Ledger) {
			freed = append(freed, e.ringOf(done[i].Ledger))
		}
	}
	return freed
}

// ringOf names a known ledger. It needs the lock.
func (e *Engine) ringOf(l record.Ledger) ring {
	return ring{l, e.j.State().Topics[l.Queue.Topic].Spec.Name, e.j.State().Groups[l.Group].Spec.Name}
}

func (e *Engine) wakeAll(rings []ring) {
	for _, r := range rings {
		e.wake(r.ledger, r.topic, r.group, 1)
	}
}

// fill puts err wherever there is none yet.
func fill(errs []error, err error) []error {
	if err != nil {
		for i := range errs {
			if errs[i] == nil {
				errs[i] = err
			}
		}
	}
	return errs
}

// leasesOf tells how many leases of a topic a group holds now. The caller holds the engine's lock.
func leasesOf(t *state.Topic, g *state.Group, now int64) (n int) {
	for q := range t.Queues {
		if l := g.Ledgers[record.Queue{Topic: t.ID, Queue: mq.QueueID(q)}]; l != nil {
			n += l.Leased(now)
		}
	}
	return n
}
