// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// lend lends a topic of the default tenant to risk.
func (p *plane) lend(topic control.Topic, as string, r grant.Rights) grant.Grant {
	p.t.Helper()
	g := grant.Grant{ID: "g-" + as, Request: "r-1", Borrower: tenant(p.t, "risk"), As: topicName(p.t, as), Owner: topic.Tenant, Topic: topic.Name, Rights: r, Created: topic.Created}
	d := control.Document{Kind: grant.Kind, Tenant: g.Borrower.String(), Name: g.ID, Body: g.Body()}
	if _, err := p.AddDocument(context.Background(), tester(), d, func() error { return nil }); err != nil {
		p.t.Fatal(err)
	}
	return g
}

func (p *plane) risk() control.Group {
	p.t.Helper()
	ctx, risk := context.Background(), tenant(p.t, "risk")
	if _, err := p.CreateTenant(ctx, tester(), control.Tenant{ID: risk}); err != nil {
		p.t.Fatal(err)
	}
	g, err := p.CreateGroup(ctx, tester(), control.NewGroup{Tenant: risk, Name: groupName(p.t, "scoring")})
	if err != nil {
		p.t.Fatal(err)
	}
	return g
}

func TestABorrowersGroupIsFollowedAndResetUnderItsNameForTheTopic(t *testing.T) {
	p := openPlane(t)
	ctx, orders, g := context.Background(), p.topic("orders"), p.risk()
	as := p.lend(orders, "pay-orders", grant.Rights{Subscribe: true}).As
	p.engine.Send(ctx, orders.Spec, []mq.Message{{}, {}})
	if _, err := p.engine.Take(ctx, mq.Want{Topic: orders.Spec, Group: g.Spec, Max: 1}); err != nil {
		t.Fatal(err)
	}
	all, err := p.Progress(ctx, g.Tenant, g.Name, nil)
	if err != nil || len(all) != 1 || all[0].Topic != as {
		t.Fatalf("got %+v, %v", all, err)
	}
	done, err := p.Reset(ctx, tester(), control.GroupReset{Tenant: g.Tenant, Group: g.Name, Topic: as, To: mq.Position{Kind: mq.ToLatest, Force: true}})
	if err != nil || done.After[0].Ready != 0 {
		t.Errorf("reset %+v, %v", done, err)
	}
	if _, err := p.Find(ctx, g.Tenant, as, mq.Find{}); mq.KindOf(err) != mq.TopicNotFound {
		t.Errorf("a borrower searches messages: %v", err)
	}
	if _, err := p.Progress(ctx, tenant(t, "default"), groupName(t, "scoring"), &as); mq.KindOf(err) != mq.GroupNotFound {
		t.Errorf("the owner sees the borrower's group: %v", err)
	}
}

func TestDeadLettersGoBackIntoABorrowedTopicOnlyWithTheRightToPublish(t *testing.T) {
	for name, c := range map[string]struct {
		rights grant.Rights
		goes   bool
	}{"to subscribe": {grant.Rights{Subscribe: true}, false}, "to publish": {grant.Rights{Publish: true, Subscribe: true}, true}} {
		p := openPlane(t)
		orders, g := p.topic("orders"), p.risk()
		p.lend(orders, "pay-orders", c.rights)
		if to, goes := p.Origin(orders.Spec.Cluster, g.Tenant, orders.Spec.Name); goes != c.goes {
			t.Errorf("%s: %v, to %s", name, goes, to.Name)
		}
	}
}

// users is a cluster's own access control that says who waits for what.
type users struct{ wanted chan mq.Account }

func (users) AccountsAt(context.Context) (map[string][]mq.Account, error) {
	return map[string][]mq.Account{"a:1": nil}, nil
}
func (u users) PutAccount(_ context.Context, a mq.Account) error { u.wanted <- a; return nil }
func (users) DropAccount(context.Context, string) error          { return nil }
func (users) SwitchAccount(context.Context, string, bool) error  { return nil }

func TestAClustersUserOfABorrowerMayWhatIsLent(t *testing.T) {
	guard := users{make(chan mq.Account, 1000)}
	virtual := clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	p := openPlane(t, func(o *control.Options) { o.Guard, o.Clock = guard, virtual })
	orders := p.topic("orders")
	p.risk()
	g := p.lend(orders, "pay-orders", grant.Rights{Publish: true})
	has := func() bool {
		for {
			select {
			case a := <-guard.wanted:
				if a.Name == "causeway-tenant-risk" {
					return slices.ContainsFunc(a.Rules, func(r mq.Rule) bool {
						return r.Resource == "Topic:orders" && slices.Contains(r.Actions, "Pub") && !slices.Contains(r.Actions, "Sub")
					})
				}
			default:
				return false
			}
		}
	}
	eventually(t, virtual, has)
	d, err := p.Document(g.Ref())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.RemoveDocument(context.Background(), tester(), d); err != nil {
		t.Fatal(err)
	}
	for len(guard.wanted) > 0 {
		<-guard.wanted
	}
	eventually(t, virtual, func() bool {
		select {
		case a := <-guard.wanted:
			return a.Name == "causeway-tenant-risk" && !slices.ContainsFunc(a.Rules, func(r mq.Rule) bool { return r.Resource == "Topic:orders" })
		default:
			return false
		}
	})
}
