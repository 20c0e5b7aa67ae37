// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"encoding/json"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// MemberRecord is the kind under which members are kept.
const MemberRecord control.RecordKind = "member"

// Limits of members.
const (
	MaxMemberName = 120 // bytes
	MaxMembers    = 1_000
)

// Member is a person with one role in one place.
type Member struct {
	Tenant   mq.Tenant // zero = the installation
	Name     string    // unique in its place, for example a mail address
	Role     Role
	Note     string
	Disabled bool
	Expires  time.Time // zero = never; a break-glass role always ends
	Reason   string    // of a break-glass role
	Created  time.Time
	External *External // at the identity provider, nil: he never came from there
	Granted  bool      // he is a member because of a group there, and his role is that group's
	Revision control.Version
}

// memberBody is how a member is kept.
type memberBody struct {
	Role     Role      `json:"role"`
	Note     string    `json:"note,omitempty"`
	Disabled bool      `json:"disabled,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`
	Reason   string    `json:"reason,omitempty"`
	Created  time.Time `json:"created"`
	External *External `json:"external,omitempty"`
	Granted  bool      `json:"granted,omitempty"`
}

// MemberAt names a member.
type MemberAt struct {
	Tenant mq.Tenant
	Name   string
}

// Ref names the record.
func (m Member) Ref() control.Ref { return memberRef(m.Tenant, m.Name) }

func memberRef(t mq.Tenant, name string) control.Ref {
	return control.Ref{Kind: MemberRecord, Tenant: t.String(), Name: name}
}

// actorName is what the audit calls somebody: who is a tenant's has its tenant before his name.
func actorName(in mq.Tenant, name string) string {
	if in == (mq.Tenant{}) {
		return name
	}
	return in.String() + "/" + name
}

// Live tells whether the member may act at that time.
func (m Member) Live(at time.Time) bool {
	return !m.Disabled && (m.Expires.IsZero() || at.Before(m.Expires))
}

func (m Member) document(hidden string) control.Document {
	body := memberBody{m.Role, m.Note, m.Disabled, m.Expires, m.Reason, m.Created, m.External, m.Granted}
	return control.Document{Kind: MemberRecord, Tenant: m.Tenant.String(), Name: m.Name, Body: jsonOf(body), Hidden: hidden, Revision: m.Revision}
}

func memberOf(d control.Document) (Member, error) {
	var b memberBody
	if err := json.Unmarshal([]byte(d.Body), &b); err != nil {
		return Member{}, mq.Refuse(mq.Internal, "member %q cannot be read: %v", d.Name, err)
	}
	t, err := placeOf(d)
	return Member{t, d.Name, b.Role, b.Note, b.Disabled, b.Expires, b.Reason, b.Created, b.External, b.Granted, d.Revision}, err
}

// placeOf is where a document belongs.
func placeOf(d control.Document) (mq.Tenant, error) {
	if d.Tenant == "" {
		return mq.Tenant{}, nil
	}
	return mq.ParseTenant(d.Tenant)
}

// Directory keeps members and tokens in the control plane's store. It is safe for concurrent use.
type Directory struct {
	plane    *control.Plane
	now      func() time.Time
	uses     *uses
	denials  *denials
	sessions *sessions
	looks    chan struct{} // holds one token for each password that is looked at
}

// New makes the directory of a control plane; now is its time.
func New(plane *control.Plane, now func() time.Time) *Directory {
	return &Directory{plane: plane, now: func() time.Time { return now().UTC().Truncate(time.Microsecond) }, uses: newUses(), denials: newDenials(),
		sessions: newSessions(plane.Shelf()), looks: make(chan struct{}, passwordLooks)}
}

// there refuses a tenant that is not there.
func (d *Directory) there(t mq.Tenant) error {
	if t == (mq.Tenant{}) {
		return nil
	}
	_, err := d.plane.Tenant(t)
	return err
}

