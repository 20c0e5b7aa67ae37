// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"net/netip"
	"strings"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/access"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/session"
)

// Limits of a call's header list.
const (
	MaxHeaderBytes = 16 << 10 // names and values
	MaxHeaderLines = 256
)

// Headers is what a call's metadata says, each name read once. Values are the sender's words: nothing is checked yet.
// x-mq-protocol and x-mq-protocol-version differ between clients for no purpose of ours and are not read at all.
type Headers struct {
	ClientID      string // x-mq-client-id
	Language      string // x-mq-language: any word
	Version       string // x-mq-client-version
	RequestID     string // x-mq-request-id
	Namespace     string // x-mq-namespace
	DateTime      string // x-mq-date-time: what is signed
	Authorization string // authorization
	SessionToken  string // x-mq-session-token
	Bytes         int    // of all names and values
	Lines         int
}

// Call is what the transport knows of a call beside its headers.
type Call struct {
	Verb   Verb
	Remote netip.AddrPort
	TLS    bool
	Left   time.Duration // until the call's deadline, 0 when it has none
}

// Caller is who makes a call and what the world looks like for the length of it.
type Caller struct {
	access.Principal
	Headers  Headers
	Client   mq.ClientID
	Remote   netip.AddrPort
	Left     time.Duration
	Snapshot *catalog.Snapshot
}

// Session is the caller's place among the live clients.
func (c *Caller) Session() session.ID {
	id := session.ID{Tenant: c.Tenant, Client: c.Client}
	if c.App != nil {
		id.App = c.App.Name
	}
	return id
}

// Enter finds out who calls. On a refusal the status is not nil and the call must be answered with it.
func (d *Door) Enter(h *Headers, call Call) (Caller, *v2.Status) {
	c := Caller{Headers: *h, Remote: call.Remote, Left: call.Left, Snapshot: d.ports.Catalog()}
	c.Headers.RequestID = printable(h.RequestID, 64)
	if err := d.identify(&c, call); err != nil {
		return c, d.status(&c, call.Verb, err)
	}
	return c, nil
}

func (d *Door) identify(c *Caller, call Call) error {
	if c.Headers.Bytes > MaxHeaderBytes || c.Headers.Lines > MaxHeaderLines {
		return mq.Refuse(mq.HeadersTooLarge, "headers: %d lines of %d bytes, the limits are %d and %d",
			c.Headers.Lines, c.Headers.Bytes, MaxHeaderLines, MaxHeaderBytes)
	}
	if c.Snapshot.Empty() { // a client would take "you are nobody" for the last word
		return mq.Refuse(mq.Unavailable, "the catalog has not been read yet")
	}
	p, err := d.ports.Guard.Identify(c.Snapshot, claim(&c.Headers, call))
	if err != nil {
		return err
	}
	c.Principal = p
	c.Client, err = mq.ParseClientID(c.Headers.ClientID)
	return err
}

// Known tells whether a call's headers name a caller. The transport asks it once per connection, to tell strangers that may
// only linger from clients.
func (d *Door) Known(h *Headers, call Call) bool {
	_, err := d.ports.Guard.Identify(d.ports.Catalog(), claim(h, call))
	return err == nil
}

// claim is what the caller says about itself.
func claim(h *Headers, call Call) access.Call {
	return access.Call{
		Headers: access.Headers{Authorization: h.Authorization, DateTime: h.DateTime, Namespace: h.Namespace, SessionToken: h.SessionToken},
		Remote:  call.Remote.Addr(),
		TLS:     call.TLS,
	}
}

// printable keeps hostile input out of logs and answers.
func printable(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	clean := func(r rune) rune {
		if r < ' ' || r >= 0x7f {
			return -1
		}
		return r
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return strings.Map(clean, s)
		}
	}
	return s
}

// Malformed is the answer to a request that could not be decoded.
func (d *Door) Malformed(h *Headers, call Call) *v2.Status {
	c := Caller{Headers: *h, Remote: call.Remote}
	c.Headers.RequestID = printable(h.RequestID, 64)
	return d.status(&c, call.Verb, mq.Refuse(mq.BadRequest, "the request is not a valid message of %s", call.Verb))
}

// TooLarge is the answer to a request beyond the transport's limit in bytes.
func (d *Door) TooLarge(h *Headers, call Call, limit int) *v2.Status {
	c := Caller{Headers: *h, Remote: call.Remote}
	c.Headers.RequestID = printable(h.RequestID, 64)
	return d.status(&c, call.Verb, mq.Refuse(mq.PayloadTooLarge, "the request has more than %d bytes, the limit", limit))
}
