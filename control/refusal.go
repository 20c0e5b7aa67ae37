// SPDX-License-Identifier: Apache-2.0

package control

import (
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/mq"
)

// Why something was refused, see package refusal.
type (
	Refusal = refusal.Refusal
	Reason  = refusal.Reason
)

// The reasons.
const (
	Exists     = refusal.Exists
	Busy       = refusal.Busy
	Confirm    = refusal.Confirm
	Stale      = refusal.Stale
	Quota      = refusal.Quota
	OutOfRange = refusal.OutOfRange
	Reserved   = refusal.Reserved
	BadCursor  = refusal.BadCursor
	Leased     = refusal.Leased
	Pending    = refusal.Pending
	NoCluster  = refusal.NoCluster
	KeyLimit   = refusal.KeyLimit
	NoWindow   = refusal.NoWindow
)

func refuse(reason Reason, k mq.Kind, format string, args ...any) *Refusal {
	return refusal.New(reason, k, format, args...)
}

// During is mq.During for errors that may be a Refusal: its reason, field and limit stay.
func During(op string, err error) error { return refusal.During(op, err) }
