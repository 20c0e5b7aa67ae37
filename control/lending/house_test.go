// SPDX-License-Identifier: Apache-2.0

package lending_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/lending"
	"github.com/causeway-mq/causeway/control/reception"
	"github.com/causeway-mq/causeway/control/request"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// house is a control plane with tenants pay and risk; pay has topic orders.
type house struct {
	*control.Plane
	t      *testing.T
	dir    string
	engine *controltest.Engine
	clock  *clock.Virtual
	desk   *request.Desk
	office *lending.Office
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), engine: controltest.New(), clock: clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))}
	if err := h.open(nil); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"pay", "risk"} {
		if _, err := h.CreateTenant(t.Context(), control.Itself("test"), control.Tenant{ID: h.tenant(id)}); err != nil {
			t.Fatal(err)
		}
	}
	h.topic("pay", "orders", mq.Normal)
	return h
}

// open opens the plane; crash, if not nil, is when its process dies.
func (h *house) open(crash *controltest.Crash) error {
	h.t.Helper()
	store, err := sqlstore.OpenSQLite(h.t.Context(), h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	o := control.Options{Store: store, Cluster: parsed(h.t, mq.ParseCluster, "test"), Engine: h.engine, Inspector: h.engine, Mover: h.engine, Clock: h.clock}
	if crash != nil {
		o.Store = crash.Store(store)
	}
	p, err := control.Open(h.t.Context(), o)
	if err != nil {
		return err
	}
	h.t.Cleanup(func() { _ = p.Close() })
	h.Plane = p
	h.desk = request.NewDesk(p, identity.New(p, h.clock.Now), h.clock.Now)
	h.office = lending.Open(p, h.desk, h.clock.Now)
	return nil
}

func parsed[T any](t *testing.T, parse func(string) (T, error), s string) T {
	t.Helper()
	one, err := parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return one
}

func (h *house) tenant(id string) mq.Tenant         { return parsed(h.t, mq.ParseTenant, id) }
func (h *house) topicName(name string) mq.TopicName { return parsed(h.t, mq.ParseTopicName, name) }

func (h *house) topic(tenant, name string, takes ...mq.MessageType) {
	h.t.Helper()
	_, err := h.CreateTopic(h.t.Context(), control.Itself("test"), control.NewTopic{Tenant: h.tenant(tenant), Name: h.topicName(name), Accepts: mq.AcceptsOf(takes...)})
	if err != nil {
		h.t.Fatal(err)
	}
}

// member is a person of a tenant.
func (h *house) member(tenant, name string, role identity.Role) identity.Caller {
	return identity.Caller{Tenant: h.tenant(tenant), Role: role,
		Actor: control.Actor{Kind: control.MemberActor, Name: tenant + "/" + name, Role: string(role), Remote: "192.0.2.1:99", Request: "r-" + name}}
}

func (h *house) ann() identity.Caller { return h.member("risk", "ann", identity.Developer) }
func (h *house) bob() identity.Caller { return h.member("pay", "bob", identity.TenantAdmin) }

// wish is for reading pay's orders as pay-orders.
func (h *house) wish(change ...func(*lending.Wish)) lending.Wish {
	w := lending.Wish{Topic: h.topicName("orders"), As: h.topicName("pay-orders"), Rights: grant.Rights{Subscribe: true}}
	for _, c := range change {
		c(&w)
	}
	return w
}

// asks lets ann of risk ask a tenant.
func (h *house) asks(of string, w lending.Wish) (request.Request, error) {
	return h.desk.Ask(context.Background(), h.ann(), request.New{Kind: lending.Kind, From: h.tenant("risk"), To: h.tenant(of), Reason: "scoring", Wish: w.Written()})
}

func (h *house) asked(w lending.Wish) request.Request {
	h.t.Helper()
	r, err := h.asks("pay", w)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *house) at(tenant string, r request.Request) request.At {
	return request.At{Tenant: h.tenant(tenant), ID: r.ID}
}

// lent lets bob of pay approve a wish, and gives the grant.
func (h *house) lent(w lending.Wish) grant.Grant {
	h.t.Helper()
	r, err := h.desk.Approve(h.t.Context(), h.bob(), h.at("pay", h.asked(w)), request.Decision{})
	if err != nil || r.State != request.Approved || r.Due || r.Failed != "" {
		h.t.Fatalf("approved: %+v, %v", r, err)
	}
	for _, g := range h.Borrowed(h.tenant("risk")) {
		if g.As == w.As {
			return g
		}
	}
	h.t.Fatal("nothing is lent")
	return grant.Grant{}
}

// rows counts the rows of audit of an action on a kind and what came of it, in a tenant.
func (h *house) rows(tenant string, action control.Verb, outcome control.Outcome) int {
	h.t.Helper()
	return controltest.Rows(h.t, h.Plane, controltest.Audited{Tenant: tenant, Action: action, Outcome: outcome})
}

// tending runs the loop of a process until the returned function is called.
func tending(t *testing.T, h *house) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		reception.Tend(ctx, h.Plane, h.clock, slog.New(slog.DiscardHandler))
	}()
	return func() { cancel(); <-done }
}
