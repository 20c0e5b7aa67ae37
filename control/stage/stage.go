// SPDX-License-Identifier: Apache-2.0

// Package stage is how far an engine follows what is wanted of a topic or a group, and which change may begin where.
package stage

import (
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/mq"
)

// State is how far the engine follows what is wanted of a topic or a group.
type State string

// The states.
const (
	Creating State = "creating" // wanted, perhaps not yet in the engine; proxies do not know it
	Ready    State = "ready"
	Updating State = "updating" // the new spec is kept, the engine may still have the old one
	Deleting State = "deleting" // proxies do not know it any more, the engine may still have it
)

// Change is what somebody wants to do to a topic or a group.
type Change string

// The changes.
const (
	Update Change = "update"
	Delete Change = "delete"
)

// Begin is the state while the change is under way. Only one change is under way at a time, but a deletion may be asked for
// again, and may overtake a creation or an update that does not get through to the engine.
func (s State) Begin(c Change) (State, error) {
	switch {
	case c == Delete:
		return Deleting, nil
	case c == Update && s == Ready:
		return Updating, nil
	}
	return s, refusal.New(refusal.Busy, mq.Conflict, "it is %s: ask again when that is through", s)
}

// Visible tells whether proxies see what is in this state.
func (s State) Visible() bool { return s == Ready || s == Updating }

// Settled tells whether nothing is left to do.
func (s State) Settled() bool { return s == Ready }

// Parse reads what a Store kept.
func Parse(s string) (State, error) {
	switch st := State(s); st {
	case Creating, Ready, Updating, Deleting:
		return st, nil
	}
	return "", mq.Refuse(mq.Internal, "state %q is unknown", s)
}
