// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"

	"github.com/causeway-mq/causeway/control/claim"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/control/usage"
	"github.com/causeway-mq/causeway/mq"
)

// Record is one of Tenant, Application, Key, Topic, Group or Document.
type Record interface {
	// Ref names the record among all.
	Ref() Ref
	revision() Version
	at(Version) Record
	// view is what the audit shows of it.
	view() any
}

// RevisionOf is the version that a record was last written at, for a Store.
func RevisionOf(r Record) Version { return r.revision() }

// Records is the part of a Store that keeps records. Every change is atomic together with the version that it makes and with e, its row of audit, and durable when the
// call returns; a change whose row cannot be written does not happen, nor one that was decided at another version than the newest one (Entry.Seen). Names match byte for byte.
type Records interface {
	// Load reads everything in one consistent view, sorted by what names a record.
	Load(ctx context.Context) (Catalog, error)
	// Add keeps a new record. Conflict when the name is taken, NotFound when what it belongs to is not there.
	Add(ctx context.Context, r Record, e Entry) (Version, error)
	// Put replaces a record that still has r's revision. Conflict when it has another one, NotFound when it is gone.
	Put(ctx context.Context, r Record, e Entry) (Version, error)
	// Remove forgets a record that still has r's revision; the keys of an application go with it. Conflict and NotFound as with Put, Conflict for a
	// tenant to which anything belongs.
	Remove(ctx context.Context, r Record, e Entry) (Version, error)
}

// Beside is what a Store keeps beside the catalog and its audit.
type Beside interface {
	Shelf() shelf.Table
	usage.Table
}

// Store keeps everything durably.
type Store interface {
	Records
	Ledger
	claim.Table
	Beside
	// Check tells whether the store could be written to now.
	Check(ctx context.Context) error
	// Close ends all use. It may be called twice.
	Close() error
}

// Taken is a Store's answer to an Add of a name that exists.
func Taken(ref Ref) error {
	field := "name"
	if ref.Kind == TenantRecord {
		field = "id"
	}
	return refuse(Exists, mq.Conflict, "%s %q exists already", ref.Kind, ref.Name).On(field)
}

// Outdated is a Store's answer to a Put or Remove of a record that has another revision by now.
func Outdated(ref Ref) error { return stale(string(ref.Kind), ref.Name) }

// Owns is a Store's answer to a Remove of a tenant to which something belongs.
func Owns(ref Ref) error {
	return refuse(Busy, mq.Conflict, "%s %q is not empty", ref.Kind, ref.Name)
}

// Behind is a Store's answer to a change that was decided at another version than the newest one: what it was judged by may not hold any more.
func Behind(seen, now Version) error {
	return refuse(refusal.Outrun, mq.Conflict, "the change was decided at version %d, the store is at %d", seen, now)
}

// Absent is a Store's answer when a record, or what it belongs to, is not there.
func Absent(ref Ref) error {
	kinds := map[RecordKind]mq.Kind{TopicRecord: mq.TopicNotFound, GroupRecord: mq.GroupNotFound}
	k, ok := kinds[ref.Kind]
	if !ok {
		k = mq.NotFound
	}
	return mq.Refuse(k, "no %s %q", ref.Kind, ref.Name)
}