// Members lists a place's members by name.
func (d *Directory) Members(in mq.Tenant) ([]Member, error) {
	if err := d.there(in); err != nil {
		return nil, err
	}
	return readAll(d.plane.Documents(MemberRecord, in.String()), memberOf)
}

func readAll[R any](some []control.Document, read func(control.Document) (R, error)) ([]R, error) {
	all := make([]R, 0, len(some))
	for _, one := range some {
		r, err := read(one)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// Member finds a member.
func (d *Directory) Member(in mq.Tenant, name string) (Member, error) {
	doc, err := d.plane.Document(memberRef(in, name))
	if err != nil {
		return Member{}, mq.Refuse(mq.NotFound, "no such member")
	}
	return memberOf(doc)
}

// CreateMember makes a member, who can log in where there is a password. Who makes it must be allowed to give its role.
func (d *Directory) CreateMember(ctx context.Context, by Caller, m Member, password string) (Member, error) {
	if err := d.there(m.Tenant); err != nil {
		return Member{}, err
	}
	m.Created, m.Revision = d.now(), 0
	if err := d.checkMember(m); err != nil {
		return Member{}, err
	}
	if err := ahead(m.Expires, m.Created); err != nil {
		return Member{}, err
	}
	if err := d.mayGive(ctx, by, m.Role, Wish{Right: CreateMember, On: m.Ref()}); err != nil {
		return Member{}, err
	}
	hidden, err := d.hide(ctx, password)
	if err != nil {
		return Member{}, err
	}
	doc, err := d.plane.AddDocument(ctx, by.Actor, m.document(hidden), d.room(MemberRecord, m.Tenant, MaxMembers))
	if err != nil {
		return Member{}, err
	}
	return memberOf(doc)
}

// ahead refuses an end that is over: a member who never was is no member, and one who is to go at once is switched off.
func ahead(ends, now time.Time) error {
	if !ends.IsZero() && !ends.After(now) {
		return refuse(control.OutOfRange, "expires", "expires: lies in the past")
	}
	return nil
}

func (d *Directory) checkMember(m Member) error {
	ok := m.Name != "" && len(m.Name) <= MaxMemberName && utf8.ValidString(m.Name)
	for _, r := range m.Name {
		ok = ok && r != '/' && unicode.IsGraphic(r) && !unicode.IsSpace(r)
	}
	if !ok {
		return refuse(control.OutOfRange, "name", "name: 1 to %d bytes without spaces and '/' are required", MaxMemberName)
	}
	return d.checkTerms(terms{m.Role, m.Note, m.Reason, m.Expires})
}

// MemberChange names what to change; nil leaves a thing as it is.
type MemberChange struct {
	Role     *Role
	Note     *string
	Disabled *bool
	Expires  *time.Time
	Reason   *string
	Password *string         // "" = none
	Untie    bool            // from the person at the identity provider: the next one of that name is taken for the member
	Revision control.Version // that the caller saw; 0 = whatever there is
}

// ChangeMember changes a member. Nobody changes his own role, nor when it ends.
func (d *Directory) ChangeMember(ctx context.Context, by Caller, at MemberAt, c MemberChange) (Member, error) {
	doc, err := d.plane.Document(memberRef(at.Tenant, at.Name))
	if err != nil {
		return Member{}, mq.Refuse(mq.NotFound, "no such member")
	}
	m, err := memberOf(doc)
	if err != nil {
		return Member{}, err
	}
	if c.Revision != 0 && c.Revision != m.Revision {
		return Member{}, control.Outdated(m.Ref())
	}
	was := m
	assign(&m.Role, c.Role)
	assign(&m.Note, c.Note)
	assign(&m.Disabled, c.Disabled)
	assign(&m.Expires, c.Expires)
	assign(&m.Reason, c.Reason)
	if m.Granted = m.Granted && c.Role == nil; c.Untie { // a role that is given by hand stays
		m.External = nil
	}
	if err := d.checkMember(m); err != nil {
		return Member{}, err
	}
	if !m.Expires.Equal(was.Expires) {
		if err := ahead(m.Expires, d.now()); err != nil {
			return Member{}, err
		}
	}
	if by.Is(m) && (m.Role != was.Role || m.Disabled != was.Disabled || !m.Expires.Equal(was.Expires)) {
		return Member{}, d.deny(ctx, by, Wish{Right: UpdateMember, On: m.Ref()}, refusal{OwnRole, "nobody changes his own role"})
	}
	for _, r := range []Role{was.Role, m.Role} { // who may not give a role may not take it either
		if err := d.mayGive(ctx, by, r, Wish{Right: UpdateMember, On: m.Ref()}); err != nil {
			return Member{}, err
		}
	}
	if c.Password != nil {
		if doc.Hidden, err = d.hide(ctx, *c.Password); err != nil {
			return Member{}, err
		}
	}
	changed, err := d.plane.ChangeDocument(ctx, by.Actor, "update", m.document(doc.Hidden))
	if err != nil {
		return Member{}, err
	}
	if c.Password != nil || m.Disabled {
		d.out(ctx, m)
	}
	return memberOf(changed)
}

// DeleteMember forgets a member; seen is the revision that the caller saw, 0 = whatever there is.
func (d *Directory) DeleteMember(ctx context.Context, by Caller, at MemberAt, seen control.Version) error {
	doc, err := d.plane.Document(memberRef(at.Tenant, at.Name))
	if err != nil {
		return mq.Refuse(mq.NotFound, "no such member")
	}
	m, err := memberOf(doc)
	if err != nil {
		return err
	}
	if seen != 0 && seen != m.Revision {
		return control.Outdated(m.Ref())
	}
	if err := d.mayGive(ctx, by, m.Role, Wish{Right: DeleteMember, On: m.Ref()}); err != nil {
		return err
	}
	if err := d.plane.RemoveDocument(ctx, by.Actor, doc); err != nil {
		return err
	}
	d.out(ctx, m)
	return nil
}

// terms are what the giving of a role comes with.
type terms struct {
	role    Role
	note    string
	reason  string
	expires time.Time
}

// Bounds of the role break-glass.
const (
	MaxBreakGlass = 4 * time.Hour
	minReason     = 10 // bytes
)

func (d *Directory) checkTerms(t terms) error {
	now := d.now()
	for field, text := range map[string]string{"note": t.note, "reason": t.reason} {
		if len(text) > control.MaxNote || !utf8.ValidString(text) {
			return refuse(control.OutOfRange, field, "%s: %d bytes, the limit is %d bytes of UTF-8", field, len(text), control.MaxNote)
		}
	}
	switch {
	case t.role != BreakGlass && t.reason != "":
		return refuse(control.OutOfRange, "reason", "reason: goes with the role %s", BreakGlass)
	case t.role != BreakGlass:
		return nil
	case len(t.reason) < minReason:
		return refuse(control.OutOfRange, "reason", "reason: the role %s needs one of at least %d bytes, for example a ticket with its title", BreakGlass, minReason)
	case t.expires.IsZero() || t.expires.After(now.Add(MaxBreakGlass)):
		return refuse(control.OutOfRange, "expires", "expires: the role %s ends after %v at most", BreakGlass, MaxBreakGlass)
	}
	return nil
}

// room refuses one more record of a kind in a place beyond the limit.
func (d *Directory) room(kind control.RecordKind, in mq.Tenant, limit int) func() error {
	return func() error {
		if b := d.plane.Bound(kind, in, limit); d.plane.Count(kind, in) >= b.Most {
			return b.Over(kind)
		}
		return nil
	}
}

func refuse(reason control.Reason, field, format string, args ...any) *control.Refusal {
	return &control.Refusal{Err: mq.Refuse(mq.BadRequest, format, args...), Reason: reason, Field: field}
}

func jsonOf(v any) string {
	b, _ := json.Marshal(v) // plain values always marshal
	return string(b)
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
