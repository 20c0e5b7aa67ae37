// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control/wire"
)

// quotaOf is what a tenant has of a noun, of how many, and who says so.
func quotaOf(t *testing.T, s *site, tenant, noun string) string {
	t.Helper()
	q := read[wire.Quota](t, s.send("GET", "/v1/tenants/"+tenant+"/quota", ""))
	for _, i := range q.Items {
		if i.Noun == noun {
			return fmt.Sprintf("%d/%d %s %s", i.Used, i.Limit, i.From, q.Plan)
		}
	}
	t.Fatalf("no %s in %+v", noun, q)
	return ""
}

func TestAPlanLimitsWhatItsTenantsMake(t *testing.T) {
	s := serve(t)
	read[wire.Plan](t, s.send("POST", "/v1/plans", `{"name":"small","limits":{"topics":2,"groups":1,"applications":1,"members":1,"tokens":1}}`))
	read[wire.Tenant](t, s.send("POST", "/v1/tenants", `{"id":"shop","plan":"small"}`))
	for path, rest := range map[string]string{"topics": "", "groups": "", "apps": "", "members": `,"role":"viewer"`, "tokens": `,"role":"viewer"`} {
		root, may := "/v1/tenants/shop/"+path, 1
		if path == "topics" {
			may = 2
		}
		for i := range may {
			if r := s.send("POST", root, fmt.Sprintf(`{"name":"n%d"%s}`, i, rest)); r.status != 201 {
				t.Fatalf("%s %d: %d %s", path, i, r.status, r.body)
			}
		}
		p := s.send("POST", root, `{"name":"more"`+rest+`}`).problem(t)
		if p.Status != 422 || p.Reason != "quota_exceeded" || p.Limit != fmt.Sprint(may) || !strings.Contains(p.Detail, `plan "small"`) {
			t.Errorf("%s beyond the plan: %+v", path, p)
		}
	}
	if got := quotaOf(t, s, "shop", "topic"); got != "2/2 plan small" {
		t.Errorf("quota of topics: %s", got)
	}
	// A lowered plan takes nothing away, and lets nothing more be made.
	read[wire.Plan](t, s.send("PATCH", "/v1/plans/small", `{"limits":{"topics":1}}`))
	if got := quotaOf(t, s, "shop", "topic"); got != "2/1 plan small" {
		t.Errorf("quota of topics of the lowered plan: %s", got)
	}
	if got := quotaOf(t, s, "shop", "group"); got != "1/10000 installation small" {
		t.Errorf("quota of groups, of which the plan says nothing any more: %s", got)
	}
	if p := s.send("POST", "/v1/tenants/shop/topics", `{"name":"more"}`).problem(t); p.Status != 422 || p.Limit != "1" {
		t.Errorf("beyond the lowered plan: %+v", p)
	}
	if r := s.send("PATCH", "/v1/tenants/shop/topics/n0", `{"note":"n"}`); r.status != 200 {
		t.Errorf("what there is cannot be changed: %d %s", r.status, r.body)
	}
	// Without the plan the installation's limits hold.
	read[wire.Tenant](t, s.send("PATCH", "/v1/tenants/shop", `{"plan":""}`))
	if r := s.send("POST", "/v1/tenants/shop/topics", `{"name":"more"}`); r.status != 201 {
		t.Errorf("without a plan: %d %s", r.status, r.body)
	}
	// A plan that is larger than the installation gives nothing more.
	read[wire.Plan](t, s.send("POST", "/v1/plans", `{"name":"huge","limits":{"topics":1000000}}`))
	read[wire.Tenant](t, s.send("PATCH", "/v1/tenants/shop", `{"plan":"huge"}`))
	if got := quotaOf(t, s, "shop", "topic"); got != "3/10000 installation huge" {
		t.Errorf("quota of topics of the huge plan: %s", got)
	}
}

func TestWhatATenantNamesStays(t *testing.T) {
	s := serve(t)
	for path, field := range map[string]string{"plans": "plan", "environments": "environment"} {
		read[labelledThing](t, s.send("POST", "/v1/"+path, `{"name":"x"}`))
		read[wire.Tenant](t, s.send("POST", "/v1/tenants", `{"id":"t-`+field+`","`+field+`":"x"}`))
		if p := s.send("DELETE", "/v1/"+path+"/x", "").problem(t); p.Status != 409 || p.Reason != "in_use" || !strings.Contains(p.Detail, "t-"+field) {
			t.Errorf("deletion of a %s in use: %+v", field, p)
		}
		for _, missing := range []reply{s.send("PATCH", def, `{"`+field+`":"none"}`), s.send("POST", "/v1/tenants", `{"id":"late","`+field+`":"none"}`)} {
			if p := missing.problem(t); p.Status != 400 || p.Field != field {
				t.Errorf("a %s that is not there: %+v", field, p)
			}
		}
		read[wire.Tenant](t, s.send("PATCH", "/v1/tenants/t-"+field, `{"`+field+`":""}`))
		if r := s.send("DELETE", "/v1/"+path+"/x", ""); r.status != 204 {
			t.Errorf("deletion of a %s that nobody names: %d %s", field, r.status, r.body)
		}
	}
}

func TestBadPlansAndTenantsAreRefused(t *testing.T) {
	s := serve(t)
	read[wire.Plan](t, s.send("POST", "/v1/plans", `{"name":"x"}`))
	s.refuses([]bad{
		{"no name", "POST", "/v1/plans", `{}`, 400, "bad_request", "out_of_range", "name", "A-Z"},
		{"a bad name", "POST", "/v1/zones", `{"name":"a b"}`, 400, "bad_request", "out_of_range", "name", "A-Z"},
		{"a long name", "POST", "/v1/environments", `{"name":"` + strings.Repeat("x", 101) + `"}`, 400, "bad_request", "out_of_range", "name", "100"},
		{"taken", "POST", "/v1/plans", `{"name":"x"}`, 409, "conflict", "already_exists", "name", "exists"},
		{"a negative limit", "PATCH", "/v1/plans/x", `{"limits":{"groups":-1}}`, 400, "bad_request", "out_of_range", "limits.groups", "1000000"},
		{"a limit beyond all", "PATCH", "/v1/plans/x", `{"limits":{"tokens":1000001}}`, 400, "bad_request", "out_of_range", "limits.tokens", "1000000"},
		{"a limit that is none", "PATCH", "/v1/plans/x", `{"limits":{"queues":1}}`, 400, "bad_request", "unknown_field", "limits.queues", ""},
		{"a long note", "PATCH", "/v1/plans/x", `{"note":"` + strings.Repeat("x", 501) + `"}`, 400, "bad_request", "out_of_range", "note", "500"},
		{"a stale revision", "PATCH", "/v1/plans/x", `{"note":"n","revision":1}`, 412, "conflict", "stale_revision", "", ""},
		{"not there", "GET", "/v1/zones/none", "", 404, "not_found", "", "", "none"},
		{"not there to delete", "DELETE", "/v1/zones/none", "", 404, "not_found", "", "", "none"},
		{"the default tenant", "PATCH", def, `{"disabled":true}`, 409, "conflict", "reserved", "disabled", "default tenant"},
		{"a stale tenant", "PATCH", def, `{"note":"n","revision":999}`, 412, "conflict", "stale_revision", "", ""},
		{"a plan that cannot be", "PATCH", def, `{"plan":"a b"}`, 400, "bad_request", "out_of_range", "plan", "A-Z"},
		{"labels", "PATCH", def, `{"labels":{"A":"b"}}`, 400, "bad_request", "out_of_range", "labels", ""},
	})
}
