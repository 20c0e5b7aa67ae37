// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// house is a directory with the tenants default and shop, at a time that the test moves.
type house struct {
	t     *testing.T
	dir   *identity.Directory
	plane *control.Plane
	now   *clock.Virtual
	shop  mq.Tenant
}

func newHouse(t *testing.T) *house {
	t.Helper()
	store, err := sqlstore.OpenSQLite(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := mq.ParseCluster("test")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, now: clock.NewVirtual(time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC))}
	engine := controltest.New()
	if h.plane, err = control.Open(context.Background(), control.Options{Store: store, Engine: engine, Inspector: engine, Mover: engine, Cluster: cluster, Clock: h.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.plane.Close() })
	if h.shop, err = mq.ParseTenant("shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.plane.CreateTenant(context.Background(), h.holder().Actor, control.Tenant{ID: h.shop}); err != nil {
		t.Fatal(err)
	}
	h.dir = identity.New(h.plane, h.now.Now)
	return h
}

func (h *house) holder() identity.Caller { return identity.Local(control.Actor{Name: "test"}) }

func (h *house) member(in mq.Tenant, name string, role identity.Role) identity.Member {
	h.t.Helper()
	m, err := h.dir.CreateMember(context.Background(), h.holder(), identity.Member{Tenant: in, Name: name, Role: role}, "")
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

// anna comes from the provider with groups.
func anna(groups ...string) identity.Entry {
	who := identity.Vouched{External: identity.External{Issuer: "https://id.example", Subject: "u-1"}, Name: "anna@shop.example", Groups: groups}
	return identity.Entry{Who: who, From: control.Actor{Remote: "192.0.2.1:1", Request: "r"}}
}

func (h *house) enters(e identity.Entry) identity.Session {
	h.t.Helper()
	s, err := h.dir.Enter(context.Background(), e)
	if err != nil {
		h.t.Fatal(err)
	}
	if got, err := h.dir.Session(context.Background(), s.ID, e.From); err != nil || got.Caller != s.Caller || !got.External {
		h.t.Errorf("the session is %+v, %v, want %+v", got, err, s)
	}
	return s
}

// over asserts that a session is good for nothing any more.
func (h *house) over(s identity.Session) {
	h.t.Helper()
	if err := h.dir.SessionStands(context.Background(), s.ID, s.Caller); mq.KindOf(err) != mq.Unauthorized {
		h.t.Errorf("a stream of hers goes on: %v", err)
	}
	if got, err := h.dir.Session(context.Background(), s.ID, control.Actor{}); mq.KindOf(err) != mq.Unauthorized {
		h.t.Errorf("her session goes on: %+v, %v", got.Caller, err)
	}
}

func (h *house) turnedAway(e identity.Entry, want control.Reason) {
	h.t.Helper()
	s, err := h.dir.Enter(context.Background(), e)
	var r *control.Refusal
	if !errors.As(err, &r) || r.Reason != want || mq.KindOf(err) != mq.Forbidden {
		h.t.Errorf("%+v, %v, want %s", s.Caller, err, want)
	}
}

func TestWhoIsAMemberComesInByTheProvider(t *testing.T) {
	h := newHouse(t)
	h.turnedAway(anna(), identity.NoMember)
	m := h.member(h.shop, "anna@shop.example", identity.Developer)
	s := h.enters(anna())
	if s.Caller.Tenant != h.shop || s.Caller.Role != identity.Developer || s.Caller.Actor.Name != "shop/anna@shop.example" {
		t.Errorf("he is %+v", s.Caller)
	}
	tied, err := h.dir.Member(h.shop, m.Name)
	if err != nil || tied.External == nil || tied.External.Subject != "u-1" || tied.Granted {
		t.Errorf("kept as %+v, %v", tied, err)
	}
	elsewhere := anna()
	elsewhere.Tenant, _ = mq.ParseTenant(mq.DefaultTenant)
	h.turnedAway(elsewhere, identity.NoMember)
}

func TestAMailAddressThatSomebodyElseHasNowIsNobodysHere(t *testing.T) {
	h := newHouse(t)
	h.member(h.shop, "anna@shop.example", identity.TenantAdmin)
	before := h.enters(anna())
	successor := anna()
	successor.Who.Subject = "u-2"
	h.turnedAway(successor, identity.OtherSubject)
	foreign := anna()
	foreign.Who.Issuer = "https://other.example"
	h.turnedAway(foreign, identity.OtherSubject)
	if _, err := h.dir.ChangeMember(context.Background(), h.holder(), identity.MemberAt{Tenant: h.shop, Name: "anna@shop.example"}, identity.MemberChange{Untie: true}); err != nil {
		t.Fatal(err)
	}
	h.over(before) // though nobody has come after her yet
	h.enters(successor)
	h.over(before)
	h.turnedAway(anna(), identity.OtherSubject)
}

func TestWhoseGroupHasARoleIsAMemberAsLongAsItHas(t *testing.T) {
	h := newHouse(t)
	ctx, at := context.Background(), identity.MemberAt{Tenant: h.shop, Name: "anna@shop.example"}
	come := func(groups ...string) identity.Entry {
		e := anna(groups...)
		e.Grants = []identity.Grant{{Group: "admins", Tenant: h.shop, Role: identity.TenantAdmin}, {Group: "shop", Tenant: h.shop, Role: identity.Viewer}}
		return e
	}
	first := h.enters(come("all", "shop"))
	if first.Caller.Role != identity.Viewer {
		t.Errorf("he is %+v", first.Caller)
	}
	if s := h.enters(come("shop", "admins")); s.Caller.Role != identity.TenantAdmin {
		t.Errorf("the first grant counts: %+v", s.Caller)
	}
	if got, err := h.dir.Session(ctx, first.ID, control.Actor{}); err != nil || got.Caller.Role != identity.TenantAdmin {
		t.Errorf("the session of before: %+v, %v", got.Caller, err)
	}
	h.turnedAway(come("all"), identity.NoMember)
	if _, err := h.dir.Member(h.shop, at.Name); mq.KindOf(err) != mq.NotFound {
		t.Errorf("he is a member without a group: %v", err)
	}
	if _, err := h.dir.Session(ctx, first.ID, control.Actor{}); mq.KindOf(err) != mq.Unauthorized {
		t.Errorf("his session goes on: %v", err)
	}
	h.enters(come("shop"))
	off, role := true, identity.Auditor
	if _, err := h.dir.ChangeMember(ctx, h.holder(), at, identity.MemberChange{Disabled: &off}); err != nil {
		t.Fatal(err)
	}
	h.turnedAway(come("shop"), identity.NoMember) // whoever switched him off has the last word
	off = false
	if _, err := h.dir.ChangeMember(ctx, h.holder(), at, identity.MemberChange{Disabled: &off, Role: &role}); err != nil {
		t.Fatal(err)
	}
	if s := h.enters(come("admins")); s.Caller.Role != identity.Auditor {
		t.Errorf("a role that was given by hand: %+v", s.Caller)
	}
}

func TestWhoNamesNoPlaceComesToTheInstallationFirst(t *testing.T) {
	h := newHouse(t)
	e := anna("ops")
	e.Grants = []identity.Grant{{Group: "ops", Tenant: h.shop, Role: identity.Developer}, {Group: "ops", Role: identity.Operator}}
	if s := h.enters(e); s.Caller.Tenant != (mq.Tenant{}) || s.Caller.Role != identity.Operator {
		t.Errorf("he is %+v", s.Caller)
	}
	if e.Tenant = h.shop; h.enters(e).Caller.Role != identity.Developer {
		t.Error("he asked for the tenant")
	}
}

func TestWithOneSessionTooManyTheOldestEnds(t *testing.T) {
	h := newHouse(t)
	h.member(h.shop, "anna@shop.example", identity.Viewer)
	var all []identity.Session
	for range identity.MaxSessions + 1 {
		h.now.Advance(time.Second)
		s, err := h.dir.Enter(context.Background(), anna())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if _, err := h.dir.Session(context.Background(), all[0].ID, control.Actor{}); mq.KindOf(err) != mq.Unauthorized {
		t.Errorf("the oldest: %v", err)
	}
	if _, err := h.dir.Session(context.Background(), all[1].ID, control.Actor{}); err != nil {
		t.Errorf("the one after it: %v", err)
	}
}
