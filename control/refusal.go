// SPDX-License-Identifier: Apache-2.0

package control

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
	NoRedrive  Reason = "nowhere_to_redrive"  // the topic that the message came from is gone
	Reserved   Reason = "reserved"            // the system keeps it
	BadCursor  Reason = "bad_cursor"          // not a cursor of this listing
	Leased     Reason = "leases_live"         // consumers hold messages
	TooManyRun Reason = "too_many_jobs"       // as many jobs run as may
	Pending    Reason = "engine_not_reached"  // kept, and made true as soon as the engine answers
	KeyLimit   Reason = "too_many_keys"       // revoke one first
	NoWindow   Reason = "window_not_searched" // the time window cannot be searched
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

func refuse(reason Reason, k mq.Kind, format string, args ...any) *Refusal {
	return &Refusal{Err: mq.Refuse(k, format, args...), Reason: reason}
}

func (r *Refusal) on(field string) *Refusal { r.Field = field; return r }

func (r *Refusal) limit(l string) *Refusal { r.Limit = l; return r }

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
