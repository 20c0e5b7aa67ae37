// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/lease"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/token"
	"github.com/causeway-mq/causeway/mq"
)

func statusError(s lease.Status, offset int64) error {
	switch s {
	case lease.Settled:
		return settledError(offset)
	case lease.Expired:
		return mq.Refuse(mq.Expired, "the lease of offset %d is over", offset)
	}
	return nil
}

func settledError(offset int64) error {
	return mq.Refuse(mq.Settled, "offset %d was settled before", offset)
}

// Extend moves the ends of leases; see consume.Leaser. All of one call stand in one record.
func (e *Engine) Extend(ctx context.Context, leases []mq.Lease, d time.Duration, how mq.KeepOrReplace) []mq.Extended {
	answers := make([]mq.Extended, len(leases))
	for i := range leases {
		answers[i].Lease = leases[i]
	}
	err := e.j.Alive(ctx)
	if err == nil && (d < 0 || d > mq.MaxHold) {
		err = mq.Refuse(mq.IllegalInvisibleTime, "invisible time %v: from 0 to %v", d, mq.MaxHold)
	}
	if err != nil {
		return fillExtended(answers, leases, err)
	}
	held := present(leases)
	e.j.Lock()
	now := e.j.Now()
	until := now + int64(d)
	var moved []record.Extend
	for i := range leases {
		if answers[i].Err = e.checkLocked(&held[i], leases[i], now); answers[i].Err == nil {
			seq := uint64(0)
			moved, seq = e.addExtend(moved, held[i].token, until, how)
			if seq != 0 {
				held[i].token.Seq = seq
				answers[i].Lease.Token = held[i].token.String()
			}
			answers[i].Lease.Until = time.Unix(0, until)
		}
	}
	if len(moved) == 0 {
		e.j.Unlock()
		return answers
	}
	parts := make([]record.Part, len(moved))
	for i := range moved {
		parts[i] = moved[i]
	}
	pos, err := e.j.Append(true, parts...)
	var freed []ring
	if err == nil {
		for i := range moved {
			if e.watchLocked(moved[i].Ledger, until); d == 0 && e.hasWorkLocked(moved[i].Ledger) {
				freed = append(freed, e.ringOf(moved[i].Ledger))
			}
		}
	}
	e.j.Unlock()
	if err == nil {
		e.wakeAll(freed)
		err = e.j.Wait(ctx, pos)
	}
	return fillExtended(answers, leases, err)
}

// addExtend books one extension: all of one ledger share a record part and, where tokens are replaced, a new delivery name. It
// needs the lock.
func (e *Engine) addExtend(moved []record.Extend, t token.Lease, until int64, how mq.KeepOrReplace) ([]record.Extend, uint64) {
	for i := range moved {
		if moved[i].Ledger == t.Ledger {
			moved[i].Offsets = append(moved[i].Offsets, t.Offset)
			return moved, moved[i].Seq
		}
	}
	x := record.Extend{Ledger: t.Ledger, Until: until, Offsets: []int64{t.Offset}}
	if how == mq.Replace {
		x.Seq = e.j.State().LastSeq + 1 + uint64(len(moved))
	}
	return append(moved, x), x.Seq
}

// fillExtended puts err wherever there is none yet; who gets an error keeps the lease that it had.
func fillExtended(answers []mq.Extended, leases []mq.Lease, err error) []mq.Extended {
	if err != nil {
		for i := range answers {
			if answers[i].Err == nil {
				answers[i] = mq.Extended{Lease: leases[i], Err: err}
			}
		}
	}
	return answers
}
