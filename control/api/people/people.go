// SPDX-License-Identifier: Apache-2.0

// Package people answers what is asked about who may do what, and about who did it: members, tokens, the audit.
package people

import (
	"slices"

	"github.com/causeway-mq/causeway/control/api/door"
)

// Operations is what this room answers.
func Operations() []door.Operation {
	return slices.Concat(memberOperations(), tokenOperations(), auditOperations())
}
