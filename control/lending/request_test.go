// SPDX-License-Identifier: Apache-2.0

package lending_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/lending"
	"github.com/causeway-mq/causeway/control/request"
	"github.com/causeway-mq/causeway/mq"
)

func TestNobodyDecidesHisOwnRequest(t *testing.T) {
	h := newHouse(t)
	r := h.asked(h.wish())
	twin := h.member("pay", "ann", identity.TenantAdmin) // ann is a member of both tenants
	for name, decide := range map[string]func() error{
		"approve": func() error {
			_, err := h.desk.Approve(t.Context(), twin, h.at("pay", r), request.Decision{})
			return err
		},
		"refuse": func() error {
			_, err := h.desk.Refuse(t.Context(), twin, h.at("pay", r), request.Decision{Why: "no"})
			return err
		},
	} {
		err := decide()
		controltest.WantKind(t, err, mq.Forbidden, request.OwnRequest)
		if h.rows("pay", identity.DecideRequest, control.Denied) == 0 {
			t.Errorf("%s: the denial is not written down", name)
		}
	}
	_, err := h.desk.Approve(t.Context(), h.ann(), h.at("risk", r), request.Decision{})
	controltest.WantKind(t, err, mq.Conflict, request.NotAsked)
	if n := h.rows("risk", identity.DecideRequest, control.Denied); n != 0 {
		t.Errorf("%d denials stand in the audit of the tenant that asks", n)
	}
	holder := identity.Local(control.Actor{Name: "local"})
	mine, err := h.desk.Ask(t.Context(), holder, request.New{Kind: lending.Kind, From: h.tenant("risk"), To: h.tenant("pay"), Reason: "demo",
		Wish: h.wish(func(w *lending.Wish) { w.As = h.topicName("demo") }).Written()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.desk.Approve(t.Context(), holder, h.at("pay", mine), request.Decision{}); err != nil {
		t.Errorf("whoever holds the installation is asked nothing: %v", err)
	}
}

func TestARequestEndsOnce(t *testing.T) {
	h := newHouse(t)
	r := h.asked(h.wish())
	_, err := h.desk.Refuse(t.Context(), h.bob(), h.at("pay", r), request.Decision{})
	controltest.WantKind(t, err, mq.BadRequest, control.OutOfRange)
	_, err = h.desk.Refuse(t.Context(), h.bob(), h.at("pay", r), request.Decision{Why: "no", Revision: r.Revision + 1})
	controltest.WantKind(t, err, mq.Conflict, control.Stale)
	_, err = h.desk.Withdraw(t.Context(), h.bob(), h.at("pay", r), request.Decision{})
	controltest.WantKind(t, err, mq.Conflict, request.NotAsked)
	done, err := h.desk.Refuse(t.Context(), h.bob(), h.at("pay", r), request.Decision{Why: "no"})
	if err != nil || done.State != request.Refused || done.Why != "no" || done.Decider.Name != "pay/bob" {
		t.Fatalf("%+v, %v", done, err)
	}
	_, err = h.desk.Approve(t.Context(), h.bob(), h.at("pay", r), request.Decision{})
	controltest.WantKind(t, err, mq.Conflict, request.Decided)
	_, err = h.desk.Withdraw(t.Context(), h.ann(), h.at("risk", r), request.Decision{})
	controltest.WantKind(t, err, mq.Conflict, request.Decided)
	_, err = h.desk.Comment(t.Context(), h.ann(), h.at("risk", r), "why?")
	controltest.WantKind(t, err, mq.Conflict, request.Decided)
	again := h.asked(h.wish())
	if done, err = h.desk.Withdraw(t.Context(), h.ann(), h.at("risk", again), request.Decision{}); err != nil || done.State != request.Withdrawn {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestARequestThatNobodyDecidesExpiresAndIsForgotten(t *testing.T) {
	h := newHouse(t)
	r := h.asked(h.wish())
	h.clock.Advance(request.Life)
	_, err := h.desk.Approve(t.Context(), h.bob(), h.at("pay", r), request.Decision{})
	controltest.WantKind(t, err, mq.Conflict, request.Decided)
	for range 2 {
		if err := h.desk.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.rows("risk", "request.expire", control.Done); n != 1 {
		t.Errorf("%d rows", n)
	}
	h.clock.Advance(request.Kept)
	if err := h.desk.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all, err := h.desk.Requests(h.tenant("risk")); err != nil || len(all) != 0 {
		t.Errorf("kept: %v, %v", all, err)
	}
}

// Who gets a name after a request was made to it is somebody else than was asked: another tenant had it before, or nobody.
func TestATenantIsNotAskedWhatWasAskedBeforeItWasThere(t *testing.T) {
	h := newHouse(t)
	r, err := h.asks("later", h.wish())
	if err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(time.Minute)
	if _, err := h.CreateTenant(t.Context(), control.Itself("test"), control.Tenant{ID: h.tenant("later")}); err != nil {
		t.Fatal(err)
	}
	if all, err := h.desk.Requests(h.tenant("later")); err != nil || len(all) != 0 {
		t.Errorf("it is asked %v, %v", all, err)
	}
	if _, err := h.desk.Request(h.at("later", r)); mq.KindOf(err) != mq.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestRequestsAreBounded(t *testing.T) {
	h := newHouse(t)
	r := h.asked(h.wish())
	for i := range request.MaxComments {
		if _, err := h.desk.Comment(t.Context(), h.ann(), h.at("risk", r), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := h.desk.Comment(t.Context(), h.bob(), h.at("pay", r), "enough")
	controltest.WantKind(t, err, mq.TooManyRequests, control.Quota)
	for _, text := range []string{"", " ", strings.Repeat("x", request.MaxText+1), "\xff"} {
		_, err := h.desk.Comment(t.Context(), h.bob(), h.at("pay", r), text)
		controltest.WantKind(t, err, mq.BadRequest, control.OutOfRange)
	}
	for i := 1; i < request.MaxPending; i++ {
		h.asked(h.wish(func(w *lending.Wish) { w.As = h.topicName(fmt.Sprint("as-", i)) }))
	}
	_, err = h.asks("pay", h.wish(func(w *lending.Wish) { w.As = h.topicName("one-more") }))
	controltest.WantKind(t, err, mq.TooManyRequests, control.Quota)
	h.clock.Advance(time.Hour)
	if all, err := h.desk.Requests(h.tenant("pay")); err != nil || len(all) != request.MaxPending {
		t.Errorf("pay is asked %d things: %v", len(all), err)
	}
}
