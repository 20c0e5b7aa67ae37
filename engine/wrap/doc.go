// SPDX-License-Identifier: Apache-2.0

// Package wrap decorates engines behind their ports, one decorator a file.
//
// A decorator is an engine again, so decorators stack: faults inside metrics shows in the figures what a failing engine
// looks like. Whatever a decorator does not care about passes through untouched.
package wrap

import (
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/proxy/consume"
	"github.com/causeway-mq/causeway/proxy/produce"
	"github.com/causeway-mq/causeway/proxy/route"
)

// Engine is all ports of an engine.
type Engine interface {
	produce.Store
	consume.Leaser
	consume.Positioner
	route.Topology
	control.Provisioner
	control.Inspector
}

// Verb names a call of a port in figures and in fault plans.
type Verb string

// The verbs that decorators see: those that ask something of the engine on behalf of messages.
const (
	Send       Verb = "send"
	Settle     Verb = "settle"
	Recall     Verb = "recall"
	Take       Verb = "take"
	Ack        Verb = "ack"
	Extend     Verb = "extend"
	DeadLetter Verb = "deadletter"
	Pull       Verb = "pull"
	Commit     Verb = "commit"
	Probe      Verb = "probe"
)
