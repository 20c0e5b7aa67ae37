// SPDX-License-Identifier: Apache-2.0

// Package estate answers what is asked about quota plans, environments and zones, and changes which of them a tenant has.
package estate

import (
	"slices"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/estate"
	"github.com/causeway-mq/causeway/control/steward"
)

// Operations is what this room answers.
func Operations() []door.Operation {
	return slices.Concat(tenantOperations(), plans().operations(), environments().operations(), zones().operations())
}

// noun is how one of the installation's nouns is spoken of.
type noun struct {
	kind      control.RecordKind
	one, many string // "Plan", "plans"
	about     string // what it is, for summaries
	rights    rights
	page      any // a value of control/wire: a piece of the listing
	shown     any
	making    any
	changing  any
	fresh     func(r *door.Request) (estate.Item, error)
	change    func(r *door.Request) (steward.Change, error)
	show      func(r *door.Request, i estate.Item) any
}

// rights are those that its operations need.
type rights struct{ read, create, update, delete control.Verb }

func (n noun) operations() []door.Operation {
	all, one := "/v1/"+n.many, "/v1/"+n.many+"/{"+string(n.kind)+"}"
	return []door.Operation{
		{ID: "list" + n.one + "s", Method: "GET", Path: all, Summary: "Lists the " + n.about + "s.", Scope: door.Installation, Right: n.rights.read,
			Query: door.Pieces(door.MaxPage), Answer: n.page, Status: 200, Handle: n.list},
		{ID: "create" + n.one, Method: "POST", Path: all, Summary: "Makes one of the " + n.about + "s.", Scope: door.Installation, Right: n.rights.create,
			Request: n.making, Answer: n.shown, Status: 201, Handle: n.create},
		{ID: "get" + n.one, Method: "GET", Path: one, Summary: "Shows one of the " + n.about + "s.", Scope: door.Installation, Right: n.rights.read,
			Answer: n.shown, Status: 200, Handle: n.get},
		{ID: "change" + n.one, Method: "PATCH", Path: one, Summary: "Changes one of the " + n.about + "s.", Scope: door.Installation, Right: n.rights.update,
			Request: n.changing, Answer: n.shown, Status: 200, Handle: n.update},
		{ID: "delete" + n.one, Method: "DELETE", Path: one, Summary: "Deletes one of the " + n.about + "s that nothing names.", Scope: door.Installation, Right: n.rights.delete,
			Status: 204, Handle: n.remove},
	}
}

func of(r *door.Request) *steward.Steward { return steward.New(r.Plane, r.Clock.Now) }

func (n noun) list(r *door.Request) (door.Answer, error) {
	all, err := of(r).Items(n.kind)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Listing(r, all, func(i estate.Item) string { return i.Name.String() }, func(i estate.Item) any { return n.show(r, i) })
}

func (n noun) create(r *door.Request) (door.Answer, error) {
	want, err := n.fresh(r)
	if err != nil {
		return door.Answer{}, err
	}
	i, err := of(r).Create(r.Context(), r.Actor(), want)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Created(n.show(r, i))
}

func (n noun) get(r *door.Request) (door.Answer, error) {
	i, err := of(r).Item(n.kind, r.PathValue(string(n.kind)))
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(n.show(r, i))
}

func (n noun) update(r *door.Request) (door.Answer, error) {
	c, err := n.change(r)
	if err != nil {
		return door.Answer{}, err
	}
	i, err := of(r).Update(r.Context(), r.Actor(), n.named(r), c)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(n.show(r, i))
}

func (n noun) remove(r *door.Request) (door.Answer, error) {
	seen, err := r.Seen(0)
	if err != nil {
		return door.Answer{}, err
	}
	if err := of(r).Delete(r.Context(), r.Actor(), n.named(r), seen); err != nil {
		return door.Answer{}, err
	}
	return door.None()
}

// named is the one that the path names.
func (n noun) named(r *door.Request) control.Ref {
	return control.Ref{Kind: n.kind, Name: r.PathValue(string(n.kind))}
}
