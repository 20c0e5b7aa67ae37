// SPDX-License-Identifier: Apache-2.0

// Package mq holds the nouns of Causeway: what proxies, engines and the control plane say to each other.
//
// It imports the standard library only and does nothing: no I/O, no clock, no goroutine. Names and limited
// durations are types that only their parsers can build, so a value of such a type is valid wherever it is met;
// the zero value means "none". Larger structs are plain values, copied freely and never changed after they were
// handed over.
//
// Three outcomes exist for every verb on a port: nil (done, and durable where the port says so), a refusal
// (certainly not done: an *Error whose Kind says why) and unknown (perhaps done: an *Error for which
// Outcome(err) is Unknown). See error.go.
package mq
