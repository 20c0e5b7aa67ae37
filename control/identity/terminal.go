// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// Who works at a terminal logs in at the identity provider with a browser, and has a session of his own at the terminal: he is the member that he is with each request, with the
// role that he has then, and it ends with whatever ends his sessions. It is no token record: those outlive their makers and are counted for ever.
//
// What the terminal shows is a bearer token, which no browser sends by itself, so nothing has to be shown beside it. A cookie is never taken for one, nor one for a cookie.

const (
	// TerminalPrefix begins the token of a session at a terminal.
	TerminalPrefix = "cwl_"
	// TerminalLife is how long a session at a terminal lasts, however quiet it is.
	TerminalLife = 8 * time.Hour
)

// OfTerminal tells whether a text is to be a terminal's session.
func OfTerminal(text string) bool { return strings.HasPrefix(text, TerminalPrefix) }

// Guest is a member for whom the identity provider vouched a moment ago, and who has no session yet.
type Guest struct {
	Tenant string    `json:"t,omitempty"` // "" = the installation
	Name   string    `json:"n"`
	Made   time.Time `json:"m"` // when the member was: who has his name later is somebody else
	Person string    `json:"p"`
	Role   Role      `json:"r"` // to be shown; what he may do is asked when he does it
}

// Greet tells who somebody is here, as Enter does, and begins no session. Forbidden: he is nobody here.
func (d *Directory) Greet(ctx context.Context, e Entry) (Guest, error) {
	m, _, err := d.welcome(ctx, e)
	if err != nil {
		return Guest{}, err
	}
	return Guest{m.Tenant.String(), m.Name, m.Created, personOf(m), m.Role}, nil
}

// EnterTerminal begins the session at a terminal of somebody who was greeted, if he still is who he was and may come in. Forbidden: he may not.
func (d *Directory) EnterTerminal(ctx context.Context, g Guest, from control.Actor) (Session, error) {
	_ = d.plane.Refresh(ctx) // he may have been greeted by another plane
	doc, err := d.plane.Document(control.Ref{Kind: MemberRecord, Tenant: g.Tenant, Name: g.Name})
	nobody := &control.Refusal{Err: mq.Refuse(mq.Forbidden, "%.120q is no member here any more", g.Name), Reason: NoMember}
	if err != nil {
		return Session{}, nobody
	}
	m, err := memberOf(doc)
	if err != nil {
		return Session{}, err
	}
	if !m.Created.Equal(g.Made) || personOf(m) != g.Person || !m.Live(d.now()) || !d.open(m.Tenant) {
		d.denied(ctx, callerFor(m, from), Wish{Right: BeginSession, On: m.Ref()}, "the member is another one, or switched off, since he logged in at the identity provider")
		return Session{}, nobody
	}
	return d.begin(ctx, m, doc, entrance{from: from, external: true, terminal: true, why: "at a terminal, by the identity provider"})
}
