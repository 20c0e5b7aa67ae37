// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/mq"
)

// Bounds of sessions.
const (
	SessionIdle = 30 * time.Minute // up to a minute less at another plane than the one that was used, which alone knows the last use exactly
	SessionLife = 12 * time.Hour
	// MaxSessions bounds the sessions of one member: with one more the oldest ends.
	MaxSessions = 20
)

// Session is a member at a browser, or at a terminal.
type Session struct {
	ID      string // the cookie's value, or what a terminal shows as its token; known to them alone, kept as a hash
	CSRF    string // that requests of a browser which change something have to show; a terminal's has none
	Expires time.Time
	Name    string // of the member in his place
	Caller  Caller
	// External says that an identity provider vouched for the member.
	External bool
	hint     string // the provider's id token, sealed
}

// Verbs of the rows of sessions, all of which are about the member.
const (
	BeginSession control.Verb = "session.create" // a login
	EndSession   control.Verb = "session.end"    // by which sessions of a member end together
)

// Login begins a session for whoever shows a member's password; each one has an id of its own. It is written down, and so is a wrong password
// of somebody who exists. Unauthorized says nothing about which of name and password was wrong.
func (d *Directory) Login(ctx context.Context, at MemberAt, password string, from control.Actor) (Session, error) {
	m, doc, err := d.proven(ctx, at, password)
	if err != nil {
		if doc.Name != "" {
			from.Kind, from.Name, from.Role = control.MemberActor, actorName(at.Tenant, at.Name), string(m.Role)
			d.denied(ctx, Caller{Actor: from, Tenant: at.Tenant}, Wish{Right: BeginSession, On: doc.Ref()}, err.Error())
		}
		return Session{}, err
	}
	return d.begin(ctx, m, doc, entrance{from: from})
}

// entrance is how a member came in.
type entrance struct {
	from     control.Actor
	external bool
	terminal bool
	idToken  string // of the provider
	why      string // of the row of audit
}

// begin makes a session. Of too many the member's oldest ones end.
func (d *Directory) begin(ctx context.Context, m Member, doc control.Document, by entrance) (Session, error) {
	c := callerFor(m, by.from)
	if err := d.plane.Note(ctx, c.Actor, BeginSession, m.Ref(), by.why); err != nil {
		return Session{}, err
	}
	now := d.now()
	one := seat{Tenant: m.Tenant.String(), Name: m.Name, Made: m.Created, CSRF: unguessable(), Proof: proofOf(doc), External: by.external, Begun: now, Used: now}
	if by.external {
		one.Person = personOf(m)
	}
	if by.terminal {
		one.Terminal, one.CSRF = true, ""
	}
	id, err := d.sessions.add(ctx, one, by.idToken)
	if err != nil {
		return Session{}, control.During("begin a session", err)
	}
	return one.session(id, c), nil
}

// callerFor is a member as a caller.
func callerFor(m Member, from control.Actor) Caller {
	from.Kind, from.Name, from.Role = control.MemberActor, actorName(m.Tenant, m.Name), string(m.Role)
	return Caller{Actor: from, Tenant: m.Tenant, Role: m.Role}
}

// proofOf tells passwords apart: with another one the sessions of before are over.
func proofOf(doc control.Document) string {
	sum := sha256.Sum256([]byte(doc.Hidden))
	return hex.EncodeToString(sum[:16])
}

// Session finds who is behind a cookie: as the member is now. Unauthorized: nobody, or somebody who was switched off, deleted or given another password; Unavailable: the
// store does not tell.
func (d *Directory) Session(ctx context.Context, id string, from control.Actor) (Session, error) {
	one, err := d.sessions.find(ctx, id, d.now())
	if err != nil {
		return Session{}, err
	}
	m, ok := d.seated(one)
	if !ok { // a plane may be behind the one at which the member was made, or came in
		if err := d.plane.Refresh(ctx); err != nil {
			return Session{}, errSessionOver()
		}
		if m, ok = d.seated(one); !ok {
			return Session{}, d.sessions.over(ctx, id)
		}
	}
	return one.session(id, callerFor(m, from)), nil
}

// seated is the member whose session it is, if he is still who he was, and may act.
func (d *Directory) seated(one seat) (Member, bool) {
	doc, err := d.plane.Document(control.Ref{Kind: MemberRecord, Tenant: one.Tenant, Name: one.Name})
	if err != nil || proofOf(doc) != one.Proof {
		return Member{}, false
	}
	m, err := memberOf(doc)
	return m, err == nil && m.Created.Equal(one.Made) && m.Live(d.now()) && d.open(m.Tenant) && (one.Person == "" || one.Person == personOf(m))
}

// personOf tells apart whom identity providers know; "" = none is tied to the member.
func personOf(m Member) string {
	if m.External == nil {
		return ""
	}
	return shelf.Key("person", m.External.Issuer, m.External.Subject)
}

// Logout ends a session, on every plane within sessionFresh.
func (d *Directory) Logout(ctx context.Context, id string) error { return d.sessions.end(ctx, id) }

// EndSessions ends all sessions of a member, on this plane at once and on every other one within sessionFresh. Who does it must be allowed to change the member. None is no error.
func (d *Directory) EndSessions(ctx context.Context, by Caller, at MemberAt) error {
	m, err := d.Member(at.Tenant, at.Name)
	if err != nil {
		return err
	}
	if err := d.mayGive(ctx, by, m.Role, Wish{Right: EndSession, On: m.Ref()}); err != nil {
		return err
	}
	if err := d.plane.Note(ctx, by.Actor, EndSession, m.Ref(), "all of them"); err != nil {
		return err
	}
	return d.sessions.endAll(ctx, actorName(m.Tenant, m.Name), "")
}

// EndOthers ends all sessions of a member but the one that he has here, as EndSessions does.
func (d *Directory) EndOthers(ctx context.Context, here Session) error {
	c := here.Caller
	on := memberRef(c.Tenant, here.Name)
	if err := d.plane.Note(ctx, c.Actor, EndSession, on, "all but the one in which he asked for it"); err != nil {
		return err
	}
	return d.sessions.endAll(ctx, actorName(c.Tenant, here.Name), here.ID)
}

// out takes the sessions of somebody who may not have any from the shelf. They are over without it, too: each request asks how the member is.
func (d *Directory) out(ctx context.Context, m Member) {
	_ = d.sessions.endAll(ctx, actorName(m.Tenant, m.Name), "")
}

// Shows tells whether a request that changes something showed the session's own token; that of a terminal has none.
func (s Session) Shows(csrf string) bool {
	return s.CSRF != "" && subtle.ConstantTimeCompare([]byte(s.CSRF), []byte(csrf)) == 1
}

// unguessable is 256 random bits.
func unguessable() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: the process ends first
	return base64.RawURLEncoding.EncodeToString(b)
}

func errSessionOver() error { return mq.Refuse(mq.Unauthorized, "the session is over: log in again") }
