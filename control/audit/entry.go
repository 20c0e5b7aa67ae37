// SPDX-License-Identifier: Apache-2.0

// Package audit is what is written down of every change of the control plane: who made it, which thing it was about, in a chain of rows that proves itself.
//
// Every change is one transaction of the Store: the record, one row of audit, the next version. What changes no record of
// the plane (a denial, the reset of a group) is a row without a version. Rows are numbered without gaps, and each one holds the
// hash of the row before it together with its own content: a row that somebody changed, took out or moved shows, and the newest
// number and hash are kept apart from the rows, so that the last ones cannot be cut off unseen. There is no key in it: who can write
// to the database and writes every row anew with the head leaves no trace there, so heads that matter are kept elsewhere.
//
// The rows that have a version are the change log as well: see control.Changes.
package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"time"
)

// Version orders catalogs: every change of anything that is kept makes a larger one. Each record carries the version that
// wrote it as its Revision.
type Version uint64

// RecordKind is the noun of a record.
type RecordKind string

// The kinds of record.
const (
	TenantRecord      RecordKind = "tenant"
	ApplicationRecord RecordKind = "application"
	KeyRecord         RecordKind = "key"
	TopicRecord       RecordKind = "topic"
	GroupRecord       RecordKind = "group"
)

// Ref names a record. Name of a Key is its id; Tenant of a Tenant is itself.
type Ref struct {
	Kind   RecordKind
	Tenant string
	Name   string
}

// Verb is what was done or asked for: the noun and the action, for example "topic.create".
type Verb string

// On names an action on a kind of record.
func On(k RecordKind, action string) Verb { return Verb(string(k) + "." + action) }

// Outcome is what came of it.
type Outcome string

// The outcomes.
const (
	Done   Outcome = "done"
	Denied Outcome = "denied" // the actor has no right to it
	Failed Outcome = "failed" // begun, and refused by the engine
	Begun  Outcome = "begun"  // what happens at an engine is announced before: a row with the end of it follows
)

// Entry is one row of audit. Number, Version and Hash are set by the Store.
type Entry struct {
	Number  uint64  // place in the chain, from 1
	Version Version // that the change made; 0 where no record was changed
	Time    time.Time
	Actor   Actor
	Action  Verb
	Target  Ref
	Before  string // the record as JSON without its secrets; "" for none
	After   string
	Outcome Outcome
	Why     string // of a denial or a failure
	Hash    string // see Sum
	// Seen, if not 0, is the version at which the change was decided; a Store that is at another one refuses it, see control.Behind. It is not kept.
	Seen Version
}

// Bounds of texts in a row, in bytes.
const (
	maxAuditName = 300
	maxAuditText = 1000
)

// Tidy bounds what callers chose, so that every row can be written.
func (e Entry) Tidy() Entry {
	for _, s := range []*string{&e.Actor.Name, &e.Actor.Role, &e.Actor.Remote, &e.Actor.Request, &e.Target.Tenant, &e.Target.Name} {
		*s = Clip(*s, maxAuditName)
	}
	e.Why = Clip(e.Why, maxAuditText)
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	return e
}

// Sum is the row's hash: SHA-256 in hex over the hash of the row before it ("" for the first one) and every field of this row
// but Hash, each with its length before it.
func (e Entry) Sum(before string) string {
	h := sha256.New()
	for _, n := range []uint64{e.Number, uint64(e.Version), uint64(e.Time.UnixMicro())} {
		hashNumber(h, n)
	}
	for _, s := range []string{
		before, string(e.Actor.Kind), e.Actor.Name, e.Actor.Role, e.Actor.Remote, e.Actor.Request, string(e.Action),
		string(e.Target.Kind), e.Target.Tenant, e.Target.Name, e.Before, e.After, string(e.Outcome), e.Why,
	} {
		hashNumber(h, uint64(len(s)))
		h.Write([]byte(s))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func hashNumber(h hash.Hash, n uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	h.Write(b[:])
}

// Head is the newest row of the chain as the Store keeps it apart from the rows.
type Head struct {
	Number uint64
	Hash   string
}

// Limits of reading the audit.
const (
	MaxPage     = 500
	DefaultPage = 100
)

// Query selects rows. Empty fields select all.
type Query struct {
	From, To time.Time // From <= time < To
	Tenant   string    // of the target
	Actor    string    // name
	Kind     RecordKind
	Name     string // of the target
	Outcome  Outcome
	Below    uint64 // rows with a smaller number, for the next page; 0 = from the newest on
	Limit    int
}

// Page is some rows, newest first. Next is Below of the page that follows, 0 at the end.
type Page struct {
	Entries []Entry
	Next    uint64
}
