// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/wire"
)

// raised is a site where tenant shop has the plan small and asks for another one, beside tenant bank.
func raised(t *testing.T, plan string) (*site, wire.Request) {
	t.Helper()
	s, _ := guardedSite(t)
	for path, bodies := range map[string][]string{"/v1/plans": {`{"name":"small","limits":{"topics":1}}`, `{"name":"large","limits":{"topics":2}}`}, "/v1/tenants": {`{"id":"shop"}`, `{"id":"bank"}`}} {
		for _, body := range bodies {
			if r := s.send("POST", path, body, s.holder()); r.status != 201 {
				t.Fatalf("%s: %d %s", path, r.status, r.body)
			}
		}
	}
	read[wire.Tenant](t, s.send("PATCH", "/v1/tenants/shop", `{"plan":"small"}`, s.holder()))
	admin := s.token("/v1/tenants/shop", "tenant-admin")
	r := s.send("POST", "/v1/tenants/shop/requests", `{"kind":"quota","reason":"branches","quota":{"plan":"`+plan+`"}}`, as(admin.Secret))
	return s, read[wire.Request](t, r)
}

func TestAnOperatorGivesTheQuotaThatATenantAskedFor(t *testing.T) {
	s, asked := raised(t, "large")
	if asked.To != "" || asked.State != "pending" || asked.Quota == nil || *asked.Quota != (wire.QuotaChange{Plan: "large", Was: "small"}) {
		t.Fatalf("asked: %+v", asked)
	}
	operator := as(s.token("/v1", "operator").Secret)
	page := read[wire.Page[wire.Request]](t, s.send("GET", "/v1/requests", "", operator))
	if len(page.Items) != 1 || page.Items[0].ID != asked.ID || page.Items[0].From != "shop" || page.Items[0].Reason != "branches" {
		t.Fatalf("the operator is asked %+v", page.Items)
	}
	read[wire.Request](t, s.send("POST", "/v1/requests/"+asked.ID+"/comments", `{"text":"how many?"}`, operator))
	done := read[wire.Request](t, s.send("POST", "/v1/requests/"+asked.ID+"/approval", `{"why":"fine"}`, operator))
	if done.State != "approved" || done.Due || done.Failed != "" || done.Decider == "" || done.Decider == "installation" {
		t.Errorf("approved: %+v", done)
	}
	mine := read[wire.Request](t, s.send("GET", "/v1/tenants/shop/requests/"+asked.ID, "", as(s.token("/v1/tenants/shop", "viewer").Secret)))
	if mine.Decider != "installation" || mine.Why != "fine" || len(mine.Comments) != 1 || mine.Comments[0].By != "" || mine.Comments[0].Side != "" {
		t.Errorf("the tenant sees %+v", mine)
	}
	quota := read[wire.Quota](t, s.send("GET", "/v1/tenants/shop/quota", "", s.holder()))
	if quota.Plan != "large" || quota.Items[0].Limit != 2 {
		t.Errorf("quota: %+v", quota)
	}
	if rows := s.audit("noun=request&outcome=done"); len(rows) == 0 {
		t.Error("no row tells of the approval")
	}
}

