// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control/wire"
)

func TestATenantIsDeletedByItsName(t *testing.T) {
	s := serve(t)
	const shop = "/v1/tenants/shop"
	made := s.send("POST", "/v1/tenants", `{"id":"shop"}`)
	s.send("POST", shop+"/topics", `{"name":"orders-of-the-first-one"}`)
	for path, want := range map[string]string{shop: "needs_confirmation", shop + "?confirm=chop": "needs_confirmation", def + "?confirm=default": "reserved"} {
		if r := s.send("DELETE", path, ""); r.status != 409 || r.problem(t).Reason != want {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	if r := s.send("DELETE", shop+"?confirm=shop", "", header("If-Match", `"999"`)); r.status != 412 {
		t.Errorf("another revision: %d %s", r.status, r.body)
	}
	if jobs := read[wire.Page[wire.Job]](t, s.send("GET", "/v1/jobs", "")); len(jobs.Items) != 0 {
		t.Errorf("what was refused runs: %+v", jobs)
	}
	r := s.send("DELETE", shop+"?confirm=shop", "", header("If-Match", made.header.Get("ETag")))
	job := read[wire.Job](t, r)
	if r.status != 202 || job.Kind != "delete-tenant" || job.Tenant != "shop" || job.By == "" {
		t.Errorf("%d %s", r.status, r.body)
	}
	s.idle()
	if done := read[wire.Job](t, s.send("GET", "/v1/jobs/"+job.ID, "")); done.State != "done" || done.Percent != 100 || done.Ended == nil {
		t.Errorf("%+v", done)
	}
	if r := s.send("GET", shop, ""); r.status != 404 {
		t.Errorf("it is there: %d", r.status)
	}
	if r := s.send("GET", "/v1/audit?tenant=shop", ""); !strings.Contains(string(r.body), "orders-of-the-first-one") {
		t.Errorf("the installation's audit has forgotten it: %s", r.body)
	}
	s.send("POST", "/v1/tenants", `{"id":"shop"}`)
	s.send("POST", shop+"/topics", `{"name":"payments"}`)
	if r := s.send("GET", shop+"/audit", ""); strings.Contains(string(r.body), "orders-of-the-first-one") || !strings.Contains(string(r.body), "payments") {
		t.Errorf("the next tenant of that name reads of the first one: %s", r.body)
	}
}

func TestJobsComeInPieces(t *testing.T) {
	s := serve(t)
	s.send("POST", def+"/groups", `{"name":"billing"}`)
	var want []string
	for range 5 {
		want = append(want, read[wire.Job](t, s.send("POST", def+"/groups/billing/dead-letters/redrive", `{}`)).ID)
		s.idle()
	}
	var got []string
	for next := def + "/jobs?limit=2"; next != ""; {
		page := read[wire.Page[wire.Job]](t, s.send("GET", next, ""))
		for _, j := range page.Items {
			got = append(got, j.ID)
		}
		if next = ""; page.Next != "" {
			next = def + "/jobs?limit=2&cursor=" + page.Next
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("listed %v, begun %v", got, want)
	}
}
