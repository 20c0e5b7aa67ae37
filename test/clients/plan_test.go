// SPDX-License-Identifier: Apache-2.0

package clients_test

import "time"

// plan is one scenario of the suite: what must exist on the target before a driver plays it, and how long it may take.
type plan struct {
	name        string
	kind        string // topic type: normal, fifo, delay, transaction
	fifo        bool   // its groups are ordered
	watch       bool   // it needs a second group
	maxAttempts int    // 0: the target's default
	retry       string // steps between attempts, empty: the target's default
	signedOnly  bool   // it says something only where credentials are checked
	bound       time.Duration
}

// plans is the named list that every client goes through. Bounds are watchdogs, about ten times what a scenario takes on
// an idle machine, never expectations.
func plans() []plan {
	const minute = time.Minute
	return []plan{
		{name: "normal", kind: "normal", bound: minute},
		{name: "fifo", kind: "fifo", fifo: true, watch: true, bound: 2 * minute},
		{name: "delay", kind: "delay", bound: minute},
		{name: "transaction-commit", kind: "transaction", bound: minute},
		{name: "transaction-rollback", kind: "transaction", bound: minute},
		{name: "transaction-checkback", kind: "transaction", bound: 2 * minute},
		{name: "recall", kind: "delay", bound: minute},
		{name: "simple-consumer", kind: "normal", bound: minute},
		{name: "push-consumer", kind: "normal", retry: "1s,1s", bound: 2 * minute},
		{name: "tag-filter", kind: "normal", bound: minute},
		{name: "sql-filter", kind: "normal", bound: minute},
		{name: "retry-to-dead-letter", kind: "normal", watch: true, maxAttempts: 3, retry: "1s,1s", bound: 2 * minute},
		{name: "invisible-time-change", kind: "normal", bound: 2 * minute},
		{name: "shared-group", kind: "normal", bound: 2 * minute},
		{name: "wrong-secret", kind: "normal", signedOnly: true, bound: minute},
	}
}

// client is one official client and the program that drives it.
type client struct {
	name    string
	version string
	// ways names how the client reaches the target: plain, signed, tls.
	ways []string
	// without names the ways that this version has no code for, and why.
	without map[string]string
	// apart lists ways that need a process of their own.
	apart []string
	// lacking names scenarios for which this version has no API, and why. A scenario that is missing here must pass; one
	// that stands here and passes all the same is an error too, so the list can't outlive a newer version.
	lacking map[string]string
	// attempts overrides a plan's most attempts where the client can fail a message only by letting it time out.
	attempts map[string]int
}

// clients lists what is driven, newest released versions, pinned where their build files name them.
func clients() []client {
	every := []string{"plain", "signed", "tls"}
	return []client{
		{name: "java", version: "5.2.0", ways: every},
		{name: "go", version: "5.1.4", ways: every, apart: []string{"tls"}},
		{name: "python", version: "5.1.2", ways: every},
		{name: "node", version: "1.0.8", ways: every},
		{
			name: "rust", version: "5.0.0", ways: []string{"plain", "signed"},
			without: map[string]string{"tls": "set_enable_tls makes an https address and configures no TLS for it: no connection comes about"},
			lacking: map[string]string{
				"recall":                "no recall in Producer, no recall handle in SendReceipt",
				"push-consumer":         "no push consumer",
				"invisible-time-change": "SimpleConsumer has receive and ack only",
			},
			attempts: map[string]int{"retry-to-dead-letter": 2},
		},
	}
}

// runName is how a client's way is called in results, topics and groups.
func runName(c client, way string) string {
	if way == "plain" {
		return c.name
	}
	return c.name + "-" + way
}
