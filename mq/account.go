// SPDX-License-Identifier: Apache-2.0

package mq

// Account is a user that a cluster itself knows, with what it may, as RocketMQ's ACL 2.0 keeps it.
type Account struct {
	Name     string // the access key
	Secret   string
	Super    bool // may everything
	Disabled bool
	Rules    []Rule
}

// Rule allows or denies actions on resources.
type Rule struct {
	Resource string   // "Topic:orders", "Topic:ord*", "Group:*", or "*"
	Actions  []string // "Pub", "Sub", "All" and those of administration
	Sources  []string // addresses or ranges from which it applies, none = everywhere
	Deny     bool
	Fallback bool // of the default policy: looked at where no other rule matches
}
