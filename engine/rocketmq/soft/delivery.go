// SPDX-License-Identifier: Apache-2.0

package soft

import "github.com/causeway-mq/causeway/mq"

// Delivery names one delivery of a message to a group. Its token alone does not: groups that get one message in the same millisecond may have the same.
type Delivery struct {
	Group mq.Physical
	Token string
}

// DeliveryOf is what a lease holds.
func DeliveryOf(l mq.Lease) Delivery { return Delivery{l.Group.Name, l.Token} }
