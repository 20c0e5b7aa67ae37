// SPDX-License-Identifier: Apache-2.0

// Package reception is the desk of a control plane with every kind of request that there is. Whoever takes, decides or carries out requests goes
// through it, so that no process knows fewer kinds than another.
package reception

import (
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/lending"
	"github.com/causeway-mq/causeway/control/raise"
	"github.com/causeway-mq/causeway/control/request"
)

// Reception keeps nothing but in the plane's store and is safe for concurrent use.
type Reception struct {
	Desk    *request.Desk
	Lending *lending.Office
	Raise   *raise.Office
}

// Open makes the reception of a control plane; who is nil where nobody is let in, now is its time.
func Open(plane *control.Plane, who *identity.Directory, now func() time.Time) Reception {
	desk := request.NewDesk(plane, who, now)
	return Reception{desk, lending.Open(plane, desk, now), raise.Open(plane, desk)}
}
