// SPDX-License-Identifier: Apache-2.0

package control

import "github.com/causeway-mq/causeway/control/stage"

// How far the engine follows a topic or a group, see package stage.
type (
	State  = stage.State
	Change = stage.Change
)

// The states, and the changes of what is in one.
const (
	Creating = stage.Creating
	Ready    = stage.Ready
	Updating = stage.Updating
	Deleting = stage.Deleting
	Update   = stage.Update
	Delete   = stage.Delete
)