func TestARequestForAQuotaThatIsNoneIsRefused(t *testing.T) {
	s, asked := raised(t, "large")
	holder := s.holder()
	for _, c := range []struct {
		body          string
		status        int
		reason, field string
	}{
		{`{"kind":"quota","reason":"r"}`, 400, "missing", "quota"},
		{`{"kind":"quota","reason":"r","quota":{"plan":""}}`, 400, "out_of_range", "quota.plan"},
		{`{"kind":"quota","reason":"r","quota":{"plan":"a/b"}}`, 400, "out_of_range", "quota.plan"},
		{`{"kind":"quota","reason":" ","quota":{"plan":"x"}}`, 400, "out_of_range", "reason"},
		{`{"kind":"quota","to":"bank","reason":"r","quota":{"plan":"x"}}`, 400, "out_of_range", "to"},
		{`{"kind":"grant","reason":"r","grant":{"topic":"x","as":"y","publish":true}}`, 400, "missing", "to"},
		{`{"kind":"quota","reason":"r","quota":{"plan":"small"}}`, 409, "plan_in_place", "quota.plan"},
		{`{"kind":"quota","reason":"r","quota":{"plan":"large"}}`, 409, "already_exists", ""},
	} {
		p := s.send("POST", "/v1/tenants/shop/requests", c.body, holder).problem(t)
		if p.Status != c.status || p.Reason != c.reason || p.Field != c.field {
			t.Errorf("%s: %+v", c.body, p)
		}
	}
	if p := s.send("POST", "/v1/tenants/shop/requests/"+asked.ID+"/approval", `{}`, holder).problem(t); p.Status != 409 || !strings.Contains(p.Detail, "the installation decides") {
		t.Errorf("approved where it was asked: %+v", p)
	}
	if r := s.send("DELETE", "/v1/plans/large", "", holder); r.status != 204 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if p := s.send("POST", "/v1/requests/"+asked.ID+"/approval", `{}`, holder).problem(t); p.Status != 409 || p.Reason != "no_such_plan" || !strings.Contains(p.Detail, `"large"`) {
		t.Errorf("approved without a plan: %+v", p)
	}
}

// What a tenant asks of the installation is nothing to another tenant, whatever it may do itself: its id answers like one that nobody ever had. And no answer
// tells the tenant itself which plans there are.
func TestNobodyElseSeesARequestForAQuota(t *testing.T) {
	s, asked := raised(t, "large")
	none := strings.Map(func(r rune) rune {
		if r == 'a' {
			return 'b'
		}
		return 'a'
	}, asked.ID)
	for _, role := range tenantRoles() {
		thief := as(s.token("/v1/tenants/bank", string(role)).Secret)
		for _, c := range []struct{ method, path, body string }{
			{"GET", "", ""}, {"POST", "/approval", `{}`}, {"POST", "/refusal", `{"why":"no"}`}, {"POST", "/withdrawal", `{}`}, {"POST", "/comments", `{"text":"well"}`},
		} {
			got := s.send(c.method, "/v1/tenants/bank/requests/"+asked.ID+c.path, c.body, thief)
			like := s.send(c.method, "/v1/tenants/bank/requests/"+none+c.path, c.body, thief)
			if got.status != 404 && got.status != 403 || got.status != like.status || bare(t, got) != bare(t, like) {
				t.Errorf("%s%s as %s: %s, of none %s", c.method, c.path, role, bare(t, got), bare(t, like))
			}
			if c.path != "/withdrawal" {
				if got := s.send(c.method, "/v1/requests/"+asked.ID+c.path, c.body, thief); got.status != 403 {
					t.Errorf("%s%s of the installation as %s of a tenant: %d %s", c.method, c.path, role, got.status, got.body)
				}
			}
		}
		if page := s.send("GET", "/v1/tenants/bank/requests", "", thief); strings.Contains(string(page.body), asked.ID) {
			t.Errorf("listed as %s: %s", role, page.body)
		}
	}
	if all := s.send("GET", "/v1/tenants/shop/requests/"+asked.ID, "", as(s.token("/v1", "operator").Secret)); all.status != 200 {
		t.Errorf("an operator looks into the tenant: %d %s", all.status, all.body)
	}
	if r := s.send("POST", "/v1/requests/"+asked.ID+"/approval", `{}`, as(s.token("/v1", string(identity.SecurityAdmin)).Secret)); r.status != 403 {
		t.Errorf("who gives rights gives quotas: %d %s", r.status, r.body)
	}
	_, other := raised(t, "nobody-has-it")
	other.ID, other.Created, other.Ends, other.By, other.Revision, other.Quota = asked.ID, asked.Created, asked.Ends, asked.By, asked.Revision, asked.Quota
	if marshalled(t, other) != marshalled(t, asked) {
		t.Errorf("the answer tells whether there is such a plan: %+v, %+v", other, asked)
	}
}

func marshalled(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
