// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"cmp"
	"context"
	"slices"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// Who comes from an identity provider is the member of his name, in the place that he asks for. The first time ties the member to the provider's own id of the person, its
// subject: when the provider gives a mail address to somebody else, that is nobody here.
//
// Who is no member yet becomes one where a group of his has a role by a grant. The role of such a member is what the grants say at each login, and without any he is a member no
// more. Members who are made by hand are left as they are.

// External is a person as an identity provider knows him.
type External struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"` // the provider's id of the person, which it never gives to another one
}

// Vouched is what an identity provider says of somebody who proved to it who he is.
type Vouched struct {
	External
	Name    string // of the member
	Groups  []string
	IDToken string // by which it vouched
}

// Grant gives whoever is in a group of the provider a role in a place.
type Grant struct {
	Group  string
	Tenant mq.Tenant // zero = the installation
	Role   Role
}

// Entry is somebody at the door, with what he wants and what the configuration has for him.
type Entry struct {
	Who    Vouched
	Tenant mq.Tenant // the place that he asks for; zero = wherever he is somebody: the installation, else the first of the tenants
	Grants []Grant   // the first that fits counts in each place
	From   control.Actor
}

// Reasons why somebody whom the provider vouches for is not let in.
const (
	NoMember     control.Reason = "no_member"     // nobody here has that name, and no group of his has a role
	OtherSubject control.Reason = "other_subject" // the member is tied to another person at the provider
)

// LinkMember is the verb of the change that ties a member to a person at the provider.
const LinkMember control.Verb = "link"

// Enter begins a session for whom an identity provider vouches. Forbidden: he is nobody here.
func (d *Directory) Enter(ctx context.Context, e Entry) (Session, error) {
	m, doc, err := d.welcome(ctx, e)
	if err != nil {
		return Session{}, err
	}
	return d.begin(ctx, m, doc, entrance{from: e.From, external: true, idToken: e.Who.IDToken, why: "by the identity provider"})
}

// welcome finds the member that somebody is, who may come in.
func (d *Directory) welcome(ctx context.Context, e Entry) (Member, control.Document, error) {
	_ = d.plane.Refresh(ctx) // what another plane knows of him; without it he is judged by what this one knows
	place, ok := d.placeFor(e)
	if !ok {
		return Member{}, control.Document{}, &control.Refusal{Err: mq.Refuse(mq.Forbidden, "%.120q is no member here", e.Who.Name), Reason: NoMember}
	}
	m, doc, err := d.memberFor(ctx, e, place)
	if err == nil && (!m.Live(d.now()) || !d.open(place)) {
		err = d.turnedAway(ctx, e, m, refusal{NoMember, "the member is switched off"})
	}
	return m, doc, err
}

// turnedAway writes down that somebody in whose name a member stands was not let in. He is told that he is nobody here.
func (d *Directory) turnedAway(ctx context.Context, e Entry, m Member, r refusal) error {
	d.denied(ctx, callerFor(m, e.From), Wish{Right: BeginSession, On: m.Ref()}, r.why)
	return &control.Refusal{Err: mq.Refuse(mq.Forbidden, "%.120q is no member here", e.Who.Name), Reason: r.reason}
}

// placeFor is where somebody is let in, if anywhere.
func (d *Directory) placeFor(e Entry) (mq.Tenant, bool) {
	if e.Tenant != (mq.Tenant{}) {
		return e.Tenant, d.isThere(e, e.Tenant)
	}
	if d.isThere(e, mq.Tenant{}) {
		return mq.Tenant{}, true
	}
	for _, t := range d.plane.Tenants() {
		if d.isThere(e, t.ID) {
			return t.ID, true
		}
	}
	return mq.Tenant{}, false
}

// isThere tells whether somebody is a member in a place that is open, or may become one.
func (d *Directory) isThere(e Entry, place mq.Tenant) bool {
	if !d.open(place) {
		return false
	}
	if _, may := e.roleIn(place); may {
		return true
	}
	_, err := d.plane.Document(memberRef(place, e.Who.Name))
	return err == nil
}

// roleIn is the role that the person's groups have in a place.
func (e Entry) roleIn(place mq.Tenant) (Role, bool) {
	for _, g := range e.Grants {
		if g.Tenant == place && slices.Contains(e.Who.Groups, g.Group) {
			return g.Role, true
		}
	}
	return "", false
}

// memberFor finds the member, ties him to the person, and brings his role to what his groups say; where there is none it makes one.
func (d *Directory) memberFor(ctx context.Context, e Entry, place mq.Tenant) (Member, control.Document, error) {
	doc, err := d.plane.Document(memberRef(place, e.Who.Name))
	if err != nil {
		return d.join(ctx, e, place)
	}
	m, err := memberOf(doc)
	if err != nil {
		return m, doc, err
	}
	if tied := m.External; tied != nil && *tied != e.Who.External {
		return m, doc, d.turnedAway(ctx, e, m, refusal{OtherSubject, "the member is tied to another person at the identity provider"})
	}
	role, may := e.roleIn(place)
	if m.Granted && !may {
		if err := d.plane.RemoveDocument(ctx, provider(), doc); err != nil {
			return m, doc, err
		}
		d.out(ctx, m)
		return m, doc, d.turnedAway(ctx, e, m, refusal{NoMember, "no group of his has a role any more"})
	}
	is := m
	if is.External = &e.Who.External; m.Granted {
		is.Role = role
	}
	if m.External != nil && is.Role == m.Role {
		return m, doc, nil
	}
	return kept(d.plane.ChangeDocument(ctx, provider(), string(LinkMember), is.document(doc.Hidden)))
}

// join makes somebody a member because of a group of his.
func (d *Directory) join(ctx context.Context, e Entry, place mq.Tenant) (Member, control.Document, error) {
	role, _ := e.roleIn(place) // placeFor saw that there is one, unless the member went just now
	m := Member{Tenant: place, Name: e.Who.Name, Role: cmp.Or(role, Viewer), Created: d.now(), External: &e.Who.External, Granted: true}
	if role == "" {
		return m, control.Document{}, &control.Refusal{Err: mq.Refuse(mq.Forbidden, "%.120q is no member here", m.Name), Reason: NoMember}
	}
	if err := d.checkMember(m); err != nil {
		return m, control.Document{}, err
	}
	return kept(d.plane.AddDocument(ctx, provider(), m.document(""), d.room(MemberRecord, place, MaxMembers)))
}

// kept is a member as he was kept.
func kept(doc control.Document, err error) (Member, control.Document, error) {
	if err != nil {
		return Member{}, doc, err
	}
	m, err := memberOf(doc)
	return m, doc, err
}

// provider is who makes and changes members because of their groups.
func provider() control.Actor { return control.Itself("identity provider") }
