// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/wire"
)

// Rows 78 to 104 are the bad input that the interface has an answer for; each is named where it is tested.
func TestEveryRowFrom78To104IsNamedInATest(t *testing.T) {
	without := map[int]string{
		80: "signed tokens of an identity provider are not taken as credentials",
		97: "no operation takes an address that the server would call",
	}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	named := map[int]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`[Rr]ow ?(\d+)`).FindAllSubmatch(text, -1) {
			n, err := strconv.Atoi(string(found[1]))
			if err != nil {
				t.Fatal(err)
			}
			named[n] = true
		}
	}
	for n := 78; n <= 104; n++ {
		if why, none := without[n]; named[n] == none {
			t.Errorf("row %d: named %v, left out because %q", n, named[n], why)
		}
	}
}

func TestRow79AnExpiredTokenIsNobodys(t *testing.T) {
	s, now := guardedSite(t)
	made := read[wire.Token](t, s.send("POST", def+"/tokens", `{"name":"m","role":"viewer","expires":"2026-11-30T10:00:00Z"}`, as(holders)))
	now.Advance(time.Hour - time.Microsecond)
	if r := s.send("GET", def+"/topics", "", as(made.Secret)); r.status != 200 {
		t.Errorf("just before its end: %d %s", r.status, r.body)
	}
	now.Advance(time.Microsecond)
	if r := s.send("GET", def+"/topics", "", as(made.Secret)); r.status != 401 || r.problem(t).Reason != "" {
		t.Errorf("at its end: %d %s", r.status, r.body)
	}
}

func TestRow90ACursorOfAnotherTenantOpensNothing(t *testing.T) {
	s := serve(t)
	read[wire.Tenant](t, s.send("POST", "/v1/tenants", `{"id":"shop"}`))
	for _, name := range []string{"a", "b"} {
		read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"`+name+`"}`))
		read[wire.Topic](t, s.send("POST", "/v1/tenants/shop/topics", `{"name":"`+name+`"}`))
	}
	for _, listing := range []string{"/topics", "/audit"} {
		page := read[wire.Page[struct{}]](t, s.send("GET", def+listing+"?limit=1", ""))
		if page.Next == "" {
			t.Fatalf("%s: no cursor", listing)
		}
		if r := s.send("GET", "/v1/tenants/shop"+listing+"?cursor="+page.Next, ""); r.status != 400 || r.problem(t).Reason != "bad_cursor" {
			t.Errorf("%s: %d %s", listing, r.status, r.body)
		}
	}
}

func TestRow99WildcardsInNamesAndFiltersAreLetters(t *testing.T) {
	s := serve(t)
	read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"orders"}`))
	for _, filter := range []string{"name=%25", "name=order_", "name=orders%27%20OR%20%271%27%3D%271", "actor=%25"} {
		if page := read[wire.Page[wire.AuditRow]](t, s.send("GET", "/v1/audit?"+filter, "")); len(page.Items) != 0 {
			t.Errorf("%s matched %d rows", filter, len(page.Items))
		}
	}
	for _, name := range []string{"%25", "order_", "x%27%20OR%20%271%27%3D%271"} {
		if r := s.send("GET", def+"/members/"+name, ""); r.status != 404 {
			t.Errorf("member %s: %d %s", name, r.status, r.body)
		}
	}
}
