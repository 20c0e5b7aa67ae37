// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"

	"github.com/causeway-mq/causeway/mq"
)

// Version orders catalogs: every change of anything that is kept makes a larger one. Each record carries the version that
// wrote it as its Revision.
type Version uint64

// Record is one of Tenant, Application, Key, Topic or Group.
type Record interface {
	// Ref names the record among all.
	Ref() Ref
	revision() Version
	at(Version) Record
}

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

// RevisionOf is the version that a record was last written at, for a Store.
func RevisionOf(r Record) Version { return r.revision() }

// Store keeps records durably. Every change is atomic together with the version that it makes, and durable when the call
// returns. Names are matched byte for byte.
type Store interface {
	// Load reads everything in one consistent view, sorted by what names a record.
	Load(ctx context.Context) (Catalog, error)
	// Add keeps a new record. Conflict when the name is taken, NotFound when what it belongs to is not there.
	Add(ctx context.Context, r Record) (Version, error)
	// Put replaces a record that still has r's revision. Conflict when it has another one, NotFound when it is gone.
	Put(ctx context.Context, r Record) (Version, error)
	// Remove forgets a record that still has r's revision, with all that belongs to it. Conflict and NotFound as with Put.
	Remove(ctx context.Context, r Record) (Version, error)
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
	return refuse(Exists, mq.Conflict, "%s %q exists already", ref.Kind, ref.Name).on(field)
}

// Outdated is a Store's answer to a Put or Remove of a record that has another revision by now.
func Outdated(ref Ref) error { return stale(string(ref.Kind), ref.Name) }

// Absent is a Store's answer when a record, or what it belongs to, is not there.
func Absent(ref Ref) error {
	kinds := map[RecordKind]mq.Kind{TopicRecord: mq.TopicNotFound, GroupRecord: mq.GroupNotFound}
	k, ok := kinds[ref.Kind]
	if !ok {
		k = mq.NotFound
	}
	return mq.Refuse(k, "no %s %q", ref.Kind, ref.Name)
}
