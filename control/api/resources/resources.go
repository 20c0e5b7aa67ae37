// SPDX-License-Identifier: Apache-2.0

// Package resources answers what is asked about tenants, and about what they own: applications with their keys, topics, groups; and
// about the clusters that all of it lies on.
package resources

import (
	"slices"

	"github.com/causeway-mq/causeway/control/api/door"
)

// Operations is what this room answers.
func Operations() []door.Operation {
	return slices.Concat(clusterOperations(), tenantOperations(), applicationOperations(), topicOperations(), groupOperations())
}
