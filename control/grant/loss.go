// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Of gives those of some grants that hold for a topic at a time.
func Of(some []Grant, owner mq.Tenant, topic mq.TopicName, at time.Time) (all []Grant) {
	for _, g := range some {
		if g.Owner == owner && g.Topic == topic && g.Live(at) {
			all = append(all, g)
		}
	}
	return all
}

// Loss says what goes with a topic: its messages, and the use of it by those to whom it is lent; "" for nothing.
func Loss(messages bool, lent []Grant) string {
	var lost, borrowers []string
	if messages {
		lost = append(lost, "holds messages, which would be lost")
	}
	for _, g := range lent {
		if name := g.Borrower.String(); !slices.Contains(borrowers, name) {
			borrowers = append(borrowers, name)
		}
	}
	if len(borrowers) > 0 {
		lost = append(lost, "is lent to "+strings.Join(borrowers, ", ")+", who would lose it")
	}
	return strings.Join(lost, ", and ")
}
