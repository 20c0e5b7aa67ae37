// SPDX-License-Identifier: Apache-2.0

package people

import (
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func tokenOperations() []door.Operation {
	var all []door.Operation
	for _, in := range []struct {
		scope    door.Scope
		path, of string
		plain    string
	}{{door.Installation, "/v1", "the installation", "InstallationToken"}, {door.InTenant, door.OfTenant, "a tenant", "Token"}} {
		tokens := in.path + "/tokens"
		all = append(all,
			door.Operation{ID: "list" + in.plain + "s", Method: "GET", Path: tokens, Summary: "Lists the tokens of " + in.of + " without their secrets.", Scope: in.scope,
				Right: identity.ReadToken, Query: door.Pieces(door.MaxPage), Answer: wire.Page[wire.Token]{}, Status: 200, Handle: door.Placed(listTokens)},
			door.Operation{ID: "create" + in.plain, Method: "POST", Path: tokens, Summary: "Makes a token of " + in.of + "; the answer has its secret, this once.", Scope: in.scope,
				Right: identity.CreateToken, Request: wire.NewToken{}, Answer: wire.Token{}, Status: 201, Handle: door.Placed(createToken)},
			door.Operation{ID: "get" + in.plain, Method: "GET", Path: tokens + "/{token}", Summary: "Shows a token of " + in.of + " without its secret.", Scope: in.scope,
				Right: identity.ReadToken, Answer: wire.Token{}, Status: 200, Handle: door.Placed(getToken)},
			door.Operation{ID: "revoke" + in.plain, Method: "DELETE", Path: tokens + "/{token}", Summary: "Ends a token for good.", Scope: in.scope, Right: identity.RevokeToken,
				Status: 204, Handle: door.Placed(revokeToken)})
	}
	return all
}

func showToken(t identity.Token) wire.Token {
	return wire.Token{ID: t.ID, Name: t.Name, Role: string(t.Role), Secret: t.Secret, Reason: t.Reason, By: t.By, Created: t.Created, Expires: t.Expires,
		Revoked: door.Optional(t.Revoked), LastUsed: door.Optional(t.LastUsed), Revision: uint64(t.Revision)}
}

func listTokens(r *door.Request, place mq.Tenant) (door.Answer, error) {
	all, err := r.Who.Tokens(place)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Listing(r, all, func(t identity.Token) string { return t.ID }, showToken)
}

func createToken(r *door.Request, place mq.Tenant) (door.Answer, error) {
	var want wire.NewToken
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	role, err := identity.ParseRole(want.Role, place)
	if err != nil {
		return door.Answer{}, err
	}
	t, err := r.Who.CreateToken(r.Context(), r.Caller, identity.Token{Tenant: place, Name: want.Name, Role: role, Reason: want.Reason, Expires: door.TimeOf(want.Expires)})
	if err != nil {
		return door.Answer{}, err
	}
	return door.Created(showToken(t))
}

func getToken(r *door.Request, place mq.Tenant) (door.Answer, error) {
	t, err := r.Who.Token(place, r.PathValue("token"))
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(showToken(t))
}

func revokeToken(r *door.Request, place mq.Tenant) (door.Answer, error) {
	version, err := r.Seen(0)
	if err != nil {
		return door.Answer{}, err
	}
	if err := r.Who.RevokeToken(r.Context(), r.Caller, identity.Token{Tenant: place, ID: r.PathValue("token")}.Ref(), version); err != nil {
		return door.Answer{}, err
	}
	return door.None()
}
