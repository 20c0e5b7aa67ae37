// SPDX-License-Identifier: Apache-2.0

package people

import (
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func memberOperations() []door.Operation {
	var all []door.Operation
	for _, in := range []struct {
		scope      door.Scope
		path, of   string
		plain, one string
	}{{door.Installation, "/v1", "the installation", "InstallationMember", "installation's"}, {door.InTenant, door.OfTenant, "a tenant", "Member", "tenant's"}} {
		members := in.path + "/members"
		all = append(all,
			door.Operation{ID: "list" + in.plain + "s", Method: "GET", Path: members, Summary: "Lists the members of " + in.of + ".", Scope: in.scope, Right: identity.ReadMember,
				Query: door.Pieces(door.MaxPage), Answer: wire.Page[wire.Member]{}, Status: 200, Handle: door.Placed(listMembers)},
			door.Operation{ID: "create" + in.plain, Method: "POST", Path: members, Summary: "Makes a person a member of " + in.of + ".", Scope: in.scope, Right: identity.CreateMember,
				Request: wire.NewMember{}, Answer: wire.Member{}, Status: 201, Handle: door.Placed(createMember)},
			door.Operation{ID: "get" + in.plain, Method: "GET", Path: members + "/{member}", Summary: "Shows a member of " + in.of + ".", Scope: in.scope, Right: identity.ReadMember,
				Answer: wire.Member{}, Status: 200, Handle: door.Placed(getMember)},
			door.Operation{ID: "change" + in.plain, Method: "PATCH", Path: members + "/{member}", Summary: "Changes a member's role or note, or switches it off or on.", Scope: in.scope,
				Right: identity.UpdateMember, Request: wire.MemberChange{}, Answer: wire.Member{}, Status: 200, Handle: door.Placed(changeMember)},
			door.Operation{ID: "delete" + in.plain, Method: "DELETE", Path: members + "/{member}", Summary: "Forgets a member.", Scope: in.scope, Right: identity.DeleteMember,
				Status: 204, Handle: door.Placed(deleteMember)},
			door.Operation{ID: "end" + in.plain + "Sessions", Method: "DELETE", Path: members + "/{member}/sessions", Scope: in.scope, Right: identity.UpdateMember,
				Summary: "Ends all sessions of a member: at the control plane that is asked at once, at the others within two seconds.", Status: 204, Handle: door.Placed(endSessions)})
	}
	return all
}

func showMember(m identity.Member) wire.Member {
	shown := wire.Member{Name: m.Name, Role: string(m.Role), Note: m.Note, Disabled: m.Disabled, Expires: door.Optional(m.Expires), Reason: m.Reason, Created: m.Created,
		Granted: m.Granted, Revision: uint64(m.Revision)}
	if e := m.External; e != nil {
		shown.External = &wire.External{Issuer: e.Issuer, Subject: e.Subject}
	}
	return shown
}

func listMembers(r *door.Request, place mq.Tenant) (door.Answer, error) {
	all, err := r.Who.Members(place)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Listing(r, all, func(m identity.Member) string { return m.Name }, showMember)
}

func createMember(r *door.Request, place mq.Tenant) (door.Answer, error) {
	var want wire.NewMember
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	role, err := identity.ParseRole(want.Role, place)
	if err != nil {
		return door.Answer{}, err
	}
	m, err := r.Who.CreateMember(r.Context(), r.Caller, identity.Member{Tenant: place, Name: want.Name, Role: role, Note: want.Note, Reason: want.Reason, Expires: door.TimeOf(want.Expires)}, want.Password)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Created(showMember(m))
}

func getMember(r *door.Request, place mq.Tenant) (door.Answer, error) {
	m, err := r.Who.Member(place, r.PathValue("member"))
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(showMember(m))
}

func changeMember(r *door.Request, place mq.Tenant) (door.Answer, error) {
	var want wire.MemberChange
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	c := identity.MemberChange{Note: want.Note, Disabled: want.Disabled, Reason: want.Reason, Password: want.Password, Untie: want.Untie}
	version, err := r.Seen(want.Revision)
	if err != nil {
		return door.Answer{}, err
	}
	c.Revision = version
	if want.Role != nil {
		role, err := identity.ParseRole(*want.Role, place)
		if err != nil {
			return door.Answer{}, err
		}
		c.Role = &role
	}
	if want.Expires != nil {
		at := door.TimeOf(want.Expires)
		c.Expires = &at
	}
	m, err := r.Who.ChangeMember(r.Context(), r.Caller, identity.MemberAt{Tenant: place, Name: r.PathValue("member")}, c)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(showMember(m))
}

func deleteMember(r *door.Request, place mq.Tenant) (door.Answer, error) {
	version, err := r.Seen(0)
	if err != nil {
		return door.Answer{}, err
	}
	if err := r.Who.DeleteMember(r.Context(), r.Caller, identity.MemberAt{Tenant: place, Name: r.PathValue("member")}, version); err != nil {
		return door.Answer{}, err
	}
	return door.None()
}

func endSessions(r *door.Request, place mq.Tenant) (door.Answer, error) {
	if err := r.Who.EndSessions(r.Context(), r.Caller, identity.MemberAt{Tenant: place, Name: r.PathValue("member")}); err != nil {
		return door.Answer{}, err
	}
	return door.None()
}
