// SPDX-License-Identifier: Apache-2.0

package consume

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Leaser is what push and simple consumers ask of an engine. The engine alone, by its own clock, says that a lease is over.
type Leaser interface {
	// Take grants up to want.Max messages and never waits for one to arrive; none is an empty slice and no error. Messages out
	// of attempts become dead letters durably and are not delivered. For an ordered group it grants a run of a message group to
	// one attempt, and the same attempt id gets the same run while it is leased. A caller whose reply is lost extends to 0.
	Take(ctx context.Context, want mq.Want) ([]mq.Delivery, error)

	// Arm asks for one call of wake when a Take with this want may find something. It may fire spuriously, fires at most once,
	// from any goroutine, and must not block. No goroutine is held per call. An engine may keep leased what it wakes for, until
	// the caller's next Take or disarm: look before disarming. After disarm returned, wake is not called again and what was kept
	// for the caller is given back. disarm may be called twice.
	Arm(want mq.Want, wake func()) (disarm func())

	// Ack settles each lease, durably. Expired and Settled come only where Traits say that the engine can tell.
	Ack(ctx context.Context, leases []mq.Lease) []error

	// Extend moves the end of each lease to d from now. mq.Keep is a renewal: the first token goes on settling. mq.Replace is the
	// client's own change: the old token is void. 0 frees the message at once.
	Extend(ctx context.Context, leases []mq.Lease, d time.Duration, how mq.KeepOrReplace) []mq.Extended

	// DeadLetter moves messages to their group's dead letters: the copy with its origin is durable before the original is
	// settled. Repeating it is safe.
	DeadLetter(ctx context.Context, leases []mq.Lease, why string) []error
}

// Positioner is what pull consumers ask of an engine.
type Positioner interface {
	// Pull reads from an offset: no wait, no lease, no progress. An offset outside the bounds is IllegalOffset.
	Pull(ctx context.Context, q mq.QueueRef, from mq.Offset, limit mq.ReadLimit, filter mq.Filter) (mq.Read, error)

	// ArmPull is Arm for Pull: wake is called once when a message at or after from is visible.
	ArmPull(q mq.QueueRef, from mq.Offset, wake func()) (disarm func())

	// Bounds gives the first kept offset and one past the last visible one.
	Bounds(ctx context.Context, q mq.QueueRef) (lo, hi mq.Offset, err error)

	// At gives the offset of the first message stored at or after t, hi when there is none.
	At(ctx context.Context, q mq.QueueRef, t time.Time) (mq.Offset, error)

	// Committed gives a pulling group's committed offset, OffsetNotFound when it has none.
	Committed(ctx context.Context, g mq.Group, q mq.QueueRef) (mq.Offset, error)

	// Commit stores a pulling group's offset, durably. Conflict for a group that leases.
	Commit(ctx context.Context, g mq.Group, q mq.QueueRef, at mq.Offset) error
}
