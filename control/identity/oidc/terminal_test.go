// SPDX-License-Identifier: Apache-2.0

package oidc_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/mq"
)

func TestATicketIsGoodOnceAtWhicheverPlane(t *testing.T) {
	d, other := newDesk(t), newDesk(t)
	sum := sha256.Sum256([]byte("verifier"))
	at := oidc.Terminal{Port: 40123, State: "a-state-that-nobody-can-guess", Challenge: base64.RawURLEncoding.EncodeToString(sum[:])}
	guest := identity.Guest{Tenant: "shop", Name: "anna@shop.example", Made: d.now.Now().UTC().Round(0), Person: "p", Role: identity.Viewer}
	ticket := func() string {
		t.Helper()
		code, err := d.a.Ticket(context.Background(), guest, at)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	code := ticket()
	for name, c := range map[string]struct {
		p              *oidc.Provider
		code, verifier string
	}{
		"another verifier": {d.a, code, "verifier2"}, "no verifier": {d.a, code, ""}, "another installation": {other.a, code, "verifier"},
		"nothing": {d.a, "", "verifier"}, "changed": {d.a, "A" + code[1:] + "A", "verifier"},
	} {
		if g, err := c.p.Redeem(context.Background(), c.code, c.verifier); mq.KindOf(err) != mq.BadRequest {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
	if g, err := d.b.Redeem(context.Background(), code, "verifier"); err != nil || g != guest {
		t.Errorf("%+v, %v, want %+v", g, err, guest)
	}
	for _, p := range []*oidc.Provider{d.a, d.b} {
		if g, err := p.Redeem(context.Background(), code, "verifier"); mq.KindOf(err) != mq.BadRequest {
			t.Errorf("once more: %+v, %v", g, err)
		}
	}
	code = ticket()
	_, cookie := d.begin(d.a)
	if cookie == "" {
		t.Fatal("no cookie")
	}
	if _, err := d.a.Redeem(context.Background(), cookie, "verifier"); mq.KindOf(err) != mq.BadRequest {
		t.Errorf("a login under way as a ticket: %v", err)
	}
	if _, _, err := d.a.Finish(context.Background(), code, nil); mq.KindOf(err) != mq.BadRequest {
		t.Errorf("a ticket as a login under way: %v", err)
	}
	d.now.Advance(oidc.TicketLife - time.Microsecond)
	if _, err := d.a.Redeem(context.Background(), code, "verifier"); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	code = ticket()
	d.now.Advance(oidc.TicketLife)
	if _, err := d.a.Redeem(context.Background(), code, "verifier"); mq.KindOf(err) != mq.BadRequest {
		t.Errorf("at its end: %v", err)
	}
}
