// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"strings"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/route"
	"github.com/causeway-mq/causeway/proxy/session"
)

// takes refuses what a proxy of this role does not do: taking messages at a consume proxy, handing out and settling them at a produce
// proxy. Everything else works everywhere, since clients open streams to every endpoint that they know.
func (d *Door) takes(v Verb) error {
	switch v {
	case SendMessage:
		if !d.ports.Role.Produces() {
			return mq.Refuse(mq.Unsupported, "this proxy serves consumers only (role %s): send to a produce proxy", d.ports.Role)
		}
	case ReceiveMessage, PullMessage, AckMessage, ChangeInvisibleDuration, ForwardToDeadLetters:
		if !d.ports.Role.Consumes() {
			return mq.Refuse(mq.Unsupported, "this proxy serves producers only (role %s): consume at a consume proxy", d.ports.Role)
		}
	}
	return nil
}

// purpose is what a route is for. Clients of most languages look at the permission of each entry and are given all. Those of Go and Rust do not, nor
// may others that nobody knows: they get what their stream says that they are, and before there is one what this proxy does,
// because that is the one that they were configured with.
func (d *Door) purpose(c *Caller) route.Purpose {
	switch strings.ToUpper(c.Headers.Language) {
	case "JAVA", "PYTHON", "CPP", "DOTNET", "C_SHARP", "HTTP", "NODE_JS":
		return route.AnyPurpose
	}
	kind, known := d.ports.Sessions.Kind(c.Session())
	switch {
	case known && kind == session.Producer, !known && !d.ports.Role.Consumes():
		return route.Sending
	case known, !d.ports.Role.Produces():
		return route.Receiving
	}
	return route.AnyPurpose
}
