// SPDX-License-Identifier: Apache-2.0

// Package refusal is why the control plane refused, as finely as a caller of the API needs it.
package refusal

import (
	"errors"

	"github.com/causeway-mq/causeway/mq"
)

// Reason says more finely than a Kind why the control plane refused; stable between versions.
type Reason string

// The reasons. Where none fits, the Kind alone speaks.
const (
	Exists     Reason = "already_exists"      // the name is taken
	Busy       Reason = "change_under_way"    // another change of the same thing is not through yet
	Confirm    Reason = "needs_confirmation"  // it would lose something; say that you mean it
	Stale      Reason = "stale_revision"      // somebody else changed it meanwhile
	Quota      Reason = "quota_exceeded"      // the tenant has as many as it may
	OutOfRange Reason = "out_of_range"        // a value outside its limits
	Immutable  Reason = "immutable"           // set when it was made, for good
	Reserved   Reason = "reserved"            // the system keeps it
	BadCursor  Reason = "bad_cursor"          // not a cursor of this listing
	Leased     Reason = "leases_live"         // consumers hold messages
	TooManyRun Reason = "too_many_jobs"       // as many jobs run as may
	Pending    Reason = "engine_not_reached"  // kept, and made true as soon as the engine answers
	NoCluster  Reason = "unknown_cluster"     // no such cluster
	KeyLimit   Reason = "too_many_keys"       // revoke one first
	Outrun     Reason = "outrun"              // another plane was faster: what the change was judged by is older than the store
	NoWindow   Reason = "window_not_searched" // the time window cannot be searched
	NotByTopic Reason = "not_by_topic"        // the cluster's brokers have it as a setting of theirs, for all topics alike
)

// Refusal is an mq.Error with what a caller of the API needs beyond its Kind.
type Refusal struct {
	Err    *mq.Error
	Reason Reason // may be ""
	Field  string // of the request, as the API names it; may be ""
	Limit  string // the limit that was passed; may be ""
}

// Error is what the inner error says.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap gives the inner error, so that mq.KindOf and mq.Outcome see it.
func (r *Refusal) Unwrap() error { return r.Err }

// New refuses; reason may be "".
func New(reason Reason, k mq.Kind, format string, args ...any) *Refusal {
	return &Refusal{Err: mq.Refuse(k, format, args...), Reason: reason}
}

// On names the field that it is about.
func (r *Refusal) On(field string) *Refusal { r.Field = field; return r }

// Beyond names the limit that was passed.
func (r *Refusal) Beyond(limit string) *Refusal { r.Limit = limit; return r }

// Because tells whether an error is a refusal for that reason.
func Because(err error, reason Reason) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Reason == reason
}

// During is mq.During for errors that may be a Refusal: its reason, field and limit stay.
func During(op string, err error) error {
	var r *Refusal
	if !errors.As(err, &r) {
		return mq.During(op, err)
	}
	with := *r
	var inner *mq.Error
	if errors.As(mq.During(op, r.Err), &inner) {
		with.Err = inner
	}
	return &with
}
