// SPDX-License-Identifier: Apache-2.0

// Package grant is the noun grant: one tenant, the owner, lets another one, the borrower, publish to, or subscribe from, one of its topics, under
// a name among the borrower's own topics. How one comes and goes is the matter of room lending; docs/adr/0013 says why it is as it is.
package grant

import (
	"encoding/json"
	"time"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/mq"
)

// Kind is under which grants are kept, as documents of the borrower.
const Kind audit.RecordKind = "grant"

// Grant is a topic that is lent. Its rights are what the borrower as a whole may; which of its applications may it, their own rights say.
type Grant struct {
	ID       string    // random
	Request  string    // the id of the newest request that brought it
	Borrower mq.Tenant // who has it
	As       mq.TopicName
	Owner    mq.Tenant
	Topic    mq.TopicName // of the owner
	Rights   Rights
	Expires  time.Time // zero = never
	Created  time.Time
	Revision audit.Version
}

// Rights is what is lent of a topic; at least one of them.
type Rights struct{ Publish, Subscribe bool }

// String is "publish", "subscribe" or "publish and subscribe".
func (r Rights) String() string {
	switch {
	case r.Publish && r.Subscribe:
		return "publish and subscribe"
	case r.Publish:
		return "publish"
	case r.Subscribe:
		return "subscribe"
	}
	return "nothing"
}

// Live tells whether the grant holds at a time.
func (g Grant) Live(at time.Time) bool { return g.Expires.IsZero() || at.Before(g.Expires) }

// Ref names the record.
func (g Grant) Ref() audit.Ref {
	return audit.Ref{Kind: Kind, Tenant: g.Borrower.String(), Name: g.ID}
}

// body is how a grant is kept.
type body struct {
	Request   string    `json:"request"`
	As        string    `json:"as"`
	Owner     string    `json:"owner"`
	Topic     string    `json:"topic"`
	Publish   bool      `json:"publish,omitempty"`
	Subscribe bool      `json:"subscribe,omitempty"`
	Expires   time.Time `json:"expires,omitzero"`
	Created   time.Time `json:"created"`
}

// Body is the grant as Read reads it; the audit shows it.
func (g Grant) Body() string {
	b, _ := json.Marshal(body{g.Request, g.As.String(), g.Owner.String(), g.Topic.String(), g.Rights.Publish, g.Rights.Subscribe, g.Expires, g.Created}) // plain values always marshal
	return string(b)
}

// Read reads what was kept under a ref. An error is a record that this program did not write.
func Read(ref audit.Ref, text string) (g Grant, err error) {
	var b body
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return g, mq.Refuse(mq.Internal, "grant %q cannot be read: %v", ref.Name, err)
	}
	g = Grant{ID: ref.Name, Request: b.Request, Rights: Rights{b.Publish, b.Subscribe}, Expires: b.Expires, Created: b.Created}
	if g.Borrower, err = mq.ParseTenant(ref.Tenant); err != nil {
		return g, err
	}
	if g.Owner, err = mq.ParseTenant(b.Owner); err != nil {
		return g, err
	}
	if g.As, err = mq.ParseTopicName(b.As); err != nil {
		return g, err
	}
	g.Topic, err = mq.ParseTopicName(b.Topic)
	return g, err
}
