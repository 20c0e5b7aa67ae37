// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/mq"
)

// What is written down of a change, under the names of this room: see package audit.
type (
	Actor       = audit.Actor
	ActorKind   = audit.ActorKind
	Verb        = audit.Verb
	Outcome     = audit.Outcome
	Entry       = audit.Entry
	Head        = audit.Head
	AuditQuery  = audit.Query
	AuditPage   = audit.Page
	AuditReport = audit.Report
	Version     = audit.Version
	RecordKind  = audit.RecordKind
	Ref         = audit.Ref
)

// The kinds of actor, of outcome and of record, and the limits of reading.
const (
	MemberActor = audit.MemberActor
	TokenActor  = audit.TokenActor
	LocalActor  = audit.LocalActor
	PlaneActor  = audit.PlaneActor

	Done   = audit.Done
	Denied = audit.Denied
	Failed = audit.Failed
	Begun  = audit.Begun

	TenantRecord      = audit.TenantRecord
	ApplicationRecord = audit.ApplicationRecord
	KeyRecord         = audit.KeyRecord
	TopicRecord       = audit.TopicRecord
	GroupRecord       = audit.GroupRecord

	MaxAuditPage     = audit.MaxPage
	DefaultAuditPage = audit.DefaultPage
)

// Itself is the control plane as an actor: part is what of it is at work, for example "repair".
func Itself(part string) Actor { return audit.Itself(part) }

func verb(k RecordKind, action string) Verb { return audit.On(k, action) }

// Ledger is the part of a Store that keeps the rows of audit.
type Ledger interface {
	// Append adds a row that goes with no change of a record.
	Append(ctx context.Context, e Entry) error
	// Since tells which records were changed after a version.
	Since(ctx context.Context, v Version) (Changes, error)
	// Entries gives the newest rows that q asks for, newest first.
	Entries(ctx context.Context, q AuditQuery) ([]Entry, error)
	// Chain gives some of the rows after a number, oldest first, with the head; no rows when there are none.
	Chain(ctx context.Context, after uint64) ([]Entry, Head, error)
}

// MaxChanges bounds the rows that one Since reads; beyond it, loading everything is cheaper.
const MaxChanges = 1000

// Changes is what a plane that stands at an older version has to learn.
type Changes struct {
	Version Version // the store's newest
	// Lost: the log does not go back so far, or too much was changed: load everything.
	Lost    bool
	Changed []Changed // each record once, in the order of its newest change
}

// Changed is one record that was changed. Record is as it is now, in the same view of the store; nil for one that is gone.
type Changed struct {
	Version Version
	Ref     Ref
	Record  Record
	// Left: it was removed in between, with all that belonged to it, even if it is there again. A row of audit without After is a removal.
	Left bool
}

// Audit reads rows.
func (p *Plane) Audit(ctx context.Context, q AuditQuery) (AuditPage, error) {
	if q.Limit == 0 {
		q.Limit = DefaultAuditPage
	}
	if q.Limit < 1 || q.Limit > MaxAuditPage {
		return AuditPage{}, refuse(OutOfRange, mq.BadRequest, "limit: %d, from 1 to %d are possible", q.Limit, MaxAuditPage).On("limit").Beyond("1..500")
	}
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		return AuditPage{}, refuse(NoWindow, mq.BadRequest, "from: must lie before to").On("from")
	}
	want := q.Limit
	q.Limit++
	all, err := p.opt.Store.Entries(ctx, q)
	if err != nil {
		return AuditPage{}, During("read audit", err)
	}
	page := AuditPage{Entries: all}
	if len(all) > want {
		page.Entries = all[:want]
		page.Next = all[want-1].Number
	}
	return page, nil
}

// VerifyAudit looks at the whole chain of this plane's store.
func (p *Plane) VerifyAudit(ctx context.Context) (AuditReport, error) {
	return audit.Verify(ctx, p.opt.Store)
}

// note writes a row that goes with no change of a record.
func (p *Plane) note(ctx context.Context, e Entry) error {
	if err := e.Actor.Check(); err != nil {
		return err
	}
	e.Time = p.now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	return During("audit", p.opt.Store.Append(ctx, e.Tidy()))
}

// Deny writes that an actor was refused something for lack of a right. The refusal stands whether it can be written or not.
func (p *Plane) Deny(ctx context.Context, by Actor, action Verb, on Ref, why string) {
	if err := p.note(ctx, Entry{Actor: by, Action: action, Target: on, Outcome: Denied, Why: why}); err != nil {
		p.opt.Log.Error("a denial is not in the audit", "actor", by.String(), "action", string(action), "target", on.Name, "error", err)
	}
}

// Attest does something that changes another tenant's record: that record's row does not tell who was at work, these rows on another target do.
func (p *Plane) Attest(ctx context.Context, by Actor, action Verb, on Ref, do func() error) error {
	return p.Audited(ctx, Entry{Actor: by, Action: action, Target: on}, func() (any, error) { return nil, do() })
}

// Audited does something at an engine between the row that announces it and the row that tells how it ended. Without the first
// row nothing is done.
func (p *Plane) Audited(ctx context.Context, e Entry, do func() (after any, err error)) error {
	e.Outcome = Begun
	if err := p.note(ctx, e); err != nil {
		return err
	}
	after, err := do()
	e.Outcome, e.After = Done, jsonOf(after)
	if err != nil {
		e.Outcome, e.Why = Failed, mq.Said(err)
	}
	if lost := p.note(ctx, e); lost != nil {
		p.opt.Log.Error("the end of an action is not in the audit, its beginning is", "action", string(e.Action), "target", e.Target.Name, "error", lost)
	}
	return err
}

// jsonOf renders what a row keeps of a thing; "" for nil.
func jsonOf(v any) string {
	if v == nil {
		return ""
	}
	b, _ := json.Marshal(v) // plain values always marshal
	return string(b)
}
