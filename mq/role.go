// SPDX-License-Identifier: Apache-2.0

package mq

import "strings"

// Role is what a proxy serves. Production and consumption can be kept apart, so that neither's load or failure touches the other.
type Role uint8

// The roles.
const (
	BothRoles Role = iota
	ProduceRole
	ConsumeRole
)

// Produces tells whether a proxy of this role takes messages.
func (r Role) Produces() bool { return r != ConsumeRole }

// Consumes tells whether a proxy of this role hands out messages.
func (r Role) Consumes() bool { return r != ProduceRole }

// String is "both", "produce" or "consume".
func (r Role) String() string {
	switch r {
	case ProduceRole:
		return "produce"
	case ConsumeRole:
		return "consume"
	}
	return "both"
}

// ParseRole reads what String writes; "" is both.
func ParseRole(s string) (Role, error) {
	for _, r := range []Role{BothRoles, ProduceRole, ConsumeRole} {
		if strings.EqualFold(s, r.String()) || s == "" {
			return r, nil
		}
	}
	return BothRoles, Refuse(BadRequest, "role %q: produce, consume or both", clip(s))
}
