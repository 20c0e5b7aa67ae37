// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control/wire"
)

func TestRightsToWhatIsNotThereAreToldOf(t *testing.T) {
	s, _ := guardedSite(t)
	tells := func(what string, r reply, topics, groups string) {
		t.Helper()
		if a := read[wire.Application](t, r); strings.Join(a.MissingTopics, " ") != topics || strings.Join(a.MissingGroups, " ") != groups {
			t.Errorf("%s: %v and %v are not there", what, a.MissingTopics, a.MissingGroups)
		}
	}
	s.send("POST", "/v1/tenants", `{"id":"shop"}`, as(holders))
	s.send("POST", "/v1/tenants/shop/topics", `{"name":"orders"}`, as(holders)) // of somebody else
	const rights = `{"name":"till","publish":["orders","returns"],"read":["orders","lent-stock","%DLQ%billing"],"consume":["billing"]}`
	tells("made", s.send("POST", def+"/apps", rights, as(holders)), "orders returns lent-stock %DLQ%billing", "billing")
	s.send("POST", def+"/topics", `{"name":"returns"}`, as(holders))
	s.send("POST", def+"/groups", `{"name":"billing"}`, as(holders))
	tells("shown", s.send("GET", def+"/apps/till", "", as(holders)), "orders lent-stock", "")
	s.lend("shop", "stock", "default")
	tells("borrowed", s.send("GET", def+"/apps/till", "", as(holders)), "orders", "")
	tells("changed", s.send("PATCH", def+"/apps/till", `{"publish":["returns"],"read":[],"consume":["billing","bill"]}`, as(holders)), "", "bill")
	s.send("DELETE", def+"/topics/returns?confirm=returns", "", as(holders))
	s.idle()
	tells("deleted", s.send("GET", def+"/apps/till", "", as(holders)), "returns", "bill")
	page := read[wire.Page[wire.Application]](t, s.send("GET", def+"/apps", "", as(holders)))
	if slices.ContainsFunc(page.Items, func(a wire.Application) bool { return a.MissingTopics != nil || a.MissingGroups != nil }) {
		t.Errorf("listed as %+v", page.Items)
	}
}
