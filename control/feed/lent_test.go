// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"testing"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/mq"
)

// A grant reaches a proxy as any record, and so does its end; other documents are nothing that proxies are told of.
func TestAGrantReachesProxies(t *testing.T) {
	c := large(2)
	as := must(mq.ParseTopicName("borrowed"))
	g := grant.Grant{ID: "g1", Request: "r1", Borrower: c.Tenants[1].ID, As: as, Owner: c.Tenants[0].ID, Topic: c.Topics[0].Name, Rights: grant.Rights{Subscribe: true}}
	d := control.Document{Kind: grant.Kind, Tenant: g.Borrower.String(), Name: g.ID, Body: g.Body(), Revision: c.Version + 1}
	var l ledger
	p := newProxy().served(l.writes(whole(c), holding{}).plain)
	have := func() holding {
		return holding{epoch: epochOne().ID, version: p.snapshot.Version(), sum: p.state.Sum().String()}
	}
	p = p.served(l.writes(control.News{Version: c.Version + 1, Now: []control.Record{d, control.Document{Kind: "member", Name: "ann"}}}, have()).plain)
	got, ok := p.snapshot.Topic(g.Borrower, as)
	if !ok || got.Topic.Name != c.Topics[0].Spec.Name || got.Lent.Publish || !got.Lent.Subscribe {
		t.Fatalf("got %+v", got)
	}
	if lent := Difference(control.News{Now: []control.Record{d}}).Grants; len(lent) != 1 || lent[0] != *got.Lent {
		t.Errorf("a proxy of the same process gets %+v, another one %+v", lent, got.Lent)
	}
	p = p.served(l.writes(control.News{Version: c.Version + 2, Gone: []control.Record{d}}, have()).plain)
	if _, ok := p.snapshot.Topic(g.Borrower, as); ok {
		t.Error("it is still lent")
	}
}
